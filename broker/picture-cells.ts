/**
 * The cells of a job's picture: exact parts merged into them, samples until then, and the columns that a report has of
 * them. A cell is finished when its last byte is there, and only its outputs are kept then.
 */
import type { Grid } from '../cache/blocks.js';
import {
  cellBounds,
  cellCount,
  cellStates,
  combine,
  type Descriptor,
  type FieldSpec,
  type Finisher,
  fail,
  finishCell,
  finishCells,
  finishFields,
  gather,
  intervalOutput,
  type NamedArray,
  type OutputSpec,
  outputDtype,
  type Params,
  type Part,
  rowWidth,
  runWidth,
  shapeWidth,
} from '../protocol/index.js';
import type { Samples } from './samples.js';

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

export class PictureCells {
  readonly count: number;
  /** What the outputs are made of. */
  readonly #fields: readonly FieldSpec[];
  readonly #outputs: readonly OutputSpec[];
  /** Those that the report has; the others are rows for the service's own finish. */
  readonly #shown: readonly OutputSpec[];
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
  /** The output that `lo` and `hi` belong to; none where a field that does not say its shape has rows of several numbers. */
  #interval: OutputSpec | undefined;
  readonly #lo: Float64Array;
  readonly #hi: Float64Array;

  constructor(
    readonly input: PictureInput,
    fields: readonly FieldSpec[],
    /** What is known of cells that are not exact. */
    readonly samples: Samples,
  ) {
    const { descriptor, grid, range, data } = input;
    const present = (output: OutputSpec) => fields.some((field) => field.name === output.of);
    this.#shown = descriptor.report.filter((output) => output.scope !== 'whole' && present(output));
    this.#outputs = this.#shown;
    const rows = descriptor.finish ? finishFields(fields).filter((field) => field.cells) : [];
    this.#outputs = [...this.#shown, ...rows.filter(({ name }) => !this.#rowsOf(name)).map(rowsOutput)];
    this.#fields = fields.filter((field) => this.#outputs.some((output) => output.of === field.name));
    this.count = grid.cellBytes > 0 ? cellCount(this.#span()) : 0;
    this.#exact = new Float64Array(this.count);
    this.#bytes = new Float64Array(this.count);
    const starts = new Float64Array(this.count);
    this.#startArray = { dtype: 'u8', shape: [this.count], data: starts, isFixed: true };
    this.#state = new Float64Array(this.count);
    // A loop over as many as a million cells, which holds everybody up: no pairs are made here.
    const { cellBytes } = grid;
    const firstEdge = cellBytes > 0 ? Math.floor(range[0] / cellBytes) * cellBytes : 0;
    for (let i = 0, edge = firstEdge; i < this.count; i++, edge += cellBytes) {
      starts[i] = Math.max(range[0], edge);
      const bytes = Math.min(edge + cellBytes, data[1]) - Math.max(edge, data[0]);
      this.#bytes[i] = Math.max(0, bytes);
      if (bytes <= 0) this.#state[i] = exactState;
    }
    this.#interval = intervalOutput(descriptor, grid.form);
    this.#lo = new Float64Array(this.#interval ? this.count : 0).fill(NaN);
    this.#hi = this.#lo.slice();
  }

  /** Bytes of the cell that are not exact yet. */
  missingOf(cell: number): number {
    return this.#bytes[cell]! - this.#exact[cell]!;
  }

  /** Adds the part of a sample: of cells that are exact already nothing is taken. */
  addSample(part: Part): void {
    const { range, grid } = this.input;
    const first = Math.floor(part.start / grid.cellBytes) - Math.floor(range[0] / grid.cellBytes);
    const isWanted = (row: number) => this.missingOf(first + row) > 0 && part.columns.n![row]! > 0;
    this.samples.add(part, (start) => {
      const row = Math.floor(start / grid.cellBytes) - Math.floor(part.start / grid.cellBytes);
      return isWanted(row) ? first + row : undefined;
    });
    // Mostly all of them: many rows are finished at once.
    const count = cellCount(part);
    for (let from = 0; from < count; from++) {
      if (!isWanted(from)) continue;
      let to = from + 1;
      while (to < count && isWanted(to)) to++;
      this.#showSamples(part, from, to, first);
      from = to;
    }
  }

  /** As #finishCells, with rows that speak for a cell and are not all of it: sums are scaled, the rest stands as it was seen. */
  #showSamples(part: Part, from: number, to: number, first: number): void {
    const at = first + from;
    const end = first + to;
    this.#state.fill(sampledState, at, end);
    for (const output of this.#outputs) {
      const { name, of, finish } = output;
      const field = this.#field(of);
      if (field.merge === 'run' || field.merge === 'concat') continue;
      const width = rowWidth(field, part);
      if (output === this.#interval && finish === 'value' && width > 1) this.#interval = undefined;
      const finished = this.#column(name, finish, field, width);
      finishCells(finish, field, part.columns[of]!, [from, to - from, width], finished, at);
      if (finish === 'value' && field.merge === 'sum') this.#scale(finished, width, at, end);
    }
    if (!this.#interval) return;
    const isSum = this.#interval.finish === 'value';
    for (let cell = at; cell < end; cell++) {
      [this.#lo[cell], this.#hi[cell]] = this.samples.interval(cell, isSum ? this.#bytes[cell]! : 1);
    }
  }

  #scale(sums: Float64Array, width: number, at: number, end: number): void {
    for (let cell = at; cell < end; cell++) {
      const [bytes, seen] = [this.#bytes[cell]!, this.samples.seenOf(cell)];
      for (let i = cell * width; i < (cell + 1) * width; i++) sums[i] = (sums[i]! * bytes) / seen;
    }
  }

  /** Adds an exact part whose cells nest in the picture's. */
  add(part: Part): void {
    const { range, grid, params } = this.input;
    const { start, end } = part;
    const isAlike = part.cellBytes === grid.cellBytes;
    const rows = isAlike ? part : gather(this.#fields, params, [part], { start, end, cellBytes: grid.cellBytes });
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
    for (const field of this.#fields) {
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
    for (const field of this.#fields) {
      const numbers = columns[field.name]!;
      joined[field.name] = field.merge === 'run' ? joinRuns(field, numbers) : numbers;
    }
    const [start, end] = cellBounds(this.#span(), cell);
    this.#finishCells({ start, end, cellBytes: this.input.grid.cellBytes, columns: joined }, 0, 1, cell);
  }

  /** Rows [from, to) of the part are all of their cells, `first + from` and so on. */
  #finishCells(rows: Part, from: number, to: number, first: number): void {
    const at = first + from;
    for (const { name, of, finish } of this.#outputs) {
      const field = this.#field(of);
      const width = rowWidth(field, rows);
      const finished = this.#column(name, finish, field, width);
      finishCells(finish, field, rows.columns[of]!, [from, to - from, width], finished, at);
    }
    const end = first + to;
    this.#exact.set(this.#bytes.subarray(at, end), at);
    this.#state.fill(exactState, at, end);
    if (this.samples.bytes > 0) for (let cell = at; cell < end; cell++) this.samples.drop(cell);
    if (!this.#interval) return;
    const column = this.#finished[this.#interval.name]!;
    if (column.length !== this.count) {
      this.#interval = undefined;
      return;
    }
    const values = column.subarray(at, end);
    this.#lo.set(values, at);
    this.#hi.set(values, at);
  }

  /** Where an output's cells stand. Throws E_PROTOCOL where rows of another length stand there, as of a field without a shape. */
  #column(name: string, finish: Finisher, field: FieldSpec, rowLength: number): Float64Array {
    const column = (this.#finished[name] ??= this.#unfinished(finish, field, rowLength));
    const width = finish === 'value' ? rowLength : 1;
    if (column.length === this.count * width) return column;
    throw fail('E_PROTOCOL', `field ${field.name}: rows of ${rowLength} numbers and of ${column.length / this.count}`);
  }

  /** A column that knows no cell yet but those that have no data. */
  #unfinished(finish: Finisher, field: FieldSpec, rowLength: number): Float64Array {
    const width = finish === 'value' ? rowLength : 1;
    const column = new Float64Array(this.count * width).fill(NaN);
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

  /** Rows of the fields, and `n`, of the cells that are known: as they are, or as their samples let expect. */
  rows(fields: readonly FieldSpec[]): { readonly cells: readonly number[]; readonly columns: Columns } {
    const cells: number[] = [];
    for (let i = 0; i < this.count; i++) if (this.#state[i] !== 0 && this.#bytes[i]! > 0) cells.push(i);
    const columns: Columns = { n: Float64Array.from(cells, (cell) => this.#bytes[cell]!) };
    for (const { name } of fields) {
      const known = this.#finished[this.#rowsOf(name)!.name] ?? new Float64Array(0);
      const width = known.length / Math.max(1, this.count);
      const rows = (columns[name] = new Float64Array(cells.length * width));
      cells.forEach((cell, row) => {
        rows.set(known.subarray(cell * width, (cell + 1) * width), row * width);
      });
    }
    return { cells, columns };
  }

  /** The output that is a field's rows as they are. */
  #rowsOf(field: string): OutputSpec | undefined {
    return this.#outputs.find(({ of, finish }) => of === field && finish === 'value');
  }

  /** Columns along the range, by their names in a report; they go on changing. None where the service has no cells. */
  arrays(isExact: boolean): { [name: string]: NamedArray } {
    const count = this.count;
    if (this.input.grid.cellBytes === 0) return {};
    const arrays: { [name: string]: NamedArray } = {
      'cells.start': this.#startArray,
      'cells.n': { dtype: 'u8', shape: [count], data: this.#exact },
    };
    for (const { name, of, finish } of this.#shown) {
      const field = this.#field(of);
      const data = this.#finished[name] ?? this.#unfinished(finish, field, shapeWidth(field, this.input.params));
      const width = count === 0 ? 1 : data.length / count;
      // Unknown cells are NaN, which only a float can carry, until the last one is known.
      const known = isExact && !hasNaN(data);
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

  #span() {
    const [start, end] = this.input.range;
    return { start, end, cellBytes: this.input.grid.cellBytes };
  }

  #field(name: string): FieldSpec {
    return this.#fields.find((field) => field.name === name)!;
  }
}

/** As data.some(Number.isNaN), which takes twenty times as long for a million cells. */
function hasNaN(data: Float64Array): boolean {
  for (let i = 0; i < data.length; i++) if (Number.isNaN(data[i])) return true;
  return false;
}

/** Kept beside what the report has; no output's name has a point. */
const rowsOutput = ({ name }: FieldSpec): OutputSpec => ({
  name: `${name}.rows`,
  of: name,
  finish: 'value',
  scope: 'cell',
});

function rowOf(field: FieldSpec, part: Part, row: number): Float64Array {
  const width = rowWidth(field, part);
  return part.columns[field.name]!.subarray(row * width, (row + 1) * width);
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
