/**
 * Compute threads that are begun before the program is loaded, where it is about to answer by itself: they take longest
 * to be there, and until it is loaded they have a processor to themselves.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runtimeFolder } from '../client/runtime-folder.js';
import { ComputeThread } from '../workers/thread.js';

/** The conversations of all slots, of the broker and of the client have one thread here: this many it can keep busy. */
export const slotThreadsMax = 4;

/** Commands that ask a built-in service about files. */
const askers: readonly string[] = ['hist', 'ent', 'class', 'digram', 'stats', 'diff', 'bytes'];
/** Then another broker answers, so many threads are not wanted, or nothing is asked. */
const otherwise = /^(--broker|--cores|-j|--help|-h)/;

const begun: ComputeThread[] = [];

/** Begins those that the command line is going to need; none where that is not as good as certain. */
export function beginThreads([command, ...rest]: readonly string[]): readonly ComputeThread[] {
  if (command === undefined || !askers.includes(command) || rest.some((word) => otherwise.test(word))) return [];
  const isOnItsOwn = rest.some((word) => word.startsWith('--cache-dir'));
  if (!isOnItsOwn && (process.env.BINGLIDE_BROKER || existsSync(join(runtimeFolder(), 'broker.sock')))) return [];
  const slots = availableParallelism();
  if (slots > slotThreadsMax) return [];
  return Array.from({ length: slots }, () => new ComputeThread({ roots: ['/'], modules: [] }));
}

/** The program has them from now on. */
export function lendThreads(threads: readonly ComputeThread[]): void {
  begun.push(...threads);
}

/** Built-in services about files anywhere: threads that were begun, and new ones where there are not so many. */
export function takeThreads(count: number): ComputeThread[] {
  const taken = begun.splice(0, count);
  while (taken.length < count) taken.push(new ComputeThread({ roots: ['/'], modules: [] }));
  return taken;
}
