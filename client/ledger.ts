/**
 * What this client still wants of the broker: open jobs, withdrawals that it has not confirmed, and the ends of other
 * people's jobs. Pure; the only writer of all three.
 *
 * Rule: while there is a broker, everything in here has been sent to it in this conversation. So a new conversation
 * starts by sending all of it, jobs under their old numbers.
 */
import {
  assert,
  type ClientId,
  type Epoch,
  type Fault,
  type JobId,
  jobIdOf,
  type Limits,
  parseJobId,
  type Report,
  type RequestId,
  reportIsLarge,
  type ToClient,
} from '../protocol/index.js';
import type { Ask, CancelOutcome, ClientCommand } from './events.js';

interface OpenJob {
  readonly ask: Ask;
  readonly askedAt: number;
  /** The broker life that may hold the job; null: it was never sent. */
  issuedIn: Epoch | null;
  /** Completion of the last report that was delivered; −1: none. */
  shown: number;
}

/** A job of our own that is over for us, while the broker has not said that it is over there. */
interface WithdrawnJob {
  /** The broker life that may still work on it. */
  readonly epoch: Epoch;
  /** Somebody waits for the broker's answer. */
  readonly waited: boolean;
}

/** The broker that we may speak to. */
interface Broker {
  readonly epoch: Epoch;
  readonly limits: Limits;
}

/** What answers something in here. */
export type Answer = Exclude<
  ToClient,
  { readonly kind: 'welcome' } | { readonly kind: 'clientHeartbeat' } | { readonly kind: 'clientDisconnect' }
>;

export class Ledger {
  readonly #clientId: ClientId;
  readonly #order: (command: ClientCommand) => void;
  readonly #jobs = new Map<RequestId, OpenJob>();
  readonly #withdrawn = new Map<RequestId, WithdrawnJob>();
  /** Jobs that are not open here and whose end was asked for, with the moment of asking. */
  readonly #cancels = new Map<string, number>();
  #lastRequestId = 0;
  #broker: Broker | null = null;

  constructor(clientId: ClientId, order: (command: ClientCommand) => void) {
    this.#clientId = clientId;
    this.#order = order;
  }

  get openJobs(): number {
    return this.#jobs.size;
  }

  // What the caller wants

  ask(requestId: RequestId, ask: Ask, now: number): void {
    assert(requestId > this.#lastRequestId, 'request numbers rise');
    this.#lastRequestId = requestId;
    this.#jobs.set(requestId, { ask, askedAt: now, issuedIn: null, shown: -1 });
    if (this.#broker) this.#issue(requestId, this.#broker);
  }

  cancel(jobId: string, now: number): void {
    const requestId = this.#ownNumberOf(jobId);
    const job = requestId && this.#jobs.get(requestId);
    const withdrawn = requestId && this.#withdrawn.get(requestId);
    if (job) {
      this.#reject(requestId, { code: 'E_CANCELLED', message: `${serviceOf(job.ask)} was cancelled` }, true);
      this.#withdraw(requestId, job, true);
    } else if (withdrawn) {
      if (this.#broker) this.#withdrawn.set(requestId, { ...withdrawn, waited: true });
      else this.#resolveCancel(jobId, 'cancelled');
    } else if (!this.#cancels.has(jobId)) {
      this.#cancels.set(jobId, now);
      if (this.#broker) this.#sendCancel(jobId);
    }
  }

  /** Whatever still waits at `givenUpAt` its asking ends with the fault. */
  giveUp(now: number, givenUpAt: (askedAt: number) => number, fault: Fault): void {
    for (const [requestId, job] of this.#jobs) {
      if (now >= givenUpAt(job.askedAt)) this.#failJob(requestId, job, fault);
    }
    for (const [jobId, askedAt] of this.#cancels) {
      if (now >= givenUpAt(askedAt)) this.#failCancel(jobId, fault);
    }
  }

  nextGiveUp(givenUpAt: (askedAt: number) => number): number {
    let at = Infinity;
    for (const job of this.#jobs.values()) at = Math.min(at, givenUpAt(job.askedAt));
    for (const askedAt of this.#cancels.values()) at = Math.min(at, givenUpAt(askedAt));
    return at;
  }

  /** Nobody can tell whose answer some bytes were, so no job may go on waiting for it. */
  failAll(fault: Fault): void {
    for (const [requestId, job] of this.#jobs) this.#failJob(requestId, job, fault);
    for (const jobId of this.#cancels.keys()) this.#failCancel(jobId, fault);
  }

  /** Everything is over, and nothing more is sent. */
  end(fault: Fault, byOwner: boolean): void {
    for (const requestId of this.#jobs.keys()) this.#reject(requestId, fault, byOwner);
    this.parted();
    this.#jobs.clear();
    this.#withdrawn.clear();
    for (const jobId of this.#cancels.keys()) this.#failCancel(jobId, fault);
  }

  // The conversation

  welcomed(broker: Broker): void {
    this.#broker = broker;
    for (const [requestId, { epoch }] of this.#withdrawn) {
      if (epoch === broker.epoch) this.#sendCancel(this.#jobIdOf(requestId));
      else this.#withdrawn.delete(requestId);
    }
    for (const requestId of this.#jobs.keys()) this.#issue(requestId, broker);
    for (const jobId of this.#cancels.keys()) this.#sendCancel(jobId);
  }

  /** Withdrawals are said again when the same broker life is back; nobody is kept waiting for that. */
  parted(): void {
    this.#broker = null;
    for (const [requestId, { epoch, waited }] of this.#withdrawn) {
      if (waited) this.#resolveCancel(this.#jobIdOf(requestId), 'cancelled');
      this.#withdrawn.set(requestId, { epoch, waited: false });
    }
  }

  #issue(requestId: RequestId, { epoch, limits }: Broker): void {
    const job = this.#jobs.get(requestId)!;
    const { ask } = job;
    if (ask.kind === 'raw') {
      const bytes = ask.body.reduce((sum, frame) => sum + frame.byteLength, 0);
      if (bytes > limits.messageBytesMax) {
        const message = `a body of ${bytes} bytes is over the broker's limit of ${limits.messageBytesMax}`;
        this.#reject(requestId, { code: 'E_USAGE', message }, false);
        this.#jobs.delete(requestId);
        return;
      }
    }
    job.issuedIn = epoch;
    this.#order({
      kind: 'send',
      message:
        ask.kind === 'query'
          ? { kind: 'request', requestId, query: ask.query }
          : { kind: 'rawRequest', requestId, service: ask.service, body: ask.body },
    });
  }

  // What the broker answers

  receive(answer: Answer): void {
    switch (answer.kind) {
      case 'partial': {
        const job = this.#expect('query', answer.requestId);
        if (!job || answer.report.completion < job.shown) break;
        job.shown = answer.report.completion;
        this.#order({ kind: 'deliverReport', requestId: answer.requestId, report: answer.report });
        if (reportIsLarge(answer.report)) {
          this.#order({ kind: 'send', message: { kind: 'clientHeartbeat', seen: answer.requestId } });
        }
        break;
      }
      case 'rawPartial':
        if (this.#expect('raw', answer.requestId)) {
          this.#order({ kind: 'deliverRaw', requestId: answer.requestId, body: answer.body });
        }
        break;
      case 'final':
        this.#onFinal(answer.requestId, answer.report);
        break;
      case 'rawFinal':
        if (this.#expect('raw', answer.requestId)) {
          this.#jobs.delete(answer.requestId);
          this.#order({ kind: 'resolveRaw', requestId: answer.requestId, body: answer.body });
        }
        this.#confirm(this.#jobIdOf(answer.requestId), 'ended');
        break;
      case 'error':
        this.#reject(answer.requestId, answer.fault, false);
        this.#jobs.delete(answer.requestId);
        this.#confirm(this.#jobIdOf(answer.requestId), answer.fault.code === 'E_CANCELLED' ? 'cancelled' : 'ended');
        break;
      case 'cancelAck':
        this.#confirm(answer.jobId, answer.outcome);
        break;
      default:
        answer satisfies never;
    }
  }

  #onFinal(requestId: RequestId, report: Report): void {
    if (this.#expect('query', requestId)) {
      this.#jobs.delete(requestId);
      this.#order({ kind: 'resolveFinal', requestId, report });
    }
    this.#confirm(this.#jobIdOf(requestId), 'ended');
  }

  /** The broker is done with this job: whoever waits for its end has it. */
  #confirm(jobId: string, outcome: CancelOutcome): void {
    const requestId = this.#ownNumberOf(jobId);
    const waited = requestId !== undefined && this.#withdrawn.get(requestId)?.waited;
    if (requestId !== undefined) this.#withdrawn.delete(requestId);
    if (this.#cancels.delete(jobId) || waited) this.#resolveCancel(jobId, outcome);
  }

  /** The open job that an answer is for; an answer of the other kind is the broker's fault and ends the job. */
  #expect(kind: Ask['kind'], requestId: RequestId): OpenJob | undefined {
    const job = this.#jobs.get(requestId);
    if (!job || job.ask.kind === kind) return job;
    const message = `the broker answered ${serviceOf(job.ask)} with ${kind === 'raw' ? 'a raw body' : 'a report'}`;
    this.#failJob(requestId, job, { code: 'E_PROTOCOL', message });
    return undefined;
  }

  // Endings

  #failJob(requestId: RequestId, job: OpenJob, fault: Fault): void {
    this.#reject(requestId, fault, false);
    this.#withdraw(requestId, job, false);
  }

  #failCancel(jobId: string, fault: Fault): void {
    this.#cancels.delete(jobId);
    this.#order({ kind: 'rejectCancel', jobId, fault: { ...fault, jobId } });
  }

  /** A broker life that may hold the job is told that we no longer want it: now, or when it is back. */
  #withdraw(requestId: RequestId, job: OpenJob, waited: boolean): void {
    const jobId = this.#jobIdOf(requestId);
    this.#jobs.delete(requestId);
    if (job.issuedIn !== null)
      this.#withdrawn.set(requestId, { epoch: job.issuedIn, waited: waited && !!this.#broker });
    if (this.#broker) this.#sendCancel(jobId);
    else if (waited) this.#resolveCancel(jobId, 'cancelled');
  }

  #reject(requestId: RequestId, fault: Fault, byOwner: boolean): void {
    const job = this.#jobs.get(requestId);
    if (!job) return;
    const named = { jobId: this.#jobIdOf(requestId), service: serviceOf(job.ask), ...fault };
    this.#order({ kind: 'rejectJob', requestId, fault: named, byOwner });
  }

  #resolveCancel(jobId: string, outcome: CancelOutcome): void {
    this.#order({ kind: 'resolveCancel', jobId, outcome });
  }

  #sendCancel(jobId: string): void {
    this.#order({ kind: 'send', message: { kind: 'clientCancel', jobId } });
  }

  #jobIdOf(requestId: RequestId): JobId {
    return jobIdOf(this.#clientId, requestId);
  }

  #ownNumberOf(jobId: string): RequestId | undefined {
    const parsed = parseJobId(jobId);
    return parsed?.client === this.#clientId ? parsed.request : undefined;
  }

  /** Throws where an invariant is broken. */
  validate(): void {
    for (const [requestId, job] of this.#jobs) {
      assert(requestId >= 1 && requestId <= this.#lastRequestId, 'a job’s number was given out');
      assert(!this.#withdrawn.has(requestId), 'a job is open or withdrawn, not both');
      assert(!this.#broker || job.issuedIn === this.#broker.epoch, 'the broker was sent every open job');
      assert(job.issuedIn !== null || job.shown === -1, 'what was never sent was never answered');
    }
    for (const { epoch, waited } of this.#withdrawn.values()) {
      assert(!this.#broker || epoch === this.#broker.epoch, 'jobs of another broker life are forgotten');
      assert(!waited || this.#broker, 'nobody waits for a broker that is away');
    }
  }

  get isEmpty(): boolean {
    return this.#jobs.size + this.#withdrawn.size + this.#cancels.size === 0;
  }
}

function serviceOf(ask: Ask): string {
  return ask.kind === 'raw' ? ask.service : ask.query.service;
}
