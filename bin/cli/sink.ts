/**
 * Standard output with back pressure: a write is over when there is room for the next. A reader who closes the pipe
 * ends the command in silence; any other failure (a full disk) is an error like others.
 */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { fail } from '../../protocol/errors.js';
import { closedPipeCode, type Stop } from './stop.js';

export interface Sink {
  write(chunk: string | Uint8Array): Promise<void>;
  /** Until everything is handed to the system. */
  flush(): Promise<void>;
}

export class StreamSink implements Sink {
  readonly #stream: Writable;
  readonly #stop: Stop;
  #failure: NodeJS.ErrnoException | null = null;

  constructor(stream: Writable, stop: Stop) {
    this.#stream = stream;
    this.#stop = stop;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure ??= error;
      if (isClosedPipe(error)) stop.end(closedPipeCode);
    });
  }

  async write(chunk: string | Uint8Array): Promise<void> {
    this.#check();
    if (this.#failure || this.#stop.isSilent) return;
    if (!this.#stream.write(chunk) && !this.#failure) await this.#settled('drain');
    this.#check();
  }

  async flush(): Promise<void> {
    if (!this.#failure && this.#stream.writableLength > 0) {
      await Promise.race([new Promise<void>((done) => this.#stream.write('', () => done())), this.#settled('close')]);
    }
    this.#check();
  }

  async #settled(event: string): Promise<void> {
    const waiting = new AbortController();
    const { signal } = waiting;
    // 'error' rejects the waiting; #check says what it was.
    await Promise.race([once(this.#stream, event, { signal }), once(this.#stream, 'close', { signal })]).catch(
      () => undefined,
    );
    waiting.abort();
  }

  #check(): void {
    const failure = this.#failure;
    if (failure && !isClosedPipe(failure)) {
      throw fail('E_IO', `standard output cannot be written: ${failure.code ?? failure.message}`, {});
    }
  }
}

function isClosedPipe({ code }: NodeJS.ErrnoException): boolean {
  // EIO: the terminal is gone.
  return code === 'EPIPE' || code === 'ECONNRESET' || code === 'EIO';
}
