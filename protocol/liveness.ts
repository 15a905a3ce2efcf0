/**
 * Who is alive: one small clock a peer, used by all three sides. Pure: time comes in.
 *
 * A peer is late when nothing came from it for `limit` intervals (RFC 18 allows 3 to 5); a beat of our own is due when
 * we sent it nothing for one interval, or up to a quarter less: all beats of a process fall on common moments, because
 * each by itself wakes two threads on both sides. With two slots of seven conversations each they were a quarter of all
 * that a broker had to do beside a job of long tasks.
 */
export const livenessLimit = 5;
const momentsPerInterval = 4;

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
    return now >= this.#beatAt;
  }

  /** The next moment at which either answer may change. */
  deadline(): number {
    return Math.min(this.lateAt(), this.#beatAt);
  }

  lateAt(): number {
    return this.#heardAt + this.intervalMs * this.limit;
  }

  get #beatAt(): number {
    if (this.intervalMs === Infinity) return Infinity;
    const apartMs = this.intervalMs / momentsPerInterval;
    return Math.floor((this.#spokeAt + this.intervalMs) / apartMs) * apartMs;
  }
}
