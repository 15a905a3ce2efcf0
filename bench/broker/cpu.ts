/**
 * What a task costs the broker: CPU time of its process by the tasks that it gave out, beside a ROUTER that only hands
 * frames on at the same pace.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { end, start } from '../children.js';
import { gib } from '../corpus/file.js';
import { makeSparse } from '../corpus/sparse.js';
import { startDaemon } from '../daemon.js';
import { median } from '../measure.js';
import { bareRouterProgram } from '../places.js';
import type { Bench } from '../sections/section.js';
import { atMost, type Table } from '../table.js';
import { cpuOf } from '../usage.js';
import { hist } from './hist.js';

const cpuIdleMs = 5000;
const slots = 2;

export async function cpuATask(bench: Bench): Promise<Table> {
  const file = await makeSparse(bench.filesFolder, 100 * gib);
  const daemon = await startDaemon(bench, { slots });
  const idleBefore = await cpuOf(daemon.pid);
  await sleep(cpuIdleMs);
  const idleMsPerSecond = ((await cpuOf(daemon.pid)).allMs - idleBefore.allMs) / (cpuIdleMs / 1000);
  const all: number[] = [];
  const main: number[] = [];
  const taskMs: number[] = [];
  let taskCount = 0;
  for (let run = 0; run <= bench.runs; run++) {
    const before = await cpuOf(daemon.pid);
    const { tasks, elapsedMs } = (await hist(daemon.client, file).final()).work;
    const after = await cpuOf(daemon.pid);
    if (run === 0) continue;
    taskCount += tasks;
    taskMs.push((slots * elapsedMs) / tasks);
    all.push((1000 * (after.allMs - before.allMs)) / tasks);
    main.push((1000 * (after.mainMs - before.mainMs)) / tasks);
  }
  await daemon.close();
  const pace = median(taskMs);
  const bare = await bareRouter(bench, pace);
  const row = (what: string, us: readonly number[]) => ({
    what,
    figures: [Math.min(...us), median(us), Math.max(...us)],
    samples: us,
  });
  return {
    title: 'CPU of the broker a HIST task',
    note: `User and system time of the broker’s process by tasks, 2 slots, \`cache: false\` (so nothing is committed), 100 GiB sparse; heartbeats and reports to one client included. ${taskCount} tasks in ${bench.runs} runs. A task takes ${pace.toFixed(1)} ms. Idle the broker takes ${idleMsPerSecond.toFixed(1)} ms a second. The bare ROUTER hands on frames of the same sizes, its two peers compute for as long; it is what the binding, the system and the processors’ cold caches take.`,
    columns: [
      { name: 'min µs', digits: 1 },
      { name: 'median µs', digits: 1 },
      { name: 'max µs', digits: 1 },
    ],
    rows: [
      { ...row('all threads', all), goals: [atMost(85, median(all), 'µs')] },
      row('main thread', main),
      row('bare ROUTER, all threads', bare),
    ],
  };
}

/** Microseconds a message and its answer, a sample a run. */
async function bareRouter(bench: Bench, taskMs: number): Promise<number[]> {
  const endpoint = `ipc://${join(bench.folder, 'bare.sock')}`;
  const program = (role: string, ...args: string[]) =>
    start(process.execPath, [bareRouterProgram, role, endpoint, ...args], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
  const router = program('router');
  await once(router.stdout!, 'data');
  const workers = Array.from({ length: slots }, () => program('worker', String(taskMs)));
  const answers = async () => {
    router.send('how many');
    return ((await once(router, 'message')) as [number])[0];
  };
  const samples: number[] = [];
  for (let run = 0; run <= bench.runs; run++) {
    const [before, answersBefore] = [await cpuOf(router.pid!), await answers()];
    await sleep(cpuIdleMs);
    const [after, answersAfter] = [await cpuOf(router.pid!), await answers()];
    if (run > 0) samples.push((1000 * (after.allMs - before.allMs)) / (answersAfter - answersBefore));
  }
  await Promise.all([router, ...workers].map((child) => end(child)));
  return samples;
}
