/**
 * The slots of a command that answers by itself: threads of this process. A process for each would be there a quarter of a
 * second later, which is half of what such a command may take; it lives for one request, so nobody else loses anything
 * should a kernel take it along. A daemon has processes (slots.ts), and so has whoever has more slots than one thread can
 * talk for.
 */
import { setFlagsFromString } from 'node:v8';
import type { SlotId } from '../protocol/ids.js';
import { ComputeThread } from '../workers/thread.js';
import type { SlotHost } from '../workers/worker.js';
import { takeThreads } from './early-threads.js';
import { hold, release } from './held.js';
import type { SlotsOptions } from './slots.js';

/**
 * V8 compiles a function anew, optimized, once it has run through so many bytes of code, on threads of its own. In the first
 * half second everything is new, and the compiling took as much of the processors as what was to be computed. So it begins
 * later here, four and a half times.
 */
const patience = '--interrupt-budget=600000';

export interface SlotThreadsOptions extends Omit<SlotsOptions, 'endpoint'> {
  /** Those of the built-in services that are offered, each with sockets of its own. Default: all. */
  readonly services?: readonly string[];
}

export class SlotThreads {
  readonly #options: SlotThreadsOptions;
  readonly #roots: readonly string[];
  readonly #threads: readonly ComputeThread[];
  readonly #hosts: SlotHost[] = [];
  #closing: Promise<void> | undefined;

  /** The threads load what they serve from now on. */
  constructor(options: SlotThreadsOptions) {
    this.#options = options;
    const { slots, roots } = options;
    this.#roots = roots ?? ['/'];
    this.#threads = roots
      ? Array.from({ length: slots }, () => new ComputeThread({ roots, modules: [] }))
      : takeThreads(slots);
    hold(this);
    // When they are there: a changed flag makes V8 pass over its own cached code, and a thread's start take twice as long.
    const loaded = this.#threads.map((thread) => thread.loaded);
    void Promise.allSettled(loaded).then(() => setFlagsFromString(patience));
  }

  /** Works for the broker, which is bound: a socket that found nobody would try again much later. */
  async serve(endpoint: string): Promise<void> {
    const [{ SlotHost }, { builtinDescriptors }] = await Promise.all([
      import('../workers/worker.js'),
      import('../workers/services/index.js'),
    ]);
    if (this.#closing) return;
    const { stallMs, services } = this.#options;
    const common = {
      broker: endpoint,
      services: builtinDescriptors.filter(({ name }) => services?.includes(name) ?? true),
      roots: this.#roots,
      ...(stallMs !== undefined && { taskStallMs: stallMs }),
    };
    for (const [i, thread] of this.#threads.entries()) {
      const host = new SlotHost({ ...common, slot: `${process.pid}.${i}` as SlotId, thread });
      this.#hosts.push(host);
      host.start();
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.stop()));
    await Promise.all(this.#threads.map((thread) => thread.stop()));
    release(this);
  }
}
