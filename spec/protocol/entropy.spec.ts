/** Entropy as an integer: the table is exact, and Q is what the formula says. */
import { expect } from 'chai';
import { blockQ, entropy, entropyTable, q24 } from '../../protocol/index.js';
import { Random } from '../random.js';

/** log2 by squaring, one binary digit at a time: another way than the table's, in 200-bit numbers. */
function log2Digits(c: number, digits: number): bigint {
  const bits = 200n;
  let exponent = Math.floor(Math.log2(c));
  if (2 ** exponent > c) exponent--;
  let x = (BigInt(c) << bits) >> BigInt(exponent);
  let log = BigInt(exponent);
  for (let i = 0; i < digits; i++) {
    x = (x * x) >> bits;
    log <<= 1n;
    if (x >= 2n << bits) {
      x >>= 1n;
      log |= 1n;
    }
  }
  return log;
}

function exactly(c: number): number {
  const digits = 90;
  const product = (BigInt(c) * log2Digits(c, digits)) << 24n;
  return Number((product + (1n << BigInt(digits - 1))) >> BigInt(digits));
}

describe('the table of T[c] = round(c·log2 c·2^24)', () => {
  it('is exact at both ends, at powers of two and where floating point is not', () => {
    const random = new Random(5);
    const table = entropyTable(65_536);
    const some = [1, 2, 3, 4095, 4096, 3043, 4125, 15_359, 45_189, 65_535, 65_536];
    for (const c of [...some, ...Array.from({ length: 500 }, () => random.int(1, 65_536))]) {
      expect(table[c], `T[${c}]`).to.equal(exactly(c));
    }
    expect([table[0], table[1], table[2], table[65_536]]).to.deep.equal([0, 0, 2 ** 25, 2 ** 44]);
  });

  it('rises, and grows by what is asked for', () => {
    const table = entropyTable(65_536);
    for (let c = 2; c < table.length; c++) expect(table[c]!).to.be.above(table[c - 1]!);
    expect(entropyTable(10)).to.deep.equal(table.subarray(0, 11));
    expect(() => entropyTable(65_537)).to.throw('65536');
  });
});

describe('Q of a block', () => {
  it('is 0 of a constant block, 8 bits of a block with everything, and 1 of two halves', () => {
    const even = new Array<number>(256).fill(16);
    expect(blockQ([4096])).to.equal(0);
    expect(blockQ(even)).to.equal(8 * q24);
    expect(blockQ([2048, 2048])).to.equal(q24);
  });

  it('is the entropy of its counts, but for what rounding takes', () => {
    const random = new Random(6);
    for (let i = 0; i < 300; i++) {
      const counts = Float64Array.from({ length: 256 }, () => (random.chance(0.5) ? 0 : random.int(0, 255)));
      const n = counts.reduce((sum, count) => sum + count, 0);
      if (n === 0) continue;
      const q = blockQ(counts);
      expect(Number.isSafeInteger(q) && q >= 0 && q <= 8 * q24).to.equal(true);
      expect(Math.abs(q / q24 - entropy(counts))).to.be.below(2 ** -16);
    }
  });
});
