/**
 * The bytes of a task's batches: read from all inputs into buffers that are used again. Where the disk is slow, the next
 * batches are read while this one is computed.
 *
 * Rules: batches of a task take turns with their buffers, so a batch's bytes stay as they are until its turn comes again.
 * Whoever ends a task waits for `idle` first: a read under way holds the buffer and the open file.
 */
import { moduleBuffer } from './kernels/module.js';
import { batchBytesMax, type Held, pageBytes, type Rows } from './rows.js';
import type { Source } from './source.js';

/**
 * Whether reads come from a disk, and not from memory: then they are worth a thread of their own. One slow read alone tells
 * nothing, for the thread may only have waited for its processor: beside a kernel on each of them every tenth read does,
 * and threads that read ahead then wait for a processor as well, one for each read.
 */
export class ReadPace {
  static readonly slowMsPerMiB = 1;
  static readonly slowReadsMin = 2;
  #slowInARow = 0;

  get isSlow(): boolean {
    return this.#slowInARow >= ReadPace.slowReadsMin;
  }

  /** A read of so many bytes was waited for. */
  took(ms: number, bytes: number): void {
    const isSlow = ms > ReadPace.slowMsPerMiB * Math.max(1, bytes / 2 ** 20);
    this.#slowInARow = isSlow ? this.#slowInARow + 1 : 0;
  }
}

/** Of the thread, which runs one task at a time: a task begins with what the one before it has seen. */
const paceOfThread = new ReadPace();

export class Reader {
  /** Reads under way, by what they are for. */
  readonly #ahead = new Map<Rows, Promise<unknown>>();

  constructor(
    readonly sources: readonly Source[],
    /** Bytes that the second input is read further along. */
    readonly shift: number,
    readonly pace = paceOfThread,
  ) {}

  /** Worth reading ahead. */
  get isSlow(): boolean {
    return this.pace.isSlow;
  }

  /**
   * How many batches: of one input two, so that the disk has its next read before the last one has been heard of. Of two
   * inputs one, for reads at both ends at once would send its head to and fro.
   */
  get aheadMax(): number {
    return this.sources.length === 1 ? 2 : 1;
  }

  /** Fills `rows.held` with rows that follow each other: at once, or with what was begun. */
  async fill(rows: Rows): Promise<void> {
    const done = this.#ahead.get(rows);
    if (done) {
      this.#ahead.delete(rows);
      await done;
      return;
    }
    const [ms, bytes] = this.#waited();
    rows.held = this.#place(rows);
    this.#read(rows, 0);
    const [msNow, bytesNow] = this.#waited();
    if (bytesNow > bytes) this.pace.took(msNow - ms, bytesNow - bytes);
  }

  /** Begins to fill `rows`, which is not the batch that is being computed. */
  begin(rows: Rows): void {
    const held = this.#place(rows);
    rows.held = held;
    // One input after the other: two at a time would send the disk to and fro.
    const all = async () => {
      for (const [input, source] of this.sources.entries()) {
        await source.readAhead(...this.#stretch(rows, 0, input));
      }
    };
    const done = all();
    // Nobody may ask for it any more.
    done.catch(() => {});
    this.#ahead.set(rows, done);
  }

  /** Of a sample: reads the rows from `first` on, which follow each other, to the end of what `rows` holds before them. */
  gather(rows: Rows, first: number): void {
    if (first === 0) rows.held = this.#place(rows);
    else for (const held of rows.held) layRows(rows, held.at, first, freeAt(rows, held, first));
    this.#read(rows, first);
  }

  /** A run of so many bytes can be gathered into what `rows` holds. */
  hasRoom(rows: Rows, bytes: number): boolean {
    return rows.held.every((held) => {
      const free = rows.rows === 0 ? 0 : freeAt(rows, held, rows.rows);
      return free + pageBytes + bytes + rows.overlapBytes <= held.bytes.length;
    });
  }

  async idle(): Promise<void> {
    await Promise.allSettled(this.#ahead.values());
  }

  #waited(): [ms: number, bytes: number] {
    let [ms, bytes] = [0, 0];
    for (const { readMs, bytesAwaited } of this.sources) {
      ms += readMs;
      bytes += bytesAwaited;
    }
    return [ms, bytes];
  }

  #read(rows: Rows, first: number): void {
    for (let input = 0; input < this.sources.length; input++) {
      this.sources[input]!.read(...this.#stretch(rows, first, input));
    }
  }

  /** Where the rows from `first` on lie with what is ahead of them: in memory, and in the input. */
  #stretch(rows: Rows, first: number, input: number): [target: Uint8Array, at: number, length: number, offset: number] {
    const { bytes, at, inputEnd } = rows.held[input]!;
    const start = rows.starts[first]!;
    const length = Math.min(rows.end + rows.overlapBytes, inputEnd) - start;
    return [bytes, at[first]!, length, start + this.#shiftOf(input)];
  }

  #shiftOf(input: number): number {
    return input === 0 ? 0 : this.shift;
  }

  /** Room for rows that follow each other. */
  #place(rows: Rows): Held[] {
    return this.sources.map((source, input) => {
      const first = rows.start % pageBytes;
      const bytes = bufferOf(
        rows.turn * this.sources.length + input,
        first + rows.end - rows.start + rows.overlapBytes,
      );
      const at: number[] = [];
      layRows(rows, at, 0, first);
      return { bytes, at, inputEnd: source.size - this.#shiftOf(input) };
    });
  }
}

/** Places the rows from `first` on, one after the other. */
function layRows({ starts, rows }: Rows, at: number[], first: number, place: number): void {
  for (let i = first; i < rows; i++) at[i] = place + starts[i]! - starts[first]!;
}

/**
 * Where row `first` may begin, behind the one before it and what is ahead of that. Offsets and indexes agree modulo the
 * page: kernels find aligned words in both inputs, and reading to where nothing is aligned takes twice as long.
 */
function freeAt({ starts, ends, overlapBytes }: Rows, { at }: Held, first: number): number {
  const last = first - 1;
  const end = at[last]! + ends[last]! - starts[last]! + overlapBytes;
  return Math.ceil(end / pageBytes) * pageBytes + ((starts[first] ?? 0) % pageBytes);
}

/**
 * Buffers of the thread, which runs one task at a time: in the memory of the kernels' module, so that they need no copy,
 * or, for longer rows or without the module, ones that grow. One an input and turn.
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
