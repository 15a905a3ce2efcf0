/** The things that many vectors are made of: ids, files, descriptors. Fixed for ever; vectors depend on them. */

import type {
  Attempt,
  ClientId,
  Descriptor,
  Epoch,
  FieldSpec,
  Input,
  JobId,
  NamedArray,
  Query,
  Report,
  RequestId,
  SlotId,
  StatIdentity,
  Task,
} from '../../protocol/index.js';
import { encodeNpy } from '../../protocol/index.js';

export const offsetMax = Number.MAX_SAFE_INTEGER;
export const clientId = 'abcdefghijklmnopqrstuvwx23' as ClientId;
export const epoch = 'mfrggzdfmztwq' as Epoch;
export const slot = 'host.4711.0' as SlotId;
export const attempt = (n: number) => n as Attempt;
export const requestId = (n: number) => n as RequestId;
export const jobId = (n = 1) => `26:${clientId}${n}` as JobId;
export const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));
/** A path that is no UTF-8: a byte 0xff, a newline and an invalid sequence. */
export const oddPath = new Uint8Array([0x2f, 0xff, 0x0a, 0xc3, 0x28]);

export const whole = (path: Uint8Array): Input => [{ path, offset: 0, length: null }];

export const query = (more: Partial<Query> = {}): Query => ({
  service: 'HIST',
  inputs: [whole(bytesOf('/data/a.bin'))],
  range: { start: 0, end: null },
  cells: 1024,
  snap: false,
  params: {},
  cache: true,
  ...more,
});

export const identity = (more: Partial<StatIdentity> = {}): StatIdentity => ({
  dev: '2049',
  ino: '1311768467463790320',
  size: 2 ** 32,
  mtimeNs: '1700000000123456789',
  ctimeNs: '1700000000987654321',
  ...more,
});

export const task = (more: Partial<Task> = {}): Task => ({
  kind: 'exact',
  inputs: [{ path: bytesOf('/data/a.bin'), identity: identity() }],
  runs: [[0, 65_536]],
  cellBytes: 0,
  form: 'summed',
  params: {},
  ...more,
});

export const array = (dtype: NamedArray['dtype'], shape: number[], data: number[]): NamedArray => ({
  dtype,
  shape,
  data: Float64Array.from(data),
});

export const report = (more: Partial<Report> = {}): Report => ({
  jobId: jobId(),
  service: 'HIST',
  version: 1,
  inputs: [{ path: bytesOf('/data/a.bin'), size: 5, hash: null, identity: '~0123456789abcdef' }],
  range: [0, 5],
  completion: 1,
  exact: true,
  cellBytes: 0,
  scalars: { n: 5 },
  arrays: {},
  work: {
    bytesRead: 5,
    bytesHashed: 0,
    tasks: 1,
    chunksCached: 0,
    chunksComputed: 1,
    firstReportMs: 1.5,
    elapsedMs: 2.25,
  },
  ...more,
});

const service = (more: Partial<Descriptor> & Pick<Descriptor, 'name' | 'fields' | 'report'>): Descriptor => ({
  version: 1,
  inputs: 1,
  help: '',
  params: [],
  overlap: 0,
  cached: true,
  ...more,
});

const counts = { dtype: 'u8', shape: [256], merge: 'sum', perByteMax: 1 } as const;

export const hist = service({
  name: 'HIST',
  help: 'counts of byte values',
  fields: [{ name: 'counts', cells: false, ...counts }],
  report: [{ name: 'counts', of: 'counts', finish: 'value', scope: 'whole' }],
});

export const ent = service({
  name: 'ENT',
  help: 'entropy along the range',
  params: [{ name: 'block', type: 'int', default: 0, min: 0, help: 'bytes of a block' }],
  block: 'block',
  fields: [
    { name: 'counts', cells: true, form: 'summed', ...counts },
    { name: 'q', dtype: 'u4', merge: 'once', cells: true, form: 'whole' },
    { name: 'total', cells: false, form: 'whole', ...counts },
    { name: 'qmin', dtype: 'i4', merge: 'min', cells: true },
    { name: 'qmax', dtype: 'i4', merge: 'max', cells: true },
  ],
  report: [
    { name: 'h', of: 'counts', finish: 'entropy', scope: 'both' },
    { name: 'h', of: 'q', finish: 'q24', scope: 'cell' },
    { name: 'h', of: 'total', finish: 'entropy', scope: 'whole' },
    { name: 'min', of: 'qmin', finish: 'q24', scope: 'cell' },
    { name: 'max', of: 'qmax', finish: 'q24', scope: 'cell' },
  ],
});

export const diffFields: readonly FieldSpec[] = [
  { name: 'changed', dtype: 'u8', merge: 'sum', cells: true, perByteMax: 1 },
  { name: 'bits', dtype: 'u8', merge: 'sum', cells: true, perByteMax: 8 },
  { name: 'first', dtype: 'i8', merge: 'min', cells: true },
  { name: 'last', dtype: 'i8', merge: 'max', cells: true },
  { name: 'run', dtype: 'i8', merge: 'run', cells: true },
  { name: 'runs', dtype: 'u8', shape: [3], merge: 'concat', cells: true, gap: 'gap', limit: 10_000 },
];

export const diff = service({
  name: 'DIFF',
  version: '9f86d081884c7d65',
  inputs: 2,
  help: 'differences by position',
  params: [
    { name: 'gap', type: 'int', default: 64, min: 0, help: 'longest gap inside one place' },
    { name: 'shift', type: 'int', default: 0, help: 'compares A at p with B at p + shift' },
  ],
  shift: 'shift',
  fields: diffFields,
  report: [
    { name: 'changedBytes', of: 'changed', finish: 'value', scope: 'both' },
    { name: 'changedBits', of: 'bits', finish: 'value', scope: 'both' },
    { name: 'firstDiff', of: 'first', finish: 'position', scope: 'whole' },
    { name: 'lastDiff', of: 'last', finish: 'position', scope: 'whole' },
    { name: 'longestRun', of: 'run', finish: 'longest', scope: 'whole' },
    { name: 'runs', of: 'runs', finish: 'intervals', scope: 'whole' },
    { name: 'runCount', of: 'runs', finish: 'intervalCount', scope: 'whole' },
    { name: 'runsTruncated', of: 'runs', finish: 'intervalsTruncated', scope: 'whole' },
  ],
});

export const bytes = service({
  name: 'BYTES',
  cached: false,
  rangeBytesMax: 2 ** 20,
  fields: [{ name: 'bytes', dtype: 'u1', shape: [1], merge: 'concat', cells: false }],
  report: [{ name: 'bytes', of: 'bytes', finish: 'intervals', scope: 'whole' }],
});

/** A service that names a parameter of every kind. */
export const period = service({
  name: 'PERIOD2',
  version: 3,
  params: [
    { name: 'maxLag', type: 'int', default: 64, min: 1, max: 1024, help: 'longest record length' },
    { name: 'weight', type: 'float', default: 0.5, min: 0, max: 1, help: 'weight' },
    { name: 'mode', type: 'string', default: 'mean', oneOf: ['mean', 'max'], help: 'mode' },
    { name: 'signed', type: 'bool', default: false, help: 'signed' },
  ],
  overlap: 'maxLag',
  fields: [{ name: 'matches', dtype: 'u8', shape: ['maxLag'], merge: 'sum', cells: true }],
  report: [{ name: 'matches', of: 'matches', finish: 'value', scope: 'cell' }],
});

/** Two cells and the range: their bytes, and two numbers each. */
export const finishColumns = {
  arrays: ['n', 'matches'],
  frames: [
    encodeNpy({ dtype: 'u8', shape: [3], data: Float64Array.of(4096, 100, 4196) }),
    encodeNpy({ dtype: 'u8', shape: [3, 2], data: Float64Array.of(7, 4090, 0, 99, 7, 4189) }),
  ],
};
