/**
 * Content hashes of files, computed beside the process's real work: in one thread, started at its first use, that stops
 * between pieces while it is paused. Urgent files go on all the same, and small urgent ones do without the thread, whose
 * start takes longer than they do.
 *
 * A hash is of the file in one identity: it is looked at before and after, and E_CHANGED is what a change gets.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { assert, BinglideError, fail, isBinglideError, type StatIdentity } from '../protocol/index.js';
import { createBlake3, hashEngine } from './hash.js';
import { type FromHashThread, pausedWord, signalWord, type ToHashThread } from './hash-messages.js';
import { inputError, pathText, refuseChanged } from './inputs.js';

export interface FileHash {
  /** 64 hex digits. */
  readonly hash: string;
  /** Read for it. */
  readonly bytes: number;
}

interface Ticket {
  readonly number: number;
  readonly key: string;
  readonly path: Uint8Array;
  readonly identity: StatIdentity;
  readonly promise: Promise<FileHash>;
  readonly resolve: (hash: FileHash) => void;
  readonly reject: (error: unknown) => void;
  urgent: boolean;
}

const mib = 2 ** 20;
/** How long the files may take that are hashed before anything else. */
const quickMs = 20;
const quickBytesMin = mib;
const quickBytesMax = 64 * mib;
/** A shorter file says little about the speed. */
const sampleBytesMin = 4 * mib;
const inlineBytesMax = { native: 32 * mib, portable: 4 * mib } as const;
const inlinePieceBytes = mib;

export class Hasher {
  readonly #shared = new Int32Array(new SharedArrayBuffer(8));
  /** By path and identity, and by number: always the same ones. */
  readonly #tickets = new Map<string, Ticket>();
  readonly #numbered = new Map<number, Ticket>();
  #thread: Worker | undefined;
  #lastNumber = 0;
  /** Tickets that are. */
  #urgent = 0;
  #bytesPerMs: number | undefined;
  #closed = false;

  /** Two callers with the same file share one reading; the more urgent one sets the pace. */
  hashFile(path: Uint8Array, identity: StatIdentity, { urgent }: { urgent: boolean }): Promise<FileHash> {
    if (this.#closed) return Promise.reject(fail('E_CANCELLED', 'hashing has ended'));
    const key = keyOf(path, identity);
    const running = this.#tickets.get(key);
    if (running) {
      if (urgent && !running.urgent) this.#hurry(running);
      return running.promise;
    }
    if (urgent && !this.#thread && identity.size <= inlineBytesMax[hashEngine().name])
      return hashInline(path, identity);
    return this.#enqueue(key, path, identity, urgent).promise;
  }

  /** From now on only urgent files are read, from the next piece on. */
  pause(): void {
    this.#setPaused(1);
  }

  resume(): void {
    this.#setPaused(0);
    if (!this.#thread) this.#startWhereNeeded();
  }

  /** Whoever waits for the file's hash gets E_CANCELLED. */
  cancel(path: Uint8Array): void {
    for (const ticket of this.#numbered.values()) {
      if (Buffer.compare(ticket.path, path) !== 0) continue;
      this.#say({ kind: 'cancel', ticket: ticket.number });
      this.#settle(ticket);
      ticket.reject(fail('E_CANCELLED', `hashing of ${pathText(path)} was cancelled`));
    }
  }

  /** How many bytes are read and hashed in about 20 ms here, as far as is known. */
  quickBytes(): number {
    if (this.#bytesPerMs === undefined) return hashEngine().name === 'native' ? 32 * mib : 4 * mib;
    return Math.round(Math.min(quickBytesMax, Math.max(quickBytesMin, this.#bytesPerMs * quickMs)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const thread = this.#thread;
    this.#thread = undefined;
    this.#failAll(fail('E_CANCELLED', 'hashing has ended'));
    await thread?.terminate();
  }

  #enqueue(key: string, path: Uint8Array, identity: StatIdentity, urgent: boolean): Ticket {
    const number = ++this.#lastNumber;
    let settle: Pick<Ticket, 'resolve' | 'reject'> | undefined;
    const promise = new Promise<FileHash>((resolve, reject) => {
      settle = { resolve, reject };
    });
    const ticket: Ticket = { number, key, path, identity, promise, ...settle!, urgent };
    this.#tickets.set(key, ticket);
    this.#numbered.set(number, ticket);
    if (urgent) this.#urgent++;
    if (this.#thread) this.#say({ kind: 'hash', ticket: number, path, identity, urgent });
    else this.#startWhereNeeded();
    this.#holdProcess();
    return ticket;
  }

  #hurry(ticket: Ticket): void {
    ticket.urgent = true;
    this.#urgent++;
    if (this.#thread) this.#say({ kind: 'hurry', ticket: ticket.number });
    else this.#startWhereNeeded();
    this.#holdProcess();
  }

  /** Its start would take time from the work that hashing is paused for. */
  #startWhereNeeded(): void {
    if (this.#urgent === 0 && (this.#numbered.size === 0 || Atomics.load(this.#shared, pausedWord) === 1)) return;
    this.#thread = this.#start();
    for (const { number, path, identity, urgent } of this.#numbered.values()) {
      this.#say({ kind: 'hash', ticket: number, path, identity, urgent });
    }
  }

  #start(): Worker {
    const thread = new Worker(new URL('./hash-thread.js', import.meta.url), { workerData: this.#shared.buffer });
    thread.on('message', (message: FromHashThread) => this.#receive(message));
    const ended = (cause: unknown) => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      this.#failAll(new BinglideError({ code: 'E_IO', message: 'the hashing thread ended' }, { cause }));
    };
    thread.on('error', ended);
    thread.on('exit', ended);
    thread.unref();
    return thread;
  }

  #receive(message: FromHashThread): void {
    const ticket = this.#numbered.get(message.ticket);
    if (!ticket) return;
    this.#settle(ticket);
    if (message.kind === 'failed') {
      ticket.reject(new BinglideError(message.fault));
      return;
    }
    if (message.bytes >= sampleBytesMin) {
      const speed = message.bytes / Math.max(0.1, message.ms);
      this.#bytesPerMs = this.#bytesPerMs === undefined ? speed : (this.#bytesPerMs + speed) / 2;
    }
    ticket.resolve({ hash: message.hash, bytes: message.bytes });
  }

  #settle(ticket: Ticket): void {
    assert(this.#tickets.delete(ticket.key) && this.#numbered.delete(ticket.number), 'a ticket settles once');
    if (ticket.urgent) this.#urgent--;
    this.#holdProcess();
  }

  #failAll(error: BinglideError): void {
    for (const ticket of [...this.#numbered.values()]) {
      this.#settle(ticket);
      ticket.reject(error);
    }
  }

  #say(message: ToHashThread): void {
    this.#thread?.postMessage(message);
    this.#wake();
  }

  #setPaused(value: 0 | 1): void {
    if (Atomics.exchange(this.#shared, pausedWord, value) !== value) this.#wake();
  }

  #wake(): void {
    Atomics.add(this.#shared, signalWord, 1);
    Atomics.notify(this.#shared, signalWord);
  }

  /** The thread alone never keeps the process; somebody who waits for an urgent hash does. */
  #holdProcess(): void {
    if (this.#urgent > 0) this.#thread?.ref();
    else this.#thread?.unref();
  }
}

async function hashInline(path: Uint8Array, identity: StatIdentity): Promise<FileHash> {
  const hasher = createBlake3();
  try {
    const file = await open(Buffer.from(path), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      refuseChanged(path, identity, await file.stat({ bigint: true }), identity.size);
      const buffer = Buffer.allocUnsafe(Math.min(inlinePieceBytes, identity.size));
      let bytes = 0;
      while (bytes < identity.size) {
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, identity.size - bytes), bytes);
        if (bytesRead === 0) break;
        hasher.update(buffer.subarray(0, bytesRead));
        bytes += bytesRead;
      }
      refuseChanged(path, identity, await file.stat({ bigint: true }), bytes);
      return { hash: hasher.hex(), bytes };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw isBinglideError(error) ? error : inputError(pathText(path), error);
  } finally {
    hasher.dispose();
  }
}

function keyOf(path: Uint8Array, { dev, ino, size, mtimeNs, ctimeNs }: StatIdentity): string {
  return `${Buffer.from(path).toString('hex')} ${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
