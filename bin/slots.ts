/**
 * The slot processes of a node: started at once, kept while it lives, replaced when they die. They end when their standard
 * input does, whatever killed us; Ctrl-C reaches them too, and once they run they leave it to us.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createLog } from '../protocol/log.js';

const debug = createLog('binglide:slots');
const workerProgram = fileURLToPath(new URL('./binglide-worker.js', import.meta.url));

/** What a slot makes anew all the time is small; V8 would rather grow than collect it. */
const lean = ['--max-semi-space-size=2'];

/**
 * Slots give way to who talks: with a kernel on each processor the broker and its clients waited as long for their turn as
 * they then worked, for all are scheduled alike. Half as long with this.
 *
 * They stay in our session for the same reason. Linux shares processors among sessions first (autogroup), and on each
 * processor by what a session does there: a thread of the broker that wakes where only a slot had worked, such as one
 * that opens a file, then waited 50 to 200 ms.
 */
const niceness = 5;

/** A slot that lived this long, or that somebody killed, was well: the next start is not delayed. */
const wellMs = 1000;
const delayMsMin = 20;
const delayMsMax = 5000;

export interface SlotsOptions {
  readonly endpoint: string;
  /** How many tasks run at a time. */
  readonly slots: number;
  /** Folders that workers may read in; absent: anywhere. */
  readonly roots?: readonly string[];
  /** A kernel without progress for so long is ended, milliseconds. */
  readonly stallMs?: number;
}

export class Slots {
  readonly #children = new Set<ChildProcess>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #started = 0;
  #closed = false;

  constructor(readonly options: SlotsOptions) {
    for (let i = 0; i < options.slots; i++) this.#start(delayMsMin);
  }

  get pids(): number[] {
    return [...this.#children].flatMap((child) => child.pid ?? []);
  }

  /** They hold nothing that could be lost: killed, not asked. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(
      [...this.#children].map(async (child) => {
        const gone = once(child, 'exit');
        if (child.kill('SIGKILL')) await gone;
      }),
    );
  }

  #start(delayMs: number): void {
    const { endpoint, roots = ['/'], stallMs } = this.options;
    const startedAt = performance.now();
    const args = ['--broker', endpoint, '--slot', `${process.pid}.${this.#started++}`, '--parent'];
    for (const root of roots) args.push('--root', root);
    if (stallMs !== undefined) args.push('--stall-ms', String(stallMs));
    // They speak to nobody over TLS, and node reads these certificates before anything else, for 50 ms and more.
    const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
    const child = spawn(process.execPath, [...lean, workerProgram, ...args], {
      env,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    this.#children.add(child);
    giveWay(child);
    child.stdin?.on('error', () => undefined);
    child.once('error', (error) => debug('a slot did not start: %s', error));
    child.once('exit', (code, signal) => {
      this.#children.delete(child);
      if (this.#closed) return;
      debug('slot process %d ended: %s', child.pid, signal ?? code);
      const wasWell = signal === 'SIGKILL' || performance.now() - startedAt > wellMs;
      const timer = setTimeout(
        () => {
          this.#timers.delete(timer);
          this.#start(wasWell ? delayMsMin : Math.min(delayMsMax, 2 * delayMs));
        },
        wasWell ? delayMsMin : delayMs,
      );
      this.#timers.add(timer);
    });
  }
}

/** Before it has threads, which inherit it. */
function giveWay(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    setPriority(child.pid, niceness);
  } catch {
    // Gone already, or a system that does not do that.
  }
}
