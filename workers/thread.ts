/**
 * The main thread's hold on the compute thread: one task at a time, others wait in order; ends it and starts another
 * when asked. Owns the thread and its flags.
 *
 * Each accepted task ends in exactly one call of `ended`, unless it was given up by `replace`. A thread that dies
 * takes the running task with it (E_SERVICE) and nothing else.
 */
import { Worker as Thread } from 'node:worker_threads';
import { findHoles } from '../cache/holes.js';
import type { Descriptor } from '../protocol/descriptor.js';
import { BinglideError, type Fault, fail } from '../protocol/errors.js';
import type { FinishTask, Task, TaskWork } from '../protocol/messages.js';
import type { PartFrames } from '../protocol/parts.js';
import type { ComputeData, FromCompute, ToCompute } from './compute.js';
import { Flags } from './flags.js';

export type TaskEnd =
  | { readonly kind: 'taskComputed'; readonly part: PartFrames; readonly work: TaskWork }
  | { readonly kind: 'taskFailed'; readonly fault: Fault; readonly work: TaskWork };

interface Job {
  readonly id: number;
  readonly service: string;
  readonly task: Task | FinishTask;
  readonly ended: (end: TaskEnd) => void;
}

export class ComputeThread {
  readonly #data: Omit<ComputeData, 'flags'>;
  #flags = new Flags();
  /** Null: it died and nothing asked for another yet, or it was stopped. */
  #thread: Thread | null = null;
  #running: Job | null = null;
  #waiting: Job[] = [];
  #ids = 0;
  #settleLoaded: (end: readonly Descriptor[] | BinglideError) => void = () => {};
  /** The first thread has everything that it needs: what it serves, twice what stands twice. Rejects where it has not. */
  readonly loaded = new Promise<readonly Descriptor[]>((resolve, reject) => {
    this.#settleLoaded = (end) => (end instanceof BinglideError ? reject(end) : resolve(end));
  });

  /** Starts at once, so that the first task finds a warm thread. */
  constructor(data: Omit<ComputeData, 'flags'>) {
    this.#data = data;
    // Not everybody asks.
    this.loaded.catch(() => {});
    this.#open();
  }

  /** The task's number, for the calls below. */
  start(service: string, task: Task | FinishTask, ended: (end: TaskEnd) => void): number {
    const id = ++this.#ids;
    this.#waiting.push({ id, service, task, ended });
    this.#next();
    return id;
  }

  /** Asks the kernel to stop. One that has not begun ends at once. */
  abort(id: number): void {
    const waiting = this.#take(id);
    if (waiting) {
      const fault = fail('E_CANCELLED', 'the task was cancelled').toFault();
      // Later, as from the thread: the caller is in the middle of its own turn.
      queueMicrotask(() => waiting.ended({ kind: 'taskFailed', fault, work: { bytesRead: 0, ms: 0 } }));
    } else if (this.#running?.id === id) {
      this.#flags.cancel(id);
      this.#post({ kind: 'abort', id });
    }
  }

  /** Gives the task up, with the thread if that is busy with it. */
  replace(id: number): void {
    if (this.#take(id) || this.#running?.id !== id) return;
    this.#running = null;
    this.#close();
    this.#open();
    this.#next();
  }

  bytesDone(id: number): number {
    return this.#flags.bytesDone(id);
  }

  async stop(): Promise<void> {
    this.#waiting = [];
    this.#running = null;
    await this.#close();
  }

  #take(id: number): Job | undefined {
    const job = this.#waiting.find((other) => other.id === id);
    if (job) this.#waiting = this.#waiting.filter((other) => other !== job);
    return job;
  }

  #next(): void {
    if (this.#running || this.#waiting.length === 0) return;
    if (!this.#thread) this.#open();
    this.#running = this.#waiting.shift()!;
    const { id, service, task } = this.#running;
    this.#post({ kind: 'run', id, service, task });
  }

  #post(message: ToCompute): void {
    this.#thread?.postMessage(message);
  }

  #open(): void {
    // A thread that is being ended may still write to its flags: the next one has others.
    this.#flags = new Flags();
    const workerData: ComputeData = { ...this.#data, flags: this.#flags.buffer };
    const thread = new Thread(new URL('./compute.js', import.meta.url), { workerData });
    let cause = '';
    thread.on('message', (message: FromCompute) => this.#onMessage(message));
    thread.on('error', (error) => {
      cause = error instanceof Error ? error.message : String(error);
    });
    thread.on('exit', (code) => this.#onExit(thread, cause || `exit code ${code}`));
    this.#thread = thread;
  }

  /** What the thread still says is not heard. */
  #close(): Promise<unknown> | undefined {
    const thread = this.#thread;
    this.#thread = null;
    thread?.removeAllListeners();
    thread?.on('error', () => {});
    return thread?.terminate();
  }

  #onMessage(message: FromCompute): void {
    if (message.kind === 'loaded') return this.#settleLoaded(message.descriptors);
    if (message.kind === 'unloadable') return this.#settleLoaded(new BinglideError(message.fault));
    if (message.kind === 'holesWanted') {
      const { ask, fd, start, end } = message;
      return this.#post({ kind: 'holes', ask, holes: findHoles(fd, start, end) });
    }
    if (this.#running?.id !== message.id) return;
    const { ended } = this.#running;
    this.#running = null;
    if (message.kind === 'computed') ended({ kind: 'taskComputed', part: message.part, work: message.work });
    else ended({ kind: 'taskFailed', fault: message.fault, work: message.work });
    this.#next();
  }

  #onExit(thread: Thread, cause: string): void {
    this.#settleLoaded(fail('E_SERVICE', `the compute thread ended: ${cause}`));
    if (this.#thread !== thread) return;
    this.#thread = null;
    const job = this.#running;
    this.#running = null;
    const fault = fail('E_SERVICE', `${job?.service} ended its thread: ${cause}`).toFault();
    job?.ended({ kind: 'taskFailed', fault, work: { bytesRead: 0, ms: 0 } });
    this.#next();
  }
}
