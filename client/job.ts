/**
 * One job as its caller holds it. There is one pending slot and no queue: whoever iterates gets the newest report each
 * turn, and the final one always, last.
 */
import { BinglideError, type Fault, type JobId, type Report as WireReport } from '../protocol/index.js';
import type { Fields } from './fields.js';
import { Report } from './report.js';

/** An answer that sharpens until it is exact. */
export interface Job<F = Fields> extends AsyncIterable<Report<F>> {
  /** Printable; `client.cancel(id)` ends the job from anywhere. */
  readonly id: JobId;
  /** The newest report; undefined before the first. */
  readonly latest: Report<F> | undefined;
  /** The exact report. Rejects with a BinglideError, E_CANCELLED where the job was cancelled. */
  final(): Promise<Report<F>>;
  /** Ends the job; resolves when the broker has confirmed it or there is no broker to do so. Loops end quietly. */
  cancel(): Promise<void>;
  /** The newest report each turn; leaving the loop early cancels the job. */
  [Symbol.asyncIterator](): AsyncGenerator<Report<F>, void, undefined>;
}

export interface RawAnswer {
  readonly kind: 'partial' | 'final';
  readonly body: readonly Uint8Array[];
}

/** The answer of a service that binglide knows nothing about. */
export interface RawJob extends AsyncIterable<RawAnswer> {
  readonly id: JobId;
  /** The body of the FINAL. */
  final(): Promise<readonly Uint8Array[]>;
  cancel(): Promise<void>;
  /** Every PARTIAL from the first turn on, then the FINAL. After a reconnect a service may repeat some. */
  [Symbol.asyncIterator](): AsyncGenerator<RawAnswer, void, undefined>;
}

type State<T> =
  | { readonly kind: 'running' }
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: BinglideError; readonly byOwner: boolean };

/** What both kinds of job share: one end, and those who wait for it. */
class Ending<T> {
  state: State<T> = { kind: 'running' };
  readonly final: Promise<T>;
  #settle!: { resolve: (value: T) => void; reject: (error: BinglideError) => void };
  #wakers: (() => void)[] = [];
  #cancelled: Promise<void> | undefined;

  constructor(
    readonly withdraw: () => Promise<void>,
    readonly onEnd: () => void,
  ) {
    this.final = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever only iterates has the error from the loop.
    this.final.catch(() => undefined);
  }

  resolve(value: T): void {
    if (this.state.kind !== 'running') return;
    this.state = { kind: 'done', value };
    this.#settle.resolve(value);
    this.wake();
    this.onEnd();
  }

  reject(fault: Fault, byOwner: boolean): void {
    if (this.state.kind !== 'running') return;
    this.state = { kind: 'failed', error: new BinglideError(fault), byOwner };
    this.#settle.reject(this.state.error);
    this.wake();
    this.onEnd();
  }

  /** Everybody who cancels waits for the one answer. */
  async cancel(): Promise<void> {
    if (this.state.kind === 'running') this.#cancelled ??= this.withdraw();
    await this.#cancelled;
  }

  wake(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }

  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakers.push(resolve);
    });
  }
}

/** What a job needs of its client. */
export interface JobOwner {
  cancelJob(id: JobId): Promise<void>;
}

export class ReportJob<F> implements Job<F> {
  readonly #ending: Ending<WireReport>;
  #final: Promise<Report<F>> | undefined;
  #newest: WireReport | undefined;
  /** `#newest` as callers see it, made when somebody looks. */
  #built: Report<F> | undefined;
  #arrived = 0;

  constructor(
    readonly id: JobId,
    owner: JobOwner,
    onEnd: () => void,
  ) {
    this.#ending = new Ending(() => owner.cancelJob(id), onEnd);
  }

  get latest(): Report<F> | undefined {
    if (this.#newest) this.#built ??= new Report<F>(this.#newest);
    return this.#built;
  }

  final(): Promise<Report<F>> {
    if (!this.#final) {
      this.#final = this.#ending.final.then(() => this.latest!);
      this.#final.catch(() => undefined);
    }
    return this.#final;
  }

  cancel(): Promise<void> {
    return this.#ending.cancel();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Report<F>, void, undefined> {
    let seen = 0;
    try {
      for (;;) {
        const { state } = this.#ending;
        if (state.kind === 'failed') {
          if (state.byOwner) return;
          throw state.error;
        }
        if (this.#arrived > seen) {
          seen = this.#arrived;
          yield this.latest!;
        } else if (state.kind === 'done') return;
        else await this.#ending.change();
      }
    } finally {
      void this.cancel();
    }
  }

  deliver(report: WireReport): void {
    if (this.#ending.state.kind !== 'running') return;
    this.#newest = report;
    this.#built = undefined;
    this.#arrived++;
    this.#ending.wake();
  }

  resolve(report: WireReport): void {
    this.deliver(report);
    this.#ending.resolve(report);
  }

  reject(fault: Fault, byOwner: boolean): void {
    this.#ending.reject(fault, byOwner);
  }
}

/** A loop that falls so far behind its partials ends with E_BUSY: the dialect has no way to slow a service down. */
const unreadBytesMax = 256 * 1024 * 1024;

export class BodyJob implements RawJob {
  readonly #ending: Ending<readonly Uint8Array[]>;
  /** What each loop has still to see. */
  readonly #loops = new Set<{ unread: (readonly Uint8Array[])[]; bytes: number }>();

  constructor(
    readonly id: JobId,
    owner: JobOwner,
    onEnd: () => void,
  ) {
    this.#ending = new Ending(() => owner.cancelJob(id), onEnd);
  }

  final(): Promise<readonly Uint8Array[]> {
    return this.#ending.final;
  }

  cancel(): Promise<void> {
    return this.#ending.cancel();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RawAnswer, void, undefined> {
    const loop = { unread: [] as (readonly Uint8Array[])[], bytes: 0 };
    this.#loops.add(loop);
    try {
      for (;;) {
        const { state } = this.#ending;
        if (state.kind === 'failed') {
          if (state.byOwner) return;
          throw state.error;
        }
        const body = loop.unread.shift();
        if (body) {
          loop.bytes -= bytesOf(body);
          yield { kind: 'partial', body };
        } else if (state.kind === 'done') {
          yield { kind: 'final', body: state.value };
          return;
        } else await this.#ending.change();
      }
    } finally {
      this.#loops.delete(loop);
      void this.cancel();
    }
  }

  deliver(body: readonly Uint8Array[]): void {
    if (this.#ending.state.kind !== 'running') return;
    for (const loop of this.#loops) {
      loop.unread.push(body);
      loop.bytes += bytesOf(body);
      if (loop.bytes <= unreadBytesMax) continue;
      void this.cancel();
      const message = `${unreadBytesMax} bytes of partials wait to be read; read them faster`;
      this.#ending.reject({ code: 'E_BUSY', message, jobId: this.id }, false);
    }
    this.#ending.wake();
  }

  resolve(body: readonly Uint8Array[]): void {
    this.#ending.resolve(body);
  }

  reject(fault: Fault, byOwner: boolean): void {
    this.#ending.reject(fault, byOwner);
  }
}

function bytesOf(body: readonly Uint8Array[]): number {
  return body.reduce((sum, frame) => sum + frame.byteLength, 0);
}
