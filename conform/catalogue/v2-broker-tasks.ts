/** BXMDPv2 for the broker: tasks, parts, attempts, blame, liveness of workers (sections 9, 12 and 13). */
import type { BrokerScene } from '../broker-world.js';
import type { Came } from '../inbox.js';
import type { Peer } from '../peer.js';
import { breach, onTheWay } from '../rules.js';
import { brokenParts, partOf, takenParts, type V2Task } from '../services.js';
import {
  ask,
  checkCounts,
  errorOf,
  fail,
  finalOf,
  finish,
  nextTask,
  serve,
  slotName,
  type V2Worker,
  v2Client,
  v2Pair,
  v2Worker,
} from '../v2-scene.js';
import { brokerRule } from './made.js';

const rule = brokerRule('v2');
const base = ['B-4'];
const isTask = ({ command }: Came): boolean => command === 'REQUEST';

function finishWith(worker: V2Worker, task: V2Task, arrays: readonly string[], frames: readonly Uint8Array[]): void {
  const { attempt, epoch } = task;
  worker.peer.send('FINAL', { attempt, epoch, arrays, work: { bytesRead: 1, ms: 1 } }, ...frames);
}

/** Every broken part of this rule fails its attempt, and the broker goes on. */
async function refusesParts(scene: BrokerScene, id: string): Promise<string> {
  const client = await onTheWay(v2Client(scene));
  let request = 0;
  for (let i = 0; ; i++) {
    const worker = await onTheWay(v2Worker(scene, 'counts'));
    ask(scene, client, worker.service, ++request);
    const task = await onTheWay(nextTask(worker));
    const cases = brokenParts(task).filter(([rule]) => rule === id);
    const [, what, arrays, frames] = cases[i] ?? [];
    if (what === undefined) {
      finish(worker, task);
      return `${cases.length} kinds of broken parts ended in an error`;
    }
    finishWith(worker, task, arrays!, frames!);
    // A part that could not even be read may cost the worker its conversation; a right one then decides.
    const ended = errorOf(client, request, ...refusal(id), 'E_NO_SERVICE', 'E_CRASHED');
    const told = await ended.catch((error: Error) => breach(`a part with ${what}: ${error.message}`));
    if (!refusal(id).some((code) => told.startsWith(code)) && worker.peer.inbox.count('DISCONNECT') === 0) {
      breach(`a part with ${what} ended in ${told}`);
    }
  }
}

/** A sum past ±(2^53−1) is E_RANGE (9.3): a number past it may be called so too. */
const refusal = (id: string): string[] => ['E_PROTOCOL', ...(id === 'A-12' ? ['E_RANGE'] : [])];

async function takesParts(scene: BrokerScene, id: string): Promise<string> {
  const { worker, client } = await onTheWay(v2Pair(scene));
  for (let request = 1; ; request++) {
    ask(scene, client, worker.service, request);
    const task = await onTheWay(nextTask(worker));
    const cases = takenParts(task).filter(([rule]) => rule === id);
    const [, what, frame] = cases[request - 1] ?? [];
    if (what === undefined) {
      finish(worker, task);
      return `${cases.map(([, name]) => name).join(', ')}`;
    }
    finishWith(worker, task, ['counts'], [frame!]);
    const final = await finalOf(client, request).catch((error: Error) => breach(`${what}: ${error.message}`));
    checkCounts(scene, final);
  }
}

export const v2BrokerTasks = [
  rule(
    'B-11',
    'MUST',
    '13',
    'every assignment has a fresh attempt and the epoch of WELCOME; answers with others are no answers',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      const attempts = new Set<number>();
      for (let request = 1; request <= 5; request++) {
        ask(scene, client, worker.service, request);
        const task = await onTheWay(nextTask(worker));
        if (attempts.has(task.attempt)) breach(`attempt ${task.attempt} was given twice`);
        if (task.epoch !== scene.world.welcome.epoch) breach(`epoch ${task.epoch} is not that of WELCOME`);
        attempts.add(task.attempt);
        fail(worker, { ...task, epoch: 'another' }, 'E_SERVICE', 'of another epoch');
        fail(worker, { ...task, attempt: task.attempt + 1_000_000 }, 'E_SERVICE', 'of another attempt');
        finish(worker, task);
        checkCounts(scene, await finalOf(client, request));
      }
      return `attempts ${[...attempts]}; answers of another epoch and attempt changed nothing`;
    },
    base,
  ),
  rule(
    'B-12',
    'MUST',
    '13',
    'a worker is not given more unanswered tasks than its credit',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene, 'counts', { credit: 2 }));
      for (let request = 1; request <= 8; request++) ask(scene, client, worker.service, request);
      await onTheWay(nextTask(worker));
      await scene.pause(scene.heartbeatMs);
      const given = worker.peer.inbox.all.filter(isTask).length;
      if (given > 2) breach(`${given} tasks for a credit of 2`);
      return `${given} unanswered for a credit of 2`;
    },
    base,
  ),
  rule(
    'B-12.2',
    'MUST',
    '13',
    'two workers of one slot never hold tasks at the same time',
    async (scene) => {
      const slot = slotName();
      const { worker, client } = await onTheWay(v2Pair(scene, 'counts', { slot }));
      const second = await onTheWay(v2Worker(scene, 'sums', { slot, name: 'second worker of the slot' }));
      ask(scene, client, worker.service, 1);
      const task = await onTheWay(nextTask(worker));
      ask(scene, client, second.service, 2);
      await second.peer.inbox.quiet(scene.heartbeatMs, 'while the other one of its slot had a task', isTask);
      finish(worker, task);
      await nextTask(second);
      return 'the second got its task when the first had answered';
    },
    base,
  ),
  rule(
    'B-13',
    'MUST',
    '13',
    'among idle slots the one that has been idle longest is chosen',
    async (scene) => {
      const first = await onTheWay(v2Worker(scene, 'counts'));
      const { service } = first;
      const workers = [first];
      for (const name of ['second', 'third'])
        workers.push(await onTheWay(v2Worker(scene, 'counts', { service, name })));
      const client = await onTheWay(v2Client(scene));
      const order: number[] = [];
      for (let request = 1; request <= 6; request++) {
        // One byte cannot be given to two of them.
        ask(scene, client, service, request, { range: [0, 1] });
        const peer = await onTheWay(scene.oneOf(workers.map((worker) => worker.peer)));
        const at = workers.findIndex((worker) => worker.peer === peer);
        order.push(at);
        finish(workers[at]!, await nextTask(workers[at]!));
        await onTheWay(finalOf(client, request));
      }
      if (new Set(order).size !== 3 || order.slice(3).join() !== order.slice(0, 3).join())
        breach(`the order was ${order}`);
      return `the order was ${order}`;
    },
    base,
  ),
  rule(
    'B-14',
    'MUST',
    '13',
    'the task of a worker that dies is given to others, and no byte is counted twice',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      const task = await onTheWay(nextTask(worker));
      worker.peer.stopBeats();
      worker.peer.send('DISCONNECT');
      const second = await onTheWay(v2Worker(scene, 'counts', { service: worker.service, name: 'second worker' }));
      let given = 0;
      serve(second, () => given++);
      checkCounts(scene, await finalOf(client, 1));
      finish(worker, task);
      return `given again in ${given} tasks, and counted once`;
    },
    base,
  ),
  rule(
    'B-14.2',
    'MUST',
    '13',
    'a slice that three workers died of ends its job in E_CRASHED, which names the range',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1, { range: [0, 1] });
      for (let death = 1, dying = worker; ; death++) {
        await onTheWay(nextTask(dying));
        dying.peer.stopBeats();
        dying.peer.send('DISCONNECT');
        if (death === 3) break;
        dying = await onTheWay(v2Worker(scene, 'counts', { service: worker.service, name: `worker ${death + 1}` }));
      }
      return errorOf(client, 1, 'E_CRASHED');
    },
    base,
  ),
  rule(
    'B-15',
    'MUST',
    '13',
    'of two answers for the same bytes the first accepted one counts, and no other',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      const task = await onTheWay(nextTask(worker));
      // Frozen: late after 5 intervals; then it wakes up and answers.
      worker.peer.stopBeats();
      const second = await onTheWay(v2Worker(scene, 'counts', { service: worker.service, name: 'second worker' }));
      const waitMs = scene.timeoutMs + scene.heartbeatMs * 8;
      const again = await nextTask(second, waitMs);
      finish(worker, task);
      serve(second);
      finish(second, again);
      checkCounts(scene, await finalOf(client, 1));
      return 'the late answer of a frozen worker was not added';
    },
    base,
  ),
  rule(
    'G-16',
    'MUST',
    '12',
    'a v2 worker is late after 5 silent intervals (here 8): it gets nothing more, and not before 3',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      worker.peer.stopBeats();
      await scene.pause(scene.heartbeatMs * 2.5);
      if (worker.peer.inbox.count('DISCONNECT') > 0) breach('DISCONNECT within 2.5 intervals');
      await scene.pause(scene.heartbeatMs * 5.5);
      const before = worker.peer.inbox.all.length;
      ask(scene, client, worker.service, 1);
      await scene.pause(scene.heartbeatMs * 2);
      if (worker.peer.inbox.all.length > before)
        breach(`${worker.peer.inbox.all.at(-1)?.command} after 8 silent intervals`);
      return 'nothing after 8 silent intervals';
    },
    base,
  ),
  rule(
    'B-9',
    'SHOULD',
    '12',
    'a worker whose connection is gone is given up at once where the transport tells',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      const second = await onTheWay(v2Worker(scene, 'counts', { service: worker.service, name: 'second worker' }));
      ask(scene, client, worker.service, 1, { range: [0, 1] });
      const holder = (await onTheWay(scene.oneOf([worker.peer, second.peer]))) === worker.peer ? worker : second;
      await holder.peer.close();
      await nextTask(holder === worker ? second : worker, scene.heartbeatMs * 4);
      return 'its task was given again before it was late';
    },
    base,
  ),
  rule(
    'G-14',
    'MUST',
    '12',
    'the broker sends something to each v2 peer once an interval',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      // Half as much again, for a machine that has much to do.
      const waitMs = scene.heartbeatMs * 6;
      const fourth = ({ inbox }: Peer) => inbox.until('fourth HEARTBEAT', () => inbox.count('HEARTBEAT') >= 4, waitMs);
      await Promise.all([fourth(worker.peer), fourth(client.peer)]);
      return 'a worker and a client had 4 heartbeats each within 6 intervals';
    },
    ['G-1'],
  ),
  rule(
    'G-15',
    'SHOULD',
    '12',
    'any message is a sign of life; HEARTBEAT is sent only where nothing else was for about an interval',
    async (scene) => {
      const client = await onTheWay(v2Client(scene));
      client.peer.stopBeats();
      const before = client.peer.inbox.all.length;
      for (let i = 0; i < 16; i++) {
        client.peer.send('CANCEL', { requestId: 1 });
        const came = await client.peer.inbox.next('answer to CANCEL');
        if (came.command !== 'CANCEL') breach(`${came.command} after ${i / 2} intervals of CANCELs without heartbeats`);
        await scene.pause(scene.heartbeatMs / 2);
      }
      const beats = client.peer.inbox.beatsBeside(before, scene.heartbeatMs / 4);
      if (beats > 4) breach(`${beats} heartbeats less than a quarter of an interval behind 16 other messages`);
      return `alive for 8 intervals without heartbeats; ${beats} heartbeats right behind 16 messages`;
    },
    ['G-1'],
  ),
  rule(
    'B-7',
    'MUST',
    '11',
    'a code of a worker that is not in the table reaches the client as E_SERVICE',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      fail(worker, await onTheWay(nextTask(worker)), 'E_OF_MY_OWN', 'my own words');
      const told = await errorOf(client, 1, 'E_SERVICE');
      if (!told.includes('my own words')) breach(`the message was lost: ${told}`);
      return told;
    },
    base,
  ),
  rule('A-6', 'MUST', '9.2', 'a part that breaks the rules fails its attempt', (s) => refusesParts(s, 'A-6'), base),
  rule('A-11', 'MUST', '9.4', 'a reader refuses array frames of other kinds', (s) => refusesParts(s, 'A-11'), base),
  rule('A-12', 'MUST', '9.4', 'numbers past ±(2^53−1) are refused', (s) => refusesParts(s, 'A-12'), base),
  rule('A-7', 'MUST', '9.2', 'a reader takes any dtype whose numbers fit', (s) => takesParts(s, 'A-7'), base),
  rule('A-5', 'MUST', '9.2', 'readers count numbers, not rows', (s) => takesParts(s, 'A-5'), base),
  rule(
    'A-11.2',
    'MUST',
    '9.4',
    'a reader takes the keys of the header in any order and any padding',
    (s) => takesParts(s, 'A-11'),
    base,
  ),
  rule(
    'A-1',
    'MUST',
    '9.2 and 10.2',
    'cells lie on multiples of their width from offset 0, and every part folds to the whole',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene, 'sums'));
      const runs: string[] = [];
      serve(worker, ({ runs: [run], cellBytes }) => runs.push(`${run}/${cellBytes}`));
      const end = Math.min(20_000, scene.world.bytes.length);
      ask(scene, client, worker.service, 1, { range: [1000, end], cells: 4 });
      const { arrays, map } = await finalOf(client, 1);
      const width = map.cellBytes as number;
      const starts = arrays.get('cells.start')?.numbers ?? [];
      const wrong = starts.findIndex(
        (start, i) => start !== (i === 0 ? 1000 : Math.ceil((1000 + 1) / width + i - 1) * width),
      );
      if (wrong >= 0) breach(`cell ${wrong} begins at ${starts[wrong]}, width ${width}`);
      const sums = arrays.get('cells.sums')?.numbers ?? [];
      starts.forEach((start, i) => {
        const to = starts[i + 1] ?? end;
        const wanted = scene.world.bytes.subarray(start, to).reduce((sum, byte) => sum + byte, 0);
        if (sums[i] !== wanted) breach(`cell ${i} sums to ${sums[i]} in place of ${wanted}`);
      });
      return `${starts.length} cells of ${width} bytes, of ${runs.length} tasks`;
    },
    base,
  ),
  rule(
    'W-2.2',
    'MUST',
    '9.1',
    'a task names its file, the state of it and a run inside it; params are complete',
    async (scene) => {
      const params = [{ name: 'level', type: 'int', default: 3, help: 'a number' }];
      const { worker, client } = await onTheWay(v2Pair(scene, 'counts', { descriptor: { params } }));
      ask(scene, client, worker.service, 1);
      const task = await onTheWay(nextTask(worker));
      const came = worker.peer.inbox.all.find(isTask)!;
      const { task: map } = (await import('../msgpack.js')).unpack(came.frames[2]!).map as { task: TaskMap };
      const { size } = map.inputs[0]!.identity;
      if (task.path.toString() !== scene.world.file) breach(`the path is ${task.path}`);
      if (size !== scene.world.bytes.length) breach(`the size is ${size} in place of ${scene.world.bytes.length}`);
      if (map.params.level !== 3) breach('the default of a parameter is not there');
      if (task.runs.some(([start, end]) => end > size || start > end)) breach(`runs ${task.runs}`);
      const { arrays, frames } = partOf('counts', task);
      finishWith(worker, task, arrays, frames);
      checkCounts(scene, await finalOf(client, 1));
      return `run ${task.runs} of ${size} bytes`;
    },
    base,
  ),
];

interface TaskMap {
  readonly inputs: readonly { readonly identity: { readonly size: number } }[];
  readonly params: { readonly [name: string]: unknown };
}
