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
const otherwise = /^(--broker|--cores|--help|-[a-z0-9]*[jh])/;

const begun: ComputeThread[] = [];

/** Begins those that the command line is going to need; none where that is not as good as certain. Never throws. */
export function beginThreads(args: readonly string[]): readonly ComputeThread[] {
  try {
    const count = countFor(args);
    return Array.from({ length: count }, () => new ComputeThread({ roots: ['/'], modules: [] }));
  } catch {
    // Whatever it is, somebody will say it who can.
    return [];
  }
}

function countFor([command, ...rest]: readonly string[]): number {
  if (command === undefined || !askers.includes(command) || rest.some((word) => otherwise.test(word))) return 0;
  const isOnItsOwn = rest.some((word) => word.startsWith('--cache-dir'));
  if (!isOnItsOwn && (process.env.BINGLIDE_BROKER || existsSync(join(runtimeFolder(), 'broker.sock')))) return 0;
  const slots = availableParallelism();
  return slots > slotThreadsMax ? 0 : slots;
}

/** The program has them from now on. */
export function lendThreads(threads: readonly ComputeThread[]): void {
  begun.push(...threads);
}

/** Nobody wants them: another broker answers, or other slots. */
export function endThreads(): void {
  for (const thread of begun.splice(0)) void thread.stop();
}

/** Built-in services about files anywhere: threads that were begun, and new ones where there are not so many. */
export function takeThreads(count: number): ComputeThread[] {
  const taken = begun.splice(0, count);
  while (taken.length < count) taken.push(new ComputeThread({ roots: ['/'], modules: [] }));
  return taken;
}
