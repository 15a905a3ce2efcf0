/**
 * How a range is cut: cells, chunk levels and the cover of a gap. Pure arithmetic on byte offsets.
 *
 * Chunk sizes are unit·2^k and chunks lie on multiples of their own size, so two chunks are nested or disjoint. The unit
 * is 1, or the block N where blocks are the cells.
 */
import {
  assert,
  cellCount,
  type Descriptor,
  type Form,
  fail,
  fieldsOf,
  hasCells,
  type Params,
  sizeOf,
  wholeBlockBytesMax,
  wholeFieldBytes,
} from '../protocol/index.js';

/** The alignment unit in bytes. */
export const blockBytes = 4096;
/** A request has at most so many cells. */
export const cellsMax = 1_048_576;
/** Cells in a chunk, where the chunk is long enough. */
export const cellsPerChunk = 64;
const chunkBytesMin = 65_536;
const chunkBytesMax = 2 ** 30;
const fineBytesMin = 2 ** 20;

export function pow2ceil(n: number): number {
  const floor = pow2floor(n);
  return floor < n ? 2 * floor : floor;
}
export function pow2floor(n: number): number {
  if (n <= 1) return 1;
  // The logarithm of a number just under a power of two may round up to the power's.
  const power = 2 ** Math.floor(Math.log2(n));
  return power > n ? power / 2 : power;
}

/** What a request's answer is laid out on. */
export interface Grid {
  /** Cell width in bytes; 0 for services without cells. */
  readonly cellBytes: number;
  /** N where blocks are the cells, else 0. */
  readonly block: number;
  readonly form: Form;
  /** Every field is kept per cell, so that a part answers any stretch on its cells' edges; else it answers whole. */
  readonly clips: boolean;
}

/** Chunk lengths in bytes, each unit·2^k: least ≤ fine ≤ coarse. */
export interface Levels {
  readonly unit: number;
  readonly least: number;
  readonly fine: number;
  readonly coarse: number;
}

/** A chunk's or an edge piece's bounds; `end` is nominal and may lie past the end of the data. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  /** False: an edge piece, which no cache keeps. */
  readonly chunk: boolean;
}

/** Cells of a request over `length` bytes from `start`. Throws E_CELLS naming the least block that is taken. */
export function gridFor(descriptor: Descriptor, params: Params, length: number, cells: number, start = 0): Grid {
  if (!hasCells(descriptor)) return { cellBytes: 0, block: 0, form: 'summed', clips: false };
  const gridOf = (cellBytes: number, block: number, form: Form): Grid => {
    return { cellBytes, block, form, clips: fieldsOf(descriptor, form).every((field) => field.cells) };
  };
  const block = descriptor.block === undefined ? 0 : sizeOf(descriptor.block, params);
  if (block > 0) {
    // A range that starts inside a block has one block more.
    const isTaken = (bytes: number) => cellCount({ start, end: start + length, cellBytes: bytes }) <= cellsMax;
    if (!isTaken(block)) {
      let least = Math.ceil(length / cellsMax);
      while (!isTaken(least)) least++;
      throw fail(
        'E_CELLS',
        `--block ${block} makes more than ${cellsMax} cells of ${length} bytes; the least is ${least}`,
      );
    }
    return gridOf(block, block, block <= wholeBlockBytesMax ? 'whole' : 'summed');
  }
  if (cells > cellsMax) throw fail('E_CELLS', `${cells} cells are more than ${cellsMax}`);
  return gridOf(Math.max(blockBytes, pow2ceil(length / cells)), 0, 'summed');
}

/** The range widened to whole cells, clipped by `size`, the longest input's bytes. */
export function snapRange([start, end]: readonly [number, number], grid: Grid, size: number): [number, number] {
  const width = grid.cellBytes || blockBytes;
  return [Math.floor(start / width) * width, Math.min(size, Math.ceil(end / width) * width)];
}

/** Chunk levels for a request of `length` bytes: coarse about a tenth, fine about a hundredth of it. */
export function levelsFor(descriptor: Descriptor, params: Params, grid: Grid, length: number): Levels {
  if (grid.block > 0) return blockLevels(grid.block, length);
  const bytes = wholeFieldBytes(descriptor, params, (field) => (field.perByteMax === undefined ? 8 : 4));
  const byCells = grid.cellBytes > 0 ? cellsPerChunk * grid.cellBytes : chunkBytesMax;
  // Whole fields may ask for longer chunks, but never for wider cells than the request has.
  const least = Math.max(chunkBytesMin, Math.min(byCells, pow2ceil(cellsPerChunk * bytes)));
  const fine = Math.max(least, Math.min(byCells, chunkBytesMax, Math.max(fineBytesMin, pow2floor(length / 100))));
  return { unit: 1, least, fine, coarse: Math.max(fine, pow2floor(length / 10)) };
}

function blockLevels(block: number, length: number): Levels {
  const least = block * pow2ceil(chunkBytesMin / block);
  const wanted = Math.min(chunkBytesMax, Math.max(fineBytesMin, length / 100));
  const fine = Math.max(least, block * pow2floor(wanted / block));
  return { unit: block, least, fine, coarse: Math.max(fine, block * pow2floor(length / 10 / block)) };
}

/** Pieces that nobody keeps need not have a chunk's length: they may be up to `bytes` long, where the cells allow it. */
export function widerLevels(levels: Levels, grid: Grid, bytes: number): Levels {
  const { unit, coarse } = levels;
  const most = grid.cellBytes > 0 && grid.block === 0 ? cellsPerChunk * grid.cellBytes : chunkBytesMax;
  const fine = Math.max(levels.fine, Math.min(most, unit * pow2floor(bytes / unit)));
  return { ...levels, fine, coarse: Math.max(fine, coarse) };
}

/** Width of a chunk's own cells: a function of its size alone, so that equal names mean equal contents. */
export function chunkCellBytes(chunkBytes: number, grid: Grid): number {
  if (grid.cellBytes === 0) return 0;
  return grid.block > 0 ? grid.block : Math.max(blockBytes, chunkBytes / cellsPerChunk);
}

/** Cells of a piece: an edge piece has the narrowest. */
export function pieceCellBytes(piece: Piece, grid: Grid): number {
  return chunkCellBytes(piece.chunk ? piece.end - piece.start : 0, grid);
}

/**
 * Covers [start, end) by chunks up to the fine size and, where the bounds are not on the least chunk, by edge pieces.
 * `limit` is the end of the data: a chunk there keeps its nominal length; data shorter than a chunk is one chunk.
 */
export function coverGap(start: number, end: number, levels: Levels, limit: number): Piece[] {
  assert(start <= end && end <= limit, 'a gap lies inside the data');
  const pieces: Piece[] = [];
  for (let at = start; at < end; ) {
    const piece = pieceAt(at, end, levels, limit);
    pieces.push(piece);
    at = Math.min(piece.end, end);
  }
  return pieces;
}

function pieceAt(at: number, end: number, { unit, least, fine }: Levels, limit: number): Piece {
  if (at % least !== 0) {
    return { start: at, end: Math.min(end, Math.ceil(at / least) * least), chunk: false };
  }
  let size = fine;
  if (end === limit) {
    // At the end of the data a chunk is clipped, not halved; all of small data is one chunk.
    if (at === 0) size = Math.min(fine, unit * pow2ceil(limit / unit));
    while (at % size !== 0) size /= 2;
    if (at + size > limit) return { start: at, end: at + size, chunk: true };
  }
  while (size >= least && (at % size !== 0 || at + size > end)) size /= 2;
  if (at === 0 && size < least && end === limit) return { start: 0, end: unit * pow2ceil(limit / unit), chunk: true };
  return size >= least ? { start: at, end: at + size, chunk: true } : { start: at, end, chunk: false };
}

/** Indices 0…n−1 in an order whose every head is spread over all of them (bit reversal). */
export function spreadOrder(n: number): number[] {
  const bits = Math.max(1, Math.ceil(Math.log2(Math.max(1, n))));
  const order: number[] = [];
  for (let i = 0; i < 2 ** bits; i++) {
    let reversed = 0;
    for (let bit = 0; bit < bits; bit++) reversed = reversed * 2 + (Math.floor(i / 2 ** bit) % 2);
    if (reversed < n) order.push(reversed);
  }
  return order;
}
