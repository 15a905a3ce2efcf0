/** class, digram and stats: real files, real command lines, and a plain count beside them. */
import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { classesOf, countsOf, entropyOf, pairsOf } from './oracle.js';
import { json, mix, Place } from './spawned.js';

const classNames = ['zero', 'ff', 'printable', 'whitespace', 'control', 'high'];

describe('surveys of a file', function () {
  this.timeout(60_000);
  const a = mix(300_001, 7);
  // A stretch of every class, which noise has few of.
  for (let i = 0; i < 6000; i++) a[50_000 + i] = [0, 0xff, 0x41, 0x0a, 0x07, 0x90][Math.floor(i / 1000)]!;
  let place: Place;

  before(async () => {
    place = await Place.make();
    await writeFile(place.path('a.bin'), a);
    await writeFile(place.path('one'), 'x');
    await writeFile(place.path('empty'), '');
    await place.start(['up']).linesOut(1);
  });
  after(() => place.remove());

  it('class counts the bytes of each class in cells', async () => {
    const { lines, code, stderr } = await place.run('class', '--cells', '20', 'a.bin');
    expect([code, stderr, lines[0]]).to.deep.equal([0, '', ['start', 'end', 'n', ...classNames].join('\t')]);
    const rows = lines.slice(1).map((line) => line.split('\t').map(Number));
    expect(rows.length).to.be.within(10, 21);
    for (const [start, end, ...counts] of rows) {
      expect(counts).to.deep.equal([end! - start!, ...classesOf(a.subarray(start, end))]);
    }
  });

  it('class counts them in the whole range as well', async () => {
    const [{ fields, service }] = json(await place.run('class', '--json', '--range', '49000:', 'a.bin'));
    expect(service).to.equal('CLASS');
    expect(classNames.map((name) => fields[name])).to.deep.equal(classesOf(a.subarray(49_000)));
  });

  it('digram lists the pairs that occur, those across the end of the range included', async () => {
    const whole = await place.run('digram', 'a.bin');
    expect([whole.code, whole.lines[0]]).to.deep.equal([0, 'first\tsecond\tcount']);
    expect(whole.lines.slice(1)).to.deep.equal(pairsOf(a, 0, a.length));
    const part = await place.run('digram', '--range', '50990:+20', 'a.bin');
    expect(part.lines.slice(1)).to.deep.equal(['0\t0\t9', '0\t255\t1', '255\t255\t10']);
    const [{ fields }] = json(await place.run('digram', '--json', 'a.bin'));
    expect(fields.counts).to.have.length(65_536);
  });

  it('stats tells its fields, a line each', async () => {
    const { lines, code } = await place.run('stats', '--range', '0x11:', 'a.bin');
    expect([code, lines[0]]).to.deep.equal([0, 'field\tvalue']);
    const rows = lines.slice(1).map((line) => line.split('\t') as [string, string]);
    expect(rows.map(([name]) => name)).to.deep.equal([
      'n',
      'h',
      'chiSquare',
      'chiSquareP',
      'mean',
      'monteCarloPi',
      'serialCorrelation',
      'minEntropy',
      'indexOfCoincidence',
    ]);
    const bytes = a.subarray(0x11);
    const fields = Object.fromEntries(rows.map(([name, value]) => [name, Number(value)]));
    const even = bytes.length / 256;
    const chiSquare = countsOf(bytes).reduce((sum, count) => sum + (count - even) ** 2 / even, 0);
    expect(fields.n).to.equal(bytes.length);
    expect(fields.h).to.be.closeTo(entropyOf(bytes), 1e-9);
    expect(fields.chiSquare! / chiSquare).to.be.closeTo(1, 1e-9);
    expect(fields.mean).to.be.closeTo(bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length, 1e-9);
  });

  it('say null for what is undefined, and nothing of no bytes', async () => {
    const stats = await place.run('stats', 'one', 'empty');
    expect(stats.lines.filter((line) => /^one\t(n|mean|monteCarloPi)\t/.test(line))).to.deep.equal([
      'one\tn\t1',
      'one\tmean\t120',
      'one\tmonteCarloPi\tnull',
    ]);
    expect(stats.lines).to.include.members(['empty\tn\t0', 'empty\th\tnull']);
    const digram = await place.run('digram', 'one', 'empty');
    expect([digram.code, digram.lines]).to.deep.equal([0, ['file\tfirst\tsecond\tcount']]);
    const classes = await place.run('class', 'one', 'empty');
    expect(classes.lines.slice(1)).to.deep.equal(['one\t0\t1\t1\t0\t0\t1\t0\t0\t0']);
  });

  it('are those that run gives by the name of the service', async () => {
    for (const name of ['class', 'digram', 'stats']) {
      const [own, run] = await Promise.all([place.run(name, 'a.bin'), place.run('run', name, 'a.bin')]);
      expect(own.stdout.equals(run.stdout), name).to.equal(true);
    }
  });
});
