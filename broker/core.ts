/**
 * The whole broker without a socket, a disk or a clock: `handle(event, now)` returns what is to be done; where several
 * events are there at once, each is heard and then all is acted on. It decides little itself: clients are heard at the
 * desk, workers on the floor; requests.ts, dispatch.ts and routing.ts know what is under way.
 */
import {
  assert,
  type Descriptor,
  type Epoch,
  type JobId,
  type PeerId,
  type Report,
  type RequestId,
  type ToBroker,
} from '../protocol/index.js';
import { Books } from './books.js';
import { Desk } from './desk.js';
import type { BrokerCommand, BrokerEvent } from './events.js';
import { Floor } from './floor.js';
import type { About } from './mmi.js';
import { type BrokerOptions, checkBrokerOptions } from './options.js';
import { Requests } from './requests.js';
import { Routing } from './routing.js';

export interface BrokerCoreSetup {
  readonly options?: Partial<BrokerOptions>;
  /** Random, new with every start. */
  readonly epoch: Epoch;
  /** Where the shell publishes cancellations, as workers reach it. */
  readonly cancelEndpoint: string;
  /** Services that can be started here: known before their first worker. */
  readonly startable?: readonly Descriptor[];
  /** What the broker says of itself in mmi.services. */
  readonly about?: About;
}

export class BrokerCore {
  readonly #books: Books;
  readonly #requests: Requests;
  readonly #routing: Routing;
  readonly #desk: Desk;
  readonly #floor: Floor;
  /** When the publication socket is next to send something. */
  #tickMs: number;

  constructor(setup: BrokerCoreSetup, now: number) {
    this.#books = new Books(checkBrokerOptions(setup.options ?? {}), setup.epoch, setup.cancelEndpoint);
    this.#routing = new Routing(this.#books);
    this.#requests = new Requests(this.#books, this.#routing);
    this.#desk = new Desk(this.#books, this.#requests, this.#routing, setup.about ?? {});
    this.#floor = new Floor(this.#books, this.#requests, this.#routing, (service, at) => {
      this.#requests.serviceCame(at);
      this.#desk.replayWaiting(service, at);
    });
    for (const descriptor of setup.startable ?? []) this.#books.services.add(descriptor, true, now);
    this.#tickMs = now + this.#books.options.heartbeatMs;
  }

  handle(event: BrokerEvent, now: number): BrokerCommand[] {
    return [...this.hear(event, now), ...this.act(now)];
  }

  /** Takes it in. Of several events that are there at once each is heard before `act` gives out what follows of them. */
  hear(event: BrokerEvent, now: number): readonly BrokerCommand[] {
    switch (event.kind) {
      case 'messageReceived':
        this.#received(event.peer, event.message, now);
        break;
      case 'peerGone':
        this.#peerGone(event.peer, now);
        break;
      case 'peerFlooded':
        this.#peerFlooded(event.peer, now);
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
    return this.#books.takeCommands();
  }

  /** Gives out tasks and reports by all that was heard. */
  act(now: number): readonly BrokerCommand[] {
    this.#requests.dispatch.run(now);
    if (this.#requests.report(now)) this.#requests.dispatch.run(now);
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
    let next = Math.min(this.#tickMs, this.#requests.nextDeadline(), this.#floor.nextDeadline());
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
      assert(!job.isComplete || job.isFinishing, 'a complete job is answered at once');
      for (const key of job.phase.open.keys()) assert(chunks.get(key)?.waiters.has(job.id), 'an open piece is wanted');
      const { reading, pending, open } = job.phase;
      assert(reading.size + pending.size + open.size > 0, 'a running job waits for something');
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

  /** The state owners, for the simulation's checkers: nobody writes through it. */
  get books(): Books {
    return this.#books;
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
        if (this.#floor.holds(peer)) this.#floor.dismiss(peer, now);
        else this.#desk.fromClient(peer, message, now);
        break;
      case 'plainRequest':
        if (this.#floor.holds(peer)) this.#floor.dismiss(peer, now);
        else this.#desk.fromPlainClient(peer, message, now);
        break;
      case 'badRequest':
        if (this.#floor.holds(peer)) this.#floor.dismiss(peer, now);
        else this.#desk.badRequest(peer, message, now);
        break;
      case 'ready':
      case 'taskFinal':
      case 'taskError':
      case 'workerHeartbeat':
      case 'workerDisconnect':
        this.#floor.fromWorker(peer, message, now);
        break;
      case 'plainReady':
      case 'plainPartial':
      case 'plainFinal':
      case 'plainHeartbeat':
      case 'plainDisconnect':
        this.#floor.fromPlainWorker(peer, message, now);
        break;
      case 'invalid':
        // Dropped; its sender, if it is a worker, is trusted no longer.
        if (this.#floor.holds(peer)) this.#floor.dismiss(peer, now);
        break;
      default:
        message satisfies never;
    }
  }

  #peerGone(peer: PeerId, now: number): void {
    this.#floor.gone(peer, now);
    const session = this.#books.sessions.byPeer(peer);
    // A v2 client may be back on another connection before its liveness ends.
    if (session?.dialect === 'plain') this.#desk.gone(session, now);
  }

  /** A client that does not read has its jobs cancelled; should it speak again, it starts anew. */
  #peerFlooded(peer: PeerId, now: number): void {
    this.#floor.gone(peer, now);
    const session = this.#books.sessions.byPeer(peer);
    if (session) this.#desk.gone(session, now);
  }

  #deadlineReached(now: number): void {
    this.#floor.deadlineReached(now);
    this.#desk.deadlineReached(now);
    this.#requests.expire(now);
    if (now < this.#tickMs) return;
    const { services, options, jobs } = this.#books;
    this.#tickMs = now + options.heartbeatMs;
    this.#books.emit({ kind: 'publishTick' });
    const held = new Set([...jobs.values()].map((job) => job.service?.digest));
    services.forget(now - options.workerWaitMs, (digest) => held.has(digest));
  }
}
