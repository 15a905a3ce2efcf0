/**
 * Two pieces of equal length, byte by byte: the loop under DIFF. Pure but for scratch, which is cleared here.
 *
 * In the twin equal stretches are found by memcmp, 4 KiB at a time; the others go by words, and by bytes only where a stretch of
 * change begins or ends. Bit counts follow from the XOR histogram.
 */
import { addCounts } from './histogram.js';
import { type KernelModule, moduleOf } from './module.js';
import { wordsAt } from './words.js';

export interface Difference {
  /** Differing bytes and bits. */
  readonly changed: number;
  readonly bits: number;
  /** Indexes in the piece of the first and last differing byte; -1: there is none. */
  readonly first: number;
  readonly last: number;
  /** Differing bytes at the head and at the tail. */
  readonly lead: number;
  readonly trail: number;
  /** The longest stretch of differing bytes, the first of several. */
  readonly bestStart: number;
  readonly bestLength: number;
}

/**
 * `count` intervals of change, three numbers each: [start, end) as indexes in the piece, and the bytes changed there.
 * Neighbours at most `gap` equal bytes apart are one. The list is good until the call returns.
 */
export type OnIntervals = (list: Int32Array, count: number) => void;

const blockBytes = 4096;
const lanes = new Uint32Array(4 * 256);

/** Set bits of 0 to 255. */
export const popcounts = Uint8Array.from({ length: 256 }, (_, v) => v.toString(2).replaceAll('0', '').length);

/** Where change is, told in order of offset; one object a piece. */
class Stretches {
  first = -1;
  last = -1;
  lead = 0;
  trail = 0;
  bestStart = 0;
  bestLength = 0;
  #start = -1;
  #end = -1;
  #changed = 0;
  readonly #list = new Int32Array(3);

  constructor(
    readonly length: number,
    readonly gap: number,
    readonly onIntervals: OnIntervals,
  ) {}

  /** A longest stretch [start, end) of differing bytes. */
  add(start: number, end: number): void {
    const length = end - start;
    if (this.first < 0) this.first = start;
    this.last = end - 1;
    if (start === 0) this.lead = length;
    if (end === this.length) this.trail = length;
    if (length > this.bestLength) {
      this.bestStart = start;
      this.bestLength = length;
    }
    if (this.#start >= 0 && start - this.#end <= this.gap) {
      this.#changed += length;
    } else {
      this.flush();
      this.#start = start;
      this.#changed = length;
    }
    this.#end = end;
  }

  flush(): void {
    if (this.#start < 0) return;
    this.#list.set([this.#start, this.#end, this.#changed]);
    this.onIntervals(this.#list, 1);
    this.#start = -1;
  }
}

/** Compares a with b, which are equally long: xor[v] += how often a ^ b is v. */
export function compareBytes(
  a: Uint8Array,
  b: Uint8Array,
  gap: number,
  xor: Float64Array,
  onIntervals: OnIntervals,
): Difference {
  const module = moduleOf(a);
  if (module && module === moduleOf(b)) return runDifference(module, a, b, gap, xor, onIntervals);
  const n = a.length;
  const left = asBuffer(a);
  const right = asBuffer(b);
  if (left.equals(right)) {
    xor[0]! += n;
    return nothing;
  }
  const stretches = new Stretches(n, gap, onIntervals);
  lanes.fill(0);
  /** Index at which the running stretch of change began; -1: none runs. */
  let open = -1;
  for (let at = 0; at < n; ) {
    const end = Math.min(n, at + blockBytes - ((a.byteOffset + at) % blockBytes));
    if (right.compare(left, at, end, at, end) === 0) {
      if (open >= 0) stretches.add(open, at);
      open = -1;
    } else {
      open = compareBlock(a, b, at, end, open, stretches);
    }
    at = end;
  }
  if (open >= 0) stretches.add(open, n);
  stretches.flush();
  const { first, last, lead, trail, bestStart, bestLength } = stretches;
  return { first, last, lead, trail, bestStart, bestLength, ...foldLanes(xor, n) };
}

function runDifference(
  module: KernelModule,
  a: Uint8Array,
  b: Uint8Array,
  gap: number,
  xor: Float64Array,
  onIntervals: OnIntervals,
): Difference {
  const { run, intervals, state } = module;
  const n = a.length;
  run.beginDifference(n, Math.min(gap, gapMax));
  for (let at = 0; at < n; ) {
    at = run.addDifference(a.byteOffset, b.byteOffset, at);
    if (state[0]! > 0) onIntervals(intervals, state[0]!);
  }
  run.endDifference();
  if (state[0]! > 0) onIntervals(intervals, state[0]!);
  const [, , first, last, lead, trail, bestStart, bestLength] = state as unknown as number[];
  if (first! < 0) {
    xor[0]! += n;
    return nothing;
  }
  const { changed, bits } = weigh(module.xor);
  module.xor[0] = n - changed;
  addCounts(module.xor, xor);
  return {
    changed,
    bits,
    first: first!,
    last: last!,
    lead: lead!,
    trail: trail!,
    bestStart: bestStart!,
    bestLength: bestLength!,
  };
}

/** Joins whatever is in a piece. */
const gapMax = 0x7fffffff;

/** Differing bytes and bits of the values 1 to 255. */
function weigh(xor: ArrayLike<number>): { changed: number; bits: number } {
  let changed = 0;
  let bits = 0;
  for (let v = 1; v < 256; v++) {
    changed += xor[v]!;
    bits += xor[v]! * popcounts[v]!;
  }
  return { changed, bits };
}

const nothing: Difference = {
  changed: 0,
  bits: 0,
  first: -1,
  last: -1,
  lead: 0,
  trail: 0,
  bestStart: 0,
  bestLength: 0,
};

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Lanes hold the differing bytes only; what is not there is equal. */
function foldLanes(xor: Float64Array, n: number): { changed: number; bits: number } {
  for (let v = 0; v < 256; v++) lanes[v]! += lanes[256 | v]! + lanes[512 | v]! + lanes[768 | v]!;
  const found = weigh(lanes);
  lanes[0] = n - found.changed;
  for (let v = 0; v < 256; v++) xor[v]! += lanes[v]!;
  return found;
}

/** Bytes [at, end) of both, which differ somewhere; gives the new `open`. */
function compareBlock(
  a: Uint8Array,
  b: Uint8Array,
  at: number,
  end: number,
  open: number,
  stretches: Stretches,
): number {
  const isAligned = ((a.byteOffset ^ b.byteOffset) & 3) === 0;
  const head = isAligned ? Math.min(end, at + (-(a.byteOffset + at) & 3)) : end;
  open = compareSingly(a, b, at, head, open, stretches);
  const count = (end - head) >> 2;
  const left = wordsAt(a, head, count);
  const right = wordsAt(b, head, count);
  for (let i = 0; i < count; i++) {
    const x = left[i]! ^ right[i]!;
    const here = head + 4 * i;
    if (x === 0) {
      if (open >= 0) stretches.add(open, here);
      open = -1;
    } else if (((x - 0x01010101) & ~x & 0x80808080) === 0) {
      // All four bytes differ.
      if (open < 0) open = here;
      lanes[x & 255]!++;
      lanes[256 | ((x >>> 8) & 255)]!++;
      lanes[512 | ((x >>> 16) & 255)]!++;
      lanes[768 | (x >>> 24)]!++;
    } else {
      open = compareSingly(a, b, here, here + 4, open, stretches);
    }
  }
  return compareSingly(a, b, head + 4 * count, end, open, stretches);
}

function compareSingly(
  a: Uint8Array,
  b: Uint8Array,
  at: number,
  end: number,
  open: number,
  stretches: Stretches,
): number {
  for (let i = at; i < end; i++) {
    const x = a[i]! ^ b[i]!;
    if (x !== 0) {
      lanes[x]!++;
      if (open < 0) open = i;
    } else if (open >= 0) {
      stretches.add(open, i);
      open = -1;
    }
  }
  return open;
}
