/**
 * Where to look first: stratified short runs over what the cache does not cover. Pure; the places are random but the same
 * each time, so that a report can be repeated.
 *
 * Many short runs beat one long run of as many bytes: what errs is the difference between places, not the count at one.
 */
import type { Piece } from '../cache/blocks.js';

/** Bytes of one run, aligned to itself. */
export const sampleRunBytes = 4096;
/** Runs a stratum: enough for an interval, few enough for a tenth of a second. */
export const sampleRuns = 4;
/** A stratum that is not longer than this is computed as quickly as sampled. */
const stratumBytesMin = 16 * sampleRunBytes;
/** More cells than this are not sampled: they are small, and exact soon. */
const sampledCellsMax = 4096;
/** Strata of a service without cells, and runs in each. */
const innerStrata = 8;
const innerRuns = 32;
/**
 * A task's strata: two tasks a slot, for the picture waits for the last one and each costs a millisecond beside its work;
 * but no longer than about a slice, and no shorter than its cost.
 */
const tasksASlot = 2;
const [taskStrataMin, taskStrataMax] = [64, 256] as const;

/** From its first run to its last. The runs themselves are made when it is asked for: there are thousands of them. */
export interface SampleTask extends Piece {
  readonly strata: readonly Interval[];
  /** Runs in each. */
  readonly count: number;
}

type Interval = readonly [number, number];

/** Tasks, ascending, for the parts of `gaps` that are worth it; `cellBytes` 0: a service without cells, a task a stratum. */
export function sampleTasks(gaps: readonly Interval[], cellBytes: number, slots: number): SampleTask[] {
  const bytes = gaps.reduce((sum, [start, end]) => sum + end - start, 0);
  if (cellBytes === 0) {
    const width = Math.ceil(bytes / innerStrata / sampleRunBytes) * sampleRunBytes;
    return gaps.flatMap((gap) => strata(gap, width).map((stratum) => taskOf([stratum], innerRuns)));
  }
  const cells = gaps.flatMap((gap) => strata(gap, cellBytes));
  if (cells.length > sampledCellsMax) return [];
  const most = Math.ceil(cells.length / (tasksASlot * slots));
  const count = Math.ceil(cells.length / Math.max(taskStrataMin, Math.min(taskStrataMax, most)));
  const perTask = Math.ceil(cells.length / count);
  const tasks: SampleTask[] = [];
  for (let i = 0; i < cells.length; i += perTask) {
    tasks.push(taskOf(cells.slice(i, i + perTask), sampleRuns));
  }
  return tasks;
}

/** Ascending and apart. */
export function runsOf({ strata, count }: SampleTask): Interval[] {
  return strata.flatMap((stratum) => runsIn(stratum, count));
}

/** Pieces of the gap between multiples of `width`, those that are long enough. */
function strata([start, end]: Interval, width: number): Interval[] {
  const pieces: Interval[] = [];
  for (let at = start; at < end; ) {
    const next = Math.min(end, (Math.floor(at / width) + 1) * width);
    if (next - at >= stratumBytesMin) pieces.push([at, next]);
    at = next;
  }
  return pieces;
}

/** One aligned run in each of `count` equal strips, at a place that the strip's offset decides. */
function runsIn([start, end]: Interval, count: number): Interval[] {
  const first = Math.ceil(start / sampleRunBytes);
  const blocks = Math.floor(end / sampleRunBytes) - first;
  const strips = Math.min(count, blocks);
  const runs: Interval[] = [];
  for (let i = 0; i < strips; i++) {
    const from = first + Math.floor((i * blocks) / strips);
    const to = first + Math.floor(((i + 1) * blocks) / strips);
    const block = from + Math.floor(unitOf(from) * (to - from));
    runs.push([block * sampleRunBytes, (block + 1) * sampleRunBytes]);
  }
  return runs;
}

function taskOf(strata: readonly Interval[], count: number): SampleTask {
  const [start] = runsIn(strata[0]!, count)[0]!;
  const [, end] = runsIn(strata.at(-1)!, count).at(-1)!;
  return { start, end, chunk: false, strata, count };
}

/** A number in [0, 1) that looks random and follows from the block's number alone (splitmix32). */
function unitOf(block: number): number {
  let x = (Math.imul(block >>> 0, 0x9e3779b9) + Math.floor(block / 2 ** 32)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
}
