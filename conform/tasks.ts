/** Tasks for a v2 worker made of its own descriptor, and what its answers must look like (BXMDPv2 sections 8 and 9). */
import { statSync } from 'node:fs';
import type { HubPeer } from './hub.js';
import type { Came } from './inbox.js';
import { type MapValue, unpack } from './msgpack.js';
import { type Npy, readNpy } from './npy.js';
import { Breach, breach } from './rules.js';
import { cellsOf, smallest } from './services.js';
import { shown } from './wire.js';

export interface Field {
  readonly name: string;
  readonly dtype: string;
  readonly shape?: readonly (number | string)[];
  readonly merge: string;
  readonly cells: boolean;
  readonly perByteMax?: number;
  readonly form?: string;
}

interface Param {
  readonly name: string;
  readonly default: unknown;
}

export interface TaskOptions {
  readonly path: string;
  readonly run: readonly [number, number];
  readonly cellBytes?: number;
  readonly attempt?: number;
  readonly jobId?: string;
  /** Changes of the identity: what the file is not. */
  readonly identity?: MapValue;
  readonly kind?: 'exact' | 'sample';
  readonly runs?: readonly (readonly [number, number])[];
}

export const jobId = '26:abcdefghijklmnopqrstuvwx231';

export const fieldsOf = (descriptor: MapValue): Field[] =>
  (descriptor.fields as Field[]).filter(({ form }) => form === undefined || form === 'summed');

export const paramsOf = (descriptor: MapValue): { [name: string]: unknown } =>
  Object.fromEntries((descriptor.params as Param[]).map((param) => [param.name, param.default]));

export function identityOf(path: string): MapValue {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return { dev: `${dev}`, ino: `${ino}`, size: Number(size), mtimeNs: `${mtimeNs}`, ctimeNs: `${ctimeNs}` };
}

export function sendTask(peer: HubPeer, descriptor: MapValue, options: TaskOptions): void {
  const { path, run, cellBytes = 0, attempt = 1, kind = 'exact' } = options;
  let identity: MapValue = { dev: '1', ino: '1', size: 100_000, mtimeNs: '1', ctimeNs: '1' };
  try {
    identity = identityOf(path);
  } catch {
    // A file that is not there has none.
  }
  const input = { path: Buffer.from(path), identity: { ...identity, ...options.identity } };
  peer.send('REQUEST', {
    attempt,
    epoch: 'epoch1',
    jobId: options.jobId ?? jobId,
    task: {
      kind,
      inputs: Array.from({ length: descriptor.inputs as number }, () => input),
      runs: options.runs ?? [run],
      cellBytes,
      form: 'summed',
      params: paramsOf(descriptor),
    },
  });
}

export interface TaskAnswer {
  readonly command: string;
  readonly map: MapValue;
  readonly arrays: ReadonlyMap<string, Npy>;
}

/** FINAL or ERROR, the next that comes for an attempt. */
export async function answerOf(peer: HubPeer, attempt = 1, waitMs?: number): Promise<TaskAnswer> {
  const came = await peer.inbox.next(`answer to attempt ${attempt}`, waitMs);
  if (came.command !== 'FINAL' && came.command !== 'ERROR') {
    throw new Breach(`${shown(came.frames)} in place of an answer`);
  }
  const answer = answerIn(came);
  if (answer.map.attempt !== attempt || answer.map.epoch !== 'epoch1') {
    throw new Breach(`${came.command} of attempt ${answer.map.attempt}, epoch ${answer.map.epoch}`);
  }
  return answer;
}

function answerIn({ command, frames }: Came): TaskAnswer {
  const { map } = unpack(frames[2] ?? new Uint8Array());
  const names = command === 'FINAL' && Array.isArray(map.arrays) ? (map.arrays as string[]) : [];
  try {
    return { command, map, arrays: new Map(names.map((name, i) => [name, readNpy(frames[3 + i]!)])) };
  } catch (error) {
    throw new Breach(`an array: ${(error as Error).message}`);
  }
}

export async function finalOf(peer: HubPeer, attempt = 1): Promise<TaskAnswer> {
  const answer = await answerOf(peer, attempt);
  if (answer.command !== 'FINAL') throw new Breach(`ERROR ${answer.map.code}: ${answer.map.message}`);
  return answer;
}

export async function errorOf(peer: HubPeer, codes: readonly string[], attempt = 1, waitMs?: number): Promise<string> {
  const { command, map } = await answerOf(peer, attempt, waitMs);
  if (command !== 'ERROR') throw new Breach(`FINAL in place of ${codes.join(' or ')}`);
  if (!codes.includes(String(map.code)))
    throw new Breach(`${map.code} in place of ${codes.join(' or ')}: ${map.message}`);
  return `${map.code}: ${map.message}`;
}

/** Numbers in a row of the field; undefined: only the part tells. */
export function rowLength(field: Field, descriptor: MapValue): number | undefined {
  if (field.merge === 'run') return 6;
  if (field.merge === 'concat' || !field.shape) return undefined;
  const params = paramsOf(descriptor);
  const sides = field.shape.map((side) => (typeof side === 'string' ? Number(params[side]) : side));
  return sides.reduce((product, side) => product * side, 1);
}

export interface Span {
  readonly start: number;
  readonly end: number;
  readonly cellBytes: number;
}

/** names and sizes. */
export function checkPart(descriptor: MapValue, { arrays }: TaskAnswer, span: Span): string {
  const fields = fieldsOf(descriptor);
  const wanted = fields.flatMap(({ name, merge }) => (merge === 'concat' ? [name, `${name}.index`] : [name])).sort();
  const named = [...arrays.keys()].sort();
  if (named.join() !== wanted.join()) breach(`arrays ${named} in place of ${wanted}`);
  const cells = cellsOf(span.start, span.end, span.cellBytes);
  for (const field of fields) {
    const rows = field.cells ? cells : 1;
    const index = field.merge === 'concat' ? `${field.name}.index` : field.name;
    const row = field.merge === 'concat' ? 3 : rowLength(field, descriptor);
    const { numbers } = arrays.get(index)!;
    if (row !== undefined && numbers.length !== rows * row) {
      breach(`${index} has ${numbers.length} numbers in place of ${rows} × ${row}`);
    }
    const most =
      (field.perByteMax ?? Number.POSITIVE_INFINITY) *
      (field.cells && span.cellBytes ? span.cellBytes : span.end - span.start);
    if (field.merge === 'sum' && numbers.some((number) => !Number.isInteger(number) || number > most)) {
      breach(`${field.name} has a number that is no sum of its row`);
    }
  }
  return `arrays ${named.join(', ')} of ${cells} cells`;
}

/** what a writer should do. */
export function checkDtypes(descriptor: MapValue, { arrays }: TaskAnswer, span: Span): string {
  const told = fieldsOf(descriptor).map((field) => {
    const { dtype, shape } = arrays.get(field.name)!;
    const length = field.cells && span.cellBytes > 0 ? span.cellBytes : span.end - span.start;
    const wanted =
      field.merge !== 'sum'
        ? field.dtype
        : field.perByteMax === undefined
          ? field.dtype.startsWith('i')
            ? 'i8'
            : 'u8'
          : smallest(field.perByteMax * length);
    if (dtype !== wanted) breach(`${field.name} is ${dtype} in place of ${wanted}`);
    const rows = field.cells ? cellsOf(span.start, span.end, span.cellBytes) : 1;
    if (field.merge !== 'concat' && shape[0] !== rows) breach(`${field.name} has shape (${shape}) for ${rows} rows`);
    return `${field.name} ${dtype}`;
  });
  return told.join(', ');
}

/** of adjacent parts without cells, by the operators that need no neighbours. */
export function checkFold(descriptor: MapValue, parts: readonly TaskAnswer[], whole: TaskAnswer): string {
  const told: string[] = [];
  for (const { name, merge } of fieldsOf(descriptor)) {
    const fold = operators[merge];
    if (!fold) continue;
    const columns = parts.map(({ arrays }) => arrays.get(name)!.numbers);
    const folded = columns.reduce((a, b) => a.map((number, i) => fold(number, b[i]!)));
    const numbers = whole.arrays.get(name)!.numbers;
    const at = folded.findIndex((number, i) => !Object.is(number, numbers[i]));
    if (at >= 0) breach(`${name}[${at}] folds to ${folded[at]} and is ${numbers[at]} of the whole`);
    told.push(`${name} by ${merge}`);
  }
  return told.join(', ');
}

const operators: { readonly [merge: string]: (a: number, b: number) => number } = {
  sum: (a, b) => a + b,
  min: (a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b)),
  max: (a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b)),
  or: (a, b) => Number(BigInt(a) | BigInt(b)),
};
