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

/** In the order of CLASS: 00, FF, printable, whitespace, control, high. */
export function classesOf(bytes: Uint8Array): number[] {
  const isWithin = [
    (v: number) => v === 0,
    (v: number) => v === 0xff,
    (v: number) => v >= 0x20 && v <= 0x7e,
    (v: number) => v >= 9 && v <= 13,
    (v: number) => (v >= 1 && v <= 8) || (v >= 14 && v <= 31) || v === 0x7f,
    (v: number) => v >= 0x80 && v <= 0xfe,
  ];
  return isWithin.map((isIn) => countsOf(bytes).reduce((sum, count, value) => sum + (isIn(value) ? count : 0), 0));
}

/** The pairs whose first byte is in [start, end), as "first second count". */
export function pairsOf(file: Uint8Array, start: number, end: number): string[] {
  const counts = new Array<number>(65_536).fill(0);
  for (let i = start; i < end && i + 1 < file.length; i++) counts[file[i]! * 256 + file[i + 1]!]!++;
  return counts.flatMap((count, pair) => (count > 0 ? [`${pair >> 8}\t${pair & 255}\t${count}`] : []));
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
