/** The statistics from counts: against closed forms and known values, and undefined where they are. */
import { expect } from 'chai';
import { checkDescriptor, type Descriptor, finishWhole } from '../../protocol/index.js';
import {
  chiSquare,
  chiSquareP,
  endByte,
  endKey,
  indexOfCoincidence,
  mean,
  minEntropy,
  monteCarloPi,
  serialCorrelation,
  upperGamma,
} from '../../protocol/statistics.js';
import { stats } from '../../workers/services/stats.js';

const counts = (entries: { readonly [value: number]: number }): Float64Array =>
  Float64Array.from({ length: 256 }, (_, value) => entries[value] ?? 0);
const uniform = new Float64Array(256).fill(1000);

describe('statistics', () => {
  it('the upper incomplete gamma has its closed form where a is whole', () => {
    for (const a of [11, 20, 127]) {
      for (const x of [0.5, 5, a - 1, a, a + 0.5, a + 1, a + 30, 3 * a]) {
        // Q(a, x) = e^−x Σ x^k/k!, k < a.
        let term = Math.exp(-x);
        let sum = 0;
        for (let k = 0; k < a; k++) {
          sum += term;
          term *= x / (k + 1);
        }
        expect(upperGamma(a, x), `Q(${a}, ${x})`).to.be.closeTo(sum, 1e-12 + sum * 1e-10);
      }
    }
    expect(upperGamma(127.5, 0)).to.equal(1);
    expect(upperGamma(127.5, 1e300)).to.equal(0);
    expect(upperGamma(127.5, NaN)).to.be.NaN;
  });

  it('the upper tail of chi-square, 255 degrees of freedom, has the values of tables', () => {
    const known: [number, number][] = [
      [150, 0.9999999780961994],
      [190, 0.9991465022346439],
      [200, 0.9954254445419519],
      [220, 0.9448823940383797],
      [240, 0.7415164479304232],
      [255, 0.48822252177040637],
      [260, 0.4015059256961979],
      [280, 0.13521533629933669],
      [293.25, 0.04999099030813728],
      [310.46, 0.009997294630856633],
      [330, 0.0010673201196121623],
      [400, 1.6600025244124518e-8],
    ];
    for (const [x, p] of known) expect(upperGamma(127.5, x / 2), `P(X² > ${x})`).to.be.closeTo(p, 1e-10);
    let last = 1;
    for (let x = 0; x < 500; x += 0.5) {
      const p = upperGamma(127.5, x / 2);
      expect(p).to.be.at.most(last);
      last = p;
    }
  });

  it('of equal counts', () => {
    expect(chiSquare(uniform)).to.equal(0);
    expect(chiSquareP(uniform)).to.equal(1);
    expect(mean(uniform)).to.equal(127.5);
    expect(minEntropy(uniform)).to.equal(8);
    expect(indexOfCoincidence(uniform)).to.be.closeTo((256_000 * 999) / (256_000 * 255_999), 1e-15);
  });

  it('of one value', () => {
    const same = counts({ 7: 512 });
    expect(chiSquare(same)).to.equal(255 * 512);
    expect(chiSquareP(same)).to.equal(0);
    expect(mean(same)).to.equal(7);
    expect(Object.is(minEntropy(same), 0), 'no negative zero').to.equal(true);
    expect(indexOfCoincidence(same)).to.equal(1);
    const ends = Float64Array.of(endKey(0, 7), endKey(-511, 7), endKey(-511, 0));
    expect(serialCorrelation(same, Float64Array.of(0, 511 * 49), ends)).to.be.NaN;
  });

  it('are undefined where there is nothing to say', () => {
    const nothing = counts({});
    for (const of of [chiSquare, chiSquareP, mean, minEntropy, indexOfCoincidence]) expect(of(nothing)).to.be.NaN;
    expect(indexOfCoincidence(counts({ 3: 1 }))).to.be.NaN;
    expect(monteCarloPi(Float64Array.of(0, 0))).to.be.NaN;
    expect(serialCorrelation(nothing, new Float64Array(2), new Float64Array(3))).to.be.NaN;
  });

  it('the serial correlation joins the last byte with the first, and is exact where floats would cancel out', () => {
    // 1 2 4, followed by 9: products 2 + 8 + 36.
    const ends = Float64Array.of(endKey(5, 1), endKey(-7, 4), endKey(-7, 9));
    const expected = (3 * (2 + 8 + 4) - 49) / (3 * 21 - 49);
    expect(serialCorrelation(counts({ 1: 1, 2: 1, 4: 1 }), Float64Array.of(0, 46), ends)).to.be.closeTo(
      expected,
      1e-15,
    );
    // A tebibyte of FF with one FE in its middle: −1/(n − 1).
    const n = 2 ** 40;
    // 255 · 255 is 254 · 256 + 1, 255 · 254 is 253 · 256 + 2.
    const products = Float64Array.of((n - 3) * 254 + 2 * 253, n - 3 + 4);
    const all = Float64Array.of(endKey(0, 255), endKey(1 - n, 255), endKey(1 - n, 0));
    expect(serialCorrelation(counts({ 254: 1, 255: n - 1 }), products, all) * n).to.be.closeTo(-1, 1e-9);
  });

  it('keys of ends sort by place and give their byte back', () => {
    for (const place of [0, 1, 2 ** 44]) {
      for (const byte of [0, 1, 255]) {
        expect([endByte(endKey(place, byte)), endByte(endKey(-place, byte))]).to.deep.equal([byte, byte]);
      }
      expect(endKey(place, 255)).to.be.below(endKey(place + 1, 0));
      expect(endKey(-place - 1, 255)).to.be.below(endKey(-place, 0));
    }
  });

  it('are null in a report, and not there at all without bytes', () => {
    const field = stats.descriptor.fields[0]!;
    expect(finishWhole('serialCorrelation', field, { counts: counts({}) }, ['products', 'ends'])).to.equal(null);
    expect(finishWhole('monteCarloPi', stats.descriptor.fields[1]!, { circle: Float64Array.of(0, 0) })).to.equal(null);
  });

  it('take what their descriptor names beside the field, and nothing else', () => {
    const withMore = (change: object): (() => Descriptor) => {
      const report = stats.descriptor.report.map((output) =>
        output.finish === 'serialCorrelation' ? { ...output, ...change } : output,
      );
      return () => checkDescriptor({ ...stats.descriptor, report });
    };
    expect(withMore({})).to.not.throw();
    expect(withMore({ with: ['products'] })).to.throw('takes 2 more fields');
    expect(withMore({ with: undefined })).to.throw('takes 2 more fields');
    expect(withMore({ with: ['products', 'nothing'] })).to.throw('no field that it could take');
    expect(withMore({ finish: 'mean' })).to.throw('takes 0 more fields');
  });
});
