/** Readers of a header map's entries. Each throws E_PROTOCOL naming the entry and what it takes; decode.ts catches. */
import { isMap, type Plain, type PlainMap } from './codec.js';
import { checkDescriptor, type Params } from './descriptor.js';
import { type Fault, fail, isErrorCode } from './errors.js';
import { type Attempt, type Epoch, isClientId, type JobId, parseJobId, type RequestId, type SlotId } from './ids.js';
import type { Extent, Input, Query, Report, StatIdentity, Task, TaskInput, TaskWork } from './messages.js';
import type { RangeSpec } from './range.js';

const defaultCells = 1024;

export function wrong(name: string, wanted: string): never {
  throw fail('E_PROTOCOL', `${name} is not ${wanted}`);
}

export function map(value: Plain | undefined, name: string): PlainMap {
  return isMap(value as Plain) ? (value as PlainMap) : wrong(name, 'a map');
}
export function list(value: Plain | undefined, name: string): readonly Plain[] {
  return Array.isArray(value) ? value : wrong(name, 'a list');
}
export function int(value: Plain | undefined, name: string, min = 0): number {
  return Number.isSafeInteger(value) && (value as number) >= min
    ? (value as number)
    : wrong(name, `a whole number from ${min}`);
}
export function str(value: Plain | undefined, name: string): string {
  return typeof value === 'string' ? value : wrong(name, 'a text');
}
export function bool(value: Plain | undefined, name: string, otherwise: boolean): boolean {
  return value === undefined || value === null
    ? otherwise
    : typeof value === 'boolean'
      ? value
      : wrong(name, 'true or false');
}
export function num(value: Plain | undefined, name: string): number {
  return Number.isFinite(value) ? (value as number) : wrong(name, 'a number');
}
/** A copy: a path that is kept must not keep the whole frame that it came in. */
export function bytes(value: Plain | undefined, name: string): Uint8Array {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  return typeof value === 'string' ? new Uint8Array(Buffer.from(value)) : wrong(name, 'bytes');
}
/** A short name in printable ASCII: slots, epochs. */
function token(value: Plain | undefined, name: string): string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value)
    ? value
    : wrong(name, '1 to 255 printable ASCII characters');
}

export const requestId = (value: Plain | undefined) => int(value, 'requestId') as RequestId;
export const attempt = (value: Plain | undefined) => int(value, 'attempt', 1) as Attempt;
export const epoch = (value: Plain | undefined) => token(value, 'epoch') as Epoch;
export const slot = (value: Plain | undefined) => token(value, 'slot') as SlotId;
export const clientId = (value: Plain | undefined) =>
  isClientId(value) ? value : wrong('clientId', '16 to 64 base32 characters');
export const jobId = (value: Plain | undefined) =>
  typeof value === 'string' && parseJobId(value) ? (value as JobId) : wrong('jobId', 'a job id');
export const descriptor = (value: Plain | undefined) => checkDescriptor(value);
export const strings = (value: Plain | undefined, name: string) => list(value, name).map((item) => str(item, name));

export function fault(header: PlainMap): Fault {
  const code = isErrorCode(header.code) ? header.code : 'E_SERVICE';
  return {
    code,
    message: str(header.message, 'message').slice(0, 4096),
    ...(typeof header.jobId === 'string' && { jobId: header.jobId }),
    ...(typeof header.service === 'string' && { service: header.service }),
    ...(header.range && { range: pair(header.range, 'range') }),
  };
}

export function pair(value: Plain | undefined, name: string): [number, number] {
  const [start, end, ...more] = list(value, name);
  if (more.length > 0) wrong(name, 'a pair');
  const from = int(start, name);
  return [from, int(end, name, from)];
}

/** What a report says of the whole range beside its arrays. */
export function scalars(value: Plain | undefined): Report['scalars'] {
  const it = map(value, 'scalars');
  for (const name of Object.keys(it)) {
    const item = it[name]!;
    if (isMap(item)) [int(item.start, name), int(item.length, name)];
    else if (item !== null && typeof item !== 'boolean') num(item, name);
  }
  return it as Report['scalars'];
}

export function work(value: Plain | undefined): TaskWork {
  const it = map(value, 'work');
  const seekMs = it.seekMs ?? undefined;
  return {
    bytesRead: int(it.bytesRead, 'work.bytesRead'),
    ms: Math.max(0, num(it.ms, 'work.ms')),
    ...(seekMs !== undefined && { seekMs: Math.max(0, num(seekMs, 'work.seekMs')) }),
  };
}

function extent(value: Plain): Extent {
  const it: PlainMap =
    typeof value === 'string' || value instanceof Uint8Array ? { path: value } : map(value, 'extent');
  const path = bytes(it.path, 'path');
  if (path[0] !== 0x2f) wrong('path', 'absolute');
  const offset = int(it.offset ?? 0, 'offset');
  if (offset !== 0) wrong('offset', '0, and only whole files are taken yet');
  const length = it.length ?? null;
  return { path, offset, length: length === null ? null : int(length, 'length') };
}

/** A list of extents, or, for those who write by hand, a single extent or a bare path. */
export function input(value: Plain): Input {
  const extents = Array.isArray(value) ? value.map(extent) : [extent(value)];
  if (extents.length !== 1) wrong('input', 'a list of exactly one extent');
  return extents;
}

export function range(value: Plain | undefined): RangeSpec {
  if (value === undefined || value === null) return { start: 0, end: null };
  const [start, end, ...more] = list(value, 'range');
  if (more.length > 0) wrong('range', 'a pair');
  const offset = (number: Plain | undefined) => int(number, 'range', -Number.MAX_SAFE_INTEGER);
  return { start: offset(start ?? 0), end: end === null || end === undefined ? null : offset(end) };
}

export function query(service: string, it: PlainMap): Query {
  const version = it.version ?? undefined;
  if (version !== undefined && typeof version !== 'number' && typeof version !== 'string')
    wrong('version', 'a number or text');
  const inputs = list(it.inputs, 'inputs');
  if (inputs.length < 1 || inputs.length > 2) wrong('inputs', 'a list of one or two');
  return {
    service,
    ...(version !== undefined && { version: version as number | string }),
    inputs: inputs.map(input),
    range: range(it.range),
    cells: int(it.cells ?? defaultCells, 'cells', 1),
    snap: bool(it.snap, 'snap', false),
    params: map(it.params ?? {}, 'params'),
    cache: bool(it.cache, 'cache', true),
  };
}

function identity(value: Plain | undefined): StatIdentity {
  const it = map(value, 'identity');
  return {
    dev: str(it.dev, 'dev'),
    ino: str(it.ino, 'ino'),
    size: int(it.size, 'size'),
    mtimeNs: str(it.mtimeNs, 'mtimeNs'),
    ctimeNs: str(it.ctimeNs, 'ctimeNs'),
  };
}

function taskInput(value: Plain): TaskInput {
  const it = map(value, 'input');
  return { path: bytes(it.path, 'path'), identity: identity(it.identity) };
}

export function params(value: Plain | undefined): Params {
  const it = map(value, 'params');
  const isValue = (item: Plain) => ['number', 'string', 'boolean'].includes(typeof item);
  return Object.values(it).every(isValue) ? (it as Params) : wrong('params', 'a map of numbers, texts and booleans');
}

export function task(value: Plain | undefined): Task {
  const it = map(value, 'task');
  if (it.kind !== 'exact' && it.kind !== 'sample') wrong('task.kind', 'exact or sample');
  if (it.form !== 'summed' && it.form !== 'whole') wrong('task.form', 'summed or whole');
  const inputs = list(it.inputs, 'inputs');
  if (inputs.length < 1 || inputs.length > 2) wrong('inputs', 'a list of one or two');
  const runs = list(it.runs, 'runs').map((run) => pair(run, 'run'));
  if (runs.length < 1 || (it.kind === 'exact' && runs.length > 1)) wrong('runs', 'one run, or several of a sample');
  if (runs.some(([start], i) => i > 0 && start < runs[i - 1]![1])) wrong('runs', 'ascending and apart');
  const readMsMax = it.readMsMax ?? undefined;
  return {
    kind: it.kind as Task['kind'],
    inputs: inputs.map(taskInput),
    runs,
    cellBytes: int(it.cellBytes, 'cellBytes'),
    form: it.form as Task['form'],
    params: params(it.params),
    ...(readMsMax !== undefined && { readMsMax: num(readMsMax, 'task.readMsMax') }),
  };
}
