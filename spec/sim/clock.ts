/**
 * A process as the operating system has it: it runs, stands still for a while (what happens to it meanwhile comes
 * afterwards), or is gone; its clock may jump ahead. And an alarm: the one timer of a shell.
 */
import { demand, type World } from './world.js';

export class Process {
  #alive = true;
  #frozen = false;
  #backlog: (() => void)[] = [];
  #skewMs = 0;
  readonly #onJump: (() => void)[] = [];

  constructor(
    readonly world: World,
    readonly name: string,
  ) {}

  get alive(): boolean {
    return this.#alive;
  }

  /** Its own monotonic clock. */
  get now(): number {
    return this.world.now + this.#skewMs;
  }

  /** Runs it now, after the thaw, or never. */
  do(run: () => void): void {
    if (!this.#alive) return;
    if (this.#frozen) this.#backlog.push(run);
    else run();
  }

  after(ms: number, run: () => void): void {
    this.world.after(ms, () => this.do(run));
  }

  /** World time of a moment of its own clock. */
  worldTime(at: number): number {
    return at - this.#skewMs;
  }

  freeze(ms: number): void {
    if (!this.#alive || this.#frozen) return;
    this.#frozen = true;
    this.world.log(`${this.name} frozen for ${ms}`);
    this.world.after(ms, () => this.#thaw());
  }

  jump(ms: number): void {
    if (!this.#alive) return;
    this.world.log(`${this.name} clock jumps ${ms}`);
    this.#skewMs += ms;
    for (const told of this.#onJump) told();
  }

  onJump(told: () => void): void {
    this.#onJump.push(told);
  }

  kill(): void {
    this.#alive = false;
    this.#backlog = [];
  }

  #thaw(): void {
    this.#frozen = false;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const run of backlog) this.do(run);
  }
}

/** Fires once at the moment that was set last, in the process's own time. */
export class Alarm {
  #at = Infinity;
  #generation = 0;

  constructor(
    readonly process: Process,
    /** Told to the core as deadlineReached; afterwards `set` is called again. */
    readonly fire: () => void,
  ) {
    process.onJump(() => this.#arm());
  }

  set(at: number): void {
    if (at === this.#at) return;
    this.#at = at;
    this.#arm();
  }

  #arm(): void {
    const generation = ++this.#generation;
    if (this.#at === Infinity) return;
    const at = Math.ceil(this.process.worldTime(this.#at) * 64) / 64;
    this.process.world.at(at, () =>
      this.process.do(() => {
        if (generation !== this.#generation) return;
        const due = this.#at;
        this.#at = Infinity;
        this.fire();
        demand(this.#at > due || this.#at > this.process.now, `${this.process.name}: a deadline stays due for ever`);
      }),
    );
  }
}
