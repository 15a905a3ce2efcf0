/** Pairs of neighbours: the loop under DIGRAM. Pure but for the module's tables, which hold one task's counts at a time. */
import { addCounts } from './histogram.js';
import { kernelModule, moduleOf } from './module.js';

/** Shorter pieces are as soon counted here. */
const modulePairsMin = 32_768;
/** The module's counts have 32 bits. */
const tablePairsMax = 2 ** 31;

/** Whose counts the module's tables hold, and of how many pairs. */
let owner: object | null = null;
let held = 0;

/**
 * counts[256·first + second] += how often the two follow each other in `bytes`, now or with takeDigrams; one pair fewer
 * than bytes. What the module counts of a task stays in its tables meanwhile: they are half a MiB, all of a core's own
 * cache, and to clear and to add them with every piece took a fifth of the counting.
 */
export function addDigrams(bytes: Uint8Array, counts: Float64Array, task: object): void {
  const pairs = bytes.length - 1;
  const module = moduleOf(bytes);
  if (!module || pairs < modulePairsMin) return countPairs(bytes, counts);
  if (owner === task && held + pairs > tablePairsMax) takeDigrams(counts, task);
  // What another task left there is of no use: it ended before its time.
  if (owner !== task) module.run.clearDigrams();
  held = (owner === task ? held : 0) + pairs;
  owner = task;
  module.run.addDigrams(bytes.byteOffset, pairs);
}

/** counts += what is still held of the task. */
export function takeDigrams(counts: Float64Array, task: object): void {
  if (owner !== task) return;
  owner = null;
  const { run, digrams } = kernelModule()!;
  run.sumDigrams();
  addCounts(digrams, counts);
}

function countPairs(bytes: Uint8Array, counts: Float64Array): void {
  let first = bytes[0]!;
  for (let i = 1; i < bytes.length; i++) {
    const second = bytes[i]!;
    counts[(first << 8) | second]!++;
    first = second;
  }
}
