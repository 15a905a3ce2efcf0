/** BXMDPv2 for workers: READY, tasks, parts and errors (sections 5, 8, 9 and 14.2). */

import { descriptorFaults } from '../descriptors.js';
import { unpack } from '../msgpack.js';
import { files, type PlayedScene } from '../played-world.js';
import { breach, NotSeen, onTheWay } from '../rules.js';
import {
  answerOf,
  checkDtypes,
  checkFold,
  checkPart,
  errorOf,
  fieldsOf,
  finalOf,
  identityOf,
  paramsOf,
  sendTask,
} from '../tasks.js';
import { textOf } from '../wire.js';
import { formRule, playedRule } from './made.js';

const rule = playedRule('worker', 'v2');
const form = formRule('worker', 'v2');
const base = ['W-8'];
const tasks = ['A-4'];

/** Welcomed, with its descriptor and the file that tasks name. */
async function ready(scene: PlayedScene) {
  const peer = await scene.welcomed();
  const { descriptor } = unpack(peer.first[3]!).map as { descriptor: { [key: string]: unknown } };
  return { peer, descriptor, path: scene.world.path('small'), size: scene.world.bytes.length };
}

export const v2WorkerTasks = [
  rule(
    'W-8',
    'MUST',
    '14.2 and 5.1',
    'a new socket begins with READY: the service, its descriptor, slot and credit',
    async (scene) => {
      const peer = await scene.worker();
      const { map } = unpack(peer.first[3] ?? new Uint8Array());
      const name = (map.descriptor as { name?: unknown } | undefined)?.name;
      if (name !== textOf(peer.first[2])) breach(`READY names ${textOf(peer.first[2])}, its descriptor ${name}`);
      if (typeof map.slot !== 'string' || !((map.credit as number) >= 1))
        breach(`slot ${map.slot}, credit ${map.credit}`);
      return `READY of ${name}, slot ${map.slot}, credit ${map.credit}`;
    },
    [],
  ),
  rule(
    'D-1',
    'MUST',
    '8',
    'a descriptor has the keys of the tables, none of them nil and no others',
    async (scene) => {
      const { descriptor } = await ready(scene);
      const [first] = descriptorFaults(descriptor).filter(({ rule }) => rule === 'D-1');
      if (first) breach(first.what);
      return `${Object.keys(descriptor).length} keys`;
    },
    base,
  ),
  rule(
    'D-3',
    'MUST',
    '8.2',
    'operators, dtypes, shapes, finishers and scopes go together as D-3 to D-7 say',
    async (scene) => {
      const { descriptor } = await ready(scene);
      const [first] = descriptorFaults(descriptor).filter(({ rule }) => rule !== 'D-1' && rule !== 'D-4.2');
      if (first) breach(`${first.rule}: ${first.what}`);
      return `${fieldsOf(descriptor).length} fields of summed parts`;
    },
    base,
  ),
  rule(
    'D-4',
    'SHOULD',
    '8.2',
    'a parameter named in overlap, block or gap has min 0',
    async (scene) => {
      const { descriptor } = await ready(scene);
      const [first] = descriptorFaults(descriptor).filter(({ rule }) => rule === 'D-4.2');
      if (first) breach(first.what);
      return 'they have, where there are such';
    },
    base,
  ),
  rule(
    'A-4',
    'MUST',
    '9.2',
    'FINAL has the arrays of the task’s form, each once and of its size',
    async (scene) => {
      const { peer, descriptor, path, size } = await ready(scene);
      sendTask(peer, descriptor, { path, run: [0, size] });
      const told = checkPart(descriptor, await finalOf(peer), { start: 0, end: size, cellBytes: 0 });
      sendTask(peer, descriptor, { path, run: [5000, 40_000], cellBytes: 4096, attempt: 2 });
      checkPart(descriptor, await finalOf(peer, 2), { start: 5000, end: 40_000, cellBytes: 4096 });
      return told;
    },
    base,
  ),
  rule(
    'A-2',
    'MUST',
    '9.1 and 9.2',
    'an empty run has a part as well',
    async (scene) => {
      const { peer, descriptor, path } = await ready(scene);
      sendTask(peer, descriptor, { path, run: [4096, 4096], cellBytes: 0 });
      return checkPart(descriptor, await finalOf(peer), { start: 4096, end: 4096, cellBytes: 0 });
    },
    tasks,
  ),
  rule(
    'A-7',
    'SHOULD',
    '9.2',
    'arrays have exactly the dtype of A-7, and rows as their first dimension (A-5)',
    async (scene) => {
      const { peer, descriptor, path, size } = await ready(scene);
      sendTask(peer, descriptor, { path, run: [0, size] });
      const told = checkDtypes(descriptor, await onTheWay(finalOf(peer)), { start: 0, end: size, cellBytes: 0 });
      sendTask(peer, descriptor, { path, run: [0, 20_000], cellBytes: 4096, attempt: 2 });
      checkDtypes(descriptor, await onTheWay(finalOf(peer, 2)), { start: 0, end: 20_000, cellBytes: 4096 });
      return told;
    },
    tasks,
  ),
  rule(
    'A-8',
    'MUST',
    '9.3',
    'any split of a range folds to the whole (sum, min, max and or are judged)',
    async (scene) => {
      const { peer, descriptor, path, size } = await ready(scene);
      const edges = [0, 1, 4096, 33_333, size];
      const runs = edges.slice(1).map((edge, i) => [edges[i]!, edge] as const);
      const parts = [];
      for (const [i, run] of [...runs, [0, size] as const].entries()) {
        sendTask(peer, descriptor, { path, run, attempt: i + 1 });
        parts.push(await onTheWay(finalOf(peer, i + 1)));
      }
      const told = checkFold(descriptor, parts.slice(0, -1), parts.at(-1)!);
      if (told === '') throw new NotSeen('it has no field of such an operator');
      return `${told}: ${runs.length} pieces`;
    },
    tasks,
  ),
  rule(
    'A-12',
    'MUST',
    '9.4',
    'numbers of u8 and i8 lie within ±(2^53−1)',
    async (scene) => {
      const { peer, descriptor, path, size } = await ready(scene);
      sendTask(peer, descriptor, { path, run: [0, size] });
      const { arrays } = await onTheWay(finalOf(peer));
      for (const [name, { dtype, numbers }] of arrays) {
        const isWhole = dtype === 'u8' || dtype === 'i8';
        if (isWhole && !numbers.every(Number.isSafeInteger)) breach(`${name} has a number past 2^53−1`);
      }
      return `${arrays.size} arrays`;
    },
    tasks,
  ),
  rule(
    'W-7',
    'MUST',
    '13',
    'each attempt is answered exactly once, with its epoch, in the order in which they came',
    async (scene) => {
      const { peer, descriptor, path } = await ready(scene);
      const credit = Number(unpack(peer.first[3]!).map.credit);
      const count = Math.min(credit, 4);
      for (let turn = 0; turn < 3; turn++) {
        const attempts = Array.from({ length: count }, (_, i) => turn * 10 + i + 1);
        for (const attempt of attempts) sendTask(peer, descriptor, { path, run: [0, 10_000 + attempt], attempt });
        for (const attempt of attempts) await finalOf(peer, attempt);
      }
      await peer.inbox.quiet(
        scene.heartbeatMs * 2,
        'after all were answered',
        ({ command }) => command !== 'HEARTBEAT',
      );
      return `3 times ${count} tasks, as its credit is ${credit}`;
    },
    tasks,
  ),
  rule(
    'W-2',
    'MUST',
    '9.1',
    'a file whose identity differs is E_CHANGED',
    async (scene) => {
      const { peer, descriptor, path, size } = await ready(scene);
      const { mtimeNs, ino } = identityOf(path) as { mtimeNs: string; ino: string };
      const changes = [{ size: size + 1 }, { mtimeNs: `${BigInt(mtimeNs) + 1n}` }, { ino: `${BigInt(ino) + 1n}` }];
      for (const [i, identity] of changes.entries()) {
        sendTask(peer, descriptor, { path, run: [0, 4096], identity, attempt: i + 1 });
        await errorOf(peer, ['E_CHANGED'], i + 1);
      }
      return 'another size, time and inode';
    },
    tasks,
  ),
  rule(
    'W-3',
    'MUST',
    '9.1',
    'a run that ends past the file has no part: E_CHANGED (or E_RANGE, E_PROTOCOL: a broker never asks so)',
    async (scene) => {
      const { peer, descriptor, path, size } = await ready(scene);
      sendTask(peer, descriptor, { path, run: [0, size + 4096] });
      return errorOf(peer, ['E_CHANGED', 'E_RANGE', 'E_PROTOCOL']);
    },
    tasks,
  ),
  rule(
    'W-4',
    'MUST',
    '9.1 and 9.2',
    'a sample is answered by a part with n, lo and hi, or by E_PROTOCOL',
    async (scene) => {
      const { peer, descriptor, path } = await ready(scene);
      const runs = [0, 3, 9].map((block) => [block * 4096, block * 4096 + 4096] as const);
      sendTask(peer, descriptor, { path, run: runs[0]!, runs, cellBytes: 16_384, kind: 'sample' });
      const { command, map, arrays } = await answerOf(peer);
      if (command === 'ERROR') return map.code === 'E_PROTOCOL' ? 'E_PROTOCOL' : breach(`${map.code}: ${map.message}`);
      const n = arrays.get('n')?.numbers ?? breach('no array n');
      if (String(n) !== '8192,0,4096') breach(`n is ${n} in place of 8192,0,4096`);
      for (const name of ['lo', 'hi']) {
        if (arrays.get(name)?.numbers.length !== 3) breach(`${name} has not one number a cell`);
      }
      return `n is ${n}`;
    },
    tasks,
  ),
  rule(
    'W-13',
    'MUST',
    '14.2',
    'only regular files under the roots are read; anything else is a typed error',
    async (scene) => {
      const { peer, descriptor } = await ready(scene);
      const { world } = scene;
      const faults: readonly [string, string[]][] = [
        [world.path('missing'), ['E_NOT_FOUND']],
        [world.path('folder'), ['E_DIRECTORY']],
        [world.path('fifo'), ['E_NOT_SEEKABLE']],
        [world.outside, ['E_OUTSIDE_ROOTS']],
        [world.path('link'), ['E_OUTSIDE_ROOTS']],
      ];
      for (const [i, [path, codes]] of faults.entries()) {
        sendTask(peer, descriptor, { path, run: [0, 1], attempt: i + 1 });
        await errorOf(peer, codes, i + 1).catch((error: Error) =>
          breach(`${path.split('/').at(-1)}: ${error.message}`),
        );
      }
      return `${Object.values(files).slice(2).join(', ')} and a file outside`;
    },
    tasks,
  ),
  rule(
    'G-11.2',
    'MUST',
    '3.3',
    'entries that it does not know are ignored',
    async (scene) => {
      const { peer, descriptor, path } = await ready(scene);
      const input = { path: Buffer.from(path), identity: { ...identityOf(path), unknown: 1 }, unknown: 1 };
      peer.send('REQUEST', {
        attempt: 1,
        epoch: 'epoch1',
        jobId: '26:abcdefghijklmnopqrstuvwx231',
        unknown: { a: 1 },
        task: {
          kind: 'exact',
          inputs: Array.from({ length: descriptor.inputs as number }, () => input),
          runs: [[0, 4096]],
          cellBytes: 0,
          form: 'summed',
          params: paramsOf(descriptor),
          unknown: [1],
        },
      });
      await finalOf(peer);
      return 'in the map, the task, the input and the identity';
    },
    tasks,
  ),
  form('G-5', '3.2', 'every message begins with a header of six bytes and a command of one', base),
  form('G-6', '3.2', 'a message has exactly the frames and the required entries of its table', base),
  form('G-7', '3.2', 'a connection speaks under one header from its first message to its last', base),
  form('G-8', '3.3', 'a header map is one map with text keys, none twice, without extensions', base),
  form('G-9', '3.3', 'a header map keeps the limits of length, depth and number', base),
  form('G-10', '3.3', 'whole numbers are written as integers in the smallest form', base),
  form('G-13', '3.3', 'no numeric array stands in a header map', base),
  form('A-10', '9.4', 'array frames are .npy 1.0 files', base),
  form('B-6', '11', 'codes of errors are those of the table', base),
];
