/** RFC 18 for the broker: what workers may say when, heartbeats, the death of workers; and RFC 8. */
import type { BrokerScene } from '../broker-world.js';
import type { Peer } from '../peer.js';
import { breach, onTheWay, type SeenRule } from '../rules.js';
import { empty, type Frames, message, shown, textOf } from '../wire.js';
import { brokerRule } from './made.js';

const rule = brokerRule('mdp');
const base = ['RFC18-B-01'];
const opening = 'RFC 18, Opening and Closing a Connection';
const beating = 'RFC 18, Heartbeating';

/** Each is valid and comes when it must not: DISCONNECT has to be the answer. */
const unexpected: readonly [string, string, (scene: BrokerScene) => Promise<Peer>][] = [
  [
    'RFC18-B-21',
    'a second READY',
    async (scene) => {
      const service = scene.service();
      const worker = await scene.plainWorker(service);
      worker.send('READY', service);
      return worker;
    },
  ],
  ...(['HEARTBEAT', 'PARTIAL', 'FINAL'] as const).map(
    (command, i) =>
      [
        `RFC18-B-2${2 + i}`,
        `${command} before READY`,
        async (scene: BrokerScene) => {
          const worker = scene.peer('MDPW02', 'worker');
          if (command === 'HEARTBEAT') worker.send(command);
          else worker.send(command, 'address', empty, 'body');
          return worker;
        },
      ] as [string, string, (scene: BrokerScene) => Promise<Peer>],
  ),
  ...(['PARTIAL', 'FINAL'] as const).map(
    (command, i) =>
      [
        `RFC18-B-2${5 + i}`,
        `${command} while it has no request`,
        async (scene: BrokerScene) => {
          const worker = await scene.plainWorker(scene.service());
          worker.send(command, 'address', empty, 'body');
          return worker;
        },
      ] as [string, string, (scene: BrokerScene) => Promise<Peer>],
  ),
  [
    'RFC18-B-27',
    'FINAL to a client address that it was not given',
    async (scene) => {
      const service = scene.service();
      const worker = await scene.plainWorker(service);
      const task = await onTheWay(scene.asked(scene.plainClient(), worker, service, 'question'));
      worker.send('FINAL', Buffer.concat([task.address, Buffer.from('x')]), empty, 'forged');
      return worker;
    },
  ],
  [
    'RFC18-B-28',
    'a REQUEST of a client on the connection of a worker',
    async (scene) => {
      const service = scene.service();
      const worker = await scene.plainWorker(service);
      worker.raw(message('MDPC02', 'REQUEST', service, 'question'));
      return worker;
    },
  ],
];

const unexpectedRules: SeenRule<import('../broker-world.js').BrokerWorld>[] = unexpected.map(([id, what, provoke]) =>
  rule(
    id,
    'MUST',
    opening,
    `${what} is valid and unexpected: the worker is sent DISCONNECT`,
    async (scene) => {
      await scene.dismissed(await provoke(scene), what);
      return 'DISCONNECT';
    },
    base,
  ),
);

/** Each breaks a table of RFC 18. */
const invalid: readonly [string, Frames][] = [
  ['a third frame to HEARTBEAT', [...message('MDPW02', 'HEARTBEAT'), Buffer.from('x')]],
  ['an unknown command', [Buffer.from('MDPW02'), Uint8Array.of(0x2a)]],
  ['a command of two bytes', [Buffer.from('MDPW02'), Uint8Array.of(1, 1), Buffer.from('x')]],
  ['FINAL without a body', message('MDPW02', 'FINAL', 'address', empty)],
  ['an unknown header', [Buffer.from('MDPW99'), Uint8Array.of(5)]],
];

/** What a stranger may send to harm: short messages, huge ones, noise. */
const noise: readonly Frames[] = [
  [empty],
  [Buffer.from('MDPC02')],
  [Buffer.from('MDPW02')],
  [empty, Buffer.from('MDPC02'), Uint8Array.of(1)],
  message('MDPC02', 'REQUEST'),
  message('MDPC02', 'REQUEST', 'x'),
  message('MDPC02', 'FINAL', 'x', 'y'),
  message('MDPC02', 'REQUEST', empty, empty),
  message('MDPW02', 'READY'),
  message('MDPW02', 'READY', 'a', 'b'),
  message('MDPW02', 'READY', empty),
  message('MDPW02', 'REQUEST', 'a', empty, 'b'),
  message('MDPW02', 'FINAL', 'a'),
  [Buffer.alloc(1_000_000, 1)],
  Array.from({ length: 200 }, () => Buffer.from('MDPW02')),
];

export const rfc18BrokerWorkers = [
  ...unexpectedRules,
  rule(
    'RFC18-B-29',
    'MUST',
    opening,
    'after the DISCONNECT of the broker the worker gets no further command',
    async (scene) => {
      const service = scene.service();
      const worker = await scene.plainWorker(service);
      // A heartbeat that crosses the DISCONNECT would be a stranger's, who is answered by another.
      worker.stopBeats();
      worker.send('READY', service);
      await onTheWay(scene.dismissed(worker, 'a second READY'));
      scene.plainClient().send('REQUEST', service, 'question');
      await worker.inbox.quiet(scene.heartbeatMs * 3, 'after DISCONNECT');
      return 'three intervals of silence, though a client asked for its service';
    },
    ['RFC18-B-21'],
  ),
  rule(
    'RFC18-B-30',
    'MUST',
    opening,
    'after the DISCONNECT of a worker it gets no further command',
    async (scene) => {
      const service = scene.service();
      const worker = await scene.plainWorker(service);
      worker.stopBeats();
      worker.send('DISCONNECT');
      await scene.pause(Math.max(200, scene.heartbeatMs));
      // A heartbeat may have crossed it.
      worker.inbox.pass('HEARTBEAT');
      scene.plainClient().send('REQUEST', service, 'question');
      await worker.inbox.quiet(scene.heartbeatMs * 3, 'after it had said DISCONNECT');
      return 'three intervals of silence, though a client asked for its service';
    },
    base,
  ),
  rule(
    'RFC18-B-31',
    'MUST',
    opening,
    'a worker may say DISCONNECT before READY; it gets nothing, and the broker goes on',
    async (scene) => {
      const worker = scene.peer('MDPW02', 'worker');
      worker.send('DISCONNECT');
      await onTheWay(scene.serves());
      if (worker.inbox.all.length > 0) breach(`it was answered by ${worker}`);
      return 'no answer, and the next round trip went well';
    },
    base,
  ),
  rule(
    'RFC18-B-32',
    'SHOULD',
    opening,
    'an invalid message is dropped and its worker treated as invalid: it is given nothing more',
    async (scene) => {
      for (const [what, frames] of invalid) {
        const service = scene.service();
        const worker = await scene.plainWorker(service, `worker that sent ${what}`);
        worker.raw(frames);
        await scene.pause(200);
        scene.plainClient().send('REQUEST', service, 'question');
        await worker.inbox.quiet(200, 'after it', ({ command }) => command === 'REQUEST');
      }
      return `${invalid.length} kinds, none of their workers was given a request`;
    },
    base,
  ),
  rule(
    'RFC18-B-33',
    'SHOULD',
    opening,
    'invalid messages of strangers do no harm',
    async (scene) => {
      for (const header of ['MDPC02', 'MDPW02'] as const) {
        for (const frames of noise) scene.stranger(header).raw(frames);
      }
      await scene.pause(200);
      try {
        await scene.serves();
      } catch (error) {
        breach(`after ${noise.length * 2} of them: ${(error as Error).message}`);
      }
      return `${noise.length * 2} of them, and the next round trip went well`;
    },
    base,
    { last: true },
  ),
  rule(
    'RFC18-B-41',
    'MUST',
    beating,
    'an idle worker gets a heartbeat at every interval',
    async (scene) => {
      const worker = await scene.plainWorker(scene.service());
      const { heartbeatMs } = scene;
      const before = worker.inbox.count('HEARTBEAT');
      const isFourth = () => worker.inbox.count('HEARTBEAT') - before >= 4;
      // Half as much again, for a machine that has much to do.
      await worker.inbox.until('fourth HEARTBEAT', isFourth, heartbeatMs * 6);
      return `4 heartbeats within 6 intervals of ${heartbeatMs} ms`;
    },
    base,
  ),
  rule(
    'RFC18-B-42',
    'MUST',
    beating,
    'a worker that has said nothing for a multiple of the interval (3 to 5; here 8) counts as gone',
    async (scene) => {
      const service = scene.service();
      const worker = await scene.plainWorker(service);
      worker.stopBeats();
      await scene.pause(scene.heartbeatMs * 8);
      scene.plainClient().send('REQUEST', service, 'question');
      await worker.inbox.quiet(scene.heartbeatMs, 'after 8 silent intervals', ({ command }) => command === 'REQUEST');
      return 'it was given no request after 8 silent intervals';
    },
    base,
  ),
  rule(
    'RFC18-B-43',
    'SHOULD',
    beating,
    'a worker that counts as gone gets nothing of any kind',
    async (scene) => {
      const worker = await scene.plainWorker(scene.service());
      worker.stopBeats();
      await scene.pause(scene.heartbeatMs * 8);
      const before = worker.inbox.all.length;
      await scene.pause(scene.heartbeatMs * 3);
      const came = worker.inbox.all[before];
      if (came) breach(`${shown(came.frames)} after 8 silent intervals`);
      return 'silence in the intervals 9 to 11';
    },
    base,
  ),
  rule(
    'RFC18-B-44',
    'MUST',
    beating,
    'any command but DISCONNECT is a sign of life: PARTIALs without heartbeats keep a worker',
    async (scene) => {
      const service = scene.service();
      const worker = await scene.plainWorker(service);
      const client = scene.plainClient();
      const task = await onTheWay(scene.asked(client, worker, service, 'question'));
      worker.stopBeats();
      for (let i = 0; i < 16; i++) {
        scene.answer(worker, 'PARTIAL', task, `${i}`);
        await scene.pause(scene.heartbeatMs / 2);
      }
      scene.answer(worker, 'FINAL', task, 'end');
      await client.inbox.until('FINAL', ({ command }) => command === 'FINAL');
      if (worker.inbox.count('DISCONNECT') > 0) breach('the worker was sent DISCONNECT');
      return 'FINAL came through after 8 intervals of PARTIALs only';
    },
    base,
  ),
  rule(
    'RFC18-B-45',
    'SHOULD',
    beating,
    'no HEARTBEAT while other commands are sent at the same time',
    async (scene) => {
      const service = scene.service();
      const worker = await scene.plainWorker(service);
      const client = scene.plainClient();
      const before = worker.inbox.all.length;
      const requests = 16;
      for (let i = 0; i < requests; i++) {
        const task = await onTheWay(scene.asked(client, worker, service, `${i}`));
        scene.answer(worker, 'FINAL', task, 'end');
        await onTheWay(client.inbox.take('FINAL'));
        await scene.pause(scene.heartbeatMs / 4);
      }
      const beats = worker.inbox.beatsBeside(before, scene.heartbeatMs / 2);
      if (beats > requests / 4) breach(`${beats} heartbeats less than half an interval behind ${requests} requests`);
      return `${beats} heartbeats less than half an interval behind ${requests} requests`;
    },
    base,
  ),
  ...(['DISCONNECT', 'silence'] as const).map((way, i) =>
    rule(
      `RFC18-B-5${1 + i}`,
      'SHOULD',
      'RFC 18, Goals and Reliability',
      `a request whose worker ${way === 'silence' ? 'falls silent' : 'says DISCONNECT'} is given to another one`,
      async (scene) => {
        const service = scene.service();
        const first = await scene.plainWorker(service, 'first worker');
        const client = scene.plainClient();
        await onTheWay(scene.asked(client, first, service, 'question'));
        first.stopBeats();
        if (way === 'DISCONNECT') first.send('DISCONNECT');
        const second = scene.readyWorker(service, 'second worker');
        const task = await scene.task(second, scene.timeoutMs + scene.heartbeatMs * 8);
        if (textOf(task.body[0]) !== 'question') breach('the second worker got another body');
        scene.answer(second, 'FINAL', task, 'end');
        await client.inbox.until('FINAL', ({ command }) => command === 'FINAL');
        return 'the second worker got it, and the client its answer';
      },
      base,
    ),
  ),
  rule(
    'RFC8-01',
    'MUST',
    'RFC 8, Namespace',
    'services whose name begins with mmi. are answered by the broker itself',
    async (scene) => {
      const client = scene.plainClient();
      client.send('REQUEST', 'mmi.service', scene.service());
      const { frames } = await client.inbox.take('FINAL');
      if (textOf(frames[2]) !== 'mmi.service') breach(`the answer names ${textOf(frames[2])}`);
      return `answered ${textOf(frames[3])}`;
    },
    [],
  ),
  rule(
    'RFC8-02',
    'MUST',
    'RFC 8, Namespace',
    'a worker that registers a name of mmi. is disconnected',
    async (scene) => {
      const worker = scene.readyWorker(`mmi.${scene.service()}`);
      await scene.dismissed(worker, 'READY for a name of mmi.');
      return 'DISCONNECT';
    },
    base,
  ),
  rule(
    'RFC8-03',
    'MUST',
    'RFC 8, Default services',
    'mmi.service answers 200 for a service with a worker',
    async (scene) => {
      const service = scene.service();
      await scene.plainWorker(service);
      return mmi(scene, 'mmi.service', service, '200');
    },
    ['RFC18-B-01', 'RFC8-01'],
  ),
  rule(
    'RFC8-04',
    'MUST',
    'RFC 8, Default services',
    'mmi.service answers 404 for a service without worker, also when it had one',
    async (scene) => {
      const service = scene.service();
      await mmi(scene, 'mmi.service', service, '404');
      const worker = await scene.plainWorker(service);
      worker.stopBeats();
      worker.send('DISCONNECT');
      await scene.pause(200);
      return mmi(scene, 'mmi.service', service, '404');
    },
    ['RFC8-01'],
  ),
  rule(
    'RFC8-05',
    'MUST',
    'RFC 8, Default services',
    'any other name of mmi. is answered by 501',
    async (scene) => mmi(scene, `mmi.${scene.service()}`, 'x', '501'),
    ['RFC8-01'],
  ),
];

async function mmi(scene: BrokerScene, service: string, body: string, wanted: string): Promise<string> {
  const client = scene.plainClient();
  client.send('REQUEST', service, body);
  const { frames } = await client.inbox.take('FINAL');
  if (frames.length !== 4 || textOf(frames[3]) !== wanted) breach(`${textOf(frames[3])} in place of ${wanted}`);
  return wanted;
}
