/**
 * From wanted pieces to tasks on workers and back: what was given to whom (whose turn it is: turns.ts), what became of it.
 * An assignment is live while somebody wants its piece and withdrawn after that; its slot is busy until the worker has answered.
 */
import {
  type Attempt,
  assert,
  BinglideError,
  decodePart,
  type Fault,
  type FromWorker,
  type JobId,
  type Part,
  type PartFrames,
  type PeerId,
  sampleFields,
  type TaskWork,
} from '../protocol/index.js';
import type { Books } from './books.js';
import { type Chunk, ChunkTable, type Slice, taskOf } from './chunks.js';
import type { ChunkContext } from './events.js';
import type { Job } from './job.js';
import type { WorkerEntry } from './roster.js';
import { smoothed } from './services.js';
import { type Turn, Turns } from './turns.js';

interface Assignment {
  readonly attempt: Attempt;
  readonly peer: PeerId;
  readonly chunk: Chunk;
  readonly slice: Slice;
  /** The job whose turn it was; it is charged. */
  readonly jobId: JobId;
  readonly chargedMs: number;
  /** Nobody wants the piece any more. */
  withdrawn: boolean;
  /** When the worker last showed progress on it, or it became the one that runs. */
  progressMs: number;
  bytesDone: number;
}

const idsOf = (inputs: ChunkContext['inputs']) => inputs.map(({ id }) => id);

/** Samples may take about a twentieth of what reading everything takes at 256 MiB a second. */
const sampleMsPerByte = 0.05 / (256 * 2 ** 10);
export class Dispatch {
  readonly #assignments = new Map<Attempt, Assignment>();
  readonly #turns: Turns;
  #lastAttempt = 0;
  #hashing = true;

  constructor(
    readonly books: Books,
    /** A slice or all of a piece is there, or it never will be: what its waiters make of it. */
    readonly settle: {
      /** `part` undefined: it is done without. */
      sampled(chunk: Chunk, part: Part | undefined, now: number): void;
      progressed(chunk: Chunk, part: Part, now: number): void;
      computed(chunk: Chunk, now: number): void;
      finished(chunk: Chunk, rows: PartFrames, now: number): void;
      failed(chunk: Chunk, fault: Fault, now: number): void;
    },
  ) {
    this.#turns = new Turns(books, (ids) => this.#readerOf(ids));
  }

  /** A job has pieces to be had from now on. */
  enter(job: Job): void {
    this.#turns.enter(job);
    this.#makeRoom(job);
  }

  /**
   * Where all slots are at work, what long jobs have waiting behind it is asked back, so that the newcomer waits for one
   * task and not for two. A worker answers at once for what it has not begun; it is still wanted, and given out again.
   */
  #makeRoom({ service, running }: Job): void {
    const { roster, seeks } = this.books;
    const { digest } = service!;
    if (running.pending.size + running.samples.length === 0 || roster.idleWorker(digest)) return;
    for (const worker of roster.workers()) {
      if (worker.attempts.length < 2 || !roster.serves(worker, digest)) continue;
      for (const attempt of worker.attempts.slice(1)) {
        const { jobId, chargedMs, withdrawn } = this.#assignments.get(attempt)!;
        const long = this.books.jobs.get(jobId)?.phase;
        if (withdrawn || worker.recalled.has(attempt) || long?.name !== 'running' || long.pending.size === 0) continue;
        // A worker that does not know `waiting` stops it where it has begun meanwhile, and there a task is long.
        if (seeks.areDear(long.inputIds)) continue;
        const message = { kind: 'workerCancel', jobId, attempts: [attempt], waiting: true } as const;
        this.books.emit({ kind: 'sendToWorker', peer: worker.peer, message });
        roster.recall(worker, attempt, chargedMs);
      }
    }
  }

  /** What a task of the job is to take. */
  sliceMs(job: Job, areDear: boolean): number {
    return this.#turns.sliceMs(job, areDear);
  }

  /** A job ended, however: pieces that nobody else wants are withdrawn and their workers told. */
  leave(job: Job): void {
    this.#turns.leave(job);
    if (job.phase.name !== 'running') return;
    const withdrawn = [...job.phase.open.keys()].flatMap((key) => this.books.chunks.unwant(key, job.id));
    this.withdraw(withdrawn);
  }

  withdraw(attempts: readonly Attempt[]): void {
    const labels = new Set<JobId>();
    const peers = new Set<PeerId>();
    for (const attempt of attempts) {
      const assignment = this.#assignments.get(attempt);
      assert(assignment, 'a withdrawn attempt is assigned');
      assignment.withdrawn = true;
      labels.add(assignment.jobId);
      peers.add(assignment.peer);
    }
    // Workers stop every task of a published job id: publish only where none of its tasks is still wanted.
    for (const { withdrawn, jobId } of this.#assignments.values()) if (!withdrawn) labels.delete(jobId);
    for (const jobId of labels) this.books.emit({ kind: 'publishCancel', jobId });
    for (const peer of peers) this.repeatCancel(peer);
  }

  /** Tells the worker again what it need not do; true where there was something. */
  repeatCancel(peer: PeerId): boolean {
    const byJob = new Map<JobId, Attempt[]>();
    for (const attempt of this.books.roster.get(peer)?.attempts ?? []) {
      const assignment = this.#assignments.get(attempt)!;
      if (assignment.withdrawn) byJob.set(assignment.jobId, [...(byJob.get(assignment.jobId) ?? []), attempt]);
    }
    for (const [jobId, attempts] of byJob) {
      this.books.emit({ kind: 'sendToWorker', peer, message: { kind: 'workerCancel', jobId, attempts } });
    }
    return byJob.size > 0;
  }

  /** Gives out tasks while there are both tasks and workers. */
  run(now: number): void {
    for (const job of this.books.jobs.values()) this.#openPieces(job);
    this.#turns.begin();
    for (let turn = this.#turns.next(); turn; turn = this.#turns.next()) this.#assign(turn, now);
    const busy = this.books.chunks.size > 0;
    if (busy === this.#hashing) {
      this.#hashing = !busy;
      this.books.emit({ kind: busy ? 'pauseHashing' : 'resumeHashing' });
    }
  }

  taskFinal(worker: WorkerEntry, message: FromWorker & { kind: 'taskFinal' }, now: number): void {
    const assignment = this.#answered(worker, message.attempt, message.epoch, message.work, now);
    if (!assignment || assignment.withdrawn) return;
    const { chunk, slice } = assignment;
    const { context } = chunk;
    this.#measured(assignment, message.work);
    chunk.running.delete(message.attempt);
    if (chunk.finish) return this.settle.finished(chunk, message.part, now);
    try {
      const fields = chunk.runs ? [...context.fields, ...sampleFields] : context.fields;
      const part = decodePart(fields, { ...slice, cellBytes: chunk.span.cellBytes }, message.part);
      if (chunk.runs) return this.settle.sampled(chunk, part, now);
      this.settle.progressed(chunk, part, now);
      if (ChunkTable.done(chunk, part)) this.settle.computed(chunk, now);
    } catch (error) {
      // What a worker sent cannot be merged: its fault, not ours.
      if (!(error instanceof BinglideError)) throw error;
      this.settle.failed(chunk, { ...error.toFault(), range: [slice.start, slice.end] }, now);
    }
  }

  taskError(worker: WorkerEntry, message: FromWorker & { kind: 'taskError' }, now: number): void {
    const assignment = this.#answered(worker, message.attempt, message.epoch, message.work, now);
    if (!assignment || assignment.withdrawn) return;
    const { chunk, slice } = assignment;
    if (message.fault.code === 'E_CANCELLED') {
      // It was told to stop by a publication that came too early or late; the piece is still wanted.
      ChunkTable.requeue(chunk, message.attempt);
      return;
    }
    chunk.running.delete(message.attempt);
    this.settle.failed(chunk, { range: [slice.start, slice.end], ...message.fault }, now);
  }

  progress(worker: WorkerEntry, attempt: Attempt, bytesDone: number, now: number): void {
    const assignment = this.#assignments.get(attempt);
    if (assignment?.peer !== worker.peer || bytesDone <= assignment.bytesDone) return;
    assignment.bytesDone = bytesDone;
    assignment.progressMs = now;
  }

  /**
   * The worker is gone: what it held first is blamed, the rest is requeued free. It may have died of one of those, for
   * answers come several at a time, so the next worker holds nothing behind any of them. A slice is condemned by
   * three deaths that are at least half of all deaths since its first: where slots die whatever they run, none is.
   */
  workerGone(attempts: readonly Attempt[], now: number): void {
    const deathsBefore = this.books.roster.slotDeaths - 1;
    for (const [i, attempt] of attempts.entries()) {
      const assignment = this.#assignments.get(attempt)!;
      this.#assignments.delete(attempt);
      const { chunk, slice, withdrawn } = assignment;
      if (withdrawn || !chunk.running.has(attempt)) continue;
      const blamed = ChunkTable.lose(chunk, attempt, i === 0, deathsBefore);
      // A sample is worth no second death: the exact pieces will tell what is wrong there.
      if (chunk.runs && i === 0) this.settle.sampled(chunk, undefined, now);
      const isMost = 2 * blamed.deaths >= this.books.roster.slotDeaths - blamed.deathsBefore;
      if (chunk.runs || i > 0 || blamed.deaths < this.books.options.blameMax || !isMost) continue;
      const { name } = chunk.context.descriptor;
      const message = `${name} died ${blamed.deaths} times on bytes 0x${slice.start.toString(16)}:0x${slice.end.toString(16)}`;
      this.settle.failed(chunk, { code: 'E_CRASHED', message, range: [slice.start, slice.end] }, now);
    }
  }

  /** Is the task that the worker runs without progress for too long? Fails it. */
  failStalled(worker: WorkerEntry, now: number): boolean {
    const assignment = this.#assignments.get(worker.attempts[0]!);
    if (!assignment || now < assignment.progressMs + this.books.options.taskStallMs) return false;
    const { chunk, slice, withdrawn } = assignment;
    const { name } = chunk.context.descriptor;
    const message = `${name} made no progress for ${this.books.options.taskStallMs} ms at 0x${slice.start.toString(16)}`;
    if (!withdrawn) this.settle.failed(chunk, { code: 'E_STALLED', message, range: [slice.start, slice.end] }, now);
    return true;
  }

  stallDeadline(worker: WorkerEntry): number {
    const assignment = this.#assignments.get(worker.attempts[0]!);
    return assignment ? assignment.progressMs + this.books.options.taskStallMs : Infinity;
  }

  validate(): void {
    for (const { attempt, peer, chunk, withdrawn } of this.#assignments.values()) {
      assert(this.books.roster.get(peer)?.attempts.includes(attempt), 'an assignment has its worker');
      assert(withdrawn || chunk.running.has(attempt), 'a live assignment has its slice');
      assert(withdrawn || this.books.chunks.get(chunk.key) === chunk, 'a live assignment has its piece');
    }
  }

  /** Takes the attempt off the worker; undefined where it does not hold it: a sign of life and nothing more. */
  #answered(worker: WorkerEntry, attempt: Attempt, epoch: string, work: TaskWork, now: number): Assignment | undefined {
    const assignment = this.#assignments.get(attempt);
    if (epoch !== this.books.epoch || assignment?.peer !== worker.peer) return undefined;
    this.#assignments.delete(attempt);
    const [running] = worker.attempts;
    const owed = this.books.roster.settle(worker, attempt, assignment.chargedMs);
    assert(owed, 'an assignment has its worker');
    const next = this.#assignments.get(worker.attempts[0]!);
    if (next && running === attempt) next.progressMs = now;
    const job = this.books.jobs.get(assignment.jobId);
    if (job) this.#turns.settle(job, assignment.chargedMs - work.ms);
    // A finish has computed nothing of the input.
    for (const waiter of assignment.chunk.finish ? [] : assignment.chunk.waiters) {
      // Bytes are counted where the turn was; a job that shares the piece has read nothing for it.
      if (waiter === assignment.jobId) this.books.jobs.get(waiter)?.taskDone(work.bytesRead);
    }
    return assignment;
  }

  /** What later tasks are cut and placed by. */
  #measured({ chunk, slice, jobId }: Assignment, { bytesRead, ms, seekMs }: TaskWork): void {
    const { context, runs, finish } = chunk;
    if (seekMs !== undefined) this.books.seeks.measured(idsOf(context.inputs), seekMs);
    if (runs || finish) return;
    const bytes = slice.end - slice.start;
    this.books.services.measured(context.digest, bytes, bytesRead, ms);
    const job = this.books.jobs.get(jobId);
    if (job) job.bytesPerMs = smoothed(job.bytesPerMs, bytes, ms);
  }

  /** When a disk turns out to seek, several may be reading. */
  #readerOf(inputIds: readonly string[]): WorkerEntry | undefined {
    let reader: WorkerEntry | undefined;
    for (const { peer, chunk } of this.#assignments.values()) {
      if (chunk.context.inputs.some(({ id }) => inputIds.includes(id))) reader = this.books.roster.get(peer);
    }
    return reader;
  }

  /** Wants the job's next pieces, also where no worker is free: who wants a piece shares in it from then on. */
  #openPieces(job: Job): void {
    if (job.phase.name !== 'running') return;
    const pieces = 2 * Math.max(1, this.books.roster.slotCount);
    // By number alone a job of short pieces would leave its turn to others between them.
    const atOnce = { pieces, bytes: pieces * this.sliceMs(job, false) * job.bytesPerMs };
    const stretchBytes = this.books.seeks.stretchBytes(job.inputIds, job.bytesPerMs);
    const open = () => job.openNext(atOnce, stretchBytes);
    for (let opened = open(); opened; opened = open()) {
      // Another job may have had it computed in part: that much is known here too.
      for (const part of this.books.chunks.want(opened, job.id).parts) job.pieceProgressed(part);
    }
  }

  #assign({ job, chunk, sliceBytes, worker, costMs }: Turn, now: number): void {
    const attempt = ++this.#lastAttempt as Attempt;
    const slice = ChunkTable.takeSlice(chunk, sliceBytes);
    chunk.running.set(attempt, slice);
    this.books.roster.assign(worker, attempt, costMs, slice.suspect);
    worker.liveness.spoke(now);
    this.#assignments.set(attempt, {
      attempt,
      peer: worker.peer,
      chunk,
      slice,
      jobId: job.id,
      chargedMs: costMs,
      withdrawn: false,
      progressMs: now,
      bytesDone: 0,
    });
    const task = taskOf(chunk, slice, this.#sampleReadMs(job));
    this.books.emit({
      kind: 'sendToWorker',
      peer: worker.peer,
      message: { kind: 'assign', attempt, epoch: this.books.epoch, jobId: job.id, task },
    });
  }

  /** For each sample of the job: so that all of them together keep to what they are allowed, with one head for all slots. */
  #sampleReadMs(job: Job): number {
    const { sampleTasks, missingBytes } = job.running;
    const allowedMs = Math.min(this.books.options.sampleMs, missingBytes * sampleMsPerByte);
    return allowedMs / Math.max(1, sampleTasks);
  }
}
