/**
 * Which runs of a sample are read where reading all of them would take too long, as on a disk that has to seek for each:
 * the next so many are passed over, evenly, so that what is read stays spread over the range. Pure.
 *
 * Two slow reads tell nothing, since a busy machine holds everybody up now and then: what the next ones will take is the
 * quickest of the last three.
 */

/** A read that takes less is not worth passing over, milliseconds: it is from memory, or from a disk without a head. */
const quickMs = 1;

export class Thinning {
  #spentMs = 0;
  /** The last read, and the one before it; of fewer than three nothing is known. */
  #lastMs = 0;
  #earlierMs = 0;
  /** Runs read since some are passed over. */
  #taken = 0;

  constructor(
    readonly count: number,
    /** What all reads together are to take at the most, milliseconds. */
    readonly msMax: number,
  ) {}

  /** The index of the run to read after run `last`, whose read took `ms`; `count` and more: none. */
  next(last: number, ms: number): number {
    this.#spentMs += ms;
    const estimateMs = Math.min(ms, this.#lastMs, this.#earlierMs);
    [this.#lastMs, this.#earlierMs] = [ms, this.#lastMs];
    if (estimateMs < quickMs) return last + 1;
    const left = this.count - 1 - last;
    const affordable = (this.msMax - this.#spentMs) / estimateMs;
    if (affordable < 1) return this.count;
    const step = Math.ceil(left / Math.min(left, affordable));
    // Cells have the same number of runs: an even step might read the same strip of each and of no other.
    const isLonger = step > 1 && this.#taken++ % 2 === 1;
    return Math.min(this.count - 1, last + step + (isLonger ? 1 : 0));
  }
}
