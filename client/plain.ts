/**
 * A client of RFC 18 (MDP 0.2) and nothing more: one request at a time, a new socket and the same request again when no
 * answer comes. It works with any conforming broker.
 */
import { Dealer } from 'zeromq';
import {
  BinglideError,
  clientCommand,
  encodeFromPlainClient,
  fail,
  headerOf,
  isErrorCode,
  plainErrorMark,
  text,
  unpackMap,
} from '../protocol/index.js';
import type { RawAnswer } from './job.js';
import { checkBody, checkEndpoint, checkService } from './options.js';

export interface PlainClientOptions {
  readonly endpoint: string;
  /** Silence for so long makes the client ask again on a new socket, in milliseconds. Default 2500. */
  readonly timeoutMs?: number;
  /** How often it asks again before it gives up with E_NO_BROKER. Default 3. */
  readonly retries?: number;
}

export class PlainClient {
  readonly #endpoint: string;
  readonly #timeoutMs: number;
  readonly #retries: number;
  #socket: Dealer | undefined;
  #busy = false;
  #closed = false;

  constructor({ endpoint, timeoutMs = 2500, retries = 3 }: PlainClientOptions) {
    this.#endpoint = checkEndpoint(endpoint);
    if (!(timeoutMs > 0)) throw fail('E_USAGE', `timeoutMs is ${timeoutMs}; it takes milliseconds above 0`);
    if (!Number.isSafeInteger(retries) || retries < 0) {
      throw fail('E_USAGE', `retries is ${retries}; it takes a whole number from 0`);
    }
    this.#timeoutMs = timeoutMs;
    this.#retries = retries;
  }

  /**
   * Every PARTIAL, then the FINAL. After a repetition the service starts again, and so may its PARTIALs. An error of a
   * binglide broker is thrown as such; a loop that is left early forgets the request.
   */
  async *request(service: string, body: readonly Uint8Array[]): AsyncGenerator<RawAnswer, void, undefined> {
    checkService(service);
    checkBody(body);
    if (body.length === 0) throw fail('E_USAGE', 'a request has one body frame at the least; it may be empty');
    if (this.#closed) throw fail('E_USAGE', 'the client is closed');
    if (this.#busy) throw fail('E_USAGE', 'the dialog is synchronous: wait for the FINAL of the last request');
    this.#busy = true;
    let ended = false;
    try {
      for (let tries = 0; tries <= this.#retries && !ended; tries++) {
        await this.#open().send(encodeFromPlainClient({ kind: 'plainRequest', service, body }));
        for (let answer = await this.#receive(service); answer; answer = await this.#receive(service)) {
          ended = answer.kind === 'final';
          if (ended) throwFault(answer.body, service);
          yield answer;
          if (ended) return;
        }
        // A late answer to this one must never be taken for the next one's.
        this.#drop();
        if (this.#closed) throw fail('E_CANCELLED', 'the client was closed', { service });
      }
      const tries = this.#retries + 1;
      throw fail('E_NO_BROKER', `no answer from ${this.#endpoint}, asked ${tries} times`, { service });
    } finally {
      this.#busy = false;
      if (!ended) this.#drop();
    }
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #open(): Dealer {
    if (!this.#socket) {
      this.#socket = new Dealer({ linger: 0, receiveTimeout: this.#timeoutMs, sendTimeout: this.#timeoutMs });
      this.#socket.connect(this.#endpoint);
    }
    return this.#socket;
  }

  #drop(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** The next answer of this service; undefined after the time is up. What does not follow RFC 18 is no answer. */
  async #receive(service: string): Promise<RawAnswer | undefined> {
    for (;;) {
      let frames: Buffer[];
      try {
        if (!this.#socket) return undefined;
        frames = await this.#socket.receive();
      } catch (error) {
        if ((error as { code?: unknown }).code === 'EAGAIN') return undefined;
        throw error;
      }
      const [, command, name, ...body] = frames;
      if (headerOf(frames) !== 'MDPC02' || command?.length !== 1 || !name || body.length === 0) continue;
      if (text(name) !== service) continue;
      if (command[0] === clientCommand.PARTIAL) return { kind: 'partial', body };
      if (command[0] === clientCommand.FINAL) return { kind: 'final', body };
    }
  }
}

/** An error comes to a plain client as a FINAL of two body frames, a mark and a map. */
function throwFault(body: readonly Uint8Array[], service: string): void {
  const [mark, map] = body;
  if (body.length !== 2 || !mark || !map || text(mark) !== plainErrorMark) return;
  const { code, message, jobId } = unpackMap(map);
  throw new BinglideError({
    code: isErrorCode(code) ? code : 'E_SERVICE',
    message: String(message),
    service,
    ...(typeof jobId === 'string' && { jobId }),
  });
}
