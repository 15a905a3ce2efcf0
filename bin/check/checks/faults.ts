/** Files that a worker may not read: each is a typed error, at once, and the worker lives on. */
import { appendFileSync, rmSync, statSync, truncateSync, utimesSync } from 'node:fs';
import type { ErrorCode } from '../../../protocol/errors.js';
import type { TaskInput } from '../../../protocol/messages.js';
import type { SignOfLife } from '../broker.js';
import { inputOf, type Lab, told } from '../lab.js';
import { longTask, underWay } from '../long-task.js';
import { CheckFailure, doesNotApply, ok, type Verdict } from '../verdict.js';

const bytes = 5000;
/** From the end of the file, which comes when the next bytes are read. */
const shrunkMsMax = 5000;
const fileOf = (lab: Lab, name: string): string => lab.material.write(name, new Uint8Array(bytes).fill(97));

export async function checkChanged(lab: Lab): Promise<Verdict> {
  const grown = fileOf(lab, 'grown.bin');
  const before = inputOf(grown);
  appendFileSync(grown, 'more');
  await wants(lab, before, ['E_CHANGED'], 'a file that grew');
  const touched = fileOf(lab, 'touched.bin');
  const untouched = inputOf(touched);
  utimesSync(touched, 1, 1);
  await wants(lab, untouched, ['E_CHANGED'], 'a file that was written at another time');
  const other = inputOf(fileOf(lab, 'replaced.bin'));
  const now = inputOf(fileOf(lab, 'replacing.bin'));
  // By its path it is the file that was meant, by its identity it is not.
  await wants(lab, { path: now.path, identity: other.identity }, ['E_CHANGED'], 'another file in its place');
  const shrunk = await checkShrunk(lab);
  return ok(
    `E_CHANGED for a file that grew, was written again, was replaced${shrunk ? ', shrank while it was read' : ''}`,
  );
}

/** False: no task takes long enough, or none is answered at all. */
async function checkShrunk(lab: Lab): Promise<boolean> {
  const path = lab.material.long()?.path;
  if (!lab.computes || path === undefined) return false;
  const { target } = lab;
  await target.start();
  const running = target.broker.assign(lab.frames(longTask(lab)), 4);
  const early = await underWay(lab, running);
  if (early) return false;
  truncateSync(path, 0);
  const shrunkAt = performance.now();
  const answer = await target.within(running.answer, running.attempt, shrunkMsMax);
  if (answer.kind === 'fault' && answer.fault.code === 'E_CHANGED') return true;
  const beats = target.broker.signs.filter(({ at, attempt }) => at > shrunkAt && attempt === running.attempt);
  const isBusy = answer.kind === 'lost' && target.isRunning && !growing(beats);
  await target.end();
  // It has not come to reading more: nothing can be told.
  if (isBusy) return false;
  throw new CheckFailure(
    `a file that shrank while it was read: wanted E_CHANGED, got ${told(answer)}`,
    'where fewer bytes come than the run has, the file has changed: say so at once (a file that is mapped ends the process)',
  );
}

function growing(beats: readonly SignOfLife[]): boolean {
  return (beats.at(-1)?.bytesDone ?? 0) > (beats[0]?.bytesDone ?? 0);
}

export async function checkMissing(lab: Lab): Promise<Verdict> {
  const gone = fileOf(lab, 'gone.bin');
  const input = inputOf(gone);
  rmSync(gone);
  await wants(lab, input, ['E_NOT_FOUND'], 'a file that is gone');
  const { identity } = input;
  const folder = { path: Buffer.from(lab.material.folder), identity };
  await wants(lab, folder, ['E_DIRECTORY'], 'a folder');
  return ok('E_NOT_FOUND, and E_DIRECTORY for a folder');
}

export async function checkOutside(lab: Lab): Promise<Verdict> {
  const outside = lab.material.outside(lab.target.roots);
  if (!outside) return doesNotApply(`the checked file’s folder, ${lab.target.roots.at(-1)}, holds everything`);
  const { file, link } = outside;
  await wants(lab, inputOf(file), ['E_OUTSIDE_ROOTS'], 'a file under no --root');
  await wants(lab, { ...inputOf(file), path: Buffer.from(link) }, ['E_OUTSIDE_ROOTS'], 'a link out of the --root');
  return ok('E_OUTSIDE_ROOTS, also for a link that leads out');
}

/** The file stands for every input; the run is one that it would have. */
async function wants(lab: Lab, input: TaskInput, codes: readonly ErrorCode[], what: string): Promise<void> {
  const end = Math.min(bytes, statOf(input));
  const asked = { start: 0, end, inputs: lab.files.map(() => input) };
  const answer = await lab.ask(asked);
  const got = answer.kind === 'fault' ? `${answer.fault.code} (${answer.fault.message})` : 'a part';
  if (answer.kind === 'fault' && codes.includes(answer.fault.code)) return;
  throw new CheckFailure(
    `${what}: wanted ${codes.join(' or ')}, got ${answer.kind === 'lost' ? answer.why : got}`,
    codes[0] === 'E_CHANGED'
      ? 'compare dev, ino, size, mtimeNs and ctimeNs of the open file with the task’s identity, before reading and after'
      : 'resolve links, then look at the path before anything is read; answer ERROR and go on',
  );
}

function statOf({ path }: TaskInput): number {
  return statSync(Buffer.from(path), { throwIfNoEntry: false })?.size ?? bytes;
}
