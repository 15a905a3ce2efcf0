/**
 * What `compute` reads: one batch of rows of the input. A row is a piece of one cell: rows end on multiples of the
 * service's `rowBytes`, at cell edges and at the run's ends. Without `rowBytes` a row is its cell, or, where the cell
 * is long, a stretch of it that ends on a multiple of 4096.
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

/** Row edges of the batch that starts at `start`: one row at least, and as many as fit in `batchBytes`. */
export function cutBatch(start: number, end: number, grid: Grid, batchBytes: number, edges: number[]): void {
  edges.length = 0;
  edges.push(start);
  let at = start;
  while (at < end) {
    const next = rowEnd(at, end, grid);
    if (next - start > batchBytes && edges.length > 1) break;
    edges.push(next);
    at = next;
  }
}

/** Own bytes of one input in memory: `bytes[at]` is the batch's first. */
export interface Held {
  readonly bytes: Uint8Array;
  readonly at: number;
  /** Bytes from `at` on: the batch's own, and the overlap as far as the file goes. */
  readonly length: number;
}

/** One object serves all batches of a task, or two in turn. What it hands out is overwritten by the next batch. */
export class Rows {
  /** Row i is [edges[i], edges[i + 1]), in bytes of the first input. */
  readonly edges: number[] = [];
  held: readonly Held[] = [];
  overlapBytes = 0;
  /** Batches of a task take turns with their buffers: 0 or 1. */
  readonly turn: number;
  /** The row that was asked for last: as far as compute has come. */
  current = 0;

  constructor(turn = 0) {
    this.turn = turn;
  }

  /** Rows in this batch. */
  get rows(): number {
    return this.edges.length - 1;
  }

  /** Offset of the batch's first byte in the first input, and of the byte after its last. */
  get start(): number {
    return this.edges[0]!;
  }
  get end(): number {
    return this.edges.at(-1)!;
  }

  /** Own bytes of a row. Of the second input: those at the same place, moved by the service's shift. */
  row(i: number, input = 0): Uint8Array {
    this.current = i;
    const { bytes, at } = this.held[input]!;
    const base = at - this.edges[0]!;
    return bytes.subarray(base + this.edges[i]!, base + this.edges[i + 1]!);
  }

  /** A row's own bytes and the overlap after them, as far as the file goes. */
  ahead(i: number, input = 0): Uint8Array {
    this.current = i;
    const { bytes, at, length } = this.held[input]!;
    const base = at - this.edges[0]!;
    return bytes.subarray(base + this.edges[i]!, Math.min(at + length, base + this.edges[i + 1]! + this.overlapBytes));
  }

  /** Offset of a row's first byte in the first input. */
  offset(i: number): number {
    return this.edges[i]!;
  }
}
