/**
 * The merge algebra: how parts of pieces become the part of the whole. What merges is integers, so every order, split,
 * retry and language gives the same numbers.
 *
 * Laws (spec/protocol/algebra.spec.ts): each operator is associative and has an identity; any split of a range into
 * adjacent pieces folds to the same value. sum, min, max and or also commute; run and concat need neighbours.
 * once belongs to a cell that one task computed whole: it is never combined with another.
 *
 * run, one row: [start, n, lead, trail, bestStart, bestLength] of a stretch of n bytes from `start`: the marked bytes
 * at its head, at its tail, and its longest marked run (the lowest start on ties).
 * concat, two columns: `name` holds the kept rows [start, end, …more] flat; `name.index` holds a row [count, first
 * start, last end] a cell, count being all intervals, kept or not.
 */

import { type FieldSpec, type Params, sizeOf } from './descriptor.js';
import { assert, fail } from './errors.js';

/** The grid of a part: cells on multiples of `cellBytes` from offset 0, the first and last clipped; 0: one single cell. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly cellBytes: number;
}

export interface Part extends Span {
  /** A column a field (two for concat), row by row. */
  readonly columns: { readonly [name: string]: Float64Array };
}

export const runWidth = 6;
export const indexWidth = 3;
export const indexOf = (field: FieldSpec): string => `${field.name}.index`;

export function cellCount({ start, end, cellBytes }: Span): number {
  if (cellBytes === 0) return 1;
  return end > start ? Math.ceil(end / cellBytes) - Math.floor(start / cellBytes) : 0;
}

/** [start, end) of cell i, clipped by the span. */
export function cellBounds({ start, end, cellBytes }: Span, i: number): [number, number] {
  if (cellBytes === 0) return [start, end];
  const edge = (Math.floor(start / cellBytes) + i) * cellBytes;
  return [Math.max(start, edge), Math.min(end, edge + cellBytes)];
}

/** What every number of an empty piece is. */
export function identityOf(field: FieldSpec): number {
  switch (field.merge) {
    case 'sum':
    case 'or':
    case 'run':
    case 'concat':
      return 0;
    case 'once':
      return NaN;
    case 'min':
      return field.dtype.startsWith('f') ? Infinity : extremes[field.dtype]![1];
    case 'max':
      return field.dtype.startsWith('f') ? -Infinity : extremes[field.dtype]![0];
    default:
      return field.merge satisfies never;
  }
}

/** The identities of min and max are the dtype's own extremes (8-byte ones: the safe integers'). */
const extremes: { readonly [dtype: string]: readonly [number, number] } = {
  u1: [0, 255],
  u2: [0, 65_535],
  u4: [0, 2 ** 32 - 1],
  u8: [0, Number.MAX_SAFE_INTEGER],
  i4: [-(2 ** 31), 2 ** 31 - 1],
  i8: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/**
 * Folds adjacent parts into one part of the span: joins, coarsens and clips in one pass. The parts are sorted, adjacent,
 * cover the span, and their cells nest in its cells (or lie outside it whole).
 */
export function gather(fields: readonly FieldSpec[], params: Params, parts: readonly Part[], span: Span): Part {
  for (let i = 1; i < parts.length; i++) assert(parts[i - 1]!.end === parts[i]!.start, 'gathered parts are adjacent');
  // Only cells can be cut out of a part: one row for all of it stands or falls whole.
  const whole = fields.some((field) => !field.cells);
  assert(
    parts.every((part) => !(whole || part.cellBytes === 0) || liesInside(part, span) || liesOutside(part, span)),
    'whole fields are not clipped',
  );
  assert(parts.length > 0 || span.start === span.end, 'a span is gathered from parts');
  assert(
    parts.length === 0 || (parts[0]!.start <= span.start && parts.at(-1)!.end >= span.end),
    'parts cover the span',
  );
  const columns: { [name: string]: Float64Array } = {};
  for (const field of fields) {
    if (field.merge === 'concat') gatherRows(field, params, parts, span, columns);
    else columns[field.name] = gatherColumn(field, params, parts, span);
  }
  return { ...span, columns };
}

/** Numbers in a row of the field, as the part itself tells. */
export function rowWidth(field: FieldSpec, part: Part): number {
  const rows = field.cells ? cellCount(part) : 1;
  return rows === 0 ? 0 : part.columns[field.name]!.length / rows;
}

const liesInside = (part: Span, span: Span): boolean => part.start >= span.start && part.end <= span.end;
const liesOutside = (part: Span, span: Span): boolean => part.end <= span.start || part.start >= span.end;

/** Numbers in a row of the field where no part tells: from its shape. */
export function shapeWidth(field: FieldSpec, params: Params): number {
  if (field.merge === 'run') return runWidth;
  return (field.shape ?? []).reduce<number>((n, dim) => n * sizeOf(dim, params), 1);
}

function gatherColumn(field: FieldSpec, params: Params, parts: readonly Part[], span: Span): Float64Array {
  const rows = field.cells ? cellCount(span) : 1;
  const teller = parts.find((part) => !field.cells || cellCount(part) > 0);
  const width = teller ? rowWidth(field, teller) : shapeWidth(field, params);
  const target = new Float64Array(rows * width).fill(identityOf(field));
  for (const part of parts) {
    const source = part.columns[field.name]!;
    if (source.length !== width * (field.cells ? cellCount(part) : 1)) {
      throw fail('E_PROTOCOL', `field ${field.name}: rows of ${width} numbers and of others`);
    }
    forEachCell(field, part, span, (from, to) => combine(field, target, to * width, source, from * width, width));
  }
  return target;
}

/** Calls `visit(row of part, row of span)` for each row of the part that lies in the span, in order of offset. */
function forEachCell(field: FieldSpec, part: Part, span: Span, visit: (from: number, to: number) => void): void {
  if (!field.cells || part.cellBytes === 0) {
    assert(!field.cells || span.cellBytes === 0 || cellCount(span) <= 1, 'one single cell is not cut into several');
    if (!liesOutside(part, span) || part.end === part.start) visit(0, 0);
    return;
  }
  const firstTarget = span.cellBytes === 0 ? 0 : Math.floor(span.start / span.cellBytes);
  const count = cellCount(part);
  for (let i = 0; i < count; i++) {
    const [start, end] = cellBounds(part, i);
    if (end <= span.start || start >= span.end) continue;
    assert(start >= span.start && end <= span.end, 'a gathered cell lies inside the span');
    const to = span.cellBytes === 0 ? 0 : Math.floor(start / span.cellBytes);
    assert(span.cellBytes === 0 || end <= (to + 1) * span.cellBytes, 'a gathered cell lies inside one cell');
    visit(i, to - firstTarget);
  }
}

/** target[at…] = target[at…] ∘ source[from…], `width` numbers; the source lies behind the target along the range. */
export function combine(
  field: FieldSpec,
  target: Float64Array,
  at: number,
  source: Float64Array,
  from: number,
  width: number,
): void {
  switch (field.merge) {
    case 'sum':
      if (!addUp(target, at, source, from, width)) throw fail('E_RANGE', `field ${field.name}: a sum is past 2^53−1`);
      break;
    case 'min':
      for (let i = 0; i < width; i++) if (source[from + i]! < target[at + i]!) target[at + i] = source[from + i]!;
      break;
    case 'max':
      for (let i = 0; i < width; i++) if (source[from + i]! > target[at + i]!) target[at + i] = source[from + i]!;
      break;
    case 'or':
      for (let i = 0; i < width; i++) target[at + i] = Number(BigInt(target[at + i]!) | BigInt(source[from + i]!));
      break;
    case 'once':
      for (let i = 0; i < width; i++) {
        assert(Number.isNaN(target[at + i]!), `field ${field.name}: a cell is computed once`);
        target[at + i] = source[from + i]!;
      }
      break;
    case 'run':
      combineRun(target, at, source, from);
      break;
    case 'concat':
      throw new Error('concat is folded by rows');
    default:
      field.merge satisfies never;
  }
}

/** The loop that most merging is. False: a sum is past 2^53−1. */
function addUp(target: Float64Array, at: number, source: Float64Array, from: number, width: number): boolean {
  for (let i = 0; i < width; i++) {
    const sum = target[at + i]! + source[from + i]!;
    if (sum > Number.MAX_SAFE_INTEGER || sum < Number.MIN_SAFE_INTEGER) return false;
    target[at + i] = sum;
  }
  return true;
}

function combineRun(target: Float64Array, at: number, source: Float64Array, from: number): void {
  const [, n, lead, trail, bestStart, bestLength] = target.subarray(at, at + runWidth) as unknown as number[];
  const [nextStart, nextN, nextLead, nextTrail, nextBestStart, nextBestLength] = source.subarray(
    from,
    from + runWidth,
  ) as unknown as number[];
  if (nextN === 0) return;
  if (n === 0) {
    target.set(source.subarray(from, from + runWidth), at);
    return;
  }
  target[at + 1] = n! + nextN!;
  if (lead === n) target[at + 2] = n! + nextLead!;
  target[at + 3] = nextTrail === nextN ? nextN! + trail! : nextTrail!;
  const across = trail! + nextLead!;
  let start = bestStart!;
  let length = bestLength!;
  if (across > length) [start, length] = [nextStart! - trail!, across];
  if (nextBestLength! > length) [start, length] = [nextBestStart!, nextBestLength!];
  target[at + 4] = start;
  target[at + 5] = length;
}

/** Numbers in one row of a concat field: from its shape's last dimension. */
export function concatWidth(field: FieldSpec): number {
  const width = field.shape?.at(-1);
  assert(typeof width === 'number' && width >= 1, `concat field ${field.name} states the length of its rows`);
  return width;
}

/** The rows kept of a span's cells, end to end: cells are filled in order, so they are written once and in place. */
class KeptRows {
  readonly index: Float64Array;
  readonly #rows: Float64Array;
  #used = 0;
  /** The cell being filled, and where its rows begin. */
  #cell = -1;
  #from = 0;

  constructor(
    cells: number,
    rowsMax: number,
    readonly width: number,
    readonly gap: number,
    readonly limit: number,
  ) {
    this.index = new Float64Array(cells * indexWidth);
    this.#rows = new Float64Array(rowsMax * width);
  }

  /** All rows so far, and no room beside them. */
  get rows(): Float64Array {
    return this.#used === this.#rows.length ? this.#rows : this.#rows.slice(0, this.#used);
  }

  /** A cell's rows at `at`, of which its index row tells; `cell` never falls. */
  append(cell: number, [count, first, last]: readonly [number, number, number], rows: Float64Array, at: number): void {
    if (count === 0) return;
    if (cell !== this.#cell) [this.#cell, this.#from] = [cell, this.#used];
    const { index, width, limit } = this;
    const known = index[cell * indexWidth]!;
    const joins = this.gap >= 0 && known > 0 && first - index[cell * indexWidth + 2]! <= this.gap;
    // The last interval goes on into this piece; where it was not kept, only the count and the end know of it.
    if (joins && (this.#used - this.#from) / width === known) this.#extend(rows, at);
    const skipped = Number(joins);
    const room = limit - (this.#used - this.#from) / width;
    const kept = Math.max(0, Math.min(Math.min(count, limit) - skipped, room));
    // Kept rows are always the first min(count, limit): where some were dropped, there is no room either.
    const begin = at + skipped * width;
    this.#rows.set(rows.subarray(begin, begin + kept * width), this.#used);
    this.#used += kept * width;
    if (known === 0) index[cell * indexWidth + 1] = first;
    index[cell * indexWidth + 2] = last;
    index[cell * indexWidth] = known + count - skipped;
  }

  #extend(rows: Float64Array, at: number): void {
    const last = this.#used - this.width;
    this.#rows[last + 1] = rows[at + 1]!;
    for (let i = 2; i < this.width; i++) this.#rows[last + i]! += rows[at + i]!;
  }
}

function gatherRows(
  field: FieldSpec,
  params: Params,
  parts: readonly Part[],
  span: Span,
  columns: { [name: string]: Float64Array },
): void {
  const width = concatWidth(field);
  const gap = field.gap === undefined ? -1 : sizeOf(field.gap, params);
  const limit = field.limit ?? Infinity;
  const cells = field.cells ? cellCount(span) : 1;
  const all = parts.reduce((sum, part) => sum + part.columns[field.name]!.length / width, 0);
  const kept = new KeptRows(cells, Math.min(all, cells * limit), width, gap, limit);
  for (const part of parts) {
    const index = part.columns[indexOf(field)]!;
    const rows = part.columns[field.name]!;
    let row = -1;
    let at = 0;
    forEachCell(field, part, span, (from, to) => {
      // Rows of cells outside the span are passed over.
      while (++row < from) at += Math.min(index[row * indexWidth]!, limit) * width;
      const count = index[from * indexWidth]!;
      kept.append(to, [count, index[from * indexWidth + 1]!, index[from * indexWidth + 2]!], rows, at);
      at += Math.min(count, limit) * width;
    });
  }
  columns[field.name] = kept.rows;
  columns[indexOf(field)] = kept.index;
}
