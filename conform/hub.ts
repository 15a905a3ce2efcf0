/** The broker that is played before a worker or a client: a ROUTER, an XPUB for cancellations, and who has connected. */
import { Router, XPublisher } from 'zeromq';
import { type Fault, type From, faultsOf } from './grammar.js';
import { Inbox } from './inbox.js';
import { Breach } from './rules.js';
import { commandOf, type Frames, type Header, headerOf, message, shown, textOf } from './wire.js';

export interface HubOptions {
  readonly endpoint: string;
  readonly cancelEndpoint: string;
  /** Whose messages come. */
  readonly from: From;
  readonly timeoutMs: number;
  /** Everything that came, and what breaks a table. */
  watch(frames: Frames, faults: readonly Fault[]): void;
}

/** One connection of the program under test, by its routing id. */
export class HubPeer {
  readonly inbox: Inbox;
  readonly bornMs = performance.now();
  header: Header | undefined;
  #beats: NodeJS.Timeout | undefined;

  constructor(
    readonly hub: Hub,
    readonly id: Buffer,
    timeoutMs: number,
  ) {
    this.inbox = new Inbox(`the broker that is played`, timeoutMs);
  }

  get first(): Frames {
    return this.inbox.all[0]!.frames;
  }

  send(command: string, ...rest: Parameters<typeof message> extends [Header, string, ...infer Rest] ? Rest : never) {
    this.raw(message(this.header!, command, ...rest));
  }

  raw(frames: Frames): void {
    this.hub.send([this.id, ...frames]);
  }

  beat(everyMs: number): void {
    clearInterval(this.#beats);
    this.#beats = setInterval(() => this.send('HEARTBEAT'), everyMs);
  }

  stopBeats(): void {
    clearInterval(this.#beats);
  }
}

export class Hub {
  readonly peers: HubPeer[] = [];
  /** Frames of subscriptions as they came: 1 and the topic, or 0 and the topic. */
  readonly subscriptions = new Inbox('the XPUB', 0);
  readonly #router = new Router({ linger: 0, sendTimeout: 1000, receiveHighWaterMark: 100_000 });
  readonly #xpub = new XPublisher({ linger: 0 });
  #sends: Promise<void> = Promise.resolve();
  #publications: Promise<void> = Promise.resolve();
  #waiting: (() => void)[] = [];
  #taken = 0;
  #closed = false;

  private constructor(readonly options: HubOptions) {}

  static async bind(options: HubOptions): Promise<Hub> {
    const hub = new Hub(options);
    await hub.#router.bind(options.endpoint);
    await hub.#xpub.bind(options.cancelEndpoint);
    hub.#read().catch(hub.#unlessClosed);
    hub.#readSubscriptions().catch(hub.#unlessClosed);
    return hub;
  }

  /** The next connection that begins with this command (undefined: any); `fits` may ask for more. */
  async next(
    command: string | undefined,
    fits: (peer: HubPeer) => boolean = () => true,
    waitMs = this.options.timeoutMs,
  ) {
    const end = performance.now() + waitMs;
    for (;;) {
      while (this.#taken < this.peers.length) {
        const peer = this.peers[this.#taken++]!;
        if (!fits(peer)) continue;
        const began = commandOf(peer.first);
        if (command !== undefined && began !== command)
          throw new Breach(`a connection began with ${shown(peer.first)} in place of ${command}`);
        return peer;
      }
      const left = end - performance.now();
      if (left <= 0 || this.#closed)
        throw new Breach(`no connection${command ? ` that begins with ${command}` : ''} in ${Math.round(waitMs)} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  send(frames: Frames): void {
    this.#sends = this.#sends.then(async () => {
      if (!this.#closed) await this.#router.send([...frames] as Buffer[]);
    });
    // A peer that is gone takes nothing.
    this.#sends = this.#sends.catch(() => undefined);
  }

  publish(topic: string, body: string): void {
    this.#publications = this.#publications
      .then(async () => {
        if (!this.#closed) await this.#xpub.send([topic, body]);
      })
      .catch(() => undefined);
  }

  close(): void {
    this.#closed = true;
    for (const peer of this.peers) {
      peer.stopBeats();
      peer.inbox.close();
    }
    this.subscriptions.close();
    for (const wake of this.#waiting.splice(0)) wake();
    this.#router.close();
    this.#xpub.close();
  }

  readonly #unlessClosed = (error: unknown): void => {
    if (!this.#closed) throw error;
  };

  async #read(): Promise<void> {
    for await (const [id, ...received] of this.#router) {
      const frames = received.map((frame) => Buffer.from(frame));
      let peer = this.peers.find((each) => each.id.equals(id!));
      const isNew = peer === undefined;
      if (!peer) {
        peer = new HubPeer(this, Buffer.from(id!), this.options.timeoutMs);
        peer.header = headerOf(frames);
        this.peers.push(peer);
      }
      const wanted = peer.header ?? (this.options.from === 'worker' ? 'MDPW02' : 'MDPC02');
      this.options.watch(frames, faultsOf(frames, this.options.from, wanted));
      peer.inbox.add(frames);
      if (isNew) for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  async #readSubscriptions(): Promise<void> {
    for await (const [frame] of this.#xpub) this.subscriptions.add([Buffer.from(frame!)]);
  }
}

/** Topics that are subscribed to now or were. */
export const topicsOf = (hub: Hub): string[] =>
  hub.subscriptions.all.filter(({ frames }) => frames[0]![0] === 1).map(({ frames }) => textOf(frames[0]!.subarray(1)));
