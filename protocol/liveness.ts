/**
 * Who is alive: one small clock a peer, used by all three sides. Pure: time comes in.
 *
 * A peer is late when nothing came from it for `limit` intervals (RFC 18 allows 3 to 5); a beat of our own is due when
 * we sent it nothing for one interval.
 */
export const livenessLimit = 5;

export class Liveness {
  /** When the peer was last heard. */
  #heardAt: number;
  /** When we last sent it anything. */
  #spokeAt: number;

  constructor(
    readonly intervalMs: number,
    now: number,
    readonly limit: number = livenessLimit,
  ) {
    this.#heardAt = now;
    this.#spokeAt = now;
  }

  heard(now: number): void {
    this.#heardAt = Math.max(this.#heardAt, now);
  }

  spoke(now: number): void {
    this.#spokeAt = Math.max(this.#spokeAt, now);
  }

  isLate(now: number): boolean {
    return now >= this.#heardAt + this.intervalMs * this.limit;
  }

  beatIsDue(now: number): boolean {
    return now >= this.#spokeAt + this.intervalMs;
  }

  /** The next moment at which either answer may change. */
  deadline(): number {
    return Math.min(this.#heardAt + this.intervalMs * this.limit, this.#spokeAt + this.intervalMs);
  }

  lateAt(): number {
    return this.#heardAt + this.intervalMs * this.limit;
  }
}
