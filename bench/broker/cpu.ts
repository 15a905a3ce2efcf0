/** What a task costs the broker: CPU time of its process by the tasks that it gave out. */
import { setTimeout as sleep } from 'node:timers/promises';
import { gib } from '../corpus/file.js';
import { makeSparse } from '../corpus/sparse.js';
import { startDaemon } from '../daemon.js';
import { median } from '../measure.js';
import type { Bench } from '../sections/section.js';
import { atMost, type Table } from '../table.js';
import { cpuOf } from '../usage.js';
import { hist } from './hist.js';

const cpuIdleMs = 5000;

export async function cpuATask(bench: Bench): Promise<Table> {
  const file = await makeSparse(bench.filesFolder, 100 * gib);
  const daemon = await startDaemon(bench);
  const idleBefore = await cpuOf(daemon.pid);
  await sleep(cpuIdleMs);
  const idleMsPerSecond = ((await cpuOf(daemon.pid)).allMs - idleBefore.allMs) / (cpuIdleMs / 1000);
  const all: number[] = [];
  const main: number[] = [];
  let taskCount = 0;
  for (let run = 0; run <= bench.runs; run++) {
    const before = await cpuOf(daemon.pid);
    const { tasks } = (await hist(daemon.client, file).final()).work;
    const after = await cpuOf(daemon.pid);
    if (run === 0) continue;
    taskCount += tasks;
    all.push((1000 * (after.allMs - before.allMs)) / tasks);
    main.push((1000 * (after.mainMs - before.mainMs)) / tasks);
  }
  await daemon.close();
  const row = (what: string, us: readonly number[]) => ({
    what,
    figures: [Math.min(...us), median(us), Math.max(...us)],
    samples: us,
  });
  return {
    title: 'CPU of the broker a HIST task',
    note: `User and system time of the broker’s process by tasks, 2 slots, \`cache: false\` (so nothing is committed), 100 GiB sparse; heartbeats and reports to one client included. ${taskCount} tasks in ${bench.runs} runs. Idle it takes ${idleMsPerSecond.toFixed(1)} ms a second.`,
    columns: [
      { name: 'min µs', digits: 1 },
      { name: 'median µs', digits: 1 },
      { name: 'max µs', digits: 1 },
    ],
    rows: [{ ...row('all threads', all), goals: [atMost(85, median(all), 'µs')] }, row('main thread', main)],
  };
}
