/** Counts of byte values: the loop under HIST and ENT. Pure but for its scratch tables, which it clears itself. */
import { type KernelModule, moduleOf } from './module.js';
import { headBytes, wordsAt } from './words.js';

/** Eight tables, so that equal neighbours do not wait for each other's store. */
const tables = new Uint32Array(8 * 256);

/** counts[v] += how often v stands in `bytes`. `counts` has 256 numbers. */
export function addHistogram(bytes: Uint8Array, counts: Float64Array): void {
  const module = moduleOf(bytes);
  if (module) {
    module.run.addHistogram(bytes.byteOffset, bytes.length);
    addRow(module, module.counts, counts);
    return;
  }
  countInto(bytes);
  for (let v = 0; v < 256; v++) counts[v]! += tableSum(v);
}

/** counts[i] += found[i]. */
export function addCounts(found: Uint32Array, counts: Float64Array): void {
  for (let i = 0; i < found.length; i++) counts[i]! += found[i]!;
}

/** The same for 256 numbers of the module's, in the module where both lie there. */
export function addRow(module: KernelModule, found: Uint32Array, counts: Float64Array): void {
  if (moduleOf(counts) === module) module.run.addCounts(counts.byteOffset, found.byteOffset);
  else addCounts(found, counts);
}

/** Fills the tables; bytes before and after whole 8-byte words go one by one. */
function countInto(bytes: Uint8Array): void {
  tables.fill(0);
  const head = headBytes(bytes);
  const words = wordsAt(bytes, head, ((bytes.length - head) >> 3) << 1);
  for (let i = 0; i < head; i++) tables[bytes[i]!]!++;
  for (let i = 0; i < words.length; i += 2) {
    const x = words[i]!;
    const y = words[i + 1]!;
    tables[x & 255]!++;
    tables[256 | ((x >>> 8) & 255)]!++;
    tables[512 | ((x >>> 16) & 255)]!++;
    tables[768 | (x >>> 24)]!++;
    tables[1024 | (y & 255)]!++;
    tables[1280 | ((y >>> 8) & 255)]!++;
    tables[1536 | ((y >>> 16) & 255)]!++;
    tables[1792 | (y >>> 24)]!++;
  }
  for (let i = head + words.length * 4; i < bytes.length; i++) tables[bytes[i]!]!++;
}

function tableSum(v: number): number {
  return (
    tables[v]! +
    tables[256 | v]! +
    tables[512 | v]! +
    tables[768 | v]! +
    tables[1024 | v]! +
    tables[1280 | v]! +
    tables[1536 | v]! +
    tables[1792 | v]!
  );
}
