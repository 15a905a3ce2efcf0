/**
 * What a service and the C loop that it is measured against must agree on. Each throws where they do not: a wrong peer, or a
 * wrong answer, is no figure.
 */
import type { Report } from '../client/index.js';

export type Agreement = (report: Report, halves: readonly [Float64Array, Float64Array]) => void;

export const agreeOnHistogram: Agreement = ({ fields }, halves) => {
  sameNumbers('counts', fields.counts as Float64Array, sum(halves));
};

export const agreeOnDigrams: Agreement = agreeOnHistogram;

/** Blocks, the sum of their entropies, the lowest and the highest; ours are rounded down to 2^-24 bit. */
export const agreeOnEntropy: Agreement = ({ cells }, [first, second]) => {
  const { h } = cells as unknown as { readonly h: Float64Array };
  const total = h.reduce((all, one) => all + one, 0);
  same('blocks', h.length, first[0]! + second[0]!);
  near('mean entropy', total / h.length, (first[1]! + second[1]!) / h.length, 1e-6);
  near(
    'lowest entropy',
    h.reduce((low, one) => Math.min(low, one)),
    Math.min(first[2]!, second[2]!),
    1e-6,
  );
  near(
    'highest entropy',
    h.reduce((high, one) => Math.max(high, one)),
    Math.max(first[3]!, second[3]!),
    1e-6,
  );
};

export const agreeOnClasses: Agreement = ({ fields }, halves) => {
  const names = ['zero', 'ff', 'printable', 'whitespace', 'control', 'high'];
  sameNumbers(
    'classes',
    names.map((name) => fields[name] as number),
    sum(halves),
  );
};

/** The loop gives 256 counts, Σ x·x', groups, and groups in the circle; what `ent` prints follows. */
export const agreeOnStatistics: Agreement = ({ fields }, halves) => {
  const totals = sum(halves);
  const counts = totals.subarray(0, 256);
  const [products, groups, inside] = totals.subarray(256) as unknown as [number, number, number];
  const n = counts.reduce((all, count) => all + count, 0);
  const weighted = (weight: (value: number) => number) =>
    counts.reduce((all, count, value) => all + count * weight(value), 0);
  same('n', fields.n as number, n);
  near('mean', fields.mean as number, weighted((value) => value) / n, 1e-9);
  near('entropy', fields.h as number, weighted((value) => -Math.log2(counts[value]! / n || 1)) / n, 1e-9);
  near('π', fields.monteCarloPi as number, (4 * inside) / groups, 1e-9);
  // Without the pair that joins the last byte with the first: that one changes nothing that can be seen here.
  const squared = weighted((value) => value) ** 2;
  const correlation = (n * products - squared) / (n * weighted((value) => value ** 2) - squared);
  near('serial correlation', fields.serialCorrelation as number, correlation, 1e-4);
};

function sum([first, second]: readonly [Float64Array, Float64Array]): Float64Array {
  return first.map((number, i) => number + second[i]!);
}

export function sameNumbers(what: string, ours: ArrayLike<number>, theirs: ArrayLike<number>): void {
  same(`length of ${what}`, ours.length, theirs.length);
  for (let i = 0; i < ours.length; i++) same(`${what}[${i}]`, ours[i]!, theirs[i]!);
}

export function same(what: string, ours: number, theirs: number): void {
  if (ours !== theirs) throw new Error(`${what}: binglide says ${ours}, its peer ${theirs}`);
}

function near(what: string, ours: number, theirs: number, tolerance: number): void {
  if (!(Math.abs(ours - theirs) <= tolerance)) throw new Error(`${what}: binglide says ${ours}, its peer ${theirs}`);
}
