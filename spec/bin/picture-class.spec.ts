/** CLASS, as it stands on a terminal. */
import { expect } from 'chai';
import type { Style } from '../../bin/cli/canvas.js';
import { picture } from '../../bin/cli/picture.js';
import { cells, classReport, report } from './reports.js';

const style = (columns: number, more: Partial<Style> = {}): Style => ({
  columns,
  unicode: true,
  color: false,
  ...more,
});

const names = { names: ['fw.bin'] };

describe('the picture of CLASS', () => {
  it('stacks the shares of the classes along the range and names them', () => {
    expect(picture(classReport(), style(80), names)).to.deep.equal([
      'fw.bin   64.0 KiB   0x0:0x10000                CLASS  16 cells of 4 KiB  exact',
      '100%│··················▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│',
      '    │··················▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒█████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│',
      '    │··················▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒█████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│',
      '    │··················▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒█████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│',
      ' 50%│··················▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒█████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│',
      '    │··················▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒█████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│',
      '    │··················▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒█████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│',
      '    │··················▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒█████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│',
      '    └┴─────────────────┴─────────────────┴─────────────────┴─────────────────┘',
      '     0x0               0x4000            0x8000            0xc000       0x10000',
      ' · zero 25.0%   █ ff 6.3%   ▒ printable 31.3%   ▁ whitespace 6.3%',
      ' ▚ control <0.1%   ▓ high 31.2%',
      ' 65,536 bytes in 0.03 s, 1 of 4 chunks from the cache',
    ]);
  });

  it('is as readable in ASCII on forty columns and twelve lines', () => {
    expect(picture(classReport(), style(40, { unicode: false, rows: 12 }), names)).to.deep.equal([
      'fw.bin   64.0 KiB          CLASS  exact',
      '100%|.........____________##%%%%%%%%%%|',
      '    |.........aaaaaaaaaaaa##%%%%%%%%%%|',
      ' 50%|.........aaaaaaaaaaaa##%%%%%%%%%%|',
      '    |.........aaaaaaaaaaaa##%%%%%%%%%%|',
      '    ++--------------------------------+',
      '     0x0                         0x10000',
      ' . zero 25.0%   # ff 6.3%',
      ' a printable 31.3%   _ whitespace 6.3%',
      ' ^ control <0.1%   % high 31.2%',
      ' 65,536 bytes in 0.03 s',
    ]);
  });

  it('marks columns that are estimates, and leaves those empty of which nothing is known', () => {
    const states = Array.from({ length: 16 }, (_, i) => (i < 4 ? 'exact' : i < 12 ? 'sampled' : 'none'));
    const partial = classReport({ n: 16_384, sampledBytes: 8192 }, { exact: false, completion: 0.25 }, states);
    expect(picture(partial, style(60), names)).to.deep.equal([
      'fw.bin   64.0 KiB            CLASS  16 cells of 4 KiB  25%',
      '100%│·············▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁███▓▓▓             │',
      '    │·············▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒███▓▓▓             │',
      '    │·············▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒███▓▓▓             │',
      '    │·············▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒███▓▓▓             │',
      ' 50%│·············▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒███▓▓▓             │',
      '    │·············▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒███▓▓▓             │',
      '    │·············▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒███▓▓▓             │',
      '    │·············▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒███▓▓▓             │',
      '    │             ░░░░░░░░░░░░░░░░░░░░░░░░░░             │',
      '    └┴─────────────────────────┴─────────────────────────┘',
      '     0x0                       0x8000               0x10000',
      ' · zero 25.0%   █ ff 6.3%   ▒ printable 31.3%',
      ' ▁ whitespace 6.3%   ▚ control <0.1%   ▓ high 31.2%',
      ' ░ sampled',
      ' estimates: 16.0 KiB read, 8.0 KiB sampled',
    ]);
  });

  it('gives the rows of a column to the largest remainders', () => {
    // 8 rows: 3.6 of printable, 3.6 of high, 0.8 of zero.
    const row = { start: 0, zero: 10, ff: 0, printable: 45, whitespace: 0, control: 0, high: 45 };
    const lines = picture(
      report('CLASS', { n: 100, ...row, cells: cells([{ ...row, n: 100 }]) }, { range: [0, 100] }),
      style(40),
    );
    expect(lines.slice(1, 9).map((line) => line[5])).to.deep.equal([...'▓▓▓▒▒▒▒·']);
  });

  it('says that a range is empty', () => {
    const none = report('CLASS', { n: 0, zero: 0, cells: cells([]) }, { range: [0, 0] });
    expect(picture(none, style(80))[1]).to.equal(' no bytes here');
  });
});
