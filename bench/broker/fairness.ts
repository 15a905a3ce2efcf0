/** Do clients that want the same get the same? */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HistFields, Job } from '../../client/index.js';
import { gib } from '../corpus/file.js';
import { makeSparse } from '../corpus/sparse.js';
import { startDaemon } from '../daemon.js';
import type { Bench } from '../sections/section.js';
import { atLeast, type Table } from '../table.js';
import { hist } from './hist.js';

const clients = 20;
const msPerRun = 4000;

export async function fairness(bench: Bench): Promise<Table> {
  const daemon = await startDaemon(bench);
  const jobs: Job<HistFields>[] = [];
  for (let seed = 1; seed <= clients; seed++) {
    const file = await makeSparse(bench.filesFolder, 1024 * gib, { islands: 4, seed });
    jobs.push(hist(await daemon.connect(), file));
  }
  const ms = bench.runs * msPerRun;
  await sleep(ms);
  const bytes = jobs.map((job) => job.latest?.fields.n ?? 0);
  await Promise.all(jobs.map((job) => job.cancel()));
  await daemon.close();
  const jain =
    bytes.reduce((sum, one) => sum + one, 0) ** 2 / (clients * bytes.reduce((sum, one) => sum + one ** 2, 0));
  return {
    title: `Fairness among ${clients} clients`,
    note: `Each asks HIST of a sparse file of 1 TiB of its own, all at once, 2 slots, for ${ms / 1000} s; bytes that its last report counts as done. Jain’s index is 1 where all have the same.`,
    columns: [
      { name: 'Jain’s index', digits: 3 },
      { name: 'least GiB', digits: 2 },
      { name: 'most GiB', digits: 2 },
    ],
    rows: [
      {
        what: `${clients} clients`,
        figures: [jain, Math.min(...bytes) / gib, Math.max(...bytes) / gib],
        goals: [atLeast(0.95, jain, 'of 1')],
        samples: bytes,
      },
    ],
  };
}
