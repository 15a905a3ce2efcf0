/**
 * How a request is laid out over its inputs once they are measured: range, cells, what the cache answers, what is to be
 * computed, and what is sampled before that. Pure.
 */
import { gridFor, levelsFor, type Piece, snapRange, spreadOrder, widerLevels } from '../cache/blocks.js';
import { type Hit, type PlanInput, planFor } from '../cache/plan.js';
import { fail, type Params, type Query, resolveRange, sizeOf } from '../protocol/index.js';
import type { ChunkBounds, MeasuredInput } from './events.js';
import { Folds } from './folds.js';
import { Pending } from './pending.js';
import { Picture } from './picture.js';
import { type SampleTask, sampleTasks } from './sampling.js';
import type { Service } from './services.js';

/** What is there once the inputs are measured. */
export interface Running {
  readonly name: 'running';
  readonly inputs: MeasuredInput[];
  readonly inputIds: readonly string[];
  /** Loses what turned out not to be at hand. */
  plan: PlanInput;
  readonly picture: Picture;
  /** Reads of cached chunks under way, by nominal bounds. */
  readonly reading: Map<string, Hit[]>;
  /** Pieces not yet opened. */
  readonly pending: Pending;
  /** Samples not yet asked for; they come before all pieces. */
  readonly samples: SampleTask[];
  /** How many there were, and the bytes that they are to speak for. */
  readonly sampleTasks: number;
  readonly missingBytes: number;
  /** Keys of the pieces that this job waits for. */
  readonly open: Map<string, Piece>;
  readonly folds: Folds;
  /** Bytes that only one of two inputs has, where it says. */
  readonly onlyA: number;
  readonly onlyB: number;
}

/** What the broker knows of how fast the job will be. */
export interface Pace {
  /** More missing bytes than that are sampled first. */
  readonly sampleAboveBytes: number;
  /** What a task is to read. */
  readonly sliceBytes: number;
  /** So many tasks run at a time. */
  readonly slots: number;
}

/**
 * A range that nobody keeps is cut into so many pieces at least, for the picture's sake; a short one, which is done soon,
 * into tasks of the usual length, as long as there are some for each slot.
 */
const unkeptPieces = 32;
const shortPieces = 8;

/** How long a piece that nobody keeps may be. */
function unkeptBytes(length: number, sliceBytes: number): number {
  return Math.min(2 * sliceBytes, Math.max(length / unkeptPieces, Math.min(sliceBytes, length / shortPieces)));
}

export const boundsKey = ({ start, end }: ChunkBounds) => `${start}_${end}`;

/** What is known of a request that is to be laid out. */
export interface Measured {
  readonly query: Query;
  readonly service: Service;
  readonly params: Params;
  readonly inputs: readonly MeasuredInput[];
  /** Chunks at hand. */
  readonly cached: readonly ChunkBounds[];
  /** What is computed goes to the cache. */
  readonly keeps: boolean;
}

/** Samples come first where more bytes are missing than the pace says. Throws E_RANGE, E_CELLS. */
export function layOut({ query, service, params, inputs, cached, keeps }: Measured, pace: Pace): Running {
  const { descriptor } = service;
  const extent = extentOf(inputs, descriptor.shift === undefined ? 0 : sizeOf(descriptor.shift, params));
  query.inputs.forEach(([input], i) => {
    const { size } = inputs[i]!;
    if (input!.length !== null && input!.length !== size) {
      throw fail(
        'E_RANGE',
        `an extent of ${input!.length} bytes is not the whole file (${size}); name a range instead`,
      );
    }
  });
  const names = query.inputs.map((input) => Buffer.from(input[0]!.path).toString()).join(' and ');
  let range = resolveRange(query.range, extent.longest, names);
  const grid = gridFor(descriptor, params, range[1] - range[0], query.cells, range[0]);
  if (query.snap) range = snapRange(range, grid, extent.longest);
  const length = range[1] - range[0];
  if (length > (descriptor.rangeBytesMax ?? Infinity)) {
    throw fail(
      'E_RANGE',
      `${descriptor.name} takes at most ${descriptor.rangeBytesMax} bytes at a time, not ${length}`,
    );
  }
  const start = Math.min(range[1], Math.max(range[0], extent.start));
  const end = Math.max(start, Math.min(range[1], extent.end));
  const kept = levelsFor(descriptor, params, grid, length);
  const levels = keeps ? kept : widerLevels(kept, grid, unkeptBytes(length, pace.sliceBytes));
  const plan: PlanInput = { start, end, limit: extent.end, grid, levels, cached };
  const { hits, missing } = planFor(plan);
  const picture = new Picture({ descriptor, params, grid, range, data: [start, end] });
  const folds = new Folds(picture.fields, params);
  if (keeps) folds.expect(plan, { hits, missing });
  const reading = new Map<string, Hit[]>();
  for (const hit of hits) reading.set(boundsKey(hit.chunk), [...(reading.get(boundsKey(hit.chunk)) ?? []), hit]);
  const missingBytes = missing.reduce((sum, piece) => sum + Math.min(piece.end, extent.end) - piece.start, 0);
  const sampled = missingBytes > pace.sampleAboveBytes && grid.form === 'summed';
  const samples = sampled ? sampleTasks(gapsOf(missing, extent.end), grid.cellBytes, pace.slots) : [];
  picture.expectSamples(samples);
  const onlyA = descriptor.inputs === 2 ? overlapBytes(range, [0, inputs[0]!.identity.size]) - (end - start) : 0;
  const onlyB = descriptor.inputs === 2 ? overlapBytes(range, extent.second) - (end - start) : 0;
  return {
    name: 'running',
    inputs: [...inputs],
    inputIds: inputs.map(({ id }) => id),
    plan,
    picture,
    reading,
    pending: new Pending(missing),
    samples: spreadOrder(samples.length)
      .map((i) => samples[i]!)
      .reverse(),
    sampleTasks: samples.length,
    missingBytes,
    open: new Map(),
    folds,
    onlyA,
    onlyB,
  };
}

/** Adjacent pieces as one stretch, clipped by the data. */
function gapsOf(pieces: readonly Piece[], limit: number): [number, number][] {
  const gaps: [number, number][] = [];
  for (const { start, end } of pieces) {
    const last = gaps.at(-1);
    if (last?.[1] === start) last[1] = Math.min(end, limit);
    else gaps.push([start, Math.min(end, limit)]);
  }
  return gaps;
}

/** Where there is data for all inputs, and how far the longest goes, in offsets of the first. */
function extentOf(inputs: readonly MeasuredInput[], shift: number) {
  const size = inputs[0]!.identity.size;
  const other = inputs[1]?.identity.size;
  if (other === undefined) return { start: 0, end: size, longest: size, second: [0, 0] as const };
  const second = [Math.max(0, -shift), Math.max(0, other - shift)] as const;
  const end = Math.max(0, Math.min(size, second[1]));
  return { start: Math.min(end, second[0]), end, longest: Math.max(size, second[1]), second };
}

function overlapBytes([a, b]: readonly [number, number], [c, d]: readonly [number, number]): number {
  return Math.max(0, Math.min(b, d) - Math.max(a, c));
}
