/**
 * The broker's side of the wire towards one worker, played by hand: exactly the tasks that a check wants, and all that
 * the worker says. Owns a ROUTER and a PUB socket on ipc.
 *
 * Each assignment ends in exactly one answer, which is `lost` where the worker died, took leave, said something that is
 * no message or nothing at all. What comes beside that (a second answer, another epoch) is kept as a complaint.
 */
import { randomBytes } from 'node:crypto';
import { Publisher, Router } from 'zeromq';
import { decodeToBroker } from '../../protocol/decode.js';
import type { Descriptor } from '../../protocol/descriptor.js';
import { encodeToWorker } from '../../protocol/encode.js';
import type { Fault } from '../../protocol/errors.js';
import { cancelTopic, type Frames, tickTopic } from '../../protocol/frames.js';
import {
  type Attempt,
  base32,
  clientIdOf,
  type Epoch,
  type JobId,
  jobIdOf,
  type RequestId,
} from '../../protocol/ids.js';
import { livenessLimit } from '../../protocol/liveness.js';
import type { FromWorker, TaskWork, ToBroker, ToWorker } from '../../protocol/messages.js';
import type { PartFrames } from '../../protocol/parts.js';

/** The agreed interval; the worker gives us up after five. */
export const heartbeatMs = 500;

/** Half of what a worker waits. */
const lateMs = (livenessLimit * heartbeatMs) / 2;

export type Answer =
  | { readonly kind: 'part'; readonly part: PartFrames; readonly work: TaskWork; readonly ms: number }
  | { readonly kind: 'fault'; readonly fault: Fault; readonly work: TaskWork; readonly ms: number }
  /** `isOurs`: we were held up so long that the worker had to take us for dead. */
  | { readonly kind: 'lost'; readonly why: string; readonly isOurs?: true; readonly ms: number };

export interface Ready {
  readonly descriptor: Descriptor;
  readonly slot: string;
  readonly credit: number;
}

/** Something came from the worker. */
export interface SignOfLife {
  readonly at: number;
  readonly attempt?: number;
  readonly bytesDone?: number;
}

export interface Assignment {
  readonly attempt: Attempt;
  readonly answer: Promise<Answer>;
}

interface Open {
  readonly sentAt: number;
  readonly end: (answer: Answer) => void;
}

/** The frames that ask for a task, named by who sends them. */
export type TaskFrames = (attempt: Attempt, epoch: Epoch, jobId: JobId) => Frames;

export class CheckBroker {
  readonly #router = new Router({ linger: 0, mandatory: true, sendTimeout: 0, maxMessageSize: 2 ** 31 });
  readonly #publisher = new Publisher({ linger: 0 });
  readonly #epoch = base32(randomBytes(8)) as Epoch;
  readonly #client = clientIdOf(randomBytes(16));
  readonly #open = new Map<number, Open>();
  readonly #timer: NodeJS.Timeout;
  #peer: Buffer | null = null;
  /** Routing ids of conversations that are over. */
  readonly #gone = new Set<string>();
  #attempts = 0;
  #beatAt = performance.now();
  /** When a beat of ours was last so late that the worker may have noticed. */
  #lateAt = -Infinity;
  #sending: Promise<unknown> = Promise.resolve();
  #publishing: Promise<unknown> = Promise.resolve();
  #onReady: (ready: Ready | string) => void = () => {};
  #complaints: string[] = [];
  /** Since the last look, in order of time. */
  signs: SignOfLife[] = [];

  private constructor(
    readonly endpoint: string,
    readonly cancelEndpoint: string,
  ) {
    this.#timer = setInterval(() => this.#beat(), heartbeatMs);
  }

  /** In a folder of mode 0700. */
  static async open(folder: string): Promise<CheckBroker> {
    const broker = new CheckBroker(`ipc://${folder}/broker.sock`, `ipc://${folder}/cancel.sock`);
    await broker.#router.bind(broker.endpoint);
    await broker.#publisher.bind(broker.cancelEndpoint);
    void broker.#receive();
    return broker;
  }

  close(): void {
    clearInterval(this.#timer);
    this.lose('the check was ended');
    this.#router.close();
    this.#publisher.close();
  }

  /** The next READY, or the reason why it is none. Ask before the worker is started. */
  nextReady(): Promise<Ready | string> {
    return new Promise((resolve) => {
      this.#onReady = resolve;
    });
  }

  jobId(job: number): JobId {
    return jobIdOf(this.#client, job as RequestId);
  }

  assign(frames: TaskFrames, job: number): Assignment {
    const attempt = ++this.#attempts as Attempt;
    const answer = new Promise<Answer>((resolve) => {
      this.#open.set(attempt, { sentAt: performance.now(), end: resolve });
    });
    if (this.#peer) this.#send(frames(attempt, this.#epoch, this.jobId(job)));
    else this.#end(attempt, { kind: 'lost', why: 'no worker is registered' });
    return { attempt, answer };
  }

  /** Directly and by publication, as a broker does. */
  cancel(job: number, attempts: readonly Attempt[]): void {
    const jobId = this.jobId(job);
    this.#tell({ kind: 'workerCancel', jobId, attempts });
    this.#publish(cancelTopic, jobId);
  }

  /** The worker is gone, or is not waited for any more: what it owes is lost. */
  lose(why: string, attempt?: Attempt): void {
    for (const owed of attempt === undefined ? [...this.#open.keys()] : [attempt]) {
      this.#end(owed, { kind: 'lost', why });
    }
    if (attempt !== undefined) return;
    if (this.#peer) this.#gone.add(this.#peer.toString('hex'));
    this.#peer = null;
  }

  /** What the worker should not have said, since the last look. */
  takeComplaints(): readonly string[] {
    const complaints = this.#complaints;
    this.#complaints = [];
    return complaints;
  }

  async #receive(): Promise<void> {
    try {
      for await (const [peer, ...frames] of this.#router) this.#take(peer!, decodeToBroker(frames));
    } catch {
      // Closed.
    }
  }

  #take(peer: Buffer, message: ToBroker): void {
    // A process that was ended, or a conversation that is over.
    if (this.#gone.has(peer.toString('hex'))) return;
    if (message.kind === 'ready') return this.#welcome(peer, message);
    if (this.#peer === null) {
      const what = message.kind === 'invalid' ? `invalid: ${message.reason}` : `${message.kind}, not READY of BXMW02`;
      return this.#onReady(`its first message is ${what}`);
    }
    if (!this.#peer.equals(peer)) return;
    switch (message.kind) {
      case 'taskFinal':
      case 'taskError':
        this.signs.push({ at: performance.now() });
        return this.#answered(message);
      case 'workerHeartbeat': {
        const { attempt, bytesDone } = message;
        this.signs.push({
          at: performance.now(),
          ...(attempt !== undefined && { attempt }),
          ...(bytesDone !== undefined && { bytesDone }),
        });
        return;
      }
      case 'workerDisconnect':
        return this.lose('the worker sent DISCONNECT');
      case 'invalid':
        return this.#misunderstand(`it sent an invalid message: ${message.reason}`);
      default:
        return this.#misunderstand(`it sent ${message.kind}, which is none of a worker's messages here`);
    }
  }

  #welcome(peer: Buffer, { descriptor, slot, credit }: Extract<FromWorker, { kind: 'ready' }>): void {
    if (this.#peer?.equals(peer)) return this.#complain('it sent READY twice on one connection');
    this.#restarted();
    // Its memory is the message's.
    this.#peer = Buffer.from(peer);
    const limits = { messageBytesMax: 2 ** 30, jobsMax: 1000 };
    const { cancelEndpoint } = this;
    this.#tell({ kind: 'welcome', heartbeatMs, cancelEndpoint, epoch: this.#epoch, limits });
    this.#onReady({ descriptor, slot, credit });
  }

  /** A worker may only do so where we were silent. */
  #restarted(): void {
    const now = performance.now();
    const isOurs = now - this.#beatAt > lateMs || now - this.#lateAt < livenessLimit * heartbeatMs;
    const why = 'the worker began a new conversation, though it was sent heartbeats';
    for (const owed of [...this.#open.keys()]) this.#end(owed, { kind: 'lost', why, ...(isOurs && { isOurs }) });
    this.lose(why);
  }

  #answered(message: Extract<FromWorker, { kind: 'taskFinal' | 'taskError' }>): void {
    const { attempt, epoch, work } = message;
    const what = message.kind === 'taskFinal' ? 'FINAL' : `ERROR ${message.fault.code}`;
    if (epoch !== this.#epoch) return this.#complain(`${what} echoes the epoch ${epoch}, which is another one`);
    if (!this.#open.has(attempt)) {
      // One that is not waited for any more may come late, but one that never was, or twice, may not.
      return this.#complain(`${what} for attempt ${attempt}, which is answered or was never given`);
    }
    if (message.kind === 'taskFinal') this.#end(attempt, { kind: 'part', part: message.part, work });
    else this.#end(attempt, { kind: 'fault', fault: message.fault, work });
  }

  #complain(what: string): void {
    this.#complaints.push(what);
  }

  /** Nobody can tell what was meant, so all that is owed is over. */
  #misunderstand(what: string): void {
    this.#complain(what);
    for (const attempt of [...this.#open.keys()]) this.#end(attempt, { kind: 'lost', why: what });
  }

  #end(attempt: number, answer: Untimed): void {
    const open = this.#open.get(attempt);
    this.#open.delete(attempt);
    open?.end({ ...answer, ms: performance.now() - open.sentAt });
  }

  #beat(): void {
    const now = performance.now();
    if (now - this.#beatAt > lateMs) this.#lateAt = now;
    this.#beatAt = now;
    this.#tell({ kind: 'workerHeartbeat' });
    this.#publish(tickTopic, '');
  }

  #tell(message: ToWorker): void {
    this.#send(encodeToWorker(message));
  }

  /** One after the other; who is gone is noticed elsewhere. */
  #send(frames: Frames): void {
    const peer = this.#peer;
    if (!peer) return;
    const all = [peer, ...frames] as Buffer[];
    this.#sending = this.#sending.then(() => this.#router.send(all)).catch(() => undefined);
  }

  #publish(...frames: string[]): void {
    this.#publishing = this.#publishing.then(() => this.#publisher.send(frames)).catch(() => undefined);
  }
}

type Untimed = Answer extends infer A ? (A extends Answer ? Omit<A, 'ms'> : never) : never;
