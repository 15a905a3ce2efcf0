/** What the services compute, written down again in the plainest way. */

export function countsOf(bytes: Uint8Array): number[] {
  const counts = new Array<number>(256).fill(0);
  for (const byte of bytes) counts[byte]!++;
  return counts;
}

export function entropyOf(bytes: Uint8Array): number {
  return countsOf(bytes).reduce(
    (h, count) => (count > 0 ? h - (count / bytes.length) * Math.log2(count / bytes.length) : h),
    0,
  );
}

/** Of the whole aligned 4096-byte blocks inside [start, end), and of the file's own short last one. */
export function blockEntropies(file: Uint8Array, start: number, end: number): number[] {
  const all: number[] = [];
  for (let at = Math.ceil(start / 4096) * 4096; at < end; at += 4096) {
    const blockEnd = Math.min(at + 4096, file.length);
    if (blockEnd <= end) all.push(entropyOf(file.subarray(at, blockEnd)));
  }
  return all;
}

export interface Difference {
  readonly changedBytes: number;
  readonly changedBits: number;
  readonly firstDiff: number | null;
  readonly lastDiff: number | null;
  readonly longestRun: { start: number; length: number } | null;
  readonly xor: number[];
  readonly runs: { start: number; end: number; length: number; changed: number }[];
}

export function differenceOf(a: Uint8Array, b: Uint8Array, gap: number): Difference {
  const xor = new Array<number>(256).fill(0);
  const places: number[] = [];
  let bits = 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const value = a[i]! ^ b[i]!;
    xor[value]!++;
    if (value !== 0) places.push(i);
    for (let rest = value; rest > 0; rest >>= 1) bits += rest & 1;
  }
  const runs = joined(places, gap);
  const longest = joined(places, 0).reduce<{ start: number; length: number } | null>(
    (best, { start, length }) => (best && best.length >= length ? best : { start, length }),
    null,
  );
  return {
    changedBytes: places.length,
    changedBits: bits,
    firstDiff: places[0] ?? null,
    lastDiff: places.at(-1) ?? null,
    longestRun: longest,
    xor,
    runs,
  };
}

function joined(places: readonly number[], gap: number): Difference['runs'] {
  const runs: Difference['runs'] = [];
  for (const place of places) {
    const last = runs.at(-1);
    if (last && place - last.end <= gap) {
      const end = place + 1;
      runs[runs.length - 1] = { start: last.start, end, length: end - last.start, changed: last.changed + 1 };
    } else {
      runs.push({ start: place, end: place + 1, length: 1, changed: 1 });
    }
  }
  return runs;
}
