/** Options of a worker's core and of the process around it. */
import type { Descriptor } from '../protocol/descriptor.js';
import { fail } from '../protocol/errors.js';
import type { SlotId } from '../protocol/ids.js';

export interface WorkerCoreOptions {
  /** What the worker says of itself in READY. */
  readonly descriptor: Descriptor;
  /** The place where one task at a time runs; workers of one process share it. */
  readonly slot: SlotId;
  /**
   * Unanswered attempts that the broker may give at a time, the running one among them. It gives no more than a slice's
   * work ahead; where tasks are short that is several.
   */
  readonly credit: number;
  /** Attempts held at a time at the very most; more are answered E_BUSY. At least `credit`. */
  readonly heldMax: number;
  /** Heartbeat interval until WELCOME names the agreed one; 5 of them without WELCOME mean another socket. */
  readonly heartbeatMs: number;
  /** A task without progress for so long fails with E_STALLED and loses its thread. */
  readonly taskStallMs: number;
  /** A kernel that was asked to stop has so long before it loses its thread. */
  readonly cancelGraceMs: number;
  /** Waits between conversations that end soon: none, then this, doubled each time … */
  readonly reconnectMinMs: number;
  /** … up to this. */
  readonly reconnectMaxMs: number;
}

export const workerDefaults: Omit<WorkerCoreOptions, 'descriptor' | 'slot'> = {
  credit: 16,
  heldMax: 64,
  heartbeatMs: 1000,
  taskStallMs: 10_000,
  cancelGraceMs: 100,
  reconnectMinMs: 50,
  reconnectMaxMs: 5000,
};

export function checkWorkerOptions(options: Omit<WorkerCoreOptions, 'descriptor' | 'slot'>): void {
  for (const name of Object.keys(workerDefaults) as (keyof typeof workerDefaults)[]) {
    const value = options[name];
    if (!Number.isFinite(value) || value < (name === 'cancelGraceMs' ? 0 : 1)) {
      throw fail('E_USAGE', `${name} is ${value}; it takes a positive number`);
    }
  }
  if (options.heldMax < options.credit) {
    throw fail('E_USAGE', `heldMax is ${options.heldMax}; it takes at least credit, ${options.credit}`);
  }
  if (options.reconnectMaxMs < options.reconnectMinMs) {
    throw fail('E_USAGE', `reconnectMaxMs is ${options.reconnectMaxMs}; it takes at least reconnectMinMs`);
  }
}
