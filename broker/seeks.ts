/**
 * What a seek costs in each input, as the workers measured it on the way: on a disk with a head it decides how the rest
 * is best read. A file that has come into memory since is cheap again with its next sample.
 */

/** Mean seeks above this are dear, milliseconds: a disk turns in 4 to 11, a cold SSD answers in about 0.1. */
const dearMs = 2;
/** Of a stretch's time the seek is to be this share at most. */
const seekShare = 1 / 64;
/** Inputs that are remembered, the least recently measured forgotten first. */
const inputsMax = 1000;

export class Seeks {
  /** Milliseconds, by input id. */
  readonly #costs = new Map<string, number>();

  measured(ids: readonly string[], ms: number): void {
    for (const id of ids) {
      const before = this.#costs.get(id) ?? ms;
      this.#costs.delete(id);
      this.#costs.set(id, (before + ms) / 2);
    }
    for (const id of this.#costs.keys()) {
      if (this.#costs.size <= inputsMax) break;
      this.#costs.delete(id);
    }
  }

  areDear(ids: readonly string[]): boolean {
    return this.#dearest(ids) > dearMs;
  }

  /** Bytes that are to be read in one stretch for a seek; 0: seeks cost nothing to speak of. */
  stretchBytes(ids: readonly string[], bytesPerMs: number): number {
    return this.areDear(ids) ? (this.#dearest(ids) / seekShare) * bytesPerMs : 0;
  }

  #dearest(ids: readonly string[]): number {
    let dearest = 0;
    for (const id of ids) dearest = Math.max(dearest, this.#costs.get(id) ?? 0);
    return dearest;
  }
}
