/**
 * One DEALER socket's life: opened, written by one queue, closed. A new conversation is a new Dealer.
 *
 * zeromq.js throws EBUSY where two sends wait at a time, so all sends go through the queue, each awaited. Frames are
 * never touched after they were handed in. linger is 0, but for what was said just before the socket is closed.
 */
import { Dealer as DealerSocket } from 'zeromq';

/** So long may a last message take to leave a socket that was closed. */
const farewellMs = 100;

export class Dealer {
  readonly #socket = new DealerSocket({ linger: 0 });
  readonly #queue: (readonly Uint8Array[])[] = [];
  #pumping = false;
  #closing = false;

  /** Connects in the background, again and again, as libzmq does; what is sent meanwhile waits. */
  constructor(endpoint: string, onFrames: (frames: readonly Uint8Array[]) => void) {
    this.#socket.connect(endpoint);
    void this.#receive(onFrames);
  }

  send(frames: readonly Uint8Array[]): void {
    if (this.#closing) return;
    this.#queue.push(frames);
    void this.#pump();
  }

  /** Nothing is received any more; what waits is sent if that goes at once. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#pumping) setTimeout(() => this.#end(), farewellMs).unref();
    else this.#end();
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (let frames = this.#queue.shift(); frames; frames = this.#queue.shift()) {
        await this.#socket.send(frames as Uint8Array[]);
      }
    } catch {
      // Closed while it waited: the conversation is over.
      this.#queue.length = 0;
    }
    this.#pumping = false;
    if (this.#closing) this.#end();
  }

  #end(): void {
    if (this.#socket.closed) return;
    this.#socket.linger = farewellMs;
    this.#socket.close();
  }

  async #receive(onFrames: (frames: readonly Uint8Array[]) => void): Promise<void> {
    try {
      for await (const frames of this.#socket) {
        if (this.#closing) return;
        onFrames(frames);
      }
    } catch (error) {
      if (!this.#closing) throw error;
    }
  }
}
