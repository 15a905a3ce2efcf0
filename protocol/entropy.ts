/**
 * Entropy of small blocks as an integer, so that blocks of different length compare, and every language and processor
 * gets the same: T[c] = round(c·log2 c·2^24), and Q = ⌊(T[n] − Σ T[c])/n⌋ in units of 2^-24 bit a byte.
 *
 * T is exact. From c = 3043 on, c·log2 c in floating point rounds some entries wrong (42 up to 65536): where it comes too
 * near to a half to tell, the logarithm is made in whole numbers of 2^-100. To make all of them so takes a slot that has
 * just started a tenth of a second.
 */
import { wholeBlockBytesMax } from './descriptor.js';
import { assert } from './errors.js';

const fractionBits = 100n;
const one = 1n << fractionBits;
const half = one >> 1n;
const unitBits = 24n;

/** atanh(1/d) = Σ 1/(k·d^k) over odd k. */
function atanhOfInverse(d: bigint): bigint {
  let power = one / d;
  let sum = power;
  for (let k = 3n; power > 0n; k += 2n) {
    power /= d * d;
    sum += power / k;
  }
  return sum;
}

const ln2 = 2n * atanhOfInverse(3n);
const logs = new Map<number, bigint>([[1, 0n]]);

/** log2 c in units of 2^-100: log2 2k = 1 + log2 k; log2 (n+1) = log2 n + 2 atanh(1/(2n+1)) / ln 2. */
function exactLog2(c: number): bigint {
  let log = logs.get(c);
  if (log === undefined) {
    log =
      c % 2 === 0
        ? one + exactLog2(c / 2)
        : exactLog2(c - 1) + ((2n * atanhOfInverse(BigInt(2 * c - 1))) << fractionBits) / ln2;
    logs.set(c, log);
  }
  return log;
}

/** Math.log2 and two products err by less than so much of the value: four units in the last place. */
const relativeError = 2 ** -50;

function entry(c: number): number {
  const value = c * Math.log2(c) * 2 ** 24;
  const rest = value - Math.floor(value);
  if (Math.abs(rest - 0.5) > value * relativeError) return Math.round(value);
  return Number((((BigInt(c) * exactLog2(c)) << unitBits) + half) >> fractionBits);
}

let table = new Float64Array(2);

/** T[0…max]; shared, not to be written to. `max` is at most 65536. */
export function entropyTable(max: number): Float64Array {
  assert(Number.isInteger(max) && max >= 0 && max <= wholeBlockBytesMax, 'the entropy table ends at 65536');
  if (table.length <= max) {
    const grown = new Float64Array(max + 1);
    grown.set(table);
    for (let c = table.length; c <= max; c++) grown[c] = entry(c);
    table = grown;
  }
  return table.subarray(0, max + 1);
}

/** Q of one block from the counts of its values; their sum is the block's length, 1 to 65536. */
export function blockQ(counts: ArrayLike<number>): number {
  let n = 0;
  for (let i = 0; i < counts.length; i++) n += counts[i]!;
  const t = entropyTable(n);
  let sum = t[n]!;
  for (let i = 0; i < counts.length; i++) sum -= t[counts[i]!]!;
  return Math.floor(sum / n);
}
