/** Every message of both dialects, with the edges of its sizes: what protocol/vectors/messages-*.json hold. */
import {
  type ErrorCode,
  encodePlainQuery,
  errorCatalogue,
  type Fault,
  pack,
  plainErrorBody,
  reportFrames,
} from '../../protocol/index.js';
import * as s from './samples.js';
import type { Direction } from './wire.js';

export interface Sample {
  readonly name: string;
  readonly direction: Direction;
  readonly message: object;
}

const sample = (direction: Direction, name: string, message: object): Sample => ({ name, direction, message });
const none = new Uint8Array(0);

const welcome = {
  kind: 'welcome',
  heartbeatMs: 1000,
  cancelEndpoint: 'ipc:///run/user/1000/binglide/cancel.sock',
  epoch: s.epoch,
  limits: { messageBytesMax: 2 ** 30, jobsMax: 1000 },
};

const fromClient = (name: string, message: object) => sample('client-to-broker', name, message);
const toClient = (name: string, message: object) => sample('broker-to-client', name, message);

const pairQuery = s.query({
  service: 'DIFF',
  version: '9f86d081884c7d65',
  inputs: [s.whole(s.bytesOf('/data/a.bin')), s.whole(s.bytesOf('/data/b.bin'))],
  params: { gap: 0, shift: -512 },
});

const cellArrays = {
  'cells.start': s.array('u8', [2], [0, 4096]),
  'cells.n': s.array('u8', [2], [4096, 1]),
  'cells.h': s.array('f8', [2], [7.5, NaN]),
  'cells.state': s.array('u1', [2], [2, 0]),
};

export const clientSamples: readonly Sample[] = [
  fromClient('HELLO', { kind: 'hello', clientId: s.clientId }),
  fromClient('REQUEST', { kind: 'request', requestId: 1, query: s.query() }),
  fromClient('REQUEST on behalf of another job', {
    kind: 'request',
    requestId: 2,
    jobId: s.jobId(1),
    query: s.query(),
  }),
  fromClient('REQUEST of two inputs, a version and parameters', { kind: 'request', requestId: 3, query: pairQuery }),
  fromClient('REQUEST of a range past 2^32, snapped, not cached', {
    kind: 'request',
    requestId: 2 ** 32,
    query: s.query({ range: { start: 2 ** 32, end: 2 ** 40 + 1 }, cells: 1, snap: true, cache: false }),
  }),
  fromClient('REQUEST with the largest numbers', {
    kind: 'request',
    requestId: s.offsetMax,
    query: s.query({ range: { start: -s.offsetMax, end: s.offsetMax }, cells: s.offsetMax }),
  }),
  fromClient('REQUEST of the last bytes of a path that is not UTF-8', {
    kind: 'request',
    requestId: 4,
    query: s.query({ inputs: [s.whole(s.oddPath)], range: { start: -65_536, end: null } }),
  }),
  fromClient('REQUEST of an extent', {
    kind: 'request',
    requestId: 5,
    query: s.query({ inputs: [[{ path: s.bytesOf('/data/a.bin'), offset: 0, length: 2 ** 32 }]] }),
  }),
  fromClient('REQUEST with a parameter of every type', {
    kind: 'request',
    requestId: 6,
    query: s.query({
      service: 'PERIOD2',
      version: 3,
      params: { maxLag: 8, weight: 0.25, mode: 'max', signed: true },
    }),
  }),
  fromClient('REQUEST with a raw body', {
    kind: 'rawRequest',
    requestId: 7,
    service: 'echo',
    body: [s.bytesOf('hello'), none, new Uint8Array(300).fill(0xa5)],
  }),
  fromClient('REQUEST with a raw body of one empty frame', {
    kind: 'rawRequest',
    requestId: 8,
    service: 'echo',
    body: [none],
  }),
  fromClient('REQUEST of mmi.services', { kind: 'rawRequest', requestId: 9, service: 'mmi.services', body: [] }),
  fromClient('CANCEL by job id', { kind: 'clientCancel', jobId: s.jobId(1) }),
  fromClient('CANCEL by request id', { kind: 'clientCancel', requestId: 1 }),
  fromClient('HEARTBEAT', { kind: 'clientHeartbeat' }),
  fromClient('DISCONNECT', { kind: 'clientDisconnect' }),

  toClient('WELCOME', welcome),
  toClient('PARTIAL before anything is known', {
    kind: 'partial',
    requestId: 1,
    report: s.report({
      completion: 0,
      exact: false,
      scalars: { n: 0, h: null },
      work: { ...s.report().work, bytesRead: 0, tasks: 0, chunksComputed: 0, firstReportMs: null },
    }),
  }),
  toClient('PARTIAL with cells', {
    kind: 'partial',
    requestId: 2,
    report: s.report({
      service: 'ENT',
      range: [0, 4097],
      completion: 4096 / 4097,
      exact: false,
      cellBytes: 4096,
      scalars: { n: 4096, h: 7.5 },
      arrays: cellArrays,
    }),
  }),
  toClient('FINAL', {
    kind: 'final',
    requestId: 1,
    report: s.report({ arrays: { counts: s.array('u8', [256], [5, ...new Array<number>(255).fill(0)]) } }),
  }),
  toClient('FINAL of two inputs with scalars of every kind', {
    kind: 'final',
    requestId: s.offsetMax,
    report: s.report({
      service: 'DIFF',
      version: '9f86d081884c7d65',
      inputs: [
        { path: s.oddPath, size: s.offsetMax, hash: null, identity: '~0123456789abcdef' },
        { path: s.bytesOf('/b'), size: 2 ** 32, hash: 'af1349b9f5f9a1a6'.repeat(4), identity: '~fedcba9876543210' },
      ],
      range: [2 ** 32, s.offsetMax],
      cellBytes: 2 ** 40,
      scalars: {
        n: 0,
        firstDiff: null,
        lastDiff: s.offsetMax,
        runsTruncated: true,
        longestRun: { start: 2 ** 32, length: 1 },
      },
      arrays: {
        runs: s.array('u8', [1, 3], [2 ** 32, 2 ** 32 + 1, 1]),
        'cells.start': s.array('u8', [0], []),
      },
    }),
  }),
  toClient('PARTIAL with a raw body', { kind: 'rawPartial', requestId: 7, service: 'echo', body: [s.bytesOf('he')] }),
  toClient('FINAL with a raw body', {
    kind: 'rawFinal',
    requestId: 7,
    service: 'echo',
    body: [s.bytesOf('llo'), none],
  }),
  toClient('FINAL of mmi.service', {
    kind: 'rawFinal',
    requestId: 9,
    service: 'mmi.service',
    body: [s.bytesOf('200')],
  }),
  toClient('ERROR', {
    kind: 'error',
    requestId: 1,
    fault: { code: 'E_CANCELLED', message: 'the job was cancelled', jobId: s.jobId(1), service: 'HIST' },
  }),
  toClient('ERROR with a range', {
    kind: 'error',
    requestId: 2,
    fault: {
      code: 'E_CRASHED',
      message: 'HIST died 3 times at 0x100000000',
      jobId: s.jobId(2),
      service: 'HIST',
      range: [2 ** 32, s.offsetMax],
    },
  }),
  ...(['cancelled', 'ended', 'unknown'] as const).map((outcome) =>
    toClient(`CANCEL acknowledged: ${outcome}`, { kind: 'cancelAck', jobId: s.jobId(1), outcome }),
  ),
  toClient('HEARTBEAT', { kind: 'clientHeartbeat' }),
  toClient('DISCONNECT', { kind: 'clientDisconnect' }),
];

const fromWorker = (name: string, message: object) => sample('worker-to-broker', name, message);
const toWorker = (name: string, message: object) => sample('broker-to-worker', name, message);
const frameOf = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const work = { bytesRead: 65_536, ms: 3.25 };

export const workerSamples: readonly Sample[] = [
  ...[s.hist, s.ent, s.diff, s.bytes, s.period].map((descriptor) =>
    fromWorker(`READY of ${descriptor.name}`, { kind: 'ready', descriptor, slot: s.slot, credit: 2 }),
  ),
  fromWorker('FINAL without arrays', {
    kind: 'taskFinal',
    attempt: 1,
    epoch: s.epoch,
    part: { arrays: [], frames: [] },
    work: { bytesRead: 0, ms: 0 },
  }),
  fromWorker('FINAL with arrays (their frames are not looked into here)', {
    kind: 'taskFinal',
    attempt: s.offsetMax,
    epoch: s.epoch,
    part: { arrays: ['runs', 'runs.index'], frames: [none, frameOf('93')] },
    work,
  }),
  fromWorker('FINAL of a sample from a disk that seeks', {
    kind: 'taskFinal',
    attempt: 9,
    epoch: s.epoch,
    part: { arrays: [], frames: [] },
    work: { ...work, seekMs: 9.75 },
  }),
  fromWorker('ERROR', {
    kind: 'taskError',
    attempt: 2,
    epoch: s.epoch,
    fault: { code: 'E_SERVICE', message: 'PERIOD2: IndexError, period.py:21', service: 'PERIOD2' },
    work,
  }),
  fromWorker('ERROR of a cancelled task', {
    kind: 'taskError',
    attempt: 3,
    epoch: s.epoch,
    fault: { code: 'E_CANCELLED', message: 'the task was cancelled' },
    work: { bytesRead: 2 ** 32, ms: 0 },
  }),
  fromWorker('HEARTBEAT', { kind: 'workerHeartbeat' }),
  fromWorker('HEARTBEAT of a busy worker', { kind: 'workerHeartbeat', attempt: 4, bytesDone: 2 ** 32 }),
  fromWorker('DISCONNECT', { kind: 'workerDisconnect' }),

  toWorker('WELCOME', welcome),
  toWorker('REQUEST', { kind: 'assign', attempt: 1, epoch: s.epoch, jobId: s.jobId(1), task: s.task() }),
  toWorker('REQUEST of two inputs, odd path, largest run', {
    kind: 'assign',
    attempt: s.offsetMax,
    epoch: s.epoch,
    jobId: s.jobId(s.offsetMax),
    task: s.task({
      inputs: [
        { path: s.oddPath, identity: s.identity({ size: s.offsetMax, ino: '0' }) },
        { path: s.bytesOf('/data/b.bin'), identity: s.identity({ size: 0 }) },
      ],
      runs: [[2 ** 32, s.offsetMax]],
      cellBytes: 2 ** 40,
      params: { gap: 64, shift: -1 },
    }),
  }),
  toWorker('REQUEST of a sample', {
    kind: 'assign',
    attempt: 7,
    epoch: s.epoch,
    jobId: s.jobId(1),
    task: s.task({
      kind: 'sample',
      runs: [
        [0, 4096],
        [65_536, 69_632],
        [2 ** 32, 2 ** 32 + 4096],
      ],
      cellBytes: 65_536,
    }),
  }),
  toWorker('REQUEST of a sample that is not to read for long', {
    kind: 'assign',
    attempt: 9,
    epoch: s.epoch,
    jobId: s.jobId(1),
    task: s.task({
      kind: 'sample',
      runs: [
        [0, 4096],
        [65_536, 69_632],
      ],
      cellBytes: 65_536,
      readMsMax: 187.5,
    }),
  }),
  toWorker('REQUEST of a finish', {
    kind: 'assign',
    attempt: 10,
    epoch: s.epoch,
    jobId: s.jobId(1),
    task: { kind: 'finish', params: { maxLag: 2 }, rows: 3, ...s.finishColumns },
  }),
  toWorker('REQUEST of whole blocks, every type of parameter', {
    kind: 'assign',
    attempt: 8,
    epoch: s.epoch,
    jobId: s.jobId(1),
    task: s.task({
      form: 'whole',
      cellBytes: 1000,
      runs: [[0, 0]],
      params: { block: 1000, weight: 0.5, mode: 'max', signed: false },
    }),
  }),
  toWorker('CANCEL', { kind: 'workerCancel', jobId: s.jobId(1), attempts: [1, 2 ** 32] }),
  toWorker('CANCEL of what waits', { kind: 'workerCancel', jobId: s.jobId(1), attempts: [3], waiting: true }),
  toWorker('CANCEL of all', { kind: 'workerCancel', jobId: s.jobId(1), attempts: [] }),
  toWorker('HEARTBEAT', { kind: 'workerHeartbeat' }),
  toWorker('DISCONNECT', { kind: 'workerDisconnect' }),

  sample('broker-to-subscribers', 'cancel', { kind: 'cancelled', jobId: s.jobId(1) }),
  sample('broker-to-subscribers', 'tick', { kind: 'tick', body: none }),
];

const address = frameOf('0012ff');

export const plainSamples: readonly Sample[] = [
  sample('plain-client-to-broker', 'C.REQUEST', { kind: 'plainRequest', service: 'echo', body: [s.bytesOf('hello')] }),
  sample('plain-client-to-broker', 'C.REQUEST of one empty frame', {
    kind: 'plainRequest',
    service: 'a.b/c!~',
    body: [none],
  }),
  sample('plain-client-to-broker', 'C.REQUEST of several frames', {
    kind: 'plainRequest',
    service: 'echo',
    body: [none, s.bytesOf('a'), none],
  }),
  sample('plain-client-to-broker', 'C.REQUEST of a service with a descriptor', encodePlainQuery(s.query())),
  sample('plain-client-to-broker', 'C.REQUEST of a service with a descriptor, as little as it takes', {
    kind: 'plainRequest',
    service: 'HIST',
    body: [pack({ inputs: ['/data/a.bin'] })],
  }),
  sample('broker-to-plain-client', 'C.PARTIAL', { kind: 'plainPartial', service: 'echo', body: [s.bytesOf('he')] }),
  sample('broker-to-plain-client', 'C.FINAL', { kind: 'plainFinal', service: 'echo', body: [none] }),
  sample('broker-to-plain-client', 'C.FINAL of a service with a descriptor', {
    kind: 'plainFinal',
    service: 'ENT',
    body: reportFrames(s.report({ service: 'ENT', cellBytes: 4096, arrays: cellArrays })),
  }),
  sample('plain-worker-to-broker', 'W.READY', { kind: 'plainReady', service: 'echo' }),
  sample('broker-to-plain-worker', 'W.REQUEST', { kind: 'plainAssign', address, body: [s.bytesOf('hello')] }),
  sample('broker-to-plain-worker', 'W.REQUEST of one empty frame', { kind: 'plainAssign', address, body: [none] }),
  sample('plain-worker-to-broker', 'W.PARTIAL', { kind: 'plainPartial', address, body: [s.bytesOf('he')] }),
  sample('plain-worker-to-broker', 'W.FINAL', { kind: 'plainFinal', address, body: [s.bytesOf('llo'), none] }),
  sample('plain-worker-to-broker', 'W.HEARTBEAT', { kind: 'plainHeartbeat' }),
  sample('broker-to-plain-worker', 'W.HEARTBEAT', { kind: 'plainHeartbeat' }),
  sample('plain-worker-to-broker', 'W.DISCONNECT', { kind: 'plainDisconnect' }),
  sample('broker-to-plain-worker', 'W.DISCONNECT', { kind: 'plainDisconnect' }),
];

/** Each code in each of the three ways that it travels. */
export const errorSamples: readonly Sample[] = (Object.keys(errorCatalogue) as ErrorCode[]).flatMap((code) => {
  const fault: Fault = { code, message: errorCatalogue[code] };
  return [
    toClient(`${code} to a client`, { kind: 'error', requestId: 1, fault: { ...fault, jobId: s.jobId(1) } }),
    sample('broker-to-plain-client', `${code} to a plain client`, {
      kind: 'plainFinal',
      service: 'HIST',
      body: plainErrorBody(fault),
    }),
    fromWorker(`${code} of a task`, { kind: 'taskError', attempt: 1, epoch: s.epoch, fault, work }),
  ];
});
