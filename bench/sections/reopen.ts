/** A large file that was finished before, asked again by a fresh daemon: does it come from the cache alone, and how soon? */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, RequestOptions } from '../../client/index.js';
import { Random } from '../../spec/random.js';
import { gib } from '../corpus/file.js';
import { makeSparse } from '../corpus/sparse.js';
import { startDaemon } from '../daemon.js';
import { median, percentile } from '../measure.js';
import { atMost, type Table } from '../table.js';
import type { Bench } from './section.js';

const fileBytes = 100 * gib;
const cells = 1024;
const zoomsPerRun = 40;
/** Of files that changed a moment ago nothing is kept: 2 s, and a margin. */
const settleMs = 3000;

interface Answer {
  readonly ms: number;
  readonly bytesRead: number;
}

export async function reopen(bench: Bench): Promise<Table[]> {
  const file = await makeSparse(bench.filesFolder, fileBytes);
  await sleep(settleMs);
  const cacheDir = join(bench.folder, 'reopen');
  bench.say('reopen: the first pass');
  const before = await startDaemon(bench, { cacheDir });
  const pass = await ask(before.client, { service: 'ENT', inputs: [file], cells });
  await before.close();
  const overviews: Answer[] = [];
  const zooms: Answer[] = [];
  for (let run = 0; run < bench.runs; run++) {
    bench.say(`reopen: fresh daemon ${run + 1}`);
    const daemon = await startDaemon(bench, { cacheDir });
    overviews.push(await ask(daemon.client, { service: 'ENT', inputs: [file], cells }));
    const places = new Random(run + 1);
    for (let i = 0; i < zoomsPerRun; i++) {
      const start = Math.floor(places.unit() * (fileBytes - fileBytes / 10));
      const range = [start, start + fileBytes / 10] as const;
      zooms.push(await ask(daemon.client, { service: 'ENT', inputs: [file], range, snap: true, cells }));
    }
    await daemon.close();
  }
  return [table(pass, overviews, zooms, await bytesOf(cacheDir))];
}

async function ask(client: Client, request: RequestOptions<'ENT'>): Promise<Answer> {
  const began = performance.now();
  const { work } = await client.request(request).final();
  return { ms: performance.now() - began, bytesRead: work.bytesRead };
}

function table(pass: Answer, overviews: readonly Answer[], zooms: readonly Answer[], cacheBytes: number): Table {
  const row = (what: string, answers: readonly Answer[]) => {
    const ms = answers.map((answer) => answer.ms);
    const bytesRead = answers.reduce((sum, answer) => sum + answer.bytesRead, 0);
    return { what, figures: [answers.length, median(ms), percentile(ms, 95), Math.max(...ms), bytesRead], samples: ms };
  };
  const overview = row('overview', overviews);
  const zoom = row('tenfold zooms, snapped', zooms);
  return {
    title: 'Reopening 100 GiB (sparse, 64 islands of data) that were finished before',
    note: `ENT with ${cells} cells, request to final report; each overview is the first request to a fresh daemon on the same cache, the zooms are at random places and follow it. The cache has ${cacheBytes.toLocaleString('en')} bytes.`,
    columns: [
      { name: 'asked' },
      { name: 'p50 ms', digits: 1 },
      { name: 'p95 ms', digits: 1 },
      { name: 'max ms', digits: 1 },
      { name: 'bytes read' },
    ],
    rows: [
      row('the first pass', [pass]),
      {
        ...overview,
        goals: [atMost(150, overview.figures[1]!, 'ms (median)'), atMost(0, overview.figures[4]!, 'bytes read')],
      },
      { ...zoom, goals: [atMost(100, zoom.figures[2]!, 'ms (p95)'), atMost(0, zoom.figures[4]!, 'bytes read')] },
      {
        what: 'cache',
        figures: [null, null, null, null, null],
        goals: [atMost(1, (100 * cacheBytes) / fileBytes, '% of the file')],
      },
    ],
  };
}

/** What the files in a folder take together. */
async function bytesOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = entries.filter((entry) => entry.isFile()).map((entry) => stat(join(entry.parentPath, entry.name)));
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
}
