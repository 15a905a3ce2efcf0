/**
 * A plain MDP 0.2 worker (RFC 18): one service, one DEALER, one request at a time. The broker sees an opaque service;
 * body frames go to the handler as they come.
 *
 * Rules (RFC 18): READY once a socket; 0 or more PARTIAL and exactly one FINAL a request; heartbeats both ways, also
 * while the handler works; after DISCONNECT or silence nothing more is sent, the socket is closed and a new one opened.
 */
import { encodeFromPlainWorker, plainErrorBody } from '../protocol/encode.js';
import { BinglideError, fail } from '../protocol/errors.js';
import { type Frames, text, workerCommand as W } from '../protocol/frames.js';
import { Liveness } from '../protocol/liveness.js';
import type { FromPlainWorker } from '../protocol/messages.js';
import type { Dealer } from './dealer.js';

/** Bodies of the answer in order: the last is FINAL, those before it PARTIAL. What it throws becomes an error FINAL. */
export type PlainHandler = (
  body: Frames,
  signal: AbortSignal,
) => AsyncIterable<readonly Uint8Array[]> | Promise<readonly Uint8Array[]>;

export interface PlainOptions {
  readonly broker: string;
  /** Printable; not `mmi.*`. */
  readonly service: string;
  readonly handler: PlainHandler;
  /** RFC 18 agrees on none: it has to be about the broker's. Default 1000. */
  readonly heartbeatMs?: number;
}

interface Conversation {
  readonly dealer: Dealer;
  readonly liveness: Liveness;
  /** Fires when the conversation ends: nobody waits for the handler's answer then. */
  readonly over: AbortController;
  busy: boolean;
}

export class PlainWorker {
  readonly #options: Required<PlainOptions>;
  #conversation: Conversation | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PlainOptions) {
    this.#options = { heartbeatMs: 1000, ...options };
  }

  async start(): Promise<void> {
    // Loaded late: this file is imported in compute threads too, which have no sockets.
    const { Dealer } = await import('./dealer.js');
    this.#open(Dealer);
    this.#timer = setInterval(() => this.#tick(Dealer), this.#options.heartbeatMs / 2);
  }

  stop(): void {
    clearInterval(this.#timer);
    if (this.#conversation) this.#send(this.#conversation, { kind: 'plainDisconnect' });
    this.#end();
  }

  #open(DealerType: typeof Dealer): void {
    const conversation: Conversation = {
      dealer: new DealerType(this.#options.broker, (frames) => this.#onFrames(conversation, frames)),
      liveness: new Liveness(this.#options.heartbeatMs, performance.now()),
      over: new AbortController(),
      busy: false,
    };
    this.#conversation = conversation;
    this.#send(conversation, { kind: 'plainReady', service: this.#options.service });
  }

  #end(): void {
    this.#conversation?.over.abort();
    this.#conversation?.dealer.close();
    this.#conversation = null;
  }

  #tick(DealerType: typeof Dealer): void {
    const conversation = this.#conversation;
    const now = performance.now();
    if (!conversation || conversation.liveness.isLate(now)) {
      this.#end();
      this.#open(DealerType);
    } else if (conversation.liveness.beatIsDue(now)) {
      this.#send(conversation, { kind: 'plainHeartbeat' });
    }
  }

  #send(conversation: Conversation, message: FromPlainWorker): void {
    if (conversation !== this.#conversation) return;
    conversation.liveness.spoke(performance.now());
    conversation.dealer.send(encodeFromPlainWorker(message));
  }

  #onFrames(conversation: Conversation, frames: Frames): void {
    if (conversation !== this.#conversation) return;
    const [header, command, address, empty] = frames;
    const isOurs = header !== undefined && text(header) === 'MDPW02' && command?.length === 1;
    if (isOurs && command[0] === W.REQUEST && frames.length >= 5 && empty?.length === 0 && !conversation.busy) {
      conversation.liveness.heard(performance.now());
      void this.#answer(conversation, Uint8Array.from(address!), frames.slice(4));
    } else if (isOurs && command[0] === W.HEARTBEAT && frames.length === 2) {
      conversation.liveness.heard(performance.now());
    } else {
      // DISCONNECT, or a broker that does not keep to the protocol. The next tick begins anew, so that a broker that
      // always says so is not asked all the time.
      this.#end();
    }
  }

  async #answer(conversation: Conversation, address: Uint8Array, body: Frames): Promise<void> {
    conversation.busy = true;
    let last: readonly Uint8Array[] = [];
    try {
      const answer = this.#options.handler(body, conversation.over.signal);
      if (Symbol.asyncIterator in answer) {
        for await (const next of answer) {
          if (last.length > 0) this.#send(conversation, { kind: 'plainPartial', address, body: last });
          last = next;
        }
      } else {
        last = await answer;
      }
    } catch (error) {
      const known = error instanceof BinglideError ? error : fail('E_SERVICE', String(error));
      last = plainErrorBody(known.toFault());
    }
    conversation.busy = false;
    // RFC 18 asks for one body frame at least.
    this.#send(conversation, { kind: 'plainFinal', address, body: last.length > 0 ? last : [new Uint8Array(0)] });
  }
}
