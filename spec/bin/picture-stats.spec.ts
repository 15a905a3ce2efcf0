/** STATS, as it stands on a terminal. */
import { expect } from 'chai';
import type { Style } from '../../bin/cli/canvas.js';
import { picture } from '../../bin/cli/picture.js';
import { readingOf } from '../../bin/cli/picture-stats.js';
import { statsReport } from './reports.js';

const style = (columns: number, more: Partial<Style> = {}): Style => ({
  columns,
  unicode: true,
  color: false,
  ...more,
});

const names = { names: ['key.bin'] };

describe('the picture of STATS', () => {
  it('has a line a statistic, and how to read it', () => {
    expect(picture(statsReport(), style(80), names)).to.deep.equal([
      'key.bin   64.0 KiB   0x0:0x10000                                    STATS  exact',
      ' entropy               7.997210   bits a byte; random: 8',
      ' min-entropy           7.714200   bits a byte; commonest value 0.48%',
      ' chi-square            253.28     p 51.88%: as random bytes have it',
      ' mean                  127.3519   random: 127.5',
      ' π by Monte Carlo      3.155700   random: 3.141593; off by 0.45%',
      ' serial correlation    -0.001234  random: 0',
      ' index of coincidence  0.003906   random: 0.003906',
      ' p: how often random bytes have more   <1% or >99% not random',
      ' 1-5% or 95-99% suspect   5-10% or 90-95% almost suspect',
      ' 65,536 bytes in 0.03 s, 1 of 4 chunks from the cache',
    ]);
  });

  it('has the reading below the number in ASCII on forty columns', () => {
    expect(picture(statsReport(), style(40, { unicode: false }), names)).to.deep.equal([
      'key.bin   64.0 KiB          STATS  exact',
      ' entropy               7.997210',
      '   bits a byte; random: 8',
      ' min-entropy           7.714200',
      '   bits a byte; commonest value 0.48%',
      ' chi-square            253.28',
      '   p 51.88%: as random bytes have it',
      ' mean                  127.3519',
      '   random: 127.5',
      ' pi by Monte Carlo     3.155700',
      '   random: 3.141593; off by 0.45%',
      ' serial correlation    -0.001234',
      '   random: 0',
      ' index of coincidence  0.003906',
      '   random: 0.003906',
      ' p: how often random bytes have more',
      ' <1% or >99% not random',
      ' 1-5% or 95-99% suspect',
      ' 5-10% or 90-95% almost suspect',
      ' 65,536 bytes in 0.03 s',
    ]);
  });

  it('calls unknown what is undefined', () => {
    const lines = picture(
      statsReport({ n: 1, monteCarloPi: null, serialCorrelation: NaN, chiSquareP: null }),
      style(80),
    );
    for (const label of ['π by Monte Carlo', 'serial correlation', 'chi-square']) {
      expect(lines.find((line) => line.startsWith(` ${label}`))).to.match(/ {2}unknown$/);
    }
  });

  it('reads no chi-square out of samples, which were scaled up', () => {
    const partial = { exact: false, completion: 0.25 };
    const lines = picture(statsReport({ n: 16_384, sampledBytes: 8192, chiSquareP: 0 }, partial), style(80));
    expect(lines[0]).to.match(/STATS {2}25%$/);
    expect(lines.find((line) => line.includes('chi-square'))).to.match(/unknown +until all is exact$/);
    expect(lines.join()).not.to.include(': not random');
    expect(lines.at(-1)).to.equal(' estimates: 16.0 KiB read, 8.0 KiB sampled');
  });

  it('says that a range is empty', () => {
    const none = statsReport({ n: 0, h: null }, { range: [0, 0] });
    expect(picture(none, style(80))[1]).to.equal(' no bytes here');
  });
});

describe('the probability of chi-square', () => {
  it('is read as ent reads it, the same at both ends', () => {
    const readings = [
      [0, 'not random'],
      [0.009, 'not random'],
      [0.011, 'suspect'],
      [0.049, 'suspect'],
      [0.051, 'almost suspect'],
      [0.099, 'almost suspect'],
      [0.101, 'as random bytes have it'],
      [0.5, 'as random bytes have it'],
    ] as const;
    for (const [p, reading] of readings) {
      expect([readingOf(p), readingOf(1 - p)], String(p)).to.deep.equal([reading, reading]);
    }
  });
});
