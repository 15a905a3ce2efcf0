/** A worker process: one slot, one compute thread, real WorkerCores side by side, each with a socket of its own. */
import { decodeToWorker, encodeFromWorker, type FromWorker, type SlotId, type ToWorker } from '../../protocol/index.js';
import { WorkerCore } from '../../workers/core.js';
import type { WorkerCommand, WorkerEvent } from '../../workers/events.js';
import type { AnyWorker } from '../../workers/service.js';
import { Alarm, Process } from './clock.js';
import { describe, isChatter } from './describe.js';
import type { Files } from './files.js';
import type { Dealer, Network } from './network.js';
import { SimThread, type SlotSetup } from './thread.js';
import type { World } from './world.js';

type Answer = Extract<FromWorker, { kind: 'taskFinal' | 'taskError' }>;

/** One WorkerCore with its socket and its timer. */
class Seat {
  readonly core: WorkerCore;
  readonly #alarm: Alarm;
  #dealer: Dealer | undefined;
  #task = 0;
  /** All that were given in all conversations. */
  readonly #answers: Answer[] = [];
  /** The assignment that came last. */
  #begun: Extract<ToWorker, { kind: 'assign' }> | undefined;

  constructor(
    readonly slot: Slot,
    readonly service: AnyWorker,
  ) {
    const { credit, heartbeatMs, taskStallMs, name } = slot.setup;
    this.core = new WorkerCore({
      descriptor: service.descriptor,
      slot: name as SlotId,
      credit,
      heldMax: 16,
      heartbeatMs,
      taskStallMs,
      cancelGraceMs: 100,
      reconnectMinMs: 50,
      reconnectMaxMs: 1000,
    });
    this.#alarm = new Alarm(slot.process, () => {
      const { run } = this.core;
      if (run !== undefined) this.feed({ kind: 'taskProgressed', run, bytesDone: slot.thread.bytesDone(this.#task) });
      this.feed({ kind: 'deadlineReached' });
    });
  }

  get name(): string {
    return `${this.slot.setup.name}.${this.service.descriptor.name}`;
  }

  feed(event: WorkerEvent): void {
    const commands = this.core.handle(event, this.slot.process.now);
    this.core.validate();
    for (const command of commands) this.#perform(command);
    this.#alarm.set(this.core.nextDeadline());
  }

  #perform(command: WorkerCommand): void {
    const { slot } = this;
    switch (command.kind) {
      case 'openSocket':
        this.#open();
        break;
      case 'closeSocket':
        this.#dealer?.close();
        this.#dealer = undefined;
        break;
      case 'send':
        if (!isChatter(command.message)) slot.world.log(`${this.name} -> ${describe(command.message)}`);
        this.#send(command.message);
        break;
      case 'subscribe':
        slot.subscribe();
        break;
      case 'startTask': {
        const { run, task } = command;
        this.#task = slot.thread.start(this.service, task, (end) => this.feed({ ...end, run }));
        break;
      }
      case 'abortTask':
        slot.thread.abort(this.#task);
        break;
      case 'replaceThread':
        slot.thread.replace(this.#task);
        break;
      default:
        command satisfies never;
    }
  }

  #send(message: FromWorker): void {
    const { world, process, setup } = this.slot;
    const frames = encodeFromWorker(message);
    this.#dealer?.send(frames);
    if (message.kind !== 'taskFinal' && message.kind !== 'taskError') return;
    this.#answers.push(message);
    if (world.chance(setup.faults.repeats)) process.after(world.ms(0, 3000), () => this.#repeat(message));
  }

  /** An answer is given once more, by whichever connection there is by then. */
  #repeat(message: Answer): void {
    this.slot.world.log(`${this.name} says again ${describe(message)}`);
    this.#dealer?.send(encodeFromWorker(message));
  }

  /** An attempt has begun: that of the same number in another life of the broker was answered long ago. */
  #confuse(): void {
    const { world, process, setup } = this.slot;
    const others = this.#answers.filter(
      ({ attempt, epoch }) => attempt === this.#begun?.attempt && epoch !== this.#begun.epoch,
    );
    if (others.length > 0 && world.chance(setup.faults.repeats)) process.after(0, () => this.#repeat(others[0]!));
  }

  #open(): void {
    const dealer = this.slot.network.connect({
      process: this.slot.process,
      received: (frames) => {
        if (this.#dealer !== dealer) return;
        const message = decodeToWorker(frames);
        if (message.kind === 'assign') this.#begun = message;
        this.feed({ kind: 'received', message });
        if (message.kind === 'assign') this.#confuse();
      },
      lost: () => {},
    });
    this.#dealer = dealer;
  }

  close(): void {
    this.#dealer?.close();
  }
}

export class Slot {
  readonly process: Process;
  readonly thread = new SimThread(this);
  readonly seats: readonly Seat[];

  constructor(
    readonly world: World,
    readonly network: Network,
    readonly files: Files,
    readonly setup: SlotSetup,
    /** A fault of this process came to pass. */
    readonly told: (fault: 'crash' | 'spin' | 'throw' | 'lie', service: string) => void,
  ) {
    this.process = new Process(world, setup.name);
    this.seats = setup.services.map((service) => new Seat(this, service));
    for (const seat of this.seats) seat.feed({ kind: 'started' });
  }

  subscribe(): void {
    this.network.subscribe(this.process, (jobId) => {
      for (const seat of this.seats) seat.feed({ kind: 'cancelPublished', jobId });
    });
  }

  crash(): void {
    if (!this.process.alive) return;
    this.world.log(`${this.setup.name} crashed`);
    this.told('crash', '');
    this.process.kill();
    this.network.unsubscribe(this.process);
    for (const seat of this.seats) seat.close();
  }
}
