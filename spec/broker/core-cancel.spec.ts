import { expect } from 'chai';
import { heartbeatMs, jobIdOf, Story, zeros } from './story.js';

describe('broker/core: a cancel', () => {
  it('by the owner is a final E_CANCELLED; the worker is told, its late answer is dropped and its slot then free', () => {
    const story = Story.oneTask();
    expect(story.cancels('a', 'a1')).to.deep.equal([
      'publish cancel a1',
      'w1 ← cancel a1: 1',
      'a.c ← ERROR 1 E_CANCELLED of a1: the job was cancelled',
      'resume hashing',
    ]);
    story.asks('a2');
    const waits = story.measured('a2', 100_000);
    expect(waits, 'the slot is busy until the worker has answered').to.deep.equal(['pause hashing']);
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.deep.equal(['w1 ← task 2 of a2: 0:100000']);
  });

  it('by request number alone is of the asker’s own', () => {
    const story = Story.oneTask();
    expect(story.says('a.c', { kind: 'clientCancel', requestId: 1 as never })).to.include(
      'a.c ← ERROR 1 E_CANCELLED of a1: the job was cancelled',
    );
  });

  it('by another tells the owner, and acknowledges to who cancelled', () => {
    const story = Story.oneTask();
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
    const story = Story.oneTask();
    expect(story.cancels('a', 'a9')).to.deep.equal(['a.c ← CANCEL a9 unknown']);
    story.answers('w1', 1, zeros(0, 100_000));
    expect(story.cancels('a', 'a1')).to.deep.equal(['a.c ← CANCEL a1 ended']);
    expect(story.says('a.c', { kind: 'clientCancel', jobId: 'nonsense' })).to.deep.equal([
      'a.c ← CANCEL nonsense unknown',
    ]);
  });

  it('is said again with each heartbeat until the worker has answered', () => {
    const story = Story.oneTask();
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
    const story = Story.oneTask();
    expect(story.answers('w1', 1, zeros(0, 100_000))).to.include('a.c ← FINAL 1 HIST n=100000');
    expect(story.cancels('a', 'a1')).to.deep.equal(['a.c ← CANCEL a1 ended']);
  });

  it('answered by a worker for a piece that is still wanted gives it again, and blames nobody', () => {
    const story = Story.oneTask();
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
