/**
 * What a worker's core is told and what it tells its shell to do: two closed unions. Events are past tense, commands
 * imperative; sends are fire-and-forget.
 *
 * `run` numbers the tasks that this core ever started. An attempt's number would not do: a restarted broker counts
 * attempts from 1 again while the thread may still be busy with one of its last life.
 */
import type { Fault } from '../protocol/errors.js';
import type { FinishTask, FromWorker, Invalid, Task, TaskWork, ToWorker } from '../protocol/messages.js';
import type { PartFrames } from '../protocol/parts.js';

export type WorkerEvent =
  | { readonly kind: 'started' }
  /** A message of the socket that was opened last; what an older socket still holds is dropped by the shell. */
  | { readonly kind: 'received'; readonly message: ToWorker | Invalid }
  /** A cancellation off the PUB socket, for all workers: most know nothing of the job. */
  | { readonly kind: 'cancelPublished'; readonly jobId: string }
  | { readonly kind: 'taskComputed'; readonly run: number; readonly part: PartFrames; readonly work: TaskWork }
  | { readonly kind: 'taskFailed'; readonly run: number; readonly fault: Fault; readonly work: TaskWork }
  /** Told before each deadline of a busy worker, and whenever the shell likes. */
  | { readonly kind: 'taskProgressed'; readonly run: number; readonly bytesDone: number }
  | { readonly kind: 'deadlineReached' }
  | { readonly kind: 'stopRequested' };

export type WorkerCommand =
  /** A fresh socket with a new routing id; the core closes the old one first. */
  | { readonly kind: 'openSocket' }
  /** What was sent before goes out if it can go at once; nothing else does. */
  | { readonly kind: 'closeSocket' }
  | { readonly kind: 'send'; readonly message: FromWorker }
  /** Listen to cancellations there; the same endpoint again is no change. */
  | { readonly kind: 'subscribe'; readonly endpoint: string }
  /** Ends in one taskComputed or taskFailed of this run, unless the thread is replaced. */
  | { readonly kind: 'startTask'; readonly run: number; readonly task: Task | FinishTask }
  /** Ask the kernel to stop; it may not listen. */
  | { readonly kind: 'abortTask'; readonly run: number }
  /** End the thread that computes this run, whatever it does, and have another. */
  | { readonly kind: 'replaceThread'; readonly run: number };
