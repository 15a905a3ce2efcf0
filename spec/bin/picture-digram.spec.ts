/** DIGRAM, as it stands on a terminal. */
import { expect } from 'chai';
import type { Style } from '../../bin/cli/canvas.js';
import { picture } from '../../bin/cli/picture.js';
import { digramReport, pairCounts } from './reports.js';

const style = (columns: number, more: Partial<Style> = {}): Style => ({
  columns,
  unicode: true,
  color: false,
  ...more,
});

const names = { names: ['fw.bin'] };
const mapOf = (lines: readonly string[]) => lines.filter((line) => /^ [0-9A-F ] [│|]/.test(line));

describe('the picture of DIGRAM', () => {
  it('is a map of the pairs with the most frequent ones named', () => {
    expect(picture(digramReport(), style(80, { rows: 22 }), names)).to.deep.equal([
      'fw.bin   64.0 KiB   0x0:0x10000                         DIGRAM  exact',
      ' 0 │█                                                               │',
      ' 1 │                                                                │',
      ' 2 │                        ▓▓▓▓▓▓▓                                 │',
      ' 3 │                                                                │',
      ' 4 │                                                                │',
      ' 5 │                                                                │',
      ' 6 │        █               ███████                                 │',
      ' 7 │        █               ███████                                 │',
      ' 8 │                                                                │',
      ' 9 │                                                                │',
      ' A │                                                                │',
      ' B │                                                                │',
      ' C │                                                                │',
      ' D │                                                                │',
      ' E │                                                                │',
      ' F │░                                                              ▒│',
      '   └0···1···2···3···4···5···6···7···8···9···A···B···C···D···E···F···┘',
      ' first byte down, second across   731 of 65,536 pairs there',
      ' ░ some  ▒ 1/4  ▓ 2  █ 16 even shares',
      ' most  00 00 50.71%   20 61 0.15%   20 62 0.15%   20 63 0.15%   20 64 0.15%',
      ' 65,536 bytes in 0.03 s, 1 of 4 chunks from the cache',
    ]);
  });

  it('is as readable in ASCII on forty columns', () => {
    expect(picture(digramReport(), style(40, { unicode: false, rows: 22 }), names)).to.deep.equal([
      'fw.bin   64.0 KiB       DIGRAM  exact',
      ' 0 |#                               |',
      ' 2 |            +++:                |',
      ' 4 |                                |',
      ' 6 |    +       ###+                |',
      ' 8 |                                |',
      ' A |                                |',
      ' C |                                |',
      ' E |.                              .|',
      '   +0.1.2.3.4.5.6.7.8.9.A.B.C.D.E.F.+',
      ' first byte down, second across',
      ' 731 of 65,536 pairs there',
      ' . some  : 1/4  + 2  # 16 even shares',
      ' most  00 00 50.71%   20 61 0.15%',
      ' 65,536 bytes in 0.03 s',
    ]);
  });

  it('is as large as the terminal lets it be, twice as wide as high at most', () => {
    const sizes: { readonly [terminal: string]: string } = {
      '80x70': '64x32',
      '80x24': '64x16',
      '80x12': '64x4',
      '140x200': '128x64',
      '300x200': '256x128',
      '30x100': '16x8',
    };
    const drawn = Object.keys(sizes).map((terminal) => {
      const [columns, rows] = terminal.split('x').map(Number) as [number, number];
      const lines = picture(digramReport(), style(columns, { rows }));
      return [terminal, `${lines[1]!.length - 5}x${mapOf(lines).length}`];
    });
    expect(Object.fromEntries(drawn)).to.deep.equal(sizes);
  });

  it('is one even shade for random bytes, whatever is left to chance', () => {
    const counts = Float64Array.from({ length: 65_536 }, (_, i) => 20 + (i % 7));
    const map = mapOf(picture(digramReport({ counts }), style(80)));
    expect(new Set(map.join('').replace(/[ 0-9A-F│]/g, ''))).to.deep.equal(new Set('▒'));
  });

  it('begins a shade at a quarter, twice and sixteen times the even share, and shows a single pair', () => {
    // 64 × 32 characters, and as many pairs: the even share is one.
    const share = 100;
    const of = { 0: share * 16, 16: share * 2 - 1, 32: share * 2, 48: share / 4, 64: 24, 80: 1 };
    const rest = share * 2048 - Object.values(of).reduce((sum, count) => sum + count, 0);
    const [first] = mapOf(picture(digramReport({ counts: pairCounts({ ...of, 65535: rest }) }), style(80)));
    expect(first).to.match(/^ 0 │█ {3}▒ {3}▓ {3}▒ {3}░ {3}░ +│$/);
  });

  it('says what an estimate comes from', () => {
    const partial = { exact: false, completion: 0.25 };
    const lines = picture(digramReport({ n: 16_384, sampledBytes: 8192 }, partial), style(80));
    expect(lines[0]).to.match(/DIGRAM {2}25%$/);
    expect(lines.join('\n')).to.include('pairs there so far');
    expect(lines.at(-1)).to.equal(' estimates: 16.0 KiB read, 8.0 KiB sampled');
    expect(picture(digramReport({ n: 16_384 }, partial), style(80)).at(-1)).to.equal(' so far: 16.0 KiB read');
  });

  it('says that there is no pair, no byte, or nothing yet', () => {
    const counts = pairCounts({});
    const second = (n: number, exact: boolean) => picture(digramReport({ n, counts }, { exact }), style(80))[1];
    expect([second(1, true), second(0, true), second(0, false)]).to.deep.equal([
      ' no pair here',
      ' no bytes here',
      ' nothing read yet',
    ]);
  });
});
