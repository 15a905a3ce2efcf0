/**
 * The shell of one WorkerCore: its socket, its timer, its place at the slot's compute thread. Never decides.
 */

import { decodeToWorker } from '../protocol/decode.js';
import { encodeFromWorker } from '../protocol/encode.js';
import { createLog } from '../protocol/log.js';
import { WorkerCore } from './core.js';
import { Dealer } from './dealer.js';
import type { WorkerCommand, WorkerEvent } from './events.js';
import type { WorkerCoreOptions } from './options.js';
import type { ComputeThread } from './thread.js';

const debug = createLog('binglide:worker');

/** Longer timers than setTimeout takes are set again. */
const timerMsMax = 2 ** 30;

export interface SeatOptions extends WorkerCoreOptions {
  readonly broker: string;
  readonly thread: ComputeThread;
  /** The broker said where cancellations are published. */
  readonly subscribe: (endpoint: string) => void;
}

export class Seat {
  readonly #options: SeatOptions;
  readonly #core: WorkerCore;
  readonly #name: string;
  #dealer: Dealer | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** Of the run that the core started last: the thread's own number for it. */
  #started: { readonly run: number; readonly task: number } | null = null;

  constructor(options: SeatOptions) {
    this.#options = options;
    this.#core = new WorkerCore(options);
    this.#name = options.descriptor.name;
  }

  get state(): WorkerCore['state'] {
    return this.#core.state;
  }

  handle(event: WorkerEvent): void {
    if (event.kind !== 'deadlineReached') debug('%s %s %o', this.#name, event.kind, briefly(event));
    for (const command of this.#core.handle(event, performance.now())) this.#perform(command);
    this.#arm();
  }

  #perform(command: WorkerCommand): void {
    switch (command.kind) {
      case 'openSocket':
        this.#open();
        break;
      case 'closeSocket':
        this.#dealer?.close();
        this.#dealer = null;
        break;
      case 'send':
        debug('%s → %s', this.#name, command.message.kind);
        this.#dealer?.send(encodeFromWorker(command.message));
        break;
      case 'subscribe':
        this.#options.subscribe(command.endpoint);
        break;
      case 'startTask': {
        const { run } = command;
        const task = this.#options.thread.start(this.#name, command.task, (end) => this.handle({ ...end, run }));
        this.#started = { run, task };
        break;
      }
      case 'abortTask':
        this.#withTask(command.run, (task) => this.#options.thread.abort(task));
        break;
      case 'replaceThread':
        this.#withTask(command.run, (task) => this.#options.thread.replace(task));
        break;
      default:
        command satisfies never;
    }
  }

  #open(): void {
    const dealer = new Dealer(this.#options.broker, (frames) => {
      if (this.#dealer === dealer) this.handle({ kind: 'received', message: decodeToWorker(frames) });
    });
    this.#dealer = dealer;
  }

  #withTask(run: number, act: (task: number) => void): void {
    if (this.#started?.run === run) act(this.#started.task);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const deadline = this.#core.nextDeadline();
    if (deadline === Infinity) return;
    const waitMs = Math.min(timerMsMax, Math.max(0, Math.ceil(deadline - performance.now())));
    this.#timer = setTimeout(() => this.#onTimer(), waitMs);
  }

  /** The core hears of progress before it judges by the clock. */
  #onTimer(): void {
    const { run } = this.#core;
    if (run !== undefined) {
      this.#withTask(run, (task) => {
        this.handle({ kind: 'taskProgressed', run, bytesDone: this.#options.thread.bytesDone(task) });
      });
    }
    this.handle({ kind: 'deadlineReached' });
  }
}

function briefly(event: WorkerEvent): unknown {
  switch (event.kind) {
    case 'received':
      return event.message.kind === 'assign' ? event.message.attempt : event.message.kind;
    case 'taskFailed':
      return event.fault;
    case 'taskProgressed':
      return event.bytesDone;
    default:
      return '';
  }
}
