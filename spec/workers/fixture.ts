/** Files in a fresh folder, and tasks over them run in this thread. */
import { mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statIdentity } from '../../cache/identity.js';
import type { Part } from '../../protocol/algebra.js';
import { type Form, fieldsOf, type Params } from '../../protocol/descriptor.js';
import type { BinglideError } from '../../protocol/errors.js';
import type { Task, TaskInput } from '../../protocol/messages.js';
import { decodePart } from '../../protocol/parts.js';
import { sampleFields } from '../../protocol/sample.js';
import { runTask, TaskFailure, type TaskHost, type TaskResult } from '../../workers/engine.js';
import type { AnyWorker } from '../../workers/service.js';
import { resolveRoots } from '../../workers/source.js';
import { Random } from '../random.js';

export class Sandbox {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'binglide-spec-')));

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, bytes: Uint8Array | string): string {
    writeFileSync(this.path(name), bytes);
    return this.path(name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A file of random bytes in a sandbox, which goes after the specs of the describe that asks for it. */
export function randomFile(size: number) {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());
  const file = new Random(11).bytes(size);
  return { sandbox, host: hostOf(sandbox.folder), file, path: sandbox.write('file', file) };
}

export function inputOf(path: string): TaskInput {
  return { path: Buffer.from(path), identity: statIdentity(statSync(path, { bigint: true })) };
}

export interface Asked {
  readonly paths: readonly string[];
  readonly runs: readonly (readonly [number, number])[];
  readonly cellBytes?: number;
  readonly form?: Form;
  readonly params?: Params;
  readonly kind?: Task['kind'];
}

export function taskOf({ paths, runs, cellBytes = 0, form = 'summed', params = {}, kind = 'exact' }: Asked): Task {
  return { kind, inputs: paths.map(inputOf), runs, cellBytes, form, params };
}

export function hostOf(folder: string, more: Partial<TaskHost> = {}): TaskHost {
  return {
    roots: resolveRoots([folder]),
    signal: new AbortController().signal,
    isCancelled: () => false,
    progressed: () => {},
    ...more,
  };
}

/** The part of a task, through its frames and back. */
export async function compute(service: AnyWorker, asked: Asked, host: TaskHost): Promise<Part> {
  const task = taskOf(asked);
  return partOf(service, task, await runTask(service, task, host));
}

export function partOf(service: AnyWorker, { runs, cellBytes, form, kind }: Task, { part }: TaskResult): Part {
  const span = { start: runs[0]![0], end: runs.at(-1)![1], cellBytes };
  const fields = fieldsOf(service.descriptor, form);
  return decodePart(kind === 'sample' ? [...fields, ...sampleFields] : fields, span, part);
}

/** The typed error that a task ends in. */
export async function failureOf(service: AnyWorker, task: Task, host: TaskHost): Promise<BinglideError> {
  try {
    await runTask(service, task, host);
  } catch (error) {
    if (error instanceof TaskFailure) return error.error;
    throw error;
  }
  throw new Error('the task did not fail');
}

/** Columns as plain lists, which chai compares and prints well. */
export function plain({ columns, ...span }: Part): unknown {
  return {
    ...span,
    columns: Object.fromEntries(Object.entries(columns).map(([name, data]) => [name, Array.from(data)])),
  };
}
