/** BXMDPv2 for the broker: cancellation, by clients and by their end (sections 6 and 14.5). */
import { Subscriber } from 'zeromq';
import { type BrokerScene, clientId } from '../broker-world.js';
import type { Came } from '../inbox.js';
import { unpack } from '../msgpack.js';
import { breach, onTheWay } from '../rules.js';
import {
  answersTo,
  ask,
  checkCounts,
  errorOf,
  fail,
  finalOf,
  finish,
  nextTask,
  serve,
  type V2Client,
  v2Client,
  v2Pair,
} from '../v2-scene.js';
import { textOf } from '../wire.js';
import { brokerRule } from './made.js';

const rule = brokerRule('v2');
const base = ['B-4'];

const outcomeOf = ({ frames }: Came) => unpack(frames[2]!).map;

/** What the broker says to a cancellation. */
async function cancelled(client: V2Client, entries: { jobId?: string; requestId?: number }): Promise<string> {
  client.peer.send('CANCEL', entries);
  const came = await client.peer.inbox.until('answer to CANCEL', ({ command }) => command === 'CANCEL');
  return String(outcomeOf(came).outcome);
}

export const v2BrokerCancel = [
  rule(
    'B-24',
    'MUST',
    '14.5',
    'CANCEL of a job under way ends it in E_CANCELLED; a canceller who is not the owner is told; then nothing more',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      const first = await onTheWay(nextTask(worker));
      client.peer.send('CANCEL', { requestId: 1 });
      await errorOf(client, 1, 'E_CANCELLED');
      fail(worker, first, 'E_CANCELLED');
      ask(scene, client, worker.service, 2);
      const second = await onTheWay(nextTask(worker));
      const other = await onTheWay(v2Client(scene, clientId(), 'other client'));
      const outcome = await cancelled(other, { jobId: client.jobId(2) });
      if (outcome !== 'cancelled') breach(`the canceller was told ${outcome}`);
      await errorOf(client, 2, 'E_CANCELLED');
      finish(worker, second);
      await client.peer.inbox.quiet(scene.heartbeatMs / 2, 'after E_CANCELLED', answersTo(2));
      return 'by the owner and by another client';
    },
    base,
  ),
  rule(
    'B-24.2',
    'MUST',
    '14.5',
    'CANCEL of a job that is not under way is answered by CANCEL with ended or unknown',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      serve(worker);
      ask(scene, client, worker.service, 1);
      await onTheWay(finalOf(client, 1));
      const ended = await cancelled(client, { jobId: client.jobId(1) });
      if (ended !== 'ended') breach(`a job that has ended is ${ended}`);
      const unknown = await cancelled(client, { jobId: client.jobId(4711) });
      if (unknown !== 'unknown') breach(`a job that never was is ${unknown}`);
      return 'ended and unknown';
    },
    base,
  ),
  rule(
    'B-25',
    'MUST',
    '14.5 and 6',
    'a withdrawn task is cancelled by publication and by CANCEL to its worker, with each heartbeat until it answers',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      const socket = new Subscriber({ linger: 0, receiveTimeout: scene.timeoutMs });
      try {
        socket.connect(scene.world.welcome.cancelEndpoint);
        socket.subscribe('');
        await onTheWay(socket.receive().then(([topic]) => textOf(topic)));
        ask(scene, client, worker.service, 1);
        const task = await onTheWay(nextTask(worker));
        client.peer.send('CANCEL', { requestId: 1 });
        for (const turn of ['first', 'second']) {
          const came = await worker.peer.inbox.until(`${turn} CANCEL`, ({ command }) => command === 'CANCEL');
          const { jobId, attempts } = unpack(came.frames[2]!).map as { jobId: string; attempts: number[] };
          if (jobId !== task.jobId) breach(`CANCEL names ${jobId} in place of ${task.jobId}`);
          if (attempts.length > 0 && !attempts.includes(task.attempt)) breach(`CANCEL names attempts ${attempts}`);
        }
        for (;;) {
          const [topic, job] = await socket.receive().catch(() => breach('no publication of the job'));
          if (textOf(topic) === 'cancel' && textOf(job) === client.jobId(1)) break;
        }
        fail(worker, task, 'E_CANCELLED');
        await scene.pause(200);
        worker.peer.inbox.pass('CANCEL');
        await worker.peer.inbox.quiet(scene.heartbeatMs * 2, 'after its answer', ({ command }) => command === 'CANCEL');
        return 'a publication, CANCEL twice before the answer and never after it';
      } finally {
        socket.close();
      }
    },
    ['B-24', 'G-3'],
  ),
  rule(
    'B-26',
    'MUST',
    '14.5',
    'a withdrawn task keeps its slot busy until it is answered, and the answer is not used',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      const task = await onTheWay(nextTask(worker));
      client.peer.send('CANCEL', { requestId: 1 });
      await onTheWay(errorOf(client, 1, 'E_CANCELLED'));
      ask(scene, client, worker.service, 2);
      await worker.peer.inbox.quiet(
        scene.heartbeatMs,
        'before it had answered',
        ({ command }) => command === 'REQUEST',
      );
      fail(worker, task, 'E_CANCELLED');
      serve(worker);
      checkCounts(scene, await finalOf(client, 2));
      return 'the next task came after the answer';
    },
    ['B-24'],
  ),
  rule(
    'B-27',
    'MUST',
    '14.5',
    'a piece that is still wanted and answered E_CANCELLED is given again',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      fail(worker, await onTheWay(nextTask(worker)), 'E_CANCELLED');
      serve(worker);
      checkCounts(scene, await finalOf(client, 1));
      return 'it was given again, and the answer is right';
    },
    base,
  ),
  rule(
    'C-10.2',
    'MUST',
    '14.3',
    'DISCONNECT of a client cancels its jobs at once',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      await onTheWay(nextTask(worker));
      client.peer.stopBeats();
      client.peer.send('DISCONNECT');
      await worker.peer.inbox.until('CANCEL', ({ command }) => command === 'CANCEL', scene.heartbeatMs * 3);
      return 'the worker was sent CANCEL';
    },
    base,
  ),
  rule(
    'B-8',
    'MUST',
    '12 and 14.3',
    'a v2 client that is silent for 5 intervals (here 8) has its jobs cancelled',
    async (scene: BrokerScene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      await onTheWay(nextTask(worker));
      client.peer.stopBeats();
      const waitMs = scene.heartbeatMs * 8;
      await worker.peer.inbox.until('CANCEL', ({ command }) => command === 'CANCEL', waitMs);
      if (client.peer.inbox.all.filter(answersTo(1)).length > 0) breach('the silent client got an answer');
      return 'its worker was sent CANCEL';
    },
    base,
  ),
];
