/**
 * The service under check: its program, the worker process that runs, and the broker that it believes to have. A worker
 * that died or does not answer is ended and, when the next task asks for one, replaced. Every wait is bounded.
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Attempt } from '../../protocol/ids.js';
import { ending, type ServiceProgram, start } from '../service-program.js';
import { WorkerProcess } from '../worker-process.js';
import type { Answer, Assignment, CheckBroker, Ready, TaskFrames } from './broker.js';
import { CheckFailure } from './verdict.js';

/** From a worker's start to its READY. */
export const readyMsMax = 15_000;
/** From a task to its answer. */
export const answerMsMax = 20_000;
const triesMax = 3;

/** What a program printed, and how it ended. */
export interface Printed {
  readonly how: string;
  readonly said: string;
  readonly complained: string;
}

const printedCharsMax = 2 ** 20;

export class Target {
  #process: WorkerProcess | null = null;
  #printing: ChildProcess | null = null;
  #isClosed = false;
  #slots = 0;
  /** What the worker said of itself last, and how long it took to. */
  ready: (Ready & { readonly ms: number }) | null = null;

  constructor(
    readonly program: ServiceProgram,
    readonly broker: CheckBroker,
    readonly roots: readonly string[],
    /** Each line that the worker prints. */
    readonly tell: (line: string) => void,
  ) {}

  /** A worker that is registered, the running one or a fresh one; throws CheckFailure. */
  async start(): Promise<Ready> {
    if (this.#isClosed) throw new CheckFailure('the check was ended');
    if (this.isRunning && this.ready) return this.ready;
    await this.end();
    const began = performance.now();
    const slot = `${process.pid}.check${this.#slots++}`;
    const args = ['--broker', this.broker.endpoint, '--slot', slot, '--parent'];
    for (const root of this.roots) args.push('--root', root);
    const coming = this.broker.nextReady();
    const worker = new WorkerProcess(this.program, args, this.tell);
    this.#process = worker;
    const late = timer(readyMsMax);
    const first = await Promise.race([
      coming,
      worker.ended.then((how) => `the worker ended before it registered (${how})`),
      late.over.then(() => `no READY in ${readyMsMax / 1000} s`),
    ]);
    late.stop();
    if (typeof first === 'string') {
      await this.end();
      throw new CheckFailure(first);
    }
    if (first.slot !== slot) throw new CheckFailure(`READY names the slot ${first.slot}; --slot was ${slot}`);
    this.ready = { ...first, ms: performance.now() - began };
    void worker.ended.then((how) => {
      if (this.#process !== worker) return;
      this.ready = null;
      this.broker.lose(`the worker died (${how})`);
    });
    return this.ready;
  }

  get isRunning(): boolean {
    return this.#process !== null && this.#process.how === null;
  }

  /** The task's answer; where it is lost, so is the worker. */
  async ask(frames: TaskFrames, job = 1, msMax = answerMsMax): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      await this.start();
      const answer = await this.settle(this.broker.assign(frames, job), msMax);
      // Where this machine held us up, it is asked again.
      if (answer.kind !== 'lost' || !answer.isOurs || tries === triesMax) return answer;
    }
  }

  async settle({ attempt, answer }: Assignment, msMax = answerMsMax): Promise<Answer> {
    const settled = await this.within(answer, attempt, msMax);
    if (settled.kind === 'lost') await this.end();
    return settled;
  }

  /** Waits no longer: the answer is then `lost`. */
  async within(answer: Promise<Answer>, attempt: Attempt, msMax: number): Promise<Answer> {
    const late = timer(msMax);
    void late.over.then(() => this.broker.lose(`no answer in ${msMax / 1000} s`, attempt));
    const settled = await answer;
    late.stop();
    return settled;
  }

  /** Ends the worker process; the next task gets a fresh one. */
  async end(): Promise<void> {
    const worker = this.#process;
    this.#process = null;
    this.ready = null;
    this.broker.lose('the worker was ended');
    await worker?.end();
  }

  /** The program once more, for what it prints: not as a worker. */
  async print(args: readonly string[], msMax: number): Promise<Printed> {
    const child = start(this.program, args);
    this.#printing = child;
    const [said, complained] = [new Collected(child.stdout!), new Collected(child.stderr!)];
    const late = timer(msMax);
    void late.over.then(() => child.kill('SIGKILL'));
    child.stdin!.end();
    const how = await ending(child);
    late.stop();
    this.#printing = null;
    return { how, said: said.text, complained: complained.text };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#printing?.kill('SIGKILL');
    await this.end();
  }
}

class Collected {
  text = '';

  constructor(stream: Readable) {
    stream.on('data', (chunk: Buffer) => {
      if (this.text.length < printedCharsMax) this.text += chunk;
    });
  }
}

function timer(ms: number): { readonly over: Promise<void>; stop(): void } {
  let handle: NodeJS.Timeout;
  const over = new Promise<void>((resolve) => {
    handle = setTimeout(resolve, ms);
  });
  return { over, stop: () => clearTimeout(handle) };
}
