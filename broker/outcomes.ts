/** How ended requests ended, for a repeat of the same key: the same error, or the same opaque result, for a while. */
import type { Fault, JobId } from '../protocol/index.js';

export type Outcome =
  | { readonly kind: 'failed'; readonly fault: Fault }
  /** The answer itself is in the cache: a repeat starts again and finds it there. */
  | { readonly kind: 'answered' }
  | { readonly kind: 'raw'; readonly service: string; readonly body: readonly Uint8Array[] };

interface Kept {
  readonly outcome: Outcome;
  readonly until: number;
  readonly bytes: number;
}

export class Outcomes {
  /** Oldest first. */
  readonly #kept = new Map<JobId, Kept>();
  #bytes = 0;

  constructor(
    readonly limits: { readonly outcomeMs: number; readonly outcomesMax: number; readonly outcomeBytesMax: number },
  ) {}

  keep(id: JobId, outcome: Outcome, now: number): void {
    this.#drop(id);
    const bytes = outcome.kind === 'raw' ? outcome.body.reduce((sum, frame) => sum + frame.byteLength, 0) : 0;
    const fits = bytes <= this.limits.outcomeBytesMax / 4;
    this.#kept.set(id, {
      outcome: fits ? outcome : { kind: 'answered' },
      until: now + this.limits.outcomeMs,
      bytes: fits ? bytes : 0,
    });
    this.#bytes += fits ? bytes : 0;
    this.#trim(now);
  }

  get(id: JobId, now: number): Outcome | undefined {
    this.#trim(now);
    return this.#kept.get(id)?.outcome;
  }

  #trim(now: number): void {
    for (const [id, { until }] of this.#kept) {
      const over = this.#kept.size > this.limits.outcomesMax || this.#bytes > this.limits.outcomeBytesMax;
      if (until > now && !over) return;
      this.#drop(id);
    }
  }

  #drop(id: JobId): void {
    this.#bytes -= this.#kept.get(id)?.bytes ?? 0;
    this.#kept.delete(id);
  }
}
