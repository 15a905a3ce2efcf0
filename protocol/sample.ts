/**
 * Samples: what a part of many short runs carries besides its service's fields, and the interval that its runs give.
 * Intervals are never merged and never cached; whoever computes them does it from the runs of one stratum.
 */
import type { Descriptor, FieldSpec, Form, OutputSpec } from './descriptor.js';

export const sampleIntervals = ['lo', 'hi'] as const;

/** Columns of a sample's part, a row a cell: bytes seen, and a 95 % interval of the first output (NaN: cannot be told). */
export const sampleFields: readonly FieldSpec[] = [
  { name: 'n', dtype: 'u8', merge: 'sum', cells: true },
  { name: 'lo', dtype: 'f8', merge: 'once', cells: true },
  { name: 'hi', dtype: 'f8', merge: 'once', cells: true },
];

/** The output that `lo` and `hi` belong to: the first along the cells that is one number made of a sum. */
export function intervalOutput(descriptor: Descriptor, form: Form): OutputSpec | undefined {
  return descriptor.report.find(({ of, finish, scope }) => {
    const field = descriptor.fields.find(({ name }) => name === of)!;
    const isHere = scope !== 'whole' && field.cells && (field.form === undefined || field.form === form);
    return isHere && field.merge === 'sum' && (finish === 'entropy' || (finish === 'value' && !field.shape));
  });
}

/** The runs of one stratum: their rows of the output's field, one after the other, and the bytes of each. */
export interface RunRows {
  readonly rows: Float64Array;
  readonly bytes: readonly number[];
}

/** Student's t, 97.5 %, by degrees of freedom from 1; beyond the table the normal's is near enough. */
const t975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131];

/**
 * Delete-one-run jackknife (Quenouille 1956, Tukey 1958): bias-corrected centre ± t·s, of the entropy in bits a byte, or
 * of a sum for each byte. NaN where the runs cannot tell: fewer than two, or all alike.
 */
export function jackknife({ rows, bytes }: RunRows, finish: OutputSpec['finish']): readonly [number, number] {
  const m = bytes.length;
  if (m < 2) return [NaN, NaN];
  const { all, without } = finish === 'entropy' ? entropies(rows, m) : bytewiseMeans(rows, bytes);
  let mean = 0;
  for (const value of without) mean += value / m;
  let variance = 0;
  for (const value of without) variance += ((value - mean) ** 2 * (m - 1)) / m;
  if (!(variance > 0)) return [NaN, NaN];
  const centre = m * all - (m - 1) * mean;
  const half = (t975[m - 2] ?? 1.96) * Math.sqrt(variance);
  // No more than 8 bits can be in a byte, and 8 of them change at the most.
  const clip = (value: number) => Math.max(0, Math.min(8, value));
  return [clip(centre - half), clip(centre + half)];
}

/** The estimate of all runs, and of all but one, for each of them. */
interface Estimates {
  readonly all: number;
  readonly without: Float64Array;
}

function bytewiseMeans(rows: Float64Array, bytes: readonly number[]): Estimates {
  const width = rows.length / bytes.length;
  let [sum, seen] = [0, 0];
  bytes.forEach((length, run) => {
    sum += rows[run * width]!;
    seen += length;
  });
  const without = Float64Array.from(bytes, (length, run) => (sum - rows[run * width]!) / (seen - length));
  return { all: sum / seen, without };
}

/** c·log2 c of the counts that short runs have: most of a sample's time would go into logarithms. */
const shortCounts = 4 * 4096;
let logarithms: Float64Array | undefined;

/** In bits a byte, log2 n − Σ c·log2 c / n: an interval needs no stated order of summing. All in one pass over the values. */
function entropies(rows: Float64Array, m: number): Estimates {
  logarithms ??= Float64Array.from({ length: shortCounts + 1 }, (_, c) => (c > 1 ? c * Math.log2(c) : 0));
  const width = rows.length / m;
  const logs = logarithms;
  const sums = new Float64Array(m);
  const seen = new Float64Array(m);
  let [sum, n] = [0, 0];
  for (let value = 0; value < width; value++) {
    let total = 0;
    for (let at = value; at < rows.length; at += width) total += rows[at]!;
    if (total === 0) continue;
    const isShort = total <= shortCounts;
    n += total;
    sum += isShort ? logs[total]! : total * Math.log2(total);
    for (let run = 0, at = value; run < m; run++, at += width) {
      const rest = total - rows[at]!;
      seen[run]! += rest;
      sums[run]! += isShort ? logs[rest]! : rest > 1 ? rest * Math.log2(rest) : 0;
    }
  }
  const without = sums.map((of, run) => Math.log2(seen[run]!) - of / seen[run]!);
  return { all: Math.log2(n) - sum / n, without };
}
