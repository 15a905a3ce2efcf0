/** The whole of it: real files, real command lines, a broker of their own or a daemon, and real signals. */
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { blockEntropies, countsOf, differenceOf, entropyOf } from './oracle.js';
import { gone, json, mix, Place, slotsOf, sparseBytes } from './spawned.js';

describe('answers of binglide', function () {
  this.timeout(60_000);
  const a = mix(300_001, 1);
  const b = Buffer.from(a.subarray(0, 290_000));
  b.fill(0xee, 1000, 1100);
  b[1150]! ^= 0x40;
  b[200_000]! ^= 0x01;
  let place: Place;

  before(async () => {
    place = await Place.make();
    await writeFile(place.path('a.bin'), a);
    await writeFile(place.path('b.bin'), b);
    await writeFile(place.path('empty'), '');
    await mkdir(place.path('dir', 'deep'), { recursive: true });
    await writeFile(place.path('dir', 'deep', 'one'), 'x');
    await writeFile(place.path('dir', 'two'), 'yy');
    // Most of a short command's time is starting its slots; these share them.
    await place.start(['up']).linesOut(1);
  });
  after(() => place.remove());

  it('hist counts, as JSON and as a table', async () => {
    const ended = await place.run('hist', '--json', '--range', '0x11:-1', 'a.bin');
    const [report] = json(ended);
    expect([ended.code, ended.stderr]).to.deep.equal([0, '']);
    expect(report).to.include({ format: 'binglide.report/1', service: 'HIST', completion: 1, exact: true });
    expect(report.range).to.deep.equal([0x11, a.length - 1]);
    expect(report.inputs[0]).to.include({ path: place.path('a.bin'), size: a.length });
    expect(report.fields).to.deep.equal({ n: a.length - 0x12, counts: countsOf(a.subarray(0x11, -1)) });
    const table = await place.run('hist', 'a.bin');
    expect(table.lines).to.deep.equal(['value\tcount', ...countsOf(a).map((count, value) => `${value}\t${count}`)]);
  });

  it('ent tells the entropy of cells, of the range and of the 4096-byte blocks in it', async () => {
    const [{ fields, range }] = json(await place.run('ent', '--json', '--cells', '20', '--range', '5000:', 'a.bin'));
    expect(fields.h).to.be.closeTo(entropyOf(a.subarray(5000)), 1e-6);
    const { start, n, h, min, max, state } = fields.cells;
    expect(start.length).to.be.within(10, 21);
    for (let i = 0; i < start.length; i++) {
      const end = start[i + 1] ?? range[1];
      const blocks = blockEntropies(a, start[i], end);
      expect(n[i]).to.equal(end - start[i]);
      expect(h[i]).to.be.closeTo(entropyOf(a.subarray(start[i], end)), 1e-6);
      expect(min[i]).to.be.closeTo(Math.min(...blocks), 1e-6);
      expect(max[i]).to.be.closeTo(Math.max(...blocks), 1e-6);
      expect(state[i]).to.equal('exact');
    }
  });

  it('ent --block has cells of that width', async () => {
    const { lines, code } = await place.run('ent', '--block', '7000', 'a.bin');
    expect([code, lines[0]]).to.deep.equal([0, 'start\tend\tn\th\tmin\tmax']);
    const rows = lines.slice(1).map((line) => line.split('\t').map(Number));
    expect(rows).to.have.length(Math.ceil(a.length / 7000));
    for (const [i, [start, end, n, h]] of rows.entries()) {
      expect([start, end, n]).to.deep.equal([i * 7000, Math.min(a.length, (i + 1) * 7000), end! - start!]);
      expect(h).to.be.closeTo(entropyOf(a.subarray(start, end)), 1e-6);
    }
  });

  it('diff compares position by position', async () => {
    const [{ fields, range }] = json(await place.run('diff', '--json', '--gap', '30', 'a.bin', 'b.bin'));
    const { cells, n, onlyA, onlyB, runCount, runsTruncated, ...rest } = fields;
    expect(rest).to.deep.equal(differenceOf(a, b, 30));
    expect({ n, onlyA, onlyB }).to.deep.equal({ n: b.length, onlyA: a.length - b.length, onlyB: 0 });
    expect([range, runCount, runsTruncated]).to.deep.equal([[0, a.length], rest.runs.length, false]);
    const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
    expect([sum(cells.n), sum(cells.changedBytes)]).to.deep.equal([n, rest.changedBytes]);
  });

  it('diff --runs lists the stretches, --exit-code tells a difference', async () => {
    const differs = await place.run('diff', '--runs', '--exit-code', 'a.bin', 'b.bin');
    const rows = differenceOf(a, b, 64).runs.map(({ start, end, length, changed }) =>
      [start, end, length, changed].join('\t'),
    );
    expect(differs.lines).to.deep.equal(['start\tend\tlength\tchanged', ...rows]);
    expect(differs.code).to.equal(3);
    expect((await place.run('diff', '--exit-code', 'a.bin', 'a.bin')).code).to.equal(0);
    expect((await place.run('diff', '--exit-code', '--range', ':1000', 'a.bin', 'b.bin')).code).to.equal(0);
  });

  it('diff --shift-b moves the second file', async () => {
    await writeFile(place.path('moved.bin'), Buffer.concat([Buffer.from('12345'), a]));
    const [{ fields }] = json(await place.run('diff', '--json', '--shift-b', '5', 'a.bin', 'moved.bin'));
    expect(fields).to.include({ n: a.length, changedBytes: 0, onlyA: 0 });
  });

  it('bytes are those of the range', async () => {
    const { stdout, code } = await place.run('bytes', '--range', '0x100:+4k', 'a.bin');
    expect(code).to.equal(0);
    expect(stdout.equals(a.subarray(0x100, 0x100 + 4096))).to.equal(true);
    await writeFile(place.path('large.bin'), Buffer.alloc(2 ** 21));
    const tooMany = await place.run('bytes', '--range', ':2M', 'large.bin');
    expect([tooMany.code, tooMany.stdout.length]).to.deep.equal([1, 0]);
    expect(tooMany.stderr).to.match(/^binglide: .* \(E_RANGE\)\n$/);
  });

  it('run takes any service, with the options that it declares', async () => {
    const run = await place.run('run', 'ent', 'a.bin', '--block', '100k');
    const ent = await place.run('ent', '--block', '100k', 'a.bin');
    expect(run.lines).to.deep.equal(ent.lines);
    expect((await place.run('run', 'DIFF', '--gap', '30', 'a.bin', 'b.bin')).lines).to.have.length.above(2);
    const help = await place.run('run', 'DIFF', '--help');
    expect(help.stdout.toString()).to.include('--gap <n>');
    const none = await place.run('run', 'PERIOD', 'a.bin');
    expect(none.stderr).to.equal(
      'binglide: no service PERIOD; BYTES CLASS DIFF DIGRAM ENT HIST STATS are there (E_NO_SERVICE)\n',
    );
  });

  it('ndjson is every report as it arrives, completion never falling, the last one exact', async () => {
    const reports = json(await place.run('ent', '--ndjson', '--no-cache', '--cells', '50', 'a.bin'));
    const completions = reports.map(({ completion }) => completion as number);
    expect(completions).to.deep.equal([...completions].sort((x, y) => x - y));
    expect(reports.at(-1)).to.include({ format: 'binglide.report/1', completion: 1, exact: true });
    expect(reports.at(-1).work).to.include({ bytesRead: a.length, chunksCached: 0 });
    expect(new Set(reports.map(({ jobId }) => jobId)).size).to.equal(1);
  });

  it('answers about nothing', async () => {
    expect(json(await place.run('hist', '--json', 'empty'))[0]).to.deep.include({ completion: 1, range: [0, 0] });
    expect((await place.run('ent', 'empty')).lines).to.deep.equal(['start\tend\tn\th\tmin\tmax']);
  });

  it('goes on after a file that failed, and ends with 1', async () => {
    const { code, lines, stderr } = await place.run('ent', 'a.bni', 'dir', 'empty', 'dir/two');
    expect(stderr.split('\n').slice(0, 2)).to.deep.equal([
      'binglide: a.bni: no such file; a.bin is there (E_NOT_FOUND)',
      'binglide: dir is a directory; -r takes the files in it (E_DIRECTORY)',
    ]);
    expect(lines).to.deep.equal(['file\tstart\tend\tn\th\tmin\tmax', 'dir/two\t0\t2\t2\t0\t0\t0']);
    expect(code).to.equal(1);
  });

  it('takes folders and lists of files', async () => {
    const folder = await place.run('ent', '-r', 'dir');
    expect(folder.lines.slice(1).map((line) => line.split('\t')[0])).to.deep.equal(['dir/deep/one', 'dir/two']);
    const listed = await place.start(['ent', '--files-from', '-', '-0'], { input: 'dir/two\0dir/deep/one\0' }).ended;
    expect(listed.lines.slice(1).map((line) => line.split('\t')[0])).to.deep.equal(['dir/two', 'dir/deep/one']);
  });

  it('a failure is the last line of ndjson', async () => {
    const { code, stderr, lines } = await place.run('hist', '--ndjson', 'a.bni');
    expect([code, stderr]).to.deep.equal([1, '']);
    expect(JSON.parse(lines.at(-1)!)).to.include({
      type: 'error',
      code: 'E_NOT_FOUND',
      message: 'a.bni: no such file; a.bin is there',
      service: 'HIST',
    });
  });

  it('a range past the end says what to try', async () => {
    const { code, stderr } = await place.run('hist', '--range', ':2G', 'a.bin');
    expect(stderr).to.equal('binglide: --range :2G ends past a.bin (0x493e1); try --range 0x0: (E_RANGE)\n');
    expect(code).to.equal(1);
  });
});

describe('binglide on its own', function () {
  this.timeout(60_000);
  let place: Place;
  before(async () => {
    place = await Place.make();
    await writeFile(place.path('a.bin'), mix(300_001, 1));
    await writeFile(place.path('sparse'), '');
    await truncate(place.path('sparse'), sparseBytes);
  });
  after(() => place.remove());

  it('starts what it needs, and leaves nothing behind', async () => {
    const { child, ended } = place.start(['hist', '--json', '-j', '2', 'a.bin']);
    const done = await ended;
    expect([done.code, done.stderr]).to.deep.equal([0, '']);
    expect(json(done)[0].fields.counts).to.deep.equal(countsOf(mix(300_001, 1)));
    expect(await gone(child.pid!)).to.equal(true);
    expect(await readdir(place.path('run'))).to.deep.equal([]);
  });

  it('does not read holes, and counts them', async () => {
    const done = await place.start(['hist', '--json', '--no-cache', 'sparse']).ended;
    const [{ fields, work }] = json(done);
    expect([fields.n, fields.counts[0]]).to.deep.equal([sparseBytes, sparseBytes]);
    // Samples are short, and read.
    expect(work.bytesRead).to.be.below(sparseBytes / 100);
  });

  it('passes over a broker of the environment that is not there, and says so', async () => {
    const env = { BINGLIDE_BROKER: `ipc://${place.path('none.sock')}` };
    const { code, lines, stderr } = await place.start(['ent', 'a.bin'], { env }).ended;
    expect([code, lines.length > 2]).to.deep.equal([0, true]);
    expect(stderr).to.match(/^binglide: no broker at ipc:.* \(\$BINGLIDE_BROKER\); going on without it\n$/);
  });

  it('ends in silence with 141 when nobody reads on', async () => {
    const { child, ended, linesOut } = place.start(['ent', '--ndjson', '--no-cache', 'sparse']);
    await linesOut(1);
    child.stdout!.destroy();
    const { code, stderr } = await ended;
    expect([code, stderr]).to.deep.equal([141, '']);
    expect(await gone(child.pid!)).to.equal(true);
  });

  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    for (const cores of [2, 5]) {
      it(`${signal} to its process group cancels, says what is kept, ends with ${status}: ${cores} slots`, async () => {
        const args = ['hist', '--ndjson', '-j', String(cores), 'sparse'];
        const { child, ended, linesOut } = place.start(args, { detached: true });
        await linesOut(1);
        process.kill(-child.pid!, signal);
        const { code, stderr, lines } = await ended;
        expect(stderr).to.match(/^binglide: stopped at \d+%, kept; the same command goes on from there\n$/);
        expect(JSON.parse(lines.at(-1)!)).to.include({ type: 'error', code: 'E_CANCELLED' });
        expect(code).to.equal(status);
        expect(await gone(child.pid!)).to.equal(true);
      });
    }
  }

  for (const [cores, are] of [
    [2, 'threads'],
    [5, 'processes'],
  ] as const) {
    it(`SIGKILL leaves nothing behind where its slots are ${are}`, async () => {
      const args = ['hist', '--ndjson', '--no-cache', '-j', String(cores), 'sparse'];
      const { child, ended, linesOut } = place.start(args);
      await linesOut(1);
      expect((await slotsOf(child.pid!)).length > 0).to.equal(are === 'processes');
      child.kill('SIGKILL');
      expect((await ended).signal).to.equal('SIGKILL');
      expect(await gone(child.pid!)).to.equal(true);
    });
  }
});
