/**
 * The statistics of `ent` and two more, from whole numbers, in one stated order. NaN: undefined there.
 *
 * Counts are those of the 256 byte values; sums run over values in ascending order. Definitions are those of ent 1.2
 * (randtest.c) but where `ent` prints a number for what is undefined.
 */

/**
 * A byte with its place in the file, for fields that keep the least: the first byte has the least place, the last one
 * the least negative place. Exact up to 2^45 bytes.
 */
export function endKey(place: number, byte: number): number {
  return place * 256 + byte;
}

/** The byte of a key. */
export function endByte(key: number): number {
  return ((key % 256) + 256) % 256;
}

function total(counts: Float64Array): number {
  let n = 0;
  for (let v = 0; v < counts.length; v++) n += counts[v]!;
  return n;
}

/** Σ (c − n/256)²/(n/256), of 255 degrees of freedom. */
export function chiSquare(counts: Float64Array): number {
  const expected = total(counts) / counts.length;
  if (expected === 0) return NaN;
  let sum = 0;
  for (let v = 0; v < counts.length; v++) sum += (counts[v]! - expected) ** 2 / expected;
  return sum;
}

/** How likely random bytes have that chi-square or more: the upper tail, 0 to 1. */
export function chiSquareP(counts: Float64Array): number {
  return upperGamma((counts.length - 1) / 2, chiSquare(counts) / 2);
}

export function mean(counts: Float64Array): number {
  let sum = 0;
  for (let v = 0; v < counts.length; v++) sum += v * counts[v]!;
  return sum / total(counts);
}

/** −log2 of the share of the most frequent value, bits a byte. */
export function minEntropy(counts: Float64Array): number {
  let most = 0;
  for (let v = 0; v < counts.length; v++) most = Math.max(most, counts[v]!);
  return 0 - Math.log2(most / total(counts));
}

/** How likely two bytes of different places are equal: Σ c(c − 1)/(n(n − 1)). */
export function indexOfCoincidence(counts: Float64Array): number {
  const n = total(counts);
  if (n < 2) return NaN;
  let sum = 0;
  for (let v = 0; v < counts.length; v++) sum += (counts[v]! / n) * ((counts[v]! - 1) / (n - 1));
  return sum;
}

/** 4 · inside/groups. */
export function monteCarloPi([groups, inside]: Float64Array): number {
  return (4 * inside!) / groups!;
}

/**
 * Of lag 1, the last byte followed by the first: (n Σxx' − (Σx)²)/(n Σx² − (Σx)²); undefined where all bytes are equal.
 * `products` are Σ ⌊xx'/256⌋ and Σ xx' mod 256, with the last byte times the one after the range; `ends` are the keys of the first byte, the last
 * one and the one after it. Whole numbers are used as such: where most bytes are equal, floats would cancel out.
 */
export function serialCorrelation(counts: Float64Array, products: Float64Array, ends: Float64Array): number {
  const n = BigInt(Math.round(total(counts)));
  if (n === 0n) return NaN;
  let sum = 0n;
  let squares = 0n;
  for (let v = 0; v < counts.length; v++) {
    const weight = BigInt(v) * BigInt(Math.round(counts[v]!));
    sum += weight;
    squares += weight * BigInt(v);
  }
  const [first, last, next] = [endByte(ends[0]!), endByte(ends[1]!), endByte(ends[2]!)];
  const [high, low] = [BigInt(Math.round(products[0]!)), BigInt(Math.round(products[1]!))];
  const joined = 256n * high + low + BigInt(last * first - last * next);
  const variance = n * squares - sum * sum;
  return variance === 0n ? NaN : Number(n * joined - sum * sum) / Number(variance);
}

/**
 * Q(a, x) = Γ(a, x)/Γ(a), for a above 10: below a + 1 from the power series of its complement, above by Lentz's
 * continued fraction (Press et al., Numerical Recipes, 6.2). Good to 1e-12.
 */
export function upperGamma(a: number, x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x <= 0) return 1;
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? 1 - scale * lowerSeries(a, x) : scale * upperFraction(a, x);
}

const precision = 1e-16;
const roundsMax = 10_000;

/** Σ x^k/(a(a + 1)…(a + k)). */
function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let k = 1; k < roundsMax && term > sum * precision; k++) {
    term *= x / (a + k);
    sum += term;
  }
  return sum;
}

function upperFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = Infinity;
  let d = 1 / b;
  let h = d;
  for (let k = 1; k < roundsMax; k++) {
    const factor = -k * (k - a);
    b += 2;
    d = 1 / (factor * d + b);
    c = b + factor / c;
    const step = c * d;
    h *= step;
    if (Math.abs(step - 1) < precision * 4) break;
  }
  return h;
}

/** ln Γ(a) by Stirling's series; for a above 10 its error is below 1e-16. */
function logGamma(a: number): number {
  const inverse = 1 / (a * a);
  const series = (1 / 12 + inverse * (-1 / 360 + inverse * (1 / 1260 + inverse * (-1 / 1680 + inverse / 1188)))) / a;
  return (a - 0.5) * Math.log(a) - a + Math.log(2 * Math.PI) / 2 + series;
}
