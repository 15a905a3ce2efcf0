/** RFC 18 for the broker: frames, routing, the order of answers, queues. */
import type { BrokerScene } from '../broker-world.js';
import { breach, onTheWay } from '../rules.js';
import { empty, same, shown, textOf } from '../wire.js';
import { brokerRule } from './made.js';

const rule = brokerRule('mdp');
const base = ['RFC18-B-01'];

/** A worker, a client and a request that the worker has. */
async function pair(scene: BrokerScene, ...body: (string | Uint8Array)[]) {
  const service = scene.service();
  const worker = await scene.plainWorker(service);
  const client = scene.plainClient();
  const task = await onTheWay(scene.asked(client, worker, service, ...(body.length > 0 ? body : ['question'])));
  return { service, worker, client, task };
}

export const rfc18BrokerRouting = [
  rule(
    'RFC18-B-01',
    'MUST',
    'RFC 18, ROUTER Addressing',
    'clients and workers connect with DEALERs, and a request goes to the worker of its service and its answer back',
    async (scene) => {
      const service = scene.service();
      const worker = await scene.plainWorker(service);
      const client = scene.plainClient();
      const task = await scene.asked(client, worker, service, 'question');
      if (textOf(task.body[0]) !== 'question') breach(`the worker got ${task.body.length} body frames`);
      scene.answer(worker, 'FINAL', task, 'answer');
      const { frames } = await client.inbox.take('FINAL');
      if (textOf(frames.at(-1)) !== 'answer') breach(`the client got ${shown(frames)}`);
      return 'REQUEST went to the worker, FINAL to the client';
    },
    [],
  ),
  rule(
    'RFC18-B-02',
    'MUST',
    'RFC 18, MDP/Worker',
    'a worker gets MDPW02, 0x02, one client address, an empty frame and the body; no empty frame at its head',
    async (scene) => {
      if (scene.world.wire.differs) breach(scene.world.wire.differs);
      const { worker } = await pair(scene);
      const { frames } = worker.inbox.all.find(({ command }) => command === 'REQUEST')!;
      if (frames.length !== 5) breach(`${frames.length} frames for a body of one`);
      if (frames[3]!.length !== 0) breach(`${frames[3]!.length} bytes in place of the empty frame`);
      return `${shown(frames)}: address of ${frames[2]!.length} bytes, empty, body`;
    },
    base,
  ),
  rule(
    'RFC18-B-03',
    'MUST',
    'RFC 18, Request and Reply Processing',
    'precisely one address and one empty frame, however many body frames there are; bodies arrive untouched',
    async (scene) => {
      const body = [Buffer.from([0, 255, 10]), empty, Buffer.alloc(70_000, 7), Buffer.from('MDPW02')];
      const { client, worker, task } = await pair(scene, ...body);
      if (task.address.length === 0) breach('the client address is empty');
      if (task.body.length !== 4 || !task.body.every((frame, i) => same(frame, body[i]))) {
        breach(`body frames of ${task.body.map(({ length }) => length)} bytes for 3, 0, 70000, 6`);
      }
      scene.answer(worker, 'FINAL', task, ...body);
      const { frames } = await client.inbox.take('FINAL');
      const back = frames.slice(3);
      if (back.length !== 4 || !back.every((frame, i) => same(frame, body[i]))) {
        breach(`the answer's body frames have ${back.map(({ length }) => length)} bytes for 3, 0, 70000, 6`);
      }
      return '4 body frames, one of them empty, the same in both directions';
    },
    base,
  ),
  rule(
    'RFC18-B-04',
    'MUST',
    'RFC 18, MDP/Client',
    'PARTIAL and FINAL name the service of the request',
    async (scene) => {
      const { client, worker, task, service } = await pair(scene);
      scene.answer(worker, 'PARTIAL', task, 'part');
      scene.answer(worker, 'FINAL', task, 'end');
      for (const command of ['PARTIAL', 'FINAL']) {
        const { frames } = await client.inbox.take(command);
        if (textOf(frames[2]) !== service) breach(`${command} names ${textOf(frames[2])} in place of ${service}`);
        if (frames.length !== 4) breach(`${command} has ${frames.length} frames for a body of one`);
      }
      return 'both name it';
    },
    base,
  ),
  rule(
    'RFC18-B-05',
    'MUST',
    'RFC 18, MDP/Client',
    'any number of PARTIALs goes to the client in order before its FINAL',
    async (scene) => {
      const { client, worker, task } = await pair(scene);
      for (let i = 0; i < 50; i++) scene.answer(worker, 'PARTIAL', task, `${i}`);
      scene.answer(worker, 'FINAL', task, 'end');
      for (let i = 0; i < 50; i++) {
        const { frames } = await client.inbox.take('PARTIAL');
        if (textOf(frames[3]) !== `${i}`) breach(`PARTIAL ${textOf(frames[3])} in place of ${i}`);
      }
      await client.inbox.take('FINAL');
      return '50 PARTIALs in order, then FINAL';
    },
    base,
  ),
  rule(
    'RFC18-B-06',
    'MUST',
    'RFC 18, MDP/Client and MDP/Worker',
    'an empty body is one empty frame, in both directions',
    async (scene) => {
      const { client, worker, task } = await pair(scene, empty);
      if (task.body.length !== 1 || task.body[0]!.length !== 0) breach(`${task.body.length} body frames at the worker`);
      scene.answer(worker, 'FINAL', task, empty);
      const { frames } = await client.inbox.take('FINAL');
      if (frames.length !== 4 || frames[3]!.length !== 0) breach(`${frames.length} frames at the client`);
      return 'one empty frame at both ends';
    },
    base,
  ),
  rule(
    'RFC18-B-07',
    'MUST',
    'RFC 18, MDP/Client',
    'after FINAL the client gets nothing more for that request',
    async (scene) => {
      const { client, worker, task } = await pair(scene);
      scene.answer(worker, 'FINAL', task, 'end');
      scene.answer(worker, 'PARTIAL', task, 'late');
      scene.answer(worker, 'FINAL', task, 'again');
      await onTheWay(client.inbox.take('FINAL'));
      await client.inbox.quiet(scene.heartbeatMs, 'after FINAL');
      return 'a late PARTIAL and a second FINAL did not come through';
    },
    base,
  ),
  rule(
    'RFC18-B-08',
    'SHOULD',
    'RFC 18, MDP/Client',
    'a request for a service that nobody serves yet waits for its worker',
    async (scene) => {
      const service = scene.service();
      const client = scene.plainClient();
      client.send('REQUEST', service, 'early');
      // Long enough to be read first; a broker that is slower still has not been done wrong.
      await scene.pause(200);
      const worker = scene.readyWorker(service);
      const task = await scene.task(worker);
      scene.answer(worker, 'FINAL', task, 'end');
      await client.inbox.take('FINAL');
      return 'the worker that came later got it';
    },
    base,
  ),
  rule(
    'RFC18-B-09',
    'SHOULD',
    'RFC 18, MDP/Client',
    'a request for a service that nobody serves expires (give the time that is configured with --expire-ms)',
    async (scene) => {
      const service = scene.service();
      const client = scene.plainClient();
      client.send('REQUEST', service, 'old');
      const isTold = await client.inbox.comes(() => true, scene.world.options.expireMs);
      const worker = scene.readyWorker(service);
      const isThere = await worker.inbox.comes(({ command }) => command === 'REQUEST', scene.heartbeatMs * 2);
      if (isThere) breach(`still given to a worker after ${scene.world.options.expireMs} ms`);
      return isTold ? `the client was told: ${shown(client.inbox.all[0]!.frames)}` : 'it was not given any more';
    },
    base,
  ),
  rule(
    'RFC18-B-10',
    'SHOULD',
    'RFC 18, Overall Topology',
    'clients are served fairly: one that asks again and again does not keep others from their turn',
    async (scene) => {
      const { client, worker, task, service } = await pair(scene, 'first');
      for (const name of ['a', 'b', 'c']) scene.plainClient(`client ${name}`).send('REQUEST', service, name);
      await scene.pause(200);
      const order: string[] = [];
      for (let given = task; order.length < 6; given = await onTheWay(scene.task(worker))) {
        const word = textOf(given.body[0]);
        order.push(word);
        scene.answer(worker, 'FINAL', given, 'end');
        if (word !== 'first' && word !== 'again') continue;
        await onTheWay(client.inbox.take('FINAL'));
        client.send('REQUEST', service, 'again');
        await scene.pause(50);
      }
      const others = order.slice(0, 5).filter((word) => word.length === 1);
      if (others.length < 3) breach(`the order was ${order}`);
      return `the order was ${order}`;
    },
    base,
  ),
  rule(
    'RFC18-B-11',
    'MUST',
    'RFC 18, Overall Topology',
    'a worker is given one request at a time',
    async (scene) => {
      const { worker, task, service } = await pair(scene);
      for (let i = 0; i < 4; i++) scene.plainClient(`client ${i}`).send('REQUEST', service, `${i}`);
      await worker.inbox.quiet(scene.heartbeatMs, 'while it had a request', ({ command }) => command === 'REQUEST');
      scene.answer(worker, 'FINAL', task, 'end');
      await scene.task(worker);
      return 'the second came after the FINAL of the first';
    },
    base,
  ),
  rule(
    'RFC18-B-12',
    'MUST',
    'RFC 18, Opening and Closing a Connection',
    'several workers of one service work side by side',
    async (scene) => {
      const { worker, service } = await pair(scene);
      const second = await scene.plainWorker(service, 'second worker');
      scene.plainClient('second client').send('REQUEST', service, 'two');
      await scene.task(second);
      if (worker.inbox.count('REQUEST') !== 1) breach('the busy worker got it');
      return 'the second request went to the second worker';
    },
    base,
  ),
  rule(
    'RFC18-B-13',
    'MAY',
    'RFC 18, Overall Topology',
    'the worker that has been idle longest is next (least recently used)',
    async (scene) => {
      const service = scene.service();
      const workers = [];
      for (const name of ['first', 'second', 'third']) workers.push(await scene.plainWorker(service, `${name} worker`));
      const client = scene.plainClient();
      const order: number[] = [];
      for (let i = 0; i < 6; i++) {
        client.send('REQUEST', service, `${i}`);
        const worker = await onTheWay(scene.oneOf(workers));
        order.push(workers.indexOf(worker));
        scene.answer(worker, 'FINAL', await scene.task(worker), 'end');
        await onTheWay(client.inbox.take('FINAL'));
      }
      if (order.slice(3).join() !== order.slice(0, 3).join() || new Set(order).size !== 3) {
        breach(`the order was ${order}`);
      }
      return `the order was ${order}`;
    },
    base,
  ),
  rule(
    'RFC18-B-14',
    'MUST',
    'RFC 18, Opening and Closing a Connection',
    'every message has the header and the command of its sub-protocol and the frames of its table',
    async (scene) => {
      await onTheWay(scene.serves());
      const { faults, heard, wire } = scene.world;
      if (wire.differs) breach(wire.differs);
      const first = faults.find(({ dialect }) => dialect === 'mdp');
      if (first) breach(first.what);
      return `all ${heard.MDPC02 + heard.MDPW02} messages of this run`;
    },
    base,
    { last: true },
  ),
];
