/** A worker that computes is still there: it hears a cancellation, tells that it lives, and goes on afterwards. */
import { livenessLimit } from '../../../protocol/liveness.js';
import { counted, duration } from '../../cli/units.js';
import { type Answer, type Assignment, heartbeatMs } from '../broker.js';
import { firstDifference } from '../difference.js';
import { type Asked, type Lab, told } from '../lab.js';
import { firstOf, longTask, underWay } from '../long-task.js';
import { CheckFailure, doesNotApply, ok, type Verdict } from '../verdict.js';

const cancelledMsMax = 1000;
/** So long it is waited for, to tell by how much it is late. */
const cancelledMsPatience = 4000;
/** A second answer would come about now. */
const quietMs = 300;
/** So many times it has said so. */
const beatsEnough = 3;
const watchedMs = (livenessLimit + 1) * heartbeatMs;

export async function checkCancel(lab: Lab): Promise<Verdict> {
  try {
    return await cancelTwo(lab);
  } catch (error) {
    // It may be busy still.
    await lab.target.end();
    throw error;
  }
}

async function cancelTwo(lab: Lab): Promise<Verdict> {
  const { target } = lab;
  const { broker } = target;
  const { credit } = await target.start();
  const [start, end] = lab.usual(2 ** 16);
  const small = { start, end };
  const before = await lab.part(small);
  const running = broker.assign(lab.frames(longTask(lab)), 2);
  const queued = credit >= 2 ? broker.assign(lab.frames(small), 2) : null;
  await underWay(lab, running);
  const cancelledAt = performance.now();
  broker.cancel(2, queued ? [running.attempt, queued.attempt] : [running.attempt]);
  const patience = cancelledMsPatience;
  const late = ({ attempt, answer }: Assignment): Promise<Ended> =>
    target.within(answer, attempt, patience).then((it) => ({ answer: it, ms: performance.now() - cancelledAt }));
  const ends = await Promise.all([running, ...(queued ? [queued] : [])].map(late));
  const seen = ends.map((end, i) => cancelled(i === 0 ? 'the running task' : 'the queued task', end));
  const after = await lab.part(small);
  const difference = firstDifference(lab.fields(small), before, after);
  if (difference)
    throw new CheckFailure(`the next task’s part is another one: ${difference.what}`).at(lab.where(small));
  await new Promise((resolve) => setTimeout(resolve, quietMs));
  return ok(`${seen.join(', ')}; the next task was answered`);
}

interface Ended {
  readonly answer: Answer;
  /** Since it was cancelled. */
  readonly ms: number;
}

/** In words; throws where it is not how a cancelled task ends. */
function cancelled(name: string, { answer, ms }: Ended): string {
  const hint =
    'test for cancellation at least every 1 MiB (task.check()), and end a computation that does not stop from outside';
  if (answer.kind === 'lost') throw new CheckFailure(`${name} was cancelled: ${answer.why}`, hint);
  const isCancelled = answer.kind === 'part' || answer.fault.code === 'E_CANCELLED';
  if (!isCancelled) {
    throw new CheckFailure(
      `${name} was cancelled: wanted E_CANCELLED, got ${told(answer)}`,
      'a cancelled task is no failure',
    );
  }
  if (ms > cancelledMsMax) throw new CheckFailure(`${name} was cancelled and answered ${duration(ms)} later`, hint);
  if (answer.kind === 'part') return `${name} was done before it was cancelled`;
  return `${name} E_CANCELLED after ${duration(ms)}`;
}

export async function checkAlive(lab: Lab): Promise<Verdict> {
  await lab.target.start();
  const asked = longTask(lab);
  const verdict = await watchBusy(lab, asked);
  if (verdict.outcome !== 'does not apply') return verdict;
  // What was measured before were short tasks of a process that had just begun; this one has told its real pace.
  const longer = longTask(lab);
  return longer.end > asked.end ? watchBusy(lab, longer) : verdict;
}

async function watchBusy(lab: Lab, asked: Asked): Promise<Verdict> {
  const { target } = lab;
  const { broker } = target;
  const beatsOf = (attempt: number) => broker.signs.filter((sign) => sign.attempt === attempt);
  broker.signs = [];
  const began = performance.now();
  const { attempt, answer } = broker.assign(lab.frames(asked), 3);
  const early = await firstOf(answer, () => beatsOf(attempt).length >= beatsEnough, watchedMs);
  const watched = performance.now() - began;
  const beats = beatsOf(attempt);
  if (early?.kind === 'lost') {
    await target.end();
    throw lostWhileBusy(early.why);
  }
  if (early) {
    if (early.kind === 'fault') throw new CheckFailure(told(early)).at(lab.where(asked));
    lab.msPerByte = watched / (asked.end - asked.start);
    if (watched < 3 * heartbeatMs) return doesNotApply(`its longest task took ${duration(watched)}, too short to tell`);
  } else {
    broker.cancel(3, [attempt]);
    await target.settle({ attempt, answer }, cancelledMsPatience);
  }
  const gap = longestGap(
    began,
    began + watched,
    broker.signs.map(({ at }) => at),
  );
  if (gap > livenessLimit * heartbeatMs) throw lostWhileBusy(`nothing came from it for ${duration(gap)}`);
  if (beats.length === 0) {
    throw new CheckFailure(
      'no heartbeat named the attempt that runs',
      'HEARTBEAT of a busy worker carries {attempt, bytesDone}; without it a task is ended as stalled after 30 s',
    );
  }
  const grows = beats.at(-1)!.bytesDone! > beats[0]!.bytesDone!;
  const note = grows || beats.length < 2 ? '' : '\nnote: bytesDone did not grow; a task that does so for 30 s is ended';
  return ok(`${counted(beats.length, 'heartbeat')} in ${duration(watched)}, every ${heartbeatMs} ms asked for${note}`);
}

function lostWhileBusy(why: string): CheckFailure {
  return new CheckFailure(
    `while a task runs: ${why}`,
    'heartbeats come from another thread or process than the one that computes; a broker takes a silent worker for dead',
  );
}

function longestGap(start: number, end: number, signs: readonly number[]): number {
  const moments = [start, ...signs.filter((at) => at > start && at < end), end];
  return Math.max(...moments.slice(1).map((at, i) => at - moments[i]!));
}
