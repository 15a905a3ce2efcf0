import { expect } from 'chai';
import { pack, unpackMap } from '../../protocol/index.js';
import { ent, heartbeatMs, hist, jobIdOf, MiB, measuredInput, Story, zeros } from './story.js';

/** Plain workers of `echo`, ready in this order. */
function echoes(...peers: string[]): Story {
  const story = new Story();
  for (const peer of peers) story.says(peer, { kind: 'plainReady', service: 'echo' });
  return story;
}

const answer = (
  story: Story,
  peer: string,
  address: string,
  body = 'yes',
  kind: 'plainFinal' | 'plainPartial' = 'plainFinal',
) => story.says(peer, { kind, address: Buffer.from(address), body: [Buffer.from(body)] });

/** The address in a REQUEST line. */
function addressIn(lines: readonly string[], peer: string): string {
  return (
    new RegExp(`^${peer} ← REQUEST (\\S+) `).exec(
      lines.find((line) => line.startsWith(`${peer} ← REQUEST`)) ?? '',
    )?.[1] ?? 'none'
  );
}

describe('broker/core: RFC 18 as the broker keeps it', () => {
  it('F2, F3: a request goes whole to the worker with one address, and the answer carries its service', () => {
    const story = echoes('w');
    const lines = story.asksPlain('p', 'echo', 'hello');
    expect(lines).to.deep.equal([`w ← REQUEST ${addressIn(lines, 'w')} "hello"`]);
    expect(answer(story, 'w', addressIn(lines, 'w'))).to.deep.equal(['p ← FINAL echo "yes"']);
  });

  it('F2: a request without a body has an empty one for its worker', () => {
    const story = echoes('w');
    story.hello('a');
    const request = { kind: 'rawRequest', requestId: 1 as never, service: 'echo', body: [] } as const;
    const lines = story.says('a.c', request);
    expect(lines).to.deep.equal([`w ← REQUEST ${addressIn(lines, 'w')} ""`]);
  });

  it('B3: a client that floods does not keep others from their turn', () => {
    const story = Story.open({}, ['w1'], []);
    const map = (path: string) => pack({ inputs: [Buffer.from(path)] });
    for (let i = 0; i < 20; i++) story.asksPlain('flood', 'HIST', map(`/f${i}`));
    story.asksPlain('other', 'HIST', map('/o'));
    const given = [...story.core.books.jobs.keys()].map((id, i) =>
      story.measuredFor(id, [measuredInput(100, { path: `/f${i}`, hash: `f${i}` })]),
    );
    expect(given[0]).to.include('w1 ← task 1 of plain1: 0:100');
    expect(story.answers('w1', 1, zeros(0, 100))).to.include('w1 ← task 2 of plain21: 0:100');
  });

  it('B4: after FINAL the client gets nothing more for the request: late PARTIALs dismiss their worker', () => {
    const story = echoes('w');
    const address = addressIn(story.asksPlain('p', 'echo', 'x'), 'w');
    expect(answer(story, 'w', address, 'one', 'plainPartial')).to.deep.equal(['p ← PARTIAL echo "one"']);
    expect(answer(story, 'w', address, 'two', 'plainPartial')).to.deep.equal(['p ← PARTIAL echo "two"']);
    expect(answer(story, 'w', address)).to.deep.equal(['p ← FINAL echo "yes"']);
    expect(answer(story, 'w', address, 'late', 'plainPartial')).to.deep.equal(['w ← disconnect']);
  });

  it('B5: a request for a service that is not there yet waits for it', () => {
    const story = new Story();
    expect(story.asksPlain('p', 'echo', 'x')).to.deep.equal([]);
    expect(story.says('w', { kind: 'plainReady', service: 'echo' })[0]).to.match(/^w ← REQUEST \S+ "x"$/);
  });

  it('B6: it expires after serviceWaitMs; a plain client is told by a FINAL of BXERR02 and a map', () => {
    const story = new Story({ serviceWaitMs: 800 });
    story.asksPlain('p', 'echo', 'x');
    expect(story.passes(799)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['p ← FINAL echo E_NO_SERVICE of plain1: no service echo; none are there']);
  });

  it('B7, W4: a worker may DISCONNECT at any time, also before READY, and gets nothing after it', () => {
    const story = echoes('w');
    expect(story.says('x', { kind: 'plainDisconnect' })).to.deep.equal([]);
    expect(story.says('w', { kind: 'plainDisconnect' })).to.deep.equal([]);
    const lines = story.passesWithBeats(6 * heartbeatMs);
    expect(lines.filter((line) => line.startsWith('w'))).to.deep.equal([]);
  });

  it('B9: a second READY, or anything before the first, is answered by DISCONNECT and then silence', () => {
    const story = echoes('w');
    expect(story.says('w', { kind: 'plainReady', service: 'echo' })).to.deep.equal(['w ← disconnect']);
    expect(story.says('x', { kind: 'plainHeartbeat' })).to.deep.equal(['x ← disconnect']);
    expect(answer(story, 'x', 'any')).to.deep.equal(['x ← disconnect']);
    expect(answer(story, 'x', 'any', 'y', 'plainPartial')).to.deep.equal(['x ← disconnect']);
    const lines = story.passesWithBeats(6 * heartbeatMs);
    expect(lines.filter((line) => !line.startsWith('tick'))).to.deep.equal([]);
  });

  it('B9: an answer while idle, or to a wrong address, dismisses; the request goes to another', () => {
    const story = echoes('w1', 'w2');
    expect(answer(story, 'w1', 'none')).to.deep.equal(['w1 ← disconnect']);
    story.says('w3', { kind: 'plainReady', service: 'echo' });
    const first = story.asksPlain('p', 'echo', 'x');
    const address = addressIn(first, 'w2');
    const again = answer(story, 'w2', `${address}9`, 'forged');
    expect(again).to.deep.equal(['w2 ← disconnect', `w3 ← REQUEST ${addressIn(again, 'w3')} "x"`]);
    expect(addressIn(again, 'w3'), 'the address stands for the attempt').to.not.equal(address);
  });

  it('B9: what only a client may say dismisses a worker', () => {
    const story = echoes('w');
    expect(story.asksPlain('w', 'echo', 'x')).to.deep.equal(['w ← disconnect']);
  });

  it('B10: an invalid message from a worker dismisses it, from anybody else it is dropped', () => {
    const story = echoes('w');
    const invalid = { kind: 'invalid', header: 'MDPW02', reason: 'x' } as const;
    expect(story.says('w', invalid)).to.deep.equal(['w ← disconnect']);
    expect(story.says('stranger', invalid)).to.deep.equal([]);
  });

  it('B11, B15: heartbeats go to each worker once an interval, and not where something else went', () => {
    const story = echoes('w1', 'w2');
    const beats = () =>
      story
        .passesWithBeats(heartbeatMs)
        .filter((line) => line.endsWith('heartbeat'))
        .sort();
    expect(beats()).to.deep.equal(['w1 ← heartbeat', 'w2 ← heartbeat']);
    for (const peer of ['w1', 'w2']) story.says(peer, { kind: 'plainHeartbeat' });
    story.now += 500;
    story.asksPlain('p', 'echo', 'x');
    story.now -= 500;
    expect(beats()).to.deep.equal(['w2 ← heartbeat']);
  });

  it('B12, B13: a worker silent for five intervals is given up: its request goes on, and it gets nothing more', () => {
    const story = echoes('w1');
    story.asksPlain('p', 'echo', 'x');
    story.now = 4000;
    story.says('w2', { kind: 'plainReady', service: 'echo' });
    const lines = story.passes(1000);
    expect(lines).to.deep.equal([`w2 ← REQUEST ${addressIn(lines, 'w2')} "x"`]);
    story.says('w2', { kind: 'plainHeartbeat' });
    expect(story.passesWithBeats(3000).filter((line) => line.startsWith('w1'))).to.deep.equal([]);
  });

  it('B14: PARTIALs alone keep a worker alive', () => {
    const story = echoes('w');
    const address = addressIn(story.asksPlain('p', 'echo', 'x'), 'w');
    for (let i = 0; i < 8; i++) {
      story.passes(heartbeatMs);
      expect(answer(story, 'w', address, `${i}`, 'plainPartial')).to.deep.equal([`p ← PARTIAL echo "${i}"`]);
    }
    expect(answer(story, 'w', address)).to.deep.equal(['p ← FINAL echo "yes"']);
  });

  it('B16: a burst gives each worker one request at a time, the rest in order', () => {
    const story = echoes('w1', 'w2');
    const given = Array.from({ length: 6 }, (_, i) => story.asksPlain(`p${i}`, 'echo', `${i}`)).flat();
    expect(given.map((line) => line.replace(/REQUEST \S+/, 'REQUEST'))).to.deep.equal([
      'w1 ← REQUEST "0"',
      'w2 ← REQUEST "1"',
    ]);
    const lines = answer(story, 'w2', addressIn(given, 'w2'));
    expect(lines[0]).to.equal('p1 ← FINAL echo "yes"');
    expect(lines[1]).to.match(/^w2 ← REQUEST \S+ "2"$/);
  });

  it('B3: clients of an opaque service take turns, whoever asks much at once; what was given before is first', () => {
    const story = echoes('w');
    for (const client of ['a', 'b']) story.hello(client);
    let lines = story.asksRaw('a1', 'echo', 'a1');
    for (const id of ['a2', 'a3', 'a4', 'b1', 'b2']) story.asksRaw(id, 'echo', id);
    const order: string[] = [];
    for (let i = 0; i < 3; i++) {
      lines = answer(story, 'w', addressIn(lines, 'w'));
      order.push(/"(\w+)"$/.exec(lines.at(-1)!)![1]!);
    }
    story.goes('w');
    lines = story.says('w2', { kind: 'plainReady', service: 'echo' });
    for (;;) {
      order.push(/"(\w+)"$/.exec(lines.at(-1)!)![1]!);
      if (order.length === 6) break;
      lines = answer(story, 'w2', addressIn(lines, 'w2'));
    }
    expect(order).to.deep.equal(['a2', 'b1', 'a3', 'a3', 'b2', 'a4']);
  });

  it('B17: a worker that dies has its request given to another, at the head of the queue', () => {
    const story = echoes('w1');
    for (const peer of ['p1', 'p2']) story.asksPlain(peer, 'echo', peer);
    expect(story.goes('w1')).to.deep.equal([]);
    expect(story.says('w2', { kind: 'plainReady', service: 'echo' })[0]).to.match(/^w2 ← REQUEST \S+ "p1"$/);
  });

  it('B17: a request that kills three workers ends in E_CRASHED', () => {
    const story = new Story();
    story.asksPlain('p', 'echo', 'x');
    const lines = ['w1', 'w2', 'w3'].flatMap((peer) => {
      story.says(peer, { kind: 'plainReady', service: 'echo' });
      return story.goes(peer);
    });
    expect(lines).to.deep.equal(['p ← FINAL echo E_CRASHED of plain1: echo died 3 times on this request']);
  });

  it('B18: the worker that has been idle longest is next', () => {
    const story = echoes('w1', 'w2', 'w3');
    const next = () => {
      const lines = story.asksPlain('p', 'echo', 'x');
      const peer = lines[0]!.split(' ')[0]!;
      answer(story, peer, addressIn(lines, peer));
      return peer;
    };
    expect([next(), next(), next(), next()]).to.deep.equal(['w1', 'w2', 'w3', 'w1']);
    story.says('w2', { kind: 'plainDisconnect' });
    expect([next(), next(), next()]).to.deep.equal(['w3', 'w1', 'w3']);
  });
});

describe('broker/core: RFC 8', () => {
  const ask = (story: Story, service: string, body = '') => story.asksPlain('p', service, body);

  it('mmi.service is 200 for what is served or can be started, and 404 for the rest', () => {
    const story = new Story({}, { startable: [hist] });
    story.says('w1', { kind: 'plainReady', service: 'echo' });
    story.ready('w2', ent);
    const codes = ['HIST', 'ENT', 'echo', 'DIFF', ''].map((name) => ask(story, 'mmi.service', name)[0]);
    expect(codes).to.deep.equal(['200', '200', '200', '404', '404'].map((code) => `p ← FINAL mmi.service "${code}"`));
    story.goes('w1');
    expect(ask(story, 'mmi.service', 'echo')).to.deep.equal(['p ← FINAL mmi.service "404"']);
  });

  it('any other mmi name is 501, and workers that register one are disconnected', () => {
    const story = new Story();
    for (const name of ['mmi.', 'mmi.workers', 'mmi.services', 'mmi.jobs']) {
      expect(ask(story, name)).to.deep.equal([`p ← FINAL ${name} "501"`]);
    }
    expect(story.says('w', { kind: 'plainReady', service: 'mmi.service' })).to.deep.equal(['w ← disconnect']);
  });

  it('mmi.services and mmi.jobs answer v2 clients with a map each', () => {
    const story = Story.open({ sliceMs: 100 }, ['w1', 'w2'], ['a']);
    story.says('e', { kind: 'plainReady', service: 'echo' });
    story.asks('a1');
    story.measured('a1', MiB);
    story.asks('a2', 'NOPE');
    story.asksRaw('a3', 'echo', 'x');
    story.now = 250;
    const reply = (service: string) => {
      const commands = story.core.handle(
        {
          kind: 'messageReceived',
          peer: 'a.c' as never,
          message: { kind: 'rawRequest', requestId: 9 as never, service, body: [] },
        },
        story.now,
      );
      const [command] = commands;
      if (command?.kind !== 'sendToClient' || command.message.kind !== 'rawFinal') throw new Error('no answer');
      return unpackMap(command.message.body[0]!) as Record<string, unknown>;
    };
    const { services, opaque, slots, epoch } = reply('mmi.services');
    expect({ opaque, slots, epoch }).to.deep.equal({ opaque: ['echo'], slots: { total: 2, busy: 1 }, epoch: 'life1' });
    expect(services).to.have.length(1);
    expect((services as unknown[])[0])
      .to.deep.include({ workers: 2, slots: 2 })
      .and.have.nested.property('descriptor.name', 'HIST');
    const { jobs } = reply('mmi.jobs') as { jobs: Record<string, unknown>[] };
    expect(
      jobs.map(({ jobId, service, state, range, ageMs }) => ({ jobId, service, state, range, ageMs })),
    ).to.deep.equal([
      { jobId: jobIdOf('a1'), service: 'HIST', state: 'running', range: [0, MiB], ageMs: 250 },
      { jobId: jobIdOf('a2'), service: 'NOPE', state: 'unserved', range: null, ageMs: 250 },
      { jobId: jobIdOf('a3'), service: 'echo', state: 'opaque', range: null, ageMs: 250 },
    ]);
  });
});

describe('broker/core: plain clients of services with descriptors', () => {
  const inputs = [Buffer.from('/f')];

  it('send one map and get a report’s map and arrays', () => {
    const story = Story.open({}, ['w1'], []);
    story.asksPlain('p', 'HIST', pack({ inputs }));
    const jobId = [...story.core.books.jobs.keys()][0]!;
    expect(story.measuredFor(jobId, 100)).to.deep.equal(['w1 ← task 1 of plain1: 0:100', 'pause hashing']);
    expect(story.answers('w1', 1, zeros(0, 100))).to.deep.equal([
      'write 0_128',
      'p ← FINAL HIST HIST n=100',
      'resume hashing',
    ]);
  });

  it('that send something else get E_PROTOCOL, and wait for services like others', () => {
    const story = Story.open({}, ['w1'], []);
    expect(story.asksPlain('p', 'HIST', 'hello')[0]).to.match(/^p ← FINAL HIST E_PROTOCOL/);
    expect(story.asksPlain('p', 'HIST', pack({}))[0]).to.match(/^p ← FINAL HIST E_PROTOCOL.*inputs/);
    expect(story.asksPlain('p', 'ENT', pack({ inputs }))).to.deep.equal([]);
    expect(story.ready('w2', ent)).to.deep.equal(['w2 ← welcome life1', 'measure plain3 for ENT']);
  });

  it('whose request is cancelled by a v2 client hear of it', () => {
    const story = Story.open({}, ['w1'], ['a']);
    story.asksPlain('p', 'HIST', pack({ inputs }));
    const jobId = [...story.core.books.jobs.keys()][0]!;
    expect(story.says('a.c', { kind: 'clientCancel', jobId })).to.deep.equal([
      'p ← FINAL HIST E_CANCELLED of plain1: the job was cancelled',
      'a.c ← CANCEL plain1 cancelled',
    ]);
  });
});

describe('broker/core: opaque services and v2 clients', () => {
  it('a raw request is answered raw, and its result kept for a repeat', () => {
    const story = echoes('w');
    story.hello('a');
    const lines = story.asksRaw('a1', 'echo', 'x');
    const address = addressIn(lines, 'w');
    expect(answer(story, 'w', address, 'half', 'plainPartial')).to.deep.equal(['a.c ← PARTIAL 1 echo "half"']);
    expect(story.asksRaw('a1', 'echo', 'x'), 'the same again, under way').to.deep.equal([]);
    expect(answer(story, 'w', address)).to.deep.equal(['a.c ← FINAL 1 echo "yes"']);
    expect(story.asksRaw('a1', 'echo', 'x'), 'the same again, ended').to.deep.equal(['a.c ← FINAL 1 echo "yes"']);
    story.now = 600_000;
    story.hello('a');
    expect(story.asksRaw('a1', 'echo', 'x')).to.not.deep.equal(['a.c ← FINAL 1 echo "yes"']);
  });

  it('a result too large to be kept is E_EXPIRED when asked for again', () => {
    const story = new Story({ outcomeBytesMax: 100 });
    story.says('w', { kind: 'plainReady', service: 'echo' });
    story.hello('a');
    const address = addressIn(story.asksRaw('a1', 'echo', 'x'), 'w');
    answer(story, 'w', address, 'y'.repeat(26));
    expect(story.asksRaw('a1', 'echo', 'x')).to.deep.equal([
      'a.c ← ERROR 1 E_EXPIRED of a1: the result of this request is no longer kept',
    ]);
  });

  it('a raw body for a service with a descriptor is E_USAGE', () => {
    const story = Story.open();
    expect(story.asksRaw('a1', 'HIST', 'x')).to.deep.equal([
      'a.c ← ERROR 1 E_USAGE of a1: HIST takes a query, not a raw body',
    ]);
  });

  it('a cancelled one’s answer is dropped; a worker that does not come to an end within cancelGraceMs is dismissed', () => {
    const story = echoes('w1', 'w2');
    story.hello('a');
    const first = addressIn(story.asksRaw('a1', 'echo', 'x'), 'w1');
    story.asksRaw('a2', 'echo', 'x');
    expect(story.cancels('a', 'a1')).to.deep.equal(['a.c ← ERROR 1 E_CANCELLED of a1: the job was cancelled']);
    story.cancels('a', 'a2');
    expect(answer(story, 'w1', first, 'part', 'plainPartial')).to.deep.equal([]);
    expect(answer(story, 'w1', first)).to.deep.equal([]);
    expect(story.passes(149)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['w2 ← disconnect']);
    expect(story.asksRaw('a3', 'echo', 'z')[0]).to.match(/^w1 ← REQUEST/);
  });

  it('one that waits is cancelled where it stands', () => {
    const story = echoes('w1');
    story.hello('a');
    const first = addressIn(story.asksRaw('a1', 'echo', 'x'), 'w1');
    story.asksRaw('a2', 'echo', 'y');
    story.asksRaw('a3', 'echo', 'z');
    story.cancels('a', 'a2');
    const lines = answer(story, 'w1', first);
    expect(lines[1]).to.match(/^w1 ← REQUEST \S+ "z"$/);
  });

  it('the queue of a service whose workers are gone expires from when each request was last given back', () => {
    const story = echoes('w1');
    story.hello('a');
    story.asksRaw('a1', 'echo', 'x');
    story.now = 1400;
    story.says('w1', { kind: 'plainHeartbeat' });
    story.goes('w1');
    expect(story.passes(1499)).to.deep.equal([]);
    expect(story.passes(1)).to.deep.equal(['a.c ← ERROR 1 E_NO_SERVICE of a1: no service echo; none are there']);
  });
});
