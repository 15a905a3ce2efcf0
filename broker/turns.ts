/**
 * Whose turn it is: clients in turn, then each client's jobs, by worker milliseconds (fairness.ts); and for the job whose
 * turn it is, which of its pieces goes to which worker, and how much of it.
 */
import type { ClientId, JobId } from '../protocol/index.js';
import type { Books } from './books.js';
import { type Chunk, ChunkTable } from './chunks.js';
import { DeficitRing } from './fairness.js';
import type { Job } from './job.js';
import type { WorkerEntry } from './roster.js';

/** What is to be assigned next. */
export interface Turn {
  readonly job: Job;
  readonly chunk: Chunk;
  readonly sliceBytes: number;
  readonly worker: WorkerEntry;
  /** What it is likely to take; the job is charged that. */
  readonly costMs: number;
}

const sliceBytesMax = 64 * 2 ** 20;
const sliceBytesMin = 65_536;
/**
 * What a job that comes has in hand, for each slot: a look at a few hundred MiB is over before a long job gets its turn
 * again. With two slices such a look took 4 to 5 times as long beside a long job as alone, with eight 3 to 4 times.
 */
const openingSlices = 8;
/** A worker holds no more than this ahead of the task that it runs, or one task; for a job that is alone, twice as much. */
const aheadMs = 10;
/**
 * A job that is alone keeps nobody waiting but who comes, and has longer slices: what a task costs broker and worker beside
 * its computing was a fifth of an exact histogram's time.
 */
const aloneSlices = 2;
/** Not at once: who was here a moment ago may ask again, and waits for the task that runs. So many tasks are as usual. */
const tasksAfterCompany = 100;
/** Where seeks are dear, a disk that waits between two slices is lost time: they are so many times longer. */
const dearSlices = 32;

export class Turns {
  readonly #clients: DeficitRing<ClientId>;
  readonly #jobs = new Map<ClientId, DeficitRing<JobId>>();
  /** Services, by digest, that some job has slices for; where there is one job only it has no rivals, and nobody looks. */
  readonly #wanted = new Set<string>();
  /** Until a job that is alone counts as that. */
  #tasksUntilAlone = 0;

  constructor(
    readonly books: Books,
    /** The worker that reads one of these inputs, the one that was given its task last. */
    readonly readerOf: (inputIds: readonly string[]) => WorkerEntry | undefined,
  ) {
    this.#clients = new DeficitRing(books.options.sliceMs);
  }

  /** A job has pieces to be had from now on. */
  enter(job: Job): void {
    const openingMs = openingSlices * this.books.options.sliceMs * Math.max(1, this.books.roster.slotCount);
    this.#clients.add(job.clientId, openingMs);
    let ring = this.#jobs.get(job.clientId);
    if (!ring) this.#jobs.set(job.clientId, (ring = new DeficitRing(this.books.options.sliceMs)));
    ring.add(job.id, openingMs);
    this.#company();
  }

  leave(job: Job): void {
    this.#company();
    const ring = this.#jobs.get(job.clientId);
    ring?.delete(job.id);
    if (![...this.books.jobs.values()].some((other) => other.clientId === job.clientId && other.id !== job.id)) {
      this.#jobs.delete(job.clientId);
      this.#clients.delete(job.clientId);
    }
  }

  /** A task was answered, however. Positive: it took less than the job was charged for it. */
  settle(job: Job, ms: number): void {
    if (this.#tasksUntilAlone > 0) this.#tasksUntilAlone--;
    this.#clients.settle(job.clientId, ms);
    this.#jobs.get(job.clientId)?.settle(job.id, ms);
  }

  /** Tasks are about to be given out: who waits for a slot. */
  begin(): void {
    this.#wanted.clear();
    if (this.books.jobs.size < 2) return;
    for (const job of this.books.jobs.values()) {
      if (job.phase.name === 'running' && this.#chunkWithSlice(job)) this.#wanted.add(job.service!.digest);
    }
  }

  /** Undefined where there is no task that a worker could take. */
  next(): Turn | undefined {
    let chosen: Turn | undefined;
    this.#clients.next((clientId) => {
      chosen = this.#nextOf(clientId);
      return chosen?.costMs;
    });
    if (!chosen) return undefined;
    let candidate: Turn | undefined;
    this.#jobs.get(chosen.job.clientId)!.next((jobId) => {
      candidate = this.#candidate(this.books.jobs.get(jobId)!);
      return candidate?.costMs;
    });
    // The client was charged what the first of its jobs would cost; the turn may be another's.
    if (candidate) this.#clients.settle(candidate.job.clientId, chosen.costMs - candidate.costMs);
    return candidate;
  }

  #nextOf(clientId: ClientId): Turn | undefined {
    for (const job of this.books.jobs.values()) {
      if (job.clientId !== clientId) continue;
      const candidate = this.#candidate(job);
      if (candidate) return candidate;
    }
    return undefined;
  }

  #candidate(job: Job): Turn | undefined {
    if (job.phase.name !== 'running') return undefined;
    const { bytesPerMs } = job;
    const areDear = this.books.seeks.areDear(job.inputIds);
    const worker = areDear ? this.#onlyReader(job) : this.#anyWorker(job);
    if (!worker) return undefined;
    const chunk = this.#chunkWithSlice(job);
    if (!chunk) return undefined;
    const sliceBytes = Math.max(sliceBytesMin, Math.min(sliceBytesMax, bytesPerMs * this.sliceMs(job, areDear)));
    return { job, chunk, sliceBytes, worker, costMs: ChunkTable.peekBytes(chunk, sliceBytes) / bytesPerMs };
  }

  /** What a task of the job is to take. */
  sliceMs({ sliceWeight }: Job, areDear: boolean): number {
    const weight = Math.max(this.#aloneWeight, sliceWeight);
    return this.books.options.sliceMs * (areDear ? dearSlices : weight);
  }

  get #aloneWeight(): number {
    return this.books.jobs.size === 1 && this.#tasksUntilAlone === 0 ? aloneSlices : 1;
  }

  /** A job came or goes while there are others. */
  #company(): void {
    if (this.books.jobs.size > 1) this.#tasksUntilAlone = tasksAfterCompany;
  }

  #anyWorker({ service }: Job): WorkerEntry | undefined {
    const { digest } = service!;
    const { roster } = this.books;
    return roster.idleWorker(digest) ?? roster.creditWorker(digest, aheadMs * this.#aloneWeight, this.#wanted);
  }

  /** Two that read in different places would send a disk's head to and fro: whoever reads the inputs goes on alone. */
  #onlyReader(job: Job): WorkerEntry | undefined {
    const reader = this.readerOf(job.inputIds);
    if (!reader) return this.#anyWorker(job);
    const { roster } = this.books;
    const isFree = reader.digest === job.service!.digest && roster.hasRoom(reader, 0);
    return isFree && !roster.hasRival(reader, this.#wanted) ? reader : undefined;
  }

  #chunkWithSlice(job: Job): Chunk | undefined {
    let fresh: Chunk | undefined;
    for (const key of job.running.open.keys()) {
      const chunk = this.books.chunks.get(key)!;
      if (chunk.lost.length > 0 || (chunk.finish && ChunkTable.hasSlice(chunk))) return chunk;
      if (!fresh && ChunkTable.hasSlice(chunk)) fresh = chunk;
    }
    return fresh;
  }
}
