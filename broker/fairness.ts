/**
 * Deficit round robin on worker milliseconds (Shreedhar & Varghese 1995): each key gets a quantum a round and is served
 * while its deficit covers the cost; what a turn really cost is settled afterwards.
 *
 * A new key starts with `openingMs` in hand, so that someone who was idle is answered before those who are not.
 */
export class DeficitRing<K> {
  readonly #keys: K[] = [];
  readonly #deficits = new Map<K, number>();
  #cursor = 0;
  /** The key under the cursor has had this visit's quantum. */
  #granted = false;

  constructor(readonly quantumMs: number) {}

  add(key: K, openingMs: number): void {
    if (this.#deficits.has(key)) return;
    this.#deficits.set(key, openingMs);
    // Ahead of the cursor: the newcomer is next.
    this.#keys.splice(this.#cursor, 0, key);
    this.#granted = false;
  }

  delete(key: K): void {
    if (!this.#deficits.delete(key)) return;
    const at = this.#keys.indexOf(key);
    this.#keys.splice(at, 1);
    if (at < this.#cursor) this.#cursor--;
    else if (at === this.#cursor) this.#granted = false;
    if (this.#cursor >= this.#keys.length) this.#cursor = 0;
  }

  /** The key whose turn it is and that has something to do (`costMsOf` not undefined); it is charged the cost. */
  next(costMsOf: (key: K) => number | undefined): K | undefined {
    let idle = 0;
    while (idle < this.#keys.length) {
      const key = this.#keys[this.#cursor]!;
      const cost = costMsOf(key);
      if (cost === undefined) {
        idle++;
        this.#advance();
        continue;
      }
      idle = 0;
      let deficit = this.#deficits.get(key)!;
      if (!this.#granted) deficit += this.quantumMs;
      this.#granted = true;
      // A cost above the quantum is served after as many rounds; capped, so that a slow service cannot spin us.
      const due = Math.min(cost, 8 * this.quantumMs);
      if (deficit >= due) {
        this.#deficits.set(key, deficit - due);
        return key;
      }
      this.#deficits.set(key, deficit);
      this.#advance();
    }
    return undefined;
  }

  /** Positive: it took less than it was charged. */
  settle(key: K, ms: number): void {
    const deficit = this.#deficits.get(key);
    if (deficit === undefined) return;
    const bound = 8 * this.quantumMs;
    this.#deficits.set(key, Math.max(-bound, Math.min(bound, deficit + ms)));
  }

  #advance(): void {
    this.#cursor = (this.#cursor + 1) % this.#keys.length;
    this.#granted = false;
  }
}
