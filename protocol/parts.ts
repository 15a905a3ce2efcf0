/** Parts as frames: a list of array names for the header and one .npy frame each. How a part travels and rests. */
import { cellBounds, cellCount, concatWidth, indexOf, indexWidth, type Part, runWidth, type Span } from './algebra.js';
import type { FieldSpec } from './descriptor.js';
import { fail } from './errors.js';
import { type Dtype, decodeNpy, encodeNpy, firstMisfit, isWithin, unsignedFor } from './npy.js';

export interface PartFrames {
  readonly arrays: readonly string[];
  readonly frames: readonly Uint8Array[];
}

/**
 * The dtype that the field needs in parts of this grid: for sums `perByteMax` names it, and without it they rest in 8
 * bytes; else it is the field's own.
 */
export function restDtype(field: FieldSpec, span: Span): Dtype {
  if (field.merge !== 'sum') return field.dtype;
  if (field.perByteMax === undefined) return field.dtype.startsWith('i') ? 'i8' : 'u8';
  const bytes = field.cells && span.cellBytes > 0 ? span.cellBytes : span.end - span.start;
  return unsignedFor(bytes * field.perByteMax);
}

/** Frames are freshly allocated and may be sent without copying. Throws E_RANGE where a number does not fit its dtype. */
export function encodePart(fields: readonly FieldSpec[], part: Part): PartFrames {
  const arrays: string[] = [];
  const frames: Uint8Array[] = [];
  const add = (name: string, dtype: Dtype, rows: number) => {
    const data = part.columns[name]!;
    const misfit = firstMisfit(dtype, data);
    if (misfit >= 0) throw fail('E_RANGE', `field ${name}: ${data[misfit]} does not fit ${dtype}`);
    arrays.push(name);
    frames.push(
      encodeNpy({ dtype, shape: data.length === rows ? [rows] : [rows, data.length / Math.max(1, rows)], data }),
    );
  };
  for (const field of fields) {
    const rows = field.cells ? cellCount(part) : 1;
    if (field.merge === 'concat') {
      add(field.name, field.dtype, part.columns[field.name]!.length / concatWidth(field));
      add(indexOf(field), 'i8', rows);
    } else {
      add(field.name, restDtype(field, part), rows);
    }
  }
  return { arrays, frames };
}

/** Throws E_PROTOCOL where a field is missing, unknown or of another size than the span's cells ask for. */
export function decodePart(fields: readonly FieldSpec[], span: Span, { arrays, frames }: PartFrames): Part {
  if (arrays.length !== frames.length)
    throw fail('E_PROTOCOL', `part names ${arrays.length} arrays in ${frames.length} frames`);
  const known = new Set(
    fields.flatMap((field) => (field.merge === 'concat' ? [field.name, indexOf(field)] : [field.name])),
  );
  const columns: { [name: string]: Float64Array } = {};
  const sent: { [name: string]: Dtype } = {};
  arrays.forEach((name, i) => {
    // Each name once: what is left in `known` at the end is missing.
    if (!known.delete(name)) throw fail('E_PROTOCOL', `part has an array ${name.slice(0, 80)} too many`);
    const { data, dtype } = decodeNpy(frames[i]!);
    columns[name] = data;
    sent[name] = dtype;
  });
  for (const name of known) throw fail('E_PROTOCOL', `part has no array ${name}`);
  for (const field of fields) checkField(field, span, columns, sent[field.name]!);
  return { start: span.start, end: span.end, cellBytes: span.cellBytes, columns };
}

type Columns = { readonly [name: string]: Float64Array };

/** What a peer sent is as large as the grid asks for, and holds only numbers that the operators can work on. */
function checkField(field: FieldSpec, span: Span, columns: Columns, sent: Dtype): void {
  const bad = (what: string) => fail('E_PROTOCOL', `part field ${field.name}: ${what}`);
  const rows = field.cells ? cellCount(span) : 1;
  const column = columns[field.name]!;
  const dtype = restDtype(field, span);
  const misfit = isWithin(sent, dtype) ? -1 : firstMisfit(dtype, column);
  if (misfit >= 0) throw bad(`${column[misfit]} does not fit ${dtype}`);
  if (field.merge === 'concat') {
    checkIndex(field, rows, columns, bad);
    return;
  }
  const width = rows === 0 ? 0 : column.length / rows;
  if (rows === 0 ? column.length > 0 : !Number.isInteger(width) || width === 0) {
    throw bad(`has ${column.length} numbers for ${rows} cells`);
  }
  const known = literalWidth(field);
  if (known !== undefined && rows > 0 && width !== known) throw bad(`has rows of ${width} numbers, not ${known}`);
  if (field.merge === 'sum' && field.perByteMax !== undefined) checkSums(field, span, column, width, bad);
}

/** Numbers in a row as the descriptor alone tells; undefined where only parameters or the part itself do. */
function literalWidth(field: FieldSpec): number | undefined {
  if (field.merge === 'run') return runWidth;
  return field.shape?.every((dim) => typeof dim === 'number')
    ? field.shape.reduce<number>((n, dim) => n * (dim as number), 1)
    : undefined;
}

/** Sums within `perByteMax` stay within their dtype however they are added up. */
function checkSums(
  field: FieldSpec,
  span: Span,
  column: Float64Array,
  width: number,
  bad: (what: string) => Error,
): void {
  for (let at = 0, row = 0; at < column.length; at += width, row++) {
    const [start, end] = field.cells ? cellBounds(span, row) : [span.start, span.end];
    const most = (end - start) * field.perByteMax!;
    for (let i = at; i < at + width; i++) {
      if (column[i]! > most) throw bad(`${column[i]} is more than ${end - start} bytes can add up to`);
    }
  }
}

function checkIndex(field: FieldSpec, rows: number, columns: Columns, bad: (what: string) => Error): void {
  const index = columns[indexOf(field)]!;
  if (index.length !== rows * indexWidth) throw bad(`has no index of ${rows} cells`);
  const misfit = firstMisfit('i8', index);
  if (misfit >= 0) throw bad(`${index[misfit]} stands in its index`);
  let kept = 0;
  for (let i = 0; i < index.length; i += indexWidth) {
    if (index[i]! < 0) throw bad('counts fewer than no rows');
    kept += Math.min(index[i]!, field.limit ?? Infinity);
  }
  const { length } = columns[field.name]!;
  if (length !== kept * concatWidth(field)) throw bad(`has ${length} numbers for ${kept} rows`);
}
