/**
 * A worker in one file, right unless it is told one fault: `node tiny-worker.js DIALECT ENDPOINT ROOT FAULT`. In v2 it
 * counts bytes; a file of more than 1 MiB takes it as long as nobody cancels. In MDP it answers with what it was asked.
 */
import { openSync, readSync, realpathSync, statSync } from 'node:fs';
import { sep } from 'node:path';
import { Dealer, Subscriber } from 'zeromq';
import { type MapValue, unpack } from '../../conform/msgpack.js';
import { npy } from '../../conform/npy.js';
import { cellsOf, countsOf, descriptorOf, smallest } from '../../conform/services.js';
import { identityOf } from '../../conform/tasks.js';
import { commandOf, empty, type Frames, headerOf, message, textOf } from '../../conform/wire.js';

const [dialect, endpoint, root, fault] = process.argv.slice(2) as [string, string, string, string];
const header = dialect === 'v2' ? 'BXMW02' : 'MDPW02';
const service = 'TINY';
const has = (name: string): boolean => fault === name;

interface Held {
  readonly attempt: number;
  readonly epoch: string;
  readonly jobId: string;
  readonly task: MapValue;
}

let socket: Dealer;
let heartbeatMs = dialect === 'v2' ? 1000 : 300;
let heardMs = 0;
let isWelcome = false;
let isOver = false;
let bornMs = 0;
let retryMs = 20;
let held: Held[] = [];
let bytesDone = 0;
let busyUntil = 0;
let count = 0;
let sends: Promise<unknown> = Promise.resolve();
const subscriber = new Subscriber({ linger: 0 });

function raw(frames: Frames): void {
  const to = socket;
  sends = sends.then(() => to.send([...frames] as Buffer[])).catch(() => undefined);
}

const say = (command: string, ...rest: (MapValue | Uint8Array | string)[]): void =>
  raw(message(header, command, ...rest));

function open(): void {
  isOver = false;
  isWelcome = false;
  held = [];
  heardMs = bornMs = performance.now();
  if (!socket || !has('keeps its socket')) {
    socket = new Dealer({ linger: 200 });
    socket.connect(endpoint);
    void read(socket);
  }
  if (has('beats before READY') || (has('beats before it is READY again') && count++ > 0)) say('HEARTBEAT');
  if (dialect === 'mdp') {
    const more = has('a READY of four frames') ? ['x'] : [];
    say('READY', service, ...more);
    if (has('says READY again')) setTimeout(() => say('READY', service), 100);
    return;
  }
  const more: MapValue = {
    ...(has('a descriptor with nil') && { block: null }),
    ...(has('a sum of floats') && {
      fields: [{ name: 'counts', dtype: 'f8', merge: 'sum', shape: [256], cells: false }],
    }),
  };
  const name = has('a descriptor of another name') ? 'OTHER' : service;
  const ready = { descriptor: descriptorOf('counts', name, more), slot: `tiny.${process.pid}`, credit: 4 };
  say('READY', service, ready);
  if (has('says READY again')) setTimeout(() => say('READY', service, ready), 300);
}

function close(waitMs = retryMs): void {
  if (isOver) return;
  isOver = true;
  held = [];
  const old = socket;
  // What was said before goes out first.
  if (!has('keeps its socket')) void sends.then(() => old.close());
  retryMs = performance.now() - bornMs > 1000 || has('comes back at once') ? 20 : Math.min(retryMs * 2, 2000);
  setTimeout(open, waitMs);
}

async function read(from: Dealer): Promise<void> {
  try {
    for await (const frames of from) {
      if (from === socket && !isOver) received(frames.map((frame) => Buffer.from(frame)));
    }
  } catch {
    // Closed.
  }
}

function received(frames: Frames): void {
  heardMs = performance.now();
  const command = headerOf(frames) === header ? commandOf(frames) : '?';
  if (command === 'HEARTBEAT') return;
  if (command === 'DISCONNECT') return has('ignores DISCONNECT') ? undefined : close();
  if (dialect === 'mdp') return plainReceived(command, frames);
  const { map, faults } = unpack(frames[2] ?? empty);
  const isTask = command === 'REQUEST' && faults.length === 0 && (map.task as MapValue | undefined)?.inputs;
  const task = map.task as MapValue | undefined;
  if (command === 'REQUEST' && task?.kind === 'finish') return unfinished(map as unknown as Held);
  if (command === 'WELCOME') welcome(map);
  else if (isTask) taken(map as unknown as Held);
  else if (command === 'CANCEL') cancelled(String(map.jobId), map.attempts as number[]);
  else if (!has('ignores what is invalid')) dismissed();
}

function dismissed(): void {
  say('DISCONNECT');
  close(200);
}

function welcome(map: MapValue): void {
  isWelcome = true;
  heartbeatMs = map.heartbeatMs as number;
  subscriber.connect(String(map.cancelEndpoint));
  if (!has('does not subscribe')) subscriber.subscribe('cancel');
}

function taken(task: Held): void {
  if (!isWelcome && !has('works before WELCOME')) return dismissed();
  if (held.some(({ attempt }) => attempt === task.attempt) && !has('takes an attempt twice')) return dismissed();
  held.push(task);
  if (held.length === 1) start();
}

function start(): void {
  const [first] = held;
  if (!first) return;
  bytesDone = 0;
  const [input] = first.task.inputs as { path: Uint8Array; identity: MapValue }[];
  const path = textOf(input!.path);
  const code = faultOf(path, input!.identity, first.task.runs as [number, number][]);
  if (code) return failed(first, code);
  const size = Number(input!.identity.size);
  if (size <= 2 ** 20) return finished(first, path);
}

/** What cannot be read. */
function faultOf(path: string, identity: MapValue, runs: [number, number][]): string | undefined {
  if (has('reads anything') && !path.endsWith('.bin')) return 'E_IO';
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return has('invents codes') ? 'E_MINE' : 'E_NOT_FOUND';
  }
  if (!real.startsWith(realpathSync(root) + sep) && !has('reads anything')) return 'E_OUTSIDE_ROOTS';
  const stat = statSync(real);
  if (stat.isDirectory()) return 'E_DIRECTORY';
  if (!stat.isFile()) return 'E_NOT_SEEKABLE';
  const found = identityOf(real);
  const isSame = Object.entries(found).every(([key, value]) => identity[key] === value);
  if (!isSame && !has('does not compare identities')) return 'E_CHANGED';
  return runs.some(([, end]) => end > stat.size) && !has('reads past the end') ? 'E_CHANGED' : undefined;
}

function failed({ attempt, epoch }: Held, code: string): void {
  held = held.filter((each) => each.attempt !== attempt);
  say('ERROR', { attempt, epoch, code, message: `${code} of ${service}`, work: { bytesRead: 0, ms: 0 } });
  start();
}

/** It has no finish of its own. */
function unfinished(asked: Held): void {
  const { attempt, epoch } = asked;
  if (!has('makes up a finish')) return failed(asked, 'E_PROTOCOL');
  say('FINAL', { attempt, epoch, arrays: [], work: { bytesRead: 0, ms: 1 } });
}

function finished({ attempt, epoch, task }: Held, path: string): void {
  held = held.filter((each) => each.attempt !== attempt);
  const runs = task.runs as [number, number][];
  const [start0, end] = [runs[0]![0], runs.at(-1)![1]];
  const bytes = Buffer.concat(runs.map(([from, to]) => slice(path, from, to)));
  const counts = countsOf(bytes);
  if (has('counts one more')) counts[0]! += 1;
  const dtype = has('writes wide numbers') ? 'u8' : smallest(end - start0);
  const arrays = has('leaves out its array') ? [] : ['counts'];
  const frames = arrays.map(() => npy(dtype, [1, 256], counts));
  if (task.kind === 'sample') {
    const cellBytes = task.cellBytes as number;
    const cells = cellsOf(start0, end, cellBytes);
    const n = new Array<number>(cells).fill(0);
    const first = Math.floor(start0 / cellBytes);
    for (const [from, to] of runs) n[Math.floor(from / cellBytes) - first]! += to - from;
    if (has('miscounts samples')) n[0] = 7;
    const unknown = npy('f8', [cells], new Array<number>(cells).fill(Number.NaN));
    arrays.push('n', 'lo', 'hi');
    frames.push(npy('u8', [cells], n), unknown, unknown);
  }
  const map = { attempt, epoch, arrays, work: { bytesRead: bytes.length, ms: 1 } };
  say('FINAL', map, ...frames);
  if (has('answers now and then twice') && attempt === 21) say('FINAL', map, ...frames);
  start();
}

function slice(path: string, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  readSync(openSync(path, 'r'), bytes, 0, bytes.length, from);
  return bytes;
}

function cancelled(jobId: string, attempts: readonly number[] | undefined): void {
  if (has('ignores CANCEL')) return;
  const named = held.filter(
    (each) =>
      has('cancels whatever it holds') ||
      (each.jobId === jobId && (!attempts || attempts.length === 0 || attempts.includes(each.attempt))),
  );
  end(named);
}

/** All of them are off before the next one begins. */
function end(named: readonly Held[]): void {
  held = held.filter((each) => !named.includes(each));
  for (const each of named) failed(each, 'E_CANCELLED');
}

async function publications(): Promise<void> {
  for await (const [topic, body] of subscriber) {
    const isLoose = has('compares beginnings');
    if (!isLoose && textOf(topic) !== 'cancel') continue;
    const named = held.filter(({ jobId }) => (isLoose ? textOf(body).startsWith(jobId) : textOf(body) === jobId));
    end(named);
  }
}

function plainReceived(command: string, frames: Frames): void {
  if (command !== 'REQUEST' || frames.length < 5) {
    if (has('dies of what it cannot expect')) process.exit(1);
    if (command !== '?') close();
    return;
  }
  const [, , address, , ...body] = frames;
  const to = has('reads addresses as texts') ? Buffer.from(textOf(address)) : Buffer.from(address!);
  const ms = Number(/^wait (\d+)$/.exec(textOf(body[0]))?.[1] ?? 0);
  if (has('does not beat while it works')) busyUntil = performance.now() + ms;
  setTimeout(() => {
    say('PARTIAL', to, empty, 'half');
    say('FINAL', to, has('leaves out the empty frame') ? 'x' : empty, ...body);
    if (has('answers twice')) say('FINAL', to, empty, ...body);
  }, ms);
}

function tick(): void {
  const now = performance.now();
  if (isOver) return;
  if (has('needs an answer to READY') && now - bornMs > 600) return close(20);
  if (now - heardMs > heartbeatMs * 5 && !has('waits for its broker for ever')) return close(20);
  if (has('does not beat') || now < busyUntil) return;
  const [first] = held;
  if (first && !has('stands still')) bytesDone += 2 ** 20;
  if (first && dialect === 'v2') say('HEARTBEAT', { attempt: first.attempt, bytesDone });
  else say('HEARTBEAT');
}

function beat(): void {
  tick();
  setTimeout(beat, has('beats too often') ? heartbeatMs / 8 : heartbeatMs * 0.8);
}

open();
setTimeout(beat, 50);
void publications();
