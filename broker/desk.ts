/**
 * Where clients of both dialects are heard: their messages become requests, cancels and answers; what the specification
 * does not allow at that moment is turned away (protocol/BXMDPv2.md has the table).
 */
import {
  type BadRequest,
  BinglideError,
  type FromClient,
  type FromPlainClient,
  type JobId,
  jobIdOf,
  type PeerId,
  parseJobId,
  plainQuery,
  type RequestId,
} from '../protocol/index.js';
import type { Books } from './books.js';
import { type About, answerMmi, isMmi } from './mmi.js';
import type { Requests } from './requests.js';
import type { Routing } from './routing.js';
import type { Session } from './sessions.js';

export class Desk {
  /** Plain clients number their requests here. */
  #plainRequests = 0;

  constructor(
    readonly books: Books,
    readonly requests: Requests,
    readonly routing: Routing,
    readonly about: About,
  ) {}

  fromClient(peer: PeerId, message: FromClient, now: number): void {
    if (message.kind === 'hello') {
      // One connection is one client: whoever it was before is gone.
      const before = this.books.sessions.byPeer(peer);
      if (before && before.clientId !== message.clientId) this.gone(before, now);
      const session = this.books.sessions.hello(peer, message.clientId, now);
      this.books.emit({ kind: 'sendToClient', peer: this.books.speak(session, now), message: this.books.welcome() });
      return;
    }
    const session = this.books.sessions.byPeer(peer);
    if (session?.dialect !== 'v2') {
      if (message.kind !== 'clientDisconnect') this.#restart(peer);
      return;
    }
    switch (message.kind) {
      case 'request':
        this.requests.requested(session, message.requestId, message.query, now);
        break;
      case 'rawRequest':
        this.#rawRequested(session, message.requestId, message.service, message.body, now);
        break;
      case 'clientCancel':
        this.#cancelled(session, message, now);
        break;
      case 'clientHeartbeat':
        if (message.seen !== undefined) this.requests.reportSeen(session, message.seen);
        break;
      case 'clientDisconnect':
        this.gone(session, now);
        break;
      default:
        message satisfies never;
    }
  }

  badRequest(peer: PeerId, { requestId, service, fault }: BadRequest, now: number): void {
    const session = this.books.sessions.byPeer(peer);
    if (session?.dialect !== 'v2') return this.#restart(peer);
    const jobId = jobIdOf(session.clientId, requestId);
    this.books.sendFault(session, service, requestId, { ...fault, jobId, service }, now);
  }

  fromPlainClient(peer: PeerId, { service, body }: FromPlainClient, now: number): void {
    const session = this.books.sessions.plain(peer, now);
    const requestId = ++this.#plainRequests as RequestId;
    // A connection keeps to one dialect: what comes in the other is dropped.
    if (session.dialect !== 'plain') return;
    this.#plainRequested(session, requestId, service, body, now);
  }

  /** What waited for the service before anybody knew that it has a descriptor is looked at again. */
  replayWaiting(service: string, now: number): void {
    for (const { clientId, requestId, body } of this.routing.takeWaiting(service)) {
      const session = this.books.sessions.byClient(clientId);
      if (session?.dialect === 'plain') this.#plainRequested(session, requestId, service, body, now);
      else if (session) this.#rawRequested(session, requestId, service, body, now);
    }
  }

  gone(session: Session, now: number): void {
    this.routing.clientGone(session.clientId, now);
    this.requests.clientGone(session);
  }

  /** Clients that fell silent go, the others hear that we are here. */
  deadlineReached(now: number): void {
    for (const session of [...this.books.sessions.all()]) {
      if (session.liveness.isLate(now)) this.gone(session, now);
      else if (session.liveness.beatIsDue(now)) {
        this.books.emit({
          kind: 'sendToClient',
          peer: this.books.speak(session, now),
          message: { kind: 'clientHeartbeat' },
        });
      }
    }
  }

  #plainRequested(
    session: Session,
    requestId: RequestId,
    service: string,
    body: readonly Uint8Array[],
    now: number,
  ): void {
    if (isMmi(service) || !this.books.services.find(service)) {
      this.#rawRequested(session, requestId, service, body, now);
      return;
    }
    try {
      this.requests.requested(session, requestId, plainQuery(service, body), now);
    } catch (error) {
      if (!(error instanceof BinglideError)) throw error;
      this.books.sendFault(session, service, requestId, { ...error.toFault(), service }, now);
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
      reply(
        answerMmi(service, body, {
          books,
          routing: this.routing,
          isPlain: session.dialect === 'plain',
          about: this.about,
          now,
        }),
      );
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
    if (this.routing.isUnderWay(id)) return;
    if (this.routing.size + books.jobs.size >= books.options.jobsMax) {
      return refuse('E_BUSY', `${books.options.jobsMax} jobs are under way, as many as this broker takes`);
    }
    this.routing.requested(session, id, requestId, service, body, now);
  }

  #cancelled(session: Session, target: FromClient & { kind: 'clientCancel' }, now: number): void {
    const id = (target.jobId ?? jobIdOf(session.clientId, target.requestId!)) as JobId;
    const isOwner = parseJobId(id)?.client === session.clientId;
    const cancelled = this.requests.cancelled(id, now) || this.routing.cancelled(id, now);
    // The owner of a job that was under way has its ERROR; everybody else hears what became of it.
    if (cancelled && isOwner) return;
    const outcome = cancelled ? 'cancelled' : this.books.outcomes.get(id, now) ? 'ended' : 'unknown';
    const peer = this.books.speak(session, now);
    this.books.emit({ kind: 'sendToClient', peer, message: { kind: 'cancelAck', jobId: id, outcome } });
  }

  /** Not of this broker's life: the client starts a new conversation. */
  #restart(peer: PeerId): void {
    this.books.emit({ kind: 'sendToClient', peer, message: { kind: 'clientDisconnect' } });
  }
}
