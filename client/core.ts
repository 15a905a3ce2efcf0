/**
 * The client's side of a conversation with a broker: no socket, clock or random number in here. This file owns the
 * conversation, ledger.ts what is wanted of it.
 *
 * Rules:
 * - HELLO is the first message on every socket and the only one before WELCOME.
 * - A conversation ends by DISCONNECT, by a broker that is late, by a broken connection, or by a WELCOME of another
 *   broker life. A new socket follows, at most one every `reopenGapMs`, and everything unfinished is sent again under
 *   its old number: the broker goes on with the same job or starts it again.
 * - A report below the completion that was shown is withheld; a job gets nothing after its end.
 * - Without a broker for `connectMs` (never welcomed) or `brokerLostMs` (welcomed before) what waits ends with an
 *   error; the search for the broker goes on.
 */
import {
  assert,
  type ClientId,
  type Epoch,
  type Fault,
  type Invalid,
  jobIdOf,
  Liveness,
  type RequestId,
  type ToClient,
  type Welcome,
} from '../protocol/index.js';
import type { Ask, ClientCommand, ClientEvent } from './events.js';
import { Ledger } from './ledger.js';

export interface ClientCoreOptions {
  /** `clientIdOf` 16 random bytes; names this client on every socket that it opens. */
  readonly clientId: ClientId;
  /** For messages only. */
  readonly endpoint: string;
  /** Never welcomed for so long: E_NO_BROKER. */
  readonly connectMs: number;
  /** Welcomed before, but away for so long: E_BROKER_LOST. */
  readonly brokerLostMs: number;
}

/** Two sockets are opened at least so far apart, so that a broker that turns us away is not besieged. */
const reopenGapMs = 100;
/** A HELLO without answer is said again on a new socket after so long, the next after twice that, and so on. */
const helloRetryMs = 1000;
const helloDoublingsMax = 3;

type Link =
  | { readonly kind: 'idle' }
  /** What the last socket says is void; the next one opens at `reopenAt`. `tries`: sockets since `since`. */
  | { readonly kind: 'parted'; readonly since: number; readonly tries: number; readonly reopenAt: number }
  /** HELLO was sent; not welcomed since `since`. */
  | {
      readonly kind: 'greeting';
      readonly since: number;
      readonly tries: number;
      readonly openedAt: number;
      readonly retryAt: number;
    }
  | { readonly kind: 'welcomed'; readonly openedAt: number; readonly epoch: Epoch; readonly liveness: Liveness }
  | { readonly kind: 'closed'; readonly fault: Fault };

export class ClientCore {
  readonly #options: ClientCoreOptions;
  readonly #commands: ClientCommand[] = [];
  readonly #ledger: Ledger;
  #link: Link = { kind: 'idle' };
  /** Somebody waits for the first WELCOME. */
  #connecting = true;
  #welcomedEver = false;

  constructor(options: ClientCoreOptions) {
    this.#options = options;
    this.#ledger = new Ledger(options.clientId, (command) => this.#commands.push(command));
  }

  handle(event: ClientEvent, now: number): ClientCommand[] {
    this.#on(event, now);
    const commands = this.#commands.splice(0);
    if (this.#link.kind === 'welcomed' && commands.some((command) => command.kind === 'send')) {
      this.#link.liveness.spoke(now);
    }
    return commands;
  }

  /** When `deadlineReached` is due, in the time of `handle`; Infinity: never. */
  nextDeadline(): number {
    const link = this.#link;
    switch (link.kind) {
      case 'idle':
      case 'closed':
        return Infinity;
      case 'welcomed':
        return link.liveness.deadline();
      case 'parted':
      case 'greeting':
        return Math.min(
          link.kind === 'parted' ? link.reopenAt : link.retryAt,
          this.#connecting ? link.since + this.#options.connectMs : Infinity,
          this.#ledger.nextGiveUp((askedAt) => this.#givenUpAt(link.since, askedAt)),
        );
      default:
        return link satisfies never;
    }
  }

  /** Throws where an invariant is broken. */
  validate(): void {
    this.#ledger.validate();
    assert(this.#commands.length === 0, 'every command was returned');
    assert(this.#link.kind !== 'closed' || this.#ledger.isEmpty, 'a closed client wants nothing');
    assert(this.#link.kind !== 'welcomed' || this.#welcomedEver, 'a WELCOME is remembered');
    assert(!this.#connecting || !this.#welcomedEver, 'nobody waits for a first WELCOME that came');
  }

  /** Jobs that have not ended. */
  get openJobs(): number {
    return this.#ledger.openJobs;
  }

  #on(event: ClientEvent, now: number): void {
    switch (event.kind) {
      case 'started':
        assert(this.#link.kind === 'idle', 'a client starts once');
        this.#open(now, now, 0);
        break;
      case 'requested':
        this.#onRequested(event.requestId, event.ask, now);
        break;
      case 'cancelled':
        if (this.#link.kind !== 'closed') this.#ledger.cancel(event.jobId, now);
        else this.#commands.push({ kind: 'rejectCancel', jobId: event.jobId, fault: this.#link.fault });
        break;
      case 'messageReceived':
        this.#onMessage(event.message, now);
        break;
      case 'socketLost':
        this.#onSocketLost(now);
        break;
      case 'brokerEnded':
        this.#end({ code: 'E_BROKER_LOST', message: `the broker ended: ${event.reason}` }, false);
        break;
      case 'deadlineReached':
        this.#onDeadline(now);
        break;
      case 'closed':
        if (this.#link.kind === 'welcomed')
          this.#commands.push({ kind: 'send', message: { kind: 'clientDisconnect' } });
        this.#end({ code: 'E_CANCELLED', message: 'the client was closed' }, true);
        break;
      default:
        event satisfies never;
    }
  }

  #onRequested(requestId: RequestId, ask: Ask, now: number): void {
    assert(this.#link.kind !== 'idle', 'a client starts before it asks');
    if (this.#link.kind !== 'closed') {
      this.#ledger.ask(requestId, ask, now);
      return;
    }
    const fault = { ...this.#link.fault, jobId: jobIdOf(this.#options.clientId, requestId) };
    this.#commands.push({ kind: 'rejectJob', requestId, fault, byOwner: false });
  }

  #open(now: number, since: number, tries: number): void {
    const retryAt = now + helloRetryMs * 2 ** Math.min(tries, helloDoublingsMax);
    this.#link = { kind: 'greeting', since, tries: tries + 1, openedAt: now, retryAt };
    this.#commands.push({ kind: 'reopenSocket' });
    this.#commands.push({ kind: 'send', message: { kind: 'hello', clientId: this.#options.clientId } });
  }

  /** The conversation is over; the next one starts as soon as the last opening is far enough back. */
  #part(now: number): void {
    assert(this.#link.kind === 'welcomed', 'a conversation ends once');
    const reopenAt = this.#link.openedAt + reopenGapMs;
    this.#ledger.parted();
    if (now >= reopenAt) this.#open(now, now, 0);
    else this.#link = { kind: 'parted', since: now, tries: 0, reopenAt };
  }

  #onSocketLost(now: number): void {
    if (this.#link.kind === 'welcomed') this.#part(now);
    else if (this.#link.kind === 'greeting') {
      // The HELLO may have gone with the connection.
      const { since, tries, openedAt } = this.#link;
      this.#link = { kind: 'parted', since, tries, reopenAt: Math.max(now, openedAt + reopenGapMs) };
    }
  }

  #onDeadline(now: number): void {
    const link = this.#link;
    switch (link.kind) {
      case 'idle':
      case 'closed':
        break;
      case 'welcomed':
        if (link.liveness.isLate(now)) this.#part(now);
        else if (link.liveness.beatIsDue(now))
          this.#commands.push({ kind: 'send', message: { kind: 'clientHeartbeat' } });
        break;
      case 'parted':
      case 'greeting':
        this.#giveUp(link.since, now);
        if (now >= (link.kind === 'parted' ? link.reopenAt : link.retryAt)) this.#open(now, link.since, link.tries);
        break;
      default:
        link satisfies never;
    }
  }

  #givenUpAt(since: number, askedAt: number): number {
    const { connectMs, brokerLostMs } = this.#options;
    return Math.max(since, askedAt) + (this.#welcomedEver ? brokerLostMs : connectMs);
  }

  #giveUp(since: number, now: number): void {
    const { endpoint, connectMs, brokerLostMs } = this.#options;
    const fault: Fault = this.#welcomedEver
      ? { code: 'E_BROKER_LOST', message: `the broker at ${endpoint} has been away for ${brokerLostMs} ms; ask again` }
      : { code: 'E_NO_BROKER', message: `no broker at ${endpoint}; start \`binglide up\` there` };
    if (now >= since + connectMs) this.#failConnect(fault);
    this.#ledger.giveUp(now, (askedAt) => this.#givenUpAt(since, askedAt), fault);
  }

  #failConnect(fault: Fault): void {
    if (this.#connecting) this.#commands.push({ kind: 'failConnect', fault });
    this.#connecting = false;
  }

  /** Everything is over, for good. */
  #end(fault: Fault, byOwner: boolean): void {
    if (this.#link.kind === 'closed') return;
    this.#failConnect(fault);
    this.#ledger.end(fault, byOwner);
    this.#link = { kind: 'closed', fault };
  }

  #onMessage(message: ToClient | Invalid, now: number): void {
    if (this.#link.kind === 'greeting') {
      // Everything else in answer to a HELLO, DISCONNECT too, is waited out: the HELLO is repeated.
      if (message.kind === 'welcome') this.#onWelcome(message, this.#link.openedAt, now);
      else if (message.kind === 'invalid') this.#onInvalid(message.reason);
      return;
    }
    if (this.#link.kind !== 'welcomed') return;
    this.#link.liveness.heard(now);
    switch (message.kind) {
      case 'welcome':
        if (message.epoch !== this.#link.epoch) this.#part(now);
        break;
      case 'clientDisconnect':
        this.#part(now);
        break;
      case 'clientHeartbeat':
        break;
      case 'invalid':
        this.#onInvalid(message.reason);
        break;
      default:
        this.#ledger.receive(message);
    }
  }

  #onWelcome(welcome: Welcome, openedAt: number, now: number): void {
    const { epoch, limits, heartbeatMs } = welcome;
    this.#link = { kind: 'welcomed', openedAt, epoch, liveness: new Liveness(heartbeatMs, now) };
    this.#welcomedEver = true;
    if (this.#connecting) this.#commands.push({ kind: 'settleConnect', welcome });
    this.#connecting = false;
    this.#ledger.welcomed({ epoch, limits });
  }

  #onInvalid(reason: string): void {
    const message = `the broker at ${this.#options.endpoint} sent something else than BXMDPv2: ${reason}`;
    this.#failConnect({ code: 'E_PROTOCOL', message });
    this.#ledger.failAll({ code: 'E_PROTOCOL', message });
  }
}
