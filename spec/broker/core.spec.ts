import { expect } from 'chai';
import { ent, heartbeatMs, hist, jobIdOf, KiB, MiB, measuredInput, query, Story, zeros } from './story.js';

/** A running job of client a whose only task is on w1: 100,000 bytes of HIST, one chunk, one slice. */
function oneTask(options = {}, workers = ['w1']): Story {
  const story = Story.open(options, workers);
  story.asks('a1');
  story.measured('a1', 100_000);
  return story;
}

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

  it('spreads over the range, keeps twice the slots open, and reports at most every 25 ms', () => {
    const story = Story.open({ sliceMs: 100 }, ['w1', 'w2']);
    story.asks('a1');
    expect(story.measured('a1', 8 * MiB)).to.deep.equal([
      'w1 ← task 1 of a1: 0:1048576',
      'w2 ← task 2 of a1: 4194304:5242880',
      'pause hashing',
    ]);
    expect(story.core.census().chunks).to.be.at.most(4);
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
    expect(story.passes(14)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['a.c ← report of a1']);
    expect(story.builds('a1')!.scalars.n).to.equal(2 * MiB);
  });

  it('whose reports take long to build has them ten times that apart', () => {
    const story = Story.open({ sliceMs: 100 });
    story.asks('a1');
    story.measured('a1', 8 * MiB);
    story.answers('w1', 1, zeros(0, MiB));
    story.handle({ kind: 'reportSent', jobId: jobIdOf('a1'), buildMs: 30 });
    story.answers('w1', 2, zeros(4 * MiB, 5 * MiB));
    expect(story.passes(299)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['a.c ← report of a1']);
  });

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

describe('broker/core: a request that nobody can serve', () => {
  it('waits for its service, is started when a worker comes, and keeps its place', () => {
    const story = Story.open({}, []);
    expect(story.asks('a1')).to.deep.equal([]);
    expect(story.passes(1499)).to.deep.equal([]);
    expect(story.ready('w1')).to.deep.equal(['w1 ← welcome life1', 'measure a1 for HIST']);
    expect(story.passes(10_000).length, 'nobody says a word in 10 s').to.be.at.most(2);
  });

  it('ends after serviceWaitMs in E_NO_SERVICE, which names what is there', () => {
    const story = Story.open({ serviceWaitMs: 700, heartbeatMs: 10_000 }, ['w1']);
    story.ready('w2', ent);
    story.says('p1', { kind: 'plainReady', service: 'echo' });
    story.asks('a1', 'NOPE');
    story.asks('a2', 'HIST', { version: 77 });
    expect(story.passes(699)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal([
      'a.c ← ERROR 1 E_NO_SERVICE of a1: no service NOPE; ENT HIST echo are there',
      'a.c ← ERROR 2 E_NO_SERVICE of a2: no service HIST version 77; ENT HIST echo are there',
    ]);
    expect(Story.open({}, []).asks('a1')).to.deep.equal([]);
  });

  it('of a service that can be started here waits longer, and says that no worker came', () => {
    const story = new Story({ workerWaitMs: 9000, heartbeatMs: 100_000 }, { startable: [hist] });
    story.hello('a');
    expect(story.asks('a1')).to.deep.equal(['measure a1 for HIST']);
    story.measured('a1', 100);
    expect(story.passes(8999)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['a.c ← ERROR 1 E_NO_SERVICE of a1: no worker of HIST came']);
  });

  it('whose last worker died waits for another from that moment', () => {
    const story = oneTask({ workerWaitMs: 5000, heartbeatMs: 100_000 });
    story.now = 60_000;
    expect(story.goes('w1')).to.deep.equal([]);
    expect(story.passes(4999)).to.deep.equal([]);
    expect(story.ready('w2')).to.deep.equal(['w2 ← welcome life1', 'w2 ← task 2 of a1: 0:28672']);
    expect(story.passes(20_000)).to.deep.equal([]);
  });

  it('raw is the same: E_NO_SERVICE names what is there', () => {
    const story = Story.open({ heartbeatMs: 10_000 });
    expect(story.asksRaw('a1', 'echo', 'x')).to.deep.equal([]);
    expect(story.passes(1500)).to.deep.equal(['a.c ← ERROR 1 E_NO_SERVICE of a1: no service echo; HIST are there']);
  });

  it('past jobsMax is E_BUSY, opaque ones counted, and may come again when there is room', () => {
    const story = Story.open({ jobsMax: 2 });
    story.asksRaw('a1', 'echo', 'x');
    story.asks('a2');
    const busy = (n: number) => `a.c ← ERROR ${n} E_BUSY of a${n}: 2 jobs are under way, as many as this broker takes`;
    expect(story.asks('a3')).to.deep.equal([busy(3)]);
    expect(story.asksRaw('a4', 'echo', 'x')).to.deep.equal([busy(4)]);
    story.cancels('a', 'a1');
    expect(story.asks('a3')).to.deep.equal(['measure a3 for HIST']);
  });
});

describe('broker/core: a cancel', () => {
  it('by the owner is a final E_CANCELLED; the worker is told, its late answer is dropped and its slot then free', () => {
    const story = oneTask();
    expect(story.cancels('a', 'a1')).to.deep.equal([
      'publish cancel a1',
      'w1 ← cancel a1: 1',
      'a.c ← ERROR 1 E_CANCELLED of a1: the job was cancelled',
      'resume hashing',
    ]);
    story.asks('a2');
    expect(story.measured('a2', 100_000), 'the slot is busy until the worker has answered').to.deep.equal([]);
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.deep.equal(['w1 ← task 2 of a2: 0:100000', 'pause hashing']);
  });

  it('by request number alone is of the asker’s own', () => {
    const story = oneTask();
    expect(story.says('a.c', { kind: 'clientCancel', requestId: 1 as never })).to.include(
      'a.c ← ERROR 1 E_CANCELLED of a1: the job was cancelled',
    );
  });

  it('by another tells the owner, and acknowledges to who cancelled', () => {
    const story = oneTask();
    story.hello('b');
    expect(story.cancels('b', 'a1')).to.deep.equal([
      'publish cancel a1',
      'w1 ← cancel a1: 1',
      'a.c ← ERROR 1 E_CANCELLED of a1: the job was cancelled',
      'b.c ← CANCEL a1 cancelled',
      'resume hashing',
    ]);
    expect(story.passes(100)).to.deep.equal([]);
    expect(story.builds('a1')).to.equal(undefined);
  });

  it('of what nobody knows, or what has ended, says so', () => {
    const story = oneTask();
    expect(story.cancels('a', 'a9')).to.deep.equal(['a.c ← CANCEL a9 unknown']);
    story.answers('w1', 1, zeros(0, 100_000));
    expect(story.cancels('a', 'a1')).to.deep.equal(['a.c ← CANCEL a1 ended']);
    expect(story.says('a.c', { kind: 'clientCancel', jobId: 'nonsense' })).to.deep.equal([
      'a.c ← CANCEL nonsense unknown',
    ]);
  });

  it('is said again with each heartbeat until the worker has answered', () => {
    const story = oneTask();
    story.cancels('a', 'a1');
    story.beats('w1');
    const told = story.passesWithBeats(heartbeatMs).filter((line) => line.startsWith('w1'));
    expect(told).to.deep.equal(['w1 ← cancel a1: 1']);
    story.fails('w1', 1, { code: 'E_CANCELLED', message: '' });
    story.hello('a');
    expect(story.passesWithBeats(heartbeatMs).filter((line) => line.startsWith('w1'))).to.deep.equal([
      'w1 ← heartbeat',
    ]);
  });

  it('in any phase ends the job: waiting for a service, for the shell, for a chunk of the cache', () => {
    const story = Story.open({}, []);
    const ended = 'a.c ← ERROR 1 E_CANCELLED of a1: the job was cancelled';
    story.asks('a1');
    expect(story.cancels('a', 'a1')).to.deep.equal([ended]);
    const measuring = Story.open();
    measuring.asks('a1');
    expect(measuring.cancels('a', 'a1')).to.deep.equal([ended]);
    expect(measuring.measured('a1', 100)).to.deep.equal([]);
    const reading = Story.open();
    reading.asks('a1');
    reading.measured('a1', 100, [[0, 128]]);
    expect(reading.cancels('a', 'a1')).to.deep.equal([ended]);
    const bounds = { start: 0, end: 128 };
    expect(reading.handle({ kind: 'chunkRead', jobId: jobIdOf('a1'), bounds, part: zeros(0, 100) })).to.deep.equal([]);
  });

  it('that races the last part loses: the FINAL stands, and nothing follows it', () => {
    const story = oneTask();
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.include('a.c ← FINAL 1 HIST n=100000');
    expect(story.cancels('a', 'a1')).to.deep.equal(['a.c ← CANCEL a1 ended']);
  });

  it('answered by a worker for a piece that is still wanted gives it again, and blames nobody', () => {
    const story = oneTask();
    for (let attempt = 1; attempt <= 5; attempt++) {
      expect(story.fails('w1', attempt, { code: 'E_CANCELLED', message: '' })).to.deep.equal([
        `w1 ← task ${attempt + 1} of a1: 0:100000`,
      ]);
    }
  });
});

describe('broker/core: two jobs that want the same piece', () => {
  function shared(): Story {
    const story = Story.open({}, ['w1', 'w2'], ['a', 'b']);
    story.asks('a1');
    story.asks('b1');
    expect(story.measured('a1', 100_000)).to.deep.equal(['w1 ← task 1 of a1: 0:100000', 'pause hashing']);
    expect(story.measured('b1', 100_000), 'no second computation, though a worker is idle').to.deep.equal([]);
    return story;
  }

  it('share one computation, and both have their FINAL', () => {
    const story = shared();
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.deep.equal([
      'write 0_131072',
      'a.c ← FINAL 1 HIST n=100000',
      'b.c ← FINAL 1 HIST n=100000',
      'resume hashing',
    ]);
    expect(story.reports.map(({ work }) => [work.tasks, work.bytesRead])).to.deep.equal([
      [1, 100_000],
      [0, 0],
    ]);
  });

  it('go on when the one whose turn it was is cancelled, and stop when nobody is left', () => {
    const story = shared();
    expect(story.cancels('a', 'a1')).to.deep.equal(['a.c ← ERROR 1 E_CANCELLED of a1: the job was cancelled']);
    const other = shared();
    other.cancels('a', 'a1');
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.include('b.c ← FINAL 1 HIST n=100000');
    expect(other.cancels('b', 'b1')).to.deep.equal([
      'publish cancel a1',
      'w1 ← cancel a1: 1',
      'b.c ← ERROR 1 E_CANCELLED of b1: the job was cancelled',
      'resume hashing',
    ]);
  });

  it('fail together when the piece fails', () => {
    const story = shared();
    expect(story.fails('w1', 1, { code: 'E_SERVICE', message: 'boom' })).to.deep.equal([
      'a.c ← ERROR 1 E_SERVICE of a1: boom [0,100000]',
      'b.c ← ERROR 1 E_SERVICE of b1: boom [0,100000]',
      'resume hashing',
    ]);
  });
});

/** Who was given a task. */
const peerOf = (lines: readonly string[]) => lines.find((line) => / task /.test(line))!.split(' ')[0]!;

describe('broker/core: workers that die, stall or answer late', () => {
  it('a dead worker’s task goes to another at once', () => {
    const story = oneTask({}, ['w1', 'w2']);
    // In four pieces: should another die of it, fewer bytes are to blame.
    expect(story.goes('w1')).to.deep.equal(['w2 ← task 2 of a1: 0:28672']);
    const edges = [0, 28_672, 57_344, 86_016, 100_000];
    for (let attempt = 2; attempt <= 4; attempt++) {
      const lines = story.answers('w2', attempt, zeros(edges[attempt - 2]!, edges[attempt - 1]!));
      expect(lines).to.include(`w2 ← task ${attempt + 1} of a1: ${edges[attempt - 1]}:${edges[attempt]}`);
    }
    expect(story.answers('w2', 5, zeros(86_016, 100_000))).to.include('a.c ← FINAL 1 HIST n=100000');
  });

  it('what it held ahead goes to the head of the queue as well, free of blame', () => {
    const story = new Story({ sliceMs: 0.25, blameMax: 2 });
    story.ready('w1', hist, { credit: 3 });
    story.hello('a');
    story.asks('a1');
    expect(story.measured('a1', MiB)).to.deep.equal([
      'w1 ← task 1 of a1: 0:65536',
      'w1 ← task 2 of a1: 65536:131072',
      'w1 ← task 3 of a1: 131072:196608',
      'pause hashing',
    ]);
    story.ready('w2', hist, { credit: 3 });
    expect(story.goes('w1')).to.deep.equal([]);
    story.goes('w2');
    expect(story.ready('w3', hist, { credit: 1 })).to.include('w3 ← task 7 of a1: 0:16384');
  });

  it('bytes that kill their worker blameMax times end their job in E_CRASHED, which names them', () => {
    const story = oneTask();
    expect(story.goes('w1')).to.deep.equal([]);
    expect(story.ready('w2')).to.include('w2 ← task 2 of a1: 0:28672');
    expect(story.goes('w2')).to.deep.equal([]);
    expect(story.ready('w3')).to.include('w3 ← task 3 of a1: 0:8192');
    expect(story.goes('w3')).to.deep.equal([
      'a.c ← ERROR 1 E_CRASHED of a1: HIST died 3 times on bytes 0x0:0x2000 [0,8192]',
      'resume hashing',
    ]);
    expect(story.core.census()).to.include({ jobs: 0, chunks: 0, slots: 0 });
  });

  it('deaths on different bytes of a piece, however many, end nothing', () => {
    const story = oneTask();
    const deadly = new Set([0, 28_672, 57_344, 86_016]);
    let lines = ['w1 ← task 1 of a1: 0:100000'];
    let deaths = 0;
    for (let turn = 0; turn < 100 && story.reports.length === 0; turn++) {
      const task = lines.map((line) => /task (\d+) of a1: (\d+):(\d+)/.exec(line)).find((match) => match);
      if (!task) {
        lines = story.ready(`next${turn}`);
      } else if (deadly.delete(Number(task[2]))) {
        deaths++;
        lines = story.goes(peerOf(lines));
      } else {
        const peer = peerOf(lines);
        lines = story.answers(peer, Number(task[1]), zeros(Number(task[2]), Number(task[3])));
      }
    }
    expect(deaths).to.equal(4);
    expect(story.reports.map(({ scalars }) => scalars.n)).to.deep.equal([100_000]);
  });

  it('an answer with another epoch, or an attempt that is not owed, is a sign of life and nothing more', () => {
    const story = oneTask({}, ['w1', 'w2']);
    expect(story.answers('w1', 1, zeros(0, 100_000), { epoch: 'before' as never })).to.deep.equal([]);
    expect(story.answers('w1', 7, zeros(0, 100_000))).to.deep.equal([]);
    expect(story.answers('w2', 1, zeros(0, 100_000)), 'another worker’s attempt').to.deep.equal([]);
    expect(story.fails('w2', 1, { code: 'E_SERVICE', message: 'x' })).to.deep.equal([]);
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.include('a.c ← FINAL 1 HIST n=100000');
    expect(story.answers('w1', 1, zeros(0, 100_000)), 'the same again').to.deep.equal([]);
  });

  it('a worker silent for five intervals is given up, and when it speaks again it is told to start anew', () => {
    const story = oneTask();
    story.now = 4000;
    story.hello('a');
    story.ready('w2');
    expect(story.passes(999)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['w2 ← task 2 of a1: 0:28672']);
    expect(story.answers('w1', 1, zeros(0, 100_000)), 'a frozen worker thaws').to.deep.equal(['w1 ← disconnect']);
    expect(story.ready('w3')).to.deep.equal(['w3 ← welcome life1', 'w3 ← task 3 of a1: 28672:57344']);
    expect(story.answers('w2', 2, zeros(0, 28_672))).to.deep.equal([
      'w2 ← task 4 of a1: 57344:86016',
      'a.c ← report of a1',
    ]);
  });

  it('a task without progress for taskStallMs ends its job in E_STALLED; its worker is dismissed', () => {
    const story = oneTask({ taskStallMs: 3000 });
    for (let i = 0; i < 5; i++) {
      story.now += 1000;
      story.hello('a');
      expect(story.beats('w1', 1, i * 1000)).to.deep.equal([]);
    }
    story.now += 900;
    story.beats('w1', 1, 4000);
    story.hello('a');
    expect(story.passes(2099)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal([
      'publish cancel a1',
      'w1 ← cancel a1: 1',
      'a.c ← ERROR 1 E_STALLED of a1: HIST made no progress for 3000 ms at 0x0 [0,100000]',
      'w1 ← disconnect',
      'resume hashing',
    ]);
  });

  it('a service’s own error is not tried again', () => {
    const story = oneTask({}, ['w1', 'w2']);
    expect(story.fails('w1', 1, { code: 'E_SERVICE', message: 'boom', range: [5, 6] })).to.deep.equal([
      'a.c ← ERROR 1 E_SERVICE of a1: boom [5,6]',
      'resume hashing',
    ]);
  });

  it('a part that is not what was asked for ends the job, names the bytes, and the broker lives', () => {
    const story = oneTask();
    const wrong = zeros(0, 100_000);
    wrong.columns.counts![0] = 100_001;
    expect(story.answers('w1', 1, wrong)).to.deep.equal([
      'a.c ← ERROR 1 E_PROTOCOL of a1: part field counts: 100001 is more than 100000 bytes can add up to [0,100000]',
      'resume hashing',
    ]);
  });

  it('a worker that leaves on its own has its task given again', () => {
    const story = oneTask({}, ['w1', 'w2']);
    expect(story.says('w1', { kind: 'workerDisconnect' })).to.deep.equal(['w2 ← task 2 of a1: 0:28672']);
    expect(story.beats('w1')).to.deep.equal(['w1 ← disconnect']);
  });

  it('one slot of three workers runs one task at a time', () => {
    const story = new Story();
    story.ready('w1', hist, { slot: 's' });
    story.ready('w2', ent, { slot: 's' });
    story.hello('a');
    story.asks('a1');
    story.asks('a2', 'ENT');
    expect(story.measured('a1', 100_000)).to.deep.equal(['w1 ← task 1 of a1: 0:100000', 'pause hashing']);
    expect(story.measured('a2', 100_000)).to.deep.equal([]);
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.deep.equal([
      'write 0_131072',
      'a.c ← FINAL 1 HIST n=100000',
      'w2 ← task 2 of a2: 0:100000',
    ]);
  });
});

describe('broker/core: the same request again', () => {
  it('while it runs re-attaches: the newest report at once, to where the client is now, and no second job', () => {
    const story = Story.open({ sliceMs: 100 });
    story.asks('a1');
    story.measured('a1', 8 * MiB);
    story.answers('w1', 1, zeros(0, MiB));
    story.now = 5;
    expect(story.hello('a', 'a.other')).to.deep.equal(['a.other ← welcome life1']);
    expect(story.asks('a1', 'HIST', {}, 'a.other')).to.deep.equal(['a.other ← report of a1']);
    expect(story.asks('a1', 'HIST', {}, 'a.c'), 'the old connection').to.deep.equal(['a.c ← disconnect']);
    expect(story.core.census().jobs).to.equal(1);
  });

  it('after it failed hears the same error for outcomeMs, then is tried anew', () => {
    const story = oneTask({ outcomeMs: 1000 });
    story.fails('w1', 1, { code: 'E_SERVICE', message: 'boom' });
    const same = ['a.c ← ERROR 1 E_SERVICE of a1: boom [0,100000]'];
    expect(story.asks('a1')).to.deep.equal(same);
    story.now = 999;
    expect(story.asks('a1')).to.deep.equal(same);
    story.now = 1000;
    expect(story.asks('a1')).to.deep.equal(['measure a1 for HIST']);
  });

  it('after its FINAL is answered again, from what is cached', () => {
    const story = oneTask();
    story.answers('w1', 1, zeros(0, 100_000));
    expect(story.asks('a1')).to.deep.equal(['measure a1 for HIST']);
  });

  it('after a restart of the broker starts again: nobody it knew is known', () => {
    const story = new Story({}, { epoch: 'life2' });
    expect(story.asks('a1')).to.deep.equal(['a.c ← disconnect']);
    expect(story.beats('w1')).to.deep.equal(['w1 ← disconnect']);
    expect(story.answers('w1', 1, zeros(0, 1), { epoch: 'life1' as never })).to.deep.equal(['w1 ← disconnect']);
    expect(story.hello('a')).to.deep.equal(['a.c ← welcome life2']);
    expect(story.ready('w1')).to.deep.equal(['w1 ← welcome life2']);
    expect(story.asks('a1')).to.deep.equal(['measure a1 for HIST']);
  });
});

describe('broker/core: clients that go', () => {
  it('a silent client has its jobs cancelled after five intervals, and nobody is told but the workers', () => {
    const story = oneTask();
    story.now = 4500;
    story.beats('w1');
    expect(story.passes(499)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['publish cancel a1', 'w1 ← cancel a1: 1', 'resume hashing']);
    expect(story.core.census().jobs).to.equal(0);
  });

  it('a client that comes back after that goes on with the same request', () => {
    const story = oneTask();
    story.now = 4500;
    story.beats('w1');
    story.passes(500);
    expect(story.asks('a1')).to.deep.equal(['a.c ← disconnect']);
    story.hello('a', 'a.new');
    expect(story.asks('a1', 'HIST', {}, 'a.new')).to.deep.equal(['measure a1 for HIST']);
  });

  it('a client that says good-bye has its jobs cancelled at once', () => {
    const story = oneTask();
    expect(story.says('a.c', { kind: 'clientDisconnect' })).to.deep.equal([
      'publish cancel a1',
      'w1 ← cancel a1: 1',
      'resume hashing',
    ]);
  });

  it('a client whose connection is lost keeps its job, for it may come back on another', () => {
    const story = oneTask();
    expect(story.goes('a.c')).to.deep.equal([]);
    story.hello('a', 'a.new');
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.include('a.new ← FINAL 1 HIST n=100000');
  });

  it('a plain client whose connection is lost is gone, and its jobs with it', () => {
    const story = Story.open({}, ['w1'], []);
    story.says('w2', { kind: 'plainReady', service: 'echo' });
    const body = Buffer.from([0x81, 0xa6, ...Buffer.from('inputs'), 0x91, 0xa2, ...Buffer.from('/f')]);
    expect(story.asksPlain('p1', 'HIST', body)).to.deep.equal(['measure plain1 for HIST']);
    story.asksPlain('p1', 'echo', 'hi');
    expect(story.core.census()).to.include({ jobs: 1, rawJobs: 1 });
    expect(story.goes('p1')).to.deep.equal([]);
    expect(story.core.census()).to.include({ jobs: 0, rawJobs: 0 });
    expect(story.passes(150), 'the answer does not come in time').to.deep.equal(['w2 ← disconnect']);
  });

  it('a connection that says HELLO under another name ends what it was before', () => {
    const story = oneTask();
    expect(story.hello('b', 'a.c')).to.deep.equal([
      'publish cancel a1',
      'w1 ← cancel a1: 1',
      'a.c ← welcome life1',
      'resume hashing',
    ]);
    const plain = Story.open({}, ['w1'], []);
    plain.asksPlain('p1', 'echo', 'hi');
    expect(plain.hello('a', 'p1')).to.deep.equal(['p1 ← welcome life1']);
    expect(plain.core.census().rawJobs).to.equal(0);
  });
});

describe('broker/core: fairness and order', () => {
  it('a viewer’s small job does not wait behind another’s batch', () => {
    const story = Story.open({}, ['w1'], ['a', 'b']);
    for (const n of [1, 2, 3, 4, 5]) {
      story.asks(`a${n}`);
      story.measured(`a${n}`, [measuredInput(100_000, { path: `/a${n}`, hash: `a${n}` })]);
    }
    story.asks('b1');
    story.measured('b1', [measuredInput(100_000, { path: '/b', hash: 'b0' })]);
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.include('w1 ← task 2 of b1: 0:100000');
  });

  it('nor behind the same client’s own: jobs of one client take turns', () => {
    const story = Story.open({ sliceMs: 1 }, ['w1'], ['a']);
    story.asks('a1');
    story.measured('a1', [measuredInput(64 * MiB, { path: '/big', hash: 'b1' })]);
    story.asks('a2');
    story.measured('a2', [measuredInput(100_000, { path: '/small', hash: '52' })]);
    expect(story.answers('w1', 1, zeros(0, 262_144)).join()).to.match(/task 2 of a2: 0:100000/);
  });
});

describe('broker/core: shares of worker time', () => {
  const slow = { ...ent, version: 2 };

  /** Two services on one slot, each task answered at once with what it is said to have taken; the shares of each job. */
  function serve(story: Story, workers: { readonly [peer: string]: number }, tasks: number): { [job: string]: number } {
    const shares: { [job: string]: number } = {};
    for (let i = 0; i < tasks; i++) {
      const peer = Object.keys(workers).find((it) => story.given.get(it)!.length > 0)!;
      const { job } = story.given.get(peer)![0]!;
      shares[job] = (shares[job] ?? 0) + workers[peer]!;
      story.completes(peer, workers[peer]!);
    }
    return shares;
  }

  function asks(story: Story, job: string, version: number): void {
    story.asks(job, 'ENT', { version });
    story.measured(job, [measuredInput(256 * MiB, { path: `/${job}`, hash: job })]);
  }

  it('are equal for two clients, though one’s tasks take ten times as long', () => {
    const story = new Story();
    story.ready('quick', ent, { slot: 's' });
    story.ready('slow', slow, { slot: 's' });
    for (const letter of ['a', 'b']) story.hello(letter);
    asks(story, 'a1', 2);
    asks(story, 'b1', 1);
    const shares = serve(story, { quick: 10, slow: 100 }, 300);
    expect(shares.a1! / shares.b1!).to.be.within(0.8, 1.25);
  });

  it('are equal for two clients, though one has a slow job beside a quick one', () => {
    const story = new Story();
    story.ready('quick', ent, { slot: 's' });
    story.ready('slow', slow, { slot: 's' });
    for (const letter of ['a', 'b']) story.hello(letter);
    asks(story, 'a1', 2);
    asks(story, 'a2', 1);
    asks(story, 'b1', 1);
    const shares = serve(story, { quick: 10, slow: 100 }, 400);
    expect((shares.a1! + shares.a2!) / shares.b1!, JSON.stringify(shares)).to.be.within(0.8, 1.25);
    expect(shares.a1! / shares.a2!, JSON.stringify(shares)).to.be.within(0.7, 1.4);
  });
});

describe('broker/core: samples', () => {
  it('come first, spread over the range, and a report with them before any byte is exact', () => {
    const story = Story.open({ sampleAboveMs: 60 });
    story.asks('a1');
    expect(story.measured('a1', 64 * MiB)).to.deep.equal(['w1 ← task 1 of a1: 32 runs from 53248', 'pause hashing']);
    expect(story.completes('w1')).to.deep.equal(['w1 ← task 2 of a1: 32 runs from 33579008', 'a.c ← report of a1']);
    const report = story.builds('a1')!;
    expect(report).to.include({ completion: 0, exact: false });
    expect(report.scalars).to.deep.include({ n: 0, sampledBytes: 128 * KiB });
    expect(report.arrays.counts!.data[0]).to.be.within(4 * MiB - 300_000, 4 * MiB);
    for (let i = 2; i <= 16; i++) story.completes('w1');
    expect(story.builds('a1')!.arrays.counts!.data[0]).to.be.within(63 * MiB, 64 * MiB);
    expect(story.given.get('w1')![0]!.task.kind, 'exact pieces follow').to.equal('exact');
    for (let i = 0; i < 1000 && story.reports.length === 0; i++) story.completes('w1');
    expect(story.reports[0]!).to.include({ exact: true });
    expect(story.reports[0]!.scalars).to.deep.equal({ n: 64 * MiB });
    expect(story.reports[0]!.arrays.counts!.data[0]).to.equal(64 * MiB);
  });

  it('are not taken of what is quickly computed or already cached', () => {
    const story = Story.open({ sampleAboveMs: 60 });
    story.asks('a1');
    expect(story.measured('a1', 8 * MiB)).to.include('w1 ← task 1 of a1: 0:1048576');
    story.cancels('a', 'a1');
    story.completes('w1');
    story.asks('a2');
    expect(story.measured('a2', 64 * MiB, [[0, 64 * MiB]])).to.deep.equal(['read 0_67108864 for a2']);
  });

  it('that kill their worker are done without', () => {
    const story = Story.open({ sampleAboveMs: 60 }, ['w1', 'w2']);
    story.asks('a1');
    story.measured('a1', 64 * MiB);
    for (let i = 0; i < 200 && story.reports.length === 0; i++) {
      const isSample = story.given.get('w1')![0]?.task.kind === 'sample';
      if (isSample) {
        story.goes('w1');
        story.ready('w1');
      }
      for (const peer of ['w1', 'w2']) if (story.given.get(peer)!.length > 0) story.completes(peer);
    }
    expect(story.reports.map(({ scalars }) => scalars.n)).to.deep.equal([64 * MiB]);
  });
});

describe('broker/core: the clock', () => {
  it('is asked for early enough and never in vain for ever: five quiet minutes are a few events a second', () => {
    const story = Story.open({}, ['w1', 'w2']);
    let events = 0;
    for (let second = 0; second < 300; second++) {
      story.now = second * 1000;
      for (const peer of ['w1', 'w2']) story.beats(peer);
      story.says('a.c', { kind: 'clientHeartbeat' });
      for (let at = story.core.nextDeadline(); at < (second + 1) * 1000; at = story.core.nextDeadline()) {
        story.now = Math.max(story.now, at);
        story.handle({ kind: 'deadlineReached' });
        events++;
      }
    }
    expect(events).to.be.within(250, 1500);
  });

  it('ticks the cancellation channel once an interval, and beats only where nothing else was said', () => {
    const story = Story.open();
    expect(story.passesWithBeats(999)).to.deep.equal([]);
    expect([...story.passesWithBeats(1)].sort()).to.deep.equal(['a.c ← heartbeat', 'tick', 'w1 ← heartbeat']);
    story.now = 1500;
    story.hello('a');
    expect([...story.passesWithBeats(500)].sort()).to.deep.equal(['tick', 'w1 ← heartbeat']);
    expect(story.passesWithBeats(500)).to.deep.equal(['a.c ← heartbeat']);
  });
});

describe('broker/core: slices', () => {
  it('are issued in sequence within a chunk, lost ones first, and folded whatever comes first', () => {
    const story = new Story({ sliceMs: 0.5 });
    story.ready('w1', hist, { credit: 8 });
    story.hello('a');
    story.asks('a1');
    expect(story.measured('a1', 512 * KiB)).to.deep.equal([
      'w1 ← task 1 of a1: 0:131072',
      'w1 ← task 2 of a1: 131072:262144',
      'w1 ← task 3 of a1: 262144:393216',
      'w1 ← task 4 of a1: 393216:524288',
      'pause hashing',
    ]);
    for (const attempt of [3, 1, 4]) {
      const at = (attempt - 1) * 128 * KiB;
      const lines = story.answers('w1', attempt, zeros(at, at + 128 * KiB));
      expect(lines).to.deep.equal(attempt === 3 ? ['a.c ← report of a1'] : []);
    }
    expect(story.builds('a1')!.scalars.n, 'slices show before their piece is complete').to.equal(384 * KiB);
    expect(story.fails('w1', 2, { code: 'E_CANCELLED', message: '' })).to.deep.equal([
      'w1 ← task 5 of a1: 131072:262144',
    ]);
    expect(story.answers('w1', 5, zeros(131_072, 262_144))).to.deep.equal([
      'write 0_524288',
      'a.c ← FINAL 1 HIST n=524288',
      'resume hashing',
    ]);
  });
});
