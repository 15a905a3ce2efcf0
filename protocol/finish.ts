/**
 * Finishers: from merged integers to what a report shows. A closed set, computed in the broker alone, in one stated
 * order, so that one request gives the same floats whatever was split or retried.
 */
import { concatWidth, identityOf, indexOf, runWidth } from './algebra.js';
import type { FieldSpec, Finisher } from './descriptor.js';
import type { Dtype, NamedArray } from './npy.js';
import {
  chiSquare,
  chiSquareP,
  indexOfCoincidence,
  mean,
  minEntropy,
  monteCarloPi,
  serialCorrelation,
} from './statistics.js';

/** Scale of entropy as an integer: 2^-24 bit a byte. */
export const q24 = 2 ** 24;

export type WholeValue = number | null | boolean | { readonly start: number; readonly length: number } | NamedArray;

/**
 * Shannon entropy in bits a byte, 0 to 8, of `counts`, summed in ascending order of value; null (NaN) where there is
 * nothing: −Σ (c/n) log2(c/n).
 */
export function entropy(counts: Float64Array): number {
  let n = 0;
  for (let i = 0; i < counts.length; i++) n += counts[i]!;
  if (n === 0) return NaN;
  let h = 0;
  for (let i = 0; i < counts.length; i++) {
    const c = counts[i]!;
    if (c > 0) h -= (c / n) * Math.log2(c / n);
  }
  return h + 0;
}

/** One number of a cell; NaN where unknown. `row` is the cell's row of the field's column. */
export function finishCell(finisher: Finisher, field: FieldSpec, row: Float64Array): number {
  switch (finisher) {
    case 'value':
      return row[0]!;
    case 'entropy':
      return entropy(row);
    case 'q24':
      return row[0] === identityOf(field) ? NaN : row[0]! / q24;
    case 'position':
      return row[0] === identityOf(field) ? NaN : row[0]!;
    case 'longest':
      return row[5]!;
    case 'chiSquare':
      return chiSquare(row);
    case 'chiSquareP':
      return chiSquareP(row);
    case 'mean':
      return mean(row);
    case 'minEntropy':
      return minEntropy(row);
    case 'indexOfCoincidence':
      return indexOfCoincidence(row);
    case 'monteCarloPi':
      return monteCarloPi(row);
    case 'serialCorrelation':
    case 'intervals':
    case 'intervalCount':
    case 'intervalsTruncated':
      return NaN;
    default:
      return finisher satisfies never;
  }
}

/**
 * Finishes `count` cells, whose rows of `width` numbers begin with row `from` of the column, into target[at…]: `value`
 * keeps the row's width, everything else is one number a cell. The same numbers as finishCell, cell by cell.
 */
export function finishCells(
  finisher: Finisher,
  field: FieldSpec,
  column: Float64Array,
  [from, count, width]: readonly [number, number, number],
  target: Float64Array,
  at: number,
): void {
  if (finisher === 'value') {
    target.set(column.subarray(from * width, (from + count) * width), at * width);
  } else if (finisher === 'q24' && width === 1) {
    const none = identityOf(field);
    for (let i = 0; i < count; i++) target[at + i] = column[from + i] === none ? NaN : column[from + i]! / q24;
  } else {
    for (let i = 0; i < count; i++) {
      target[at + i] = finishCell(finisher, field, column.subarray((from + i) * width, (from + i + 1) * width));
    }
  }
}

/**
 * What the whole range shows. `columns` has the field folded to one row, the index of concat fields, and what the
 * finisher takes beside the field (`more`); a range without bytes may have none of that.
 */
export function finishWhole(
  finisher: Finisher,
  field: FieldSpec,
  columns: { readonly [name: string]: Float64Array },
  more: readonly string[] = [],
): WholeValue {
  const column = columns[field.name]!;
  switch (finisher) {
    case 'value':
      return column.length === 1 && !field.shape ? nullable(column[0]!) : arrayOf(field, column);
    case 'longest':
      return column.length < runWidth || column[5] === 0 ? null : { start: column[4]!, length: column[5]! };
    case 'intervals': {
      const width = concatWidth(field);
      return { dtype: field.dtype, shape: [column.length / width, width], data: column };
    }
    case 'intervalCount':
      return columns[indexOf(field)]![0]!;
    case 'intervalsTruncated':
      return columns[indexOf(field)]![0]! > column.length / concatWidth(field);
    case 'serialCorrelation': {
      const [products, ends] = more.map((name) => columns[name]);
      return products && ends ? nullable(serialCorrelation(column, products, ends)) : null;
    }
    case 'entropy':
    case 'q24':
    case 'position':
    case 'chiSquare':
    case 'chiSquareP':
    case 'mean':
    case 'minEntropy':
    case 'indexOfCoincidence':
    case 'monteCarloPi':
      return nullable(finishCell(finisher, field, column));
    default:
      return finisher satisfies never;
  }
}

/** Chi-square grows with the counts: of counts scaled up from a sample it says how far they were scaled. */
export function isEstimable(finisher: Finisher): boolean {
  return finisher !== 'chiSquare' && finisher !== 'chiSquareP';
}

/** How a per-cell output travels. */
export function outputDtype(finisher: Finisher, field: FieldSpec): Dtype {
  if (finisher !== 'value') return 'f8';
  return field.dtype.startsWith('f') ? 'f8' : field.dtype.startsWith('i') ? 'i8' : 'u8';
}

function nullable(number: number): number | null {
  return Number.isNaN(number) ? null : number;
}

function arrayOf(field: FieldSpec, data: Float64Array): NamedArray {
  return { dtype: outputDtype('value', field), shape: [data.length], data };
}
