/**
 * The simulated world: virtual time, one agenda of (at, order, run), one seed. Nothing in it waits, reads a clock or
 * draws a number from elsewhere, so the same seed gives the same trace.
 *
 * Times are milliseconds in whole 64ths: their sums are exact.
 */
import { createHash } from 'node:crypto';
import { Random } from '../random.js';

/** A rule of the system was broken; the trace says how it came to that. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function demand(ok: unknown, what: string): asserts ok {
  if (!ok) throw new Violation(what);
}

/** What happened, a line each: all of it as a hash, the last of it as text. */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #tail: string[] = [];
  lines = 0;

  constructor(
    readonly tailLines: number,
    readonly onLine: ((line: string) => void) | undefined,
  ) {}

  add(line: string): void {
    this.lines++;
    this.#hash.update(line).update('\n');
    this.onLine?.(line);
    this.#tail.push(line);
    if (this.#tail.length > 2 * this.tailLines) this.#tail.splice(0, this.tailLines);
  }

  get tail(): readonly string[] {
    return this.#tail.slice(-this.tailLines);
  }

  /** Once, at the end. */
  digest(): string {
    return this.#hash.digest('hex').slice(0, 16);
  }
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const isBefore = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order);

export class World {
  now = 0;
  /** Off: chance() says no from now on. */
  faultsOn = true;
  readonly random: Random;
  readonly trace: Trace;
  /** A binary heap, the earliest first. */
  readonly #agenda: Entry[] = [];
  #order = 0;

  constructor(seed: number, { tailLines = 60, onLine }: { tailLines?: number; onLine?: (line: string) => void } = {}) {
    this.random = new Random(seed);
    this.trace = new Trace(tailLines, onLine);
  }

  log(line: string): void {
    this.trace.add(`${this.now.toFixed(2).padStart(10)} ${line}`);
  }

  /** A fault happens with this probability, while there are faults. */
  chance(probability: number): boolean {
    return this.faultsOn && this.random.chance(probability);
  }

  /** Milliseconds between the two, in whole 64ths. */
  ms(min: number, max: number): number {
    return this.random.int(Math.ceil(min * 64), max * 64) / 64;
  }

  at(time: number, run: () => void): void {
    const agenda = this.#agenda;
    let i = agenda.push({ at: Math.max(time, this.now), order: this.#order++, run }) - 1;
    for (let up = (i - 1) >> 1; i > 0 && isBefore(agenda[i]!, agenda[up]!); i = up, up = (i - 1) >> 1) {
      [agenda[i], agenda[up]] = [agenda[up]!, agenda[i]!];
    }
  }

  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  /** Runs until `isDone` or the time is over; false: it was not done by then. */
  run(untilMs: number, isDone: () => boolean): boolean {
    while (!isDone()) {
      const next = this.#agenda[0];
      if (!next || next.at > untilMs) {
        this.now = Math.max(this.now, untilMs);
        return isDone();
      }
      this.#pop();
      this.now = next.at;
      next.run();
    }
    return true;
  }

  #pop(): void {
    const agenda = this.#agenda;
    const last = agenda.pop()!;
    if (agenda.length === 0) return;
    agenda[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < agenda.length && isBefore(agenda[child]!, agenda[least]!)) least = child;
      }
      if (least === i) return;
      [agenda[i], agenda[least]] = [agenda[least]!, agenda[i]!];
      i = least;
    }
  }
}
