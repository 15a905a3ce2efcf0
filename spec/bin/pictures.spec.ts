/** The pictures, as they stand on a terminal. */
import { expect } from 'chai';
import { type Style, textWidth } from '../../bin/cli/canvas.js';
import { picture } from '../../bin/cli/picture.js';
import { runLine } from '../../bin/cli/picture-diff.js';
import type { ReportView } from '../../bin/cli/report.js';
import {
  cells,
  classReport,
  counts,
  diffReport,
  digramReport,
  entReport,
  histReport,
  report,
  statsReport,
} from './reports.js';

const style = (columns: number, more: Partial<Style> = {}): Style => ({
  columns,
  unicode: true,
  color: false,
  ...more,
});
const ascii = { unicode: false };

describe('pictures', () => {
  it('HIST shows bars, marks and names those that are taller than the fifth', () => {
    expect(picture(histReport(), style(80), { names: ['fw.bin'], cores: 2 })).to.deep.equal([
      'fw.bin   64.0 KiB   0x0:0x10000                               HIST  exact',
      '  3.9% │▲       ▲               ▲▲█                                    ▆│',
      '       │█       █               ███▇                                   █│',
      '       │█       █               ████▆                                  █│',
      '  2.0% │█       █               █████▅                                 █│',
      '       │█       █               ██████▂                                █│',
      '       │█ ▇     █               ███████                                █│',
      '       └0···1···2···3···4···5···6···7···8···9···A···B···C···D···E···F···┘',
      ' ▲ 00-03 70.2%   64-67 4.7%   20-23 4.6%   60-63 4.0%     h 2.2071   absent 226',
      ' most  00 70.19%  20 4.58%  FF 3.79%  61 1.37%  62 1.33%  63 1.28%  64 1.24%',
      ' 65,536 bytes in 0.03 s, 1 of 4 chunks from the cache',
    ]);
  });

  it('HIST in ASCII on forty columns', () => {
    expect(picture(histReport(), style(40, ascii), { names: ['a-rather-long-name.bin'] })).to.deep.equal([
      'a-rather-long-name.bin      HIST  exact',
      ' 4.2%|^   ^       ^^#                .|',
      '     |#   #       ###                #|',
      '     |#   #       ###                #|',
      ' 2.1%|#   #       ###                #|',
      '     |#   #       ###.               #|',
      '     |##  #       ####               #|',
      '     +0.1.2.3.4.5.6.7.8.9.A.B.C.D.E.F.+',
      ' ^ 00-07 70.2%     h 2.2071   absent 226',
      ' most  00 70.19%  20 4.58%  FF 3.79%',
      ' 65,536 bytes in 0.03 s',
    ]);
  });

  it('HIST of a wide terminal has a column a value', () => {
    const lines = picture(histReport(), style(300));
    expect(lines[7]).to.equal(`       └${[...'0123456789ABCDEF'].map((digit) => digit.padEnd(16, '·')).join('')}┘`);
    expect(lines[8]).to.match(/^ ▲ 00 70\.2% {3}20 4\.6%/);
  });

  it('HIST with fewer than five values is scaled to the lowest of them', () => {
    const one = report('HIST', { n: 7, counts: counts({ 65: 7 }) });
    expect(picture(one, style(80))[1]).to.match(/^ {2}100% │ {16}█ {47}│$/);
    expect(picture(one, style(80))[9]).to.equal(' most  41 100.00%');
  });

  it('ENT shows entropy along the range', () => {
    expect(picture(entReport(), style(80), { names: ['fw.bin'] })).to.deep.equal([
      'fw.bin   64.0 KiB   0x0:0x10000                 ENT  16 cells of 4 KiB  exact',
      ' 8 │                                                                    ▄▄▄▄│',
      ' 7 │                                                           ▄▄▄▄█████████│',
      ' 6 │                                                  ▄▄▄▄██████████████████│',
      ' 5 │                                         ▄▄▄▄███████████████████████████│',
      ' 4 │                                ▄▄▄▄████████████████████████████████████│',
      ' 3 │                       ▄▄▄▄█████████████████████████████████████████████│',
      ' 2 │              ▄▄▄▄██████████████████████████████████████████████████████│',
      ' 1 │▁▁▁▁▁▄▄▄▄███████████████████████████████████████████████████████████████│',
      '   └┴─────────────────┴─────────────────┴─────────────────┴─────────────────┘',
      '    0x0               0x4000            0x8000            0xc000       0x10000',
      ' █ lowest ▒ highest cell of a column · blank ░ sampled   h 6.2500  4K 0.00-7.50',
      ' 65,536 bytes in 0.03 s, 1 of 4 chunks from the cache',
    ]);
  });

  it('ENT in ASCII on forty columns and ten lines', () => {
    expect(picture(entReport(), style(40, { ...ascii, rows: 10 }), { names: ['fw.bin'] })).to.deep.equal([
      'fw.bin   64.0 KiB            ENT  exact',
      ' 8 |                            ..####|',
      ' 6 |                    ..############|',
      ' 4 |           ..#####################|',
      ' 2 |.....#############################|',
      '   ++---------------------------------+',
      '    0x0                          0x10000',
      ' h 6.2500  4K 0.00-7.50',
      ' 65,536 bytes in 0.03 s',
    ]);
  });

  it('ENT tells sampled cells and empty ones from exact ones', () => {
    const partial = entReport({ exact: false, completion: 0.634 });
    const states = Array.from({ length: 16 }, (_, i) => (i < 4 ? 'exact' : i < 10 ? 'sampled' : 'none'));
    Object.assign((partial.fields as { cells: object }).cells, { state: states });
    expect(picture(partial, style(60), { names: ['fw.bin'] })).to.deep.equal([
      'fw.bin   64.0 KiB               ENT  16 cells of 4 KiB  63%',
      ' 8 │                                                      │',
      ' 7 │                                                      │',
      ' 6 │                                                      │',
      ' 5 │                               ░░░                    │',
      ' 4 │                        ░░░░░░░░░░                    │',
      ' 3 │                 ░░░░░░░░░░░░░░░░░                    │',
      ' 2 │           ▄▄▄░░░░░░░░░░░░░░░░░░░░                    │',
      ' 1 │▁▁▁▁▄▄▄███████░░░░░░░░░░░░░░░░░░░░                    │',
      '   └┴─────────────────┴─────────────────┴─────────────────┘',
      '    0x0               0x5000            0xa000       0x10000',
      ' █ lowest ▒ highest   h 6.2500  4K 0.00-7.50',
    ]);
  });

  it('ENT shades from the lowest to the highest cell where a column has several', () => {
    const rows = Array.from({ length: 720 }, (_, i) => ({ start: i, n: 1, h: i === 25 ? 7.9 : 2 }));
    const lines = picture(report('ENT', { n: 720, h: 2, cells: cells(rows) }), style(80));
    expect([1, 2, 6, 7].map((line) => lines[line]!.slice(4, 10))).to.deep.equal([
      '  ▒   ',
      '  ▒   ',
      '  ▒   ',
      '██████',
    ]);
  });

  it('DIFF shows the most changed cell of a column, the tail of one file, what changed and where', () => {
    expect(picture(diffReport(), style(80), { names: ['a.bin', 'b.bin'], params: { gap: 8 } })).to.deep.equal([
      'A a.bin 65,536   B b.bin 66,048                                    DIFF  exact',
      '100%│                 █████                                                  │',
      '    │▁▁▁▁▁            █████                                              ────│',
      '    └┴─────────────────┴─────────────────┴─────────────────┴─────────────────┘',
      '     0x0               0x4000            0x8000            0xc000       0x10200',
      ' 4,107 bytes differ (6.267%), 9,000 bits; 512 bytes only in B',
      ' xor 5A 97.4%   01 2.6%                   2 places (gaps up to 8 bytes joined)',
      ' 0x64:0x78                        20 long           11 changed',
      ' 0x4000:0x5000                 4,096 long        4,096 changed',
      ' 65,536 bytes in 0.03 s, 1 of 4 chunks from the cache',
    ]);
  });

  it('DIFF in ASCII on forty columns has a statement a line', () => {
    expect(picture(diffReport(), style(40, ascii), { names: ['a.bin', 'b.bin'] })).to.deep.equal([
      'A a.bin   B b.bin           DIFF  exact',
      '100%|        ##                       |',
      '    |..      ##                      -|',
      '    ++--------------------------------+',
      '     0x0                         0x10200',
      ' 4,107 bytes differ (6.267%)',
      ' 9,000 bits',
      ' 512 bytes only in B',
      '  2 places (gaps up to 64 bytes joined)',
      ' 0x64:0x78 20 long 11',
      ' 0x4000:0x5000 4,096 long 4,096',
      ' 65,536 bytes in 0.03 s',
    ]);
  });

  it('DIFF of equal files says so, and only once it is known', () => {
    const same = { changedBytes: 0, changedBits: 0, onlyB: 0, xor: counts({ 0: 65_536 }), runs: [], runCount: 0 };
    expect(picture(diffReport(same), style(80))).to.include(' all 65,536 bytes are the same');
    expect(picture(diffReport(same, { exact: false, completion: 0.5 }), style(80))).to.include(' no difference so far');
    const apart = { ...same, n: 0, onlyA: 3 };
    expect(picture(diffReport(apart), style(80))).to.include(' no byte in common; 3 bytes only in A');
  });

  it('DIFF lists the first stretches and says how to have the others', () => {
    const runs = Array.from({ length: 100 }, (_, i) => ({ start: i * 100, end: i * 100 + 5, length: 5, changed: 2 }));
    const lines = picture(diffReport({ runs, runCount: 12_345, runsTruncated: true }), style(80));
    expect(lines.filter((line) => line.includes(' long '))).to.have.length(7);
    expect(lines).to.include(' … 12,338 more; --runs lists the first 100');
    expect(picture(diffReport(), style(80), { listsRuns: true }).join()).not.to.include('0x64:0x78');
    expect(runLine(runs[1]!, style(80))).to.equal(' 0x64:0x69                         5 long            2 changed');
  });

  it('say that a range is empty, and that nothing is known yet', () => {
    const none = report('HIST', { n: 0, counts: counts({}) }, { range: [0, 0], inputs: [{ path: '/e', size: 0 }] });
    expect(picture(none, style(80))).to.deep.equal([
      '/e   0 bytes   0x0:0x0                                        HIST  exact',
      ' no bytes here',
    ]);
    const soon = report('HIST', { n: 0, counts: counts({}) }, { exact: false, completion: 0 });
    expect(picture(soon, style(80))[1]).to.equal(' nothing read yet');
    const ent = report('ENT', { n: 0, h: null, cells: cells([]) }, { range: [0, 0] });
    expect(picture(ent, style(80))[1]).to.equal(' no bytes here');
  });

  it('show the fields of a service that they do not know', () => {
    const top = Float64Array.from({ length: 20 }, (_, i) => i);
    expect(picture(report('PERIOD', { n: 5, mean: 1.5, ok: true, top }), style(60))).to.deep.equal([
      '/images/fw.bin   64.0 KiB   0x0:0x10000        PERIOD  exact',
      ' n     5',
      ' mean  1.5',
      ' ok    yes',
      ' top   0 1 2 3 4 5 6 7 … 20 in all',
      ' 5 bytes in 0.03 s, 1 of 4 chunks from the cache',
    ]);
  });

  const all: [string, ReportView][] = [
    ['HIST', histReport()],
    ['ENT', entReport()],
    ['DIFF', diffReport()],
    ['CLASS', classReport({}, { exact: false, completion: 0.5 })],
    ['DIGRAM', digramReport()],
    ['STATS', statsReport()],
    ['another', report('PERIOD', { n: 5, name: 'x'.repeat(300), list: [1, 2, 3] })],
  ];
  for (const [service, it_] of all) {
    it(`keep to the width and the height of the terminal: ${service}`, () => {
      for (let columns = 40; columns <= 240; columns += 7) {
        for (const unicode of [true, false]) {
          const lines = picture(it_, style(columns, { unicode, rows: 9 }), {
            names: ['名前'.repeat(40), 'b'.repeat(90)],
          });
          expect(lines.length, `${columns} columns`).to.be.at.most(9);
          for (const line of lines) {
            expect(textWidth(line), `${columns} columns: ${line}`).to.be.at.most(columns);
            if (!unicode) expect(line).to.match(/^[ -~]*$/);
          }
        }
      }
    });
  }

  it('colour nothing unless asked to, and then in few sequences', () => {
    const esc = '\u001b';
    expect(picture(entReport(), style(80)).join('')).not.to.include(esc);
    const coloured = picture(histReport(), style(80, { color: true })).join('\n');
    expect(coloured.split(esc).length).to.be.below(20);
  });

  it('let no name steer the terminal', () => {
    const lines = picture(histReport(), style(80), { names: ['a\u001b[2J\nb\u202e'] });
    expect(lines[0]).to.match(/^a\?\[2J\?b\? {3}64\.0 KiB/);
  });
});
