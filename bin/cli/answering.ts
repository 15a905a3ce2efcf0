/**
 * One request from its start to its end. It runs ahead of its turn to be shown: what arrives before is only kept as the
 * newest report, and its failure waits to be told.
 */

import type { Client, Report, RequestOptions } from '../../client/index.js';
import { isBinglideError } from '../../protocol/errors.js';
import type { Session } from './session.js';

export type Outcome =
  | { readonly kind: 'final'; readonly report: Report }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'stopped' };

export class Answering {
  readonly outcome: Promise<Outcome>;
  #latest: Report | null = null;
  #listener: ((report: Report) => Promise<void>) | null = null;

  constructor(
    session: Promise<Session>,
    request: Promise<RequestOptions>,
    private readonly signal: AbortSignal,
  ) {
    this.outcome = this.#run(session, request).then(
      (report): Outcome => ({ kind: 'final', report }),
      (error: unknown): Outcome => (signal.aborted ? { kind: 'stopped' } : { kind: 'failed', error }),
    );
  }

  get latest(): Report | null {
    return this.#latest;
  }

  /** From now on reports go to the listener, the newest first; each is awaited before the next is taken. */
  listen(listener: (report: Report) => Promise<void>): void {
    this.#listener = listener;
  }

  async #run(opening: Promise<Session>, request: Promise<RequestOptions>): Promise<Report> {
    const [session, asked] = await Promise.all([opening, request]);
    try {
      return await this.#follow(session.client, asked);
    } catch (error) {
      const isElsewhere = isBinglideError(error) && error.code === 'E_OUTSIDE_ROOTS';
      if (!isElsewhere || !session.mayEmbed || this.signal.aborted) throw error;
      return this.#follow(await session.embedded(), asked);
    }
  }

  async #follow(client: Client, request: RequestOptions): Promise<Report> {
    this.signal.throwIfAborted();
    const job = client.request({ ...request, signal: this.signal });
    const final = job.final();
    // Awaited below, after the loop has thrown or ended.
    final.catch(() => undefined);
    for await (const report of job) {
      if (report.exact) continue;
      this.#latest = report;
      await this.#listener?.(report);
    }
    const report = await final;
    this.#latest = report;
    return report;
  }
}
