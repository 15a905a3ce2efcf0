/**
 * A worker process: one slot, one compute thread, real WorkerCores side by side, each with a socket of its own. The
 * thread takes virtual time and then computes with the real service; it may crash the process, spin, or be deaf.
 */
import {
  decodeToWorker,
  encodeFromWorker,
  type Fault,
  type FromWorker,
  fail,
  type PartFrames,
  type SlotId,
  type Task,
  type TaskWork,
} from '../../protocol/index.js';
import { WorkerCore } from '../../workers/core.js';
import type { WorkerCommand, WorkerEvent } from '../../workers/events.js';
import type { AnyWorker } from '../../workers/service.js';
import { Alarm, Process } from './clock.js';
import { computePart } from './compute.js';
import { describe, isChatter } from './describe.js';
import { type Files, textOf } from './files.js';
import type { Dealer, Network } from './network.js';
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
  readonly heartbeatMs: number;
  readonly taskStallMs: number;
  readonly faults: SlotFaults;
}

type TaskEnd =
  | { readonly kind: 'taskComputed'; readonly part: PartFrames; readonly work: TaskWork }
  | { readonly kind: 'taskFailed'; readonly fault: Fault; readonly work: TaskWork };

interface ThreadTask {
  readonly id: number;
  readonly service: AnyWorker;
  readonly task: Task;
  readonly ended: (end: TaskEnd) => void;
  readonly startedMs: number;
  readonly lastsMs: number;
  readonly isDeaf: boolean;
}

const nothing: TaskWork = { bytesRead: 0, ms: 0 };

/** What workers/thread.ts is to the real process: one task at a time, others wait in order. */
class SimThread {
  #running: ThreadTask | undefined;
  #waiting: ThreadTask[] = [];
  #ids = 0;

  constructor(readonly slot: Slot) {}

  start(service: AnyWorker, task: Task, ended: ThreadTask['ended']): number {
    const { world, setup } = this.slot;
    const [start, end] = task.runs[0]!;
    const usualMs = (end - start) / setup.bytesPerMs + 0.1;
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
    const [start, end] = task.task.runs[0]!;
    return Math.floor(Math.min(1, (this.slot.process.now - task.startedMs) / task.lastsMs) * (end - start));
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
    return task.inputs.every(({ path, identity }) => {
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
    const bytes = task.inputs.map(({ path }) => files.get(textOf(path))!.bytes);
    const batchBytes = world.random.pick([65_536, 200_000, 2 ** 20]);
    const part = computePart(service, task, bytes, batchBytes);
    const [start, end] = task.runs[0]!;
    const work = { bytesRead: (end - start) * bytes.length, ms: process.now - startedMs };
    if (!world.chance(setup.faults.lies)) return { kind: 'taskComputed', part, work };
    this.slot.told('lie', service.descriptor.name);
    return {
      kind: 'taskComputed',
      part: { arrays: part.arrays, frames: part.frames.map((it) => it.subarray(0, -1)) },
      work,
    };
  }
}

/** One WorkerCore with its socket and its timer. */
class Seat {
  readonly core: WorkerCore;
  readonly #alarm: Alarm;
  #dealer: Dealer | undefined;
  #task = 0;

  constructor(
    readonly slot: Slot,
    readonly service: AnyWorker,
  ) {
    const { credit, heartbeatMs, taskStallMs, name } = slot.setup;
    this.core = new WorkerCore({
      descriptor: service.descriptor,
      slot: name as SlotId,
      credit,
      heldMax: 16,
      heartbeatMs,
      taskStallMs,
      cancelGraceMs: 100,
      reconnectMinMs: 50,
      reconnectMaxMs: 1000,
    });
    this.#alarm = new Alarm(slot.process, () => {
      const { run } = this.core;
      if (run !== undefined) this.feed({ kind: 'taskProgressed', run, bytesDone: slot.thread.bytesDone(this.#task) });
      this.feed({ kind: 'deadlineReached' });
    });
  }

  get name(): string {
    return `${this.slot.setup.name}.${this.service.descriptor.name}`;
  }

  feed(event: WorkerEvent): void {
    const commands = this.core.handle(event, this.slot.process.now);
    this.core.validate();
    for (const command of commands) this.#perform(command);
    this.#alarm.set(this.core.nextDeadline());
  }

  #perform(command: WorkerCommand): void {
    const { slot } = this;
    switch (command.kind) {
      case 'openSocket':
        this.#open();
        break;
      case 'closeSocket':
        this.#dealer?.close();
        this.#dealer = undefined;
        break;
      case 'send':
        if (!isChatter(command.message)) slot.world.log(`${this.name} -> ${describe(command.message)}`);
        this.#send(command.message);
        break;
      case 'subscribe':
        slot.subscribe();
        break;
      case 'startTask': {
        const { run, task } = command;
        this.#task = slot.thread.start(this.service, task, (end) => this.feed({ ...end, run }));
        break;
      }
      case 'abortTask':
        slot.thread.abort(this.#task);
        break;
      case 'replaceThread':
        slot.thread.replace(this.#task);
        break;
      default:
        command satisfies never;
    }
  }

  #send(message: FromWorker): void {
    const { world, process, setup } = this.slot;
    const frames = encodeFromWorker(message);
    this.#dealer?.send(frames);
    const isAnswer = message.kind === 'taskFinal' || message.kind === 'taskError';
    if (!isAnswer || !world.chance(setup.faults.repeats)) return;
    process.after(world.ms(0, 3000), () => {
      world.log(`${this.name} says again ${describe(message)}`);
      this.#dealer?.send(frames);
    });
  }

  #open(): void {
    const dealer = this.slot.network.connect({
      process: this.slot.process,
      received: (frames) => {
        if (this.#dealer === dealer) this.feed({ kind: 'received', message: decodeToWorker(frames) });
      },
      lost: () => {},
    });
    this.#dealer = dealer;
  }

  close(): void {
    this.#dealer?.close();
  }
}

export class Slot {
  readonly process: Process;
  readonly thread = new SimThread(this);
  readonly seats: readonly Seat[];

  constructor(
    readonly world: World,
    readonly network: Network,
    readonly files: Files,
    readonly setup: SlotSetup,
    /** A fault of this process came to pass. */
    readonly told: (fault: 'crash' | 'spin' | 'throw' | 'lie', service: string) => void,
  ) {
    this.process = new Process(world, setup.name);
    this.seats = setup.services.map((service) => new Seat(this, service));
    for (const seat of this.seats) seat.feed({ kind: 'started' });
  }

  subscribe(): void {
    this.network.subscribe(this.process, (jobId) => {
      for (const seat of this.seats) seat.feed({ kind: 'cancelPublished', jobId });
    });
  }

  crash(): void {
    if (!this.process.alive) return;
    this.world.log(`${this.setup.name} crashed`);
    this.told('crash', '');
    this.process.kill();
    this.network.unsubscribe(this.process);
    for (const seat of this.seats) seat.close();
  }
}
