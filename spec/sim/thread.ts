/**
 * What workers/thread.ts is to the real process: one task at a time, others wait in order. A task takes virtual time and
 * is then computed by the real service; it may crash the process, spin, be deaf, throw or lie.
 */
import { type Fault, type FinishTask, fail, type PartFrames, type Task, type TaskWork } from '../../protocol/index.js';
import { runFinish } from '../../workers/finish.js';
import type { AnyWorker } from '../../workers/service.js';
import type { Process } from './clock.js';
import { computePart } from './compute.js';
import { type Files, textOf } from './files.js';
import type { World } from './world.js';

export interface SlotFaults {
  /** A task that kills the process. */
  readonly crash: number;
  /** A task that never ends and does not listen. */
  readonly spin: number;
  /** A kernel that does not hear that it is cancelled. */
  readonly deaf: number;
  /** The service throws. */
  readonly throws: number;
  /** A part that is none. */
  readonly lies: number;
  /** An answer that is given once more, by whichever connection there is then. */
  readonly repeats: number;
}

export interface SlotSetup {
  readonly name: string;
  readonly services: readonly AnyWorker[];
  readonly credit: number;
  readonly bytesPerMs: number;
  readonly seekMs: number;
  readonly heartbeatMs: number;
  readonly taskStallMs: number;
  readonly faults: SlotFaults;
}

/** The process that the thread is in. */
interface Host {
  readonly world: World;
  readonly setup: SlotSetup;
  readonly process: Process;
  readonly files: Files;
  readonly told: (fault: 'crash' | 'spin' | 'throw' | 'lie', service: string) => void;
  crash(): void;
}

type TaskEnd =
  | { readonly kind: 'taskComputed'; readonly part: PartFrames; readonly work: TaskWork }
  | { readonly kind: 'taskFailed'; readonly fault: Fault; readonly work: TaskWork };

interface ThreadTask {
  readonly id: number;
  readonly service: AnyWorker;
  readonly task: Task | FinishTask;
  readonly ended: (end: TaskEnd) => void;
  readonly startedMs: number;
  readonly lastsMs: number;
  readonly isDeaf: boolean;
}

const inputsOf = (task: Task | FinishTask) => (task.kind === 'finish' ? [] : task.inputs);
const runsOf = (task: Task | FinishTask) => (task.kind === 'finish' ? [] : task.runs);
const bytesOf = (task: Task | FinishTask) => runsOf(task).reduce((sum, [start, end]) => sum + end - start, 0);
const nothing: TaskWork = { bytesRead: 0, ms: 0 };

export class SimThread {
  #running: ThreadTask | undefined;
  #waiting: ThreadTask[] = [];
  #ids = 0;

  constructor(readonly slot: Host) {}

  start(service: AnyWorker, task: Task | FinishTask, ended: ThreadTask['ended']): number {
    const { world, setup } = this.slot;
    const usualMs = bytesOf(task) / setup.bytesPerMs + 0.1;
    const lastsMs = world.chance(setup.faults.spin)
      ? Infinity
      : Math.ceil(usualMs * (0.5 + world.random.unit()) * 64) / 64;
    const isDeaf = lastsMs === Infinity || world.chance(setup.faults.deaf);
    if (lastsMs === Infinity) this.slot.told('spin', service.descriptor.name);
    this.#waiting.push({ id: ++this.#ids, service, task, ended, startedMs: 0, lastsMs, isDeaf });
    this.#next();
    return this.#ids;
  }

  abort(id: number): void {
    const at = this.#waiting.findIndex((task) => task.id === id);
    const cancelled = fail('E_CANCELLED', 'the task was cancelled').toFault();
    if (at >= 0) {
      const [task] = this.#waiting.splice(at, 1);
      task!.ended({ kind: 'taskFailed', fault: cancelled, work: nothing });
    } else if (this.#running?.id === id && !this.#running.isDeaf) {
      const task = this.#running;
      const { process, world } = this.slot;
      process.after(world.ms(0, 10), () =>
        this.#end(task, {
          kind: 'taskFailed',
          fault: cancelled,
          work: { bytesRead: this.bytesDone(id), ms: process.now - task.startedMs },
        }),
      );
    }
  }

  replace(id: number): void {
    const at = this.#waiting.findIndex((task) => task.id === id);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (this.#running?.id !== id) return;
    this.#running = undefined;
    this.#next();
  }

  bytesDone(id: number): number {
    const task = this.#running;
    if (task?.id !== id || task.lastsMs === Infinity) return 0;
    return Math.floor(Math.min(1, (this.slot.process.now - task.startedMs) / task.lastsMs) * bytesOf(task.task));
  }

  #next(): void {
    if (this.#running) return;
    const next = this.#waiting.shift();
    if (!next) return;
    const { process, world, setup } = this.slot;
    const task = { ...next, startedMs: process.now };
    this.#running = task;
    if (world.chance(setup.faults.crash)) {
      process.after(Math.min(task.lastsMs, 20) / 2, () => this.slot.crash());
      return;
    }
    if (!this.#unchanged(task)) return process.after(0.125, () => this.#end(task, this.#changed()));
    if (task.lastsMs < Infinity) process.after(task.lastsMs, () => this.#end(task, this.#compute(task)));
  }

  /** Later than an abort or a replacement it is not heard. */
  #end(task: ThreadTask, end: TaskEnd): void {
    if (this.#running?.id !== task.id) return;
    this.#running = undefined;
    task.ended(end);
    this.#next();
  }

  #unchanged({ task }: ThreadTask): boolean {
    return inputsOf(task).every(({ path, identity }) => {
      const now = this.slot.files.get(textOf(path))?.identity;
      return now?.mtimeNs === identity.mtimeNs && now.size === identity.size;
    });
  }

  #changed(): TaskEnd {
    return {
      kind: 'taskFailed',
      fault: fail('E_CHANGED', 'the file changed while it was read').toFault(),
      work: nothing,
    };
  }

  #compute(running: ThreadTask): TaskEnd {
    const { task, service, startedMs } = running;
    const { world, setup, files, process } = this.slot;
    if (!this.#unchanged(running)) return this.#changed();
    if (world.chance(setup.faults.throws)) {
      this.slot.told('throw', service.descriptor.name);
      return { kind: 'taskFailed', fault: fail('E_SERVICE', 'the service threw').toFault(), work: nothing };
    }
    const bytes = inputsOf(task).map(({ path }) => files.get(textOf(path))!.bytes);
    const batchBytes = world.random.pick([65_536, 200_000, 2 ** 20]);
    const isFinish = task.kind === 'finish';
    const part = isFinish ? runFinish(service, task).part : computePart(service, task, bytes, batchBytes);
    const seeks = task.kind === 'sample' && { seekMs: setup.seekMs };
    const work = { bytesRead: bytesOf(task) * bytes.length, ms: process.now - startedMs, ...seeks };
    if (!world.chance(setup.faults.lies)) return { kind: 'taskComputed', part, work };
    this.slot.told('lie', service.descriptor.name);
    return {
      kind: 'taskComputed',
      part: { arrays: part.arrays, frames: part.frames.map((it) => it.subarray(0, -1)) },
      work,
    };
  }
}
