import { expect } from 'chai';
import { ClientCore } from '../../client/core.js';
import type { Ask, ClientCommand, ClientEvent } from '../../client/events.js';
import {
  type ClientId,
  type Epoch,
  type Fault,
  type Invalid,
  type JobId,
  jobIdOf,
  type Query,
  type RequestId,
  type ToClient,
  type Welcome,
  wholeRange,
} from '../../protocol/index.js';
import { histReport, requestNumber as nr } from './fake-broker.js';

const clientId = 'abcdefghijklmnopqrstuvwxy2' as ClientId;
const stranger = '26:zzzzzzzzzzzzzzzzzzzzzzzzzz7';
const own = (number: number) => jobIdOf(clientId, nr(number));
const query: Query = {
  service: 'HIST',
  inputs: [[{ path: Buffer.from('/data/a.bin'), offset: 0, length: null }]],
  range: wholeRange,
  cells: 1024,
  snap: false,
  params: {},
  cache: true,
};
const ask: Ask = { kind: 'query', query };
const welcome = (epoch = 'e1', heartbeatMs = 1000): Welcome => ({
  kind: 'welcome',
  heartbeatMs,
  cancelEndpoint: 'ipc://cancel',
  epoch: epoch as Epoch,
  limits: { messageBytesMax: 1000, jobsMax: 10 },
});
const partial = (number: number, completion: number): ToClient => ({
  kind: 'partial',
  requestId: nr(number),
  report: histReport(own(number), completion),
});
const final = (number: number): ToClient => ({ ...partial(number, 1), kind: 'final' }) as ToClient;

// Commands as they are compared
const reopen: ClientCommand[] = [{ kind: 'reopenSocket' }, { kind: 'send', message: { kind: 'hello', clientId } }];
const sent = (number: number): ClientCommand => ({
  kind: 'send',
  message: { kind: 'request', requestId: nr(number), query },
});
const cancelSent = (jobId: string): ClientCommand => ({ kind: 'send', message: { kind: 'clientCancel', jobId } });
const shown = (number: number, completion: number): ClientCommand => ({
  kind: 'deliverReport',
  requestId: nr(number),
  report: histReport(own(number), completion),
});
const finished = (number: number): ClientCommand => ({
  kind: 'resolveFinal',
  requestId: nr(number),
  report: histReport(own(number), 1),
});
const resolved = (jobId: string, outcome: 'cancelled' | 'ended' | 'unknown'): ClientCommand => ({
  kind: 'resolveCancel',
  jobId,
  outcome,
});
const rejected = (number: number, fault: Fault, byOwner = false, service = 'HIST'): ClientCommand => ({
  kind: 'rejectJob',
  requestId: nr(number),
  fault: { jobId: own(number), service, ...fault },
  byOwner,
});
const quit = (number: number) => rejected(number, { code: 'E_CANCELLED', message: 'HIST was cancelled' }, true);

/** A core whose invariants are checked after every event. */
class Story {
  readonly core = new ClientCore({ clientId, endpoint: 'ipc://x', connectMs: 1500, brokerLostMs: 60_000 });
  at(now: number, event: ClientEvent): ClientCommand[] {
    const commands = this.core.handle(event, now);
    this.core.validate();
    return commands;
  }
  got(now: number, message: ToClient | Invalid): ClientCommand[] {
    return this.at(now, { kind: 'messageReceived', message });
  }
  ask(now: number, number: number, what: Ask = ask): ClientCommand[] {
    return this.at(now, { kind: 'requested', requestId: nr(number), ask: what });
  }
  cancel(now: number, jobId: string): ClientCommand[] {
    return this.at(now, { kind: 'cancelled', jobId });
  }
  deadline(): { at: number; commands: ClientCommand[] } {
    const at = this.core.nextDeadline();
    return { at, commands: this.at(at, { kind: 'deadlineReached' }) };
  }
}

/** Welcomed at 0. */
function welcomed(): Story {
  const story = new Story();
  story.at(0, { kind: 'started' });
  story.got(0, welcome());
  return story;
}

describe('client core', () => {
  it('says HELLO first and sends nothing else before WELCOME', () => {
    const story = new Story();
    expect(story.core.nextDeadline()).to.equal(Infinity);
    expect(story.at(0, { kind: 'started' })).to.deep.equal(reopen);
    expect(story.ask(1, 1)).to.deep.equal([]);
    expect(story.cancel(1, stranger)).to.deep.equal([]);
    expect(story.got(2, { kind: 'clientHeartbeat' })).to.deep.equal([]);
    expect(story.got(3, welcome())).to.deep.equal([
      { kind: 'settleConnect', welcome: welcome() },
      sent(1),
      cancelSent(stranger),
    ]);
    expect(story.ask(4, 2)).to.deep.equal([sent(2)]);
  });

  it('delivers rising reports, then the final, then nothing', () => {
    const story = welcomed();
    story.ask(1, 1);
    expect(story.got(2, partial(1, 0.25))).to.deep.equal([shown(1, 0.25)]);
    expect(story.got(3, partial(1, 0.5))).to.deep.equal([shown(1, 0.5)]);
    expect(story.got(4, final(1))).to.deep.equal([finished(1)]);
    expect(story.got(5, partial(1, 0.75))).to.deep.equal([]);
    expect(story.got(5, final(1))).to.deep.equal([]);
    expect(story.got(5, { kind: 'error', requestId: nr(1), fault: { code: 'E_IO', message: 'late' } })).to.deep.equal(
      [],
    );
    expect(story.core.openJobs).to.equal(0);
  });

  it('ends a job with the broker’s error, with job and service filled in', () => {
    const story = welcomed();
    story.ask(1, 1);
    const fault: Fault = { code: 'E_CHANGED', message: 'a.bin grew', range: [0, 10] };
    expect(story.got(2, { kind: 'error', requestId: nr(1), fault })).to.deep.equal([rejected(1, fault)]);
  });

  it('beats when it has said nothing for an interval, and parts from a broker that is late', () => {
    const story = welcomed();
    story.ask(400, 1);
    expect(story.deadline()).to.deep.equal({
      at: 1250,
      commands: [{ kind: 'send', message: { kind: 'clientHeartbeat' } }],
    });
    expect(story.got(1500, partial(1, 0.5))).to.deep.equal([shown(1, 0.5)]);
    for (const at of [2250, 3250, 4250, 5250, 6250]) expect(story.deadline().at).to.equal(at);
    expect(story.deadline()).to.deep.equal({ at: 6500, commands: reopen });
    expect(story.got(6501, welcome())).to.deep.equal([sent(1)]);
  });

  it('asks again under the same number after a restart and withholds what is below the completion shown', () => {
    const story = welcomed();
    story.ask(1, 1);
    story.got(2, partial(1, 0.5));
    expect(story.got(300, { kind: 'clientDisconnect' })).to.deep.equal(reopen);
    expect(story.got(301, welcome('e2'))).to.deep.equal([sent(1)]);
    expect(story.got(302, partial(1, 0.25))).to.deep.equal([]);
    expect(story.got(303, partial(1, 0.5))).to.deep.equal([shown(1, 0.5)]);
    expect(story.got(304, final(1))).to.deep.equal([finished(1)]);
  });

  it('takes a WELCOME of another broker life on the same socket for the end of the conversation', () => {
    const story = welcomed();
    story.ask(1, 1);
    expect(story.got(200, welcome('e1'))).to.deep.equal([]);
    expect(story.got(201, welcome('e2'))).to.deep.equal(reopen);
  });

  it('opens a socket at most every 100 ms and hears nothing of the old one meanwhile', () => {
    const story = welcomed();
    story.ask(1, 1);
    expect(story.got(10, { kind: 'clientDisconnect' })).to.deep.equal([]);
    expect(story.got(11, partial(1, 0.5))).to.deep.equal([]);
    expect(story.got(11, welcome('e2'))).to.deep.equal([]);
    expect(story.ask(12, 2)).to.deep.equal([]);
    expect(story.deadline()).to.deep.equal({ at: 100, commands: reopen });
    expect(story.got(101, welcome('e2'))).to.deep.equal([sent(1), sent(2)]);
  });

  it('repeats a HELLO that was not answered, ever more patiently, and at once when the connection breaks', () => {
    const story = welcomed();
    story.got(1000, { kind: 'clientDisconnect' });
    expect(story.got(1001, { kind: 'clientDisconnect' })).to.deep.equal([]);
    expect([story.deadline(), story.deadline(), story.deadline(), story.deadline()]).to.deep.equal(
      [2000, 4000, 8000, 16_000].map((at) => ({ at, commands: reopen })),
    );
    expect(story.at(16_010, { kind: 'socketLost' })).to.deep.equal([]);
    expect(story.deadline()).to.deep.equal({ at: 16_100, commands: reopen });
  });

  it('cancels its own job: CANCEL is sent, the job ends, and whatever still comes for it is ignored', () => {
    const story = welcomed();
    story.ask(1, 1);
    expect(story.cancel(2, own(1))).to.deep.equal([quit(1), cancelSent(own(1))]);
    expect(story.got(3, partial(1, 0.5))).to.deep.equal([]);
    const fault: Fault = { code: 'E_CANCELLED', message: 'the job was cancelled' };
    expect(story.got(4, { kind: 'error', requestId: nr(1), fault })).to.deep.equal([resolved(own(1), 'cancelled')]);
    expect(story.got(5, { kind: 'cancelAck', jobId: own(1), outcome: 'ended' })).to.deep.equal([]);
  });

  it('says so when its cancel comes too late', () => {
    const story = welcomed();
    story.ask(1, 1);
    story.cancel(2, own(1));
    expect(story.got(3, final(1))).to.deep.equal([resolved(own(1), 'ended')]);
  });

  it('forgets a job that was cancelled before it was ever sent', () => {
    const story = new Story();
    story.at(0, { kind: 'started' });
    story.ask(1, 1);
    expect(story.cancel(2, own(1))).to.deep.equal([quit(1), resolved(own(1), 'cancelled')]);
    expect(story.got(3, welcome())).to.deep.equal([{ kind: 'settleConnect', welcome: welcome() }]);
  });

  it('sends a cancel from a time without broker instead of the request', () => {
    const story = welcomed();
    story.ask(1, 1);
    story.at(200, { kind: 'socketLost' });
    expect(story.cancel(201, own(1))).to.deep.equal([quit(1), resolved(own(1), 'cancelled')]);
    expect(story.got(202, welcome('e1'))).to.deep.equal([cancelSent(own(1))]);
  });

  it('sends nothing about such a job to another broker life', () => {
    const story = welcomed();
    story.ask(1, 1);
    story.at(200, { kind: 'socketLost' });
    story.cancel(201, own(1));
    expect(story.got(202, welcome('e2'))).to.deep.equal([]);
  });

  it('repeats a cancel that was not answered before the conversation ended, but keeps nobody waiting', () => {
    const story = welcomed();
    story.ask(1, 1);
    story.cancel(2, own(1));
    expect(story.at(200, { kind: 'socketLost' })).to.deep.equal([resolved(own(1), 'cancelled'), ...reopen]);
    expect(story.got(201, welcome('e1'))).to.deep.equal([cancelSent(own(1))]);
    expect(story.cancel(202, own(1))).to.deep.equal([]);
    expect(story.got(203, { kind: 'cancelAck', jobId: own(1), outcome: 'unknown' })).to.deep.equal([
      resolved(own(1), 'unknown'),
    ]);
  });

  it('cancels anybody’s job and waits for the answer, across a reconnect', () => {
    const story = welcomed();
    expect(story.cancel(1, stranger)).to.deep.equal([cancelSent(stranger)]);
    expect(story.cancel(2, stranger)).to.deep.equal([]);
    expect(story.at(200, { kind: 'socketLost' })).to.deep.equal(reopen);
    expect(story.got(201, welcome('e2'))).to.deep.equal([cancelSent(stranger)]);
    expect(story.got(202, { kind: 'cancelAck', jobId: stranger, outcome: 'unknown' })).to.deep.equal([
      resolved(stranger, 'unknown'),
    ]);
  });

  it('asks the broker about an ended job of its own', () => {
    const story = welcomed();
    story.ask(1, 1);
    story.got(2, final(1));
    expect(story.cancel(3, own(1))).to.deep.equal([cancelSent(own(1))]);
    expect(story.got(4, final(1))).to.deep.equal([resolved(own(1), 'ended')]);
  });

  it('gives up with E_NO_BROKER, named, where nobody ever answered', () => {
    const story = new Story();
    const fault: Fault = { code: 'E_NO_BROKER', message: 'no broker at ipc://x; start `binglide up` there' };
    story.at(0, { kind: 'started' });
    story.ask(100, 1);
    story.cancel(200, stranger);
    expect(story.deadline()).to.deep.equal({ at: 1000, commands: reopen });
    expect(story.deadline()).to.deep.equal({ at: 1500, commands: [{ kind: 'failConnect', fault }] });
    expect(story.deadline()).to.deep.equal({ at: 1600, commands: [rejected(1, fault)] });
    expect(story.deadline()).to.deep.equal({
      at: 1700,
      commands: [{ kind: 'rejectCancel', jobId: stranger, fault: { ...fault, jobId: stranger } }],
    });
    story.ask(2000, 2);
    expect(story.got(2001, welcome())).to.deep.equal([sent(2)]);
  });

  it('gives up with E_BROKER_LOST after a minute, and withdraws the job if the same broker comes back', () => {
    const story = welcomed();
    story.ask(1, 1);
    story.at(1000, { kind: 'socketLost' });
    const ends: ClientCommand[][] = [];
    while (story.core.nextDeadline() < 61_000) ends.push(story.deadline().commands);
    expect(new Set(ends.map((commands) => commands.length))).to.deep.equal(new Set([2]));
    const message = 'the broker at ipc://x has been away for 60000 ms; ask again';
    expect(story.deadline()).to.deep.equal({ at: 61_000, commands: [rejected(1, { code: 'E_BROKER_LOST', message })] });
    expect(story.got(61_001, welcome())).to.deep.equal([cancelSent(own(1))]);
  });

  it('carries raw bodies both ways, and refuses one that the broker would not take', () => {
    const story = welcomed();
    const body = [Buffer.from('question')];
    expect(story.ask(1, 1, { kind: 'raw', service: 'echo', body })).to.deep.equal([
      { kind: 'send', message: { kind: 'rawRequest', requestId: nr(1), service: 'echo', body } },
    ]);
    const answer = { requestId: nr(1), service: 'echo', body };
    expect(story.got(2, { kind: 'rawPartial', ...answer })).to.deep.equal([
      { kind: 'deliverRaw', requestId: nr(1), body },
    ]);
    expect(story.got(3, { kind: 'rawFinal', ...answer })).to.deep.equal([
      { kind: 'resolveRaw', requestId: nr(1), body },
    ]);
    expect(story.got(4, { kind: 'rawFinal', ...answer })).to.deep.equal([]);
    const message = "a body of 1001 bytes is over the broker's limit of 1000";
    expect(story.ask(5, 2, { kind: 'raw', service: 'echo', body: [new Uint8Array(1001)] })).to.deep.equal([
      rejected(2, { code: 'E_USAGE', message }, false, 'echo'),
    ]);
  });

  it('ends a job that is answered in the wrong way, and all jobs where an answer cannot be read', () => {
    const story = welcomed();
    story.ask(1, 1);
    const wrong = 'the broker answered HIST with a raw body';
    expect(story.got(2, { kind: 'rawFinal', requestId: nr(1), service: 'HIST', body: [] })).to.deep.equal([
      rejected(1, { code: 'E_PROTOCOL', message: wrong }),
      cancelSent(own(1)),
    ]);
    story.ask(3, 2);
    story.cancel(3, stranger);
    const message = 'the broker at ipc://x sent something else than BXMDPv2: no header';
    expect(story.got(4, { kind: 'invalid', header: '', reason: 'no header' })).to.deep.equal([
      rejected(2, { code: 'E_PROTOCOL', message }),
      cancelSent(own(2)),
      { kind: 'rejectCancel', jobId: stranger, fault: { code: 'E_PROTOCOL', message, jobId: stranger } },
    ]);
  });

  it('closes with DISCONNECT, and everything that waits ends', () => {
    const story = welcomed();
    story.ask(1, 1);
    story.ask(1, 2);
    story.cancel(2, own(2));
    story.cancel(2, stranger);
    const fault: Fault = { code: 'E_CANCELLED', message: 'the client was closed' };
    expect(story.at(3, { kind: 'closed' })).to.deep.equal([
      { kind: 'send', message: { kind: 'clientDisconnect' } },
      rejected(1, fault, true),
      resolved(own(2), 'cancelled'),
      { kind: 'rejectCancel', jobId: stranger, fault: { ...fault, jobId: stranger } },
    ]);
    expect(story.at(4, { kind: 'closed' })).to.deep.equal([]);
    expect(story.got(5, partial(1, 0.5))).to.deep.equal([]);
    expect(story.core.nextDeadline()).to.equal(Infinity);
  });

  it('ends everything at once when a broker of its own dies, and what is asked later too', () => {
    const story = welcomed();
    story.ask(1, 1);
    const fault: Fault = { code: 'E_BROKER_LOST', message: 'the broker ended: SIGKILL' };
    expect(story.at(2, { kind: 'brokerEnded', reason: 'SIGKILL' })).to.deep.equal([rejected(1, fault)]);
    expect(story.ask(3, 2)).to.deep.equal([
      { kind: 'rejectJob', requestId: nr(2), fault: { ...fault, jobId: own(2) as JobId }, byOwner: false },
    ]);
  });

  it('gives out no number twice', () => {
    const story = welcomed();
    story.ask(1, 3);
    expect(() => story.ask(2, 3 as RequestId)).to.throw('request numbers rise');
  });
});
