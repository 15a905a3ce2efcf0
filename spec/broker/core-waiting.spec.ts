import { expect } from 'chai';
import { ent, hist, MiB, Story, zeros } from './story.js';

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
    expect(story.passes(1)).to.deep.equal([
      'a.c ← ERROR 1 E_NO_SERVICE of a1: no worker of HIST came',
      'resume hashing',
    ]);
  });

  it('whose last worker died waits for another from that moment', () => {
    const story = Story.oneTask({ serviceWaitMs: 100, workerWaitMs: 5000, heartbeatMs: 100_000 });
    story.now = 60_000;
    expect(story.goes('w1')).to.deep.equal([]);
    expect(story.passes(4999)).to.deep.equal([]);
    expect(story.ready('w2')).to.deep.equal(['w2 ← welcome life1', 'w2 ← task 2 of a1: 0:28672']);
    expect(story.passes(20_000)).to.deep.equal([]);
  });

  it('that is under way and gets no worker back ends, after as long as one takes to start', () => {
    const story = Story.oneTask({ serviceWaitMs: 100, workerWaitMs: 5000, heartbeatMs: 100_000 });
    story.now = 60_000;
    story.goes('w1');
    expect(story.passes(5000)).to.include('a.c ← ERROR 1 E_NO_SERVICE of a1: no service HIST; none are there');
  });

  it('of the wrong kind is told which one is right', () => {
    const story = Story.open({ heartbeatMs: 100_000 });
    story.says('p1', { kind: 'plainReady', service: 'echo' });
    story.asks('a1', 'echo');
    expect(story.passes(1500)).to.deep.equal([
      'a.c ← ERROR 1 E_USAGE of a1: echo has no descriptor; its requests are raw, with a body of their own',
    ]);
    expect(story.asksRaw('a2', 'HIST', 'x')).to.deep.equal([
      'a.c ← ERROR 2 E_USAGE of a2: HIST takes a query, not a raw body',
    ]);
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
    const story = Story.oneTask({ outcomeMs: 1000 });
    story.fails('w1', 1, { code: 'E_SERVICE', message: 'boom' });
    const same = ['a.c ← ERROR 1 E_SERVICE of a1: boom [0,100000]'];
    expect(story.asks('a1')).to.deep.equal(same);
    story.now = 999;
    expect(story.asks('a1')).to.deep.equal(same);
    story.now = 1000;
    expect(story.asks('a1')).to.deep.equal(['measure a1 for HIST']);
  });

  it('after its FINAL is answered again, from what is cached', () => {
    const story = Story.oneTask();
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
    const story = Story.oneTask();
    story.now = 4500;
    story.beats('w1');
    expect(story.passes(499)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['publish cancel a1', 'w1 ← cancel a1: 1', 'resume hashing']);
    expect(story.core.census().jobs).to.equal(0);
  });

  it('a client that comes back after that goes on with the same request', () => {
    const story = Story.oneTask();
    story.now = 4500;
    story.beats('w1');
    story.passes(500);
    expect(story.asks('a1')).to.deep.equal(['a.c ← disconnect']);
    story.hello('a', 'a.new');
    expect(story.asks('a1', 'HIST', {}, 'a.new')).to.deep.equal(['measure a1 for HIST']);
  });

  it('a client that says good-bye has its jobs cancelled at once', () => {
    const story = Story.oneTask();
    expect(story.says('a.c', { kind: 'clientDisconnect' })).to.deep.equal([
      'publish cancel a1',
      'w1 ← cancel a1: 1',
      'resume hashing',
    ]);
  });

  it('a client whose connection is lost keeps its job, for it may come back on another', () => {
    const story = Story.oneTask();
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
    const story = Story.oneTask();
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
