/**
 * What came from one peer, in order, and waiting for what comes next. Waits end by what comes; the upper wait is there
 * for what never does.
 */
import { Breach } from './rules.js';
import { commandOf, type Frames, shown } from './wire.js';

export interface Came {
  readonly frames: Frames;
  /** Name of the command, `?` where there is none. */
  readonly command: string;
  /** performance.now() */
  readonly at: number;
}

export class Inbox {
  /** Everything that came, heartbeats too. */
  readonly all: Came[] = [];
  #read = 0;
  #isClosed = false;
  #waiting: (() => void)[] = [];

  constructor(
    /** Whose messages these are, for the texts. */
    readonly name: string,
    readonly timeoutMs: number,
  ) {}

  add(frames: Frames): void {
    this.all.push({ frames, command: commandOf(frames), at: performance.now() });
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Nothing comes any more: who waits, waits no longer. */
  close(): void {
    this.#isClosed = true;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  count(command: string): number {
    return this.all.filter((came) => came.command === command).length;
  }

  /** The next message that is no heartbeat; a Breach that names what was waited for when none comes. */
  async next(what: string, waitMs = this.timeoutMs): Promise<Came> {
    return this.until(what, ({ command }) => command !== 'HEARTBEAT', waitMs);
  }

  /** The next message, which has to have this command. */
  async take(command: string, waitMs = this.timeoutMs): Promise<Came> {
    const came = await this.next(command, waitMs);
    if (came.command !== command) throw new Breach(`${this.name} got ${shown(came.frames)} in place of ${command}`);
    return came;
  }

  /** The next one that fits; others are passed over. */
  async until(what: string, fits: (came: Came) => boolean, waitMs = this.timeoutMs): Promise<Came> {
    const end = performance.now() + waitMs;
    for (;;) {
      while (this.#read < this.all.length) {
        const came = this.all[this.#read++]!;
        if (fits(came)) return came;
      }
      const left = end - performance.now();
      if (left <= 0 || this.#isClosed || !(await this.more(left))) {
        throw new Breach(`${this.name} got no ${what} within ${Math.round(waitMs)} ms`);
      }
    }
  }

  /** Whether one that fits comes in so long. */
  async comes(fits: (came: Came) => boolean, waitMs: number): Promise<boolean> {
    try {
      await this.until('', fits, waitMs);
      return true;
    } catch {
      return false;
    }
  }

  /** Messages of this command that are next count as taken. */
  pass(command: string): void {
    while (this.all[this.#read]?.command === command) this.#read++;
  }

  /** Heartbeats that came less than so long behind another command, of all that came from the given message on. */
  beatsBeside(from: number, ms: number): number {
    return this.all.filter(({ command, at }, i) => {
      const before = this.all.slice(0, i).findLast((came) => came.command !== 'HEARTBEAT');
      return i >= from && command === 'HEARTBEAT' && before !== undefined && at - before.at < ms;
    }).length;
  }

  /** Nothing that fits may come for so long. */
  async quiet(ms: number, what: string, fits: (came: Came) => boolean = () => true): Promise<void> {
    const from = this.#read;
    await new Promise((resolve) => setTimeout(resolve, ms));
    const came = this.all.slice(from).find(fits);
    if (came) throw new Breach(`${this.name} got ${shown(came.frames)} ${what}`);
  }

  /** Whether something that was not taken yet has this command. */
  has(command: string): boolean {
    return this.all.slice(this.#read).some((came) => came.command === command);
  }

  /** Whether anything comes in so long. */
  more(waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), waitMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}
