/**
 * What a service says of itself: data only, so that the broker needs to know no service and every language can say it.
 *
 * A part is the mergeable result of a task: one array a field. A per-cell field has one row a cell of the part's grid,
 * any other has a single row. The report's outputs are made from merged fields by finishers of a closed set.
 */
import { createHash } from 'node:crypto';
import { isMap, type Plain, type PlainMap } from './codec.js';
import { BinglideError, fail } from './errors.js';
import { type Dtype, isDtype } from './npy.js';
import { checkParam, type ParamSpec, type Params } from './params.js';

export { checkParams, type ParamSpec, type Params, type ParamValue } from './params.js';

/** How two adjacent pieces' values become the whole's: see algebra.ts for the laws. */
export const mergeOperators = ['sum', 'min', 'max', 'or', 'once', 'run', 'concat'] as const;
export type MergeOperator = (typeof mergeOperators)[number];

export const finishers = [
  'value',
  'entropy',
  'q24',
  'position',
  'longest',
  'intervals',
  'intervalCount',
  'intervalsTruncated',
  'chiSquare',
  'chiSquareP',
  'mean',
  'minEntropy',
  'indexOfCoincidence',
  'monteCarloPi',
  'serialCorrelation',
] as const;
export type Finisher = (typeof finishers)[number];

export interface FieldSpec {
  readonly name: string;
  /** How the field rests and travels; for sums with `perByteMax` the widest, and a smaller one is chosen by chunk. */
  readonly dtype: Dtype;
  /** Of one row: numbers or names of int parameters; absent where only the part itself tells. */
  readonly shape?: readonly (number | string)[];
  readonly merge: MergeOperator;
  /** True: one row a cell. False: one row a part. */
  readonly cells: boolean;
  /** What one input byte adds to one number of a sum at the most; names the dtype that a chunk of a given size needs. */
  readonly perByteMax?: number;
  /**
   * `summed`: only in parts whose cells add up to coarser ones. `whole`: only under a block of at most 64 KiB, where a
   * cell is computed in one piece. Absent: in both.
   */
  readonly form?: Form;
  /** concat: intervals [start, end, …] nearer than this are joined (a number or a parameter); absent: never joined. */
  readonly gap?: number | string;
  /** concat: so many rows are kept, the first ones by offset; the count goes on. */
  readonly limit?: number;
}

/** Whether a part's cells may be split between tasks and add up, or are computed whole (see FieldSpec.form). */
export type Form = 'summed' | 'whole';

export interface OutputSpec {
  readonly name: string;
  readonly of: string;
  /** Fields that the finisher takes beside it, in its order; only of the whole. */
  readonly with?: readonly string[];
  readonly finish: Finisher;
  /** `cell`: under `cells`; `whole`: beside it; `both`: per-cell field also folded over the range. */
  readonly scope: 'cell' | 'whole' | 'both';
}

export interface Descriptor {
  readonly name: string;
  /** A version that the author raises, or the hash of the service's file. */
  readonly version: number | string;
  readonly inputs: 1 | 2;
  readonly help: string;
  readonly params: readonly ParamSpec[];
  /** Bytes readable past a chunk's own: a number or the name of an int parameter. */
  readonly overlap: number | string;
  /** Names the int parameter that makes blocks the cells (0: no blocks). */
  readonly block?: string;
  /** Names the int parameter by which the second input is read further along. */
  readonly shift?: string;
  /** False: parts are computed anew each time. */
  readonly cached: boolean;
  /** The longest range of one request in bytes; absent: any. */
  readonly rangeBytesMax?: number;
  readonly fields: readonly FieldSpec[];
  readonly report: readonly OutputSpec[];
  /** The service makes more outputs of merged rows itself (finishing.ts). Absent: it does not. */
  readonly finish?: true;
}

/** What a service's own finish gets rows of: fields whose merged value is of the same kind as a piece's. */
export function finishFields(fields: readonly FieldSpec[]): readonly FieldSpec[] {
  return fields.filter(({ merge }) => merge === 'sum' || merge === 'min' || merge === 'max' || merge === 'or');
}

/** Blocks up to here are computed whole and travel without their counts (Descriptor fields of form `whole`). */
export const wholeBlockBytesMax = 65_536;

/** Numbers in one row of all fields together at the most. */
const rowNumbersMax = 2 ** 24;

export const serviceName = /^[A-Z][A-Z0-9]{0,31}$/;

/** 16 hex digits that name a descriptor: equal digests mean equal parts. Key order and defaults do not matter. */
export function descriptorDigest(descriptor: Descriptor): string {
  return createHash('sha256')
    .update(canonical(descriptor as unknown as Plain))
    .digest('hex')
    .slice(0, 16);
}

function canonical(value: Plain | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (isMap(value)) {
    const keys = Object.keys(value)
      .filter((key) => value[key] !== undefined && key !== 'help')
      .sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** Does the service answer with cells along the range? */
export function hasCells(descriptor: Descriptor): boolean {
  return descriptor.fields.some((field) => field.cells);
}

/** The fields that a part of this form carries. */
export function fieldsOf(descriptor: Descriptor, form: Form): readonly FieldSpec[] {
  return descriptor.fields.filter((field) => field.form === undefined || field.form === form);
}

/** A number or the value of the int parameter that the descriptor names there. */
export function sizeOf(size: number | string, params: Params): number {
  return typeof size === 'number' ? size : Number(params[size]);
}

/** Bytes of one input byte's worth of whole fields: what the least chunk of the service is measured by. */
export function wholeFieldBytes(
  descriptor: Descriptor,
  params: Params,
  numberBytes: (field: FieldSpec) => number,
): number {
  return descriptor.fields
    .filter((field) => !field.cells && field.shape)
    .reduce(
      (sum, field) => sum + numberBytes(field) * field.shape!.reduce<number>((n, dim) => n * sizeOf(dim, params), 1),
      0,
    );
}

/** A descriptor off the wire or from an author; throws E_PROTOCOL naming the first thing that is wrong. */
export function checkDescriptor(value: unknown): Descriptor {
  need(isMap(value), 'is not a map');
  const it = value as Partial<Record<keyof Descriptor, unknown>>;
  need(typeof it.name === 'string' && serviceName.test(it.name), 'name is not [A-Z][A-Z0-9]*');
  need(isVersion(it.version), 'version is neither a whole number nor a text of 1 to 128 characters');
  need(it.inputs === 1 || it.inputs === 2, 'inputs is neither 1 nor 2');
  need(typeof it.help === 'string', 'help is not a text');
  need(typeof it.cached === 'boolean', 'cached is not true or false');
  need(it.rangeBytesMax === undefined || isCount(it.rangeBytesMax), 'rangeBytesMax is no number of bytes');
  const ints = intBounds(checkedParams(it.name, it.params));
  const boundsOf = (size: unknown) => (isCount(size) ? ([size, size] as const) : ints.get(size));
  need(boundsOf(it.overlap), 'overlap is neither bytes nor an int parameter');
  need(it.block === undefined || ints.has(it.block), 'block names no int parameter');
  need(it.shift === undefined || (ints.has(it.shift) && it.inputs === 2), 'shift names no int parameter of two inputs');
  need(it.finish === undefined || it.finish === true, 'finish is there and not true');
  const fields = checkedFields(it.fields, boundsOf);
  need(!it.finish || finishFields([...fields.values()]).length > 0, 'finish has no field of sum, min, max or or');
  checkReport(it.report, fields);
  return value as unknown as Descriptor;
}

function need(ok: unknown, what: string): asserts ok {
  if (!ok) throw fail('E_PROTOCOL', `descriptor: ${what}`);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isVersion = (version: unknown) =>
  Number.isSafeInteger(version) || (typeof version === 'string' && /^.{1,128}$/.test(version));
const isScalar = (value: unknown) => ['number', 'string', 'boolean'].includes(typeof value);
const optionalNumber = (value: unknown) => value === undefined || (typeof value === 'number' && !Number.isNaN(value));

/** A list of maps with names that differ. */
function namedMaps(value: unknown, what: string, min: number, max: number): PlainMap[] {
  need(
    Array.isArray(value) && value.length >= min && value.length <= max,
    `${what} is not a list of ${min} to ${max} entries`,
  );
  const names = new Set<unknown>();
  for (const item of value) {
    need(isMap(item), `${what} holds something that is no map`);
    const { name } = item;
    need(typeof name === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name), `an entry of ${what} has no name`);
    need(!names.has(name), `${what} has ${name} twice`);
    names.add(name);
  }
  return value;
}

/** The least and the greatest value that a size may have; undefined: it is no size at all. */
type Bounds = readonly [number, number] | undefined;

/** What each int parameter may be: clients choose its value, and rows must not grow with it without bound. */
function intBounds(params: readonly ParamSpec[]): ReadonlyMap<unknown, readonly [number, number]> {
  const bounds = new Map<unknown, readonly [number, number]>();
  for (const { name, type, min = -Infinity, max = Infinity, oneOf } of params) {
    if (type !== 'int') continue;
    const listed = (oneOf ?? [min, max]).map(Number);
    bounds.set(name, [Math.max(min, Math.min(...listed)), Math.min(max, Math.max(...listed))]);
  }
  return bounds;
}

function checkedParams(service: string, value: unknown): readonly ParamSpec[] {
  const params = namedMaps(value, 'params', 0, 64) as unknown as ParamSpec[];
  for (const param of params) {
    const { name } = param;
    need(['int', 'float', 'string', 'bool'].includes(param.type), `parameter ${name} has no type`);
    need(typeof param.help === 'string', `parameter ${name}: help is not a text`);
    need(optionalNumber(param.min) && optionalNumber(param.max), `parameter ${name}: min or max is no number`);
    need(
      param.oneOf === undefined || (Array.isArray(param.oneOf) && param.oneOf.every(isScalar)),
      `parameter ${name}: oneOf is not a list of numbers, texts and booleans`,
    );
    try {
      checkParam(service, param, param.default);
    } catch (error) {
      need(!(error instanceof BinglideError), `parameter ${name}: its default is none that it takes`);
      throw error;
    }
  }
  return params;
}

/** The bound on a shape's parameter with which its row is small enough. */
function whatFits(shape: readonly (number | string)[]): string {
  const named = shape.filter((dim) => typeof dim === 'string');
  const others = shape.reduce<number>((n, dim) => (typeof dim === 'number' ? n * dim : n), 1);
  if (named.length === 0) return '';
  const most = Math.floor((rowNumbersMax / Math.max(1, others)) ** (1 / named.length));
  return `; ${[...new Set(named)].join(' and ')} with a max of ${most} would fit`;
}

function checkedFields(value: unknown, boundsOf: (size: unknown) => Bounds): ReadonlyMap<unknown, FieldSpec> {
  const fields = namedMaps(value, 'fields', 1, 64) as unknown as FieldSpec[];
  let numbers = 0;
  for (const field of fields) {
    const must = (ok: unknown, what: string) => need(ok, `field ${field.name}: ${what}`);
    must(isDtype(field.dtype), 'has no dtype');
    const named = typeof field.merge === 'string' ? field.merge : 'what it says';
    must(mergeOperators.includes(field.merge), `${named} is no merge operator; ${mergeOperators.join(' ')} are`);
    must(typeof field.cells === 'boolean', 'cells is not true or false');
    const { shape } = field;
    must(shape === undefined || (Array.isArray(shape) && shape.length <= 8), 'shape');
    const dims = (shape ?? []).map(boundsOf);
    must(
      dims.every((dim) => dim && dim[0] >= 0),
      'shape holds something that is neither a number nor the name of an int parameter of at least 0',
    );
    numbers += dims.reduce((n, dim) => n * dim![1], 1);
    must(numbers <= rowNumbersMax, `a row may have more than ${rowNumbersMax} numbers${whatFits(shape ?? [])}`);
    must(field.form === undefined || field.form === 'summed' || field.form === 'whole', 'form');
    must(field.gap === undefined || (field.merge === 'concat' && boundsOf(field.gap)), 'gap');
    must(field.limit === undefined || (field.merge === 'concat' && isCount(field.limit)), 'limit');
    must(
      field.perByteMax === undefined ||
        (field.merge === 'sum' && field.dtype.startsWith('u') && isCount(field.perByteMax) && field.perByteMax >= 1),
      'perByteMax is for unsigned sums',
    );
    checkMerge(field, must);
  }
  return new Map(fields.map((field) => [field.name, field]));
}

/** What each operator can work on; the laws of algebra.ts hold only there. */
function checkMerge({ merge, dtype, shape, cells, form, gap }: FieldSpec, must: (ok: unknown, what: string) => void) {
  const last = shape?.at(-1);
  switch (merge) {
    case 'min':
    case 'max':
      break;
    case 'sum':
      must(!dtype.startsWith('f'), 'sums are whole numbers');
      break;
    case 'or':
      must(dtype.startsWith('u'), 'or is for unsigned numbers');
      break;
    case 'once':
      must(cells && form === 'whole', 'once is for cells of form whole');
      break;
    case 'run':
      must(dtype === 'i8' || dtype === 'u8', 'run rests in i8 or u8');
      must(shape === undefined, 'run has a shape of its own');
      break;
    case 'concat':
      must(shape?.length === 1 && typeof last === 'number' && last >= 1, 'concat states the length of its rows');
      must(gap === undefined || (typeof last === 'number' && last >= 2), 'intervals have a start and an end');
      break;
    default:
      merge satisfies never;
  }
}

/** What reports and tables say of every service beside its outputs. */
const reservedOutputs = ['n', 'start', 'state', 'onlyA', 'onlyB'];

function checkReport(value: unknown, fields: ReadonlyMap<unknown, FieldSpec>): void {
  need(Array.isArray(value) && value.length <= 128, 'report is not a list of at most 128');
  const seen = new Set<string>();
  for (const output of value as OutputSpec[]) {
    need(isMap(output), 'report holds something that is no map');
    const { name, of, with: more, finish, scope } = output;
    need(typeof name === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name), 'an output has no name');
    need(!reservedOutputs.includes(name), `output ${name}: the name is taken`);
    const field = fields.get(of);
    need(field, `output ${name} is of no field`);
    need(finishers.includes(finish), `output ${name} has no finisher`);
    need(finishersOf(field.merge).includes(finish), `output ${name}: ${finish} is not for ${field.merge}`);
    need(['cell', 'whole', 'both'].includes(scope), `output ${name} has no scope`);
    checkMore(name, more, finish, scope, fields);
    need(scope === 'whole' || field.cells, `output ${name}: field ${field.name} has no cells`);
    need(scope === 'whole' || field.merge !== 'concat', `output ${name}: intervals are of the whole`);
    // One output may come from one field in summed parts and from another in whole ones, but not twice in one part.
    const places = scope === 'both' ? ['cell', 'whole'] : [scope];
    const forms = field.form === undefined ? ['summed', 'whole'] : [field.form];
    for (const key of places.flatMap((place) => forms.map((form) => `${name} ${place} ${form}`))) {
      need(!seen.has(key), `output ${name} stands there twice`);
      seen.add(key);
    }
  }
}

/** What a finisher takes beside its field: so many. */
const moreFields: { readonly [finisher in Finisher]?: number } = { serialCorrelation: 2 };

function checkMore(
  name: string,
  more: unknown,
  finish: Finisher,
  scope: OutputSpec['scope'],
  fields: ReadonlyMap<unknown, FieldSpec>,
): void {
  const wanted = moreFields[finish] ?? 0;
  const given = more === undefined ? [] : more;
  need(Array.isArray(given) && given.length === wanted, `output ${name}: ${finish} takes ${wanted} more fields`);
  need(wanted === 0 || scope === 'whole', `output ${name}: ${finish} is of the whole`);
  need(
    given.every((field) => fields.has(field) && !['concat', 'run', 'once'].includes(fields.get(field)!.merge)),
    `output ${name} is with no field that it could take`,
  );
}

const ofNeighbours: readonly Finisher[] = ['longest', 'intervals', 'intervalCount', 'intervalsTruncated'];

function finishersOf(merge: MergeOperator): readonly Finisher[] {
  switch (merge) {
    case 'run':
      return ['longest'];
    case 'concat':
      return ['intervals', 'intervalCount', 'intervalsTruncated'];
    default:
      return finishers.filter((finisher) => !ofNeighbours.includes(finisher));
  }
}
