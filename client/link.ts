/**
 * One DEALER at a time: what comes out of the newest one, and what goes into it. It decides nothing.
 *
 * ZeroMQ facts that shape it: a socket takes one pending send at a time (EBUSY), so each has one writer; closing makes
 * a pending receive fail (EAGAIN); the default linger holds the process up at its exit; a reconnect is silent, so its
 * beginning, the broken connection, is told through the socket's monitor.
 */

import { Dealer } from 'zeromq';
import { createLog } from '../protocol/log.js';

const log = createLog('binglide:client');

/** How soon ZeroMQ tries again to connect, at first and at most. */
const reconnectMs = 50;
const reconnectMsMax = 500;
/** How long a closing socket goes on delivering what was handed to it. */
const lingerMs = 100;

export interface LinkListener {
  received(frames: Uint8Array[]): void;
  /** The connection broke, or the socket failed. */
  lost(): void;
}

interface Line {
  readonly socket: Dealer;
  readonly queue: Uint8Array[][];
  /** Resolves when the queue is empty. */
  writing: Promise<void> | null;
}

export class Link {
  #line: Line | null = null;

  constructor(
    readonly endpoint: string,
    readonly listener: LinkListener,
  ) {}

  /** Drops the socket that is there and connects a new one; throws where ZeroMQ does not take the endpoint. */
  open(): void {
    this.#drop();
    const socket = new Dealer({ linger: 0, reconnectInterval: reconnectMs, reconnectMaxInterval: reconnectMsMax });
    const line: Line = { socket, queue: [], writing: null };
    socket.events.on('disconnect', () => this.#lost(line, 'the connection broke'));
    this.#line = line;
    try {
      socket.connect(this.endpoint);
    } catch (error) {
      this.#drop();
      throw error;
    }
    queueMicrotask(() => void this.#read(line));
  }

  send(frames: Uint8Array[]): void {
    const line = this.#line;
    if (!line) return;
    line.queue.push(frames);
    line.writing ??= this.#write(line);
  }

  /** Closes for good, after what was sent has been handed over or `flushMs` have passed. */
  async close(flushMs: number): Promise<void> {
    const line = this.#line;
    if (!line) return;
    if (line.writing) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, flushMs);
      });
      await Promise.race([line.writing, late]);
      clearTimeout(timer);
    }
    line.socket.linger = lingerMs;
    this.#drop();
  }

  #drop(): void {
    const line = this.#line;
    this.#line = null;
    if (!line) return;
    line.queue.length = 0;
    line.socket.close();
  }

  async #read(line: Line): Promise<void> {
    for (;;) {
      let frames: Uint8Array[];
      try {
        frames = await line.socket.receive();
      } catch (error) {
        this.#lost(line, error);
        return;
      }
      if (line !== this.#line) return;
      this.listener.received(frames);
    }
  }

  async #write(line: Line): Promise<void> {
    await null; // what fails at once must not be told from within `send`
    try {
      for (let frames = line.queue.shift(); frames; frames = line.queue.shift()) await line.socket.send(frames);
    } catch (error) {
      line.queue.length = 0;
      this.#lost(line, error);
    }
    line.writing = null;
  }

  /** Never called from within `open`, `send` or `close`: the listener may open the next socket at once. */
  #lost(line: Line, reason: unknown): void {
    if (line !== this.#line) return;
    log('%s: %s', this.endpoint, reason instanceof Error ? reason.message : reason);
    this.listener.lost();
  }
}
