/**
 * What the part of a sample has besides the service's fields: bytes seen a cell, and the intervals that its runs give. The
 * rows of the runs are looked at as compute leaves them, one by one; fold.ts makes the cells of them.
 */
import type { FieldSpec, OutputSpec } from '../protocol/descriptor.js';
import { boundsOf, type Estimate, estimateOf, intervals } from '../protocol/sample.js';
import type { OutArray } from './fields.js';
import { entropiesWithout, roomForBatch, roomForCell } from './kernels/rows.js';
import type { Rows } from './rows.js';

/** As much of a part's column as is looked at: its field, and the numbers of the batch under way, a row a row of input. */
export interface RunColumn {
  readonly plan: { readonly spec: FieldSpec };
  readonly width: number;
  readonly scratch: OutArray;
  readonly wide: Float64Array;
}

/** Runs of a cell that room is made for; for more it grows. */
const usualRuns = 4;

/** Runs come in order, so only those of one cell are kept at a time; intervals are made of all cells' estimates at the end. */
export class SampleColumns {
  readonly #seen: Float64Array;
  readonly #lo: Float64Array;
  readonly #hi: Float64Array;
  /** Of cells with runs, ascending. */
  readonly #estimates: { readonly cell: number; readonly estimate: Estimate }[] = [];
  /** Of the cell that the last run was in: bytes of its runs, and their rows one after the other. */
  #bytes: number[] = [];
  #rows: Float64Array;
  #cell = -1;
  #run = -1;

  constructor(
    readonly plan: { readonly start: number; readonly cellBytes: number },
    cells: number,
    readonly output: OutputSpec | undefined,
    /** Of the output; undefined where there is no interval to be told. */
    readonly column: RunColumn | undefined,
  ) {
    this.#seen = new Float64Array(cells);
    this.#lo = new Float64Array(cells).fill(NaN);
    this.#hi = new Float64Array(cells).fill(NaN);
    this.#rows = (this.#isCounted ? roomForCell() : null) ?? new Float64Array(usualRuns * (column?.width ?? 0));
  }

  /** Where the rows of a batch are to be computed, if that matters. */
  room(column: RunColumn, length: number): Float64Array | null {
    const isOurs = column === this.column && column.scratch instanceof Float64Array;
    return isOurs && this.#isCounted ? roomForBatch(length) : null;
  }

  /** The batch's rows, as compute left them in the column. */
  take({ rows, starts, ends, runs }: Rows, cells: readonly number[]): void {
    const told = this.plan.cellBytes > 0 ? this.column : undefined;
    for (let i = 0; i < rows; i++) {
      const cell = cells[i]!;
      const bytes = ends[i]! - starts[i]!;
      this.#seen[cell]! += bytes;
      if (told) this.#takeRow(told, i, { cell, run: runs[i]!, bytes });
    }
  }

  #takeRow(
    { width, wide }: RunColumn,
    i: number,
    { cell, run, bytes }: { cell: number; run: number; bytes: number },
  ): void {
    const row = wide.subarray(i * width, (i + 1) * width);
    if (cell !== this.#cell) this.#tell();
    else if (run === this.#run) return this.#addToLast(row, bytes);
    [this.#cell, this.#run] = [cell, run];
    const at = this.#bytes.length * width;
    if (at + width > this.#rows.length) {
      const grown = new Float64Array(2 * (at + width));
      grown.set(this.#rows);
      this.#rows = grown;
    }
    this.#rows.set(row, at);
    this.#bytes.push(bytes);
  }

  #addToLast(row: Float64Array, bytes: number): void {
    const last = this.#bytes.length - 1;
    this.#bytes[last]! += bytes;
    for (let i = 0, at = last * row.length; i < row.length; i++, at++) this.#rows[at]! += row[i]!;
  }

  /** Entropy of counts that are no more than the bytes: what the module may know how to tell. */
  get #isCounted(): boolean {
    const { column, output } = this;
    return output?.finish === 'entropy' && column?.plan.spec.perByteMax === 1;
  }

  columns(): { readonly [name: string]: Float64Array } {
    this.#tell();
    const told = this.#estimates.map(({ estimate }) => estimate);
    const { column, output } = this;
    if (output && column) {
      const bounds = boundsOf(column.plan.spec, output.finish, column.width);
      intervals(told, this.plan.cellBytes, bounds).forEach(([lo, hi], i) => {
        const { cell } = this.#estimates[i]!;
        [this.#lo[cell], this.#hi[cell]] = [lo, hi];
      });
    }
    return { n: this.#seen, lo: this.#lo, hi: this.#hi };
  }

  /** The cell's runs are all there. */
  #tell(): void {
    if (this.#bytes.length === 0) return;
    const rows = this.#rows.subarray(0, this.#bytes.length * this.column!.width);
    const estimate = estimateOf({ rows, bytes: this.#bytes }, this.output!.finish, entropiesWithout);
    this.#estimates.push({ cell: this.#cell, estimate });
    this.#bytes = [];
  }
}
