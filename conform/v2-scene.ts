/** Clients and workers of BXMDPv2 in a scene: HELLO and READY with their WELCOME, questions, tasks, answers. */
import { randomBytes } from 'node:crypto';
import { type BrokerScene, clientId, jobIdOf } from './broker-world.js';
import type { Came } from './inbox.js';
import { type MapValue, unpack } from './msgpack.js';
import { type Npy, readNpy } from './npy.js';
import type { Peer } from './peer.js';
import { Breach, NotReached } from './rules.js';
import { descriptorOf, type Kind, partOf, type V2Task, v2TaskOf } from './services.js';
import { shown } from './wire.js';

export interface V2Client {
  readonly peer: Peer;
  readonly id: string;
  jobId(request: number): string;
}

export interface V2Worker {
  readonly peer: Peer;
  readonly kind: Kind;
  readonly service: string;
}

export interface Answer {
  readonly command: string;
  readonly map: MapValue;
  readonly arrays: ReadonlyMap<string, Npy>;
}

/** `[A-Z][A-Z0-9]{0,31}`, and nobody else's. */
export const serviceName = (): string => `CF${randomBytes(6).toString('hex').toUpperCase()}`;
export const slotName = (): string => `conform.${randomBytes(6).toString('hex')}`;

/** WELCOME has come; it beats. */
export async function v2Client(scene: BrokerScene, id = clientId(), name = 'v2 client'): Promise<V2Client> {
  const peer = scene.peer('BXMC02', name);
  peer.send('HELLO', { clientId: id });
  await peer.inbox.take('WELCOME');
  peer.beat(scene.heartbeatMs / 2);
  return { peer, id, jobId: (request) => jobIdOf(id, request) };
}

export interface WorkerOptions {
  readonly service?: string;
  readonly slot?: string;
  readonly credit?: number;
  readonly name?: string;
  readonly descriptor?: MapValue;
}

export async function v2Worker(scene: BrokerScene, kind: Kind, options: WorkerOptions = {}): Promise<V2Worker> {
  const { service = serviceName(), slot = slotName(), credit = 1, name = 'v2 worker' } = options;
  const peer = scene.peer('BXMW02', name);
  peer.send('READY', service, { descriptor: descriptorOf(kind, service, options.descriptor), slot, credit });
  await peer.inbox.take('WELCOME');
  peer.beat(scene.heartbeatMs / 2);
  return { peer, kind, service };
}

/** A client and the one worker of its service. */
export async function v2Pair(scene: BrokerScene, kind: Kind = 'counts', options: WorkerOptions = {}) {
  const worker = await v2Worker(scene, kind, options);
  const client = await v2Client(scene);
  return { worker, client };
}

/** Whole numbers from 1, as a client numbers them. */
export function ask(scene: BrokerScene, client: V2Client, service: string, request: number, more: MapValue = {}): void {
  const path = Buffer.from(scene.world.file);
  client.peer.send('REQUEST', service, { requestId: request, inputs: [[{ path }]], range: range(scene), ...more });
}

export function askRaw(client: V2Client, service: string, request: number, ...body: (string | Uint8Array)[]): void {
  client.peer.send('REQUEST', service, { requestId: request, raw: true }, ...body);
}

/** At most so much of the file is asked about. */
export const rangeBytes = 65_536;
export const range = (scene: BrokerScene): [number, number] => [0, Math.min(rangeBytes, scene.world.bytes.length)];
export const rangeOf = (scene: BrokerScene): Buffer => scene.world.bytes.subarray(...range(scene));

/** The next task of a worker. */
export async function nextTask(worker: V2Worker, waitMs?: number): Promise<V2Task> {
  const came = await worker.peer.inbox.until('REQUEST', isWork, waitMs);
  if (came.command !== 'REQUEST') throw new Breach(`the worker got ${shown(came.frames)} in place of a task`);
  return v2TaskOf(came);
}

const isWork = ({ command }: Came): boolean => command === 'REQUEST' || command === 'DISCONNECT';

export function finish(worker: V2Worker, task: V2Task, more: MapValue = {}): void {
  const { arrays, frames, bytesRead } = partOf(worker.kind, task);
  const { attempt, epoch } = task;
  worker.peer.send('FINAL', { attempt, epoch, arrays, work: { bytesRead, ms: 1 }, ...more }, ...frames);
}

export function fail(worker: V2Worker, task: V2Task, code: string, message = 'on purpose'): void {
  const { attempt, epoch } = task;
  worker.peer.send('ERROR', { attempt, epoch, code, message, work: { bytesRead: 0, ms: 0 } });
}

/** Answers every task that comes, until the scene ends. */
export function serve(worker: V2Worker, onTask?: (task: V2Task) => void): void {
  const loop = async () => {
    for (;;) {
      const task = await nextTask(worker, 600_000);
      onTask?.(task);
      finish(worker, task);
    }
  };
  loop().catch(() => undefined);
}

/** PARTIAL, FINAL and ERROR of one request, in order, up to its end. */
export async function answersOf(client: V2Client, request: number, waitMs?: number): Promise<Answer[]> {
  const all: Answer[] = [];
  for (;;) {
    const came = await client.peer.inbox.until(`end of request ${request}`, answersTo(request), waitMs);
    all.push(answerOf(came));
    if (came.command !== 'PARTIAL') return all;
  }
}

export async function endOf(client: V2Client, request: number, waitMs?: number): Promise<Answer> {
  return (await answersOf(client, request, waitMs)).at(-1)!;
}

/** The end, which has to be this error. */
export async function errorOf(client: V2Client, request: number, ...codes: string[]): Promise<string> {
  const { command, map } = await endOf(client, request);
  if (command !== 'ERROR') throw new Breach(`request ${request} ended in ${command} in place of ${codes.join(' or ')}`);
  if (!codes.includes(String(map.code)))
    throw new Breach(`${map.code} in place of ${codes.join(' or ')}: ${map.message}`);
  return `${map.code}: ${map.message}`;
}

export async function finalOf(client: V2Client, request: number, waitMs?: number): Promise<Answer> {
  const end = await endOf(client, request, waitMs);
  if (end.command !== 'FINAL') throw new Breach(`request ${request} ended in ${end.map.code}: ${end.map.message}`);
  return end;
}

export const answersTo =
  (request: number) =>
  ({ command, frames }: Came): boolean =>
    ['PARTIAL', 'FINAL', 'ERROR'].includes(command) && mapOf(frames, command).requestId === request;

const mapOf = (frames: readonly Uint8Array[], command: string): MapValue =>
  unpack(frames[command === 'ERROR' ? 2 : 3] ?? new Uint8Array()).map;

export function answerOf({ frames, command }: Came): Answer {
  const map = mapOf(frames, command);
  const names = command !== 'ERROR' && Array.isArray(map.arrays) ? map.arrays : [];
  try {
    const arrays = new Map(names.map((name, i) => [String(name), readNpy(frames[4 + i]!)]));
    return { command, map, arrays };
  } catch (error) {
    throw new Breach(`${command}: ${(error as Error).message}`);
  }
}

/** What the broker says of itself in `mmi.…`. */
export async function mmi(client: V2Client, service: string, request: number): Promise<MapValue> {
  askRaw(client, service, request);
  const { frames } = await client.peer.inbox.until(`answer of ${service}`, answersTo(request));
  if (frames.length !== 5) throw new NotReached(`${service} was answered by ${shown(frames)}`);
  return unpack(frames[4]!).map;
}

/** A FINAL that counts the bytes of the range as they are. */
export function checkCounts(scene: BrokerScene, { arrays }: Answer): void {
  const counts = arrays.get('counts')?.numbers;
  const bytes = rangeOf(scene);
  const wanted = new Array<number>(256).fill(0);
  for (const byte of bytes) wanted[byte]!++;
  const at = wanted.findIndex((count, value) => counts?.[value] !== count);
  if (at >= 0) throw new Breach(`byte ${at} counted ${counts?.[at]} times in place of ${wanted[at]}`);
}

/** What READY with this descriptor, one of COUNTS but for these entries, comes to: WELCOME, or DISCONNECT. */
export async function descriptorAnswered(scene: BrokerScene, entries: MapValue): Promise<string> {
  const { name = serviceName(), ...more } = entries;
  const peer = scene.peer('BXMW02', 'worker that is to be refused');
  const descriptor = descriptorOf('counts', String(name), more);
  peer.send('READY', String(name), { descriptor, slot: slotName(), credit: 1 });
  // A stranger's invalid message may be dropped; what is behind it is answered by DISCONNECT (B-17).
  peer.send('HEARTBEAT');
  const { command, frames } = await peer.inbox.until('answer to READY and HEARTBEAT', () => true);
  return command === '?' ? shown(frames) : command;
}
