/** Parts as frames: a list of array names for the header and one .npy frame each. How a part travels and rests. */
import { cellCount, concatWidth, indexOf, indexWidth, type Part, runWidth, type Span } from './algebra.js';
import type { FieldSpec } from './descriptor.js';
import { fail } from './errors.js';
import { type Dtype, decodeNpy, encodeNpy, unsignedFor } from './npy.js';

export interface PartFrames {
  readonly arrays: readonly string[];
  readonly frames: readonly Uint8Array[];
}

/** The dtype that the field needs in parts of this grid: `perByteMax` names it, else the field's own. */
export function restDtype(field: FieldSpec, span: Span): Dtype {
  if (field.perByteMax === undefined || field.merge !== 'sum') return field.dtype;
  const bytes = field.cells && span.cellBytes > 0 ? span.cellBytes : span.end - span.start;
  return unsignedFor(bytes * field.perByteMax);
}

/** Frames are freshly allocated and may be sent without copying. */
export function encodePart(fields: readonly FieldSpec[], part: Part): PartFrames {
  const arrays: string[] = [];
  const frames: Uint8Array[] = [];
  const add = (name: string, dtype: Dtype, rows: number) => {
    const data = part.columns[name]!;
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
  const columns: { [name: string]: Float64Array } = {};
  arrays.forEach((name, i) => {
    columns[name] = decodeNpy(frames[i]!).data;
  });
  for (const field of fields) checkField(field, span, columns);
  return { start: span.start, end: span.end, cellBytes: span.cellBytes, columns };
}

function checkField(field: FieldSpec, span: Span, columns: { readonly [name: string]: Float64Array }): void {
  const rows = field.cells ? cellCount(span) : 1;
  const column = columns[field.name];
  const bad = (what: string) => fail('E_PROTOCOL', `part field ${field.name}: ${what}`);
  if (!column) throw bad('is missing');
  if (field.merge === 'concat') {
    const index = columns[indexOf(field)];
    if (!index || index.length !== rows * indexWidth) throw bad(`has no index of ${rows} cells`);
    let kept = 0;
    for (let i = 0; i < index.length; i += indexWidth) kept += Math.min(index[i]!, field.limit ?? Infinity);
    if (column.length !== kept * concatWidth(field)) throw bad(`has ${column.length} numbers for ${kept} rows`);
    return;
  }
  const width = rows === 0 ? 0 : column.length / rows;
  const known =
    field.merge === 'run'
      ? runWidth
      : field.shape?.every((dim) => typeof dim === 'number')
        ? field.shape.reduce<number>((n, dim) => n * (dim as number), 1)
        : undefined;
  if (!Number.isInteger(width) || (rows > 0 && width === 0))
    throw bad(`has ${column.length} numbers for ${rows} cells`);
  if (known !== undefined && rows > 0 && width !== known) throw bad(`has rows of ${width} numbers, not ${known}`);
}
