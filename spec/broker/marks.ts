/**
 * A service that specs compute by hand: bytes under 64 are marked. It has a field of each operator; `partOf` computes a
 * part of any piece of some bytes, `oracle` what a report must show, straight from the bytes.
 */
import {
  cellBounds,
  cellCount,
  checkDescriptor,
  type Descriptor,
  type FieldSpec,
  type Form,
  fieldsOf,
  identityOf,
  type Part,
  type Report,
} from '../../protocol/index.js';

export const gap = 3;
export const limit = 20;

const perCell: readonly FieldSpec[] = [
  { name: 'classes', dtype: 'u8', shape: [4], merge: 'sum', cells: true, perByteMax: 1 },
  { name: 'first', dtype: 'i8', merge: 'min', cells: true },
  { name: 'last', dtype: 'i8', merge: 'max', cells: true },
  { name: 'bits', dtype: 'u1', merge: 'or', cells: true },
  { name: 'run', dtype: 'i8', merge: 'run', cells: true },
  { name: 'runs', dtype: 'u8', shape: [2], merge: 'concat', cells: true, gap: 'gap', limit },
  { name: 'size', dtype: 'u4', merge: 'once', cells: true, form: 'whole' },
];

export const marks: Descriptor = checkDescriptor({
  name: 'MARKS',
  version: 1,
  inputs: 1,
  help: '',
  params: [
    { name: 'gap', type: 'int', default: gap, help: '' },
    { name: 'block', type: 'int', default: 0, help: '' },
  ],
  overlap: 0,
  block: 'block',
  cached: true,
  fields: perCell,
  report: [
    { name: 'classes', of: 'classes', finish: 'value', scope: 'both' },
    { name: 'h', of: 'classes', finish: 'entropy', scope: 'cell' },
    { name: 'first', of: 'first', finish: 'position', scope: 'both' },
    { name: 'last', of: 'last', finish: 'position', scope: 'whole' },
    { name: 'bits', of: 'bits', finish: 'value', scope: 'both' },
    { name: 'longest', of: 'run', finish: 'longest', scope: 'both' },
    { name: 'runs', of: 'runs', finish: 'intervals', scope: 'whole' },
    { name: 'runCount', of: 'runs', finish: 'intervalCount', scope: 'whole' },
    { name: 'truncated', of: 'runs', finish: 'intervalsTruncated', scope: 'whole' },
    { name: 'size', of: 'size', finish: 'value', scope: 'cell' },
  ],
});

export const params = { gap, block: 0 };

const isMarked = (byte: number) => byte < 64;

/** Marked stretches in [start, end), not joined. */
export function stretches(data: Uint8Array, start: number, end: number): [number, number][] {
  const found: [number, number][] = [];
  for (let at = start; at < end; at++) {
    if (!isMarked(data[at]!)) continue;
    const last = found.at(-1);
    if (last?.[1] === at) last[1] = at + 1;
    else found.push([at, at + 1]);
  }
  return found;
}

export function joined(rows: readonly (readonly [number, number])[], within: number): [number, number][] {
  const out: [number, number][] = [];
  for (const [start, end] of rows) {
    const last = out.at(-1);
    if (last && start - last[1] <= within) last[1] = end;
    else out.push([start, end]);
  }
  return out;
}

function longestOf(rows: readonly (readonly [number, number])[]): readonly [number, number] {
  return rows.reduce<readonly [number, number]>(
    (best, row) => (row[1] - row[0] > best[1] - best[0] ? row : best),
    [0, 0],
  );
}

function rowOf(field: FieldSpec, data: Uint8Array, from: number, to: number): number[] {
  const bytes = data.subarray(from, to);
  const found = stretches(data, from, to);
  switch (field.name) {
    case 'classes': {
      const counts = [0, 0, 0, 0];
      for (const byte of bytes) counts[byte >> 6]!++;
      return counts;
    }
    case 'first':
      return [found[0]?.[0] ?? identityOf(field)];
    case 'last':
      return [found.length > 0 ? found.at(-1)![1] - 1 : identityOf(field)];
    case 'bits':
      return [bytes.reduce((or, byte) => or | byte, 0)];
    case 'run': {
      const lead = found[0]?.[0] === from ? found[0][1] - from : 0;
      const trail = found.at(-1)?.[1] === to ? to - found.at(-1)![0] : 0;
      const [start, end] = longestOf(found);
      return [from, to - from, lead, trail, start, end - start];
    }
    default:
      return [to - from];
  }
}

/** What one task over [start, end) answers. */
export function partOf(data: Uint8Array, start: number, end: number, cellBytes: number, form: Form = 'summed'): Part {
  const span = { start, end, cellBytes };
  const columns: { [name: string]: Float64Array } = {};
  const bounds = Array.from({ length: cellCount(span) }, (_, i) => cellBounds(span, i));
  for (const field of fieldsOf(marks, form)) {
    if (field.merge === 'concat') {
      const cells = bounds.map(([from, to]) => joined(stretches(data, from, to), gap));
      columns[field.name] = Float64Array.from(cells.flatMap((rows) => rows.slice(0, limit).flat()));
      columns[`${field.name}.index`] = Float64Array.from(
        cells.flatMap((rows) => [rows.length, rows[0]?.[0] ?? 0, rows.at(-1)?.[1] ?? 0]),
      );
    } else {
      columns[field.name] = Float64Array.from(bounds.flatMap(([from, to]) => rowOf(field, data, from, to)));
    }
  }
  return { ...span, columns };
}

const nullable = (
  rows: readonly (readonly [number, number])[],
  pick: (rows: readonly (readonly [number, number])[]) => number,
) => (rows.length > 0 ? pick(rows) : null);

/**
 * What a report shows of the bytes in `known` (ascending, disjoint, adjacent ones joined): nothing is joined across
 * what is not known.
 */
export function oracle(data: Uint8Array, known: readonly (readonly [number, number])[]) {
  const apart = known.map(([start, end]) => stretches(data, start, end));
  const all = apart.flat();
  const rows = apart.flatMap((found) => joined(found, gap));
  const [longStart, longEnd] = longestOf(all);
  const classes = [0, 0, 0, 0];
  let bits = 0;
  for (const [start, end] of known) {
    for (const byte of data.subarray(start, end)) {
      classes[byte >> 6]!++;
      bits |= byte;
    }
  }
  return {
    scalars: {
      n: known.reduce((sum, [start, end]) => sum + end - start, 0),
      first: nullable(all, (found) => found[0]![0]),
      last: nullable(all, (found) => found.at(-1)![1] - 1),
      bits,
      longest: longEnd > longStart ? { start: longStart, length: longEnd - longStart } : null,
      runCount: rows.length,
      truncated: rows.length > limit,
    },
    classes,
    runs: rows.slice(0, limit).flat(),
  };
}

/** A report's whole numbers in the oracle's shape. */
export function wholeOf({ scalars, arrays }: Report) {
  return { scalars: { ...scalars }, classes: [...arrays.classes!.data], runs: [...arrays.runs!.data] };
}

/** The outputs of one cell as the report shows them, null where unknown. */
export function cellOf({ arrays }: Report, cell: number) {
  const at = (name: string) => arrays[`cells.${name}`]!;
  const number = (name: string) => (Number.isNaN(at(name).data[cell]!) ? null : at(name).data[cell]!);
  return {
    classes: [...at('classes').data.subarray(cell * 4, cell * 4 + 4)],
    h: number('h'),
    first: number('first'),
    bits: number('bits'),
    longest: number('longest'),
  };
}

export function cellOracle(data: Uint8Array, from: number, to: number) {
  const { scalars, classes } = oracle(data, [[from, to]]);
  const h = classes.reduce((sum, c) => (c > 0 ? sum - (c / (to - from)) * Math.log2(c / (to - from)) : sum), 0);
  return {
    classes,
    h: to > from ? h : null,
    first: scalars.first,
    bits: scalars.bits,
    longest: scalars.longest?.length ?? 0,
  };
}
