/** What the specs of a worker's core say to it, and what they hear. */
import type { Attempt, Epoch, JobId, SlotId } from '../../protocol/ids.js';
import type { Task, ToWorker } from '../../protocol/messages.js';
import { WorkerCore } from '../../workers/core.js';
import type { WorkerCommand, WorkerEvent } from '../../workers/events.js';
import { workerDefaults } from '../../workers/options.js';
import { hist } from '../../workers/services/hist.js';

export const { descriptor } = hist;
export const slot = 's1' as SlotId;
export const epoch = 'e1' as Epoch;
export const client = 'a'.repeat(26);
export const job = (n: number) => `26:${client}${n}` as JobId;
export const task: Task = { kind: 'exact', inputs: [], runs: [[0, 4096]], cellBytes: 0, form: 'summed', params: {} };
export const part = { arrays: ['counts'], frames: [new Uint8Array(8)] };
export const work = { bytesRead: 4096, ms: 3 };
export const none = { bytesRead: 0, ms: 0 };

export const received = (message: ToWorker): WorkerEvent => ({ kind: 'received', message });
export const welcome = received({
  kind: 'welcome',
  heartbeatMs: 1000,
  cancelEndpoint: 'ipc://cancel.sock',
  epoch,
  limits: { messageBytesMax: 1 << 20, jobsMax: 8 },
});
export const assign = (attempt: number, jobNumber = attempt) =>
  received({ kind: 'assign', attempt: attempt as Attempt, epoch, jobId: job(jobNumber), task });
export const cancel = (jobNumber: number, ...attempts: number[]) =>
  received({ kind: 'workerCancel', jobId: job(jobNumber), attempts: attempts as Attempt[] });
export const heartbeat = received({ kind: 'workerHeartbeat' });
export const disconnect = received({ kind: 'workerDisconnect' });
export const deadline: WorkerEvent = { kind: 'deadlineReached' };
export const computed = (run: number): WorkerEvent => ({ kind: 'taskComputed', run, part, work });
export const stopped = (run: number): WorkerEvent => ({
  kind: 'taskFailed',
  run,
  fault: { code: 'E_CANCELLED', message: 'stopped' },
  work,
});

export const openSocket: WorkerCommand = { kind: 'openSocket' };
export const closeSocket: WorkerCommand = { kind: 'closeSocket' };
export const sendReady: WorkerCommand = {
  kind: 'send',
  message: { kind: 'ready', descriptor, slot, credit: workerDefaults.credit },
};
export const sendBeat: WorkerCommand = { kind: 'send', message: { kind: 'workerHeartbeat' } };
export const sendBusyBeat = (attempt: number, bytesDone: number): WorkerCommand => ({
  kind: 'send',
  message: { kind: 'workerHeartbeat', attempt: attempt as Attempt, bytesDone },
});
export const sendDisconnect: WorkerCommand = { kind: 'send', message: { kind: 'workerDisconnect' } };
export const sendFinal = (attempt: number): WorkerCommand => ({
  kind: 'send',
  message: { kind: 'taskFinal', attempt: attempt as Attempt, epoch, part, work },
});
export const sendError = (attempt: number, code: string, message: string, cost = none): unknown => ({
  kind: 'send',
  message: { kind: 'taskError', attempt, epoch, fault: { service: 'HIST', code, message }, work: cost },
});
export const startTask = (run: number): WorkerCommand => ({ kind: 'startTask', run, task });
export const abortTask = (run: number): WorkerCommand => ({ kind: 'abortTask', run });
export const replaceThread = (run: number): WorkerCommand => ({ kind: 'replaceThread', run });

/** A core whose invariants are checked after every event. */
export function newWorker(options: Partial<typeof workerDefaults> = {}) {
  const core = new WorkerCore({ ...workerDefaults, ...options, descriptor, slot });
  const handle = (event: WorkerEvent, now: number) => {
    const commands = core.handle(event, now);
    core.validate();
    return commands;
  };
  return { core, handle };
}

export function registered(options: Partial<typeof workerDefaults> = {}) {
  const worker = newWorker(options);
  worker.handle({ kind: 'started' }, 0);
  worker.handle(welcome, 0);
  return worker;
}
