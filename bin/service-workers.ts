/**
 * The worker processes of one service program, each a slot, while one command wants them. What they print is told behind
 * the service's name. One that was well and died is started again, so that its task is retried; one that ends at once is
 * not.
 */
import { noStart, type ServiceProgram } from './service-program.js';
import { WorkerProcess } from './worker-process.js';

/** One that lived so long had started well. */
const wellMs = 1000;

export interface WorkersOptions {
  readonly endpoint: string;
  /** Processes; each is a slot. */
  readonly slots: number;
  readonly roots: readonly string[];
  /** A line that a worker printed, with the service's name before it. */
  readonly tell: (line: string) => void;
}

export class ServiceWorkers {
  readonly #workers = new Set<WorkerProcess>();
  #isClosing = false;
  #started = 0;
  #fail: (error: unknown) => void = () => {};
  /** Rejects when one does not start. Never resolves. */
  readonly failed = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });

  constructor(
    readonly program: ServiceProgram,
    readonly name: string,
    readonly options: WorkersOptions,
  ) {
    this.failed.catch(() => undefined);
    for (let i = 0; i < options.slots; i++) this.#start();
  }

  /** Asks them to end, and sees to it. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([...this.#workers].map((worker) => worker.end()));
  }

  #start(): void {
    const { endpoint, roots, tell } = this.options;
    // A place of its own: the broker may not know yet that the one before is gone.
    const args = ['--broker', endpoint, '--slot', `${process.pid}.${this.name}${this.#started++}`, '--parent'];
    for (const root of roots) args.push('--root', root);
    const worker = new WorkerProcess(this.program, args, (line) => tell(`[${this.name}] ${line}`));
    this.#workers.add(worker);
    const began = performance.now();
    void worker.ended.then(() => {
      this.#workers.delete(worker);
      if (this.#isClosing) return;
      const wasWell = performance.now() - began > wellMs;
      if (wasWell) this.#start();
      else this.#fail(noStart(this.program, worker.how!, worker.lines.join('\n')));
    });
  }
}
