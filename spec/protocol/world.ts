/**
 * A made-up file for the laws of the algebra: its bytes, a field for every operator, and each field's part of any span
 * computed straight from the bytes, without any merging.
 */
import {
  cellBounds,
  cellCount,
  type FieldSpec,
  identityOf,
  indexOf,
  type Params,
  type Part,
  type Span,
} from '../../protocol/index.js';
import type { Random } from '../random.js';

export const params: Params = { gap: 3 };
/** Kept intervals a row: so few that lists are cut all the time. */
export const limit = 4;

const field = (name: string, more: Partial<FieldSpec>): FieldSpec =>
  ({ name, dtype: 'u8', cells: true, merge: 'sum', ...more }) as FieldSpec;

/** Every operator as a field of cells; `once` apart, since its cells are never split. */
export const cellFields: readonly FieldSpec[] = [
  field('counts', { shape: [4], perByteMax: 1 }),
  field('signed', { dtype: 'i8' }),
  field('min', { merge: 'min', dtype: 'i4' }),
  field('max', { merge: 'max', dtype: 'u1' }),
  field('fmin', { merge: 'min', dtype: 'f8' }),
  field('or', { merge: 'or', dtype: 'u4', shape: [2] }),
  field('run', { merge: 'run', dtype: 'i8' }),
  field('joined', { merge: 'concat', shape: [3], gap: 'gap', limit }),
  field('touching', { merge: 'concat', shape: [2], gap: 0 }),
  field('each', { merge: 'concat', shape: [1], dtype: 'u1' }),
];
export const wholeFields: readonly FieldSpec[] = cellFields.map((it) => ({ ...it, cells: false }));
export const once: FieldSpec = field('once', { merge: 'once', form: 'whole', dtype: 'u4' });

/** A file of `length` bytes; a byte is marked where it is 1 or more. */
export function fileOf(random: Random, length: number): Uint8Array {
  const density = random.pick([0, 0.05, 0.3, 0.7, 1]);
  return Uint8Array.from({ length }, () => (random.chance(density) ? random.int(1, 3) : 0));
}

/** The part of the span, from the bytes alone. */
export function partOf(file: Uint8Array, fields: readonly FieldSpec[], span: Span): Part {
  const columns: { [name: string]: Float64Array } = {};
  for (const it of fields) {
    const rows = it.cells ? cellCount(span) : 1;
    const bounds = Array.from({ length: rows }, (_, i) =>
      it.cells ? cellBounds(span, i) : ([span.start, span.end] as [number, number]),
    );
    if (it.merge === 'concat') {
      const all = bounds.map(([start, end]) => rowsOf(file, it, start, end));
      columns[it.name] = Float64Array.from(all.flatMap((rows) => rows.slice(0, it.limit ?? Infinity)).flat());
      columns[indexOf(it)] = Float64Array.from(all.flatMap(indexRow));
    } else {
      columns[it.name] = Float64Array.from(bounds.flatMap(([start, end]) => numbersOf(file, it, start, end)));
    }
  }
  return { ...span, columns };
}

function indexRow(rows: readonly number[][]): number[] {
  const last = rows.at(-1);
  return last ? [rows.length, rows[0]![0]!, last[1] ?? last[0]!] : [0, 0, 0];
}

function numbersOf(file: Uint8Array, it: FieldSpec, start: number, end: number): number[] {
  const bytes = Array.from(file.subarray(start, end));
  switch (it.name) {
    case 'counts':
      return [0, 1, 2, 3].map((value) => bytes.filter((byte) => byte === value).length);
    case 'signed':
      return [bytes.reduce((sum, byte) => sum + byte - 1, 0)];
    case 'min':
    case 'fmin':
      return [
        bytes.reduce((least, byte, i) => (byte ? Math.min(least, byte * 1000 + start + i) : least), identityOf(it)),
      ];
    case 'max':
    case 'once':
      return [bytes.reduce((most, byte) => Math.max(most, byte), 0)];
    case 'or':
      return [
        bytes.reduce((all, byte) => all | byte, 0),
        bytes.reduce((all, byte, i) => all | (byte && 1 << ((start + i) % 30)), 0),
      ];
    case 'run':
      return runOf(file, start, end);
    default:
      throw new Error(`no oracle for ${it.name}`);
  }
}

function runOf(file: Uint8Array, start: number, end: number): number[] {
  const n = end - start;
  if (n <= 0) return [0, 0, 0, 0, 0, 0];
  const runs = stretches(file, start, end, 0);
  const lead = runs[0]?.[0] === start ? runs[0][1]! - start : 0;
  const trail = runs.at(-1)?.[1] === end ? end - runs.at(-1)![0]! : 0;
  const best = runs.reduce((top, run) => (run[1]! - run[0]! > top[1]! - top[0]! ? run : top), [0, 0]);
  return [start, n, lead, trail, best[0]!, best[1]! - best[0]!];
}

function rowsOf(file: Uint8Array, it: FieldSpec, start: number, end: number): number[][] {
  if (it.name === 'each') return Array.from(file.subarray(start, end), (byte) => [byte]);
  const gap = it.name === 'joined' ? (params.gap as number) : 0;
  return stretches(file, start, end, gap).map(([from, to]) =>
    it.name === 'touching' ? [from!, to!] : [from!, to!, file.subarray(from, to).filter((byte) => byte > 0).length],
  );
}

/** Stretches of marked bytes, joined where the gap between two is at most `gap`. */
function stretches(file: Uint8Array, start: number, end: number, gap: number): number[][] {
  const found: number[][] = [];
  for (let at = start; at < end; at++) {
    if (!file[at]) continue;
    const last = found.at(-1);
    if (last && at - last[1]! <= gap) last[1] = at + 1;
    else found.push([at, at + 1]);
  }
  return found;
}

/** Adjacent spans that cover it: cut anywhere, some of them empty. */
export function cut(random: Random, span: Span): Span[] {
  const edges = Array.from({ length: random.int(0, 6) }, () => random.int(span.start, span.end)).sort((a, b) => a - b);
  const all = [span.start, ...edges, span.end];
  return all.slice(1).map((end, i) => ({ ...span, start: all[i]!, end }));
}
