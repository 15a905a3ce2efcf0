/** Randomness that can be repeated, with the few draws that specs need. Same seed, same numbers. */
import { Random as Draws } from '../bin/check/random.js';

export class Random extends Draws {
  constructor(readonly seed: number) {
    super(seed);
  }

  /** From [0, 1). */
  unit(): number {
    return this.bits() / 2 ** 32;
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.bits() & 255);
  }

  /** In place (Fisher–Yates); returned for convenience. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }

  /** A generator of its own, so that more draws here do not move the draws there. */
  fork(): Random {
    return new Random(this.bits());
  }
}
