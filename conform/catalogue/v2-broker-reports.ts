/** BXMDPv2 for the broker: reports and errors (sections 10 and 11), and plain clients of its services (section 7). */
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Came } from '../inbox.js';
import { pack, unpack } from '../msgpack.js';
import { readNpy } from '../npy.js';
import { breach, onTheWay } from '../rules.js';
import { countsOf } from '../services.js';
import {
  answersOf,
  ask,
  askRaw,
  checkCounts,
  endOf,
  errorOf,
  finalOf,
  finish,
  nextTask,
  range,
  rangeOf,
  serve,
  v2Client,
  v2Pair,
  v2Worker,
} from '../v2-scene.js';
import { shown, textOf } from '../wire.js';
import { brokerRule } from './made.js';

const rule = brokerRule('v2');
const base = ['B-4'];

export const v2BrokerReports = [
  rule(
    'B-4',
    'MUST',
    '10.2',
    'PARTIALs are true, completion never falls, and FINAL is exact',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      serve(worker);
      ask(scene, client, worker.service, 1);
      const all = await answersOf(client, 1);
      const final = all.at(-1)!;
      if (final.command !== 'FINAL') breach(`it ended in ${final.map.code}: ${final.map.message}`);
      const completions = all.map(({ map }) => map.completion as number);
      if (completions.some((completion, i) => completion < (completions[i - 1] ?? 0)))
        breach(`it fell: ${completions}`);
      if (final.map.exact !== true || final.map.completion !== 1) breach('FINAL is not exact');
      checkCounts(scene, final);
      return `${all.length - 1} PARTIALs, then a FINAL whose counts are those of the file`;
    },
    ['G-1'],
  ),
  rule(
    'B-1',
    'MUST',
    '10.2',
    'scalars.n is the number of exact bytes',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      serve(worker);
      ask(scene, client, worker.service, 1);
      const { map } = await onTheWay(finalOf(client, 1));
      const { n } = map.scalars as { n: number };
      const [start, end] = range(scene);
      if (n !== end - start) breach(`n is ${n} in place of ${end - start}`);
      if (String(map.range) !== String([start, end])) breach(`range is ${map.range}`);
      return `n = ${n}`;
    },
    base,
  ),
  rule(
    'B-2',
    'MUST',
    '10.2',
    'a service with cells has cells.start, cells.n, cells.state and its outputs, a number a cell',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene, 'sums'));
      serve(worker);
      ask(scene, client, worker.service, 1, { cells: 8 });
      const { arrays, map } = await onTheWay(finalOf(client, 1));
      const lengths = ['start', 'n', 'state', 'sums', 'lo', 'hi'].map((name) => {
        const array = arrays.get(`cells.${name}`);
        return array ? array.numbers.length : breach(`cells.${name} is missing`);
      });
      if (new Set(lengths).size !== 1) breach(`lengths ${lengths}`);
      const state = arrays.get('cells.state')!.numbers;
      if (state.some((value) => value !== 2)) breach(`cells.state of a FINAL is ${state}`);
      const sum = arrays.get('cells.n')!.numbers.reduce((all, n) => all + n, 0);
      if (sum !== (map.scalars as { n: number }).n) breach(`cells.n is ${sum} in all`);
      return `${lengths[0]} cells`;
    },
    base,
  ),
  rule(
    'B-3',
    'MUST',
    '10.2',
    'the width of cells is the smallest power of two from max(4096, length / cells)',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene, 'sums'));
      serve(worker);
      const [start, end] = range(scene);
      const told: string[] = [];
      for (const [i, cells] of [1, 3, 7, 1000].entries()) {
        ask(scene, client, worker.service, i + 1, { cells });
        const { map } = await onTheWay(finalOf(client, i + 1));
        const least = Math.max(4096, (end - start) / cells);
        const wanted = 2 ** Math.ceil(Math.log2(least));
        if (map.cellBytes !== wanted) breach(`${map.cellBytes} bytes for ${cells} cells in place of ${wanted}`);
        told.push(`${cells}: ${wanted}`);
      }
      return told.join(', ');
    },
    base,
  ),
  rule(
    'B-6',
    'MUST',
    '11',
    'every fault of a request comes as its code, with a message that names the cause',
    async (scene) => {
      const params = [{ name: 'level', type: 'int', default: 3, min: 0, help: 'a number' }];
      const { worker, client } = await onTheWay(v2Pair(scene, 'sums', { descriptor: { params } }));
      serve(worker);
      const { file, bytes } = scene.world;
      const faults: readonly [string, string, { readonly [entry: string]: unknown }][] = [
        ['E_NOT_FOUND', 'a file that is not there', { inputs: [`${file}.none`] }],
        ['E_DIRECTORY', 'a folder', { inputs: [dirname(file)] }],
        ['E_RANGE', 'a range behind the end', { range: [bytes.length + 10, bytes.length + 20] }],
        ['E_CELLS', 'too many cells', { cells: 2_000_000 }],
        ['E_PARAM', 'a parameter of another type', { params: { level: 'high' } }],
        ['E_PARAM', 'a parameter out of bounds', { params: { level: -1 } }],
        ['E_PARAM', 'a parameter that the service does not have', { params: { none: 1 } }],
        ['E_PROTOCOL', 'no inputs', { inputs: [] }],
        ['E_PROTOCOL', 'a range of three', { range: [0, 1, 2] }],
      ];
      for (const [i, [code, what, entries]] of faults.entries()) {
        ask(scene, client, worker.service, i + 1, entries);
        const told = await errorOf(client, i + 1, code).catch((error: Error) => breach(`${what}: ${error.message}`));
        if (told.length < code.length + 5) breach(`${what}: no message`);
      }
      return `${faults.length} faults, each with its code`;
    },
    base,
  ),
  rule(
    'E-1',
    'MUST',
    '4.3 and 11',
    'a raw body for a service with a descriptor is E_USAGE',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      askRaw(client, worker.service, 1, 'x');
      return errorOf(client, 1, 'E_USAGE');
    },
    base,
  ),
  rule(
    'D-8',
    'MUST',
    '8.3',
    'a request without version gets the highest whole-number version that has a worker',
    async (scene) => {
      const old = await onTheWay(v2Worker(scene, 'counts'));
      const { service } = old;
      const newer = await onTheWay(v2Worker(scene, 'counts', { service, descriptor: { version: 2 } }));
      serve(old);
      serve(newer);
      const client = await onTheWay(v2Client(scene));
      ask(scene, client, service, 1);
      const newest = (await onTheWay(finalOf(client, 1))).map.version;
      if (newest !== 2) breach(`version ${newest} answered a request without version`);
      ask(scene, client, service, 2, { version: 1 });
      const asked = (await onTheWay(finalOf(client, 2))).map.version;
      if (asked !== 1) breach(`version ${asked} answered a request for version 1`);
      return 'version 2 without version, version 1 when asked for';
    },
    base,
  ),
  rule(
    'P-1',
    'MUST',
    '7.1',
    'a plain client asks a service with a descriptor by one map, and gets the map of a report and its arrays',
    async (scene) => {
      const worker = await onTheWay(v2Worker(scene, 'counts'));
      serve(worker);
      const client = scene.plainClient();
      client.send('REQUEST', worker.service, pack({ inputs: [Buffer.from(scene.world.file)], range: range(scene) }));
      const { frames } = await client.inbox.until('FINAL', ({ command }) => command === 'FINAL');
      const { map } = unpack(frames[3]!);
      const at = (map.arrays as string[] | undefined)?.indexOf('counts') ?? -1;
      if (at < 0) breach(`${shown(frames)}: no array counts`);
      const { numbers } = readNpy(frames[4 + at]!);
      if (String(numbers) !== String(countsOf(rangeOf(scene)))) breach('the counts are not those of the file');
      return 'a report and its arrays';
    },
    base,
  ),
  rule(
    'P-3',
    'MUST',
    '7.1',
    'an error comes to a plain client as FINAL of BXERR02 and a map of code and message',
    async (scene) => {
      const worker = await onTheWay(v2Worker(scene, 'counts'));
      const client = scene.plainClient();
      for (const [body, code] of [
        [pack({ inputs: [join(tmpdir(), 'none.conform')] }), /E_NOT_FOUND|E_OUTSIDE_ROOTS/],
        [Buffer.from('no map'), /E_PROTOCOL/],
      ] as const) {
        client.send('REQUEST', worker.service, body);
        const { frames } = await client.inbox.take('FINAL');
        if (frames.length !== 5 || textOf(frames[3]) !== 'BXERR02') breach(`${shown(frames)} in place of an error`);
        const { map } = unpack(frames[4]!);
        if (!code.test(String(map.code)) || typeof map.message !== 'string') breach(`code ${map.code}`);
      }
      return 'BXERR02 with E_NOT_FOUND or E_OUTSIDE_ROOTS, and with E_PROTOCOL';
    },
    base,
  ),
  rule(
    'P-5',
    'MUST',
    '7.1',
    'jobs of a plain client whose connection is gone are cancelled',
    async (scene) => {
      const worker = await onTheWay(v2Worker(scene, 'counts'));
      const client = scene.plainClient();
      client.send('REQUEST', worker.service, pack({ inputs: [Buffer.from(scene.world.file)], range: range(scene) }));
      await onTheWay(nextTask(worker));
      await client.close();
      const isCancel = ({ command }: Came) => command === 'CANCEL';
      await worker.peer.inbox.until('CANCEL', isCancel);
      return 'its worker was sent CANCEL';
    },
    base,
  ),
  rule(
    'P-7',
    'MUST',
    '7.2',
    'an opaque request goes whole to a plain worker, for clients of both dialects',
    async (scene) => {
      const service = scene.service();
      const worker = await onTheWay(scene.plainWorker(service));
      const client = await onTheWay(v2Client(scene));
      askRaw(client, service, 1, 'a', '', 'b');
      const task = await scene.task(worker);
      if (task.body.map(textOf).join('|') !== 'a||b') breach(`the body is ${task.body.map(textOf).join('|')}`);
      scene.answer(worker, 'PARTIAL', task, 'part');
      scene.answer(worker, 'FINAL', task, 'x', '');
      const partial = await client.peer.inbox.take('PARTIAL');
      const final = await client.peer.inbox.take('FINAL');
      if (textOf(partial.frames[4]) !== 'part') breach(`PARTIAL: ${shown(partial.frames)}`);
      const { map } = unpack(final.frames[3]!);
      if (map.raw !== true || map.requestId !== 1 || final.frames.length !== 6) breach(`FINAL: ${shown(final.frames)}`);
      return 'three body frames there, PARTIAL and FINAL back, with raw and requestId';
    },
    ['G-1'],
  ),
  rule(
    'P-8',
    'MUST',
    '7.2',
    'the client address in W.REQUEST is new for every assignment, and the echo is checked',
    async (scene) => {
      const service = scene.service();
      const first = await onTheWay(scene.plainWorker(service, 'first worker'));
      const client = await onTheWay(v2Client(scene));
      const seen = new Set<string>();
      for (let request = 1; request <= 4; request++) {
        askRaw(client, service, request, 'x');
        const task = await onTheWay(scene.task(first));
        seen.add(Buffer.from(task.address).toString('hex'));
        if (seen.size !== request) breach('an address came twice');
        scene.answer(first, 'FINAL', task, `${request}`);
        await onTheWay(endOf(client, request));
      }
      askRaw(client, service, 5, 'x');
      const task = await onTheWay(scene.task(first));
      scene.answer(first, 'FINAL', { ...task, address: Buffer.from([...seen][0]!, 'hex') }, 'old');
      await scene.dismissed(first, 'FINAL to an address of before');
      return '4 addresses for 4 requests of one client; an old one was refused';
    },
    ['P-7'],
  ),
  rule(
    'P-9',
    'MUST',
    '7.2',
    'after three deaths of plain workers a request ends in E_CRASHED',
    async (scene) => {
      const service = scene.service();
      const client = await onTheWay(v2Client(scene));
      askRaw(client, service, 1, 'x');
      for (let death = 1; death <= 3; death++) {
        const worker = scene.readyWorker(service, `worker ${death}`);
        await onTheWay(scene.task(worker));
        worker.stopBeats();
        worker.send('DISCONNECT');
      }
      return errorOf(client, 1, 'E_CRASHED');
    },
    ['P-7'],
  ),
  rule(
    'P-10',
    'MUST',
    '7.2',
    'the answer to a cancelled request is dropped; a plain worker that goes on with it is disconnected',
    async (scene) => {
      const service = scene.service();
      const worker = await onTheWay(scene.plainWorker(service));
      const client = await onTheWay(v2Client(scene));
      askRaw(client, service, 1, 'x');
      await onTheWay(scene.task(worker));
      client.peer.send('CANCEL', { requestId: 1 });
      await errorOf(client, 1, 'E_CANCELLED');
      await scene.dismissed(worker, 'a cancelled request that it did not end');
      return 'E_CANCELLED for the client, DISCONNECT for the worker';
    },
    ['P-7'],
  ),
  rule(
    'B-4.2',
    'MUST',
    '10.2',
    'FINAL is the same to the bit whether it is split or not',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      ask(scene, client, worker.service, 1);
      finish(worker, await onTheWay(nextTask(worker)));
      serve(worker);
      const alone = await onTheWay(finalOf(client, 1));
      for (const name of ['second', 'third']) serve(await v2Worker(scene, 'counts', { service: worker.service, name }));
      ask(scene, client, worker.service, 2);
      const shared = await onTheWay(finalOf(client, 2));
      checkCounts(scene, shared);
      const frame = (answer: typeof alone) => String(answer.arrays.get('counts')?.numbers);
      if (frame(alone) !== frame(shared)) breach('one worker and three give other numbers');
      return 'one worker and three give the same numbers';
    },
    base,
  ),
];
