/**
 * Services without a descriptor (plain RFC 18 workers): requests routed whole to the worker that has been idle longest,
 * answers passed on, nothing split and nothing cached. The address that a worker is given stands for the attempt, so an
 * echo can be checked; a request whose worker died is given to another.
 */
import {
  assert,
  type ClientId,
  type Fault,
  type JobId,
  Liveness,
  type PeerId,
  type RequestId,
  type ToPlainWorker,
  text,
} from '../protocol/index.js';
import type { Books } from './books.js';
import type { Session } from './sessions.js';

const emptyFrame = new Uint8Array(0);

interface RawJob {
  readonly id: JobId;
  readonly clientId: ClientId;
  readonly requestId: RequestId;
  readonly service: string;
  readonly body: readonly Uint8Array[];
  readonly startedMs: number;
  /** When it was last put into the queue. */
  queuedMs: number;
  blame: number;
}

type State =
  | { readonly name: 'idle'; readonly order: number }
  | { readonly name: 'busy'; readonly job: RawJob; readonly address: string }
  /** Its request was cancelled; the answer is dropped, and after `untilMs` the worker is. */
  | { readonly name: 'draining'; readonly address: string; readonly untilMs: number };

interface PlainWorker {
  readonly peer: PeerId;
  readonly service: string;
  readonly liveness: Liveness;
  state: State;
}

export class Routing {
  readonly #workers = new Map<PeerId, PlainWorker>();
  /** Waiting requests a service, oldest first. */
  readonly #queues = new Map<string, RawJob[]>();
  /** Of services with a queue: when each client last had its turn. */
  readonly #turns = new Map<string, Map<ClientId, number>>();
  readonly #jobs = new Map<JobId, RawJob>();
  #order = 0;

  constructor(readonly books: Books) {}

  get size(): number {
    return this.#jobs.size;
  }
  has(peer: PeerId): boolean {
    return this.#workers.has(peer);
  }
  serves(service: string): boolean {
    return [...this.#workers.values()].some((worker) => worker.service === service);
  }
  services(): string[] {
    return [...new Set([...this.#workers.values()].map((worker) => worker.service))];
  }
  jobs(): readonly {
    readonly id: JobId;
    readonly service: string;
    readonly startedMs: number;
    readonly clientId: ClientId;
  }[] {
    return [...this.#jobs.values()];
  }

  isUnderWay(id: JobId): boolean {
    return this.#jobs.has(id);
  }

  /** Takes off what waits for a name that no plain worker serves: it belongs to a service with a descriptor. */
  takeWaiting(service: string): readonly Pick<RawJob, 'clientId' | 'requestId' | 'body'>[] {
    if (this.serves(service)) return [];
    const queue = this.#queues.get(service) ?? [];
    this.#forget(service);
    for (const job of queue) this.#jobs.delete(job.id);
    return queue;
  }

  ready(peer: PeerId, service: string, now: number): void {
    const liveness = new Liveness(this.books.options.heartbeatMs, now);
    this.#workers.set(peer, { peer, service, liveness, state: { name: 'idle', order: this.#order++ } });
    this.dispatch(service, now);
  }

  heard(peer: PeerId, now: number): void {
    this.#workers.get(peer)?.liveness.heard(now);
  }

  requested(
    session: Session,
    id: JobId,
    requestId: RequestId,
    service: string,
    body: readonly Uint8Array[],
    now: number,
  ): void {
    const job: RawJob = {
      id,
      clientId: session.clientId,
      requestId,
      service,
      // RFC 18: a worker's request has a body, and be it an empty one.
      body: body.length > 0 ? body : [emptyFrame],
      startedMs: now,
      queuedMs: now,
      blame: 0,
    };
    this.#jobs.set(id, job);
    this.#queue(service).push(job);
    this.dispatch(service, now);
  }

  /** False: the peer may not say this now, and is to be disconnected. */
  answered(peer: PeerId, address: Uint8Array, body: readonly Uint8Array[], isFinal: boolean, now: number): boolean {
    const worker = this.#workers.get(peer);
    if (!worker || worker.state.name === 'idle' || worker.state.address !== text(address)) return false;
    if (worker.state.name === 'busy') this.#deliver(worker.state.job, body, isFinal, now);
    if (!isFinal) return true;
    if (worker.state.name === 'busy') this.#jobs.delete(worker.state.job.id);
    worker.state = { name: 'idle', order: this.#order++ };
    this.dispatch(worker.service, now);
    return true;
  }

  /** Takes the worker off; its request goes to the head of the queue, unless it has been blamed too often. */
  remove(peer: PeerId, now: number): void {
    const worker = this.#workers.get(peer);
    if (!worker) return;
    this.#workers.delete(peer);
    if (worker.state.name !== 'busy') return;
    const { job } = worker.state;
    job.blame++;
    if (job.blame >= this.books.options.blameMax) {
      this.#fail(job, { code: 'E_CRASHED', message: `${job.service} died ${job.blame} times on this request` }, now);
      return;
    }
    job.queuedMs = now;
    this.#queue(job.service).unshift(job);
    this.dispatch(job.service, now);
  }

  /** True where it was one of ours. */
  cancelled(id: JobId, now: number): boolean {
    const job = this.#jobs.get(id);
    if (!job) return false;
    this.#withdraw(job, now);
    this.#fail(job, { code: 'E_CANCELLED', message: 'the job was cancelled' }, now);
    return true;
  }

  clientGone(clientId: ClientId, now: number): void {
    for (const job of [...this.#jobs.values()]) {
      if (job.clientId !== clientId) continue;
      this.#withdraw(job, now);
      this.#jobs.delete(job.id);
    }
  }

  /** Heartbeats, silent workers, cancelled answers that do not come, requests that nobody serves. */
  deadlineReached(now: number): void {
    for (const worker of [...this.#workers.values()]) {
      if (worker.liveness.isLate(now)) this.remove(worker.peer, now);
      else if (worker.state.name === 'draining' && now >= worker.state.untilMs) this.disconnect(worker.peer, now);
      else if (worker.liveness.beatIsDue(now)) this.#send(worker, { kind: 'plainHeartbeat' }, now);
    }
    for (const [service, queue] of this.#queues) {
      if (this.serves(service)) continue;
      for (const job of queue.filter((it) => now >= it.queuedMs + this.books.options.serviceWaitMs)) {
        this.#fail(job, this.books.noService(service, this.services()), now);
      }
    }
  }

  /** DISCONNECT, and nothing after it. */
  disconnect(peer: PeerId, now: number): void {
    this.books.emit({ kind: 'sendToPlainWorker', peer, message: { kind: 'plainDisconnect' } });
    this.remove(peer, now);
  }

  nextDeadline(): number {
    let next = Infinity;
    for (const { liveness, state } of this.#workers.values()) {
      next = Math.min(next, liveness.deadline(), state.name === 'draining' ? state.untilMs : Infinity);
    }
    for (const [service, queue] of this.#queues) {
      if (this.serves(service)) continue;
      for (const job of queue) next = Math.min(next, job.queuedMs + this.books.options.serviceWaitMs);
    }
    return next;
  }

  dispatch(service: string, now: number): void {
    const queue = this.#queue(service);
    while (queue.length > 0) {
      const worker = this.#idle(service);
      if (!worker) return;
      const job = this.#next(service, queue);
      const address = `${this.books.epoch}.${this.#order++}`;
      worker.state = { name: 'busy', job, address };
      this.#send(worker, { kind: 'plainAssign', address: Buffer.from(address), body: job.body }, now);
    }
    this.#forget(service);
  }

  /** Nobody waits for it. */
  #forget(service: string): void {
    this.#queues.delete(service);
    this.#turns.delete(service);
  }

  /**
   * One that was given before, else the oldest of the client whose turn is longest ago: a client that asks much at once
   * keeps no other from its turn.
   */
  #next(service: string, queue: RawJob[]): RawJob {
    let turns = this.#turns.get(service);
    if (!turns) this.#turns.set(service, (turns = new Map()));
    const turnOf = ({ blame, clientId }: RawJob) => (blame > 0 ? -2 : (turns.get(clientId) ?? -1));
    let at = 0;
    for (let i = 1; i < queue.length; i++) if (turnOf(queue[i]!) < turnOf(queue[at]!)) at = i;
    const [job] = queue.splice(at, 1);
    turns.set(job!.clientId, this.#order);
    return job!;
  }

  validate(): void {
    for (const { state } of this.#workers.values()) {
      assert(state.name !== 'busy' || this.#jobs.get(state.job.id) === state.job, 'a busy plain worker has a job');
    }
  }

  #idle(service: string): PlainWorker | undefined {
    let best: { worker: PlainWorker; order: number } | undefined;
    for (const worker of this.#workers.values()) {
      if (worker.service !== service || worker.state.name !== 'idle') continue;
      if (!best || worker.state.order < best.order) best = { worker, order: worker.state.order };
    }
    return best?.worker;
  }

  #queue(service: string): RawJob[] {
    let queue = this.#queues.get(service);
    if (!queue) this.#queues.set(service, (queue = []));
    return queue;
  }

  #withdraw(job: RawJob, now: number): void {
    const queue = this.#queues.get(job.service);
    const at = queue?.indexOf(job) ?? -1;
    if (at >= 0) queue!.splice(at, 1);
    for (const worker of this.#workers.values()) {
      if (worker.state.name !== 'busy' || worker.state.job !== job) continue;
      worker.state = {
        name: 'draining',
        address: worker.state.address,
        untilMs: now + this.books.options.cancelGraceMs,
      };
    }
  }

  #deliver(job: RawJob, body: readonly Uint8Array[], isFinal: boolean, now: number): void {
    const session = this.books.sessions.byClient(job.clientId);
    const { service, requestId } = job;
    if (isFinal) this.books.outcomes.keep(job.id, { kind: 'raw', service, body }, now);
    if (!session) return;
    const peer = this.books.speak(session, now);
    if (session.dialect === 'plain') {
      this.books.emit({
        kind: 'sendToPlainClient',
        peer,
        message: { kind: isFinal ? 'plainFinal' : 'plainPartial', service, body },
      });
    } else {
      this.books.emit({
        kind: 'sendToClient',
        peer,
        message: { kind: isFinal ? 'rawFinal' : 'rawPartial', requestId, service, body },
      });
    }
  }

  #fail(job: RawJob, fault: Fault, now: number): void {
    this.#jobs.delete(job.id);
    const queue = this.#queues.get(job.service);
    if (queue?.includes(job)) queue.splice(queue.indexOf(job), 1);
    if (queue?.length === 0) this.#forget(job.service);
    const told = { ...fault, jobId: job.id, service: job.service };
    this.books.outcomes.keep(job.id, { kind: 'failed', fault: told }, now);
    const session = this.books.sessions.byClient(job.clientId);
    if (session) this.books.sendFault(session, job.service, job.requestId, told, now);
  }

  #send(worker: PlainWorker, message: ToPlainWorker, now: number): void {
    worker.liveness.spoke(now);
    this.books.emit({ kind: 'sendToPlainWorker', peer: worker.peer, message });
  }
}
