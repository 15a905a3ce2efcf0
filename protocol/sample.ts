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

/** What the runs of one stratum tell of the output: the entropy in bits a byte, or a sum for each byte. */
export interface Estimate {
  readonly runs: number;
  /** Bytes of all runs. */
  readonly bytes: number;
  /** Of all runs together. */
  readonly value: number;
  /** How much it is above the mean of what one run less tells; never below 0, and 0 for sums. */
  readonly growth: number;
  /** By which one run differs from another; NaN where there is only one. */
  readonly variance: number;
}

/**
 * Delete-one-run jackknife (Quenouille 1956, Tukey 1958): the variance is that of a mean of runs, times their number, so
 * that strata with more runs and with fewer can be compared.
 */
export function estimateOf(
  { rows, bytes }: RunRows,
  finish: OutputSpec['finish'],
  /** Faster than here, and the same. */
  entropiesOf: typeof entropies = entropies,
): Estimate {
  const runs = bytes.length;
  const { all, without } = (finish === 'entropy' ? entropiesOf : bytewiseMeans)(rows, bytes);
  let mean = 0;
  for (const value of without) mean += value / runs;
  let variance = runs < 2 ? NaN : 0;
  for (const value of without) variance += (value - mean) ** 2 * (runs - 1);
  const growth = finish === 'entropy' && runs > 1 ? Math.max(0, all - mean) : 0;
  return { runs, bytes: bytes.reduce((sum, length) => sum + length, 0), value: all, growth, variance };
}

/** What the output can be at all. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
  /** Numbers in a row: as many different values as runs can show. */
  readonly values: number;
}

export function boundsOf({ dtype, perByteMax }: FieldSpec, finish: OutputSpec['finish'], values: number): Bounds {
  if (finish === 'entropy') return { low: 0, high: Math.log2(values), values };
  return { low: dtype.startsWith('u') ? 0 : -Infinity, high: perByteMax ?? Infinity, values };
}

/** Student's t, 97.5 %, by degrees of freedom from 1; beyond the table the normal's is near enough. */
const t975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131];
/** Strata before and after one whose runs are asked as well how much runs differ hereabouts. */
const neighbours = 4;
/** Degrees of freedom that their word has at the most, against runs − 1 of the stratum's own. */
const neighboursWeight = 12;

/**
 * A 95 % interval for each of the strata, which are `stratumBytes` long and in order of place; NaN where the runs cannot
 * tell: fewer than two, or all alike and all neighbours' too.
 *
 * Of two kinds of content that take turns four runs meet only one, once in eight times, and look as if there were no other;
 * and three degrees of freedom make every interval wide. So variances are moderated (empirical Bayes, Smyth 2004): the
 * stratum's own and that of its neighbours are averaged, and their degrees of freedom added up; but runs that are alike are
 * no reason to believe less than the neighbours say. What was read is certain (finite population correction, Cochran 1977).
 */
export function intervals(strata: readonly Estimate[], stratumBytes: number, bounds: Bounds): Interval[] {
  return strata.map((stratum, i) => {
    const { runs, bytes, value, variance } = stratum;
    if (runs < 2) return [NaN, NaN];
    const around = hereabouts(strata, i);
    const degrees = Math.min(neighboursWeight, around.degrees) + runs - 1;
    const own = around.degrees > 0 ? (runs - 1) / degrees : 1;
    const moderated = around.variance + own * Math.max(0, variance - around.variance);
    const unseen = Math.max(0, 1 - bytes / stratumBytes);
    if (!(moderated * unseen > 0)) return [NaN, NaN];
    const half = (t975[degrees - 1] ?? 1.96) * Math.sqrt((moderated * unseen) / runs);
    const high = value + growthAhead(stratum, unseen, bounds.values) + half;
    return [Math.max(bounds.low, value - half), Math.min(bounds.high, high)];
  });
}

/** By which runs of the stratum's neighbours differ, pooled; 0 of no degrees of freedom where there are none. */
function hereabouts(strata: readonly Estimate[], i: number): { readonly variance: number; readonly degrees: number } {
  let [sum, degrees] = [0, 0];
  for (let j = Math.max(0, i - neighbours); j <= Math.min(strata.length - 1, i + neighbours); j++) {
    const { runs, variance } = strata[j]!;
    if (j === i || runs < 2) continue;
    sum += variance * (runs - 1);
    degrees += runs - 1;
  }
  return { variance: degrees > 0 ? sum / degrees : 0, degrees };
}

type Interval = readonly [number, number];

/**
 * How much higher than in the runs the entropy may be in the stratum: it never falls, on average, when runs are added,
 * since it is concave, and how it grew with the last one tells by which law it may go on. Counts of one kind of content
 * miss their end by 1/bytes (Miller 1955; that is what a jackknife corrects); where content drifts, as a counter in records
 * does, each run brings values of its own and the entropy grows with the logarithm, until all values have occurred. The
 * interval holds the ends of both, and at its lower end what was seen.
 */
function growthAhead({ runs, growth }: Estimate, unseen: number, values: number): number {
  const steady = (runs - 1) * unseen;
  const drifting = Math.log(Math.min(1 / (1 - unseen), values / runs)) / Math.log(runs / (runs - 1));
  return growth * Math.max(steady, drifting);
}

/** The estimate of all runs, and of all but one, for each of them. */
export interface LeaveOneOut {
  readonly all: number;
  readonly without: Float64Array;
}

function bytewiseMeans(rows: Float64Array, bytes: readonly number[]): LeaveOneOut {
  const width = rows.length / bytes.length;
  let [sum, seen] = [0, 0];
  bytes.forEach((length, run) => {
    sum += rows[run * width]!;
    seen += length;
  });
  const without = Float64Array.from(bytes, (length, run) => (sum - rows[run * width]!) / (seen - length));
  return { all: sum / seen, without };
}

/** What entropies are made of. */
export const logarithm = (c: number): number => (c > 1 ? c * Math.log2(c) : 0);

/** c·log2 c of the counts that short runs have: most of a sample's time would go into logarithms. */
const shortCounts = 4 * 4096;
let logarithms: Float64Array | undefined;

/** In bits a byte, log2 n − Σ c·log2 c / n: an interval needs no stated order of summing. All in one pass over the values. */
export function entropies(rows: Float64Array, { length: m }: readonly number[]): LeaveOneOut {
  logarithms ??= Float64Array.from({ length: shortCounts + 1 }, (_, c) => logarithm(c));
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
    sum += isShort ? logs[total]! : logarithm(total);
    for (let run = 0, at = value; run < m; run++, at += width) {
      const rest = total - rows[at]!;
      seen[run]! += rest;
      sums[run]! += isShort ? logs[rest]! : logarithm(rest);
    }
  }
  const without = sums.map((of, run) => Math.log2(seen[run]!) - of / seen[run]!);
  return { all: Math.log2(n) - sum / n, without };
}
