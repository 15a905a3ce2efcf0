/** Frames to messages. Never throws on what a peer sent: faults come back as `invalid` with the reason. */
import { type PlainMap, unpackMap } from './codec.js';
import { serviceName } from './descriptor.js';
import { BinglideError } from './errors.js';
import * as read from './fields.js';
import { clientCommand as C, type Frames, type Header, headerOf, text, workerCommand as W } from './frames.js';
import type { RequestId } from './ids.js';
import type {
  BadRequest,
  FinishTask,
  FromClient,
  FromPlainClient,
  FromPlainWorker,
  FromWorker,
  InputReport,
  Invalid,
  Query,
  Report,
  Task,
  ToBroker,
  ToClient,
  ToWorker,
  Welcome,
  Work,
} from './messages.js';
import { decodeNpy, type NamedArray } from './npy.js';

/** What the broker received, routing id already taken off. */
export function decodeToBroker(frames: Frames): ToBroker {
  const header = headerOf(frames);
  switch (header) {
    case undefined:
      return { kind: 'invalid', header: '', reason: 'the first frame is no known header' };
    case 'BXMC02':
      return guarded(header, frames, fromClient);
    case 'BXMW02':
      return guarded(header, frames, fromWorker);
    case 'MDPC02':
      return guarded(header, frames, fromPlainClient);
    case 'MDPW02':
      return guarded(header, frames, fromPlainWorker);
    default:
      return header satisfies never;
  }
}

export function decodeToClient(frames: Frames): ToClient | Invalid {
  return headerOf(frames) === 'BXMC02'
    ? guarded('BXMC02', frames, toClient)
    : { kind: 'invalid', header: '', reason: 'the first frame is not BXMC02' };
}

export function decodeToWorker(frames: Frames): ToWorker | Invalid {
  return headerOf(frames) === 'BXMW02'
    ? guarded('BXMW02', frames, toWorker)
    : { kind: 'invalid', header: '', reason: 'the first frame is not BXMW02' };
}

function guarded<T>(header: Header, frames: Frames, decode: (command: number, frames: Frames) => T): T | Invalid {
  const command = frames[1];
  if (command?.length !== 1) return { kind: 'invalid', header, reason: 'the second frame is not one command byte' };
  try {
    return decode(command[0]!, frames);
  } catch (error) {
    if (error instanceof BinglideError) return { kind: 'invalid', header, reason: error.message };
    throw error;
  }
}

function frameAt(frames: Frames, at: number): Uint8Array {
  return frames[at] ?? read.wrong('message', `of at least ${at + 1} frames`);
}
function exactly(frames: Frames, count: number): void {
  if (frames.length !== count) read.wrong('message', `of exactly ${count} frames`);
}
/** The header map of a message that is nothing else. */
function onlyMap(frames: Frames): PlainMap {
  exactly(frames, 3);
  return unpackMap(frames[2]!);
}
/** The header map, and the names of the frames behind it. */
function namesOf(it: PlainMap, arrays: number): string[] {
  const names = read.strings(it.arrays, 'arrays');
  if (names.length !== arrays) read.wrong('arrays', `the names of ${arrays} frames`);
  if (new Set(names).size !== names.length) read.wrong('arrays', 'without repeats');
  const bad = names.findIndex((name) => !/^[A-Za-z][A-Za-z0-9_.]{0,127}$/.test(name));
  if (bad >= 0) read.wrong(`arrays[${bad}]`, 'a name');
  return names;
}
function printable(frame: Uint8Array): string {
  const name = text(frame);
  return /^[\x21-\x7e]{1,255}$/.test(name) ? name : read.wrong('service', '1 to 255 printable ASCII characters');
}
/** A heartbeat or disconnect may carry a header map, which must then be one. */
function optionalMap(frames: Frames): PlainMap {
  if (frames.length > 3) read.wrong('message', 'of two or three frames');
  return frames[2] ? unpackMap(frames[2]) : {};
}

function fromClient(command: number, frames: Frames): FromClient | BadRequest {
  switch (command) {
    case C.HELLO:
      return { kind: 'hello', clientId: read.clientId(onlyMap(frames).clientId) };
    case C.REQUEST: {
      const service = printable(frameAt(frames, 2));
      const it = unpackMap(frameAt(frames, 3));
      const requestId = read.requestId(it.requestId);
      if (it.raw === true) return { kind: 'rawRequest', requestId, service, body: frames.slice(4) };
      return request(service, requestId, it, frames);
    }
    case C.CANCEL: {
      const it = onlyMap(frames);
      if (it.jobId !== undefined && it.jobId !== null)
        return { kind: 'clientCancel', jobId: read.str(it.jobId, 'jobId') };
      return { kind: 'clientCancel', requestId: read.requestId(it.requestId) };
    }
    case C.HEARTBEAT: {
      const { seen } = optionalMap(frames);
      const isTold = seen !== undefined && seen !== null;
      return isTold ? { kind: 'clientHeartbeat', seen: read.requestId(seen) } : { kind: 'clientHeartbeat' };
    }
    case C.DISCONNECT:
      optionalMap(frames);
      return { kind: 'clientDisconnect' };
    default:
      return read.wrong('command', 'one that a client sends');
  }
}

/** What its sender can be told of comes back as badRequest, not as invalid. */
function request(service: string, requestId: RequestId, it: PlainMap, frames: Frames): FromClient | BadRequest {
  try {
    exactly(frames, 4);
    const query = read.query(service, it);
    const jobId = it.jobId ?? undefined;
    return { kind: 'request', requestId, ...(jobId !== undefined && { jobId: read.jobId(jobId) }), query };
  } catch (error) {
    if (error instanceof BinglideError) return { kind: 'badRequest', requestId, service, fault: error.toFault() };
    throw error;
  }
}

function fromPlainClient(command: number, frames: Frames): FromPlainClient {
  if (command !== C.REQUEST) read.wrong('command', 'REQUEST, the only one that a client sends');
  frameAt(frames, 3);
  return { kind: 'plainRequest', service: printable(frames[2]!), body: frames.slice(3) };
}

function fromWorker(command: number, frames: Frames): FromWorker {
  switch (command) {
    case W.READY: {
      exactly(frames, 4);
      const service = printable(frames[2]!);
      const it = unpackMap(frames[3]!);
      const descriptor = read.descriptor(it.descriptor);
      if (descriptor.name !== service || !serviceName.test(service)) read.wrong('service', 'the descriptor’s name');
      return { kind: 'ready', descriptor, slot: read.slot(it.slot), credit: read.int(it.credit, 'credit', 1) };
    }
    case W.FINAL: {
      const it = unpackMap(frameAt(frames, 2));
      const part = { arrays: namesOf(it, frames.length - 3), frames: frames.slice(3) };
      return {
        kind: 'taskFinal',
        attempt: read.attempt(it.attempt),
        epoch: read.epoch(it.epoch),
        part,
        work: read.work(it.work),
      };
    }
    case W.ERROR: {
      const it = onlyMap(frames);
      return {
        kind: 'taskError',
        attempt: read.attempt(it.attempt),
        epoch: read.epoch(it.epoch),
        fault: read.fault(it),
        work: read.work(it.work),
      };
    }
    case W.HEARTBEAT: {
      const it = optionalMap(frames);
      if ((it.attempt ?? undefined) === undefined) return { kind: 'workerHeartbeat' };
      return {
        kind: 'workerHeartbeat',
        attempt: read.attempt(it.attempt),
        bytesDone: read.int(it.bytesDone, 'bytesDone'),
      };
    }
    case W.DISCONNECT:
      optionalMap(frames);
      return { kind: 'workerDisconnect' };
    default:
      return read.wrong('command', 'one that a worker sends');
  }
}

function fromPlainWorker(command: number, frames: Frames): FromPlainWorker {
  switch (command) {
    case W.READY:
      exactly(frames, 3);
      return { kind: 'plainReady', service: printable(frames[2]!) };
    case W.PARTIAL:
    case W.FINAL:
      frameAt(frames, 4);
      if (frames[3]!.length !== 0) read.wrong('fourth frame', 'empty');
      return {
        kind: command === W.PARTIAL ? 'plainPartial' : 'plainFinal',
        address: frames[2]!,
        body: frames.slice(4),
      };
    case W.HEARTBEAT:
      exactly(frames, 2);
      return { kind: 'plainHeartbeat' };
    case W.DISCONNECT:
      exactly(frames, 2);
      return { kind: 'plainDisconnect' };
    default:
      return read.wrong('command', 'one that a worker sends');
  }
}

function welcome(frames: Frames): Welcome {
  const it = onlyMap(frames);
  const limits = read.map(it.limits, 'limits');
  return {
    kind: 'welcome',
    heartbeatMs: read.int(it.heartbeatMs, 'heartbeatMs', 1),
    cancelEndpoint: read.str(it.cancelEndpoint, 'cancelEndpoint'),
    epoch: read.epoch(it.epoch),
    limits: {
      messageBytesMax: read.int(limits.messageBytesMax, 'messageBytesMax'),
      jobsMax: read.int(limits.jobsMax, 'jobsMax'),
    },
  };
}

function toClient(command: number, frames: Frames): ToClient {
  switch (command) {
    case C.WELCOME:
      return welcome(frames);
    case C.PARTIAL:
    case C.FINAL: {
      const service = printable(frameAt(frames, 2));
      const it = unpackMap(frameAt(frames, 3));
      const requestId = read.requestId(it.requestId);
      if (it.raw === true) {
        return { kind: command === C.PARTIAL ? 'rawPartial' : 'rawFinal', requestId, service, body: frames.slice(4) };
      }
      return { kind: command === C.PARTIAL ? 'partial' : 'final', requestId, report: decodeReport(frames.slice(3)) };
    }
    case C.ERROR: {
      const it = onlyMap(frames);
      return { kind: 'error', requestId: read.requestId(it.requestId), fault: read.fault(it) };
    }
    case C.CANCEL: {
      const it = onlyMap(frames);
      const outcome = read.str(it.outcome, 'outcome');
      if (outcome !== 'cancelled' && outcome !== 'ended' && outcome !== 'unknown')
        return read.wrong('outcome', 'a known one');
      return { kind: 'cancelAck', jobId: read.str(it.jobId, 'jobId'), outcome };
    }
    case C.HEARTBEAT:
      optionalMap(frames);
      return { kind: 'clientHeartbeat' };
    case C.DISCONNECT:
      optionalMap(frames);
      return { kind: 'clientDisconnect' };
    default:
      return read.wrong('command', 'one that a broker sends to a client');
  }
}

function toWorker(command: number, frames: Frames): ToWorker {
  switch (command) {
    case W.WELCOME:
      return welcome(frames);
    case W.REQUEST: {
      const it = unpackMap(frameAt(frames, 2));
      const task = read.map(it.task, 'task');
      return {
        kind: 'assign',
        attempt: read.attempt(it.attempt),
        epoch: read.epoch(it.epoch),
        jobId: read.jobId(it.jobId),
        task: task.kind === 'finish' ? finishTask(task, frames) : onlyTask(task, frames),
      };
    }
    case W.CANCEL: {
      const it = onlyMap(frames);
      return {
        kind: 'workerCancel',
        jobId: read.jobId(it.jobId),
        attempts: read.list(it.attempts, 'attempts').map(read.attempt),
        ...(read.bool(it.waiting, 'waiting', false) && { waiting: true }),
      };
    }
    case W.HEARTBEAT:
      optionalMap(frames);
      return { kind: 'workerHeartbeat' };
    case W.DISCONNECT:
      optionalMap(frames);
      return { kind: 'workerDisconnect' };
    default:
      return read.wrong('command', 'one that a broker sends to a worker');
  }
}

function onlyTask(it: PlainMap, frames: Frames): Task {
  exactly(frames, 3);
  return read.task(it);
}

function finishTask(it: PlainMap, frames: Frames): FinishTask {
  return {
    kind: 'finish',
    params: read.params(it.params),
    rows: read.int(it.rows, 'rows', 1),
    arrays: namesOf(it, frames.length - 3),
    frames: frames.slice(3),
  };
}

/** The body frames of a report, as every client gets them: header map, then arrays. Throws E_PROTOCOL. */
export function decodeReport(frames: Frames): Report {
  const it = unpackMap(frameAt(frames, 0));
  const names = namesOf(it, frames.length - 1);
  const arrays: { [name: string]: NamedArray } = {};
  names.forEach((name, i) => {
    arrays[name] = decodeNpy(frames[i + 1]!);
  });
  const { version } = it;
  return {
    jobId: read.jobId(it.jobId),
    service: read.str(it.service, 'service'),
    version: typeof version === 'number' ? version : read.str(version, 'version'),
    inputs: read.list(it.inputs, 'inputs').map(inputReport),
    range: read.pair(it.range, 'range'),
    completion: read.num(it.completion, 'completion'),
    exact: read.bool(it.exact, 'exact', false),
    cellBytes: read.int(it.cellBytes, 'cellBytes'),
    scalars: read.scalars(it.scalars),
    arrays,
    work: reportWork(it),
  };
}

function inputReport(value: unknown): InputReport {
  const it = read.map(value as PlainMap, 'input');
  const hash = it.hash ?? null;
  return {
    path: read.bytes(it.path, 'path'),
    size: read.int(it.size, 'size'),
    hash: hash === null ? null : read.str(hash, 'hash'),
    identity: read.str(it.identity, 'identity'),
  };
}

function reportWork(header: PlainMap): Work {
  const it = read.map(header.work, 'work');
  const first = it.firstReportMs ?? null;
  return {
    bytesRead: read.int(it.bytesRead, 'bytesRead'),
    bytesHashed: read.int(it.bytesHashed, 'bytesHashed'),
    tasks: read.int(it.tasks, 'tasks'),
    chunksCached: read.int(it.chunksCached, 'chunksCached'),
    chunksComputed: read.int(it.chunksComputed, 'chunksComputed'),
    firstReportMs: first === null ? null : read.num(first, 'firstReportMs'),
    elapsedMs: read.num(it.elapsedMs, 'elapsedMs'),
  };
}

/** A plain client's body for a service with a descriptor: one msgpack map of inputs, range, cells, params. Throws. */
export function plainQuery(service: string, body: readonly Uint8Array[]): Query {
  if (body.length !== 1) read.wrong('body', 'one msgpack map of inputs, range, cells and params');
  return read.query(service, unpackMap(body[0]!));
}
