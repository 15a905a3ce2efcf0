/** The broker's side of the wire, played by a spec: a ROUTER, a PUB, and a list of what came. */
import { Publisher, Router } from 'zeromq';
import { decodeToBroker } from '../../protocol/decode.js';
import { encodeToWorker } from '../../protocol/encode.js';
import type { Frames } from '../../protocol/frames.js';
import type { Attempt, Epoch, JobId } from '../../protocol/ids.js';
import type { FromWorker, Task, ToBroker, ToWorker } from '../../protocol/messages.js';

export interface Arrival {
  /** Routing id in hex. */
  readonly peer: string;
  readonly message: ToBroker;
}

type Kind = FromWorker['kind'];
type Of<K extends Kind> = Extract<FromWorker, { kind: K }>;

export const epoch = 'life-1' as Epoch;
export const jobId = (n: number) => `26:${'b'.repeat(26)}${n}` as JobId;

export class FakeBroker {
  readonly #router = new Router({ linger: 0, mandatory: true, sendTimeout: 0 });
  readonly #publisher = new Publisher({ linger: 0 });
  readonly arrivals: Arrival[] = [];
  /** Those who get heartbeats. */
  readonly welcomed = new Set<string>();
  #beats: NodeJS.Timeout | undefined;
  #heard: () => void = () => {};
  #attempts = 0;

  private constructor(
    readonly endpoint: string,
    readonly cancelEndpoint: string,
    readonly heartbeatMs: number,
  ) {}

  static async open(folder: string, heartbeatMs = 1000): Promise<FakeBroker> {
    const broker = new FakeBroker(`ipc://${folder}/broker.sock`, `ipc://${folder}/cancel.sock`, heartbeatMs);
    await broker.#router.bind(broker.endpoint);
    await broker.#publisher.bind(broker.cancelEndpoint);
    void broker.#receive();
    broker.#beats = setInterval(() => broker.#beat(), heartbeatMs);
    return broker;
  }

  close(): void {
    clearInterval(this.#beats);
    this.#router.close();
    this.#publisher.close();
  }

  #beat(): void {
    for (const peer of this.welcomed) {
      this.send(peer, { kind: 'workerHeartbeat' }).catch(() => this.welcomed.delete(peer));
    }
  }

  async #receive(): Promise<void> {
    for await (const [peer, ...frames] of this.#router) {
      this.arrivals.push({ peer: peer!.toString('hex'), message: decodeToBroker(frames) });
      this.#heard();
    }
  }

  /** The first arrival that fits, waited for; it is taken off the list. */
  async take(fits: (arrival: Arrival) => boolean): Promise<Arrival> {
    for (;;) {
      const at = this.arrivals.findIndex(fits);
      if (at >= 0) return this.arrivals.splice(at, 1)[0]!;
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  async takeOf<K extends Kind>(kind: K): Promise<Of<K> & { peer: string }> {
    const { peer, message } = await this.take((arrival) => arrival.message.kind === kind);
    return { ...(message as Of<K>), peer };
  }

  /** Waits for READY of the service and welcomes its worker. */
  async welcome(service: string): Promise<string> {
    const { peer } = await this.take(({ message }) => message.kind === 'ready' && message.descriptor.name === service);
    const { cancelEndpoint, heartbeatMs } = this;
    await this.send(peer, {
      kind: 'welcome',
      heartbeatMs,
      cancelEndpoint,
      epoch,
      limits: { messageBytesMax: 1 << 30, jobsMax: 8 },
    });
    this.welcomed.add(peer);
    return peer;
  }

  async assign(peer: string, task: Task, job = 1): Promise<Attempt> {
    const attempt = ++this.#attempts as Attempt;
    await this.send(peer, { kind: 'assign', attempt, epoch, jobId: jobId(job), task });
    return attempt;
  }

  send(peer: string, message: ToWorker): Promise<void> {
    return this.sendFrames(peer, encodeToWorker(message));
  }

  sendFrames(peer: string, frames: Frames): Promise<void> {
    return this.#router.send([Buffer.from(peer, 'hex'), ...frames] as Buffer[]);
  }

  publish(...frames: string[]): Promise<void> {
    return this.#publisher.send(frames);
  }

  /** A subscription takes a moment to arrive; cancellations repeat until they are answered, here as in the broker. */
  async publishUntil(done: Promise<unknown>, ...frames: string[]): Promise<void> {
    let over = false;
    void done.finally(() => {
      over = true;
    });
    while (!over) {
      await this.publish(...frames);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
