/** One job of very many tasks: does the broker's memory stay flat, and what does a task cost where reports are rare? */
import { setTimeout as sleep } from 'node:timers/promises';
import { makeSparse } from '../corpus/sparse.js';
import { startDaemon } from '../daemon.js';
import { median } from '../measure.js';
import type { Bench } from '../sections/section.js';
import { atLeast, atMost, type Table } from '../table.js';
import { cpuOf, residentBytes } from '../usage.js';
import { hist } from './hist.js';

const tasksMin = 100_000;
/** The least that a task is cut to: with the shortest slices every one has so many bytes. */
const taskBytesMin = 65_536;
const sampleEveryMs = 50;
/** The end of the job may hold that much more than its begin and still be flat. */
const flatRatio = 1.1;

export async function manyTasks(bench: Bench): Promise<Table> {
  const file = await makeSparse(bench.filesFolder, tasksMin * taskBytesMin, { islands: 0 });
  const daemon = await startDaemon(bench, { broker: { sliceMs: 0.001 } });
  const before = await cpuOf(daemon.pid);
  const job = hist(daemon.client, file);
  const samples: { readonly completion: number; readonly bytes: number }[] = [];
  let running = true;
  const end = job.final().finally(() => (running = false));
  while (running) {
    samples.push({ completion: job.latest?.completion ?? 0, bytes: await residentBytes(daemon.pid) });
    await Promise.race([end, sleep(sampleEveryMs)]);
  }
  const { tasks } = (await end).work;
  const cpuUs = (1000 * ((await cpuOf(daemon.pid)).allMs - before.allMs)) / tasks;
  await daemon.close();
  const around = (tenths: number) =>
    median(samples.filter(({ completion }) => Math.abs(completion * 10 - tenths) <= 0.5).map(({ bytes }) => bytes));
  const mib = (bytes: number) => bytes / 2 ** 20;
  return {
    title: 'The broker over one job of many tasks',
    note: `HIST of ${tasksMin} × 64 KiB with slices of 64 KiB, \`cache: false\`; resident bytes each ${sampleEveryMs} ms, medians from 5 to 15 % and from 85 to 95 % of the job.`,
    columns: [
      { name: 'tasks' },
      { name: 'CPU a task µs', digits: 1 },
      { name: 'at 10 % MiB', digits: 1 },
      { name: 'at 90 % MiB', digits: 1 },
      { name: 'max MiB', digits: 1 },
    ],
    rows: [
      {
        what: 'broker',
        figures: [tasks, cpuUs, mib(around(1)), mib(around(9)), mib(Math.max(...samples.map(({ bytes }) => bytes)))],
        goals: [
          atLeast(tasksMin, tasks, 'tasks'),
          atMost(85, cpuUs, 'µs a task'),
          atMost(flatRatio, around(9) / around(1), 'times the begin'),
        ],
        samples: samples.map(({ bytes }) => bytes),
      },
    ],
  };
}
