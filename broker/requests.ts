/** The clients' side: requests of services with descriptors, from arrival to their one end; cancels; the pace of reports. */
import {
  BinglideError,
  checkParams,
  type Fault,
  type JobId,
  jobIdOf,
  type Part,
  type PartFrames,
  type Query,
  type RequestId,
} from '../protocol/index.js';
import type { Books } from './books.js';
import { type Chunk, ChunkTable } from './chunks.js';
import { Dispatch } from './dispatch.js';
import type { BrokerEvent, ChunkBounds } from './events.js';
import type { Finished } from './folds.js';
import { Job } from './job.js';
import type { Routing } from './routing.js';
import { cautiousBytesPerMs } from './services.js';
import type { Session } from './sessions.js';

type Event<K extends BrokerEvent['kind']> = BrokerEvent & { readonly kind: K };

/** While samples come in: few reports, for they cost what the one with all of them then waits for, milliseconds. */
const sampledReportMs = 100;
/** Before the first of them: mostly that is time enough for all, whose report would have to keep its distance otherwise. */
const sampledFirstMs = 100;
/** However long the job runs, reports are no further apart for that, milliseconds. */
const reportMsMax = 100;
/**
 * Reports of one job take so many bytes a millisecond at the most. To copy, unpack and throw away costs both sides more
 * than building: of 262,144 cells (9 MB) every 55 ms they made the job a third slower. Where reports are so large, fewer
 * than ten may come before the final one.
 */
const reportBytesPerMs = 20_000;
/**
 * A report keeps away for so many times what building the last one took: the processors are the slots’, and it costs them
 * as much again on its way. Of DIGRAM, 512 KB each, there were two dozen a second; now it is half as many.
 */
const buildGapFactor = 20;
/** Large reports under way to a client that has not said that it has them. */
const largeReportsMax = 2;

/** That a job is laid out for before any slot is there. */
const slotsToCome = 4;

/** There is something new, and its owner can take it. */
const isDue = (job: Job): boolean => job.dirty && !job.isFinishing && job.largeReports < largeReportsMax;

export class Requests {
  readonly dispatch: Dispatch;

  constructor(
    readonly books: Books,
    /** Requests of services without a descriptor, which count as well. */
    readonly opaque: Pick<Routing, 'size' | 'services'>,
  ) {
    this.dispatch = new Dispatch(books, {
      sampled: (chunk, part, now) => this.#sampled(chunk, part, now),
      progressed: (chunk, part, now) => this.#progressed(chunk, part, now),
      computed: (chunk, now) => this.#computed(chunk, now),
      finished: (chunk, rows, now) => this.#finished(chunk, rows, now),
      failed: (chunk, fault, now) => this.#failed(chunk, fault, now),
    });
  }

  /** A new request, or one that comes again: it re-attaches, hears how it ended, or starts again. */
  requested(session: Session, requestId: RequestId, query: Query, now: number): void {
    const { books } = this;
    const id = jobIdOf(session.clientId, requestId);
    const running = books.jobs.get(id);
    if (running) {
      // Re-attached: the newest report goes to where the client is now.
      running.dirty = running.phase.name === 'running';
      running.reportAtMs = now;
      running.largeReports = 0;
      return;
    }
    const outcome = books.outcomes.get(id, now);
    if (outcome?.kind === 'failed') {
      books.sendFault(session, query.service, requestId, outcome.fault, now);
      return;
    }
    const job = new Job(id, session.clientId, requestId, query, now, now + books.options.serviceWaitMs);
    if (books.jobs.size + this.opaque.size >= books.options.jobsMax) {
      const message = `${books.options.jobsMax} jobs are under way, as many as this broker takes`;
      books.sendFault(session, query.service, requestId, job.faultOf({ code: 'E_BUSY', message }), now);
      return;
    }
    books.jobs.set(id, job);
    this.#start(job, now);
  }

  /** A service may have come: starts who waited for it. */
  serviceCame(now: number): void {
    for (const job of [...this.books.jobs.values()]) if (job.phase.name === 'unserved') this.#start(job, now);
  }

  /** True where the job was under way: its owner is told, and nothing follows. */
  cancelled(id: JobId, now: number): boolean {
    const job = this.books.jobs.get(id);
    if (job) this.end(job, { code: 'E_CANCELLED', message: 'the job was cancelled' }, now);
    return job !== undefined;
  }

  /** Ends the job with an ERROR and withdraws what it wanted. */
  end(job: Job, fault: Fault, now: number): void {
    this.dispatch.leave(job);
    this.books.refuse(job, fault, now);
  }

  /**
   * The client is gone: its jobs go, and nobody is told. No outcome is kept: nobody cancelled them, and a client that was
   * only away for a while asks again and goes on from what is cached.
   */
  clientGone(session: Session): void {
    this.books.sessions.remove(session);
    for (const job of [...this.books.jobs.values()]) {
      if (job.clientId !== session.clientId) continue;
      this.dispatch.leave(job);
      this.books.drop(job);
    }
  }

  measured({ jobId, inputs, cached, bytesHashed }: Event<'inputsMeasured'>, now: number): void {
    const job = this.books.jobs.get(jobId);
    if (job?.phase.name !== 'measuring') return;
    let reads: ChunkBounds[];
    try {
      // Where the first are still starting: as for a few.
      const slots = this.books.roster.slotCount || slotsToCome;
      const areDear = this.books.seeks.areDear(inputs.map(({ id }) => id));
      reads = job.measured(inputs, job.query.cache ? cached : [], bytesHashed, {
        sampleAboveBytes:
          this.books.options.sampleAboveMs *
          cautiousBytesPerMs(job.service!) *
          Math.max(1, this.books.roster.slotCount),
        sliceBytes: this.dispatch.sliceMs(job, areDear) * job.bytesPerMs,
        slots,
      });
    } catch (error) {
      this.#refuse(job, error, now);
      return;
    }
    this.dispatch.enter(job);
    if (job.awaitsWholePicture && reads.length === 0) job.reportAtMs = now + sampledFirstMs;
    const { context } = job;
    for (const bounds of reads) {
      this.books.emit({ kind: 'readChunk', jobId, context, bounds, span: job.spanOf(bounds) });
    }
    if (context.descriptor.cached && job.query.cache) {
      for (const input of inputs) if (input.hash === null) this.books.emit({ kind: 'hashInput', input });
    }
    if (job.isComplete) this.#finish(job, now);
  }

  refused({ jobId, fault }: Event<'inputsRefused'>, now: number): void {
    const job = this.books.jobs.get(jobId);
    if (job?.phase.name === 'measuring') this.end(job, fault, now);
  }

  chunkRead({ jobId, bounds, part }: Event<'chunkRead'>, now: number): void {
    const job = this.books.jobs.get(jobId);
    if (job?.phase.name !== 'running') return;
    const { context } = job;
    const kept = this.#guarded(job, now, () => {
      const { finished, reads } = job.chunkRead(bounds, part);
      this.#keep(job, finished);
      for (const next of reads) {
        this.books.emit({ kind: 'readChunk', jobId, context, bounds: next, span: job.spanOf(next) });
      }
    });
    if (kept && job.isComplete) this.#finish(job, now);
  }

  hashed({ id, hash }: Event<'inputHashed'>): void {
    for (const job of this.books.jobs.values()) job.hashKnown(id, hash);
  }

  /** Reports that are due. True: some go to their services first, as tasks. */
  report(now: number): boolean {
    let finishes = false;
    for (const job of this.books.jobs.values()) {
      if (!isDue(job) || now < job.reportAtMs) continue;
      if (this.#tell(job, now)) finishes = true;
    }
    return finishes;
  }

  /** True: it goes to its service first, as a task. */
  #tell(job: Job, now: number): boolean {
    const session = this.books.ownerOf(job);
    if (!session) return false;
    job.dirty = false;
    this.#reported(job, now);
    if (job.finishes) {
      this.#beginFinish(job, now);
      return true;
    }
    this.books.emit({ kind: 'sendReport', peer: this.books.speak(session, now), jobId: job.id });
    return false;
  }

  /** A report is on its way: the next one is due later. */
  #reported(job: Job, now: number): void {
    job.reportedMs = now;
    job.reportAtMs = now + (job.awaitsSamples ? sampledReportMs : this.#reportMs(now - job.startedMs));
  }

  /**
   * The longer a job runs, the less one report more tells: after some seconds there are ten a second. Twenty are a moving
   * picture; with forty an exact answer of a GiB took a twentieth longer.
   */
  #reportMs(elapsedMs: number): number {
    const { reportMs } = this.books.options;
    return Math.max(2 * reportMs, Math.min(reportMsMax, elapsedMs / 40));
  }

  reportSent({ jobId, buildMs, bytes, isLarge }: Event<'reportSent'>, now: number): void {
    const job = this.books.jobs.get(jobId);
    if (!job) return;
    const gapMs = Math.max(buildGapFactor * buildMs, bytes / reportBytesPerMs);
    job.reportAtMs = Math.max(job.reportAtMs, now + gapMs);
    if (isLarge) job.largeReports++;
  }

  /** The client has one of the job's large reports. */
  reportSeen(session: Session, requestId: RequestId): void {
    const job = this.books.jobs.get(jobIdOf(session.clientId, requestId));
    if (job && job.largeReports > 0) job.largeReports--;
  }

  /** Requests that waited long enough for a service or a worker that does not come. */
  expire(now: number): void {
    for (const job of [...this.books.jobs.values()]) {
      if (now < this.#expiry(job)) continue;
      this.end(job, this.#noService(job.query), now);
    }
  }

  nextDeadline(): number {
    let next = Infinity;
    for (const job of this.books.jobs.values()) {
      next = Math.min(next, this.#expiry(job), isDue(job) ? job.reportAtMs : Infinity);
    }
    return next;
  }

  #expiry(job: Job): number {
    if (job.phase.name === 'unserved') return job.phase.untilMs;
    const { workerlessSince, startable } = job.service!;
    const { workerWaitMs, serviceWaitMs } = this.books.options;
    // One that was under way may get its worker back, which has to be started.
    const isPatient = startable || job.phase.name === 'running';
    return Math.max(workerlessSince, job.startedMs) + (isPatient ? workerWaitMs : serviceWaitMs);
  }

  #start(job: Job, now: number): void {
    const service = this.books.services.find(job.query.service, job.query.version);
    if (!service) return;
    try {
      const params = checkParams(service.descriptor, job.query.params);
      job.measuring(service, params);
      const { descriptor, digest } = service;
      this.books.emit({ kind: 'measureInputs', jobId: job.id, query: job.query, descriptor, digest, params });
    } catch (error) {
      this.#refuse(job, error, now);
    }
  }

  #sampled(chunk: Chunk, part: Part | undefined, now: number): void {
    const waiters = this.#waiters(chunk);
    this.books.chunks.delete(chunk.key);
    for (const job of waiters) {
      if (!this.#guarded(job, now, () => job.sampleTaken(chunk.key, part))) continue;
      if (job.awaitsSamples) continue;
      // The first picture of everything waits neither for the next report's turn nor for exact tasks to be given out, nor
      // for what a part of it cost: it comes once, and where the broker has just started a report costs ten times as much.
      job.reportAtMs = Math.min(job.reportAtMs, job.reportedMs + this.books.options.reportMs);
      if (isDue(job) && now >= job.reportAtMs) this.#tell(job, now);
    }
  }

  #progressed(chunk: Chunk, part: Part, now: number): void {
    for (const job of this.#waiters(chunk)) this.#guarded(job, now, () => job.pieceProgressed(part));
  }

  #computed(chunk: Chunk, now: number): void {
    const waiters = this.#waiters(chunk);
    const { context, bounds } = chunk;
    this.books.chunks.delete(chunk.key);
    // Its slices are in the pictures already: as one part it is of use to the cache alone.
    const part = waiters.some((job) => job.keeps) ? ChunkTable.whole(chunk) : undefined;
    if (part && chunk.keep) this.books.emit({ kind: 'writeChunk', context, bounds, part });
    for (const job of waiters) {
      const kept = this.#guarded(job, now, () => this.#keep(job, job.pieceComputed(chunk.key, part)));
      if (kept && job.isComplete) this.#finish(job, now);
    }
  }

  #waiters(chunk: Chunk): Job[] {
    return [...chunk.waiters].map((id) => this.books.jobs.get(id)!);
  }

  #failed(chunk: Chunk, fault: Fault, now: number): void {
    for (const id of [...chunk.waiters]) this.end(this.books.jobs.get(id)!, fault, now);
  }

  /**
   * False: the job ends with what was thrown. Parts that cannot be merged (a sum past 2^53−1, rows that do not fit) are
   * a worker's fault; anything else is ours, and costs this job and not the broker.
   */
  #guarded(job: Job, now: number, act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      this.#refuse(job, error, now);
      return false;
    }
  }

  #keep(job: Job, finished: readonly Finished[]): void {
    if (!job.query.cache) return;
    for (const { bounds, part } of finished) {
      this.books.emit({ kind: 'writeChunk', context: job.context, bounds, part });
    }
  }

  #beginFinish(job: Job, now: number): void {
    const { chunk, unwanted } = job.beginFinish(now);
    if (unwanted !== undefined) this.dispatch.withdraw(this.books.chunks.unwant(unwanted, job.id));
    this.books.chunks.want(chunk, job.id);
  }

  #finished(chunk: Chunk, rows: PartFrames, now: number): void {
    const [job] = this.#waiters(chunk);
    this.books.chunks.delete(chunk.key);
    if (!this.#guarded(job!, now, () => job!.finishTaken(chunk.key, rows))) return;
    if (job!.isComplete) return this.#finish(job!, now);
    const session = this.books.ownerOf(job!);
    if (!session) return;
    this.#reported(job!, now);
    this.books.emit({ kind: 'sendReport', peer: this.books.speak(session, now), jobId: job!.id });
  }

  /** Everything is there: answered at once, or when the service has made more of it. */
  #finish(job: Job, now: number): void {
    if (!job.isDone) {
      this.#beginFinish(job, now);
      return;
    }
    this.dispatch.leave(job);
    this.books.answer(job, now);
  }

  #refuse(job: Job, error: unknown, now: number): void {
    const fault = error instanceof BinglideError ? error.toFault() : internal(error);
    this.end(job, fault, now);
  }

  #noService({ service, version }: Query): Fault {
    if (version === undefined && this.books.services.find(service)) {
      return { code: 'E_NO_SERVICE', message: `no worker of ${service} came` };
    }
    const wanted = version === undefined ? service : `${service} version ${version}`;
    if (version === undefined && this.opaque.services().includes(service)) {
      return {
        code: 'E_USAGE',
        message: `${service} has no descriptor; its requests are raw, with a body of their own`,
      };
    }
    return this.books.noService(wanted, this.opaque.services());
  }
}

function internal(error: unknown): Fault {
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  const place = /\/([^/]+:\d+):\d+\)?$/m.exec(stack ?? '')?.[1];
  return { code: 'E_INTERNAL', message: place ? `${message} (${place})` : message };
}
