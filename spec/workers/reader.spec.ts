import { expect } from 'chai';
import { Reader, ReadPace } from '../../workers/reader.js';
import { Rows } from '../../workers/rows.js';
import { resolveRoots, Source } from '../../workers/source.js';
import { inputOf, Sandbox } from './fixture.js';

const KiB = 1024;

describe('workers/reader: the bytes of batches', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  const bytes = Uint8Array.from({ length: 300 * KiB }, (_, i) => (i * 7 + (i >> 8)) & 255);
  const open = (name: string) => {
    sandbox.write(name, bytes);
    return new Source(inputOf(sandbox.path(name)), resolveRoots([sandbox.folder]));
  };
  const batch = (turn: number, start: number, end: number) => {
    const rows = new Rows(turn);
    rows.add(start, end, 0);
    return rows;
  };

  it('are the file’s, read at once or ahead, and a batch stays as it is while the next one is read', async () => {
    const source = open('a');
    const reader = new Reader([source], 0);
    const [first, second] = [batch(0, 5, 100 * KiB), batch(1, 100 * KiB, 250 * KiB)];
    await reader.fill(first);
    reader.begin(second);
    const seen = first.row(0).slice();
    await reader.fill(second);
    expect(Buffer.compare(first.row(0), seen), 'the first batch').to.equal(0);
    expect(Buffer.compare(seen, bytes.subarray(5, 100 * KiB))).to.equal(0);
    expect(Buffer.compare(second.row(0), bytes.subarray(100 * KiB, 250 * KiB))).to.equal(0);
    expect(source.bytesRead).to.equal(250 * KiB - 5);
    source.close();
  });

  it('are read ahead for more than one batch, whichever is done first', async () => {
    const source = open('e');
    const reader = new Reader([source], 0);
    expect(reader.aheadMax).to.equal(2);
    const batches = [0, 1, 2].map((turn) => batch(turn, turn * 100 * KiB, (turn + 1) * 100 * KiB));
    for (const rows of batches.slice(1)) reader.begin(rows);
    for (const rows of batches) await reader.fill(rows);
    for (const [turn, rows] of batches.entries()) {
      const expected = bytes.subarray(turn * 100 * KiB, (turn + 1) * 100 * KiB);
      expect(Buffer.compare(rows.row(0), expected), `batch ${turn}`).to.equal(0);
    }
    source.close();
  });

  it('of two inputs come from places as far apart as the shift says', async () => {
    const sources = [open('b'), open('c')];
    const reader = new Reader(sources, 1000);
    expect(reader.aheadMax, 'a head has to go to and fro as it is').to.equal(1);
    const rows = batch(1, 4096, 8192);
    reader.begin(rows);
    await reader.fill(rows);
    expect(Buffer.compare(rows.row(0, 0), bytes.subarray(4096, 8192))).to.equal(0);
    expect(Buffer.compare(rows.row(0, 1), bytes.subarray(5096, 9192))).to.equal(0);
    for (const source of sources) source.close();
  });

  it('that cannot be read are told when they are asked for, and nobody else is bothered', async () => {
    const source = open('d');
    const reader = new Reader([source], 0);
    const beyond = batch(1, 0, 4096);
    sandbox.write('d', bytes.subarray(0, 100));
    reader.begin(beyond);
    await reader.idle();
    const failure = await reader.fill(beyond).catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'E_CHANGED');
    source.close();
  });
});

describe('workers/reader: whether reads come from a disk', () => {
  const mib = 2 ** 20;
  const isSlowAfter = (...reads: readonly [ms: number, bytes: number][]) => {
    const pace = new ReadPace();
    for (const read of reads) pace.took(...read);
    return pace.isSlow;
  };

  it('is told by slow reads that follow each other, and not by one of a thread that waited for its processor', () => {
    expect(isSlowAfter()).to.equal(false);
    expect(isSlowAfter([5, mib])).to.equal(false);
    expect(isSlowAfter([5, mib], [0.2, mib], [5, mib])).to.equal(false);
    expect(isSlowAfter([5, mib], [5, mib])).to.equal(true);
    expect(isSlowAfter([5, mib], [5, mib], [0.2, mib])).to.equal(false);
  });

  it('goes by the MiB, and short reads count as one', () => {
    expect(isSlowAfter([3, 4 * mib], [3, 4 * mib])).to.equal(false);
    expect(isSlowAfter([3, 2 * mib], [3, 2 * mib])).to.equal(true);
    expect(isSlowAfter([0.9, 4096], [0.9, 4096])).to.equal(false);
    expect(isSlowAfter([1.1, 4096], [1.1, 4096])).to.equal(true);
  });
});

describe('workers/source: what a seek costs', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('is told of short reads in several places, and of nothing else', () => {
    sandbox.write('a', new Uint8Array(1024 * KiB));
    const source = new Source(inputOf(sandbox.path('a')), resolveRoots([sandbox.folder]));
    const target = new Uint8Array(1024 * KiB);
    source.read(target, 0, 512 * KiB, 0);
    for (const offset of [512, 516, 520]) source.read(target, 0, 4 * KiB, offset * KiB);
    expect(source.seekMs, 'reads in sequence').to.equal(undefined);
    for (const offset of [0, 300, 100]) source.read(target, 0, 4 * KiB, offset * KiB);
    expect(source.seekMs).to.be.a('number').and.to.be.above(0);
    source.close();
  });
});
