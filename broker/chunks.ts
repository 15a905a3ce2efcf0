/**
 * The pieces being computed, whoever wants them: two jobs that want a piece share one computation, and only a piece that
 * nobody wants is withdrawn. A piece is cut into slices, issued in sequence; a slice that was lost goes to the head.
 */
import { type Attempt, assert, type FinishTask, gather, type JobId, type Part, type Task } from '../protocol/index.js';
import type { ChunkBounds, ChunkContext } from './events.js';

export interface Slice {
  readonly start: number;
  readonly end: number;
  /** Deaths that these bytes are blamed for, and those of all slots before the first of them. */
  readonly deaths: number;
  readonly deathsBefore: number;
  /** A worker died that held it: the next one gets nothing behind it, so that another death names these bytes or others. */
  readonly suspect: boolean;
}

/** What a worker is given of the piece; `readMsMax` for a sample. */
export function taskOf(
  { context, span, form, runs, finish }: Chunk,
  slice: Slice,
  readMsMax: number,
): Task | FinishTask {
  const { params } = context;
  if (finish) return { kind: 'finish', params, ...finish };
  const inputs = context.inputs.map(({ path, identity }) => ({ path, identity }));
  const { cellBytes } = span;
  if (runs) return { kind: 'sample', inputs, runs, cellBytes, form, params, readMsMax };
  return { kind: 'exact', inputs, runs: [[slice.start, slice.end]], cellBytes, form, params };
}

/** A slice that a worker died on comes back in so many, so that the next death names fewer bytes. */
const splitOnBlame = 4;

export interface Chunk {
  /** Everything that its content depends on. */
  readonly key: string;
  readonly context: ChunkContext;
  /** Nominal bounds; an edge piece has its own. */
  readonly bounds: ChunkBounds;
  /** What is computed: the bounds clipped by the data. */
  readonly span: { readonly start: number; readonly end: number; readonly cellBytes: number };
  readonly form: 'summed' | 'whole';
  /** Slices end on multiples of this. */
  readonly stepBytes: number;
  /** An edge piece is never kept. */
  readonly keep: boolean;
  /** A sample: these runs are read, in one task, and nothing between them. */
  readonly runs?: readonly (readonly [number, number])[];
  /** No bytes: merged rows that the service itself makes more of, in one task. */
  readonly finish?: Pick<FinishTask, 'rows' | 'arrays' | 'frames'>;
  readonly waiters: Set<JobId>;
  /** Where the next fresh slice starts. */
  next: number;
  /** Lost slices, oldest first. */
  readonly lost: Slice[];
  readonly running: Map<Attempt, Slice>;
  /** What is there of it already. */
  readonly parts: Part[];
}

export type NewChunk = Omit<Chunk, 'waiters' | 'next' | 'lost' | 'running' | 'parts'>;

export class ChunkTable {
  readonly #chunks = new Map<string, Chunk>();

  get(key: string): Chunk | undefined {
    return this.#chunks.get(key);
  }

  get size(): number {
    return this.#chunks.size;
  }

  want(chunk: NewChunk, job: JobId): Chunk {
    let wanted = this.#chunks.get(chunk.key);
    if (!wanted) {
      wanted = {
        ...chunk,
        waiters: new Set(),
        next: chunk.span.start,
        lost: [],
        running: new Map(),
        parts: [],
      };
      this.#chunks.set(chunk.key, wanted);
    }
    wanted.waiters.add(job);
    return wanted;
  }

  /** The attempts to be withdrawn: those of a piece that nobody wants any more. */
  unwant(key: string, job: JobId): readonly Attempt[] {
    const chunk = this.#chunks.get(key);
    if (!chunk?.waiters.delete(job) || chunk.waiters.size > 0) return [];
    this.#chunks.delete(key);
    return [...chunk.running.keys()];
  }

  delete(key: string): void {
    this.#chunks.delete(key);
  }

  static hasSlice(chunk: Chunk): boolean {
    return chunk.lost.length > 0 || chunk.next < chunk.span.end;
  }

  /** The next slice of about `bytes`; lost ones first. */
  static takeSlice(chunk: Chunk, bytes: number): Slice {
    const lost = chunk.lost.shift();
    if (lost) return lost;
    const { end } = chunk.span;
    if (chunk.runs || chunk.finish) {
      chunk.next = end;
      return { start: chunk.span.start, end, ...blameless };
    }
    const step = chunk.stepBytes;
    const start = chunk.next;
    assert(start < end, 'a piece has slices left');
    const target = Math.floor((start + Math.max(bytes, step)) / step) * step;
    // A short rest is not worth a task of its own.
    chunk.next = end - target < bytes / 2 ? end : Math.min(end, target);
    return { start, end: chunk.next, ...blameless };
  }

  static peekBytes(chunk: Chunk, bytes: number): number {
    if (chunk.finish) return 0;
    if (chunk.runs) return chunk.runs.reduce((sum, [start, end]) => sum + end - start, 0);
    const lost = chunk.lost[0];
    return lost ? lost.end - lost.start : Math.min(bytes, chunk.span.end - chunk.next);
  }

  /** A slice that was given back goes to the head. */
  static requeue(chunk: Chunk, attempt: Attempt): void {
    putBack(chunk, [takeBack(chunk, attempt)]);
  }

  /** So does one whose worker died. Blamed: in smaller ones, each of which carries the blame. Returns what it carries. */
  static lose(chunk: Chunk, attempt: Attempt, isBlamed: boolean, deathsBefore: number): Slice {
    const slice = { ...takeBack(chunk, attempt), suspect: true };
    if (!isBlamed) {
      putBack(chunk, [slice]);
      return slice;
    }
    const blamed = withBlame(slice, deathsBefore);
    putBack(chunk, chunk.runs || chunk.finish ? [blamed] : split(blamed, chunk.stepBytes));
    return blamed;
  }

  /** Takes the part of a slice that no longer runs; true with the last one. */
  static done(chunk: Chunk, part: Part): boolean {
    chunk.parts.push(part);
    return !ChunkTable.hasSlice(chunk) && chunk.running.size === 0;
  }

  /** The part of a piece that is done. */
  static whole({ parts, span, context: { fields, params } }: Chunk): Part {
    if (parts.length === 1) return parts[0]!;
    parts.sort((a, b) => a.start - b.start);
    return gather(fields, params, parts, span);
  }

  validate(): void {
    for (const chunk of this.#chunks.values()) {
      assert(chunk.waiters.size > 0, 'a piece that nobody wants is gone');
      const pieces: { start: number; end: number }[] = [...chunk.lost, ...chunk.running.values(), ...chunk.parts];
      pieces.sort((a, b) => a.start - b.start);
      let at = chunk.span.start;
      for (const piece of pieces) {
        assert(piece.start === at, 'slices of a piece neither overlap nor leave a gap');
        at = piece.end;
      }
      assert(at === chunk.next, 'issued slices reach to the next one');
    }
  }
}

const blameless = { deaths: 0, deathsBefore: 0, suspect: false };

function takeBack(chunk: Chunk, attempt: Attempt): Slice {
  const slice = chunk.running.get(attempt);
  assert(slice, 'a slice that comes back was running');
  chunk.running.delete(attempt);
  return slice;
}

function putBack(chunk: Chunk, slices: readonly Slice[]): void {
  chunk.lost.push(...slices);
  chunk.lost.sort((a, b) => a.start - b.start);
}

function withBlame(slice: Slice, deathsBefore: number): Slice {
  const { deaths } = slice;
  const before = deaths === 0 ? deathsBefore : slice.deathsBefore;
  return { ...slice, deaths: deaths + 1, deathsBefore: before };
}

function split({ start, end, ...rest }: Slice, step: number): Slice[] {
  const length = Math.max(step, Math.ceil((end - start) / splitOnBlame / step) * step);
  const slices: Slice[] = [];
  for (let at = start; at < end; ) {
    const next = Math.min(end, (Math.floor(at / step) + length / step) * step);
    slices.push({ ...rest, start: at, end: next });
    at = next;
  }
  return slices;
}
