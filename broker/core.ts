/**
 * The whole broker without a socket, a disk or a clock: `handle(event, now)` returns what is to be done. It translates
 * each message to what the state owners know (requests.ts, dispatch.ts, routing.ts) and turns away what the
 * specification does not allow at that moment; protocol/BXMDPv2.md has the table.
 */
import {
  assert,
  type BadRequest,
  BinglideError,
  type Descriptor,
  type Epoch,
  type FromClient,
  type FromPlainClient,
  type FromPlainWorker,
  type FromWorker,
  type JobId,
  jobIdOf,
  type PeerId,
  parseJobId,
  plainQuery,
  type Report,
  type RequestId,
  type ToBroker,
} from '../protocol/index.js';
import { Books } from './books.js';
import type { BrokerCommand, BrokerEvent } from './events.js';
import { answerMmi, isMmi } from './mmi.js';
import { type BrokerOptions, checkBrokerOptions } from './options.js';
import { Requests } from './requests.js';
import { Routing } from './routing.js';
import type { Session } from './sessions.js';

export interface BrokerCoreSetup {
  readonly options?: Partial<BrokerOptions>;
  /** Random, new with every start. */
  readonly epoch: Epoch;
  /** Where the shell publishes cancellations, as workers reach it. */
  readonly cancelEndpoint: string;
  /** Services that can be started here: known before their first worker. */
  readonly startable?: readonly Descriptor[];
}

export class BrokerCore {
  readonly #books: Books;
  readonly #requests: Requests;
  readonly #routing: Routing;
  /** Plain clients number their requests here. */
  #plainRequests = 0;
  #tickMs = 0;

  constructor(setup: BrokerCoreSetup, now: number) {
    this.#books = new Books(checkBrokerOptions(setup.options ?? {}), setup.epoch, setup.cancelEndpoint);
    this.#requests = new Requests(this.#books);
    this.#routing = new Routing(this.#books);
    for (const descriptor of setup.startable ?? []) this.#books.services.add(descriptor, true, now);
    this.#tickMs = now + this.#books.options.heartbeatMs;
  }

  handle(event: BrokerEvent, now: number): BrokerCommand[] {
    switch (event.kind) {
      case 'messageReceived':
        this.#received(event.peer, event.message, now);
        break;
      case 'peerGone':
        this.#peerGone(event.peer, now);
        break;
      case 'inputsMeasured':
        this.#requests.measured(event, now);
        break;
      case 'inputsRefused':
        this.#requests.refused(event, now);
        break;
      case 'chunkRead':
        this.#requests.chunkRead(event, now);
        break;
      case 'inputHashed':
        this.#requests.hashed(event);
        break;
      case 'reportSent':
        this.#requests.reportSent(event, now);
        break;
      case 'deadlineReached':
        this.#deadlineReached(now);
        break;
      default:
        event satisfies never;
    }
    this.#requests.dispatch.run(now);
    this.#requests.report(now);
    return this.#books.takeCommands();
  }

  /** The newest report of a running job, for sendReport; undefined where it has ended since. */
  report(
    jobId: JobId,
    now: number,
  ): { readonly requestId: RequestId; readonly isPlain: boolean; readonly report: Report } | undefined {
    const job = this.#books.jobs.get(jobId);
    if (job?.phase.name !== 'running') return undefined;
    return {
      requestId: job.requestId,
      isPlain: this.#books.ownerOf(job)?.dialect === 'plain',
      report: job.report(now),
    };
  }

  /** The moment by which deadlineReached is due; it may come early, and may come for nothing. */
  nextDeadline(): number {
    let next = Math.min(this.#tickMs, this.#requests.nextDeadline(), this.#routing.nextDeadline());
    for (const worker of this.#books.roster.workers()) {
      next = Math.min(next, worker.liveness.deadline(), this.#requests.dispatch.stallDeadline(worker));
    }
    for (const { liveness } of this.#books.sessions.all()) next = Math.min(next, liveness.deadline());
    return next;
  }

  validate(): void {
    const { roster, chunks, jobs } = this.#books;
    roster.validate();
    chunks.validate();
    this.#routing.validate();
    this.#requests.dispatch.validate();
    for (const job of jobs.values()) {
      if (job.phase.name !== 'running') continue;
      assert(!job.isComplete, 'a complete job is answered at once');
      for (const key of job.phase.open.keys()) assert(chunks.get(key)?.waiters.has(job.id), 'an open piece is wanted');
      const { reading, pending, open } = job.phase;
      assert(reading.size + pending.length + open.size > 0, 'a running job waits for something');
    }
  }

  /** Counts for whoever watches over limits and leaks. */
  census() {
    const { roster, chunks, jobs } = this.#books;
    return {
      jobs: jobs.size,
      rawJobs: this.#routing.size,
      chunks: chunks.size,
      slots: roster.slotCount,
      busySlots: roster.busySlots,
    };
  }

  #received(peer: PeerId, message: ToBroker, now: number): void {
    this.#books.sessions.byPeer(peer)?.liveness.heard(now);
    this.#books.roster.get(peer)?.liveness.heard(now);
    this.#routing.heard(peer, now);
    switch (message.kind) {
      case 'hello':
      case 'request':
      case 'rawRequest':
      case 'clientCancel':
      case 'clientHeartbeat':
      case 'clientDisconnect':
        this.#fromClient(peer, message, now);
        break;
      case 'plainRequest':
        this.#fromPlainClient(peer, message, now);
        break;
      case 'ready':
      case 'taskFinal':
      case 'taskError':
      case 'workerHeartbeat':
      case 'workerDisconnect':
        this.#fromWorker(peer, message, now);
        break;
      case 'plainReady':
      case 'plainPartial':
      case 'plainFinal':
      case 'plainHeartbeat':
      case 'plainDisconnect':
        this.#fromPlainWorker(peer, message, now);
        break;
      case 'badRequest':
        this.#badRequest(peer, message, now);
        break;
      case 'invalid':
        this.#invalid(peer, now);
        break;
      default:
        message satisfies never;
    }
  }

  #fromClient(peer: PeerId, message: FromClient, now: number): void {
    if (this.#isWorker(peer)) return this.#dismissWorker(peer, now);
    if (message.kind === 'hello') {
      const session = this.#books.sessions.hello(peer, message.clientId, now);
      this.#books.emit({ kind: 'sendToClient', peer: this.#books.speak(session, now), message: this.#books.welcome() });
      return;
    }
    const session = this.#books.sessions.byPeer(peer);
    if (session?.dialect !== 'v2') {
      // Not of this broker's life: the client starts a new conversation.
      if (message.kind !== 'clientDisconnect')
        this.#books.emit({ kind: 'sendToClient', peer, message: { kind: 'clientDisconnect' } });
      return;
    }
    switch (message.kind) {
      case 'request':
        this.#requests.requested(session, message.requestId, message.query, now);
        break;
      case 'rawRequest':
        this.#rawRequested(session, message.requestId, message.service, message.body, now);
        break;
      case 'clientCancel':
        this.#cancelled(session, message, now);
        break;
      case 'clientHeartbeat':
        break;
      case 'clientDisconnect':
        this.#clientGone(session, now);
        break;
      default:
        message satisfies never;
    }
  }

  #badRequest(peer: PeerId, { requestId, service, fault }: BadRequest, now: number): void {
    const session = this.#books.sessions.byPeer(peer);
    if (session?.dialect !== 'v2') return this.#invalid(peer, now);
    const jobId = jobIdOf(session.clientId, requestId);
    this.#books.sendFault(session, service, requestId, { ...fault, jobId, service }, now);
  }

  #fromPlainClient(peer: PeerId, { service, body }: FromPlainClient, now: number): void {
    if (this.#isWorker(peer)) return this.#dismissWorker(peer, now);
    const session = this.#books.sessions.plain(peer, now);
    const requestId = ++this.#plainRequests as RequestId;
    if (session.dialect !== 'plain') return this.#invalid(peer, now);
    this.#plainRequested(session, requestId, service, body, now);
  }

  #plainRequested(
    session: Session,
    requestId: RequestId,
    service: string,
    body: readonly Uint8Array[],
    now: number,
  ): void {
    if (isMmi(service) || !this.#books.services.find(service)) {
      this.#rawRequested(session, requestId, service, body, now);
      return;
    }
    try {
      this.#requests.requested(session, requestId, plainQuery(service, body), now);
    } catch (error) {
      if (!(error instanceof BinglideError)) throw error;
      this.#books.sendFault(session, service, requestId, { ...error.toFault(), service }, now);
    }
  }

  #rawRequested(
    session: Session,
    requestId: RequestId,
    service: string,
    body: readonly Uint8Array[],
    now: number,
  ): void {
    const { books } = this;
    const id = jobIdOf(session.clientId, requestId);
    const reply = (answer: readonly Uint8Array[]) => {
      const peer = books.speak(session, now);
      if (session.dialect === 'plain') {
        books.emit({ kind: 'sendToPlainClient', peer, message: { kind: 'plainFinal', service, body: answer } });
      } else {
        books.emit({ kind: 'sendToClient', peer, message: { kind: 'rawFinal', requestId, service, body: answer } });
      }
    };
    if (isMmi(service)) {
      reply(answerMmi(service, body, { books, routing: this.#routing, isPlain: session.dialect === 'plain', now }));
      return;
    }
    const outcome = books.outcomes.get(id, now);
    if (outcome?.kind === 'raw') return reply(outcome.body);
    const refuse = (code: 'E_BUSY' | 'E_USAGE' | 'E_EXPIRED', text: string) =>
      books.sendFault(session, service, requestId, { code, message: text, jobId: id, service }, now);
    if (outcome?.kind === 'failed') return books.sendFault(session, service, requestId, outcome.fault, now);
    if (outcome?.kind === 'answered') return refuse('E_EXPIRED', 'the result of this request is no longer kept');
    if (books.services.find(service)) return refuse('E_USAGE', `${service} takes a query, not a raw body`);
    // It comes again and is under way: the answer goes to where the client is now.
    if (this.#routing.isUnderWay(id)) return;
    if (this.#routing.size + books.jobs.size >= books.options.jobsMax) {
      return refuse('E_BUSY', `${books.options.jobsMax} jobs are under way, as many as this broker takes`);
    }
    this.#routing.requested(session, id, requestId, service, body, now);
  }

  get books(): Books {
    return this.#books;
  }

  #cancelled(session: Session, target: FromClient & { kind: 'clientCancel' }, now: number): void {
    const id = (target.jobId ?? jobIdOf(session.clientId, target.requestId!)) as JobId;
    const isOwner = parseJobId(id)?.client === session.clientId;
    const cancelled = this.#requests.cancelled(id, now) || this.#routing.cancelled(id, now);
    // The owner of a job that was under way has its ERROR; everybody else hears what became of it.
    if (cancelled && isOwner) return;
    const outcome = cancelled ? 'cancelled' : this.#books.outcomes.get(id, now) ? 'ended' : 'unknown';
    const peer = this.#books.speak(session, now);
    this.#books.emit({ kind: 'sendToClient', peer, message: { kind: 'cancelAck', jobId: id, outcome } });
  }

  #fromWorker(peer: PeerId, message: FromWorker, now: number): void {
    const { books } = this;
    const worker = books.roster.get(peer);
    if (message.kind === 'ready') {
      if (worker || this.#isKnown(peer)) return this.#dismissWorker(peer, now);
      const { descriptor, slot, credit } = message;
      const { digest } = books.services.add(descriptor, false, now);
      books.services.attach(digest, peer);
      books.roster.add({ peer, digest, slot, credit }, books.options.heartbeatMs, now);
      books.emit({ kind: 'sendToWorker', peer, message: books.welcome() });
      this.#requests.serviceCame(now);
      this.#replayWaiting(descriptor.name, now);
      return;
    }
    if (!worker) {
      if (message.kind !== 'workerDisconnect')
        books.emit({ kind: 'sendToWorker', peer, message: { kind: 'workerDisconnect' } });
      return;
    }
    switch (message.kind) {
      case 'taskFinal':
        this.#requests.dispatch.taskFinal(worker, message, now);
        break;
      case 'taskError':
        this.#requests.dispatch.taskError(worker, message, now);
        break;
      case 'workerHeartbeat':
        if (message.attempt !== undefined)
          this.#requests.dispatch.progress(worker, message.attempt, message.bytesDone ?? 0, now);
        break;
      case 'workerDisconnect':
        this.#workerGone(peer, now);
        break;
      default:
        message satisfies never;
    }
  }

  /** What waited for the service before anybody knew that it has a descriptor is looked at again. */
  #replayWaiting(service: string, now: number): void {
    for (const { clientId, requestId, body } of this.#routing.takeWaiting(service)) {
      const session = this.#books.sessions.byClient(clientId);
      if (session?.dialect === 'plain') this.#plainRequested(session, requestId, service, body, now);
      else if (session) this.#rawRequested(session, requestId, service, body, now);
    }
  }

  #fromPlainWorker(peer: PeerId, message: FromPlainWorker, now: number): void {
    const known = this.#routing.has(peer);
    switch (message.kind) {
      case 'plainReady':
        if (known || this.#isKnown(peer) || isMmi(message.service)) return this.#dismissWorker(peer, now);
        this.#routing.ready(peer, message.service, now);
        break;
      case 'plainPartial':
      case 'plainFinal': {
        const isFinal = message.kind === 'plainFinal';
        if (!this.#routing.answered(peer, message.address, message.body, isFinal, now)) this.#dismissWorker(peer, now);
        break;
      }
      case 'plainHeartbeat':
        if (!known) this.#dismissWorker(peer, now);
        break;
      case 'plainDisconnect':
        this.#routing.remove(peer, now);
        break;
      default:
        message satisfies never;
    }
  }

  /** What does not follow the specification is dropped; its sender, if it is a worker, is trusted no longer. */
  #invalid(peer: PeerId, now: number): void {
    if (this.#isWorker(peer)) this.#dismissWorker(peer, now);
  }

  #isWorker(peer: PeerId): boolean {
    return this.#books.roster.get(peer) !== undefined || this.#routing.has(peer);
  }
  #isKnown(peer: PeerId): boolean {
    return this.#isWorker(peer) || this.#books.sessions.byPeer(peer) !== undefined;
  }

  /** DISCONNECT, then nothing: the worker may start again on a new connection. */
  #dismissWorker(peer: PeerId, now: number): void {
    if (this.#books.roster.get(peer)) {
      this.#books.emit({ kind: 'sendToWorker', peer, message: { kind: 'workerDisconnect' } });
      this.#workerGone(peer, now);
    } else {
      this.#routing.disconnect(peer, now);
    }
  }

  #workerGone(peer: PeerId, now: number): void {
    const { roster, services } = this.#books;
    const worker = roster.get(peer);
    if (!worker) return;
    const owed = roster.remove(peer);
    services.detach(worker.digest, peer, now);
    this.#requests.dispatch.workerGone(owed, now);
  }

  #clientGone(session: Session, now: number): void {
    this.#routing.clientGone(session.clientId, now);
    this.#requests.clientGone(session);
  }

  #peerGone(peer: PeerId, now: number): void {
    this.#workerGone(peer, now);
    this.#routing.remove(peer, now);
    const session = this.#books.sessions.byPeer(peer);
    // A v2 client may be back on another connection before its liveness ends.
    if (session?.dialect === 'plain') this.#clientGone(session, now);
  }

  #deadlineReached(now: number): void {
    const { roster, sessions, services, options, jobs } = this.#books;
    for (const worker of [...roster.workers()]) {
      if (worker.liveness.isLate(now)) this.#workerGone(worker.peer, now);
      else if (this.#requests.dispatch.failStalled(worker, now)) this.#dismissWorker(worker.peer, now);
      else if (worker.liveness.beatIsDue(now)) this.#beatWorker(worker.peer, now);
    }
    for (const session of [...sessions.all()]) {
      if (session.liveness.isLate(now)) this.#clientGone(session, now);
      else if (session.liveness.beatIsDue(now)) this.#beatClient(session, now);
    }
    this.#routing.deadlineReached(now);
    this.#requests.expire(now);
    if (now >= this.#tickMs) {
      this.#tickMs = now + options.heartbeatMs;
      this.#books.emit({ kind: 'publishTick' });
      const held = new Set([...jobs.values()].map((job) => job.service?.digest));
      services.forget(now - options.workerWaitMs, (digest) => held.has(digest));
    }
  }

  #beatWorker(peer: PeerId, now: number): void {
    this.#books.roster.get(peer)!.liveness.spoke(now);
    if (this.#requests.dispatch.repeatCancel(peer)) return;
    this.#books.emit({ kind: 'sendToWorker', peer, message: { kind: 'workerHeartbeat' } });
  }

  #beatClient(session: Session, now: number): void {
    const peer = this.#books.speak(session, now);
    this.#books.emit({ kind: 'sendToClient', peer, message: { kind: 'clientHeartbeat' } });
  }
}
