/**
 * Larger chunks that a job can fold from its pieces as they come: each waits until all its bytes are there. They are a
 * gift to the next request, so their room is bounded; one that would pass it is done without.
 */
import { chunkCellBytes, type Piece } from '../cache/blocks.js';
import { type Plan, type PlanInput, parentsOf } from '../cache/plan.js';
import { type FieldSpec, gather, type Params, type Part } from '../protocol/index.js';
import type { ChunkBounds } from './events.js';

interface Fold {
  readonly chunk: Piece;
  readonly start: number;
  readonly end: number;
  readonly cellBytes: number;
  /** Coarsened to the chunk's own cells. */
  readonly parts: Part[];
  bytesMissing: number;
}

export interface Finished {
  readonly bounds: ChunkBounds;
  readonly part: Part;
}

/** Room for parts that wait, a job. */
const heldBytesMax = 16 * 2 ** 20;

export class Folds {
  readonly #folds: Fold[] = [];
  #heldBytes = 0;

  constructor(
    readonly fields: readonly FieldSpec[],
    readonly params: Params,
  ) {}

  /** The larger chunks that the plan's pieces make up. */
  expect(input: PlanInput, plan: Plan): void {
    for (const { chunk, end } of parentsOf(input, plan)) {
      const cellBytes = chunkCellBytes(chunk.end - chunk.start, input.grid);
      this.#folds.push({ chunk, start: chunk.start, end, cellBytes, parts: [], bytesMissing: end - chunk.start });
    }
  }

  /** A piece is there, whole; gives the larger chunks that are complete with it. */
  add(part: Part): Finished[] {
    const finished: Finished[] = [];
    for (let i = this.#folds.length - 1; i >= 0; i--) {
      const fold = this.#folds[i]!;
      if (part.start < fold.start || part.end > fold.end) continue;
      const coarser = gather(this.fields, this.params, [part], { ...part, cellBytes: fold.cellBytes });
      fold.parts.push(coarser);
      fold.bytesMissing -= part.end - part.start;
      this.#heldBytes += bytesOf(coarser);
      if (fold.bytesMissing > 0 && this.#heldBytes <= heldBytesMax) continue;
      this.#folds.splice(i, 1);
      for (const held of fold.parts) this.#heldBytes -= bytesOf(held);
      if (fold.bytesMissing === 0) finished.push(this.#whole(fold));
    }
    return finished;
  }

  #whole({ chunk, start, end, cellBytes, parts }: Fold): Finished {
    parts.sort((a, b) => a.start - b.start);
    return { bounds: chunk, part: gather(this.fields, this.params, parts, { start, end, cellBytes }) };
  }
}

function bytesOf({ columns }: Part): number {
  return Object.values(columns).reduce((sum, column) => sum + column.byteLength, 0);
}
