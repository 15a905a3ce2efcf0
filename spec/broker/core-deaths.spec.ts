import { expect } from 'chai';
import { ent, hist, MiB, Story, zeros } from './story.js';

/** Who was given a task. */
const peerOf = (lines: readonly string[]) => lines.find((line) => / task /.test(line))!.split(' ')[0]!;

describe('broker/core: workers that die, stall or answer late', () => {
  it('a dead worker’s task goes to another at once', () => {
    const story = Story.oneTask({}, ['w1', 'w2']);
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
    const story = new Story({ sliceMs: 0.125, blameMax: 2 });
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

  it('nothing stands behind a slice that was lost: which of several killed its worker, the next death tells', () => {
    const story = new Story({ sliceMs: 0.125 });
    story.ready('w1', hist, { credit: 2 });
    story.hello('a');
    story.asks('a1');
    story.measured('a1', MiB);
    story.goes('w1');
    // What w1 held first is blamed and comes in pieces; any of them, and the second, may be what it died of.
    expect(story.ready('w2', hist, { credit: 2 })).to.deep.equal(['w2 ← welcome life1', 'w2 ← task 3 of a1: 0:16384']);
    expect(story.answers('w2', 3, zeros(0, 16_384))).to.include('w2 ← task 4 of a1: 16384:32768');
    for (let attempt = 4; attempt <= 6; attempt++) {
      const start = 16_384 * (attempt - 3);
      story.answers('w2', attempt, zeros(start, start + 16_384));
    }
    const after = story.answers('w2', 7, zeros(65_536, 131_072));
    expect(after.filter((line) => line.startsWith('w2 ← task'))).to.deep.equal([
      'w2 ← task 8 of a1: 131072:196608',
      'w2 ← task 9 of a1: 196608:262144',
    ]);
  });

  it('bytes that kill their worker blameMax times end their job in E_CRASHED, which names them', () => {
    const story = Story.oneTask();
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
    const story = Story.oneTask();
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
    const story = Story.oneTask({}, ['w1', 'w2']);
    expect(story.answers('w1', 1, zeros(0, 100_000), { epoch: 'before' as never })).to.deep.equal([]);
    expect(story.answers('w1', 7, zeros(0, 100_000))).to.deep.equal([]);
    expect(story.answers('w2', 1, zeros(0, 100_000)), 'another worker’s attempt').to.deep.equal([]);
    expect(story.fails('w2', 1, { code: 'E_SERVICE', message: 'x' })).to.deep.equal([]);
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.include('a.c ← FINAL 1 HIST n=100000');
    expect(story.answers('w1', 1, zeros(0, 100_000)), 'the same again').to.deep.equal([]);
  });

  it('a worker silent for five intervals is given up, and when it speaks again it is told to start anew', () => {
    const story = Story.oneTask();
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
    const story = Story.oneTask({ taskStallMs: 3000 });
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
    const story = Story.oneTask({}, ['w1', 'w2']);
    expect(story.fails('w1', 1, { code: 'E_SERVICE', message: 'boom', range: [5, 6] })).to.deep.equal([
      'a.c ← ERROR 1 E_SERVICE of a1: boom [5,6]',
      'resume hashing',
    ]);
  });

  it('a part that is not what was asked for ends the job, names the bytes, and the broker lives', () => {
    const story = Story.oneTask();
    const wrong = zeros(0, 100_000);
    wrong.columns.counts![0] = 100_001;
    expect(story.answers('w1', 1, wrong)).to.deep.equal([
      'a.c ← ERROR 1 E_PROTOCOL of a1: part field counts: 100001 is more than 100000 bytes can add up to [0,100000]',
      'resume hashing',
    ]);
  });

  it('a worker that leaves on its own has its task given again', () => {
    const story = Story.oneTask({}, ['w1', 'w2']);
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
