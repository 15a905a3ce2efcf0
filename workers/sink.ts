/**
 * What `compute` fills for a concat field: rows of numbers, in order of offset, joined and limited as the algebra says
 * (protocol/algebra.ts, concat). The sink keeps one list a cell of the part.
 */
import { indexWidth } from '../protocol/algebra.js';
import { fail } from '../protocol/errors.js';

/** What `compute` fills for any other field. */
export type OutArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

class CellRows {
  rows = new Float64Array(0);
  /** Numbers in `rows`. */
  used = 0;
  count = 0;
  first = 0;
  last = 0;

  /** Room for `more` numbers behind `used`. */
  reserve(more: number): void {
    if (this.used + more <= this.rows.length) return;
    const grown = new Float64Array(Math.max(64, 2 * this.rows.length, this.used + more));
    grown.set(this.rows.subarray(0, this.used));
    this.rows = grown;
  }
}

export class RowSink {
  #cells: readonly CellRows[];
  /** Cell of each row of input; one more level, since rows of input are pieces of cells. */
  #cellOf: (row: number) => number = () => 0;

  constructor(
    readonly name: string,
    readonly width: number,
    cellCount: number,
    /** Intervals at most so far apart are one; −1: never. */
    readonly gap: number,
    readonly limit: number,
  ) {
    this.#cells = Array.from({ length: cellCount }, () => new CellRows());
  }

  /** Adds one row of numbers, found in row `row` of the input: [start, end, …more], ascending, not overlapping. */
  add(row: number, ...numbers: readonly number[]): void {
    const cell = this.#cells[this.#cellOf(row)]!;
    const [start, end] = [numbers[0]!, numbers[1] ?? numbers[0]!];
    if (numbers.length !== this.width || !numbers.every(Number.isSafeInteger) || end < start) {
      throw fail('E_SERVICE', `field ${this.name}: a row is [${numbers}]; it takes ${this.width} whole numbers`);
    }
    if (cell.count > 0 && this.width > 1 && start < cell.last) {
      throw fail('E_SERVICE', `field ${this.name}: a row starts at ${start}, before the last one ended, ${cell.last}`);
    }
    const kept = cell.used === cell.count * this.width;
    if (this.gap >= 0 && cell.count > 0 && start - cell.last <= this.gap) {
      if (kept) {
        const at = cell.used - this.width;
        cell.rows[at + 1] = end;
        for (let i = 2; i < this.width; i++) cell.rows[at + i]! += numbers[i]!;
      }
    } else {
      if (kept && cell.count < this.limit) {
        cell.reserve(this.width);
        cell.rows.set(numbers, cell.used);
        cell.used += this.width;
      }
      if (cell.count === 0) cell.first = start;
      cell.count++;
    }
    cell.last = end;
  }

  /**
   * Adds `count` rows of row `row` of the input at once: `list` holds them flat, whole numbers, ascending and apart.
   * `base` is added to starts and ends.
   */
  addIntervals(row: number, list: Int32Array, count: number, base: number): void {
    const cell = this.#cells[this.#cellOf(row)]!;
    const { width } = this;
    let at = 0;
    // The first may go on where the last one of the cell ends.
    if (count > 0 && cell.count > 0 && this.gap >= 0 && base + list[0]! - cell.last <= this.gap) {
      this.add(row, ...this.#moved(list, base));
      at = 1;
    }
    if (at === count) return;
    if (cell.count === 0) cell.first = base + list[at * width]!;
    const kept = Math.max(0, Math.min(count - at, this.limit - cell.count));
    cell.reserve(kept * width);
    for (let end = (at + kept) * width, i = at * width; i < end; i += width) {
      cell.rows[cell.used] = base + list[i]!;
      cell.rows[cell.used + 1] = base + list[i + 1]!;
      for (let k = 2; k < width; k++) cell.rows[cell.used + k] = list[i + k]!;
      cell.used += width;
    }
    cell.count += count - at;
    cell.last = base + list[(count - 1) * width + 1]!;
  }

  /** The list's first row. */
  #moved(list: Int32Array, base: number): number[] {
    return Array.from(list.subarray(0, this.width), (number, i) => (i < 2 ? base + number : number));
  }

  /** Adds many rows as they are: `numbers` holds them flat, [start, end) is where in the range they were found. */
  append(row: number, numbers: OutArray, start: number, end: number): void {
    const cell = this.#cells[this.#cellOf(row)]!;
    const count = numbers.length / this.width;
    if (!Number.isInteger(count)) {
      throw fail('E_SERVICE', `field ${this.name}: got ${numbers.length} numbers for rows of ${this.width}`);
    }
    const room = Math.max(0, Math.min(count, this.limit - cell.count)) * this.width;
    cell.reserve(room);
    cell.rows.set(numbers.subarray(0, room), cell.used);
    cell.used += room;
    if (cell.count === 0) cell.first = start;
    cell.last = end;
    cell.count += count;
  }

  /** Tells where the rows of the coming batch lie. For the engine. */
  placeRows(cellOf: (row: number) => number): void {
    this.#cellOf = cellOf;
  }

  /** Forgets all rows: those of a sample have no neighbours and say nothing. */
  emptied(): this {
    this.#cells = this.#cells.map(() => new CellRows());
    return this;
  }

  /** The two columns of the part. */
  columns(): { readonly rows: Float64Array; readonly index: Float64Array } {
    const rows = new Float64Array(this.#cells.reduce((sum, cell) => sum + cell.used, 0));
    const index = new Float64Array(this.#cells.length * indexWidth);
    let at = 0;
    this.#cells.forEach((cell, i) => {
      rows.set(cell.rows.subarray(0, cell.used), at);
      at += cell.used;
      index.set([cell.count, cell.first, cell.last], i * indexWidth);
    });
    return { rows, index };
  }
}
