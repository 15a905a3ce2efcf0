/** How long a small job takes beside another client's large one. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../client/index.js';
import { gib } from '../corpus/file.js';
import { makeSparse } from '../corpus/sparse.js';
import { startDaemon } from '../daemon.js';
import { median, percentile } from '../measure.js';
import type { Bench } from '../sections/section.js';
import { atMost, type Table } from '../table.js';
import { hist } from './hist.js';

/** As large as files may be on the usual file systems. */
const largeBytes = 15 * 1024 * gib;
const smallTasks = 4;
const smallJobsPerRun = 20;
const warmUpMs = 2000;

export async function smallBesideLarge(bench: Bench): Promise<Table> {
  const large = await makeSparse(bench.filesFolder, largeBytes);
  const small = await makeSparse(bench.filesFolder, 100 * gib);
  const daemon = await startDaemon(bench);
  const owner = await daemon.connect();
  const taskBytes = await bytesATask(owner, large);
  const latencies = { idle: [] as number[], beside: [] as number[] };
  let tasks = 0;
  const ask = async (into: number[]) => {
    for (let i = 0; i < smallJobsPerRun; i++) {
      const began = performance.now();
      const report = await hist(daemon.client, small, [0, smallTasks * taskBytes]).final();
      into.push(performance.now() - began);
      tasks = report.work.tasks;
    }
  };
  await ask([]);
  for (let run = 0; run < bench.runs; run++) {
    await daemon.idle();
    await ask(latencies.idle);
    const job = hist(owner, large);
    await sleep(warmUpMs);
    await ask(latencies.beside);
    await job.cancel();
  }
  await daemon.close();
  const row = (what: string, ms: readonly number[]) => ({
    what,
    figures: [ms.length, median(ms), percentile(ms, 95), Math.max(...ms)],
    samples: ms,
  });
  const ratio = percentile(latencies.beside, 95) / percentile(latencies.idle, 95);
  return {
    title: 'A small job beside a large one of another client',
    note: `HIST, \`cache: false\`, 2 slots. The large job is 15 TiB (sparse), ${Math.round(largeBytes / taskBytes).toLocaleString('en')} tasks of ${(taskBytes / 2 ** 20).toFixed(1)} MiB as they come; the small one has the bytes of ${smallTasks} of them, which the broker cut into ${tasks} tasks. Request to final report, in turn: ${smallJobsPerRun} idle, ${smallJobsPerRun} beside, ${bench.runs} times.`,
    columns: [
      { name: 'jobs' },
      { name: 'p50 ms', digits: 1 },
      { name: 'p95 ms', digits: 1 },
      { name: 'max ms', digits: 1 },
    ],
    rows: [
      row('idle', latencies.idle),
      { ...row('beside', latencies.beside), goals: [atMost(2.5, ratio, 'times idle (p95)')] },
    ],
  };
}

/** Of a job that has settled, between two of its reports; a multiple of 4096. */
async function bytesATask(client: Client, file: string): Promise<number> {
  const job = hist(client, file);
  await sleep(warmUpMs);
  const before = job.latest!;
  await sleep(warmUpMs);
  const after = job.latest!;
  await job.cancel();
  const bytes = (after.fields.n - before.fields.n) / (after.work.tasks - before.work.tasks);
  return Math.round(bytes / 4096) * 4096;
}
