/**
 * The pieces that a job has not opened yet, in the order in which they are wanted: spread over the range, so that every
 * report tells of all of it. Where seeks are dear the spread is coarser: neighbours follow each other in stretches.
 */
import { type Piece, spreadOrder } from '../cache/blocks.js';

export class Pending {
  /** In reverse order; one that was taken as a neighbour stays here until its turn comes. */
  readonly #order: Piece[];
  readonly #byStart = new Map<number, Piece>();
  /** The stretch under way: where its next piece would start, and its bytes so far. */
  #next = -1;
  #stretchBytes = 0;

  /** `pieces` ascend. */
  constructor(pieces: readonly Piece[]) {
    this.#order = spreadOrder(pieces.length)
      .map((i) => pieces[i]!)
      .reverse();
    for (const piece of pieces) this.#byStart.set(piece.start, piece);
  }

  get size(): number {
    return this.#byStart.size;
  }

  /** Wanted before all others. */
  add(pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      this.#order.push(piece);
      this.#byStart.set(piece.start, piece);
    }
  }

  /** The next piece: the neighbour of the last one while the stretch has less than `stretchBytes`. */
  take(stretchBytes: number): Piece | undefined {
    const neighbour = this.#stretchBytes < stretchBytes ? this.#byStart.get(this.#next) : undefined;
    if (!neighbour) this.#stretchBytes = 0;
    const piece = neighbour ?? this.#first();
    if (!piece) return undefined;
    this.#byStart.delete(piece.start);
    this.#next = piece.end;
    this.#stretchBytes += piece.end - piece.start;
    return piece;
  }

  #first(): Piece | undefined {
    for (let piece = this.#order.pop(); piece; piece = this.#order.pop()) {
      if (this.#byStart.get(piece.start) === piece) return piece;
    }
    return undefined;
  }
}
