/**
 * The worker processes of one service program, each a slot. What they print is told behind the service's name. They end
 * when they are closed or this process does.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { ending, noStart, type ServiceProgram, start } from './service-program.js';

const farewellMs = 1000;
/** Of what a worker printed, for the error that tells of its end. */
const linesKept = 20;

export interface WorkersOptions {
  readonly endpoint: string;
  /** Processes; each is a slot. */
  readonly slots: number;
  readonly roots: readonly string[];
  /** A line that a worker printed, with the service's name before it. */
  readonly tell: (line: string) => void;
}

export class ServiceWorkers {
  readonly #children: ChildProcess[] = [];
  #closing = false;
  /** Rejects when one ends by itself before `close`. Never resolves. */
  readonly failed: Promise<never>;

  constructor(program: ServiceProgram, name: string, { endpoint, slots, roots, tell }: WorkersOptions) {
    const ends: Promise<never>[] = [];
    for (let i = 0; i < slots; i++) {
      const args = ['--broker', endpoint, '--slot', `${process.pid}.${name}${i}`, '--parent'];
      for (const root of roots) args.push('--root', root);
      const child = start(program, args);
      this.#children.push(child);
      const complained = follow(child, `[${name}]`, tell);
      ends.push(this.#end(child, program, complained));
    }
    this.failed = Promise.race(ends);
    this.failed.catch(() => undefined);
  }

  /** Asks them to end, and sees to it. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
        const gone = once(child, 'exit');
        child.stdin!.end();
        const timer = setTimeout(() => child.kill('SIGKILL'), farewellMs);
        await gone;
        clearTimeout(timer);
      }),
    );
  }

  async #end(child: ChildProcess, program: ServiceProgram, complained: () => string): Promise<never> {
    const how = await ending(child);
    // Told by nobody: they end because they were asked to.
    if (this.#closing) return new Promise(() => undefined);
    throw noStart(program, how, complained());
  }
}

/** Tells each line; the last ones are kept for an error's message. */
function follow(child: ChildProcess, prefix: string, tell: (line: string) => void): () => string {
  const last: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      last.push(line);
      if (last.length > linesKept) last.shift();
      tell(`${prefix} ${line}`);
    });
  }
  return () => last.join('\n');
}
