/**
 * Keeps a cache that is being written to within its budget. What the folder takes is remembered in it, together with
 * when it was last put in order, so that a process need not look at every file to know whether there is something to do.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLog } from '../protocol/log.js';
import type { CacheFolder } from './folder.js';
import type { Ledger } from './ledger.js';
import type { CacheOptions } from './options.js';
import { seal, unseal } from './sealed.js';
import { runSweep } from './sweep.js';

const log = createLog('binglide:cache');
const magic = 'BXSWEPT1';
/** However little is written: stray files and late moves wait no longer. */
const tidyMs = 24 * 3_600_000;
/** A sweep leaves room for a while, or every write would ask for the next one. */
const lowWater = 0.9;

/** What the folder took after the last sweep and what was written since, as far as it was told. */
interface Known {
  readonly bytes: number;
  readonly sweptMs: number;
}

export class Budget {
  readonly #folder: CacheFolder;
  readonly #ledger: Ledger;
  readonly #options: CacheOptions;
  readonly #stop = new AbortController();
  #known: Known | undefined;
  /** Written by this process and not yet in `known`. */
  #written = 0;
  #startedMs = 0;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: CacheFolder, ledger: Ledger, options: CacheOptions) {
    this.#folder = folder;
    this.#ledger = ledger;
    this.#options = options;
  }

  /** Tells of new files; a sweep that they make due runs in the background. */
  wrote(bytes: number): void {
    this.#written += bytes;
    if (this.#running || this.#timer || this.#stop.signal.aborted) return;
    this.#running = this.#consider()
      .catch((error) => log('%s was not swept: %s', this.#folder.root, error))
      .finally(() => {
        this.#running = undefined;
        // Written while it ran: nobody may write any more and ask again.
        if (this.#written > 0 && this.#isOver()) this.wrote(0);
      });
  }

  /** Breaks off a sweep and leaves what is known to the next process. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
    if (this.#written === 0 || !this.#known) return;
    // Others may have written it meanwhile: theirs counts, ours comes on top.
    const latest = (await this.#load()) ?? this.#known;
    await this.#store({ ...latest, bytes: latest.bytes + this.#written });
  }

  async #consider(): Promise<void> {
    this.#known ??= (await this.#load()) ?? { bytes: 0, sweptMs: 0 };
    const now = Date.now();
    if (Math.abs(now - this.#known.sweptMs) <= tidyMs && !this.#isOver()) return;
    const waitMs = this.#startedMs + this.#options.sweepMs - now;
    if (waitMs > 0) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.wrote(0);
      }, waitMs).unref();
      return;
    }
    this.#startedMs = now;
    await this.#sweep(now);
  }

  #isOver(): boolean {
    return (this.#known?.bytes ?? 0) + this.#written > this.#options.bytesMax;
  }

  async #sweep(now: number): Promise<void> {
    const { signal } = this.#stop;
    const before = this.#written;
    const bytesMax = Math.floor(this.#options.bytesMax * lowWater);
    const stats = await runSweep({ folder: this.#folder, ledger: this.#ledger, bytesMax, now, signal });
    const budget = stats.find(({ step }) => step === 'budget');
    if (!budget || signal.aborted) return;
    this.#written -= before;
    this.#known = { bytes: budget.bytes - budget.bytesFreed, sweptMs: now };
    await this.#store(this.#known);
  }

  async #load(): Promise<Known | undefined> {
    const bytes = await readFile(this.#path).catch(() => undefined);
    const map = bytes && unseal(magic, bytes)?.map;
    if (!map || typeof map.bytes !== 'number' || typeof map.sweptMs !== 'number') return undefined;
    return { bytes: map.bytes, sweptMs: map.sweptMs };
  }

  async #store(known: Known): Promise<void> {
    await this.#folder.put(this.#path, seal(magic, known));
  }

  get #path(): string {
    return join(this.#folder.base, 'swept');
  }
}
