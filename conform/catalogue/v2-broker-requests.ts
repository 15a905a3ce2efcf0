/** BXMDPv2 for the broker: who may say what, repeats, ends (section 14). */
import { clientId } from '../broker-world.js';
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
  v2Client,
  v2Pair,
  v2Worker,
} from '../v2-scene.js';
import { empty, message, shown, textOf } from '../wire.js';
import { brokerRule } from './made.js';

const rule = brokerRule('v2');
const base = ['B-4'];

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
