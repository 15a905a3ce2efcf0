/** What programs read off a terminal: tables and lists. */
import { expect } from 'chai';
import { dump } from '../../bin/cli/dump.js';
import { listText } from '../../bin/cli/listing.js';
import { escapeName, tableOf, tableText } from '../../bin/cli/table.js';
import { cells, classReport, diffReport, digramReport, entReport, histReport, pairCounts, report } from './reports.js';

const linesOf = (text: Iterable<string>) => [...text].join('').split('\n');

describe('tables', () => {
  it('HIST: value and count', () => {
    const lines = linesOf(tableText(tableOf(histReport()), { header: true }));
    expect(lines).to.have.length(258);
    expect(lines.slice(0, 2)).to.deep.equal(['value\tcount', '0\t46000']);
    expect(lines.slice(-2)).to.deep.equal(['255\t2486', '']);
  });

  it('ENT: cells with decimal offsets, ends exclusive, numbers as JSON prints them, null where unknown', () => {
    const rows = [
      { start: 8192, n: 4096, h: 7.99647, min: 0.1 + 0.2, max: 8 },
      { start: 12_288, n: 1, h: 0, min: NaN, max: NaN },
    ];
    const table = tableOf(report('ENT', { n: 4097, h: 7, cells: cells(rows) }, { range: [8192, 12_289] }));
    expect(linesOf(tableText(table, { header: true }))).to.deep.equal([
      'start\tend\tn\th\tmin\tmax',
      '8192\t12288\t4096\t7.99647\t0.30000000000000004\t8',
      '12288\t12289\t1\t0\tnull\tnull',
      '',
    ]);
  });

  it('DIFF: cells, or with --runs the stretches', () => {
    const rows = linesOf(tableText(tableOf(diffReport()), { header: true }));
    expect(rows.slice(0, 2)).to.deep.equal(['start\tend\tn\tchangedBytes\tchangedBits', '0\t4096\t4096\t11\t0']);
    expect(rows.at(-2)).to.equal('65536\t66048\t0\t0\t0');
    expect(linesOf(tableText(tableOf(diffReport(), { runs: true }), { header: true }))).to.deep.equal([
      'start\tend\tlength\tchanged',
      '100\t120\t20\t11',
      '16384\t20480\t4096\t4096',
      '',
    ]);
  });

  it('CLASS: cells, a column a class', () => {
    const rows = linesOf(tableText(tableOf(classReport()), { header: true }));
    expect(rows[0]).to.equal('start\tend\tn\tzero\tff\tprintable\twhitespace\tcontrol\thigh');
    expect(rows.slice(4, 6)).to.deep.equal([
      '12288\t16384\t4096\t4096\t0\t0\t0\t0\t0',
      '16384\t20480\t4096\t0\t0\t3414\t682\t0\t0',
    ]);
    expect(rows).to.have.length(18);
  });

  it('DIGRAM: the pairs that are there in row order, as decimal values', () => {
    const counts = pairCounts({ 0: 9, 256: 1, 255: 2, 24930: 3, 65535: 4 });
    expect(linesOf(tableText(tableOf(digramReport({ counts })), { header: true }))).to.deep.equal([
      'first\tsecond\tcount',
      '0\t0\t9',
      '0\t255\t2',
      '1\t0\t1',
      '97\t98\t3',
      '255\t255\t4',
      '',
    ]);
  });

  it('a service without cells: a field a line', () => {
    const table = tableOf(
      report('STATS', { n: 5, mean: NaN, top: Float64Array.of(1, 2), at: { start: 1, length: 2 } }),
    );
    expect(linesOf(tableText(table, { header: true }))).to.deep.equal([
      'field\tvalue',
      'n\t5',
      'mean\tnull',
      'top\t[1,2]',
      'at\t{"start":1,"length":2}',
      '',
    ]);
  });

  it('of several files: the name first, one header, one line a row whatever the name', () => {
    const text = [...tableText(tableOf(entReport()), { header: false, file: 'a\tb\n.bin' })].join('');
    expect(text.split('\n')[0]).to.equal('a\\tb\\n.bin\t0\t4096\t4096\t0\t0\t0');
    expect(escapeName('c:\\x\r')).to.equal('c:\\\\x\\r');
  });

  it('come in pieces, however long', () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => ({ start: i, n: 1, h: 1, min: 1, max: 1 }));
    const table = tableOf(report('ENT', { n: 1, h: 1, cells: cells(rows) }, { range: [0, 100_000] }));
    const pieces = [...tableText(table, { header: true })];
    expect(pieces.length).to.be.above(10);
    for (const piece of pieces) expect(piece.length).to.be.below(66_000);
    expect(linesOf(pieces)).to.have.length(100_002);
  });
});

describe('lists', () => {
  const rows = [
    ['HIST', '1'],
    ['LONGER', '12'],
  ];

  it('are tabs for programs and columns for people', () => {
    expect(listText(['service', 'version'], rows, null)).to.equal('service\tversion\nHIST\t1\nLONGER\t12\n');
    expect(listText(['service', 'version'], rows, 80)).to.equal('service  version\nHIST     1\nLONGER   12\n');
  });
});

describe('a dump', () => {
  it('has sixteen bytes a line, on multiples of it', () => {
    const bytes = Buffer.from('Hello, dump\u0000\u001b!');
    expect(dump(bytes, 0x1fe, 80)).to.deep.equal([
      `000001f0${' '.repeat(45)}48 65${' '.repeat(16)}He`,
      '00000200  6c 6c 6f 2c 20 64 75 6d  70 00 1b 21              llo, dump..!',
    ]);
    expect(dump(bytes, 0, 40)[0]).to.equal('00000000  48 65 6c 6c  6f 2c 20 64  Hello, d');
  });
});
