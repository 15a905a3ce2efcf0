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

/** One run of a stratum: its row of the output's field, and its bytes. */
export interface RunRow {
  readonly row: Float64Array;
  readonly bytes: number;
}

/** Student's t, 97.5 %, by degrees of freedom from 1; beyond the table the normal's is near enough. */
const t975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131];

/**
 * Delete-one-run jackknife (Quenouille 1956, Tukey 1958): bias-corrected centre ± t·s, of the entropy in bits a byte, or
 * of a sum for each byte. NaN where the runs cannot tell: fewer than two, or all alike.
 */
export function jackknife(runs: readonly RunRow[], finish: OutputSpec['finish']): readonly [number, number] {
  const m = runs.length;
  if (m < 2) return [NaN, NaN];
  const total = new Float64Array(runs[0]!.row.length);
  let bytes = 0;
  for (const run of runs) {
    bytes += run.bytes;
    for (let i = 0; i < total.length; i++) total[i]! += run.row[i]!;
  }
  /** Of all runs but one. */
  const estimate = (left: Float64Array | null, seen: number) =>
    finish === 'entropy' ? entropyWithout(total, left) : (total[0]! - (left?.[0] ?? 0)) / seen;
  const without = runs.map((run) => estimate(run.row, bytes - run.bytes));
  const mean = without.reduce((sum, value) => sum + value, 0) / m;
  const variance = (without.reduce((sum, value) => sum + (value - mean) ** 2, 0) * (m - 1)) / m;
  if (!(variance > 0)) return [NaN, NaN];
  const centre = m * estimate(null, bytes) - (m - 1) * mean;
  const half = (t975[m - 2] ?? 1.96) * Math.sqrt(variance);
  // No more than 8 bits can be in a byte, and 8 of them change at the most.
  const clip = (value: number) => Math.max(0, Math.min(8, value));
  return [clip(centre - half), clip(centre + half)];
}

/** c·log2 c of the counts that short runs have: most of a sample's time would go into logarithms. */
const logarithms = new Float64Array(16 * 4096 + 1);

function timesLog(c: number): number {
  if (c >= logarithms.length) return c * Math.log2(c);
  const known = logarithms[c]!;
  if (known > 0 || c < 2) return known;
  return (logarithms[c] = c * Math.log2(c));
}

/** Entropy of `total` − `left` in bits a byte: log2 n − Σ c·log2 c / n. An interval needs no stated order of summing. */
function entropyWithout(total: Float64Array, left: Float64Array | null): number {
  let n = 0;
  let sum = 0;
  for (let i = 0; i < total.length; i++) {
    const c = left ? total[i]! - left[i]! : total[i]!;
    n += c;
    if (c > 1) sum += timesLog(c);
  }
  return n > 0 ? Math.log2(n) - sum / n : NaN;
}
