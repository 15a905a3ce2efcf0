/** BXMDPv2 section 9.6, a finish of the service's own: for the broker that asks for it, and for the worker that makes it. */
import type { BrokerScene } from '../broker-world.js';
import type { Came } from '../inbox.js';
import { type MapValue, unpack } from '../msgpack.js';
import { npy, readNpy } from '../npy.js';
import { breach, onTheWay } from '../rules.js';
import { type V2Task, v2TaskOf } from '../services.js';
import { answerOf, fieldsOf, jobId, paramsOf, rowLength } from '../tasks.js';
import {
  ask,
  descriptorAnswered,
  errorOf,
  fail,
  finalOf,
  finish,
  type V2Worker,
  v2Client,
  v2Pair,
} from '../v2-scene.js';
import { brokerRule, playedRule } from './made.js';

const rule = brokerRule('v2');
const workerRule = playedRule('worker', 'v2');
const isRequest = ({ command }: Came): boolean => command === 'REQUEST';

interface Finish {
  readonly task: Pick<V2Task, 'attempt' | 'epoch'>;
  readonly rows: number;
  readonly columns: ReadonlyMap<string, readonly number[]>;
}

/** Undefined: it is another task. */
function finishIn({ frames }: Came): Finish | undefined {
  const { map } = unpack(frames[2]!);
  const { kind, rows, arrays } = map.task as { kind: string; rows: number; arrays: string[] };
  if (kind !== 'finish') return undefined;
  if (frames.length !== 3 + arrays.length) breach(`${arrays.length} arrays are named, ${frames.length - 3} are there`);
  const columns = new Map(arrays.map((name, i) => [name, readNpy(frames[3 + i]!).numbers]));
  return { task: { attempt: Number(map.attempt), epoch: String(map.epoch) }, rows, columns };
}

/** Answers parts as they are and each finish by `onFinish`, until the scene ends. */
function serveFinish(worker: V2Worker, onFinish: (asked: Finish) => void): Promise<never> {
  const loop = async (): Promise<never> => {
    for (;;) {
      const came = await worker.peer.inbox.until('REQUEST', isRequest, 600_000);
      const asked = finishIn(came);
      if (asked) onFinish(asked);
      else finish(worker, v2TaskOf(came));
    }
  };
  return loop();
}

/** The request's end, or what was wrong with a finish before it. */
async function ended<T>(end: Promise<T>, serving: Promise<never>): Promise<T> {
  serving.catch(() => undefined);
  return Promise.race([end, serving]);
}

async function finishing(scene: BrokerScene) {
  return onTheWay(v2Pair(scene, 'sums', { descriptor: { finish: true } }));
}

export const v2BrokerFinish = [
  rule(
    'B-29',
    'MUST',
    '9.6',
    'outputs of a finish stand in the report: along the cells, and of the last row over the range',
    async (scene) => {
      const { worker, client } = await finishing(scene);
      const serving = serveFinish(worker, ({ task, rows, columns }) => {
        const doubled = columns.get('sums')!.map((sum) => sum * 2);
        const map = { attempt: task.attempt, epoch: task.epoch, arrays: ['twice'], work: { bytesRead: 0, ms: 1 } };
        worker.peer.send('FINAL', map, npy('f8', [rows, 1], doubled));
      });
      ask(scene, client, worker.service, 1, { cells: 4 });
      const { map, arrays } = await ended(finalOf(client, 1), serving);
      const { sums, twice } = map.scalars as { sums: number; twice: number };
      if (twice !== sums * 2) breach(`the scalar twice is ${twice}, sums ${sums}`);
      const [cells, doubled] = ['cells.sums', 'cells.twice'].map((name) => arrays.get(name)?.numbers ?? []);
      if (cells!.length === 0 || cells!.some((sum, i) => doubled![i] !== sum * 2)) breach(`cells.twice is ${doubled}`);
      return `a scalar and ${doubled!.length} cells`;
    },
    ['B-4'],
  ),
  rule(
    'A-14',
    'MUST',
    '9.6',
    'a finish gets n and each field, a row a known cell and last the range as a whole',
    async (scene) => {
      const { worker, client } = await finishing(scene);
      let told = '';
      const serving = serveFinish(worker, ({ task, rows, columns }) => {
        const [n, sums] = [columns.get('n') ?? breach('no array n'), columns.get('sums') ?? breach('no array sums')];
        if (n.length !== rows || sums.length !== rows)
          breach(`${n.length} and ${sums.length} numbers for ${rows} rows`);
        const whole = n.slice(0, -1).reduce((sum, bytes) => sum + bytes, 0);
        if (rows > 1 && n.at(-1) !== whole) breach(`the last n is ${n.at(-1)}, the others make ${whole}`);
        told = `${rows} rows, ${n.at(-1)} bytes in the last`;
        fail(worker, task as V2Task, 'E_SERVICE', 'seen enough');
      });
      ask(scene, client, worker.service, 1, { cells: 4 });
      await ended(errorOf(client, 1, 'E_SERVICE'), serving);
      return told;
    },
    ['B-29'],
  ),
  rule(
    'D-10',
    'MUST',
    '9.6',
    'a descriptor with finish that has no field of sum, min, max or or is refused',
    async (scene) => {
      const fields = [{ name: 'marks', dtype: 'i8', merge: 'run', cells: false }];
      const report = [{ name: 'marks', of: 'marks', finish: 'longest', scope: 'whole' }];
      const command = await descriptorAnswered(scene, { finish: true, fields, report });
      if (command !== 'DISCONNECT') breach(`${command} in place of DISCONNECT`);
      await onTheWay(v2Client(scene));
      return 'a finish of a run alone was refused';
    },
    ['B-29'],
  ),
];

export const v2WorkerFinish = [
  workerRule(
    'W-15',
    'MUST',
    '9.6',
    'a finish is answered row by row; a worker without one answers E_PROTOCOL',
    async (scene) => {
      const peer = await scene.welcomed();
      const { descriptor } = unpack(peer.first[3]!).map as { descriptor: MapValue };
      const fields = fieldsOf(descriptor).filter(({ merge }) => ['sum', 'min', 'max', 'or'].includes(merge));
      const rows = 3;
      const arrays = fields.map((field) => {
        const row = rowLength(field, descriptor) ?? 1;
        const numbers = Array.from({ length: rows * row }, (_, i) => (Math.floor(i / row) === 1 ? 2 : 1));
        return npy('u8', [rows, row], numbers);
      });
      const names = ['n', ...fields.map(({ name }) => name)];
      const task = { kind: 'finish', params: paramsOf(descriptor), rows, arrays: names };
      const bytes = npy('u8', [rows], [4096, 8192, 4096]);
      peer.send('REQUEST', { attempt: 1, epoch: 'epoch1', jobId, task }, bytes, ...arrays);
      const answer = await answerOf(peer);
      if (descriptor.finish !== true) {
        const { code } = answer.map;
        return code === 'E_PROTOCOL'
          ? 'E_PROTOCOL: it has none'
          : breach(`${answer.command} ${code ?? ''}, without a finish`);
      }
      if (answer.command === 'ERROR') breach(`${answer.map.code}: ${answer.map.message}`);
      for (const [name, { numbers }] of answer.arrays) {
        if (numbers.length === 0 || numbers.length % rows !== 0)
          breach(`${name} has ${numbers.length} numbers for 3 rows`);
        const width = numbers.length / rows;
        const [first, , third] = [0, 1, 2].map((row) => String(numbers.slice(row * width, (row + 1) * width)));
        if (first !== third) breach(`${name}: equal rows give ${first} and ${third}`);
      }
      return `${[...answer.arrays.keys()].join(', ')}: equal rows give equal rows`;
    },
    ['A-4'],
  ),
];
