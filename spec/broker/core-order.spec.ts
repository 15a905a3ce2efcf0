import { expect } from 'chai';
import { builtinDescriptors } from '../../workers/services/index.js';
import { ent, hist, KiB, MiB, measuredInput, Story, zeros } from './story.js';

const stats = builtinDescriptors.find(({ name }) => name === 'STATS')!;

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

  it('nor a look at some hundred MiB: eight slices a slot come before the other’s next', () => {
    const story = Story.open({}, ['w1'], ['a', 'b']);
    story.asks('a1', 'HIST', { cache: false });
    story.measured('a1', 16 * 2 ** 30);
    story.completes('w1', 10);
    story.asks('b1', 'HIST', { cache: false });
    story.measured('b1', 16 * 2 ** 30);
    const turns: string[] = [];
    for (let i = 0; i < 12; i++) {
      const lines = story.completes('w1', 10);
      turns.push(/task \d+ of (a1|b1)/.exec(lines.find((line) => line.includes(' task '))!)![1]!);
    }
    const before = turns.indexOf('a1', turns.indexOf('b1')) - turns.indexOf('b1');
    expect(before).to.be.within(8, 9);
  });

  it('nor behind what waits at a worker: of a long job that is asked back, of a short one it is not', () => {
    const backOf = (bytes: number) => {
      const story = new Story();
      story.ready('w1', hist, { credit: 2 });
      for (const letter of ['a', 'b']) story.hello(letter);
      story.asks('a1', 'HIST', { cache: false });
      story.measured('a1', [measuredInput(bytes, { path: '/a', hash: 'a0' })]);
      const [running, waiting] = story.given.get('w1')!;
      story.asks('b1');
      const lines = story.measured('b1', [measuredInput(100_000, { path: '/b', hash: 'b0' })]);
      return { story, running: running!, waiting: waiting!, back: lines.filter((line) => line.includes('cancel')) };
    };
    const { story, running, waiting, back } = backOf(16 * 2 ** 30);
    expect(back, 'only what has not begun').to.deep.equal([`w1 ← cancel waiting a1: ${waiting.attempt}`]);
    const lines = story.fails('w1', waiting.attempt, { code: 'E_CANCELLED', message: '' });
    expect(lines).to.include('w1 ← task 3 of b1: 0:100000');
    story.given.set('w1', [running, ...story.given.get('w1')!.filter(({ job }) => job === 'b1')]);
    story.completes('w1');
    const again = story.given.get('w1')!.find(({ job }) => job === 'a1');
    expect(again!.task.runs, 'it is given out again').to.deep.equal(waiting.task.runs);
    expect(backOf(2 * MiB).back, 'of a job that is soon done').to.deep.equal([]);
  });

  it('nor of one service behind another’s on the same slot, whatever credit that has', () => {
    const story = new Story();
    story.ready('wh', hist, { slot: 's1', credit: 16 });
    story.ready('we', ent, { slot: 's1', credit: 16 });
    for (const letter of ['a', 'b']) story.hello(letter);
    story.asks('a1', 'HIST', { cache: false });
    story.measured('a1', [measuredInput(16 * 2 ** 30, { path: '/a', hash: 'a0' })]);
    story.asks('b1', 'ENT', { cache: false });
    story.measured('b1', [measuredInput(4 * MiB, { path: '/b', hash: 'b0' })]);
    let before = 0;
    for (; story.given.get('we')!.length === 0 && before < 100; before++) story.completes('wh', 10);
    expect(before, 'HIST tasks before the first of ENT').to.be.at.most(2);
    const turns: string[] = [];
    for (let i = 0; i < 40; i++) {
      const peer = story.given.get('we')!.length > 0 ? 'we' : 'wh';
      turns.push(peer);
      story.completes(peer, 10);
    }
    expect(new Set(turns), 'and both go on').to.deep.equal(new Set(['we', 'wh']));
  });

  it('asks nothing back for who needs no slot: all is cached, or there is nothing', () => {
    const story = new Story();
    story.ready('w1', hist, { credit: 2 });
    for (const letter of ['a', 'b']) story.hello(letter);
    story.asks('a1', 'HIST', { cache: false });
    story.measured('a1', [measuredInput(16 * 2 ** 30, { path: '/a', hash: 'a0' })]);
    story.asks('b1');
    const cached = story.measured('b1', [measuredInput(MiB, { path: '/b', hash: 'b0' })], [[0, MiB]]);
    expect(cached).to.deep.equal(['read 0_1048576 for b1']);
    story.asks('b2');
    const empty = story.measured('b2', [measuredInput(0, { path: '/c', hash: 'c0' })]);
    expect(empty).to.deep.equal(['b.c ← FINAL 2 HIST n=0']);
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
    story.measured(job, [measuredInput(65_536 * MiB, { path: `/${job}`, hash: job })]);
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
    const shares = serve(story, { quick: 10, slow: 100 }, 2000);
    expect((shares.a1! + shares.a2!) / shares.b1!, JSON.stringify(shares)).to.be.within(0.8, 1.25);
    expect(shares.a1! / shares.a2!, JSON.stringify(shares)).to.be.within(0.7, 1.4);
  });
});

describe('broker/core: samples', () => {
  it('come first, spread over the range, and a report with them before any byte is exact', () => {
    const story = Story.open({ sampleAboveMs: 60 });
    story.asks('a1');
    expect(story.measured('a1', 64 * MiB)).to.deep.equal(['w1 ← task 1 of a1: 32 runs from 0', 'pause hashing']);
    expect(story.completes('w1')).to.deep.equal(['w1 ← task 2 of a1: 32 runs from 33673216', 'a.c ← report of a1']);
    const report = story.builds('a1')!;
    expect(report).to.include({ completion: 0, exact: false });
    expect(report.scalars).to.deep.include({ n: 0, sampledBytes: 128 * KiB });
    expect(report.arrays.counts!.data[0]).to.be.within(8 * MiB - 300_000, 8 * MiB);
    for (let i = 2; i <= 8; i++) story.completes('w1');
    expect(story.builds('a1')!.arrays.counts!.data[0]).to.be.within(63 * MiB, 64 * MiB);
    expect(story.given.get('w1')![0]!.task.kind, 'exact pieces follow').to.equal('exact');
    for (let i = 0; i < 1000 && story.reports.length === 0; i++) story.completes('w1');
    expect(story.reports[0]!).to.include({ exact: true });
    expect(story.reports[0]!.scalars).to.deep.equal({ n: 64 * MiB });
    expect(story.reports[0]!.arrays.counts!.data[0]).to.equal(64 * MiB);
  });

  it('hold reports back, and the one with all of them waits for no turn', () => {
    const story = Story.open({ sampleAboveMs: 60 });
    story.asks('a1');
    story.measured('a1', 64 * MiB);
    const reports = (lines: readonly string[]) => lines.filter((line) => line.includes('report'));
    expect(reports(story.completes('w1')), 'the first').to.have.length(1);
    expect(story.passes(30)).to.deep.equal([]);
    for (let i = 2; i < 8; i++) expect(reports(story.completes('w1')), `sample ${i}`).to.deep.equal([]);
    expect(reports(story.completes('w1')), 'the last').to.have.length(1);
  });

  it('tell nothing of what cannot be estimated from them: chi-square of scaled counts', () => {
    const story = new Story({ sampleAboveMs: 60 });
    story.ready('w1', stats);
    story.hello('a');
    story.asks('a1', 'STATS');
    story.measured('a1', 64 * MiB);
    story.completes('w1');
    const { chiSquare, chiSquareP, h } = story.builds('a1')!.scalars;
    expect({ chiSquare, chiSquareP, h }).to.deep.equal({ chiSquare: null, chiSquareP: null, h: 0 });
    for (let i = 0; i < 1000 && story.reports.length === 0; i++) story.completes('w1');
    expect(story.reports[0]!.scalars.chiSquare).to.equal(255 * 64 * MiB);
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

describe('broker/core: an input on a disk that seeks', () => {
  /** All samples are answered; each seek took so long. */
  const sampled = (seekMs: number) => {
    const story = Story.open({ sampleAboveMs: 60 }, ['w1', 'w2']);
    story.asks('a1');
    story.measured('a1', 512 * MiB);
    const allowed = new Set<number>();
    for (let i = 0; i < 8; i++) {
      const peer = ['w1', 'w2'].find((name) => story.given.get(name)![0]?.task.kind === 'sample');
      if (!peer) break;
      allowed.add(story.given.get(peer)![0]!.task.readMsMax!);
      story.completes(peer, 10, seekMs);
    }
    return { story, allowed: [...allowed] };
  };
  const busy = (story: Story) => ['w1', 'w2'].filter((peer) => story.given.get(peer)!.length > 0);

  it('is sampled within the time that all samples have together', () => {
    const { allowed } = sampled(0.01);
    expect(allowed.length).to.equal(1);
    const tasks = 8;
    expect(allowed[0]! * tasks, 'a twentieth of two seconds').to.be.within(95, 105);
  });

  it('is read by one worker at a time, in long stretches', () => {
    const { story } = sampled(10);
    const starts: number[] = [];
    for (let i = 0; i < 10_000 && story.reports.length === 0; i++) {
      const readers = busy(story);
      if (readers.length === 0) break;
      if (i > 0) expect(readers.length, 'workers that read').to.equal(1);
      const { task } = story.given.get(readers[0]!)![0]!;
      starts.push(task.runs[0]![0], task.runs[0]![1]);
      story.completes(readers[0]!, (task.runs[0]![1] - task.runs[0]![0]) / (200 * KiB));
    }
    expect(story.reports[0]!).to.include({ exact: true });
    let jumps = 0;
    for (let i = 2; i < starts.length; i += 2) if (starts[i] !== starts[i - 1]) jumps++;
    expect(jumps).to.be.at.most(10);
  });

  it('is read by all workers, and spread, where seeks cost nothing', () => {
    const { story } = sampled(0.02);
    story.completes(busy(story)[0]!);
    expect(busy(story)).to.deep.equal(['w1', 'w2']);
  });

  it('that turns out to seek while several read is left to one of them', () => {
    const story = new Story();
    for (const peer of ['w1', 'w2']) story.ready(peer, hist, { credit: 2 });
    story.hello('a');
    story.asks('a1');
    story.measured('a1', 512 * MiB);
    const readers: string[] = [];
    for (let i = 0; i < 40; i++) {
      // The oldest task is answered first, whoever has it.
      const [next] = busy(story).sort((a, b) => story.given.get(a)![0]!.attempt - story.given.get(b)![0]!.attempt);
      readers.push(next!);
      story.completes(next!, 10, 10);
    }
    expect(new Set(readers.slice(0, 2)).size, 'both read at first').to.equal(2);
    expect(new Set(readers.slice(10)).size, 'one goes on').to.equal(1);
  });

  it('is given to another worker when its reader dies', () => {
    const { story } = sampled(10);
    const [first] = busy(story);
    if (busy(story).length === 2) story.completes(busy(story)[1]!);
    story.goes(first!);
    expect(busy(story).filter((peer) => peer !== first)).to.have.length(1);
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
