/**
 * The one writer of a ROUTER: sends wait for each other (a second send while one is pending fails), and each peer has a
 * queue of its own, so that a slow one holds up nobody. Messages to one peer keep their order.
 */
import type { Router } from 'zeromq';
import type { PeerId } from '../protocol/index.js';

export interface Letter {
  readonly peer: PeerId;
  /** Frames, made once, when it is first the letter's turn. Undefined: no longer of use. */
  build(): Uint8Array[] | undefined;
  /** At most one letter of a key waits; a newer one is not added. */
  readonly key?: string;
  /** What it holds in memory while it waits; absent: little. */
  readonly bytes?: number;
}

const retryMs = 10;
/** Kept for a peer that takes no more; beyond it the peer is given up. */
const heldBytesMax = 64 * 2 ** 20;
const letterBytes = 1024;

export class Outbox {
  #queue: Letter[] = [];
  readonly #keys = new Set<string>();
  /** Letters to peers that took no more, in order. */
  readonly #held = new Map<PeerId, Letter[]>();
  /** What the held letters of a peer weigh together. */
  readonly #heldBytes = new Map<PeerId, number>();
  /** Peers that went while letters to them were being written. */
  readonly #gone = new Set<PeerId>();
  #writing = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    readonly socket: Router,
    readonly onGone: (peer: PeerId) => void,
    readonly onFlooded: (peer: PeerId) => void = onGone,
  ) {}

  post(letter: Letter): void {
    if (letter.key !== undefined) {
      if (this.#keys.has(letter.key)) return;
      this.#keys.add(letter.key);
    }
    const held = this.#held.get(letter.peer);
    if (held) {
      held.push(letter);
      this.#weigh(letter);
    } else {
      this.#queue.push(letter);
      if (!this.#writing) void this.#write();
    }
  }

  /** Nothing is kept for a peer that is gone. */
  forget(peer: PeerId): void {
    for (const letter of this.#held.get(peer) ?? []) this.#unkey(letter);
    this.#held.delete(peer);
    this.#heldBytes.delete(peer);
    if (this.#writing) this.#gone.add(peer);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Resolves when nothing waits that can be sent. */
  async drain(): Promise<void> {
    while (this.#writing && !this.#closed) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async #write(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#queue.length > 0 && !this.#closed) {
        const batch = this.#queue;
        this.#queue = [];
        for (const letter of batch) await this.#send(letter);
      }
    } finally {
      this.#writing = false;
      this.#gone.clear();
    }
  }

  async #send(letter: Letter): Promise<void> {
    const held = this.#held.get(letter.peer);
    if (held) {
      held.push(letter);
      this.#weigh(letter);
      return;
    }
    // From here on a newer letter of its key may wait: what this one says is settled now.
    this.#unkey(letter);
    if (this.#closed || this.#gone.has(letter.peer)) return;
    const frames = letter.build();
    if (!frames) return;
    try {
      await this.socket.send([Buffer.from(letter.peer, 'hex'), ...frames]);
    } catch (error) {
      this.#failed(letter, frames, (error as NodeJS.ErrnoException).code);
    }
  }

  #failed(letter: Letter, frames: Uint8Array[], code: string | undefined): void {
    if (this.#closed || this.#gone.has(letter.peer)) return;
    // What was built is kept: building it anew for a peer that does not read would cost time again and again.
    const bytes = frames.reduce((sum, frame) => sum + frame.byteLength, 0);
    if (code === 'EAGAIN') this.#hold({ peer: letter.peer, bytes, build: () => frames });
    else this.onGone(letter.peer);
  }

  #weigh({ peer, bytes = 0 }: Letter): void {
    const weight = (this.#heldBytes.get(peer) ?? 0) + letterBytes + bytes;
    this.#heldBytes.set(peer, weight);
    if (weight <= heldBytesMax) return;
    this.forget(peer);
    // Not from within post: whoever posts is in the middle of something.
    queueMicrotask(() => this.onFlooded(peer));
  }

  #hold(letter: Letter): void {
    this.#held.set(letter.peer, [letter, ...(this.#held.get(letter.peer) ?? [])]);
    this.#weigh(letter);
    this.#timer ??= setTimeout(() => this.#retry(), retryMs);
  }

  #retry(): void {
    this.#timer = undefined;
    if (this.#writing) {
      // Letters behind the held ones may be on their way here: they would overtake them.
      this.#timer = setTimeout(() => this.#retry(), retryMs);
      return;
    }
    const held = [...this.#held.values()].flat();
    this.#held.clear();
    this.#heldBytes.clear();
    this.#queue = [...held, ...this.#queue];
    if (this.#queue.length > 0) void this.#write();
  }

  #unkey(letter: Letter): void {
    if (letter.key !== undefined) this.#keys.delete(letter.key);
  }
}
