/**
 * What the built-in services must give, computed from their definitions by the plainest loops: a byte at a time, a cell
 * at a time, nothing shared with the services.
 */
import type { Form } from '../../protocol/descriptor.js';
import { blockQ } from '../../protocol/entropy.js';

export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly cellBytes: number;
}
type Columns = { [name: string]: number[] };

const least = -(2 ** 31);
const most = 2 ** 31 - 1;

export function cellsOf({ start, end, cellBytes }: Piece): [number, number][] {
  if (cellBytes === 0) return [[start, end]];
  const cells: [number, number][] = [];
  for (let at = start; at < end; at = cells.at(-1)![1]) {
    cells.push([at, Math.min(end, (Math.floor(at / cellBytes) + 1) * cellBytes)]);
  }
  return cells;
}

export function histogram(bytes: Uint8Array, start: number, end: number): number[] {
  const counts = new Array<number>(256).fill(0);
  for (let i = start; i < end; i++) counts[bytes[i]!]!++;
  return counts;
}

const quantum = (bytes: Uint8Array, start: number, end: number) => blockQ(histogram(bytes, start, end));

export function histOracle(file: Uint8Array, piece: Piece): Columns {
  return { counts: histogram(file, piece.start, piece.end) };
}

export function entOracle(file: Uint8Array, piece: Piece, form: Form): Columns {
  const cells = cellsOf(piece);
  const leaves = cells.map(([start, end]) => {
    const found: number[] = [];
    for (let at = Math.ceil(start / 4096) * 4096; at < end; at += 4096) {
      const leafEnd = Math.min(at + 4096, file.length);
      if (leafEnd <= end) found.push(quantum(file, at, leafEnd));
    }
    return found;
  });
  const extremes = {
    qmin: leaves.map((found) => Math.min(most, ...found)),
    qmax: leaves.map((found) => Math.max(least, ...found)),
  };
  if (form === 'summed') return { counts: cells.flatMap(([start, end]) => histogram(file, start, end)), ...extremes };
  return {
    q: cells.map(([start, end]) => quantum(file, start, end)),
    total: histogram(file, piece.start, piece.end),
    ...extremes,
  };
}

export function classOracle(file: Uint8Array, piece: Piece): Columns {
  const classes: { [name: string]: (byte: number) => boolean } = {
    zero: (byte) => byte === 0,
    ff: (byte) => byte === 255,
    printable: (byte) => byte >= 0x20 && byte <= 0x7e,
    whitespace: (byte) => byte >= 9 && byte <= 13,
    control: (byte) => (byte >= 1 && byte <= 8) || (byte >= 0x0e && byte <= 0x1f) || byte === 0x7f,
    high: (byte) => byte >= 0x80 && byte <= 0xfe,
  };
  return Object.fromEntries(
    Object.entries(classes).map(([name, holds]) => [
      name,
      cellsOf(piece).map(([start, end]) => file.subarray(start, end).filter(holds).length),
    ]),
  );
}

export function digramOracle(file: Uint8Array, { start, end }: Piece): Float64Array {
  const counts = new Float64Array(65_536);
  for (let i = start; i < end && i + 1 < file.length; i++) counts[file[i]! * 256 + file[i + 1]!]!++;
  return counts;
}

export function statsOracle(file: Uint8Array, piece: Piece): Columns {
  const { start, end } = piece;
  let groups = 0;
  let inside = 0;
  for (let at = 0; at + 6 <= file.length; at += 6) {
    if (at < start || at >= end) continue;
    const [x, y] = [0, 3].map((k) => file[at + k]! * 65_536 + file[at + k + 1]! * 256 + file[at + k + 2]!);
    groups++;
    if (x! * x! + y! * y! <= 0xffffff ** 2) inside++;
  }
  const products = [0, 0];
  for (let i = start; i < end && i + 1 < file.length; i++) {
    const product = file[i]! * file[i + 1]!;
    products[0]! += Math.floor(product / 256);
    products[1]! += product % 256;
  }
  const last = (end - 1) * -256;
  const nothing = Number.MAX_SAFE_INTEGER;
  return {
    counts: histogram(file, start, end),
    circle: [groups, inside],
    products,
    ends:
      start === end
        ? [nothing, nothing, nothing]
        : [start * 256 + file[start]!, last + file[end - 1]!, last + (file[end] ?? 0)],
  };
}

export function diffOracle(
  a: Uint8Array,
  b: Uint8Array,
  piece: Piece,
  { gap, shift, limit = 10_000 }: { gap: number; shift: number; limit?: number },
): Columns {
  const columns: Columns = { changed: [], bits: [], xor: [], first: [], last: [], run: [], runs: [], 'runs.index': [] };
  for (const [start, end] of cellsOf(piece)) {
    const xor = new Array<number>(256).fill(0);
    const marked: number[] = [];
    let bits = 0;
    for (let p = start; p < end; p++) {
      const x = a[p]! ^ b[p + shift]!;
      xor[x]!++;
      if (x !== 0) marked.push(p);
      for (let bit = 0; bit < 8; bit++) bits += (x >> bit) & 1;
    }
    columns.changed!.push(marked.length);
    columns.bits!.push(bits);
    columns.xor!.push(...xor);
    columns.first!.push(marked[0] ?? Number.MAX_SAFE_INTEGER);
    columns.last!.push(marked.at(-1) ?? Number.MIN_SAFE_INTEGER);
    columns.run!.push(...runOf(marked, start, end));
    const places = intervalsOf(marked, gap);
    columns.runs!.push(...places.slice(0, limit).flat());
    columns['runs.index']!.push(places.length, places[0]?.[0] ?? 0, places.at(-1)?.[1] ?? 0);
  }
  return columns;
}

function runOf(marked: readonly number[], start: number, end: number): number[] {
  const stretches = intervalsOf(marked, 0);
  let best: [number, number] = [0, 0];
  for (const [from, to] of stretches) if (to - from > best[1]) best = [from, to - from];
  const head = stretches[0]?.[0] === start ? stretches[0][1] - start : 0;
  const tail = stretches.at(-1)?.[1] === end ? end - stretches.at(-1)![0] : 0;
  return end === start ? [0, 0, 0, 0, 0, 0] : [start, end - start, head, tail, ...best];
}

/** [start, end, marked bytes] of marked offsets at most `gap` unmarked ones apart. */
function intervalsOf(marked: readonly number[], gap: number): [number, number, number][] {
  const found: [number, number, number][] = [];
  for (const p of marked) {
    const last = found.at(-1);
    if (last && p - last[1] <= gap) {
      last[1] = p + 1;
      last[2]++;
    } else {
      found.push([p, p + 1, 1]);
    }
  }
  return found;
}
