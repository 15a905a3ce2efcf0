/** The program under test as a process: started with what stands in braces filled in, ended with all that it started. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Places {
  readonly endpoint: string;
  readonly service: string;
  readonly file: string;
  readonly root: string;
}

const graceMs = 1500;

export class Command {
  readonly ended: Promise<Exit>;
  /** Ended already. */
  exit: Exit | undefined;
  readonly #child: ChildProcess;
  #said = '';

  constructor(words: readonly string[], places: Places) {
    const filled = words.map((word) =>
      word.replace(/\{(endpoint|service|file|root)\}/g, (_, name: keyof Places) => places[name]),
    );
    this.#child = spawn(filled[0]!, filled.slice(1), {
      env: { ...process.env, BINGLIDE_BROKER: places.endpoint },
      // A group of its own, so that what it starts can be ended with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on('data', (chunk: Buffer) => {
        this.#said = (this.#said + chunk.toString()).slice(-2000);
      });
    }
    this.ended = new Promise((resolve) => {
      const end = (exit: Exit) => {
        this.exit = exit;
        resolve(exit);
      };
      this.#child.once('error', (error) => {
        this.#said += error.message;
        end({ code: 127, signal: null });
      });
      this.#child.once('exit', (code, signal) => end({ code, signal }));
    });
  }

  /** The last line that it wrote, for a report. */
  get lastWords(): string {
    return this.#said.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  /** Undefined: it still runs after so long. */
  async endWithin(ms: number): Promise<Exit | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), ms);
    });
    const exit = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    return exit;
  }

  async stop(): Promise<void> {
    this.#signal('SIGTERM');
    await this.endWithin(graceMs);
    // What it started may be there still.
    this.#signal('SIGKILL');
    await this.ended;
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The whole group is gone.
    }
  }
}

export const told = ({ code, signal }: Exit): string => (signal ? `ended by ${signal}` : `exit code ${code}`);
