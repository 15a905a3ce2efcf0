/**
 * Where workers of both dialects are heard: who is ready, what they answer, when they go. A worker that says what it may
 * not say at that moment is told DISCONNECT, and nothing after it (protocol/BXMDPv2.md has the table).
 */
import type { FromPlainWorker, FromWorker, PeerId } from '../protocol/index.js';
import type { Books } from './books.js';
import { isMmi } from './mmi.js';
import type { Requests } from './requests.js';
import type { Routing } from './routing.js';

export class Floor {
  constructor(
    readonly books: Books,
    readonly requests: Requests,
    readonly routing: Routing,
    /** A service has its first worker: who waits for it is looked at again. */
    readonly serviceCame: (service: string, now: number) => void,
  ) {}

  holds(peer: PeerId): boolean {
    return this.books.roster.get(peer) !== undefined || this.routing.has(peer);
  }

  fromWorker(peer: PeerId, message: FromWorker, now: number): void {
    const { books } = this;
    const worker = books.roster.get(peer);
    if (message.kind === 'ready') {
      if (this.holds(peer)) return this.dismiss(peer, now);
      if (this.#isClient(peer)) return this.#refuse(peer);
      const { descriptor, slot, credit } = message;
      const { digest } = books.services.add(descriptor, false, now);
      books.services.attach(digest, peer);
      books.roster.add({ peer, digest, slot, credit }, books.options.heartbeatMs, now);
      books.emit({ kind: 'sendToWorker', peer, message: books.welcome() });
      this.serviceCame(descriptor.name, now);
      return;
    }
    if (!worker) {
      if (message.kind !== 'workerDisconnect')
        books.emit({ kind: 'sendToWorker', peer, message: { kind: 'workerDisconnect' } });
      return;
    }
    switch (message.kind) {
      case 'taskFinal':
        this.requests.dispatch.taskFinal(worker, message, now);
        break;
      case 'taskError':
        this.requests.dispatch.taskError(worker, message, now);
        break;
      case 'workerHeartbeat':
        if (message.attempt !== undefined)
          this.requests.dispatch.progress(worker, message.attempt, message.bytesDone ?? 0, now);
        break;
      case 'workerDisconnect':
        this.gone(peer, now);
        break;
      default:
        message satisfies never;
    }
  }

  fromPlainWorker(peer: PeerId, message: FromPlainWorker, now: number): void {
    const known = this.routing.has(peer);
    switch (message.kind) {
      case 'plainReady':
        if (this.holds(peer) || this.#isClient(peer) || isMmi(message.service)) return this.dismiss(peer, now);
        this.routing.ready(peer, message.service, now);
        break;
      case 'plainPartial':
      case 'plainFinal': {
        const isFinal = message.kind === 'plainFinal';
        if (!this.routing.answered(peer, message.address, message.body, isFinal, now)) this.dismiss(peer, now);
        break;
      }
      case 'plainHeartbeat':
        if (!known) this.dismiss(peer, now);
        break;
      case 'plainDisconnect':
        this.routing.remove(peer, now);
        break;
      default:
        message satisfies never;
    }
  }

  /** DISCONNECT, then nothing: the worker may start again on a new connection. */
  dismiss(peer: PeerId, now: number): void {
    if (this.books.roster.get(peer)) {
      this.books.emit({ kind: 'sendToWorker', peer, message: { kind: 'workerDisconnect' } });
      this.gone(peer, now);
    } else {
      this.routing.disconnect(peer, now);
    }
  }

  /** The worker went, or is taken to have gone. */
  gone(peer: PeerId, now: number): void {
    const { roster, services } = this.books;
    const worker = roster.get(peer);
    if (!worker) {
      this.routing.remove(peer, now);
      return;
    }
    const owed = roster.remove(peer);
    services.detach(worker.digest, peer, now);
    this.requests.dispatch.workerGone(owed, now);
  }

  /** Silent workers go, stalled ones are dismissed, the others hear that we are here. */
  deadlineReached(now: number): void {
    for (const worker of [...this.books.roster.workers()]) {
      if (worker.liveness.isLate(now)) this.gone(worker.peer, now);
      else if (this.requests.dispatch.failStalled(worker, now)) this.dismiss(worker.peer, now);
      else if (worker.liveness.beatIsDue(now)) this.#beat(worker.peer, now);
    }
    this.routing.deadlineReached(now);
  }

  nextDeadline(): number {
    let next = this.routing.nextDeadline();
    for (const worker of this.books.roster.workers()) {
      next = Math.min(next, worker.liveness.deadline(), this.requests.dispatch.stallDeadline(worker));
    }
    return next;
  }

  #isClient(peer: PeerId): boolean {
    return this.books.sessions.byPeer(peer) !== undefined;
  }

  #refuse(peer: PeerId): void {
    this.books.emit({ kind: 'sendToWorker', peer, message: { kind: 'workerDisconnect' } });
  }

  #beat(peer: PeerId, now: number): void {
    this.books.roster.get(peer)!.liveness.spoke(now);
    if (this.requests.dispatch.repeatCancel(peer)) return;
    this.books.emit({ kind: 'sendToWorker', peer, message: { kind: 'workerHeartbeat' } });
  }
}
