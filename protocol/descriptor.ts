/**
 * What a service says of itself: data only, so that the broker needs to know no service and every language can say it.
 *
 * A part is the mergeable result of a task: one array a field. A per-cell field has one row a cell of the part's grid,
 * any other has a single row. The report's outputs are made from merged fields by finishers of a closed set.
 */
import { createHash } from 'node:crypto';
import { isMap, type Plain, type PlainMap } from './codec.js';
import { fail } from './errors.js';
import { type Dtype, isDtype } from './npy.js';

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
] as const;
export type Finisher = (typeof finishers)[number];

export type ParamValue = number | string | boolean;
export type Params = { readonly [name: string]: ParamValue };

export interface ParamSpec {
  readonly name: string;
  readonly type: 'int' | 'float' | 'string' | 'bool';
  readonly default: ParamValue;
  readonly min?: number;
  readonly max?: number;
  readonly oneOf?: readonly ParamValue[];
  readonly help: string;
}

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
}

/** Blocks up to here are computed whole and travel without their counts (Descriptor fields of form `whole`). */
export const wholeBlockBytesMax = 65_536;

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

/**
 * The parameters of a request, complete and in descriptor order; throws E_PARAM naming the parameter, what came and
 * what is taken.
 */
export function checkParams(descriptor: Descriptor, given: PlainMap | Params): Params {
  const unknown = Object.keys(given).find((name) => !descriptor.params.some((spec) => spec.name === name));
  if (unknown !== undefined) {
    const known = descriptor.params.map((spec) => spec.name).join(', ') || 'none';
    throw fail('E_PARAM', `${descriptor.name} takes no parameter ${unknown}; it takes ${known}`);
  }
  return Object.fromEntries(
    descriptor.params.map((spec) => [spec.name, checkParam(descriptor.name, spec, given[spec.name])]),
  );
}

function checkParam(service: string, spec: ParamSpec, given: Plain | undefined): ParamValue {
  const value = given ?? spec.default;
  const bad = (wanted: string) => fail('E_PARAM', `${service}: ${spec.name} is ${String(value)}; it takes ${wanted}`);
  switch (spec.type) {
    case 'int':
      if (!Number.isSafeInteger(value)) throw bad('a whole number');
      break;
    case 'float':
      if (typeof value !== 'number' || !Number.isFinite(value)) throw bad('a number');
      break;
    case 'bool':
      if (typeof value !== 'boolean') throw bad('true or false');
      break;
    case 'string':
      if (typeof value !== 'string' || value.length > 1024) throw bad('a text of at most 1024 characters');
      break;
    default:
      spec.type satisfies never;
  }
  if (spec.oneOf && !spec.oneOf.includes(value as ParamValue)) throw bad(`one of ${spec.oneOf.join(', ')}`);
  if (typeof value === 'number' && (value < (spec.min ?? -Infinity) || value > (spec.max ?? Infinity))) {
    throw bad(`a number from ${spec.min ?? '−∞'} to ${spec.max ?? '∞'}`);
  }
  return value as ParamValue;
}

/** A descriptor off the wire or from an author; throws E_PROTOCOL naming the first thing that is wrong. */
export function checkDescriptor(value: unknown): Descriptor {
  const need: (ok: unknown, what: string) => asserts ok = (ok, what) => {
    if (!ok) throw fail('E_PROTOCOL', `descriptor: ${what}`);
  };
  need(isMap(value as Plain), 'is not a map');
  const it = value as Partial<Record<keyof Descriptor, unknown>>;
  need(typeof it.name === 'string' && serviceName.test(it.name), 'name is not [A-Z][A-Z0-9]*');
  need(typeof it.version === 'string' || Number.isSafeInteger(it.version), 'version is neither a number nor a text');
  need(it.inputs === 1 || it.inputs === 2, 'inputs is neither 1 nor 2');
  need(typeof it.cached === 'boolean', 'cached is not true or false');
  need(Array.isArray(it.params) && it.params.length <= 64, 'params is not a list of at most 64');
  need(Array.isArray(it.fields) && it.fields.length > 0 && it.fields.length <= 64, 'fields is not a list of 1 to 64');
  need(Array.isArray(it.report) && it.report.length <= 128, 'report is not a list of at most 128');
  const ints = new Set<unknown>();
  for (const param of it.params as ParamSpec[]) {
    need(isMap(param as unknown as Plain) && /^[A-Za-z][A-Za-z0-9_]*$/.test(param.name), 'a parameter has no name');
    need(['int', 'float', 'string', 'bool'].includes(param.type), `parameter ${param.name} has no type`);
    checkParam(it.name, param, param.default);
    if (param.type === 'int') ints.add(param.name);
  }
  const isSize = (size: unknown) =>
    (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) || ints.has(size);
  need(isSize(it.overlap), 'overlap is neither bytes nor an int parameter');
  need(it.block === undefined || ints.has(it.block), 'block names no int parameter');
  need(it.shift === undefined || (ints.has(it.shift) && it.inputs === 2), 'shift names no int parameter of two inputs');
  const names = new Set<string>();
  for (const field of it.fields as FieldSpec[]) {
    need(isMap(field as unknown as Plain) && /^[A-Za-z][A-Za-z0-9_]*$/.test(field.name), 'a field has no name');
    need(isDtype(field.dtype), `field ${field.name} has no dtype`);
    need(mergeOperators.includes(field.merge), `field ${field.name} has no merge operator`);
    need(typeof field.cells === 'boolean', `field ${field.name}: cells is not true or false`);
    need(field.merge !== 'once' || field.cells, `field ${field.name}: once is for cells`);
    need(
      field.shape === undefined || (Array.isArray(field.shape) && field.shape.every(isSize)),
      `field ${field.name}: shape`,
    );
    names.add(field.name);
  }
  for (const output of it.report as OutputSpec[]) {
    need(isMap(output as unknown as Plain) && names.has(output.of), `output ${String(output?.name)} is of no field`);
    need(finishers.includes(output.finish), `output ${output.name} has no finisher`);
    need(['cell', 'whole', 'both'].includes(output.scope), `output ${output.name} has no scope`);
  }
  return value as Descriptor;
}
