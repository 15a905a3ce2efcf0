/** One life of the broker: the real core with a virtual shell. A crash ends it; the next one has another epoch. */
import { BrokerCore } from '../../broker/core.js';
import type { BrokerCommand, BrokerEvent } from '../../broker/events.js';
import type { BrokerOptions } from '../../broker/options.js';
import {
  type Descriptor,
  decodeToBroker,
  type Epoch,
  encodeToClient,
  encodeToPlainClient,
  encodeToPlainWorker,
  encodeToWorker,
  type Frames,
  type JobId,
  type PeerId,
  reportFrames,
  type ToBroker,
} from '../../protocol/index.js';
import { Alarm, Process } from './clock.js';
import { describe, isChatter } from './describe.js';
import { type Disk, SimStorage } from './disk.js';
import type { Network, RouterPort } from './network.js';
import type { World } from './world.js';

export interface BrokerWatch {
  /** Before the core handles it. */
  brokerReceived(broker: SimBroker, peer: PeerId, message: ToBroker): void;
  brokerSent(broker: SimBroker, command: BrokerCommand): void;
  /** After every turn: all that came close together was heard, and acted on. */
  brokerHandled(broker: SimBroker): void;
}

export class SimBroker implements RouterPort {
  readonly process: Process;
  readonly core: BrokerCore;
  readonly #alarm: Alarm;
  readonly #storage: SimStorage;
  /** Jobs with a report that waits for its peer. */
  readonly #waiting = new Set<JobId>();
  /** Something was heard and not acted on. */
  #acting = false;

  constructor(
    readonly world: World,
    readonly network: Network,
    disk: Disk,
    readonly watch: BrokerWatch,
    readonly epoch: Epoch,
    options: Partial<BrokerOptions>,
    startable: readonly Descriptor[],
  ) {
    this.process = new Process(world, 'broker');
    this.core = new BrokerCore({ epoch, cancelEndpoint: 'sim://cancel', startable, options }, this.process.now);
    this.#storage = new SimStorage(disk, this.process, (event) => this.feed(event));
    this.#alarm = new Alarm(this.process, () => this.feed({ kind: 'deadlineReached' }));
    this.#alarm.set(this.core.nextDeadline());
    network.routerUp(this);
    world.log(`broker up, epoch ${epoch}`);
  }

  crash(): void {
    this.world.log('broker crashed');
    this.process.kill();
    this.network.routerDown();
  }

  received(peer: PeerId, frames: Frames): void {
    this.feed({ kind: 'messageReceived', peer, message: decodeToBroker(frames) });
  }

  gone(peer: PeerId): void {
    this.feed({ kind: 'peerGone', peer });
  }

  feed(event: BrokerEvent): void {
    if (event.kind === 'messageReceived') {
      if (!isChatter(event.message)) this.world.log(`broker <- ${event.peer} ${describe(event.message)}`);
      this.watch.brokerReceived(this, event.peer, event.message);
    } else if (event.kind === 'peerGone') this.world.log(`broker: ${event.peer} is gone`);
    const commands = this.core.hear(event, this.process.now);
    this.core.validate();
    for (const command of commands) this.#perform(command);
    if (this.#acting) return;
    // Of what comes close together all is heard before any of it is acted on.
    this.#acting = true;
    if (event.kind !== 'deadlineReached' && this.world.random.chance(0.3)) {
      this.process.after(this.world.ms(0, 1), () => this.#act());
    } else this.#act();
  }

  #act(): void {
    this.#acting = false;
    const commands = this.core.act(this.process.now);
    this.core.validate();
    for (const command of commands) this.#perform(command);
    this.watch.brokerHandled(this);
    this.#alarm.set(this.core.nextDeadline());
  }

  #perform(command: BrokerCommand): void {
    this.watch.brokerSent(this, command);
    switch (command.kind) {
      case 'sendToClient':
        return this.#send(command, encodeToClient(command.message));
      case 'sendToPlainClient':
        return this.#send(command, encodeToPlainClient(command.message));
      case 'sendToWorker':
        return this.#send(command, encodeToWorker(command.message));
      case 'sendToPlainWorker':
        return this.#send(command, encodeToPlainWorker(command.message));
      case 'sendReport':
        return this.#sendReport(command);
      case 'publishCancel':
        this.world.log(`broker publishes cancel ${command.jobId}`);
        return this.network.publish(command.jobId);
      case 'publishTick':
        return;
      case 'measureInputs':
        return this.#storage.measure(command);
      case 'readChunk':
        return this.#storage.read(command);
      case 'writeChunk':
        return this.#storage.write(command);
      case 'hashInput':
        return this.#storage.hash(command.input);
      case 'pauseHashing':
      case 'resumeHashing':
        return this.#storage.pause(command.kind === 'pauseHashing');
      default:
        command satisfies never;
    }
  }

  #send(
    { peer, message }: BrokerCommand & { peer: PeerId; message: Parameters<typeof describe>[0] },
    frames: Frames,
  ): void {
    if (!isChatter(message)) this.world.log(`broker -> ${peer} ${describe(message)}`);
    this.network.send(peer, frames);
  }

  /** Built when the peer can take it, as the outbox does; at most one of a job waits. */
  #sendReport({ peer, jobId }: BrokerCommand & { kind: 'sendReport' }): void {
    if (this.#waiting.has(jobId)) return;
    this.#waiting.add(jobId);
    const waitMs = Math.max(0, this.network.blockedUntil(peer) - this.world.now);
    const send = () => {
      this.#waiting.delete(jobId);
      const newest = this.core.report(jobId, this.process.now);
      if (!newest) return;
      const { report, requestId, isPlain } = newest;
      if (isPlain) {
        const message = { kind: 'plainPartial', service: report.service, body: reportFrames(report) } as const;
        this.watch.brokerSent(this, { kind: 'sendToPlainClient', peer, message });
        this.network.send(peer, encodeToPlainClient(message));
      } else {
        const message = { kind: 'partial', requestId, report } as const;
        this.world.log(`broker -> ${peer} ${describe(message)}`);
        this.watch.brokerSent(this, { kind: 'sendToClient', peer, message });
        this.network.send(peer, encodeToClient(message));
      }
      const buildMs = this.world.ms(0, 1) ** 2 * 4;
      this.process.after(buildMs, () => this.feed({ kind: 'reportSent', jobId, buildMs, bytes: 0 }));
    };
    if (waitMs > 0) this.process.after(waitMs, send);
    else send();
  }
}
