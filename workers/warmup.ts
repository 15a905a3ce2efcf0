/**
 * Practice for a compute thread that has nothing to do: V8 compiles what has run some hundred times, and until then a
 * task takes ten times as long. A daemon's first request is not to be what its slots learn on.
 *
 * Real tasks over a real file that is always there, the program that runs us; their answers are thrown away.
 */
import { statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { statIdentity } from '../cache/identity.js';
import { hasCells } from '../protocol/descriptor.js';
import type { Task } from '../protocol/messages.js';
import { runTask } from './engine.js';
import type { AnyWorker } from './service.js';
import { resolveRoots } from './source.js';

/** Rounds over all services, and the runs of one sample: a few milliseconds each. */
const rounds = 12;
const runs = 48;
const runBytes = 4096;
const gapBytes = 65_536;

/** Ends early as soon as `isWanted` says so, asked every few milliseconds. */
export async function warmUp(services: readonly AnyWorker[], isWanted: () => boolean): Promise<void> {
  const path = process.execPath;
  const input = { path: Buffer.from(path), identity: statIdentity(statSync(path, { bigint: true })) };
  const host = {
    roots: resolveRoots(['/']),
    signal: new AbortController().signal,
    isCancelled: isWanted,
    progressed: () => {},
  };
  for (let round = 0; round < rounds; round++) {
    for (const service of services) {
      for (const task of tasksOf(service, input)) {
        if (isWanted()) return;
        // Whatever goes wrong here goes wrong again where somebody hears of it.
        await runTask(service, task, host).catch(() => {});
        await nextTurn();
      }
    }
  }
}

function tasksOf({ descriptor }: AnyWorker, input: Task['inputs'][number]): Task[] {
  const { inputs: count, params: specs } = descriptor;
  const params = Object.fromEntries(specs.map((spec) => [spec.name, spec.default]));
  const shared = {
    inputs: Array.from({ length: count }, () => input),
    cellBytes: hasCells(descriptor) ? 4 * gapBytes : 0,
    form: 'summed',
    params,
  } as const;
  const short = Array.from({ length: runs }, (_, i) => [i * gapBytes, i * gapBytes + runBytes] as const);
  return [
    { ...shared, kind: 'sample', runs: short },
    { ...shared, kind: 'exact', runs: [[0, 4 * gapBytes]] },
  ];
}
