/**
 * From what the cache holds to what is missing: pure. A cached chunk covers only where its cells are at least as fine as
 * the request's; where not every field is kept per cell only where it lies inside the range whole.
 */
import { chunkCellBytes, coverGap, type Grid, type Levels, type Piece, pow2floor } from './blocks.js';

/** A cached chunk (nominal bounds) and the stretch of the range that it answers. */
export interface Hit {
  readonly chunk: Piece;
  readonly start: number;
  readonly end: number;
}

export interface Plan {
  /** Ascending, disjoint. */
  readonly hits: readonly Hit[];
  /** What is to be computed, ascending, disjoint from the hits. */
  readonly missing: readonly Piece[];
}

export interface PlanInput {
  readonly start: number;
  readonly end: number;
  /** End of the data (for two inputs: of the bytes that both have). */
  readonly limit: number;
  readonly grid: Grid;
  readonly levels: Levels;
  /** Nominal bounds of the chunks at hand. */
  readonly cached: readonly { readonly start: number; readonly end: number }[];
}

type Interval = readonly [number, number];

export function planFor(input: PlanInput): Plan {
  const { start, end, limit, levels } = input;
  let gaps: Interval[] = end > start ? [[start, end]] : [];
  const hits: Hit[] = [];
  // Larger chunks first: fewer files to read; smaller ones fill what the larger ones' wider cells leave at the bounds.
  const candidates = input.cached
    .filter((chunk) => isOurs(chunk, input))
    .sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start);
  for (const { start: from, end: to } of candidates) {
    const chunk = { start: from, end: to, chunk: true };
    const usable = usableOf(chunk, input);
    if (!usable) continue;
    const taken = gaps.map((gap) => overlap(gap, usable)).filter((piece): piece is Interval => piece !== undefined);
    if (taken.length === 0) continue;
    hits.push(...taken.map(([a, b]) => ({ chunk, start: a, end: b })));
    gaps = gaps.flatMap((gap) => without(gap, usable));
  }
  hits.sort((a, b) => a.start - b.start);
  return { hits, missing: gaps.flatMap(([a, b]) => coverGap(a, b, levels, limit)) };
}

/** Is it a chunk of this request's kind (self-aligned, of a size unit·2^k)? Another block's chunks are not. */
function isOurs(
  { start, end }: { readonly start: number; readonly end: number },
  { levels, limit }: PlanInput,
): boolean {
  const ratio = (end - start) / levels.unit;
  return ratio >= 1 && pow2floor(ratio) === ratio && start % (end - start) === 0 && start < limit;
}

function usableOf(chunk: Piece, { start, end, limit, grid }: PlanInput): Interval | undefined {
  const last = Math.min(chunk.end, limit);
  const cell = chunkCellBytes(chunk.end - chunk.start, grid);
  if (cell > grid.cellBytes) return undefined;
  if (!grid.clips) return chunk.start >= start && last <= end ? [chunk.start, last] : undefined;
  const from = chunk.start >= start ? chunk.start : Math.ceil(start / cell) * cell;
  const to = last <= end ? last : Math.floor(end / cell) * cell;
  return from < to ? [from, to] : undefined;
}

function overlap([a, b]: Interval, [c, d]: Interval): Interval | undefined {
  const [from, to] = [Math.max(a, c), Math.min(b, d)];
  return from < to ? [from, to] : undefined;
}

function without([a, b]: Interval, [c, d]: Interval): Interval[] {
  const rest: Interval[] = [];
  if (a < Math.min(b, c)) rest.push([a, Math.min(b, c)]);
  if (Math.max(a, d) < b) rest.push([Math.max(a, d), b]);
  return rest;
}

/** A larger chunk that can be folded from pieces of the plan once they are all there. */
export interface Parent {
  readonly chunk: Piece;
  /** Clipped by the data. */
  readonly end: number;
}

/**
 * The fine and coarse chunks inside the range that are not at hand, and that more than one piece or hit makes up.
 * Folding needs cells that nest: hits of larger chunks have wider cells and leave their parents out.
 */
export function parentsOf(input: PlanInput, plan: Plan): Parent[] {
  const { levels } = input;
  const bounds: Bound[] = [
    ...plan.hits.map(({ chunk, start, end }) => ({ start, end, size: chunk.end - chunk.start })),
    ...plan.missing.map(({ start, end, chunk }) => ({
      start,
      end: Math.min(end, input.limit),
      size: chunk ? end - start : 0,
    })),
  ].sort((a, b) => a.start - b.start);
  const atHand = new Set(input.cached.map(({ start, end }) => `${start}_${end}`));
  return [...new Set([levels.fine, levels.coarse])]
    .flatMap((size) => parentsOfSize(size, input, bounds))
    .filter(({ chunk }) => !atHand.has(`${chunk.start}_${chunk.end}`));
}

interface Bound {
  readonly start: number;
  readonly end: number;
  /** Of the chunk that it belongs to; 0: an edge piece. */
  readonly size: number;
}

function parentsOfSize(size: number, { start, end, limit, grid }: PlanInput, bounds: readonly Bound[]): Parent[] {
  const parents: Parent[] = [];
  let next = 0;
  for (let at = Math.ceil(start / size) * size; at < end; at += size) {
    const clipped = Math.min(at + size, limit);
    if (clipped > end) break;
    while (next < bounds.length && bounds[next]!.end <= at) next++;
    let stop = next;
    while (stop < bounds.length && bounds[stop]!.start < clipped) stop++;
    const inside = bounds.slice(next, stop);
    const cell = chunkCellBytes(size, grid);
    const nests = inside.every(
      (piece) =>
        piece.start >= at &&
        piece.end <= clipped &&
        piece.size < size &&
        (cell === 0 || cell % chunkCellBytes(piece.size, grid) === 0),
    );
    if (inside.length > 1 && nests) parents.push({ chunk: { start: at, end: at + size, chunk: true }, end: clipped });
  }
  return parents;
}
