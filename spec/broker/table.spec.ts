import { expect } from 'chai';
import {
  decodeToBroker,
  type Epoch,
  encodeFromClient,
  encodeFromWorker,
  type FromClient,
  type FromWorker,
  type PeerId,
  pack,
  type ToBroker,
} from '../../protocol/index.js';
import { Random } from '../random.js';
import { clientIdOf, hist, measuredInput, query, Story } from './story.js';

const epoch = 'life1' as Epoch;
const work = { bytesRead: 0, ms: 0 };
const fault = { code: 'E_PROTOCOL', message: 'cells is not a number' } as const;
const none = { arrays: [], frames: [] };
const address = Buffer.from('forged');

/** What may be said, each to be tried from each kind of peer. */
const said: { readonly [name: string]: ToBroker } = {
  HELLO: { kind: 'hello', clientId: clientIdOf('z') },
  REQUEST: { kind: 'request', requestId: 1 as never, query: query('NOPE') },
  'raw REQUEST': { kind: 'rawRequest', requestId: 1 as never, service: 'nope', body: [] },
  CANCEL: { kind: 'clientCancel', requestId: 7 as never },
  'client HEARTBEAT': { kind: 'clientHeartbeat' },
  'client DISCONNECT': { kind: 'clientDisconnect' },
  'plain REQUEST': { kind: 'plainRequest', service: 'mmi.x', body: [Buffer.from('')] },
  READY: { kind: 'ready', descriptor: hist, slot: 's' as never, credit: 1 },
  FINAL: { kind: 'taskFinal', attempt: 9 as never, epoch, part: none, work },
  ERROR: { kind: 'taskError', attempt: 9 as never, epoch, fault, work },
  'worker HEARTBEAT': { kind: 'workerHeartbeat' },
  'worker DISCONNECT': { kind: 'workerDisconnect' },
  'plain READY': { kind: 'plainReady', service: 'echo' },
  'plain mmi READY': { kind: 'plainReady', service: 'mmi.echo' },
  'plain PARTIAL': { kind: 'plainPartial', address, body: [address] },
  'plain FINAL': { kind: 'plainFinal', address, body: [address] },
  'plain HEARTBEAT': { kind: 'plainHeartbeat' },
  'plain DISCONNECT': { kind: 'plainDisconnect' },
  'bad REQUEST': { kind: 'badRequest', requestId: 5 as never, service: 'HIST', fault },
  invalid: { kind: 'invalid', header: 'BXMC02', reason: 'x' },
};

/** Peer `x`, as each kind of peer that there is. */
const peers: { readonly [name: string]: (story: Story) => void } = {
  stranger: () => undefined,
  client: (story) => void story.hello('a', 'x'),
  'plain client': (story) => void story.asksPlain('x', 'mmi.service', ''),
  worker: (story) => void story.ready('x'),
  'plain worker': (story) => void story.says('x', { kind: 'plainReady', service: 'echo' }),
};

const bye = 'x ← disconnect';
const welcome = 'x ← welcome life1';
const bad = 'x ← ERROR 5 E_PROTOCOL of a5: cells is not a number';
const mmi = 'x ← FINAL mmi.x "501"';
const unknown = 'x ← CANCEL a7 unknown';

/** Reactions: stranger, client, plain client, worker, plain worker (BXMDPv2.md 14.3). */
const table: { readonly [name: string]: readonly (string | null)[] } = {
  HELLO: [welcome, welcome, welcome, bye, bye],
  REQUEST: [bye, null, bye, bye, bye],
  'raw REQUEST': [bye, null, bye, bye, bye],
  CANCEL: [bye, unknown, bye, bye, bye],
  'client HEARTBEAT': [bye, null, bye, bye, bye],
  'client DISCONNECT': [null, null, null, bye, bye],
  'plain REQUEST': [mmi, null, mmi, bye, bye],
  READY: [welcome, bye, bye, bye, bye],
  FINAL: [bye, bye, bye, null, bye],
  ERROR: [bye, bye, bye, null, bye],
  'worker HEARTBEAT': [bye, bye, bye, null, bye],
  'worker DISCONNECT': [null, null, null, null, null],
  'plain READY': [null, bye, bye, bye, bye],
  'plain mmi READY': [bye, bye, bye, bye, bye],
  'plain PARTIAL': [bye, bye, bye, bye, bye],
  'plain FINAL': [bye, bye, bye, bye, bye],
  'plain HEARTBEAT': [bye, bye, bye, bye, null],
  'plain DISCONNECT': [null, null, null, null, null],
  'bad REQUEST': [bye, bad, bye, bye, bye],
  invalid: [null, null, null, bye, bye],
};

const withoutHashing = (lines: readonly string[]) => lines.filter((line) => !line.endsWith('hashing'));

describe('broker/core: who may say what', () => {
  Object.keys(peers).forEach((peer, column) => {
    for (const [name, message] of Object.entries(said)) {
      const reaction = table[name]![column]!;
      it(`${name} of a ${peer}: ${reaction?.slice(4) ?? 'nothing is said'}`, () => {
        const story = new Story();
        peers[peer]!(story);
        expect(withoutHashing(story.says('x', message))).to.deep.equal(reaction === null ? [] : [reaction]);
        // Whoever was told to go is unknown from then on: it may come back, in any role.
        if (reaction === bye && peer === 'worker') expect(story.says('x', said.READY!)).to.deep.equal([welcome]);
      });
    }
  });

  it('after its DISCONNECT a worker hears nothing, whatever time passes', () => {
    for (const peer of ['worker', 'plain worker']) {
      const story = new Story();
      peers[peer]!(story);
      story.says('x', said.invalid!);
      expect(story.passesWithBeats(10_000).filter((line) => line.startsWith('x'))).to.deep.equal([]);
    }
  });
});

describe('broker/core: noise', () => {
  const good = [
    ...(
      Object.values(said).filter((it) =>
        ['hello', 'request', 'rawRequest', 'clientCancel'].includes(it.kind),
      ) as FromClient[]
    ).map(encodeFromClient),
    ...(Object.values(said).filter((it) => ['ready', 'taskFinal', 'taskError'].includes(it.kind)) as FromWorker[]).map(
      encodeFromWorker,
    ),
    [Buffer.from('MDPC02'), Buffer.from([1]), Buffer.from('HIST'), pack({ inputs: ['/f'] })],
    [Buffer.from('MDPW02'), Buffer.from([1]), Buffer.from('echo')],
    [Buffer.from('MDPW02'), Buffer.from([4]), Buffer.from('a'), Buffer.from(''), Buffer.from('b')],
  ];

  /** A message with a byte flipped, a frame lost, doubled, cut or made up. */
  function damaged(random: Random): Uint8Array[] {
    const frames: Uint8Array[] = random.pick(good).map((frame) => Uint8Array.from(frame));
    for (let i = random.int(0, 3); i > 0; i--) {
      const at = random.int(0, frames.length - 1);
      const frame = frames[at];
      if (!frame) break;
      switch (random.int(0, 5)) {
        case 0:
          frames.splice(at, 1);
          break;
        case 1:
          frames.splice(at, 0, frame);
          break;
        case 2:
          frames[at] = frame.subarray(0, random.int(0, frame.length));
          break;
        case 3:
          frames[at] = random.bytes(random.int(0, 40));
          break;
        default:
          if (frame.length > 0) frame[random.int(0, frame.length - 1)]! ^= 1 << random.int(0, 7);
      }
    }
    return frames;
  }

  it('from many peers for long breaks nothing: the states hold, and an honest pair is served', () => {
    const random = new Random(61);
    for (let round = 0; round < 20; round++) {
      const story = Story.open({ jobsMax: 20 });
      for (let i = 0; i < 400; i++) {
        story.now += random.int(0, 30);
        const peer = `n${random.int(0, 9)}` as PeerId;
        if (random.chance(0.05)) story.goes(peer);
        else story.says(peer, decodeToBroker(damaged(random)));
        if (random.chance(0.1)) story.passes(random.int(0, 300));
        for (const [id, job] of story.core.books.jobs) {
          if (job.phase.name !== 'measuring' || random.chance(0.5)) continue;
          const inputs = job.query.inputs.map(() => measuredInput(random.int(0, 500_000)));
          story.measuredFor(id, inputs);
        }
      }
      for (let i = 0; i < 10; i++) story.goes(`n${i}`);
      story.passes(700_000);
      expect(story.core.census()).to.deep.equal({ jobs: 0, rawJobs: 0, chunks: 0, slots: 0, busySlots: 0 });
      expect(story.core.books.sessions.all()[Symbol.iterator]().next().done).to.equal(true);
    }
  });
});
