/**
 * What the socket's thread and the compute thread share while a kernel holds the latter: which task is to stop, and
 * how far the running one has come. Tasks are numbered from 1; there is no reset to race with.
 */
const cancelAt = 0;
const taskAt = 1;

export class Flags {
  readonly #ints: Int32Array;
  readonly #bytes: BigInt64Array;

  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(16)) {
    this.#ints = new Int32Array(buffer, 0, 2);
    this.#bytes = new BigInt64Array(buffer, 8, 1);
  }

  cancel(task: number): void {
    Atomics.store(this.#ints, cancelAt, task);
  }

  isCancelled(task: number): boolean {
    return Atomics.load(this.#ints, cancelAt) === task;
  }

  /** Bytes first: whoever sees the new task must not see the old one's bytes. */
  progressed(task: number, bytesDone: number): void {
    Atomics.store(this.#bytes, 0, BigInt(bytesDone));
    Atomics.store(this.#ints, taskAt, task);
  }

  bytesDone(task: number): number {
    return Atomics.load(this.#ints, taskAt) === task ? Number(Atomics.load(this.#bytes, 0)) : 0;
  }
}
