/** A DEALER that plays a client or a worker before the broker under test. It sends what it is told, right or wrong. */
import { Dealer } from 'zeromq';
import { Inbox } from './inbox.js';
import { type Frames, type Header, message, shown } from './wire.js';
import type { Wire } from './wires.js';

export interface PeerOptions {
  readonly endpoint: string;
  readonly header: Header;
  readonly name: string;
  readonly timeoutMs: number;
  readonly wire: Wire;
  /** Everything that the broker sends here. */
  watch(frames: Frames, header: Header): void;
}

export class Peer {
  readonly inbox: Inbox;
  readonly header: Header;
  readonly #socket = new Dealer({ linger: 1000, receiveHighWaterMark: 1000 });
  #sends: Promise<void> = Promise.resolve();
  #beats: NodeJS.Timeout | undefined;
  readonly #wire: Wire;
  #closed = false;
  #isDeaf = false;

  constructor(options: PeerOptions) {
    this.header = options.header;
    this.#wire = options.wire;
    this.inbox = new Inbox(`the ${options.name}`, options.timeoutMs);
    this.#socket.connect(options.endpoint);
    void this.#read(options);
  }

  send(command: string, ...rest: Parameters<typeof message> extends [Header, string, ...infer Rest] ? Rest : never) {
    return this.raw(message(this.header, command, ...rest));
  }

  raw(frames: Frames): void {
    const written = this.#wire.out(frames);
    this.#sends = this.#sends.then(async () => {
      if (!this.#closed) await this.#socket.send([...written] as Buffer[]);
    });
    this.#sends.catch(() => undefined);
  }

  /** HEARTBEATs until it is told to stop, so many milliseconds apart. */
  beat(everyMs: number, map?: () => { readonly [key: string]: unknown } | undefined): void {
    clearInterval(this.#beats);
    this.#beats = setInterval(() => {
      const entries = map?.();
      if (entries) this.send('HEARTBEAT', entries);
      else this.send('HEARTBEAT');
    }, everyMs);
  }

  stopBeats(): void {
    clearInterval(this.#beats);
  }

  /** Reads nothing from now on. */
  deafen(): void {
    this.#isDeaf = true;
  }

  /** What was sent before goes out first. */
  async close(): Promise<void> {
    this.stopBeats();
    if (this.#closed) return;
    await Promise.race([this.#sends.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 500))]);
    this.#closed = true;
    this.inbox.close();
    this.#socket.close();
  }

  /** Frames copied: received ones are the socket's own memory. */
  async #read({ watch }: PeerOptions): Promise<void> {
    try {
      for await (const frames of this.#socket) {
        const copies = this.#wire.into(frames.map((frame) => Buffer.from(frame)));
        watch(copies, this.header);
        this.inbox.add(copies);
        while (this.#isDeaf && !this.#closed) await new Promise((resolve) => setTimeout(resolve, 50));
      }
    } catch (error) {
      if (!this.#closed) throw error;
    }
  }

  toString(): string {
    return this.inbox.all.map(({ frames }) => shown(frames)).join(', ');
  }
}
