/**
 * What a job knows so far: exact parts merged into the request's cells and totals, and the report made of them. Each byte
 * is added once; a cell is finished when its last byte is there, and only its outputs are kept then.
 */

import type { Grid } from '../cache/blocks.js';
import {
  assert,
  cellBounds,
  cellCount,
  cellStates,
  combine,
  type Descriptor,
  type FieldSpec,
  type Finisher,
  fieldsOf,
  finishCell,
  finishCells,
  finishWhole,
  gather,
  identityOf,
  indexOf,
  indexWidth,
  intervalOutput,
  type NamedArray,
  type OutputSpec,
  outputDtype,
  type Params,
  type Part,
  type Report,
  rowWidth,
  runWidth,
  sizeOf,
  type WholeValue,
} from '../protocol/index.js';
import { OrderedFold } from './ordered.js';
import { Samples } from './samples.js';
import type { SampleTask } from './sampling.js';

const sampledState = cellStates.indexOf('sampled');
const exactState = cellStates.indexOf('exact');

type Columns = { [name: string]: Float64Array };

export interface PictureInput {
  readonly descriptor: Descriptor;
  readonly params: Params;
  readonly grid: Grid;
  /** The request's range; cells lie along it. */
  readonly range: readonly [number, number];
  /** The stretch of it that there is data for. */
  readonly data: readonly [number, number];
}

export class Picture {
  readonly fields: readonly FieldSpec[];
  readonly #cells: number;
  /** What the cells' outputs are made of. */
  readonly #cellFields: readonly FieldSpec[];
  readonly #cellOutputs: readonly OutputSpec[];
  readonly #wholeOutputs: readonly OutputSpec[];
  /** Exact bytes a cell; never above the cell's own. */
  readonly #exact: Float64Array;
  /** Bytes of data a cell. */
  readonly #bytes: Float64Array;
  readonly #startArray: NamedArray;
  /** Codes as cellStates has them. */
  readonly #state: Float64Array;
  /** Finished numbers a cell, NaN before; one row a cell. */
  readonly #finished: Columns = {};
  /** Rows of cells that are begun and not complete; a run's wait side by side, since it needs its neighbours. */
  readonly #begun = new Map<number, Columns>();
  /** Fields whose order does not matter, folded over all exact bytes. */
  readonly #totals: Columns = {};
  readonly #ordered: OrderedFold;
  readonly #commuting: readonly FieldSpec[];
  /** What is known of cells or inner strata that are not exact. */
  readonly #samples = new Samples();
  /** Inner strata of a service without cells that were sampled. */
  readonly #strata: Stratum[] = [];
  /** The output that `lo` and `hi` belong to. */
  readonly #interval: OutputSpec | undefined;
  readonly #lo: Float64Array;
  readonly #hi: Float64Array;
  #exactBytes = 0;

  constructor(readonly input: PictureInput) {
    const { descriptor, grid, range, data } = input;
    this.fields = fieldsOf(descriptor, grid.form);
    const present = (output: OutputSpec) => this.fields.some((field) => field.name === output.of);
    this.#cellOutputs = descriptor.report.filter((output) => output.scope !== 'whole' && present(output));
    this.#wholeOutputs = descriptor.report.filter((output) => output.scope !== 'cell' && present(output));
    this.#cellFields = this.fields.filter((field) => this.#cellOutputs.some((output) => output.of === field.name));
    const span = this.#span();
    this.#cells = grid.cellBytes > 0 ? cellCount(span) : 0;
    this.#exact = new Float64Array(this.#cells);
    this.#bytes = new Float64Array(this.#cells);
    const starts = new Float64Array(this.#cells);
    this.#startArray = { dtype: 'u8', shape: [this.#cells], data: starts, isFixed: true };
    this.#state = new Float64Array(this.#cells);
    // A loop over as many as a million cells, which holds everybody up: no pairs are made here.
    const { cellBytes } = grid;
    const firstEdge = cellBytes > 0 ? Math.floor(range[0] / cellBytes) * cellBytes : 0;
    for (let i = 0, edge = firstEdge; i < this.#cells; i++, edge += cellBytes) {
      starts[i] = Math.max(range[0], edge);
      const bytes = Math.min(edge + cellBytes, data[1]) - Math.max(edge, data[0]);
      this.#bytes[i] = Math.max(0, bytes);
      if (bytes <= 0) this.#state[i] = exactState;
    }
    this.#interval = intervalOutput(descriptor, grid.form);
    this.#lo = new Float64Array(this.#interval ? this.#cells : 0).fill(NaN);
    this.#hi = this.#lo.slice();
    const needed = new Set(this.#wholeOutputs.flatMap((output) => [output.of, ...(output.with ?? [])]));
    const whole = this.fields.filter((field) => needed.has(field.name));
    const isOrdered = (field: FieldSpec) => field.merge === 'run' || field.merge === 'concat';
    this.#ordered = new OrderedFold(whole.filter(isOrdered), input.params);
    this.#commuting = whole.filter((field) => !isOrdered(field) && field.merge !== 'once');
    assert(range[0] <= range[1], 'a range is not reversed');
  }

  get exactBytes(): number {
    return this.#exactBytes;
  }
  get dataBytes(): number {
    return Math.max(0, this.input.data[1] - this.input.data[0]);
  }
  get isExact(): boolean {
    return this.#exactBytes === this.dataBytes;
  }
  /** Nothing at all is known yet. */
  get isBlank(): boolean {
    return this.#exactBytes === 0 && this.#samples.bytes === 0 && this.dataBytes > 0;
  }
  get completion(): number {
    return this.dataBytes === 0 ? 1 : this.#exactBytes / this.dataBytes;
  }

  /** Adds an exact part; its bytes have not been added before and its cells nest in the request's. */
  add(part: Part): void {
    if (part.end <= part.start) return;
    this.#exactBytes += part.end - part.start;
    assert(this.#exactBytes <= this.dataBytes, 'each byte is added once');
    this.#addTotals(part);
    this.#ordered.add(part);
    if (this.#cells > 0) this.#addCells(part);
    for (const stratum of this.#strata) {
      stratum.exact += Math.max(0, Math.min(part.end, stratum.end) - Math.max(part.start, stratum.start));
      if (missingOf(stratum) === 0) this.#samples.drop(stratum.key);
    }
  }

  /** Where samples of a service without cells will come from; told before anything is added. */
  expectSamples(tasks: readonly SampleTask[]): void {
    if (this.input.grid.cellBytes > 0) return;
    this.#strata.push(...tasks.map(({ start: key, stratum: [start, end] }) => ({ key, start, end, exact: 0 })));
  }

  /** Adds the part of a sample (sampleFields beside the service's own): of cells that are exact already nothing is taken. */
  addSample(part: Part): void {
    const { range, grid } = this.input;
    if (grid.cellBytes === 0) {
      const stratum = this.#strata.find(({ key }) => key === part.start);
      if (stratum && missingOf(stratum) > 0) this.#samples.add(part, (start) => start);
      return;
    }
    const first = Math.floor(range[0] / grid.cellBytes);
    this.#samples.add(part, (start) => {
      const cell = Math.floor(start / grid.cellBytes) - first;
      return this.#exact[cell] === this.#bytes[cell] ? undefined : cell;
    });
    for (let i = 0; i < cellCount(part); i++) {
      const cell = Math.floor(cellBounds(part, i)[0] / grid.cellBytes) - first;
      if (!this.#samples.has(cell)) continue;
      this.#state[cell] = sampledState;
      this.#showSample(cell, part);
    }
  }

  #showSample(cell: number, part: Part): void {
    for (const output of this.#cellOutputs) {
      const field = this.#field(output.of);
      if (field.merge === 'run' || field.merge === 'concat') continue;
      const numbers = this.#samples.finish(output, field, cell, this.#bytes[cell]!);
      const finished = (this.#finished[output.name] ??= this.#unfinished(output.finish, field, rowWidth(field, part)));
      finished.set(numbers, cell * numbers.length);
    }
    if (this.#interval) {
      const scale = this.#interval.finish === 'value' ? this.#bytes[cell]! : 1;
      [this.#lo[cell], this.#hi[cell]] = this.#samples.interval(cell, scale);
    }
  }

  /** The arrays of cells are the picture's own and go on changing: whoever keeps a report encodes it first. */
  report(more: Pick<Report, 'jobId' | 'inputs' | 'work'>, scalars: Report['scalars'] = {}): Report {
    const { descriptor, grid, range } = this.input;
    const whole: { [name: string]: WholeValue } = { n: this.#exactBytes };
    const columns = { ...this.#estimated(), ...this.#ordered.columns() };
    for (const { name, of, with: more, finish } of this.#wholeOutputs) {
      const field = this.#field(of);
      whole[name] = finishWhole(finish, field, columns[of] ? columns : emptyColumns(field, this.input.params), more);
    }
    const isArray = (value: WholeValue): value is NamedArray =>
      typeof value === 'object' && value !== null && 'dtype' in value;
    const entries = Object.entries(whole);
    return {
      ...more,
      service: descriptor.name,
      version: descriptor.version,
      range,
      completion: this.completion,
      exact: this.isExact,
      cellBytes: grid.cellBytes,
      scalars: {
        ...Object.fromEntries(entries.filter(([, value]) => !isArray(value))),
        ...(this.#samples.bytes > 0 && !this.isExact && { sampledBytes: this.#samples.bytes }),
        ...scalars,
      } as Report['scalars'],
      arrays: {
        ...Object.fromEntries(entries.filter(([, value]) => isArray(value))),
        ...this.#cellArrays(),
      } as Report['arrays'],
    };
  }

  /** Totals of the exact bytes and, until all are, of what samples let expect of the others; whole numbers rounded. */
  #estimated(): Columns {
    if (this.#samples.bytes === 0 || this.isExact) return this.#totals;
    const missing =
      this.input.grid.cellBytes > 0
        ? (cell: number) => this.#bytes[cell]! - this.#exact[cell]!
        : (key: number) => missingOf(this.#strata.find((stratum) => stratum.key === key)!);
    const columns: Columns = { ...this.#totals };
    for (const field of this.#commuting) {
      if (field.merge !== 'sum') continue;
      const total = (this.#totals[field.name] ?? emptyColumns(field, this.input.params)[field.name]!).slice();
      this.#samples.estimate(field, total, missing);
      columns[field.name] = field.dtype.startsWith('f') ? total : total.map(Math.round);
    }
    return columns;
  }

  #span() {
    const [start, end] = this.input.range;
    return { start, end, cellBytes: this.input.grid.cellBytes };
  }

  #field(name: string): FieldSpec {
    return this.fields.find((field) => field.name === name)!;
  }

  #addTotals(part: Part): void {
    for (const field of this.#commuting) {
      const column = part.columns[field.name]!;
      const width = rowWidth(field, part);
      const total = (this.#totals[field.name] ??= new Float64Array(width).fill(identityOf(field)));
      for (let at = 0; at < column.length; at += width) combine(field, total, 0, column, at, width);
    }
  }

  #addCells(part: Part): void {
    const { range, grid, params } = this.input;
    const { start, end } = part;
    const isAlike = part.cellBytes === grid.cellBytes;
    const rows = isAlike ? part : gather(this.#cellFields, params, [part], { start, end, cellBytes: grid.cellBytes });
    const first = Math.floor(start / grid.cellBytes) - Math.floor(range[0] / grid.cellBytes);
    const count = cellCount(rows);
    // The usual case where cells are many: complete at once, nothing has to be kept for them. Only the outer ones may not be.
    const from = this.#completes(rows, 0, first) ? 0 : 1;
    const to = count > from && this.#completes(rows, count - 1, first) ? count : count - 1;
    if (to > from) this.#finishCells(rows, from, to, first);
    if (from > 0) this.#addCell(rows, 0, first);
    if (to < count && count > from) this.#addCell(rows, count - 1, first);
  }

  /** Row i of the part is all of its cell. */
  #completes(rows: Part, i: number, first: number): boolean {
    const [from, to] = cellBounds(rows, i);
    return to - from === this.#bytes[first + i];
  }

  /** A piece of a cell. */
  #addCell(rows: Part, i: number, first: number): void {
    const cell = first + i;
    const [from, to] = cellBounds(rows, i);
    this.#combineCell(cell, rows, i);
    this.#exact[cell] = this.#exact[cell]! + (to - from);
    if (this.#exact[cell] !== this.#bytes[cell]) return;
    const columns = this.#begun.get(cell)!;
    this.#begun.delete(cell);
    this.#finishCell(cell, columns);
  }

  #combineCell(cell: number, part: Part, row: number): void {
    let columns = this.#begun.get(cell);
    if (!columns) this.#begun.set(cell, (columns = {}));
    for (const field of this.#cellFields) {
      const numbers = rowOf(field, part, row);
      const known = columns[field.name];
      if (!known) columns[field.name] = numbers.slice();
      else if (field.merge === 'run') columns[field.name] = Float64Array.of(...known, ...numbers);
      else combine(field, known, 0, numbers, 0, numbers.length);
    }
  }

  /** The cell is complete: `columns` has one row of each field, or a run's pieces side by side. */
  #finishCell(cell: number, columns: Columns): void {
    const joined: Columns = {};
    for (const field of this.#cellFields) {
      const numbers = columns[field.name]!;
      joined[field.name] = field.merge === 'run' ? joinRuns(field, numbers) : numbers;
    }
    const [start, end] = cellBounds(this.#span(), cell);
    this.#finishCells({ start, end, cellBytes: this.input.grid.cellBytes, columns: joined }, 0, 1, cell);
  }

  /** Rows [from, to) of the part are all of their cells, `first + from` and so on. */
  #finishCells(rows: Part, from: number, to: number, first: number): void {
    const at = first + from;
    for (const { name, of, finish } of this.#cellOutputs) {
      const field = this.#field(of);
      const width = rowWidth(field, rows);
      const finished = (this.#finished[name] ??= this.#unfinished(finish, field, width));
      finishCells(finish, field, rows.columns[of]!, [from, to - from, width], finished, at);
    }
    const end = first + to;
    this.#exact.set(this.#bytes.subarray(at, end), at);
    this.#state.fill(exactState, at, end);
    if (this.#samples.bytes > 0) for (let cell = at; cell < end; cell++) this.#samples.drop(cell);
    if (!this.#interval) return;
    const values = this.#finished[this.#interval.name]!.subarray(at, end);
    this.#lo.set(values, at);
    this.#hi.set(values, at);
  }

  /** A column that knows no cell yet but those that have no data. */
  #unfinished(finish: Finisher, field: FieldSpec, rowLength: number): Float64Array {
    const width = finish === 'value' ? rowLength : 1;
    const column = new Float64Array(this.#cells * width).fill(NaN);
    // Of nothing a sum is 0, and a lowest or highest is not known.
    if (field.merge !== 'sum' && field.merge !== 'or' && field.merge !== 'run') return column;
    const none = new Float64Array(rowLength);
    this.#bytes.forEach((bytes, cell) => {
      if (bytes > 0) return;
      if (finish === 'value') column.set(none, cell * width);
      else column[cell] = finishCell(finish, field, none);
    });
    return column;
  }

  #cellArrays(): { [name: string]: NamedArray } {
    const count = this.#cells;
    if (this.input.grid.cellBytes === 0) return {};
    const arrays: { [name: string]: NamedArray } = {
      'cells.start': this.#startArray,
      'cells.n': { dtype: 'u8', shape: [count], data: this.#exact },
    };
    for (const { name, of, finish } of this.#cellOutputs) {
      const field = this.#field(of);
      const data = this.#finished[name] ?? this.#unfinished(finish, field, rowLengthOf(field, this.input.params));
      const width = count === 0 ? 1 : data.length / count;
      // Unknown cells are NaN, which only a float can carry, until the last one is known.
      const known = this.isExact && !data.some(Number.isNaN);
      const dtype = known ? outputDtype(finish, field) : 'f8';
      arrays[`cells.${name}`] = { dtype, shape: width === 1 ? [count] : [count, width], data };
    }
    if (this.#interval) {
      arrays['cells.lo'] = { dtype: 'f8', shape: [count], data: this.#lo };
      arrays['cells.hi'] = { dtype: 'f8', shape: [count], data: this.#hi };
    }
    arrays['cells.state'] = { dtype: 'u1', shape: [count], data: this.#state };
    return arrays;
  }
}

/** An inner stretch of a service without cells. */
interface Stratum {
  /** Where its sample's part starts. */
  readonly key: number;
  readonly start: number;
  readonly end: number;
  exact: number;
}

const missingOf = ({ start, end, exact }: Stratum): number => end - start - exact;

/** A field's columns where nothing was added yet. */
function emptyColumns(field: FieldSpec, params: Params): Columns {
  if (field.merge === 'concat')
    return { [field.name]: new Float64Array(0), [indexOf(field)]: new Float64Array(indexWidth) };
  return { [field.name]: new Float64Array(rowLengthOf(field, params)).fill(identityOf(field)) };
}

function rowOf(field: FieldSpec, part: Part, row: number): Float64Array {
  const width = rowWidth(field, part);
  return part.columns[field.name]!.subarray(row * width, (row + 1) * width);
}

/** Numbers in a row where no part tells. */
function rowLengthOf(field: FieldSpec, params: Params): number {
  if (field.merge === 'run') return runWidth;
  return (field.shape ?? []).reduce<number>((n, dim) => n * sizeOf(dim, params), 1);
}

/** The rows of a complete cell, in whatever order they came, as one. */
function joinRuns(field: FieldSpec, numbers: Float64Array): Float64Array {
  const rows = Array.from({ length: numbers.length / runWidth }, (_, i) =>
    numbers.slice(i * runWidth, (i + 1) * runWidth),
  ).sort((a, b) => a[0]! - b[0]!);
  const [first, ...rest] = rows;
  for (const row of rest) combine(field, first!, 0, row, 0, runWidth);
  return first!;
}
