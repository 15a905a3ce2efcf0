/** A task that nobody waits for to end, over a file of holes: what a worker is cancelled, watched and disturbed in. */
import { type Answer, type Assignment, heartbeatMs } from './broker.js';
import { type Asked, inputOf, type Lab } from './lab.js';

const longMs = 60_000;
const longBytesMin = 64 * 2 ** 20;
const cells = 64;
/** Until the worker has said that it computes, or has had the time to. */
const underWayMs = 2 * heartbeatMs;
const lookMs = 20;

/** A task over a file of holes that takes about a minute, or as long as one request may be. */
export function longTask(lab: Lab): Asked {
  const long = lab.material.long();
  const { rangeBytesMax = Infinity } = lab.descriptor;
  const [first, last] = lab.range();
  const wanted = Math.max(longBytesMin, longMs / lab.msPerByte);
  const bytes = Math.floor(Math.min(long?.bytes ?? last - first, rangeBytesMax, wanted));
  const { widths, form } = lab.grid();
  if (widths[0] === 0) return { start: 0, end: bytes, cellBytes: 0, ...inputsOf(lab, long) };
  const isBlock = widths.length === 1;
  const cellBytes = isBlock ? widths[0]! : 2 ** Math.max(12, Math.ceil(Math.log2(bytes / cells)));
  const end = isBlock ? Math.min(bytes, cellBytes * 2 ** 16) : bytes;
  return { start: 0, end, cellBytes, form, ...inputsOf(lab, long) };
}

function inputsOf(lab: Lab, long: { readonly path: string } | null): Pick<Asked, 'inputs'> {
  return long ? { inputs: lab.files.map(() => inputOf(long.path)) } : {};
}

/** Until a heartbeat names the attempt, or it has had the time; or its answer, where that is earlier. */
export async function underWay({ target: { broker } }: Lab, { attempt, answer }: Assignment): Promise<Answer | null> {
  return firstOf(answer, () => broker.signs.some((sign) => sign.attempt === attempt), underWayMs);
}

/** The answer, or null where something is so before it, or the time is over. */
export async function firstOf(answer: Promise<Answer>, isSo: () => boolean, msMax: number): Promise<Answer | null> {
  const until = performance.now() + msMax;
  for (;;) {
    const first = await Promise.race([answer, new Promise<null>((resolve) => setTimeout(() => resolve(null), lookMs))]);
    if (first || isSo() || performance.now() >= until) return first;
  }
}
