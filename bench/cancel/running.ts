/** Cancels of jobs that compute: from `cancel()` to the last thing that a kernel did. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../spec/random.js';
import { percentile } from '../measure.js';
import { atMost, type Row } from '../table.js';
import type { ProbedDaemon } from './slots.js';
import { newestStamp } from './stamps.js';

/** A job is cancelled so long after it was asked, at random. */
const afterMs = [10, 200] as const;
/** More than any batch takes: by then a kernel that goes on has left another stamp. */
const quietMs = 20;

export interface Subject {
  readonly service: string;
  readonly file: string;
}

/** Milliseconds of `count` cancels of jobs whose kernels ran when they were cancelled, subjects in turn. */
export async function cancelRunning(daemon: ProbedDaemon, subjects: readonly Subject[], count: number): Promise<Row[]> {
  const source = new Random(count);
  const ms = new Map(subjects.map(({ service }) => [service, [] as number[]]));
  for (let done = 0, turn = 0; done < count; turn++) {
    const subject = subjects[turn % subjects.length]!;
    const took = await cancelOne(daemon, subject, source.int(...afterMs));
    if (took === undefined) continue;
    ms.get(subject.service)!.push(took);
    done++;
  }
  const all = [...ms.values()].flat();
  return [
    { ...row('running', all), goals: [atMost(50, percentile(all, 99), 'ms (p99)')] },
    ...[...ms].map(([service, some]) => row(`running, ${service.slice(1)}`, some)),
  ];
}

export function row(what: string, ms: readonly number[]): Row {
  return { what, figures: [ms.length, percentile(ms, 50), percentile(ms, 99), Math.max(...ms)], samples: ms };
}

/** Undefined: no kernel ran yet, or the job was over. */
async function cancelOne(daemon: ProbedDaemon, subject: Subject, afterMs: number): Promise<number | undefined> {
  const { service, file } = subject;
  const askedAt = process.hrtime.bigint();
  const job = daemon.client.request({ service, inputs: [file], cache: false });
  await sleep(afterMs);
  const ran = newestStamp(daemon.stampsFolder) > askedAt && job.latest?.exact !== true;
  const cancelledAt = process.hrtime.bigint();
  await job.cancel();
  await daemon.idle();
  await sleep(quietMs);
  if (!ran) return undefined;
  const last = newestStamp(daemon.stampsFolder);
  return last > cancelledAt ? Number(last - cancelledAt) / 1e6 : 0;
}
