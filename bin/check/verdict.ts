/**
 * What a check comes to, and how it says so: `ok` and what was seen; `failed` and what an author needs to mend it;
 * `left out`, where another check failed that it builds on; `does not apply` to this service.
 */
export type Outcome = 'ok' | 'failed' | 'left out' | 'does not apply';

export interface Verdict {
  readonly outcome: Outcome;
  /** One or more lines for people: what was seen; of a failure where, wanted and got, how to see it again, a hint. */
  readonly seen: string;
}

export interface Result extends Verdict {
  readonly name: string;
  readonly ms: number;
}

/** All that ran is well; what was left out is not. */
export function isWell({ outcome }: Verdict): boolean {
  return outcome === 'ok' || outcome === 'does not apply';
}

export const ok = (seen: string): Verdict => ({ outcome: 'ok', seen });
export const doesNotApply = (why: string): Verdict => ({ outcome: 'does not apply', seen: why });

/** Thrown by a check: the service did something else than it should. */
export class CheckFailure extends Error {
  constructor(
    readonly what: string,
    /** What usually causes it. */
    readonly hint?: string,
  ) {
    super(what);
  }

  /** The same, seen under these circumstances. */
  at(where: string): CheckFailure {
    return new CheckFailure(`${where}: ${this.what}`, this.hint);
  }
}

/** A check's own error as a verdict; an error of ours is none of the service's and goes on. */
export function failed(error: CheckFailure): Verdict {
  return { outcome: 'failed', seen: [error.what, ...(error.hint ? [`hint: ${error.hint}`] : [])].join('\n') };
}
