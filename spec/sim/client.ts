/** A client process: the real core, its socket, its timer; what it learns goes to the checkers. */
import { ClientCore } from '../../client/core.js';
import type { Ask, ClientCommand, ClientEvent } from '../../client/events.js';
import { type ClientId, decodeToClient, encodeFromClient, type RequestId } from '../../protocol/index.js';
import { Alarm, Process } from './clock.js';
import { describe, isChatter } from './describe.js';
import type { Dealer, Network } from './network.js';
import type { World } from './world.js';

export interface ClientWatch {
  /** Everything that the client's caller would see. */
  clientTold(client: SimClient, command: ClientCommand): void;
}

export class SimClient {
  readonly process: Process;
  readonly core: ClientCore;
  readonly #alarm: Alarm;
  #dealer: Dealer | undefined;
  #lastRequestId = 0;
  closed = false;

  constructor(
    readonly world: World,
    readonly network: Network,
    readonly watch: ClientWatch,
    readonly name: string,
    readonly clientId: ClientId,
    /** Requests that are said once more a while later. */
    readonly stutter: number,
  ) {
    this.process = new Process(world, name);
    this.core = new ClientCore({ clientId, endpoint: 'sim://broker', connectMs: 20_000, brokerLostMs: 20_000 });
    this.#alarm = new Alarm(this.process, () => this.feed({ kind: 'deadlineReached' }));
    this.feed({ kind: 'started' });
  }

  get nextRequestId(): RequestId {
    return (this.#lastRequestId + 1) as RequestId;
  }

  request(ask: Ask): RequestId {
    const requestId = ++this.#lastRequestId as RequestId;
    this.feed({ kind: 'requested', requestId, ask });
    return requestId;
  }

  cancel(jobId: string): void {
    this.feed({ kind: 'cancelled', jobId });
  }

  close(): void {
    this.feed({ kind: 'closed' });
    this.closed = true;
    this.#dealer?.close();
  }

  crash(): void {
    this.world.log(`${this.name} crashed`);
    this.process.kill();
    this.#dealer?.close();
  }

  feed(event: ClientEvent): void {
    if (this.closed) return;
    const commands = this.core.handle(event, this.process.now);
    this.core.validate();
    for (const command of commands) this.#perform(command);
    this.#alarm.set(this.core.nextDeadline());
  }

  #perform(command: ClientCommand): void {
    switch (command.kind) {
      case 'reopenSocket':
        return this.#open();
      case 'send':
        if (!isChatter(command.message)) this.world.log(`${this.name} -> ${describe(command.message)}`);
        this.#dealer?.send(encodeFromClient(command.message));
        if (command.message.kind.endsWith('equest')) this.#stutter(encodeFromClient(command.message));
        return;
      case 'settleConnect':
      case 'failConnect':
      case 'deliverReport':
      case 'resolveFinal':
      case 'deliverRaw':
      case 'resolveRaw':
      case 'rejectJob':
      case 'resolveCancel':
      case 'rejectCancel':
        return this.watch.clientTold(this, command);
      default:
        command satisfies never;
    }
  }

  #stutter(frames: Uint8Array[]): void {
    const { world } = this;
    if (world.chance(this.stutter)) this.process.after(world.ms(0, 400), () => this.#dealer?.send(frames));
  }

  #open(): void {
    this.#dealer?.close();
    const dealer = this.network.connect({
      process: this.process,
      received: (frames) => {
        if (this.#dealer === dealer) this.feed({ kind: 'messageReceived', message: decodeToClient(frames) });
      },
      lost: () => {
        if (this.#dealer === dealer) this.feed({ kind: 'socketLost' });
      },
    });
    this.#dealer = dealer;
  }
}
