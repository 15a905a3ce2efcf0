/** Randomness that can be repeated: mulberry32. Same seed and name, same numbers, whatever other checks draw. */
export class Random {
  #state: number;

  constructor(seed: number, name = '') {
    this.#state = seed >>> 0;
    for (const char of name) this.#state = Math.imul(this.#state ^ char.charCodeAt(0), 0x01000193) >>> 0;
  }

  /** 32 random bits. */
  bits(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor((this.bits() / 2 ** 32) * (max - min + 1));
  }
}
