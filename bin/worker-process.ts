/**
 * One worker process of a service program: its start, what it prints, its end. Whatever it does, it is gone after `end`,
 * and when this process is.
 */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ending, lastWords, type ServiceProgram, start } from './service-program.js';

/** From the end of its standard input to its own; then it is killed. */
const farewellMs = 500;
/** Of what it printed, for the message that tells of its end. */
const linesKept = 20;
const lineCharsMax = 2000;

export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #last: string[] = [];
  #isEnding = false;
  /** How it ended, when it has. */
  how: string | null = null;
  /** Resolves when it has, with how, and what it said last. Never rejects. */
  readonly ended: Promise<string>;

  /** `tell` gets each line that it prints. */
  constructor(program: ServiceProgram, args: readonly string[], tell: (line: string) => void) {
    this.#child = start(program, args);
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
        const short = line.slice(0, lineCharsMax);
        this.#last.push(short);
        if (this.#last.length > linesKept) this.#last.shift();
        if (!this.#isEnding) tell(short);
      });
    }
    this.ended = this.#watch();
  }

  /** What it printed last. */
  get lines(): readonly string[] {
    return this.#last;
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    const { pid } = this.#child;
    if (this.how !== null || pid === undefined) return;
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), farewellMs);
    await this.#gone();
    clearTimeout(timer);
  }

  /** The process itself; its pipes may be held open by others. */
  #gone(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return resolve();
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve());
    });
  }

  async #watch(): Promise<string> {
    this.how = await ending(this.#child);
    const said = lastWords(this.#last);
    return said === undefined ? this.how : `${this.how}: ${said}`;
  }
}
