/** Readers of a header map's entries. Each throws E_PROTOCOL naming the entry and what it takes; decode.ts catches. */
import { isMap, type Plain, type PlainMap } from './codec.js';
import { checkDescriptor, type Params } from './descriptor.js';
import { type Fault, fail, isErrorCode } from './errors.js';
import { type Attempt, type Epoch, isClientId, type JobId, parseJobId, type RequestId, type SlotId } from './ids.js';
import type { Extent, Input, Query, StatIdentity, Task, TaskInput, TaskWork } from './messages.js';
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
  return typeof value === 'number' ? value : wrong(name, 'a number');
}
export function bytes(value: Plain | undefined, name: string): Uint8Array {
  return value instanceof Uint8Array ? value : typeof value === 'string' ? Buffer.from(value) : wrong(name, 'bytes');
}

export const requestId = (value: Plain | undefined) => int(value, 'requestId') as RequestId;
export const attempt = (value: Plain | undefined) => int(value, 'attempt', 1) as Attempt;
export const epoch = (value: Plain | undefined) => str(value, 'epoch') as Epoch;
export const slot = (value: Plain | undefined) => str(value, 'slot') as SlotId;
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
  return [int(start, name), int(end, name)];
}

export function work(value: Plain | undefined): TaskWork {
  const it = map(value, 'work');
  return { bytesRead: int(it.bytesRead, 'work.bytesRead'), ms: Math.max(0, num(it.ms, 'work.ms')) };
}

function extent(value: Plain): Extent {
  if (typeof value === 'string' || value instanceof Uint8Array)
    return { path: bytes(value, 'path'), offset: 0, length: null };
  const it = map(value, 'extent');
  const length = it.length ?? null;
  return {
    path: bytes(it.path, 'path'),
    offset: int(it.offset ?? 0, 'offset'),
    length: length === null ? null : int(length, 'length'),
  };
}

/** A list of extents, or, for those who write by hand, a single extent or a bare path. */
export function input(value: Plain): Input {
  const extents = Array.isArray(value) ? value.map(extent) : [extent(value)];
  if (extents.length !== 1) wrong('input', 'a list of exactly one extent');
  return extents;
}

export function range(value: Plain | undefined): RangeSpec {
  if (value === undefined || value === null) return { start: 0, end: null };
  const [start, end] = list(value, 'range');
  const offset = (number: Plain | undefined) => int(number, 'range', -Number.MAX_SAFE_INTEGER);
  return { start: offset(start ?? 0), end: end === null || end === undefined ? null : offset(end) };
}

export function query(service: string, it: PlainMap): Query {
  const { version } = it;
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

export function task(value: Plain | undefined): Task {
  const it = map(value, 'task');
  if (it.kind !== 'exact' && it.kind !== 'sample') wrong('task.kind', 'exact or sample');
  if (it.form !== 'summed' && it.form !== 'whole') wrong('task.form', 'summed or whole');
  return {
    kind: it.kind as Task['kind'],
    inputs: list(it.inputs, 'inputs').map(taskInput),
    runs: list(it.runs, 'runs').map((run) => pair(run, 'run')),
    cellBytes: int(it.cellBytes, 'cellBytes'),
    form: it.form as Task['form'],
    params: map(it.params, 'params') as Params,
  };
}
