/**
 * `Worker`, the base class of services: a descriptor made of what the author wrote, and `compute`. `defineService`
 * makes one from a plain definition, which is what most authors want.
 *
 * Rules: compute sees batches of rows and fills `out`, which holds each field's identity (0 for sums) when it is
 * called: a row of numbers a row of input for a field with `cells`, else a single row. What it adds up between calls
 * `flush` gives. The engine folds rows into cells, reads, cuts, checks, reports progress and cancels.
 */
import { runWidth } from '../protocol/algebra.js';
import {
  checkDescriptor,
  type Descriptor,
  type FieldSpec,
  type Form,
  type OutputSpec,
  type Params,
  sizeOf,
} from '../protocol/descriptor.js';
import { fail } from '../protocol/errors.js';
import type { Dtype } from '../protocol/npy.js';
import type { FieldDef, FieldDefs, OutsOf, ParamDefs, ParamsOf } from './fields.js';
import type { Rows } from './rows.js';

/** What compute knows of its task beside the rows. */
export interface TaskView<P = ParamDefs> {
  readonly params: ParamsOf<P>;
  readonly form: Form;
  /** The files' sizes in bytes; both for a pair. */
  readonly inputs: readonly { readonly size: number }[];
  /** Fires on cancellation; for asynchronous services. */
  readonly signal: AbortSignal;
  /** Throws when the task is cancelled: a synchronous loop calls it at least every 50 ms. Also tells the progress. */
  check(): void;
}

/** What `finish` gets: merged numbers row by row, `n` the bytes of each row. */
export type PartView<F> = { readonly [K in keyof F]: Float64Array } & { readonly n: Float64Array };

export interface ServiceDefinition<P extends ParamDefs, F extends FieldDefs> {
  /** [A-Z][A-Z0-9]*, at most 32 characters. */
  readonly name: string;
  /** Raise it when results change; left out, it is the hash of the service's file. */
  readonly version?: number | string;
  readonly help?: string;
  /** Files compared; default 1. */
  readonly inputs?: 1 | 2;
  /** Rows end on multiples of it; left out, a row is a cell or a long stretch of one. */
  readonly rowBytes?: number;
  /** Bytes readable past a row's own (`input.ahead`): a number or an int parameter; default 0. */
  readonly overlap?: number | string;
  /**
   * True: compute only ever adds to sums (`out.x[i] += …`), which are then handed out as they stand, where that is
   * possible, instead of as zeros that are added up afterwards. For wide ones.
   */
  readonly addsUp?: boolean;
  /** The int parameter that makes blocks the cells. */
  readonly block?: string;
  /** The int parameter by which the second input is read further along. */
  readonly shift?: string;
  /** False: never kept. */
  readonly cached?: boolean;
  /** The longest range of one request in bytes. */
  readonly rangeBytesMax?: number;
  readonly params?: P;
  readonly fields: F;
  /** What a report shows; left out, all fields as they are. */
  readonly report?: readonly OutputSpec[];
  compute?(input: Rows, out: OutsOf<F>, task: TaskView<P>): void | Promise<void>;
  /**
   * After the last batch of a task, and at once: what compute kept back goes to `out`, which has the fields without cells,
   * as compute has them. A task that fails or is cancelled has no flush; `task` is another object for every task.
   */
  flush?(out: OutsOf<F>, task: TaskView<P>): void;
  /**
   * More outputs of merged rows: of each cell that is known and, as the last row, of the whole range; where a field has
   * no cells, of the range alone. Row-wise: each list holds as many numbers for every row. Computed for the newest
   * report, never kept; its code may change without a new version.
   */
  finish?(part: PartView<F>, params: ParamsOf<P>): { readonly [name: string]: ArrayLike<number> };
}

const rowBytesMax = 64 << 20;

/** How compute's array of a field looks; the column that it is folded into may be wider. */
export interface FieldPlan {
  readonly spec: FieldSpec;
  readonly outDtype: Dtype;
  /** Numbers in a row. */
  width(params: Params): number;
}

export class Worker<P extends ParamDefs = ParamDefs, F extends FieldDefs = FieldDefs> {
  readonly definition: ServiceDefinition<P, F>;
  readonly fields: readonly FieldPlan[];
  #descriptor: Descriptor;

  constructor(definition: ServiceDefinition<P, F>) {
    this.definition = definition;
    const { rowBytes } = definition;
    if (rowBytes !== undefined && !(Number.isSafeInteger(rowBytes) && rowBytes >= 1 && rowBytes <= rowBytesMax)) {
      throw fail('E_USAGE', `${definition.name}: rowBytes is ${rowBytes}; it takes 1 to ${rowBytesMax}`);
    }
    this.fields = Object.entries(definition.fields).map(([name, def]) => fieldPlan(definition.name, name, def));
    this.#descriptor = describe(
      definition as unknown as ServiceDefinition<ParamDefs, FieldDefs>,
      this.fields.map(({ spec }) => spec),
    );
  }

  /** What the broker hears of the service. */
  get descriptor(): Descriptor {
    return this.#descriptor;
  }

  /** Gives a service without a version one: the hash of its file. */
  versionFrom(hash: string): void {
    if (this.definition.version === undefined) this.#descriptor = { ...this.#descriptor, version: hash };
  }

  /** Fills `out` from one batch of rows. */
  compute(input: Rows, out: OutsOf<F>, task: TaskView<P>): void | Promise<void> {
    if (!this.definition.compute) throw fail('E_SERVICE', `${this.definition.name} has no compute`);
    return this.definition.compute(input, out, task);
  }

  /** Gives what compute kept back. */
  flush(out: OutsOf<F>, task: TaskView<P>): void {
    return this.definition.flush?.(out, task);
  }

  /** More outputs of merged rows; none where the author wrote no finish. */
  finish(part: PartView<F>, params: ParamsOf<P>): { readonly [name: string]: ArrayLike<number> } {
    return this.definition.finish?.(part, params) ?? {};
  }
}

export function defineService<P extends ParamDefs, F extends FieldDefs>(
  definition: ServiceDefinition<P, F>,
): Worker<P, F> {
  return new Worker(definition);
}

/** Any service, where its parameters and fields do not matter. */
// biome-ignore lint/suspicious/noExplicitAny: a list of services holds differently typed ones
export type AnyWorker = Worker<any, any>;

function describe(definition: ServiceDefinition<ParamDefs, FieldDefs>, fields: readonly FieldSpec[]): Descriptor {
  const { name, block, shift, rangeBytesMax } = definition;
  return checkDescriptor({
    name,
    version: definition.version ?? 'unversioned',
    inputs: definition.inputs ?? 1,
    help: definition.help ?? '',
    params: Object.entries(definition.params ?? {}).map(([paramName, def]) => ({ name: paramName, ...def })),
    overlap: definition.overlap ?? 0,
    ...(block !== undefined && { block }),
    ...(shift !== undefined && { shift }),
    cached: definition.cached ?? true,
    ...(rangeBytesMax !== undefined && { rangeBytesMax }),
    fields,
    report: definition.report ?? fields.map(defaultOutput),
    ...(definition.finish && { finish: true as const }),
  } satisfies Descriptor);
}

function fieldPlan(service: string, name: string, def: FieldDef): FieldPlan {
  const { dtype: outDtype, shape, merge, cells, perByteMax, form, gap, limit } = def;
  const bad = (what: string) => fail('E_USAGE', `${service}: field ${name} ${what}`);
  if (name === 'n') throw bad('is the number of bytes, which comes by itself; choose another name');
  const isFloat = outDtype.startsWith('f');
  if (isFloat && (merge === 'sum' || merge === 'or')) {
    throw bad(`is ${outDtype} and merges by ${merge}; what adds up is whole numbers`);
  }
  const spec: FieldSpec = {
    name,
    dtype: merge === 'sum' && perByteMax === undefined ? (outDtype.startsWith('u') ? 'u8' : 'i8') : outDtype,
    ...(Array.isArray(shape) && { shape }),
    merge,
    cells,
    ...(perByteMax !== undefined && { perByteMax }),
    ...(form !== undefined && { form }),
    ...(gap !== undefined && { gap }),
    ...(limit !== undefined && { limit }),
  };
  const width = (params: Params): number => {
    if (merge === 'run') return runWidth;
    const dims = typeof shape === 'function' ? shape(params) : (shape ?? []).map((dim) => sizeOf(dim, params));
    const product = dims.reduce((numbers, dim) => numbers * dim, 1);
    if (!Number.isSafeInteger(product) || product < 1) throw bad(`has the shape [${dims}]`);
    return product;
  };
  return { spec, outDtype, width };
}

/** All fields as they are: per cell, and folded over the range where that means anything. */
function defaultOutput({ name, merge, cells }: FieldSpec): OutputSpec {
  switch (merge) {
    case 'sum':
    case 'min':
    case 'max':
    case 'or':
      return { name, of: name, finish: 'value', scope: cells ? 'both' : 'whole' };
    case 'once':
      return { name, of: name, finish: 'value', scope: 'cell' };
    case 'run':
      return { name, of: name, finish: 'longest', scope: cells ? 'both' : 'whole' };
    case 'concat':
      return { name, of: name, finish: 'intervals', scope: 'whole' };
    default:
      return merge satisfies never;
  }
}
