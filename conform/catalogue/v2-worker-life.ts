/** BXMDPv2 for workers: conversations, heartbeats and cancellation (sections 6, 12 and 14.2). */
import { topicsOf } from '../hub.js';
import type { Came } from '../inbox.js';
import { unpack } from '../msgpack.js';
import type { PlayedScene } from '../played-world.js';
import { breach, onTheWay } from '../rules.js';
import { answerOf, errorOf, finalOf, identityOf, jobId, sendTask } from '../tasks.js';
import { message, shown } from '../wire.js';
import { playedRule } from './made.js';

const rule = playedRule('worker', 'v2');
const base = ['W-8'];
const tasks = ['A-4'];
const isNoBeat = ({ command }: Came): boolean => command !== 'HEARTBEAT';

async function ready(scene: PlayedScene) {
  const peer = await scene.welcomed();
  const { descriptor } = unpack(peer.first[3]!).map as { descriptor: { [key: string]: unknown } };
  return { peer, descriptor };
}

/** At a task that takes long: its first sign of progress has come. */
async function computing(scene: PlayedScene) {
  const { peer, descriptor } = await ready(scene);
  const path = scene.world.path('large');
  sendTask(peer, descriptor, { path, run: [0, identityOf(path).size as number] });
  await onTheWay(peer.inbox.until('HEARTBEAT with its attempt', (came) => attemptOf(came) === 1));
  return { peer, descriptor };
}

const attemptOf = ({ command, frames }: Came): unknown =>
  command === 'HEARTBEAT' && frames[2] ? unpack(frames[2]).map.attempt : undefined;

export const v2WorkerLife = [
  rule(
    'W-8.2',
    'MUST',
    '14.2',
    'no further READY is sent on a socket',
    async (scene) => {
      const { peer } = await ready(scene);
      await peer.inbox.quiet(scene.heartbeatMs * 8, 'after READY', ({ command }) => command === 'READY');
      if (peer.inbox.count('READY') > 1) breach(`${peer.inbox.count('READY')} READYs on one socket`);
      return 'one READY in 8 intervals';
    },
    base,
  ),
  rule(
    'W-9',
    'MUST',
    '14.2',
    'before WELCOME no task is answered: the conversation is ended and begun anew',
    async (scene) => {
      const peer = await scene.worker();
      const { descriptor } = unpack(peer.first[3]!).map as { descriptor: { [key: string]: unknown } };
      sendTask(peer, descriptor, { path: scene.world.path('small'), run: [0, 4096] });
      await scene.worker();
      const answer = peer.inbox.all.find(({ command }) => command === 'FINAL' || command === 'ERROR');
      if (answer) breach(`${answer.command} before WELCOME`);
      return 'a new conversation, and no answer';
    },
    base,
  ),
  rule(
    'G-14',
    'MUST',
    '12',
    'a worker sends something once an interval, the one that WELCOME told',
    async (scene) => {
      const { peer } = await ready(scene);
      return scene.beatsOf(peer);
    },
    base,
  ),
  rule(
    'G-15',
    'SHOULD',
    '12',
    'an idle worker beats once an interval, and no more',
    async (scene) => {
      const { peer } = await ready(scene);
      await scene.pause(scene.heartbeatMs * 3);
      const before = peer.inbox.all.length;
      await scene.pause(scene.heartbeatMs * 10);
      const count = peer.inbox.all.length - before;
      if (count > 21) breach(`${count} heartbeats in 10 intervals`);
      return `${count} heartbeats in 10 intervals`;
    },
    base,
  ),
  rule(
    'W-5',
    'MUST',
    '12',
    'a worker beats while it computes, and says how far it is',
    async (scene) => {
      const { peer } = await computing(scene);
      const done: number[] = [];
      while (done.length < 5) {
        const came = await peer.inbox.until('HEARTBEAT while it computes', (each) => attemptOf(each) === 1);
        done.push(Number(unpack(came.frames[2]!).map.bytesDone));
      }
      if (!(done.at(-1)! > done[0]!)) breach(`bytesDone does not grow: ${done}`);
      if (done.some((bytes, i) => bytes < (done[i - 1] ?? 0))) breach(`bytesDone falls: ${done}`);
      return `bytesDone ${done.join(', ')}`;
    },
    tasks,
  ),
  rule(
    'W-6',
    'SHOULD',
    '12',
    'a worker whose broker is silent for 5 intervals begins a new conversation on a new socket',
    async (scene) => {
      const { peer } = await ready(scene);
      await peer.inbox.until('HEARTBEAT', ({ command }) => command === 'HEARTBEAT');
      peer.stopBeats();
      const silentMs = performance.now();
      const again = await scene.worker(scene.timeoutMs + scene.heartbeatMs * 10);
      const intervals = (again.bornMs - silentMs) / scene.heartbeatMs;
      if (intervals < 3) breach(`after ${intervals.toFixed(1)} silent intervals already`);
      return 'READY on a new socket';
    },
    base,
  ),
  rule(
    'W-10',
    'MUST',
    '14.2',
    'after DISCONNECT nothing more is sent on that socket, and READY comes on a new one',
    async (scene) => {
      const { peer } = await computing(scene);
      // The broker goes on beating: only DISCONNECT can be the reason for a new conversation.
      peer.send('DISCONNECT');
      await scene.worker();
      // What was on its way when DISCONNECT was has come by now.
      const before = peer.inbox.all.length;
      await scene.pause(scene.heartbeatMs * 4);
      const late = peer.inbox.all.slice(before)[0];
      if (late) breach(`${shown(late.frames)} on the old socket after READY on the new one`);
      const answer = peer.inbox.all.find(({ command }) => command === 'FINAL' || command === 'ERROR');
      if (answer) breach(`${answer.command} on the old socket`);
      return 'in the middle of a task: silence there, READY on a new socket';
    },
    tasks,
  ),
  rule(
    'W-10.2',
    'SHOULD',
    '14.2',
    'where conversations keep ending at once, it waits longer each time',
    async (scene) => {
      const born: number[] = [];
      for (let i = 0; i < 6; i++) {
        const peer = await scene.worker(scene.timeoutMs + 5000);
        born.push(peer.bornMs);
        peer.send('DISCONNECT');
      }
      const gaps = born.slice(1).map((at, i) => Math.round(at - born[i]!));
      // The shorter of two each time: one may be long because the machine was busy, and few milliseconds tell nothing.
      const [first, last] = [Math.min(...gaps.slice(0, 2)), Math.min(...gaps.slice(-2))];
      if (!(last > Math.max(first * 1.5, first + 20))) breach(`gaps of ${gaps} ms`);
      return `gaps of ${gaps} ms`;
    },
    ['W-10'],
  ),
  rule(
    'W-12',
    'MUST',
    '14.2',
    'CANCEL that names the running attempt stops it; it is answered E_CANCELLED, and the next task is done',
    async (scene) => {
      const { peer, descriptor } = await computing(scene);
      peer.send('CANCEL', { jobId, attempts: [1] });
      await errorOf(peer, ['E_CANCELLED']);
      sendTask(peer, descriptor, { path: scene.world.path('small'), run: [0, 4096], attempt: 2 });
      await finalOf(peer, 2);
      return 'E_CANCELLED, then the FINAL of the next';
    },
    tasks,
  ),
  rule(
    'W-12.2',
    'SHOULD',
    '14.2',
    'it stops within 150 ms (the best of four counts)',
    async (scene) => {
      const times: number[] = [];
      const { peer, descriptor } = await computing(scene);
      const path = scene.world.path('large');
      for (let attempt = 1; attempt <= 4; attempt++) {
        const at = performance.now();
        peer.send('CANCEL', { jobId, attempts: [attempt] });
        await onTheWay(errorOf(peer, ['E_CANCELLED'], attempt));
        times.push(Math.round(performance.now() - at));
        sendTask(peer, descriptor, { path, run: [0, identityOf(path).size as number], attempt: attempt + 1 });
        await onTheWay(peer.inbox.until('progress', (came) => attemptOf(came) === attempt + 1));
      }
      if (Math.min(...times) > 150) breach(`${times} ms`);
      return `${times} ms`;
    },
    ['W-12'],
  ),
  rule(
    'W-12.3',
    'MUST',
    '5.5 and 14.2',
    'CANCEL with an empty list means all attempts of the job, the queued ones too; other jobs and attempts go on',
    async (scene) => {
      const { peer, descriptor } = await computing(scene);
      const credit = Number(unpack(peer.first[3]!).map.credit);
      peer.send('CANCEL', { jobId, attempts: [77] });
      peer.send('CANCEL', { jobId: `${jobId}7`, attempts: [] });
      await peer.inbox.quiet(scene.heartbeatMs * 2, 'after CANCEL of something else', isNoBeat);
      const held = credit > 1 ? [1, 2] : [1];
      if (credit > 1) sendTask(peer, descriptor, { path: scene.world.path('small'), run: [0, 4096], attempt: 2 });
      peer.send('CANCEL', { jobId, attempts: [] });
      const answers = new Set<unknown>();
      for (const _ of held) {
        const { frames, command } = await peer.inbox.next('E_CANCELLED');
        const { attempt, code } = unpack(frames[2]!).map;
        if (command !== 'ERROR' || code !== 'E_CANCELLED') breach(`${command} ${code} of attempt ${attempt}`);
        answers.add(attempt);
      }
      if (answers.size !== held.length) breach(`attempts ${[...answers]} were answered`);
      return `attempts ${[...answers]} ended in E_CANCELLED, and others did not harm`;
    },
    ['W-12'],
  ),
  rule(
    'W-1',
    'SHOULD',
    '6',
    'a worker subscribes to `cancel`; a publication that names its job stops it',
    async (scene) => {
      const { peer } = await computing(scene);
      await scene.hub.subscriptions.until(
        'subscription',
        () => topicsOf(scene.hub).some((topic) => 'cancel'.startsWith(topic)),
        scene.timeoutMs,
      );
      scene.hub.publish('cancel', jobId);
      await errorOf(peer, ['E_CANCELLED']);
      return `subscribed to ${topicsOf(scene.hub)}; stopped by the publication`;
    },
    ['W-12'],
  ),
  rule(
    'W-1.2',
    'MUST',
    '6',
    'both frames of a publication are compared whole',
    async (scene) => {
      const { peer } = await computing(scene);
      await onTheWay(
        scene.hub.subscriptions.until(
          'subscription',
          () => topicsOf(scene.hub).some((topic) => 'cancel'.startsWith(topic)),
          scene.timeoutMs,
        ),
      );
      for (const [topic, body] of [
        ['cancelled', jobId],
        ['cancel', `${jobId}7`],
        ['cancel', jobId.slice(0, -1)],
        ['cancel', ''],
        ['tick', ''],
      ] as const) {
        scene.hub.publish(topic, body);
      }
      await peer.inbox.quiet(scene.heartbeatMs * 4, 'after publications of other jobs', isNoBeat);
      return 'a longer topic, longer and shorter job ids changed nothing';
    },
    ['W-1'],
  ),
  rule(
    '14.2-1',
    'MUST',
    '14.2',
    'a REQUEST of an attempt that it holds ends the conversation: DISCONNECT, and a new one',
    async (scene) => {
      const { peer, descriptor } = await computing(scene);
      sendTask(peer, descriptor, { path: scene.world.path('small'), run: [0, 4096], attempt: 1 });
      await peer.inbox.take('DISCONNECT');
      await scene.worker();
      return 'DISCONNECT, then READY on a new socket';
    },
    tasks,
  ),
  rule(
    '14.2-2',
    'MUST',
    '14.2',
    'an invalid message ends the conversation: DISCONNECT, and a new one',
    async (scene) => {
      const broken = [
        message('BXMW02', 'READY', 'X', { descriptor: {} }),
        [Buffer.from('BXMW02'), Uint8Array.of(3), Buffer.from('x')],
        message('BXMW02', 'REQUEST', new Uint8Array([0xc1])),
        message('BXMW02', 'REQUEST', { attempt: 1, epoch: 'epoch1', jobId, task: { kind: 'magic' } }),
        message('BXMC02', 'HEARTBEAT'),
      ];
      for (const frames of broken) {
        const peer = await onTheWay(scene.worker(scene.timeoutMs + 5000));
        scene.welcome(peer);
        await onTheWay(peer.inbox.until('HEARTBEAT', ({ command }) => command === 'HEARTBEAT'));
        peer.raw(frames);
        const came = await peer.inbox.next('DISCONNECT');
        if (came.command !== 'DISCONNECT') breach(`${shown(frames)} was answered by ${shown(came.frames)}`);
      }
      await scene.worker(scene.timeoutMs + 5000);
      return `${broken.length} kinds`;
    },
    base,
  ),
  rule(
    'W-7.2',
    'MUST',
    '13',
    'a failing task is answered by ERROR, and the next one is done',
    async (scene) => {
      const { peer, descriptor } = await ready(scene);
      sendTask(peer, descriptor, { path: scene.world.path('missing'), run: [0, 1] });
      const { command } = await answerOf(peer);
      if (command !== 'ERROR') breach(`${command} for a file that is not there`);
      sendTask(peer, descriptor, { path: scene.world.path('small'), run: [0, 4096], attempt: 2 });
      await finalOf(peer, 2);
      return 'ERROR, then FINAL';
    },
    tasks,
  ),
];
