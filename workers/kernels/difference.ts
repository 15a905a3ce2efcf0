/**
 * Two pieces of equal length, byte by byte: the loop under DIFF. Pure but for scratch, which is cleared here.
 *
 * Equal stretches are found by memcmp, 4 KiB at a time; the others go by words, and by bytes only where a stretch of
 * change begins or ends. Bit counts follow from the XOR histogram.
 */
import { wordsAt } from './words.js';

export interface Difference {
  /** Differing bytes and bits. */
  readonly changed: number;
  readonly bits: number;
  /** Offsets of the first and last differing byte; -1: there is none. */
  readonly first: number;
  readonly last: number;
  /** Differing bytes at the head and at the tail. */
  readonly lead: number;
  readonly trail: number;
  /** The longest stretch of differing bytes, the first of several. */
  readonly bestStart: number;
  readonly bestLength: number;
}

/** An interval [start, end) of change; neighbours at most `gap` equal bytes apart are one. */
export type OnInterval = (start: number, end: number, changed: number) => void;

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

  constructor(
    readonly pieceStart: number,
    readonly pieceEnd: number,
    readonly gap: number,
    readonly onInterval: OnInterval,
  ) {}

  /** A longest stretch [start, end) of differing bytes. */
  add(start: number, end: number): void {
    const length = end - start;
    if (this.first < 0) this.first = start;
    this.last = end - 1;
    if (start === this.pieceStart) this.lead = length;
    if (end === this.pieceEnd) this.trail = length;
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
    if (this.#start >= 0) this.onInterval(this.#start, this.#end, this.#changed);
    this.#start = -1;
  }
}

/**
 * Compares a with b, which are equally long and equally aligned to 4 bytes; `start` is the offset of their first byte.
 * xor[v] += how often a ^ b is v.
 */
export function compareBytes(
  a: Uint8Array,
  b: Uint8Array,
  start: number,
  gap: number,
  xor: Float64Array,
  onInterval: OnInterval,
): Difference {
  const n = a.length;
  const left = asBuffer(a);
  const right = asBuffer(b);
  if (left.equals(right)) {
    xor[0]! += n;
    return nothing;
  }
  const stretches = new Stretches(start, start + n, gap, onInterval);
  lanes.fill(0);
  /** Index at which the running stretch of change began; -1: none runs. */
  let open = -1;
  for (let at = 0; at < n; ) {
    const end = Math.min(n, at + blockBytes - ((a.byteOffset + at) % blockBytes));
    if (right.compare(left, at, end, at, end) === 0) {
      if (open >= 0) stretches.add(start + open, start + at);
      open = -1;
    } else {
      open = compareBlock(a, b, at, end, open, start, stretches);
    }
    at = end;
  }
  if (open >= 0) stretches.add(start + open, start + n);
  stretches.flush();
  const { first, last, lead, trail, bestStart, bestLength } = stretches;
  return { first, last, lead, trail, bestStart, bestLength, ...foldLanes(xor, n) };
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
  let changed = 0;
  let bits = 0;
  for (let v = 1; v < 256; v++) {
    const count = lanes[v]! + lanes[256 | v]! + lanes[512 | v]! + lanes[768 | v]!;
    if (count === 0) continue;
    xor[v]! += count;
    changed += count;
    bits += count * popcounts[v]!;
  }
  xor[0]! += n - changed;
  return { changed, bits };
}

/** Bytes [at, end) of both, which differ somewhere; gives the new `open`. */
function compareBlock(
  a: Uint8Array,
  b: Uint8Array,
  at: number,
  end: number,
  open: number,
  start: number,
  stretches: Stretches,
): number {
  const isAligned = ((a.byteOffset ^ b.byteOffset) & 3) === 0;
  const head = isAligned ? Math.min(end, at + (-(a.byteOffset + at) & 3)) : end;
  open = compareSingly(a, b, at, head, open, start, stretches);
  const count = (end - head) >> 2;
  const left = wordsAt(a, head, count);
  const right = wordsAt(b, head, count);
  for (let i = 0; i < count; i++) {
    const x = left[i]! ^ right[i]!;
    const here = head + 4 * i;
    if (x === 0) {
      if (open >= 0) stretches.add(start + open, start + here);
      open = -1;
    } else if (((x - 0x01010101) & ~x & 0x80808080) === 0) {
      // All four bytes differ.
      if (open < 0) open = here;
      lanes[x & 255]!++;
      lanes[256 | ((x >>> 8) & 255)]!++;
      lanes[512 | ((x >>> 16) & 255)]!++;
      lanes[768 | (x >>> 24)]!++;
    } else {
      open = compareSingly(a, b, here, here + 4, open, start, stretches);
    }
  }
  return compareSingly(a, b, head + 4 * count, end, open, start, stretches);
}

function compareSingly(
  a: Uint8Array,
  b: Uint8Array,
  at: number,
  end: number,
  open: number,
  start: number,
  stretches: Stretches,
): number {
  for (let i = at; i < end; i++) {
    const x = a[i]! ^ b[i]!;
    if (x !== 0) {
      lanes[x]!++;
      if (open < 0) open = i;
    } else if (open >= 0) {
      stretches.add(start + open, start + i);
      open = -1;
    }
  }
  return open;
}
