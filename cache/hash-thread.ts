/**
 * The hashing thread: reads files and hashes them piece by piece. It never returns to its event loop: between pieces it
 * looks at its messages and at the shared pause flag, and where there is nothing to do it sleeps on the shared signal.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { StatIdentity } from '../protocol/index.js';
import { type Blake3, createBlake3 } from './hash.js';
import { type FromHashThread, pausedWord, pieceBytes, signalWord, type ToHashThread } from './hash-messages.js';
import { inputError, pathText, refuseChanged } from './inputs.js';

interface Job {
  readonly ticket: number;
  readonly path: Uint8Array;
  readonly identity: StatIdentity;
  urgent: boolean;
  /** Absent until its turn comes: a long queue holds no files open. */
  reading?: { readonly fd: number; readonly hasher: Blake3; bytes: number; ms: number };
}

const port = parentPort;
if (port && workerData instanceof SharedArrayBuffer)
  serve(new Int32Array(workerData), (message) => port.postMessage(message));

function serve(shared: Int32Array, send: (message: FromHashThread) => void): never {
  const jobs = new Map<number, Job>();
  const buffer = Buffer.allocUnsafeSlow(pieceBytes);
  for (;;) {
    const seen = Atomics.load(shared, signalWord);
    for (let next = receiveMessageOnPort(port!); next; next = receiveMessageOnPort(port!)) {
      receive(next.message as ToHashThread, jobs);
    }
    const job = chooseJob(jobs, Atomics.load(shared, pausedWord) === 1);
    if (job) step(job, jobs, buffer, send);
    else Atomics.wait(shared, signalWord, seen);
  }
}

/** Urgent ones first, in order of arrival. */
function chooseJob(jobs: ReadonlyMap<number, Job>, paused: boolean): Job | undefined {
  for (const job of jobs.values()) if (job.urgent) return job;
  return paused ? undefined : jobs.values().next().value;
}

function receive(message: ToHashThread, jobs: Map<number, Job>): void {
  const job = jobs.get(message.ticket);
  switch (message.kind) {
    case 'hash': {
      const { ticket, path, identity, urgent } = message;
      jobs.set(ticket, { ticket, path, identity, urgent });
      break;
    }
    case 'hurry':
      if (job) job.urgent = true;
      break;
    case 'cancel':
      if (job) end(job, jobs);
      break;
    default:
      message satisfies never;
  }
}

/** One piece of one file, or its end. */
function step(job: Job, jobs: Map<number, Job>, buffer: Buffer, send: (message: FromHashThread) => void): void {
  const { ticket, path, identity } = job;
  try {
    const reading = (job.reading ??= open(job));
    const began = performance.now();
    const wanted = Math.min(pieceBytes, identity.size - reading.bytes);
    const got = wanted > 0 ? readSync(reading.fd, buffer, 0, wanted, reading.bytes) : 0;
    reading.hasher.update(buffer.subarray(0, got));
    reading.bytes += got;
    reading.ms += performance.now() - began;
    if (got > 0 && reading.bytes < identity.size) return;
    refuseChanged(path, identity, fstatSync(reading.fd, { bigint: true }), reading.bytes);
    send({ kind: 'hashed', ticket, hash: reading.hasher.hex(), bytes: reading.bytes, ms: reading.ms });
  } catch (error) {
    send({ kind: 'failed', ticket, fault: inputError(pathText(path), error).toFault() });
  }
  end(job, jobs);
}

function open({ path, identity }: Job): NonNullable<Job['reading']> {
  const fd = openSync(Buffer.from(path), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    refuseChanged(path, identity, fstatSync(fd, { bigint: true }), identity.size);
    return { fd, hasher: createBlake3(), bytes: 0, ms: 0 };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function end(job: Job, jobs: Map<number, Job>): void {
  jobs.delete(job.ticket);
  if (!job.reading) return;
  closeSync(job.reading.fd);
  job.reading.hasher.dispose();
}
