/**
 * Deficit round robin on worker milliseconds (Shreedhar & Varghese 1995): each key gets a quantum a round and is served
 * while its deficit covers the cost; what a turn really cost is settled afterwards.
 *
 * A new key starts with `openingMs` in hand, so that someone who was idle is answered before those who are not.
 */

/** Nobody owes or is owed more than so many quanta, however wrong an estimate was. */
const boundQuanta = 1000;

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
    // Where nobody has anything to do it stays whose turn it was: going round would grant a second quantum.
    const turn = [this.#cursor, this.#granted] as const;
    let idle = 0;
    let visited = 0;
    /** Who could not pay in this round, and how many rounds more it takes them. Made when it is needed: mostly it is not. */
    let short: Map<K, number> | undefined;
    while (idle < this.#keys.length) {
      const key = this.#keys[this.#cursor]!;
      const cost = costMsOf(key);
      if (cost === undefined) {
        idle++;
      } else {
        idle = 0;
        const deficit = this.#deficits.get(key)! + (this.#granted ? 0 : this.quantumMs);
        this.#granted = true;
        if (deficit >= cost) {
          this.#deficits.set(key, deficit - cost);
          return key;
        }
        this.#deficits.set(key, deficit);
        short ??= new Map();
        short.set(key, Math.ceil((cost - deficit) / this.quantumMs));
      }
      this.#advance();
      if (++visited === this.#keys.length) {
        if (short) this.#skipRounds(short);
        short = undefined;
        visited = 0;
      }
    }
    [this.#cursor, this.#granted] = turn;
    return undefined;
  }

  /** Positive: it took less than it was charged. */
  settle(key: K, ms: number): void {
    const deficit = this.#deficits.get(key);
    if (deficit === undefined) return;
    const bound = boundQuanta * this.quantumMs;
    this.#deficits.set(key, Math.max(-bound, Math.min(bound, deficit + ms)));
  }

  /** Rounds in which nobody could pay are not walked one by one: a slow service may take hundreds. */
  #skipRounds(short: Map<K, number>): void {
    const rounds = Math.min(...short.values()) - 1;
    if (rounds > 0 && rounds < Infinity) {
      for (const key of short.keys()) this.#deficits.set(key, this.#deficits.get(key)! + rounds * this.quantumMs);
    }
  }

  #advance(): void {
    this.#cursor = (this.#cursor + 1) % this.#keys.length;
    this.#granted = false;
  }
}
