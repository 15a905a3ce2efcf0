/**
 * The bytes of a task's batches: read from all inputs into buffers that are used again. Where the disk is slow, the next
 * batch is read while this one is computed.
 *
 * Rules: a batch's bytes stay as they are until the batch after the next one is asked for. Whoever ends a task waits for
 * `idle` first: a read under way holds the buffer and the open file.
 */
import { moduleBuffer } from './kernels/module.js';
import { batchBytesMax, pageBytes, type Rows } from './rows.js';
import type { Source } from './source.js';

/** Reading a MiB takes longer than this: from a disk, not from memory. Then it is worth a thread of its own. */
const slowMsPerMiB = 1;

export class Reader {
  /** Reads under way, and what they are for. */
  #ahead: { readonly rows: Rows; readonly done: Promise<unknown> } | null = null;
  #isSlow = false;

  constructor(
    readonly sources: readonly Source[],
    /** Bytes that the second input is read further along. */
    readonly shift: number,
  ) {}

  /** Worth reading ahead. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  /** Fills `rows.held`: at once, or with what was begun. */
  async fill(rows: Rows): Promise<void> {
    if (this.#ahead?.rows === rows) {
      const { done } = this.#ahead;
      this.#ahead = null;
      await done;
      return;
    }
    const began = performance.now();
    const held = this.#place(rows);
    held.forEach(({ bytes, at, length }, input) => {
      this.sources[input]!.read(bytes, at, length, this.#offset(rows, input));
    });
    rows.held = held;
    const mib = (rows.end - rows.start) / 2 ** 20;
    if (performance.now() - began > slowMsPerMiB * Math.max(1, mib)) this.#isSlow = true;
  }

  /** Begins to fill `rows`, which is not the batch that is being computed. */
  begin(rows: Rows): void {
    const held = this.#place(rows);
    rows.held = held;
    // One input after the other: two at a time would send the disk to and fro.
    const all = async () => {
      for (const [input, { bytes, at, length }] of held.entries()) {
        await this.sources[input]!.readAhead(bytes, at, length, this.#offset(rows, input));
      }
    };
    const done = all();
    // Nobody may ask for it any more.
    done.catch(() => {});
    this.#ahead = { rows, done };
  }

  async idle(): Promise<void> {
    await this.#ahead?.done.catch(() => {});
  }

  #offset(rows: Rows, input: number): number {
    return rows.start + (input === 0 ? 0 : this.shift);
  }

  #place(rows: Rows) {
    return this.sources.map((source, input) => {
      const shift = input === 0 ? 0 : this.shift;
      const length = Math.min(rows.end + rows.overlapBytes, source.size - shift) - rows.start;
      // Offsets and indexes agree modulo the page, so that kernels find aligned words in both inputs.
      const at = rows.start % pageBytes;
      return { bytes: bufferOf(2 * rows.turn + input, at + length), at, length };
    });
  }
}

/**
 * Buffers of the thread, which runs one task at a time: in the memory of the kernels' module, so that they need no copy,
 * or, for longer rows or without the module, ones that grow. Two an input, for batches in turn.
 */
const buffers: Uint8Array[] = [];
function bufferOf(index: number, length: number): Uint8Array {
  const shared = moduleBuffer(index, length);
  if (shared) return shared;
  const usual = batchBytesMax + 2 * pageBytes;
  const held = buffers[index];
  if (held && held.length >= length) return held;
  const grown = new Uint8Array(Math.max(usual, length));
  if (length <= 2 * usual) buffers[index] = grown;
  return grown;
}
