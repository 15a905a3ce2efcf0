/** BXMDPv2 for the broker: who may say what, repeats, ends, cancellation (section 14). */
import { Subscriber } from 'zeromq';
import { type BrokerScene, clientId } from '../broker-world.js';
import type { Came } from '../inbox.js';
import { unpack } from '../msgpack.js';
import { breach, onTheWay } from '../rules.js';
import {
  answersTo,
  ask,
  askRaw,
  checkCounts,
  endOf,
  errorOf,
  fail,
  finalOf,
  finish,
  mmi,
  nextTask,
  serve,
  type V2Client,
  v2Client,
  v2Pair,
  v2Worker,
} from '../v2-scene.js';
import { empty, message, shown, textOf } from '../wire.js';
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

export const v2BrokerRequests = [
  rule(
    'B-16',
    'MUST',
    '14.3',
    'a valid and unexpected command of a worker is answered by DISCONNECT, and nothing after it',
    async (scene) => {
      const worker = await onTheWay(v2Worker(scene, 'counts'));
      worker.peer.send('READY', worker.service, { descriptor: {}, slot: 'x', credit: 1 });
      await scene.dismissed(worker.peer, 'a READY that is wrong');
      const other = await onTheWay(v2Worker(scene, 'counts'));
      other.peer.raw(message('BXMC02', 'HELLO', { clientId: clientId() }));
      await scene.dismissed(other.peer, 'a HELLO of a client');
      for (const { peer } of [worker, other]) peer.stopBeats();
      await other.peer.inbox.quiet(scene.heartbeatMs * 2, 'after DISCONNECT');
      return 'a wrong READY and a HELLO, each answered by DISCONNECT and then silence';
    },
    ['G-1'],
  ),
  rule(
    'B-17',
    'MUST',
    '14.3',
    'what comes from a peer that has not said HELLO or READY is answered by DISCONNECT',
    async (scene) => {
      const said: readonly ['BXMC02' | 'BXMW02', string, ...Parameters<typeof message>[2][]][] = [
        ['BXMC02', 'HEARTBEAT'],
        ['BXMC02', 'REQUEST', 'HIST', { requestId: 1, inputs: ['/none'] }],
        ['BXMC02', 'CANCEL', { requestId: 1 }],
        ['BXMW02', 'HEARTBEAT'],
        ['BXMW02', 'FINAL', { attempt: 1, epoch: 'x', arrays: [], work: { bytesRead: 0, ms: 0 } }],
        ['BXMW02', 'ERROR', { attempt: 1, epoch: 'x', code: 'E_IO', message: 'x', work: { bytesRead: 0, ms: 0 } }],
      ];
      for (const [header, command, ...rest] of said) {
        const peer = scene.peer(header, 'stranger');
        peer.raw(message(header, command, ...rest));
        await scene.dismissed(peer, `${header} ${command} of a stranger`);
      }
      return `${said.length} commands of both sides`;
    },
    ['G-1'],
  ),
  rule(
    'B-18',
    'MUST',
    '14.3',
    'HELLO of a known clientId moves the client: everything goes to the new connection',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      const task = await onTheWay(nextTask(worker));
      const moved = await v2Client(scene, client.id, 'client on its new connection');
      client.peer.stopBeats();
      finish(worker, task);
      checkCounts(scene, await finalOf(moved, 1));
      if (client.peer.inbox.count('FINAL') > 0) breach('the old connection got a FINAL');
      return 'FINAL came on the new connection';
    },
    base,
  ),
  rule(
    'B-19',
    'MUST',
    '14.4',
    'the same key while it is under way makes no second job',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene, 'counts', { credit: 4 }));
      ask(scene, client, worker.service, 1);
      const task = await onTheWay(nextTask(worker));
      ask(scene, client, worker.service, 1);
      ask(scene, client, worker.service, 1);
      // Read after the two above: it is on the same connection.
      const { jobs } = await mmi(client, 'mmi.jobs', 99);
      const mine = (jobs as { jobId: string }[]).filter(({ jobId }) => jobId === client.jobId(1));
      if (mine.length !== 1) breach(`${mine.length} jobs under way for one key`);
      finish(worker, task);
      checkCounts(scene, await finalOf(client, 1));
      const more = client.peer.inbox.all.filter(answersTo(1)).filter(({ command }) => command !== 'PARTIAL');
      if (more.length !== 1) breach(`${more.length} ends of one request`);
      return 'one job, one end';
    },
    base,
  ),
  rule(
    'B-19.2',
    'MUST',
    '14.4',
    'a key that ended in an error is answered by the same ERROR; one that ended in FINAL is answered again',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      fail(worker, await onTheWay(nextTask(worker)), 'E_SERVICE', 'the first time');
      const first = await errorOf(client, 1, 'E_SERVICE');
      ask(scene, client, worker.service, 1);
      const second = await errorOf(client, 1, 'E_SERVICE');
      if (first !== second) breach(`${second} in place of ${first}`);
      serve(worker);
      ask(scene, client, worker.service, 2);
      const one = await finalOf(client, 2);
      ask(scene, client, worker.service, 2);
      const two = await finalOf(client, 2);
      const [a, b] = [one, two].map(({ arrays }) => String(arrays.get('counts')?.numbers));
      if (a !== b) breach('the second FINAL has other numbers');
      return 'the same ERROR, the same FINAL';
    },
    base,
  ),
  rule(
    'B-20',
    'SHOULD',
    '14.4',
    'a request for a service that nobody serves waits for a worker, and ends in E_NO_SERVICE, which names what is there',
    async (scene) => {
      const client = await onTheWay(v2Client(scene));
      const { service } = await onTheWay(v2Worker(scene, 'counts'));
      const missing = `NO${service}`;
      ask(scene, client, missing, 1);
      const { command, map } = await endOf(client, 1, scene.world.options.expireMs);
      if (command !== 'ERROR' || map.code !== 'E_NO_SERVICE') breach(`it ended in ${map.code ?? command}`);
      if (!String(map.message).includes(service)) breach(`it does not name what is there: ${map.message}`);
      const late = `LATE${service}`;
      ask(scene, client, late, 2);
      await scene.pause(200);
      serve(await v2Worker(scene, 'counts', { service: late }));
      checkCounts(scene, await finalOf(client, 2));
      return 'E_NO_SERVICE with names, and a worker that came in time was asked';
    },
    base,
  ),
  rule(
    'B-21',
    'MUST',
    '14.4',
    'after FINAL or ERROR nothing more comes for that request',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      const task = await onTheWay(nextTask(worker));
      finish(worker, task);
      await onTheWay(finalOf(client, 1));
      finish(worker, task);
      fail(worker, task, 'E_SERVICE');
      await client.peer.inbox.quiet(scene.heartbeatMs, 'after FINAL', answersTo(1));
      return 'a second FINAL and an ERROR of the worker did not come through';
    },
    base,
  ),
  rule(
    'B-22',
    'SHOULD',
    '14.4',
    'clients are served fairly: one that asks much does not keep another waiting to the end',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      // Ranges apart: a piece that several want is computed once.
      const apart = (i: number) => ({ range: [i * 64, i * 64 + 64] });
      for (let request = 1; request <= 20; request++) ask(scene, client, worker.service, request, apart(request));
      await onTheWay(mmi(client, 'mmi.jobs', 99));
      const other = await onTheWay(v2Client(scene, clientId(), 'other client'));
      ask(scene, other, worker.service, 1, apart(0));
      await onTheWay(mmi(other, 'mmi.jobs', 99));
      let before = 0;
      for (let task = await nextTask(worker); task.jobId !== other.jobId(1); task = await nextTask(worker)) {
        finish(worker, task);
        if (++before === 20) breach('all 20 requests of the first client were served before the other’s');
      }
      return `${before} of the first client's 20 requests were served before the other's`;
    },
    base,
  ),
  rule(
    'B-22.2',
    'SHOULD',
    '14.4 and 7.2',
    'that holds for opaque services as well',
    async (scene) => {
      const service = scene.service();
      const worker = await onTheWay(scene.plainWorker(service));
      const client = await onTheWay(v2Client(scene));
      for (let request = 1; request <= 20; request++) askRaw(client, service, request, 'flood');
      await onTheWay(mmi(client, 'mmi.jobs', 99));
      const other = await onTheWay(v2Client(scene, clientId(), 'other client'));
      askRaw(other, service, 1, 'other');
      await onTheWay(mmi(other, 'mmi.jobs', 99));
      let before = 0;
      for (let task = await scene.task(worker); textOf(task.body[0]) !== 'other'; task = await scene.task(worker)) {
        scene.answer(worker, 'FINAL', task, 'end');
        if (++before === 20) breach('all 20 requests of the first client were served before the other’s');
      }
      return `${before} of the first client's 20 requests were served before the other's`;
    },
    ['G-1'],
  ),
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
    'B-23',
    'MUST',
    '14.4',
    'messages to one peer keep their order; a peer that does not read holds up nobody',
    async (scene) => {
      const service = scene.service();
      const worker = await onTheWay(scene.plainWorker(service));
      const deaf = await onTheWay(v2Client(scene, clientId(), 'client that does not read'));
      deaf.peer.deafen();
      askRaw(deaf, service, 1, 'much');
      const task = await onTheWay(scene.task(worker));
      const large = Buffer.alloc(1_000_000, 1);
      for (let i = 0; i < 40; i++) scene.answer(worker, 'PARTIAL', task, large);
      const { worker: counter, client } = await v2Pair(scene);
      serve(counter);
      ask(scene, client, counter.service, 1);
      checkCounts(scene, await finalOf(client, 1));
      scene.answer(worker, 'FINAL', task, empty);
      return '40 MB for a client that does not read, while another was answered';
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
    'P-11',
    'MUST',
    '7.3',
    'mmi.services and mmi.jobs are answered with their maps, other names with 501; READY for such a name is refused',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      const services = await mmi(client, 'mmi.services', 1);
      const names = (services.services as { descriptor: { name: string } }[]).map(({ descriptor }) => descriptor.name);
      if (!names.includes(worker.service)) breach(`mmi.services does not name ${worker.service}`);
      if (services.epoch !== scene.world.welcome.epoch) breach('mmi.services has another epoch than WELCOME');
      const { jobs } = await mmi(client, 'mmi.jobs', 2);
      if (!Array.isArray(jobs)) breach('mmi.jobs has no list of jobs');
      askRaw(client, 'mmi.none', 3);
      const { frames } = await client.peer.inbox.take('FINAL');
      if (textOf(frames[4]) !== '501') breach(`mmi.none was answered by ${shown(frames)}`);
      const bad = scene.readyWorker('mmi.mine');
      await scene.dismissed(bad, 'READY for mmi.mine');
      return 'services, jobs, 501, DISCONNECT';
    },
    ['G-1'],
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
  rule(
    'C-5.2',
    'MUST',
    '14.1',
    'requests may be under way side by side; answers are told apart by requestId',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      for (let request = 1; request <= 8; request++) ask(scene, client, worker.service, request);
      serve(worker);
      const { inbox } = client.peer;
      await inbox.until('eighth FINAL', () => inbox.count('FINAL') === 8);
      const wrong = [1, 2, 3, 4, 5, 6, 7, 8].filter((request) => inbox.all.filter(answersTo(request)).length === 0);
      if (wrong.length > 0) breach(`requests ${wrong} have no answer`);
      return '8 requests, 8 answers, each with its number';
    },
    base,
  ),
];
