/** What callers may ask for, checked before anything is sent: nonsense throws E_USAGE that names field and value. */
import { normalize } from 'node:path';
import {
  fail,
  type Input,
  type Plain,
  type PlainMap,
  parseJobId,
  parseRange,
  type Query,
  type RangeSpec,
  wholeRange,
} from '../protocol/index.js';

export interface ConnectOptions {
  /**
   * `ipc://PATH` or `tcp://HOST:PORT`. Default: $BINGLIDE_BROKER, else the daemon in the user's runtime folder, else a
   * broker of our own that ends with this process. An endpoint that was given is the only one tried.
   */
  readonly endpoint?: string;
  /** How long to wait for a broker at first, in milliseconds; then E_NO_BROKER. Default 1500. */
  readonly connectMs?: number;
  /**
   * How long jobs wait for a broker that was there and went away, in milliseconds; then E_BROKER_LOST. Default 60,000.
   * How soon an absence is noticed is the broker's choice: five of its heartbeat intervals at the latest.
   */
  readonly brokerLostMs?: number;
}

export const connectDefaults = { connectMs: 1500, brokerLostMs: 60_000 } as const;

export interface RequestOptions<Service extends string = string> {
  /** `HIST`, `ENT`, `DIFF` or whichever the broker knows. */
  readonly service: Service;
  /** Absent: the newest. */
  readonly version?: number | string;
  /** One path, or two for services that compare; relative ones are of the working directory. Bytes need not be UTF-8. */
  readonly inputs: readonly (string | Uint8Array)[];
  /** `'1G:+512M'`, `':4096'`, `'-1M:'`, or [start, end) in bytes. Default: everything. */
  readonly range?: string | readonly [number, number];
  /** How many cells along the range, give or take one; default 1024. Services without cells ignore it. */
  readonly cells?: number;
  /** Widen the range to whole cells. Default false. */
  readonly snap?: boolean;
  /** The service's own parameters; what is left out has its default. */
  readonly params?: PlainMap;
  /** False: neither look into the cache nor write to it. Default true. */
  readonly cache?: boolean;
  /** Its abort cancels the job. */
  readonly signal?: AbortSignal;
}

const cellsDefault = 1024;
const requestKeys = ['service', 'version', 'inputs', 'range', 'cells', 'snap', 'params', 'cache', 'signal'];
const connectKeys = ['endpoint', 'connectMs', 'brokerLostMs'];

function need(ok: boolean, field: string, value: unknown, wanted: string): asserts ok {
  if (!ok) throw fail('E_USAGE', `${field} is ${shown(value)}; it takes ${wanted}`);
}

function shown(value: unknown): string {
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function') return String(value);
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 80);
  } catch {
    return 'an object';
  }
}

function checkKeys(options: object, known: readonly string[]): void {
  const stranger = Object.keys(options).find((key) => !known.includes(key));
  if (stranger !== undefined) throw fail('E_USAGE', `there is no option ${stranger}; there are ${known.join(', ')}`);
}

export function checkEndpoint(endpoint: string): string {
  need(
    typeof endpoint === 'string' && /^(ipc|tcp|inproc):\/\/\S/.test(endpoint),
    'endpoint',
    endpoint,
    'ipc://PATH or tcp://HOST:PORT',
  );
  return endpoint;
}

export function checkConnectOptions(options: ConnectOptions): Required<Omit<ConnectOptions, 'endpoint'>> {
  checkKeys(options, connectKeys);
  if (options.endpoint !== undefined) checkEndpoint(options.endpoint);
  const { connectMs = connectDefaults.connectMs, brokerLostMs = connectDefaults.brokerLostMs } = options;
  for (const [field, ms] of Object.entries({ connectMs, brokerLostMs })) {
    need(typeof ms === 'number' && ms > 0, field, ms, 'milliseconds above 0');
  }
  return { connectMs, brokerLostMs };
}

/** What goes on the wire; paths become absolute here. */
export function queryOf(options: RequestOptions, workingFolder: string): Query {
  need(typeof options === 'object' && options !== null, 'request', options, 'an object');
  checkKeys(options, requestKeys);
  const { service, version, inputs, cells = cellsDefault, snap = false, params = {}, cache = true } = options;
  checkService(service);
  need(
    version === undefined || typeof version === 'string' || Number.isSafeInteger(version),
    'version',
    version,
    'a number or a text',
  );
  need(
    Array.isArray(inputs) && inputs.length >= 1 && inputs.length <= 2,
    'inputs',
    inputs,
    'a list of one or two paths',
  );
  need(Number.isSafeInteger(cells) && cells >= 1, 'cells', cells, 'a whole number from 1');
  need(typeof snap === 'boolean', 'snap', snap, 'true or false');
  need(typeof cache === 'boolean', 'cache', cache, 'true or false');
  need(isParams(params), 'params', params, 'an object of numbers, texts and truth values');
  return {
    service,
    ...(version !== undefined && { version }),
    inputs: inputs.map((input) => inputOf(input, workingFolder)),
    range: rangeOf(options.range),
    cells,
    snap,
    params,
    cache,
  };
}

export function checkService(service: unknown): asserts service is string {
  const isName = typeof service === 'string' && /^[\x21-\x7e]{1,255}$/.test(service);
  need(isName, 'service', service, 'a name of 1 to 255 printable ASCII characters');
}

export function checkJobId(jobId: string): string {
  need(
    typeof jobId === 'string' && parseJobId(jobId) !== undefined,
    'jobId',
    jobId,
    'the id of a job, as `job.id` has it',
  );
  return jobId;
}

export function checkBody(body: readonly Uint8Array[]): void {
  need(
    Array.isArray(body) && body.every((frame) => frame instanceof Uint8Array),
    'body',
    body,
    'a list of byte arrays',
  );
}

function isParams(params: unknown): params is PlainMap {
  const isValue = (value: Plain | undefined) =>
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
  return (
    typeof params === 'object' && params !== null && !Array.isArray(params) && Object.values(params).every(isValue)
  );
}

function rangeOf(range: RequestOptions['range']): RangeSpec {
  if (range === undefined) return wholeRange;
  if (typeof range === 'string') return parseRange(range);
  const isOffset = (offset: unknown) => Number.isSafeInteger(offset) && (offset as number) >= 0;
  const wanted = 'START:END as text, or [start, end) in bytes';
  need(Array.isArray(range) && range.length === 2 && range.every(isOffset), 'range', range, wanted);
  const [start, end] = range;
  need(start <= end, 'range', range, 'an end that is not before the start');
  return { start, end };
}

function inputOf(path: string | Uint8Array, workingFolder: string): Input {
  need(typeof path === 'string' || path instanceof Uint8Array, 'input', path, 'a path as text or bytes');
  const bytes = typeof path === 'string' ? Buffer.from(textPath(path, workingFolder)) : bytesPath(path, workingFolder);
  need(path.length > 0 && !bytes.includes(0), 'input', path, 'a path that is not empty and has no NUL in it');
  return [{ path: bytes, offset: 0, length: null }];
}

/** `..` is left to the file system: taken away here, it would leave another folder than a link before it leads to. */
function textPath(path: string, workingFolder: string): string {
  const absolute = path.startsWith('/') ? path : `${workingFolder}/${path}`;
  return absolute.split('/').includes('..') ? absolute : normalize(absolute);
}

/** A copy: the caller may do with its bytes as it likes. */
function bytesPath(path: Uint8Array, workingFolder: string): Buffer {
  return path[0] === 0x2f ? Buffer.from(path) : Buffer.concat([Buffer.from(`${workingFolder}/`), path]);
}
