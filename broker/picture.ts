/**
 * What a job knows so far: exact parts merged into the request's cells and totals, and the report made of them. Each byte
 * is added once; a cell is finished when its last byte is there, and only its outputs are kept then.
 */

import type { Grid } from '../cache/blocks.js';
import {
  assert,
  cellBounds,
  cellCount,
  combine,
  type Descriptor,
  type FieldSpec,
  fieldsOf,
  finishCell,
  finishWhole,
  gather,
  identityOf,
  indexOf,
  indexWidth,
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
  readonly #cellOutputs: readonly OutputSpec[];
  readonly #wholeOutputs: readonly OutputSpec[];
  /** Exact bytes a cell; never above the cell's own. */
  readonly #exact: Float64Array;
  /** Bytes of data a cell. */
  readonly #bytes: Float64Array;
  readonly #starts: Float64Array;
  /** Finished numbers a cell, NaN before; one row a cell. */
  readonly #finished: Columns = {};
  /** Sums of cells that are begun and not complete. */
  readonly #begun = new Map<number, Columns>();
  /** Fields whose order does not matter, folded over all exact bytes. */
  readonly #totals: Columns = {};
  readonly #ordered: OrderedFold;
  #exactBytes = 0;

  constructor(readonly input: PictureInput) {
    const { descriptor, grid, range, data } = input;
    this.fields = fieldsOf(descriptor, grid.form);
    const present = (output: OutputSpec) => this.fields.some((field) => field.name === output.of);
    this.#cellOutputs = descriptor.report.filter((output) => output.scope !== 'whole' && present(output));
    this.#wholeOutputs = descriptor.report.filter((output) => output.scope !== 'cell' && present(output));
    const span = this.#span();
    this.#cells = grid.cellBytes > 0 ? cellCount(span) : 0;
    this.#exact = new Float64Array(this.#cells);
    this.#bytes = new Float64Array(this.#cells);
    this.#starts = new Float64Array(this.#cells);
    for (let i = 0; i < this.#cells; i++) {
      const [start, end] = cellBounds(span, i);
      this.#starts[i] = start;
      this.#bytes[i] = Math.max(0, Math.min(end, data[1]) - Math.max(start, data[0]));
    }
    const needed = new Set(this.#wholeOutputs.map((output) => output.of));
    const whole = this.fields.filter((field) => needed.has(field.name));
    const isOrdered = (field: FieldSpec) => field.merge === 'run' || field.merge === 'concat';
    this.#ordered = new OrderedFold(whole.filter(isOrdered), input.params);
    this.#commuting = whole.filter((field) => !isOrdered(field) && field.merge !== 'once');
    assert(range[0] <= range[1], 'a range is not reversed');
  }
  readonly #commuting: readonly FieldSpec[];

  get exactBytes(): number {
    return this.#exactBytes;
  }
  get dataBytes(): number {
    return Math.max(0, this.input.data[1] - this.input.data[0]);
  }
  get isExact(): boolean {
    return this.#exactBytes === this.dataBytes;
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
  }

  report(more: Pick<Report, 'jobId' | 'inputs' | 'work'>, scalars: Report['scalars'] = {}): Report {
    const { descriptor, grid, range } = this.input;
    const whole: { [name: string]: WholeValue } = { n: this.#exactBytes };
    const columns = { ...this.#totals, ...this.#ordered.columns() };
    for (const { name, of, finish } of this.#wholeOutputs) {
      const field = this.#field(of);
      whole[name] = finishWhole(finish, field, columns[of] ? columns : emptyColumns(field, this.input.params));
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
        ...scalars,
      } as Report['scalars'],
      arrays: {
        ...Object.fromEntries(entries.filter(([, value]) => isArray(value))),
        ...this.#cellArrays(),
      } as Report['arrays'],
    };
  }

  #span() {
    const [start, end] = this.input.range;
    return { start, end, cellBytes: this.input.grid.cellBytes };
  }

  #field(name: string): FieldSpec {
    return this.fields.find((field) => field.name === name)!;
  }

  #addTotals(part: Part): void {
    const folded = gather(this.#commuting, this.input.params, [part], {
      start: part.start,
      end: part.end,
      cellBytes: 0,
    });
    for (const field of this.#commuting) {
      const column = folded.columns[field.name]!;
      const total = (this.#totals[field.name] ??= new Float64Array(column.length).fill(identityOf(field)));
      combine(field, total, 0, column, 0, column.length);
    }
  }

  #addCells(part: Part): void {
    const first = Math.floor(this.input.range[0] / this.input.grid.cellBytes);
    const count = cellCount(part);
    for (let i = 0; i < count; i++) {
      const [start, end] = cellBounds(part, i);
      const cell = Math.floor(start / this.input.grid.cellBytes) - first;
      this.#combineCell(cell, part, i);
      this.#exact[cell] = this.#exact[cell]! + (end - start);
      if (this.#exact[cell] === this.#bytes[cell]) this.#finishCell(cell);
    }
  }

  #combineCell(cell: number, part: Part, row: number): void {
    let columns = this.#begun.get(cell);
    if (!columns) this.#begun.set(cell, (columns = {}));
    for (const { of } of this.#cellOutputs) {
      const field = this.#field(of);
      if (field.merge === 'concat') continue;
      const width = rowWidth(field, part);
      const column = part.columns[of]!;
      if (!columns[of]) columns[of] = column.slice(row * width, (row + 1) * width);
      else if (!combined.has(field)) combine(field, columns[of], 0, column, row * width, width);
      combined.add(field);
    }
    combined.clear();
  }

  #finishCell(cell: number): void {
    const columns = this.#begun.get(cell)!;
    for (const { name, of, finish } of this.#cellOutputs) {
      const field = this.#field(of);
      const row = columns[of];
      if (!row) continue;
      const width = finish === 'value' ? row.length : 1;
      const finished = (this.#finished[name] ??= new Float64Array(this.#cells * width).fill(NaN));
      if (width > 1) finished.set(row, cell * width);
      else finished[cell] = finishCell(finish, field, row);
    }
    this.#begun.delete(cell);
  }

  #cellArrays(): { [name: string]: NamedArray } {
    const count = this.#cells;
    if (this.input.grid.cellBytes === 0) return {};
    const state = new Float64Array(count);
    for (let i = 0; i < count; i++) state[i] = this.#exact[i] === this.#bytes[i] ? 2 : 0;
    const arrays: { [name: string]: NamedArray } = {
      'cells.start': { dtype: 'u8', shape: [count], data: this.#starts },
      'cells.n': { dtype: 'u8', shape: [count], data: this.#exact },
    };
    for (const { name, of, finish } of this.#cellOutputs) {
      const data = this.#finished[name] ?? new Float64Array(count).fill(NaN);
      const width = count === 0 ? 1 : data.length / count;
      // Unknown cells are NaN, which only a float can carry, until the last one is known.
      const known = this.isExact && !data.some(Number.isNaN);
      const dtype = known ? outputDtype(finish, this.#field(of)) : 'f8';
      arrays[`cells.${name}`] = { dtype, shape: width === 1 ? [count] : [count, width], data };
    }
    arrays['cells.state'] = { dtype: 'u1', shape: [count], data: state };
    return arrays;
  }
}

/** A field's columns where nothing was added yet. */
function emptyColumns(field: FieldSpec, params: Params): Columns {
  if (field.merge === 'concat')
    return { [field.name]: new Float64Array(0), [indexOf(field)]: new Float64Array(indexWidth) };
  const width =
    field.merge === 'run' ? runWidth : (field.shape ?? []).reduce<number>((n, dim) => n * sizeOf(dim, params), 1);
  return { [field.name]: new Float64Array(width).fill(identityOf(field)) };
}

/** Fields already combined for the current cell: two outputs may be of one field. */
const combined = new Set<FieldSpec>();
