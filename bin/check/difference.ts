/** The first place at which two parts differ, as an author needs to hear of it, and what usually causes it. Pure. */
import { cellBounds, cellCount, indexOf, indexWidth, type Part } from '../../protocol/algebra.js';
import type { Descriptor, FieldSpec } from '../../protocol/descriptor.js';
import { hexRange } from '../cli/units.js';

export interface Difference {
  readonly field: FieldSpec;
  /** `field counts, cell 0x1000:0x2000, number 3: wanted 17, got 16`. */
  readonly what: string;
  readonly wanted: number | undefined;
  readonly got: number | undefined;
}

/** To the bit: NaN is NaN, and −0 is not 0. */
export function firstDifference(fields: readonly FieldSpec[], wanted: Part, got: Part): Difference | null {
  for (const field of fields) {
    const columns = field.merge === 'concat' ? [indexOf(field), field.name] : [field.name];
    for (const column of columns) {
      const found = differenceIn(field, column, wanted, got);
      if (found) return found;
    }
  }
  return null;
}

function differenceIn(field: FieldSpec, column: string, wanted: Part, got: Part): Difference | null {
  const [a, b] = [wanted.columns[column]!, got.columns[column]!];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (i < a.length && i < b.length && Object.is(a[i], b[i])) continue;
    const what = `${placeOf(field, column, wanted, i)}: wanted ${shown(a[i])}, got ${shown(b[i])}`;
    return { field, what, wanted: a[i], got: b[i] };
  }
  return null;
}

const shown = (number: number | undefined): string =>
  number === undefined ? 'nothing' : Object.is(number, -0) ? '-0' : String(number);

function placeOf(field: FieldSpec, column: string, part: Part, at: number): string {
  const rows = field.cells ? cellCount(part) : 1;
  const isRows = field.merge === 'concat' && column === field.name;
  if (isRows || rows === 0) return `field ${field.name}, number ${at} of its rows`;
  const width = column === field.name ? part.columns[column]!.length / rows : indexWidth;
  const row = Math.floor(at / Math.max(1, width));
  const cell = field.cells ? `, cell ${hexRange(...cellBounds(part, Math.min(row, rows - 1)))}` : '';
  const number = width > 1 ? `, ${numberName(field, column, at % width)}` : '';
  return `field ${column}${cell}${number}`;
}

const runNames = ['start', 'n', 'lead', 'trail', 'bestStart', 'bestLength'];

function numberName(field: FieldSpec, column: string, at: number): string {
  if (column !== field.name) return ['count', 'first', 'last'][at] ?? `number ${at}`;
  return field.merge === 'run' ? (runNames[at] ?? `number ${at}`) : `number ${at}`;
}

/** What makes folded pieces differ from the whole. */
export function splitHint({ field, wanted = 0, got = 0 }: Difference, { overlap }: Descriptor): string {
  switch (field.merge) {
    case 'sum':
      if (!Number.isInteger(wanted) || !Number.isInteger(got)) return 'sum fields need exact whole numbers';
      if (got > wanted) {
        return (
          (overlap === 0
            ? ''
            : `the pieces count more than the whole: is ${field.name} counted twice in the overlap? Count what begins in ` +
              'a row’s own bytes; the overlap is only for looking on. ') +
          'A row may begin anywhere: what depends on the place takes the offset in the file, not in the row'
        );
      }
      return overlap === 0
        ? 'what lies across the cut is lost: declare an `overlap` and look so far past a row’s own bytes'
        : `what lies across the cut is lost: does ${field.name} look into the overlap, and does \`overlap\` (${overlap}) go far enough?`;
    case 'min':
    case 'max':
      return `${field.merge} fields hold offsets in the file or values of bytes, nothing that depends on where a row begins`;
    case 'or':
      return 'or fields may only depend on the bytes and their offsets, not on where a row begins';
    case 'once':
      return 'a once field is computed from the bytes of its own cell alone';
    case 'run':
      return 'run rows are [start, n, lead, trail, bestStart, bestLength] with offsets in the file, not in the row';
    case 'concat':
      return 'rows belong to the piece that holds their first byte, and carry offsets in the file, not in the row';
    default:
      return field.merge satisfies never;
  }
}
