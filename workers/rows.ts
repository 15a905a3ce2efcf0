/**
 * What `compute` reads: one batch of rows of the input. A row is a piece of one cell: rows end on multiples of the
 * service's `rowBytes`, at cell edges and at the run's ends. Without `rowBytes` a row is its cell, or, where the cell
 * is long, a stretch of it that ends on a multiple of 4096.
 *
 * The rows of an exact task follow each other; those of a sample are of many short runs, with gaps between them.
 */

export const batchBytesMax = 1 << 20;
export const pageBytes = 4096;

/** How the engine cuts. `stretchBytes`: the longest row of a service without rowBytes; at least 64 KiB. */
export interface Grid {
  readonly cellBytes: number;
  readonly rowBytes: number | undefined;
  readonly stretchBytes: number;
}

/** Where the row that starts at `start` ends, at `end` at the latest. */
export function rowEnd(start: number, end: number, { cellBytes, rowBytes, stretchBytes }: Grid): number {
  const cellEnd = cellBytes === 0 ? end : Math.min(end, nextMultiple(start, cellBytes));
  if (rowBytes !== undefined) return Math.min(cellEnd, nextMultiple(start, rowBytes));
  if (cellEnd - start <= stretchBytes) return cellEnd;
  return Math.floor((start + stretchBytes) / pageBytes) * pageBytes;
}

function nextMultiple(offset: number, unit: number): number {
  return (Math.floor(offset / unit) + 1) * unit;
}

/** A stretch of the first input that is asked for in one piece: a task's only one, or a sample's number `index`. */
export interface Run {
  readonly index: number;
  readonly end: number;
}

/** Adds the rows of the run from `start` on: one at least, and as many as fit in `batchBytes`. Gives where the last one ends. */
export function cutRows(rows: Rows, start: number, { index, end }: Run, grid: Grid, batchBytes: number): number {
  let at = start;
  while (at < end) {
    const next = rowEnd(at, end, grid);
    if (next - start > batchBytes && at > start) break;
    rows.add(at, next, index);
    at = next;
  }
  return at;
}

/** The bytes of one input in memory. */
export interface Held {
  readonly bytes: Uint8Array;
  /** Of each row: where it begins in `bytes`. */
  readonly at: number[];
  /** Where the input ends, in bytes of the first input. */
  readonly inputEnd: number;
}

/** One object serves all batches of a task, or some in turn. What it hands out is overwritten by the next batch. */
export class Rows {
  /** Row i is [starts[i], ends[i]), in bytes of the first input, and of run runs[i]. */
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  readonly runs: number[] = [];
  held: readonly Held[] = [];
  overlapBytes = 0;
  /** Batches of a task take turns with their buffers, from 0 on. */
  readonly turn: number;
  /** The row that was asked for last: as far as compute has come. */
  current = 0;
  /** Own bytes of all rows. */
  #bytes = 0;

  constructor(turn = 0) {
    this.turn = turn;
  }

  /** Forgets all rows, so that others can be added. */
  clear(): void {
    this.starts.length = this.ends.length = this.runs.length = 0;
    this.current = 0;
    this.#bytes = 0;
  }

  add(start: number, end: number, run: number): void {
    this.starts.push(start);
    this.ends.push(end);
    this.runs.push(run);
    this.#bytes += end - start;
  }

  /** Rows in this batch. */
  get rows(): number {
    return this.starts.length;
  }

  /** Own bytes of all rows. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Own bytes of the rows before the one that compute is at, about. */
  get bytesBefore(): number {
    return Math.floor((this.#bytes * this.current) / Math.max(1, this.rows));
  }

  /** Offset of the first row's first byte in the first input, and of the byte after the last row's last. */
  get start(): number {
    return this.starts[0]!;
  }
  get end(): number {
    return this.ends.at(-1)!;
  }

  /** Own bytes of a row. Of the second input: those at the same place, moved by the service's shift. */
  row(i: number, input = 0): Uint8Array {
    this.current = i;
    const { bytes, at } = this.held[input]!;
    const from = at[i]!;
    return bytes.subarray(from, from + this.ends[i]! - this.starts[i]!);
  }

  /** A row's own bytes and the overlap after them, as far as the file goes. */
  ahead(i: number, input = 0): Uint8Array {
    this.current = i;
    const { bytes, at, inputEnd } = this.held[input]!;
    const from = at[i]!;
    return bytes.subarray(from, from + Math.min(this.ends[i]! + this.overlapBytes, inputEnd) - this.starts[i]!);
  }

  /** Offset of a row's first byte in the first input. */
  offset(i: number): number {
    return this.starts[i]!;
  }
}
