/**
 * A service's own `finish`, over the wire: merged rows go to a worker, and rows of more outputs come back. It is
 * row-wise: row i of what comes is made of row i of what went. How rows travel and are checked at both ends.
 */

import { shapeWidth } from './algebra.js';
import { type FieldSpec, finishFields, type Params } from './descriptor.js';
import { fail } from './errors.js';
import type { FinishTask } from './messages.js';
import { decodeNpy, encodeNpy, firstMisfit, type NamedArray } from './npy.js';
import type { PartFrames } from './parts.js';

type Columns = { readonly [name: string]: Float64Array };

/** Names that a report has already. */
const taken = ['n', 'start', 'state', 'lo', 'hi', 'onlyA', 'onlyB'];

/** `columns` has `n`, the bytes of each row, and the rows of each field that finish gets. */
export function encodeFinishColumns(fields: readonly FieldSpec[], rows: number, columns: Columns): PartFrames {
  const used = finishFields(fields);
  const frames = used.map(({ name, dtype }) => {
    const data = columns[name]!;
    // Estimates of sums are fractions.
    const travels = firstMisfit(dtype, data) < 0 ? dtype : 'f8';
    return encodeNpy({ dtype: travels, shape: [rows, data.length / rows], data });
  });
  const n = encodeNpy({ dtype: 'u8', shape: [rows], data: columns.n! });
  return { arrays: ['n', ...used.map(({ name }) => name)], frames: [n, ...frames] };
}

/** Throws E_PROTOCOL where a column is missing, unknown or of another size. */
export function decodeFinishColumns(
  fields: readonly FieldSpec[],
  params: Params,
  { rows, arrays, frames }: FinishTask,
): Columns {
  // A field without a shape tells itself how long its rows are.
  const widthOf = (field: FieldSpec) => (field.shape ? shapeWidth(field, params) : null);
  const widths = new Map<string, number | null>(finishFields(fields).map((field) => [field.name, widthOf(field)]));
  widths.set('n', 1);
  const columns: { [name: string]: Float64Array } = {};
  arrays.forEach((name, i) => {
    const width = widths.get(name);
    if (width === undefined) throw fail('E_PROTOCOL', `rows to finish have an array ${name.slice(0, 80)} too many`);
    const { data } = decodeNpy(frames[i]!);
    if (data.length !== rows * (width ?? Math.ceil(data.length / rows))) {
      throw fail('E_PROTOCOL', `rows to finish: ${name} has ${data.length} numbers for ${rows} rows`);
    }
    columns[name] = data;
    widths.delete(name);
  });
  // One that is only in parts of the other form has no rows.
  const ofOtherForm = fields.filter(({ form }) => form !== undefined).map(({ name }) => name);
  const missing = [...widths.keys()].find((name) => !ofOtherForm.includes(name));
  if (missing !== undefined) throw fail('E_PROTOCOL', `rows to finish have no array ${missing}`);
  return columns;
}

/** What a finish made: rows of each output. `taken` more: the names of the service's own outputs. Throws E_SERVICE. */
export function decodeFinished(
  service: string,
  outputs: readonly string[],
  rows: number,
  { arrays, frames }: PartFrames,
): { readonly [name: string]: NamedArray } {
  const finished: { [name: string]: NamedArray } = {};
  arrays.forEach((name, i) => {
    checkOutput(service, name, outputs);
    const { dtype, data } = decodeNpy(frames[i]!);
    const width = data.length / rows;
    if (!Number.isInteger(width) || width === 0) throw badRows(service, name, data.length, rows);
    finished[name] = { dtype, shape: width === 1 ? [rows] : [rows, width], data };
  });
  return finished;
}

/** The frames of what a finish returned. Throws E_SERVICE, which names output, wanted and got. */
export function encodeFinished(
  service: string,
  outputs: readonly string[],
  rows: number,
  returned: Columns,
): PartFrames {
  const arrays = Object.keys(returned);
  const frames = arrays.map((name) => {
    checkOutput(service, name, outputs);
    const data = returned[name]!;
    const width = data.length / rows;
    if (!Number.isInteger(width) || width === 0) throw badRows(service, name, data.length, rows);
    return encodeNpy({ dtype: 'f8', shape: width === 1 ? [rows] : [rows, width], data });
  });
  return { arrays, frames };
}

function checkOutput(service: string, name: string, outputs: readonly string[]): void {
  const bad = (what: string) => fail('E_SERVICE', `${service}: finish returns ${name.slice(0, 80)}, ${what}`);
  if (!/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name)) throw bad('which is no name; it takes letters, digits and _');
  if (taken.includes(name) || outputs.includes(name)) throw bad('which a report has already; choose another name');
}

function badRows(service: string, name: string, numbers: number, rows: number) {
  return fail(
    'E_SERVICE',
    `${service}: finish returns ${numbers} numbers of ${name}; wanted a row for each of ${rows} rows`,
  );
}
