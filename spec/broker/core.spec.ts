import { expect } from 'chai';
import { diff, ent, hist, jobIdOf, KiB, MiB, measuredInput, query, Story, zeroPart, zeros } from './story.js';

describe('broker/core: a request', () => {
  it('goes from HELLO over measuring and one task to its FINAL, and is kept', () => {
    const story = new Story();
    expect(story.ready('w1')).to.deep.equal(['w1 ← welcome life1', 'resume hashing'].slice(0, 1));
    expect(story.hello('a')).to.deep.equal(['a.c ← welcome life1']);
    expect(story.asks('a1')).to.deep.equal(['measure a1 for HIST']);
    expect(story.measured('a1', 100_000)).to.deep.equal(['w1 ← task 1 of a1: 0:100000', 'pause hashing']);
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.deep.equal([
      'write 0_131072',
      'a.c ← FINAL 1 HIST n=100000',
      'resume hashing',
    ]);
    expect(story.reports[0]!.arrays.counts!.data[0]).to.equal(100_000);
    expect(story.reports[0]!.work).to.include({ tasks: 1, bytesRead: 100_000, chunksComputed: 1, chunksCached: 0 });
    expect(story.core.census()).to.deep.equal({ jobs: 0, rawJobs: 0, chunks: 0, slots: 1, busySlots: 0 });
  });

  it('of what is cached reads it first, needs no worker, and its FINAL is exact', () => {
    const story = new Story({}, { startable: [hist] });
    story.hello('a');
    story.asks('a1');
    expect(
      story.measured(
        'a1',
        3 * MiB,
        [
          [0, 1],
          [0, 2],
          [2, 3],
        ].map(([a, b]) => [a! * MiB, b! * MiB]),
      ),
    ).to.deep.equal(['read 0_2097152 for a1', 'read 2097152_3145728 for a1']);
    const read = (start: number, end: number) =>
      story.handle({ kind: 'chunkRead', jobId: jobIdOf('a1'), bounds: { start, end }, part: zeros(start, end) });
    expect(read(2 * MiB, 3 * MiB)).to.deep.equal(['a.c ← report of a1']);
    expect(story.builds('a1')!.scalars.n).to.equal(MiB);
    expect(read(0, 2 * MiB)).to.deep.equal(['a.c ← FINAL 1 HIST n=3145728']);
    expect(story.reports[0]!.work).to.include({ tasks: 0, bytesRead: 0, chunksCached: 2, chunksComputed: 0 });
  });

  it('of part of a cached chunk cuts it out where every field is per cell, and computes it where one is not', () => {
    const story = Story.open();
    story.ready('w2', ent);
    const bounds = { start: 0, end: MiB };
    const range = { start: 16 * KiB, end: 64 * KiB };
    story.asks('a1', 'ENT', { range, cells: 3 });
    expect(story.measured('a1', 8 * MiB, [[0, MiB]])).to.deep.equal(['read 0_1048576 for a1']);
    const part = zeroPart(ent, { kind: 'exact', runs: [[0, MiB]], cellBytes: 16 * KiB });
    expect(story.handle({ kind: 'chunkRead', jobId: jobIdOf('a1'), bounds, part })).to.deep.equal([
      'a.c ← FINAL 1 ENT n=49152',
    ]);
    // Blocks computed whole: what ENT says of the whole range is not made of them.
    story.asks('a2', 'ENT', { range, params: { block: 16 * KiB } });
    expect(story.measured('a2', 8 * MiB, [[0, MiB]])).to.deep.equal([
      'w2 ← task 1 of a2: 16384:65536',
      'pause hashing',
    ]);
  });

  it('whose cached chunk turns out damaged computes it', () => {
    const story = Story.open();
    story.asks('a1');
    expect(story.measured('a1', 100_000, [[0, 131_072]])).to.deep.equal(['read 0_131072 for a1']);
    const bounds = { start: 0, end: 131_072 };
    expect(story.handle({ kind: 'chunkRead', jobId: jobIdOf('a1'), bounds, part: null })).to.deep.equal([
      'w1 ← task 1 of a1: 0:100000',
      'pause hashing',
    ]);
  });

  it('of an empty file ends at once', () => {
    const story = Story.open();
    story.asks('a1');
    expect(story.measured('a1', 0)).to.deep.equal(['a.c ← FINAL 1 HIST n=0']);
  });

  it('of a file that cannot be read ends in the error that says why', () => {
    const story = Story.open();
    story.asks('a1');
    const fault = { code: 'E_NOT_FOUND', message: '/f: no such file' } as const;
    expect(story.handle({ kind: 'inputsRefused', jobId: jobIdOf('a1'), fault })).to.deep.equal([
      'a.c ← ERROR 1 E_NOT_FOUND of a1: /f: no such file',
    ]);
  });

  it('without the cache neither looks nor keeps, and asks for no hash', () => {
    const story = Story.open();
    story.asks('a1', 'HIST', { cache: false });
    expect(story.measured('a1', [measuredInput(100_000, { hash: null })], [[0, 131_072]])).to.deep.equal([
      'w1 ← task 1 of a1: 0:100000',
      'pause hashing',
    ]);
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.deep.equal(['a.c ← FINAL 1 HIST n=100000', 'resume hashing']);
  });

  it('of a file without a known hash asks for it, and reports it from when it is known', () => {
    const story = Story.open();
    story.asks('a1');
    const input = measuredInput(3 * MiB, { hash: null });
    expect(story.measured('a1', [input])).to.include('hash /f');
    expect(story.builds('a1')!.inputs[0]!.hash).to.equal(null);
    expect(story.handle({ kind: 'inputHashed', id: input.id, hash: 'ab' })).to.deep.equal([]);
    expect(story.builds('a1')!.inputs[0]!.hash).to.equal('ab');
  });

  it('for a range past the file, too many cells, a wrong parameter or another number of files is refused', () => {
    const story = Story.open();
    story.ready('w2', ent);
    const refusals = [
      () => {
        story.asks('a1', 'HIST', { range: { start: 5, end: 200 } });
        return story.measured('a1', 100);
      },
      () => {
        story.asks('a2', 'ENT', { params: { block: 1 } });
        return story.measured('a2', 2 * MiB);
      },
      () => story.asks('a3', 'ENT', { params: { block: -1 } }),
      () => story.asks('a4', 'HIST', { params: { wide: true } }),
      () => story.asks('a5', 'HIST', { inputs: [...query('x').inputs, ...query('x').inputs] }),
    ].map((act) => act());
    expect(refusals).to.deep.equal([
      ['a.c ← ERROR 1 E_RANGE of a1: the range ends past /f (0x64); try 0x5:'],
      ['a.c ← ERROR 2 E_CELLS of a2: --block 1 makes more than 1048576 cells of 2097152 bytes; the least is 2'],
      ['a.c ← ERROR 3 E_PARAM of a3: ENT: block is -1; it takes a number from 0 to ∞'],
      ['a.c ← ERROR 4 E_PARAM of a4: HIST takes no parameter wide; it takes none'],
      ['a.c ← ERROR 5 E_USAGE of a5: HIST takes 1 input, not 2'],
    ]);
  });

  it('spreads over the range, keeps some pieces a slot open, and reports mostly every 50 ms', () => {
    const story = Story.open({ sliceMs: 100 }, ['w1', 'w2']);
    story.asks('a1');
    expect(story.measured('a1', 8 * MiB)).to.deep.equal([
      'w1 ← task 1 of a1: 0:1048576',
      'w2 ← task 2 of a1: 4194304:5242880',
      'pause hashing',
    ]);
    expect(story.core.census().chunks, 'short ones: as many as four slices are').to.equal(8);
    expect(story.answers('w1', 1, zeros(0, MiB), { ms: 4 })).to.deep.equal([
      'write 0_1048576',
      'w1 ← task 3 of a1: 2097152:3145728',
      'a.c ← report of a1',
    ]);
    story.now = 10;
    expect(story.answers('w2', 2, zeros(4 * MiB, 5 * MiB), { ms: 4 })).to.deep.equal([
      'write 4194304_5242880',
      'w2 ← task 4 of a1: 6291456:7340032',
    ]);
    expect(story.passes(39)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['a.c ← report of a1']);
    expect(story.builds('a1')!.scalars.n).to.equal(2 * MiB);
  });

  it('keeps twice the slots open where pieces are as long as slices, and four times as many where they are short', () => {
    const openOf = (sliceMs: number, cache: boolean) => {
      const story = Story.open({ sliceMs }, ['w1', 'w2']);
      story.asks('a1', 'HIST', { cache });
      story.measured('a1', 2 ** 30);
      return story.core.census().chunks;
    };
    expect(openOf(10, false), 'as long').to.equal(4);
    expect(openOf(10_000, true), 'short').to.equal(16);
  });

  for (const [what, sent, apartMs] of [
    ['take long to build has them twenty times that apart', { buildMs: 30, bytes: 60_000 }, 600],
    ['are long has them so far apart that they are 20 MB a second', { buildMs: 2, bytes: 4_500_000 }, 225],
  ] as const) {
    it(`whose reports ${what}`, () => {
      const story = Story.open({ sliceMs: 100 });
      story.asks('a1');
      story.measured('a1', 8 * MiB);
      story.answers('w1', 1, zeros(0, MiB));
      story.handle({ kind: 'reportSent', jobId: jobIdOf('a1'), ...sent });
      story.answers('w1', 2, zeros(4 * MiB, 5 * MiB));
      expect(story.passes(apartMs - 1)).to.deep.equal([]);
      expect(story.passes(1)).to.deep.equal(['a.c ← report of a1']);
    });
  }

  it('folds its fine chunks to a coarse one when the last of them is there', () => {
    const story = Story.open({ sliceMs: 1000 });
    story.asks('a1');
    story.measured('a1', 24 * MiB);
    const writes: string[] = [];
    for (let attempt = 1, task = story.core; attempt <= 24; attempt++) {
      expect(task.census().busySlots).to.equal(1);
      const at = bitReversed(attempt - 1, 24) * MiB;
      writes.push(
        ...story.answers('w1', attempt, zeros(at, at + MiB), { ms: 0.1 }).filter((line) => line.startsWith('write')),
      );
    }
    expect(writes.filter((line) => /^write (\d+)_(\d+)$/.test(line)).length).to.equal(36);
    expect(writes).to.include('write 0_2097152').and.include('write 23068672_25165824');
    expect(story.reports.at(-1)!.scalars.n).to.equal(24 * MiB);
  });
});

/** The i-th of n in the order that spreads. */
function bitReversed(i: number, n: number): number {
  const bits = Math.ceil(Math.log2(n));
  const order: number[] = [];
  for (let j = 0; j < 2 ** bits; j++) {
    const reversed = Number.parseInt(j.toString(2).padStart(bits, '0').split('').reverse().join(''), 2);
    if (reversed < n) order.push(reversed);
  }
  return order[i]!;
}

describe('broker/core: two inputs', () => {
  /** DIFF of files of these sizes; nothing differs. */
  function compare(sizes: [number, number], more: { shift?: number; range?: [number, number] } = {}) {
    const story = Story.open({}, []);
    story.ready('w1', diff);
    const [start, end] = more.range ?? [0, null];
    const inputs = ['/a', '/b'].map((path) => [{ path: Buffer.from(path), offset: 0, length: null }]);
    const params = more.shift === undefined ? {} : { shift: more.shift };
    story.asks('a1', 'DIFF', { inputs, params, range: { start, end } });
    const measured = sizes.map((size, i) => measuredInput(size, { path: '/ab'[i + 1]!, hash: `${i}` }));
    const lines = story.measured('a1', measured);
    const task = lines.find((line) => line.includes(' task '))?.replace(/.*: /, '') ?? 'none';
    if (task !== 'none') story.completes('w1');
    const { range, completion, exact, scalars } = story.reports[0]!;
    const { n, onlyA, onlyB, changedBytes, longestRun } = scalars;
    expect([completion, exact, changedBytes, longestRun]).to.deep.equal([1, true, 0, null]);
    return { task, range, n, onlyA, onlyB };
  }

  it('are compared where both are; the range is that of the longer, whose tail is told and never read', () => {
    expect(compare([10_000, 6000])).to.deep.equal({
      task: '0:6000',
      range: [0, 10_000],
      n: 6000,
      onlyA: 4000,
      onlyB: 0,
    });
    expect(compare([6000, 10_000])).to.deep.equal({
      task: '0:6000',
      range: [0, 10_000],
      n: 6000,
      onlyA: 0,
      onlyB: 4000,
    });
    expect(compare([0, 100])).to.deep.equal({ task: 'none', range: [0, 100], n: 0, onlyA: 0, onlyB: 100 });
    expect(compare([0, 0])).to.deep.equal({ task: 'none', range: [0, 0], n: 0, onlyA: 0, onlyB: 0 });
  });

  it('within a range are told of within it', () => {
    const of = (range: [number, number]) => compare([10_000, 6000], { range });
    expect(of([5000, 8000])).to.deep.equal({ task: '5000:6000', range: [5000, 8000], n: 1000, onlyA: 2000, onlyB: 0 });
    expect(of([8000, 9000])).to.deep.equal({ task: 'none', range: [8000, 9000], n: 0, onlyA: 1000, onlyB: 0 });
  });

  it('shifted are compared at p and p + shift', () => {
    const at = (shift: number, sizes: [number, number]) => compare(sizes, { shift });
    expect(at(1000, [10_000, 6000])).to.deep.equal({
      task: '0:5000',
      range: [0, 10_000],
      n: 5000,
      onlyA: 5000,
      onlyB: 0,
    });
    expect(at(-1000, [10_000, 6000])).to.deep.equal({
      task: '1000:7000',
      range: [0, 10_000],
      n: 6000,
      onlyA: 4000,
      onlyB: 0,
    });
    expect(at(-1000, [5000, 9000])).to.deep.equal({
      task: '1000:5000',
      range: [0, 10_000],
      n: 4000,
      onlyA: 1000,
      onlyB: 5000,
    });
    expect(at(7000, [10_000, 6000])).to.deep.equal({ task: 'none', range: [0, 10_000], n: 0, onlyA: 10_000, onlyB: 0 });
    expect(at(-20_000, [100, 50])).to.deep.equal({ task: 'none', range: [0, 20_050], n: 0, onlyA: 100, onlyB: 50 });
  });
});
