/**
 * What an author writes about parameters and fields, and the types that follow from it: `param.int({…})`,
 * `field.u4({…})`. Definitions are data; what goes on the wire is made of them in service.ts.
 */
import type { Form, MergeOperator, ParamSpec, ParamValue } from '../protocol/descriptor.js';
import type { Dtype } from '../protocol/npy.js';
import type { OutArray, RowSink } from './sink.js';

export type { OutArray };

declare const carried: unique symbol;

/** A parameter; `T` is what `task.params` holds. */
export interface ParamDef<T extends ParamValue = ParamValue> extends Omit<ParamSpec, 'name'> {
  readonly default: T;
}

interface ParamOptions<T> {
  readonly default: T;
  readonly help?: string;
}
interface ChoiceOptions<T> extends ParamOptions<T> {
  /** The only values that are taken. */
  readonly oneOf?: readonly T[];
}
interface NumberOptions extends ChoiceOptions<number> {
  readonly min?: number;
  readonly max?: number;
}

export const param = {
  int: (options: NumberOptions): ParamDef<number> => ({ help: '', ...options, type: 'int' }),
  float: (options: NumberOptions): ParamDef<number> => ({ help: '', ...options, type: 'float' }),
  string: (options: ChoiceOptions<string>): ParamDef<string> => ({ help: '', ...options, type: 'string' }),
  bool: (options: ParamOptions<boolean>): ParamDef<boolean> => ({ help: '', ...options, type: 'bool' }),
};

/** Numbers of a row: how many, parameters that say so, or a function of the parameters. */
export type ShapeDef =
  | readonly (number | string)[]
  // biome-ignore lint/suspicious/noExplicitAny: parameters are typed where they are used, in compute
  | ((params: any) => readonly number[]);

/** A field of the part; `Out` is what `compute` fills. */
export interface FieldDef<Out extends OutArray | RowSink = OutArray | RowSink> {
  /** Of the array that compute fills. */
  readonly dtype: Dtype;
  readonly shape?: ShapeDef;
  readonly merge: MergeOperator;
  readonly cells: boolean;
  readonly perByteMax?: number;
  readonly form?: Form;
  readonly gap?: number | string;
  readonly limit?: number;
  /** Only for the compiler. */
  readonly [carried]?: Out;
}

interface FieldOptions {
  /** Of one row; absent: one number. */
  readonly shape?: ShapeDef;
  readonly merge: Exclude<MergeOperator, 'run' | 'concat'>;
  /** True: a row a cell; false (the default): one for the whole range. */
  readonly cells?: boolean;
  /** What one byte of input adds to a sum at the most: lets small chunks rest in small numbers. */
  readonly perByteMax?: number;
  readonly form?: Form;
}

function numbers<Out extends OutArray>(dtype: Dtype) {
  return (options: FieldOptions): FieldDef<Out> => ({ cells: false, ...options, dtype });
}

export const field = {
  u1: numbers<Uint8Array>('u1'),
  u2: numbers<Uint16Array>('u2'),
  u4: numbers<Uint32Array>('u4'),
  i4: numbers<Int32Array>('i4'),
  f4: numbers<Float32Array>('f4'),
  /** Whole numbers up to 2^53−1, in a Float64Array. */
  u8: numbers<Float64Array>('u8'),
  i8: numbers<Float64Array>('i8'),
  f8: numbers<Float64Array>('f8'),
  /** Rows of [start, n, lead, trail, bestStart, bestLength]: the longest stretch of marked bytes (protocol/algebra). */
  run: (options: { readonly cells?: boolean } = {}): FieldDef<Float64Array> => ({
    cells: false,
    ...options,
    dtype: 'i8',
    merge: 'run',
  }),
  /** A list of rows; of two numbers or more they are intervals [start, end, …], joined where `gap` says so. */
  concat: (options: {
    readonly dtype?: Dtype;
    /** Numbers in a row. */
    readonly shape: readonly [number];
    readonly cells?: boolean;
    readonly gap?: number | string;
    readonly limit?: number;
  }): FieldDef<RowSink> => ({ dtype: 'u8', cells: false, ...options, merge: 'concat' }),
};

export type ParamDefs = { readonly [name: string]: ParamDef };
export type FieldDefs = { readonly [name: string]: FieldDef };
export type ParamsOf<P> = { readonly [K in keyof P]: P[K] extends ParamDef<infer T> ? T : never };
export type OutsOf<F> = { [K in keyof F]: F[K] extends FieldDef<infer Out> ? Out : never };
