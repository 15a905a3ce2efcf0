/** BXMDPv2 for the broker: sockets, header maps and what a reader must take or refuse (sections 3, 12 and 16). */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Subscriber } from 'zeromq';
import { type BrokerScene, clientId } from '../broker-world.js';
import { pack } from '../msgpack.js';
import { breach, NotSeen, onTheWay } from '../rules.js';
import { ask, askRaw, checkCounts, finalOf, serve, v2Client, v2Pair, v2Worker } from '../v2-scene.js';
import { type Frames, message, shown, textOf } from '../wire.js';
import { brokerRule } from './made.js';

const rule = brokerRule('v2');
const hello = ['G-1'];

/** Everything that the broker sent in this run, held against one rule of form. */
const form = (id: string, source: string, text: string) =>
  rule(
    id,
    'MUST',
    source,
    text,
    async ({ world }) => {
      const first = world.faults.find((fault) => fault.rule === id.replace(/\.\d+$/, '') && fault.dialect === 'v2');
      const count = world.heard.BXMC02 + world.heard.BXMW02;
      if (count === 0) throw new NotSeen('no message was seen');
      if (first) breach(first.what);
      return `all ${count} messages of this run`;
    },
    hello,
    { last: true },
  );

const bytes = (hex: string) => Buffer.from(hex, 'hex');
const helloMap = () => Buffer.from(pack({ clientId: clientId() }));
/** A map of one entry, its key and value given as msgpack. */
const with2 = (entry: string) => Buffer.concat([bytes('82'), helloMap().subarray(1), bytes(entry)]);
const nested = (depth: number) => `a178${'91'.repeat(depth - 2)}90`;

/** HELLOs that are none. */
const brokenMaps: readonly [rule: string, what: string, map: () => Uint8Array][] = [
  ['G-8', 'a byte behind the map', () => Buffer.concat([helloMap(), bytes('c0')])],
  ['G-8', 'a list', () => bytes('9101')],
  ['G-8', 'nil', () => bytes('c0')],
  ['G-8', 'a key that is a number', () => with2('0101')],
  ['G-8', 'the key __proto__', () => with2('a95f5f70726f746f5f5f01')],
  ['G-8', 'a timestamp', () => with2('a178d6ff00000000')],
  ['G-8', 'a map cut short', () => helloMap().subarray(0, 12)],
  ['G-9', 'a map that announces 2^32−1 entries', () => bytes('dfffffffff')],
  ['G-9', 'a text that announces 2^32−1 bytes', () => with2('a178dbffffffff')],
  ['G-9', 'a list that announces 2^32−1 items', () => with2('a178ddffffffff')],
  ['G-9', '33 levels', () => with2(nested(33))],
  ['G-9', '262,200 values', () => Buffer.concat([with2('a178dd00040038'), Buffer.alloc(262_200, 0xc0)])],
  ['G-9', 'more than 4 MiB', () => Buffer.concat([with2('a178c600400000'), Buffer.alloc(4_194_304)])],
];

/** Not a single one may be welcomed; a right HELLO on a connection of its own is. */
async function refuses(scene: BrokerScene, id: string): Promise<string> {
  const cases = brokenMaps.filter(([rule]) => rule === id);
  for (const [, what, map] of cases) {
    const peer = scene.peer('BXMC02', `client that sent ${what}`);
    peer.send('HELLO', map());
    // What is not welcomed is answered by DISCONNECT (B-17): the fence behind it.
    peer.send('HEARTBEAT');
    const came = await peer.inbox.until('answer to the HEARTBEAT behind it', () => true);
    if (came.command === 'WELCOME') breach(`HELLO with ${what} was welcomed`);
  }
  await onTheWay(v2Client(scene));
  return `${cases.length} kinds of HELLO were not welcomed`;
}

export const v2BrokerMessages = [
  rule(
    'G-1',
    'MUST',
    '3.1',
    'one ROUTER serves clients and workers of both dialects',
    async (scene) => {
      const service = scene.service();
      const plain = await onTheWay(scene.plainWorker(service));
      const client = await v2Client(scene);
      await v2Worker(scene, 'counts');
      askRaw(client, service, 1, 'question');
      const task = await scene.task(plain);
      scene.answer(plain, 'FINAL', task, 'answer');
      const { frames } = await client.peer.inbox.take('FINAL');
      if (textOf(frames[4]) !== 'answer') breach(`the v2 client got ${shown(frames)}`);
      return 'a plain worker answered a v2 client, and a v2 worker was welcomed';
    },
    [],
  ),
  rule(
    'G-3',
    'MUST',
    '3.1 and 6',
    'a PUB socket can be reached at cancelEndpoint and ticks once an interval',
    async (scene) => {
      const socket = new Subscriber({ linger: 0, receiveTimeout: scene.timeoutMs + scene.heartbeatMs * 2 });
      try {
        socket.connect(scene.world.welcome.cancelEndpoint);
        socket.subscribe('tick');
        const frames = await socket.receive().catch(() => breach('no tick came'));
        if (frames.length !== 2 || frames[1]!.length > 0) breach(`a tick of ${frames.length} frames`);
        return 'a tick of two frames, the second empty';
      } finally {
        socket.close();
      }
    },
    hello,
  ),
  rule(
    'G-4',
    'MUST',
    '3.1',
    'endpoints are ipc with an absolute path of at most 107 bytes, or tcp with an address and a port',
    async ({ world }) => {
      const endpoint = world.welcome.cancelEndpoint;
      const path = /^ipc:\/\/(\/.*)$/.exec(endpoint)?.[1];
      if (path === undefined && !/^tcp:\/\/.+:\d+$/.test(endpoint)) breach(`cancelEndpoint is ${endpoint}`);
      if (path !== undefined && Buffer.byteLength(path) > 107) breach(`a path of ${Buffer.byteLength(path)} bytes`);
      return `cancelEndpoint is ${endpoint.slice(0, 6)}…, of ${Buffer.byteLength(endpoint)} bytes`;
    },
    hello,
  ),
  rule(
    'G-17',
    'MUST',
    '16',
    'the broker listens on ipc in a folder that only its user may enter, or on a loopback address',
    async ({ world }) => {
      const told = [world.options.endpoint, world.welcome.cancelEndpoint].map((endpoint) => {
        const path = /^ipc:\/\/(\/.*)$/.exec(endpoint)?.[1];
        if (path === undefined) {
          const isLocal = /^tcp:\/\/(127\.|localhost|\[::1\])/.test(endpoint);
          return isLocal ? endpoint : breach(`${endpoint} is no loopback address`);
        }
        const mode = statSync(dirname(path), { throwIfNoEntry: false })?.mode;
        if (mode === undefined) throw new NotSeen(`${dirname(path)} is not on this machine`);
        if ((mode & 0o77) !== 0) breach(`the folder of ${endpoint} has mode ${(mode & 0o777).toString(8)}`);
        return 'a folder of mode 700';
      });
      return told.join(', ');
    },
    hello,
  ),
  rule('G-8.2', 'MUST', '3.3', 'a reader refuses what is no map with text keys', (s) => refuses(s, 'G-8'), hello),
  rule('G-9.2', 'MUST', '3.3', 'a reader refuses maps over the limits, at once', (s) => refuses(s, 'G-9'), hello),
  rule(
    'G-10.2',
    'MUST',
    '3.3',
    'a reader takes whole numbers in any integer form',
    (scene) => numberForms(scene, { uint64: 'cf0000000000000007', int32: 'd200000007', uint16: 'cd0007' }),
    hello,
  ),
  rule(
    'G-10.3',
    'SHOULD',
    '3.3',
    'a reader takes a float whose value is whole',
    (scene) => numberForms(scene, { float64: 'cb401c000000000000' }),
    hello,
  ),
  rule(
    'G-11.2',
    'MUST',
    '3.3',
    'a reader takes a path as text, and as bin; an extent may be the path alone, an input the extent itself',
    async (scene) => {
      const { worker, client } = await onTheWay(v2Pair(scene));
      serve(worker);
      const { file } = scene.world;
      const ways = [[[{ path: Buffer.from(file) }]], [[{ path: file }]], [file], [Buffer.from(file)], [{ path: file }]];
      for (const [i, inputs] of ways.entries()) {
        ask(scene, client, worker.service, i + 1, { inputs });
        checkCounts(scene, await finalOf(client, i + 1));
      }
      return `${ways.length} ways to write an input`;
    },
    ['B-4'],
  ),
  rule(
    'G-12',
    'MUST',
    '3.3',
    'entries that are not known are ignored; nil is the same as absent',
    async (scene) => {
      const peer = scene.peer('BXMC02', 'v2 client');
      peer.send('HELLO', { clientId: clientId(), unknown: { a: [1, 2] } });
      await peer.inbox.take('WELCOME');
      const { worker, client } = await onTheWay(v2Pair(scene));
      serve(worker);
      const nils = { cells: null, snap: null, params: null, cache: null, version: null, jobId: null, unknown: 1 };
      ask(scene, client, worker.service, 1, nils);
      checkCounts(scene, await finalOf(client, 1));
      return 'an unknown entry in HELLO and REQUEST, and six that are nil';
    },
    ['B-4'],
  ),
  form('G-5', '3.2', 'every message begins with a header of six bytes and a command of one'),
  form('G-6', '3.2', 'a message has exactly the frames and the required entries of its table'),
  form('G-7', '3.2', 'a connection is answered under its own header only'),
  form('G-8', '3.3', 'a header map is one map with text keys, none twice, without extensions'),
  form('G-9', '3.3', 'a header map keeps the limits of length, depth and number'),
  form('G-10', '3.3', 'whole numbers are written as integers in the smallest form'),
  form('G-11', '3.3', 'paths are written as bin, an identity’s numbers as decimal text'),
  form('G-13', '3.3', 'no numeric array stands in a header map'),
  form('A-10', '9.4', 'array frames are .npy 1.0 files'),
  rule(
    'G-19',
    'MUST',
    '16',
    'nothing that a peer sends harms the broker',
    async (scene) => {
      const lists = [...noise(), ...brokenMaps.map(([, , map]) => message('BXMC02', 'HELLO', map()))];
      for (const frames of lists) scene.stranger('BXMC02').raw(frames);
      await scene.pause(200);
      const { worker, client } = await v2Pair(scene);
      serve(worker);
      ask(scene, client, worker.service, 1);
      checkCounts(scene, await finalOf(client, 1));
      return `${lists.length} broken messages, and the next question was answered`;
    },
    ['B-4'],
    { last: true },
  ),
];

/** CANCEL of request 7, the number written in other ways; each has to be answered. */
async function numberForms(scene: BrokerScene, forms: { readonly [name: string]: string }): Promise<string> {
  const client = await v2Client(scene);
  for (const [name, hex] of Object.entries(forms)) {
    client.peer.send('CANCEL', bytes(`81a9${Buffer.from('requestId').toString('hex')}${hex}`));
    const came = await client.peer.inbox.next(`answer to CANCEL with requestId as ${name}`);
    if (came.command !== 'CANCEL') breach(`CANCEL with requestId as ${name} was answered by ${shown(came.frames)}`);
  }
  return `${Object.keys(forms).join(', ')} are taken`;
}

function* noise(): Generator<Frames> {
  for (const header of ['BXMC02', 'BXMW02']) {
    for (const command of [0, 3, 4, 11, 31, 255]) yield [Buffer.from(header), Uint8Array.of(command)];
    for (const frames of [0, 1, 9])
      yield [Buffer.from(header), Uint8Array.of(1), ...Array(frames).fill(Buffer.from('x'))];
    yield [Buffer.from(header), Uint8Array.of(1, 2)];
    yield [Buffer.from(header), Uint8Array.of(4), Buffer.alloc(5_000_000, 0x91)];
  }
}
