/**
 * From rows to the part: owns the part's columns and the arrays that compute fills, checks what compute left there and
 * folds it into cells with the algebra.
 *
 * Where the batch's rows are whole cells and the array is of float64, compute fills the column itself: no copy.
 */
import { cellCount, combine, concatWidth, identityOf, indexOf, type Part } from '../protocol/algebra.js';
import { type FieldSpec, type Form, type Params, sizeOf } from '../protocol/descriptor.js';
import { fail } from '../protocol/errors.js';
import type { Dtype } from '../protocol/npy.js';
import { intervalOutput } from '../protocol/sample.js';
import type { OutArray } from './fields.js';
import type { Rows } from './rows.js';
import { SampleColumns } from './sample-columns.js';
import type { AnyWorker, FieldPlan } from './service.js';
import { RowSink } from './sink.js';

/** A part that would take more is refused: the broker asks for smaller tasks. */
const partBytesMax = 256 << 20;

const arrayTypes = {
  u1: Uint8Array,
  u2: Uint16Array,
  u4: Uint32Array,
  i4: Int32Array,
  f4: Float32Array,
  u8: Float64Array,
  i8: Float64Array,
  f8: Float64Array,
} as const satisfies { [D in Dtype]: unknown };

export interface PartPlan {
  readonly start: number;
  readonly end: number;
  readonly cellBytes: number;
  readonly form: Form;
  readonly params: Params;
  /** Runs with gaps between them: fields that need neighbours are left out, `n` is added. */
  readonly sampled: boolean;
}

interface Column {
  readonly plan: FieldPlan;
  readonly width: number;
  readonly data: Float64Array;
  /** As compute fills it; grown with the batches. */
  scratch: OutArray;
  /** The scratch as float64, where it is of another type. */
  wide: Float64Array;
  /** Handed out for this batch. */
  given: OutArray;
  /** Compute adds to what is there: to the column itself, where its rows are the batch's. */
  readonly addsUp: boolean;
}

export class PartBuilder {
  readonly #plan: PartPlan;
  readonly #columns: readonly Column[];
  readonly #sinks: readonly { readonly spec: FieldSpec; readonly sink: RowSink }[];
  readonly #sample: SampleColumns | null;
  readonly #out: { [name: string]: OutArray | RowSink } = {};
  /** Cell of each row of the batch. */
  readonly #cells: number[] = [];
  /** Each row is a cell, whole. */
  #wholeCells = false;
  /** Each row is of another cell. */
  #ownCells = false;

  constructor(service: AnyWorker, plan: PartPlan) {
    this.#plan = plan;
    const cells = cellCount(plan);
    const fields = service.fields.filter(({ spec }) => spec.form === undefined || spec.form === plan.form);
    const bytes = fields.reduce((sum, field) => sum + 8 * (field.spec.cells ? cells : 1) * widthOf(field, plan), 0);
    if (bytes > partBytesMax) throw fail('E_CELLS', `a part of ${cells} cells would take ${bytes} bytes`);
    this.#columns = fields
      .filter(({ spec }) => spec.merge !== 'concat')
      .map((field) => newColumn(field, widthOf(field, plan), cells, service.definition.addsUp === true));
    this.#sinks = fields
      .filter(({ spec }) => spec.merge === 'concat')
      .map(({ spec }) => ({ spec, sink: newSink(spec, plan.params, cells) }));
    const output = intervalOutput(service.descriptor, plan.form);
    const column = this.#columns.find((it) => it.plan.spec.name === output?.of);
    this.#sample = plan.sampled ? new SampleColumns(plan, cells, output, column) : null;
    for (const { spec, sink } of this.#sinks) this.#out[spec.name] = sink;
  }

  /** Arrays for the batch, filled with the identities. Good until the next call. */
  outs(rows: Rows): { readonly [name: string]: OutArray | RowSink } {
    this.#place(rows);
    for (const column of this.#columns) {
      column.given = this.#give(column, column.plan.spec.cells ? rows.rows : 1);
      this.#out[column.plan.spec.name] = column.given;
    }
    for (const { spec, sink } of this.#sinks) sink.placeRows(spec.cells ? (row) => this.#cells[row]! : () => 0);
    return this.#out;
  }

  /** Checks and folds what compute left in `outs`. */
  take(rows: Rows): void {
    for (const column of this.#columns) this.#takeColumn(column, column.plan.spec.cells ? rows.rows : 1);
    this.#sample?.take(rows, this.#cells);
  }

  part(): Part {
    const { start, end, cellBytes } = this.#plan;
    const columns: { [name: string]: Float64Array } = {};
    for (const { plan, data } of this.#columns) columns[plan.spec.name] = data;
    for (const { spec, sink } of this.#sinks) {
      const { rows, index } = this.#plan.sampled ? sink.emptied().columns() : sink.columns();
      columns[spec.name] = rows;
      columns[indexOf(spec)] = index;
    }
    return { start, end, cellBytes, columns: { ...columns, ...this.#sample?.columns() } };
  }

  #place(rows: Rows): void {
    const { start, end, cellBytes } = this.#plan;
    const first = cellBytes === 0 ? 0 : Math.floor(start / cellBytes);
    this.#cells.length = 0;
    let whole = true;
    let own = true;
    for (let i = 0, before = -1; i < rows.rows; i++) {
      const [from, to] = [rows.starts[i]!, rows.ends[i]!];
      const edge = cellBytes === 0 ? start : Math.floor(from / cellBytes) * cellBytes;
      const cell = cellBytes === 0 ? 0 : edge / cellBytes - first;
      const cellEnd = cellBytes === 0 ? end : Math.min(end, edge + cellBytes);
      if (from !== Math.max(start, edge) || to !== cellEnd) whole = false;
      if (cell === before) own = false;
      before = cell;
      this.#cells.push(cell);
    }
    this.#wholeCells = whole;
    this.#ownCells = own;
  }

  #isDirect({ plan, scratch }: Column): boolean {
    return this.#wholeCells && plan.spec.cells && scratch instanceof Float64Array && !this.#plan.sampled;
  }

  #isAddedTo({ plan, addsUp }: Column): boolean {
    // The rows of a sample's runs are wanted one by one.
    return addsUp && (!plan.spec.cells || (this.#ownCells && !this.#plan.sampled));
  }

  #give(column: Column, rowCount: number): OutArray {
    const { plan, width, data } = column;
    const length = rowCount * width;
    if (column.addsUp && !plan.spec.cells) return data;
    if (this.#isDirect(column) || this.#isAddedTo(column))
      return data.subarray(this.#cells[0]! * width, this.#cells[0]! * width + length);
    if (column.scratch.length < length) {
      column.scratch = this.#sample?.room(column, length) ?? new arrayTypes[plan.outDtype](length);
      column.wide = column.scratch instanceof Float64Array ? column.scratch : new Float64Array(length);
    }
    const given = column.scratch.subarray(0, length);
    const identity = identityOf(plan.spec);
    given.fill(Number.isNaN(identity) && !plan.outDtype.startsWith('f') ? 0 : identity);
    return given;
  }

  #takeColumn(column: Column, rowCount: number): void {
    const { plan, width, data, given } = column;
    const got = this.#out[plan.spec.name];
    this.#checkShape(column, got);
    if (this.#isAddedTo(column)) {
      if (got !== given) (given as Float64Array).set(got);
      return;
    }
    const direct = this.#isDirect(column);
    if (!(column.scratch instanceof Float64Array)) column.wide.set(got);
    else if (got !== given) given.set(got);
    const source = direct ? (given as Float64Array) : column.wide;
    if (!column.addsUp && (plan.outDtype === 'u8' || plan.outDtype === 'i8'))
      checkWhole(plan, source, rowCount * width);
    if (direct || (this.#plan.sampled && plan.spec.merge === 'run')) return;
    if (this.#wholeCells && plan.spec.cells && !this.#plan.sampled) {
      data.set(source.subarray(0, rowCount * width), this.#cells[0]! * width);
      return;
    }
    for (let i = 0; i < rowCount; i++) {
      const cell = plan.spec.cells ? this.#cells[i]! : 0;
      combine(plan.spec, data, cell * width, source, i * width, width);
    }
  }

  /** Compute may put an array of its own in the place of the one it got: then it has to be the same kind. */
  #checkShape({ plan, given }: Column, got: OutArray | RowSink | undefined): asserts got is OutArray {
    const wanted = `${given.constructor.name} of ${given.length}`;
    if (got === given) return;
    if (!ArrayBuffer.isView(got) || got.constructor !== given.constructor || got.length !== given.length) {
      const what = ArrayBuffer.isView(got) ? `${got.constructor.name} of ${(got as OutArray).length}` : String(got);
      throw fail('E_SERVICE', `field ${plan.spec.name}: wanted ${wanted}, got ${what}`);
    }
  }
}

function widthOf({ spec, width }: FieldPlan, { params }: PartPlan): number {
  return spec.merge === 'concat' ? 0 : width(params);
}

function newColumn(plan: FieldPlan, width: number, cells: number, addsUp: boolean): Column {
  const { spec } = plan;
  const scratch = new arrayTypes[plan.outDtype](0);
  const data = new Float64Array((spec.cells ? cells : 1) * width).fill(identityOf(spec));
  const isSum = spec.merge === 'sum' && scratch instanceof Float64Array;
  return { plan, width, data, scratch, wide: new Float64Array(0), given: scratch, addsUp: addsUp && isSum };
}

function newSink(spec: FieldSpec, params: Params, cells: number): RowSink {
  const gap = spec.gap === undefined ? -1 : sizeOf(spec.gap, params);
  return new RowSink(spec.name, concatWidth(spec), spec.cells ? cells : 1, gap, spec.limit ?? Infinity);
}

/** Whole numbers rest in float64 arrays: what is none would travel as another number. */
function checkWhole({ spec, outDtype }: FieldPlan, numbers: Float64Array, length: number): void {
  const least = outDtype === 'u8' ? 0 : Number.MIN_SAFE_INTEGER;
  for (let i = 0; i < length; i++) {
    const number = numbers[i]!;
    if (number >= least && number <= Number.MAX_SAFE_INTEGER && Math.floor(number) === number) continue;
    throw fail('E_SERVICE', `field ${spec.name}: wanted whole numbers (${outDtype}), got ${number}`);
  }
}
