/** Before the first task: what the program says of itself, and that its worker registers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Descriptor, descriptorDigest } from '../../../protocol/descriptor.js';
import { counted, duration } from '../../cli/units.js';
import { describe } from '../../service-program.js';
import type { Target } from '../target.js';
import { CheckFailure, ok, type Verdict } from '../verdict.js';

/** Longer than it is given; others may hold its pipes open for ever. */
const describeMsMax = 25_000;

/** Its descriptor by `--describe`; throws CheckFailure. */
export async function described(target: Target): Promise<Descriptor> {
  const late = sleep(describeMsMax, null, { ref: false }).then(() => {
    throw new Error(`${target.program.typed} --describe did not end in ${describeMsMax / 1000} s`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([describe(target.program), late]);
  } catch (error) {
    throw new CheckFailure(
      (error as Error).message,
      '`--describe` prints the descriptor as one line of JSON on standard output and ends with 0',
    );
  }
}

/** `ready` null: its worker has not registered. */
export function checkDescribe(descriptor: Descriptor, ready: Descriptor | null): Verdict {
  const { name, version, params, fields } = descriptor;
  if (ready) {
    const keys = [...new Set([...Object.keys(descriptor), ...Object.keys(ready)])] as (keyof Descriptor)[];
    const key = keys.find((it) => canonical(descriptor[it]) !== canonical(ready[it]));
    if (key !== undefined) {
      throw new CheckFailure(
        `--describe and READY differ in ${key}: ${short(descriptor[key])} and ${short(ready[key])}`,
        'both are to come from one place in the program, also its version',
      );
    }
  }
  const digest = descriptorDigest(descriptor);
  return ok(
    `${name} version ${version}, ${counted(params.length, 'parameter')}, ${counted(fields.length, 'field')}, ${digest}`,
  );
}

export async function checkReady(target: Target): Promise<Verdict> {
  await target.start();
  const { ms, credit } = target.ready!;
  return ok(`registered in ${duration(ms)}, takes ${counted(credit, 'task')} at a time`);
}

/** The order of keys says nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

const short = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 200));
