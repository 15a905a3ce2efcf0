/** A viewer that pans: each request takes the place of the one before. How many jobs live at the broker meanwhile? */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../client/index.js';
import { gib } from '../corpus/file.js';
import type { Daemon } from '../daemon.js';
import { mean } from '../measure.js';
import { atMost, type Row } from '../table.js';

const panMs = 50;
const viewBytes = 10 * gib;
const stepBytes = gib / 4;
const watchMs = 3;

/** Live jobs, asked by another client all the while. */
export async function pan(daemon: Daemon, file: string, pans: number): Promise<Row> {
  const watcher = await daemon.connect();
  const live: number[] = [];
  let panning = true;
  const watch = (async () => {
    while (panning) {
      live.push((await watcher.jobs()).length);
      await sleep(watchMs);
    }
  })();
  let job: Job<unknown> | undefined;
  const began = performance.now();
  for (let i = 0; i < pans; i++) {
    void job?.cancel();
    const start = (i % 256) * stepBytes;
    job = daemon.client.request({ service: 'ENT', inputs: [file], range: [start, start + viewBytes], cache: false });
    await sleep(Math.max(0, began + (i + 1) * panMs - performance.now()));
  }
  panning = false;
  await Promise.all([watch, job?.cancel()]);
  await daemon.idle();
  const most = Math.max(...live);
  return {
    what: `${pans} pans in ${((pans * panMs) / 1000).toFixed(0)} s`,
    figures: [live.length, mean(live), most],
    goals: [atMost(1, most, 'live job')],
    samples: live,
  };
}
