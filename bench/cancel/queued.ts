/** Cancels of jobs that wait, because another client's job keeps all slots busy: until the broker has confirmed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../spec/random.js';
import { percentile } from '../measure.js';
import { atMost, type Row } from '../table.js';
import { row, type Subject } from './running.js';
import type { ProbedDaemon } from './slots.js';
import { newestStamp } from './stamps.js';

const afterMs = [0, 40] as const;
/** A kernel that was given the job all the same has left a stamp by then. */
const quietMs = 10;

/** `count` cancels of jobs none of which had begun; a kernel that runs afterwards all the same counts until it stops. */
export async function cancelQueued(
  daemon: ProbedDaemon,
  subjects: readonly Subject[],
  holdFile: string,
  count: number,
): Promise<Row[]> {
  const holder = await daemon.connect();
  const hold = holder.request({ service: 'HOLD', inputs: [holdFile], cache: false });
  const source = new Random(count);
  const ms: number[] = [];
  for (let turn = 0; ms.length < count; turn++) {
    const took = await cancelOne(daemon, subjects[turn % subjects.length]!, source.int(...afterMs));
    if (took !== undefined) ms.push(took);
  }
  await hold.cancel();
  await daemon.idle();
  return [{ ...row('queued', ms), goals: [atMost(10, percentile(ms, 99), 'ms (p99)')] }];
}

/** Undefined: a slot was free and it had begun. */
async function cancelOne(daemon: ProbedDaemon, subject: Subject, afterMs: number): Promise<number | undefined> {
  const { service, file } = subject;
  const before = newestStamp(daemon.stampsFolder);
  const job = daemon.client.request({ service, inputs: [file], cache: false });
  await sleep(afterMs);
  const began = newestStamp(daemon.stampsFolder) > before;
  const cancelledAt = process.hrtime.bigint();
  await job.cancel();
  const confirmedAt = process.hrtime.bigint();
  await sleep(quietMs);
  if (began) return undefined;
  const ends = [confirmedAt, newestStamp(daemon.stampsFolder)];
  return Math.max(...ends.map((end) => Number(end - cancelledAt))) / 1e6;
}
