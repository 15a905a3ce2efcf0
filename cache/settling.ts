/**
 * Files changed a moment ago: another change might leave their times as they are, so nothing is kept of them until the
 * times are old enough and a look finds the file unchanged.
 */
import { sameIdentity } from './identity.js';
import { identityAt, type Measured, settlesAt } from './inputs.js';

/** A file from further in the future than this is not waited for. */
const waitMsMax = 60_000;

export class Settling {
  readonly #settleMs: number;
  /** By provisional id. */
  readonly #waiting = new Map<string, { readonly settled: Promise<boolean>; readonly decide: () => void }>();
  #closed = false;

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  /** Milliseconds until the file's times tell; 0: now. */
  waitMs({ young, identity }: Measured): number {
    return young ? Math.max(0, settlesAt(identity, this.#settleMs) - Date.now()) : 0;
  }

  /** Resolves when the times tell: true where the file is still what was measured. Keeps no process alive. */
  settled(measured: Measured): Promise<boolean> {
    if (!measured.young) return Promise.resolve(true);
    const waiting = this.#waiting.get(measured.id);
    if (waiting) return waiting.settled;
    const waitMs = this.waitMs(measured);
    if (waitMs === 0) return isUnchanged(measured);
    if (waitMs > waitMsMax || this.#closed) return Promise.resolve(false);
    return this.#wait(measured, waitMs);
  }

  #wait(measured: Measured, waitMs: number): Promise<boolean> {
    let decide = () => {};
    const settled = new Promise<boolean>((resolve) => {
      decide = () => {
        clearTimeout(timer);
        this.#waiting.delete(measured.id);
        resolve(this.waitMs(measured) === 0 && isUnchanged(measured));
      };
      // A timer goes by another clock than a file's times, and may be a moment early by theirs.
      const look = () => {
        const moreMs = this.waitMs(measured);
        if (moreMs > 0) timer = setTimeout(look, moreMs).unref();
        else decide();
      };
      let timer = setTimeout(look, waitMs).unref();
    });
    this.#waiting.set(measured.id, { settled, decide });
    return settled;
  }

  /** Whoever waits is told now; what cannot be told yet is false. */
  close(): void {
    this.#closed = true;
    for (const { decide } of [...this.#waiting.values()]) decide();
  }
}

async function isUnchanged({ realPath, identity }: Measured): Promise<boolean> {
  const now = await identityAt(realPath);
  return now !== undefined && sameIdentity(now, identity);
}
