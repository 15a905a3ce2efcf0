/**
 * The states of a worker's core: two small machines side by side. A state carries only what belongs to it.
 *
 * The thread's outlives the conversation's, since a kernel does not stop because a broker went away.
 */
import type { Attempt, Epoch, JobId } from '../protocol/ids.js';
import type { Liveness } from '../protocol/liveness.js';
import type { FinishTask, Task } from '../protocol/messages.js';

export interface Assignment {
  readonly attempt: Attempt;
  readonly epoch: Epoch;
  readonly jobId: JobId;
  readonly task: Task | FinishTask;
}

/** resting → unregistered (READY sent) → registered (WELCOME came) → resting or unregistered; any → stopped. */
export type Conversation =
  /** Not begun, or between two sockets; `until` Infinity: waits for `started`. */
  | { readonly at: 'resting'; readonly until: number }
  | { readonly at: 'unregistered'; readonly liveness: Liveness; readonly openedAt: number }
  | {
      readonly at: 'registered';
      readonly liveness: Liveness;
      readonly openedAt: number;
      /** The longest message that the broker takes. */
      readonly messageBytesMax: number;
      /** Assigned and not begun, oldest first; empty unless the thread is taken. */
      queue: Assignment[];
    }
  | { readonly at: 'stopped' };

/** free → busy → free, or busy → aborting → free. `run` numbers the tasks that were ever started. */
export type Thread =
  | { readonly at: 'free' }
  | {
      readonly at: 'busy';
      readonly run: number;
      readonly assignment: Assignment;
      bytesDone: number;
      /** When bytesDone last grew. */
      progressAt: number;
    }
  /** `assignment` null: its conversation ended, nobody waits for an answer. At `until` the thread is replaced. */
  | {
      readonly at: 'aborting';
      readonly run: number;
      readonly assignment: Assignment | null;
      readonly bytesDone: number;
      readonly until: number;
    };
