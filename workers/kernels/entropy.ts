/**
 * Entropy of small blocks as an integer, Q (protocol/entropy.ts), fast: of leaves, the aligned blocks of 4096 bytes
 * whose lowest and highest Q a cell reports, and of cells that are blocks themselves. Blocks of different length
 * compare; a constant block gives 0. Pure but for scratch, which is cleared here.
 *
 * A leaf counts for the extremes where it lies inside a piece whole; the file's own last leaf may be short.
 */
import { entropyTable } from '../../protocol/entropy.js';
import { addHistogram, addRow } from './histogram.js';
import { type KernelModule, moduleOf } from './module.js';
import { headBytes, wordsAt } from './words.js';

/** Blocks whose lowest and highest entropy a cell reports; aligned to themselves. */
export const leafBytes = 4096;

/** Pieces of a file, in order. */
export interface Pieces {
  readonly rows: number;
  row(i: number): Uint8Array;
  /** Of its first byte in the file. */
  offset(i: number): number;
}

/** Written where a piece has a whole leaf; elsewhere they stay what they are before, the identities of min and max. */
export interface Extremes {
  readonly qmin: Int32Array;
  readonly qmax: Int32Array;
}

/** Pieces of cells: adds the bytes of piece i to counts[256·i…]. */
export function addLeaves(pieces: Pieces, fileEnd: number, counts: Float64Array, extremes: Extremes): void {
  for (let i = 0; i < pieces.rows; i++) {
    const bytes = pieces.row(i);
    const own = counts.subarray(i * 256, i * 256 + 256);
    const module = moduleOf(bytes);
    if (module) {
      runLeaves(module, bytes, pieces.offset(i), fileEnd);
      addRow(module, module.pieceCounts, own);
      keep(extremes, i, module.extremes[0]!, module.extremes[1]!);
    } else {
      keep(extremes, i, ...leavesOf(bytes, pieces.offset(i), fileEnd, own));
    }
  }
}

/** Blocks of at most 65,536 bytes: q[i] is that of block i, `total` takes the counts of all. */
export function addBlocks(
  pieces: Pieces,
  fileEnd: number,
  q: Uint32Array,
  total: Float64Array,
  extremes: Extremes,
): void {
  const module = pieces.rows > 0 ? moduleOf(pieces.row(0)) : null;
  if (!module) return addBlocksSingly(pieces, fileEnd, q, total, extremes);
  module.totalCounts.fill(0);
  for (let i = 0; i < pieces.rows; ) i = runBlocks(module, pieces, i, fileEnd, q, extremes);
  addRow(module, module.totalCounts, total);
}

/** The twin. */
function addBlocksSingly(
  pieces: Pieces,
  fileEnd: number,
  q: Uint32Array,
  total: Float64Array,
  extremes: Extremes,
): void {
  for (let i = 0; i < pieces.rows; i++) {
    const bytes = pieces.row(i);
    own.fill(0);
    keep(extremes, i, ...leavesOf(bytes, pieces.offset(i), fileEnd, own));
    q[i] = blockEntropy(own, bytes.length);
    for (let v = 0; v < 256; v++) total[v]! += own[v]!;
  }
}

/** Computes block `first` and those after it that are as long, in one call; gives the index of the next one. */
function runBlocks(
  module: KernelModule,
  pieces: Pieces,
  first: number,
  fileEnd: number,
  q: Uint32Array,
  extremes: Extremes,
): number {
  const bytes = pieces.row(first);
  const n = bytes.length;
  const start = pieces.offset(first);
  const most = Math.min(pieces.rows - first, module.run.blocksMax());
  let count = 0;
  while (count < most && pieces.offset(first + count) === start + count * n) count++;
  // The last one's end is where the next would begin: only its own length tells.
  if (pieces.row(first + count - 1).length !== n || start + count * n === fileEnd) count--;
  module.needTable(Math.max(n, leafBytes));
  if (count === 0) {
    runLeaves(module, bytes, start, fileEnd);
    q[first] = module.run.takeBlock(n);
    keep(extremes, first, module.extremes[0]!, module.extremes[1]!);
    return first + 1;
  }
  module.run.addBlocks(bytes.byteOffset, n, count, start % leafBytes);
  const [own, low, high] = module.blocks;
  q.set(own!.subarray(0, count), first);
  extremes.qmin.set(low!.subarray(0, count), first);
  extremes.qmax.set(high!.subarray(0, count), first);
  return first + count;
}

/** Of the block under way. */
const own = new Float64Array(256);

function keep({ qmin, qmax }: Extremes, i: number, low: number, high: number): void {
  if (low > high) return;
  qmin[i] = low;
  qmax[i] = high;
}

function runLeaves(module: KernelModule, bytes: Uint8Array, start: number, fileEnd: number): void {
  module.needTable(leafBytes);
  const head = Math.min(bytes.length, Math.ceil(start / leafBytes) * leafBytes - start);
  module.run.addLeaves(bytes.byteOffset, bytes.length, head, start + bytes.length === fileEnd);
}

/** Counts all bytes and gives the lowest and highest Q of the leaves among them; low > high: there is none. */
function leavesOf(bytes: Uint8Array, start: number, fileEnd: number, counts: Float64Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  const end = start + bytes.length;
  const firstLeaf = Math.min(end, Math.ceil(start / leafBytes) * leafBytes);
  if (firstLeaf > start) addHistogram(bytes.subarray(0, firstLeaf - start), counts);
  for (let at = firstLeaf; at < end; at += leafBytes) {
    const leafEnd = Math.min(at + leafBytes, end);
    const leaf = bytes.subarray(at - start, leafEnd - start);
    const q = addBlock(leaf, counts);
    if (leafEnd - at < leafBytes && leafEnd !== fileEnd) break;
    if (q < low) low = q;
    if (q > high) high = q;
  }
  return [low, high];
}

/** T[0…], as long as was needed so far: to ask for it costs more than to count a short block. */
let table: Float64Array = new Float64Array(0);

function tableTo(n: number): Float64Array {
  if (table.length <= n) table = entropyTable(Math.max(n, leafBytes));
  return table;
}

/** Q of the block of n bytes that these counts are of. */
function blockEntropy(counts: Float64Array, n: number): number {
  const T = tableTo(n);
  let sum = 0;
  for (let v = 0; v < 256; v++) sum += T[counts[v]!]!;
  return Math.floor((T[n]! - sum) / n);
}

const lanes = new Uint32Array(4 * 256);

/** Counts one block of at most 65,536 bytes into `counts` and gives its Q. */
function addBlock(bytes: Uint8Array, counts: Float64Array): number {
  lanes.fill(0);
  const n = bytes.length;
  const head = headBytes(bytes);
  const words = wordsAt(bytes, head, (n - head) >> 2);
  for (let i = 0; i < head; i++) lanes[bytes[i]!]!++;
  for (let i = 0; i < words.length; i++) {
    const x = words[i]!;
    lanes[x & 255]!++;
    lanes[256 | ((x >>> 8) & 255)]!++;
    lanes[512 | ((x >>> 16) & 255)]!++;
    lanes[768 | (x >>> 24)]!++;
  }
  for (let i = head + words.length * 4; i < n; i++) lanes[bytes[i]!]!++;
  const T = tableTo(n);
  let sum = 0;
  for (let v = 0; v < 256; v++) {
    const c = lanes[v]! + lanes[256 | v]! + lanes[512 | v]! + lanes[768 | v]!;
    counts[v]! += c;
    sum += T[c]!;
  }
  return Math.floor((T[n]! - sum) / n);
}
