/** A broker for the client's specs: a bare ROUTER whose answers the spec gives by hand. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Router } from 'zeromq';
import {
  decodeToBroker,
  type Epoch,
  encodeToClient,
  type FromClient,
  type JobId,
  type Report,
  type RequestId,
  type ToBroker,
  type ToClient,
} from '../../protocol/index.js';

export type FromClientOf<Kind extends FromClient['kind']> = Extract<FromClient, { kind: Kind }>;

interface Waiter {
  readonly kind: string;
  resolve(message: ToBroker): void;
}

export interface FakeBrokerOptions {
  readonly epoch?: string;
  readonly heartbeatMs?: number;
  /** False: HELLO gets no answer. */
  readonly welcomes?: boolean;
  /** False: heartbeats get no answer, so that a silent broker is late. */
  readonly answersBeats?: boolean;
}

const folders: string[] = [];

/** An ipc endpoint in a folder of its own. */
export async function freshEndpoint(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'binglide-client-'));
  folders.push(folder);
  return `ipc://${folder}/broker.sock`;
}

/** Removes the folders of all endpoints. */
export async function removeEndpoints(): Promise<void> {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
}

export class FakeBroker {
  readonly #router = new Router({ mandatory: true, sendTimeout: 0, linger: 0 });
  readonly #unread: ToBroker[] = [];
  #waiters: Waiter[] = [];
  #peer: Uint8Array | undefined;
  readonly #known = new Set<string>();
  #sends: Promise<void> = Promise.resolve();
  /** Kinds of everything that came, heartbeats left out. */
  readonly kinds: string[] = [];

  private constructor(readonly options: FakeBrokerOptions) {}

  static async bind(endpoint: string, options: FakeBrokerOptions = {}): Promise<FakeBroker> {
    const broker = new FakeBroker(options);
    await broker.#router.bind(endpoint);
    void broker.#read();
    return broker;
  }

  get epoch(): Epoch {
    return (this.options.epoch ?? 'e1') as Epoch;
  }

  /** The next message of the kind that was not taken yet. */
  next<Kind extends FromClient['kind']>(kind: Kind): Promise<FromClientOf<Kind>> {
    const at = this.#unread.findIndex((message) => message.kind === kind);
    if (at >= 0) return Promise.resolve(this.#unread.splice(at, 1)[0] as FromClientOf<Kind>);
    return new Promise((resolve) => {
      this.#waiters.push({ kind, resolve: (message) => resolve(message as FromClientOf<Kind>) });
    });
  }

  /** To the connection that spoke last. */
  send(message: ToClient): void {
    this.sendFrames(encodeToClient(message));
  }

  sendFrames(frames: Uint8Array[]): void {
    const peer = this.#peer!;
    this.#sends = this.#sends.then(() => this.#router.send([peer, ...frames])).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#sends;
    this.#router.close();
  }

  async #read(): Promise<void> {
    for await (const [peer, ...frames] of this.#router) this.#received(Buffer.from(peer!), frames);
  }

  #received(peer: Buffer, frames: Buffer[]): void {
    this.#peer = peer;
    const message = decodeToBroker(frames);
    if (message.kind === 'hello') this.#known.add(peer.toString('hex'));
    else if (!this.#known.has(peer.toString('hex'))) {
      this.send({ kind: 'clientDisconnect' });
      return;
    }
    if (message.kind === 'clientHeartbeat') {
      if (this.options.answersBeats !== false) this.send({ kind: 'clientHeartbeat' });
    } else this.kinds.push(message.kind);
    if (message.kind === 'hello' && this.options.welcomes !== false) this.#welcome();
    const at = this.#waiters.findIndex(({ kind }) => kind === message.kind);
    if (at >= 0) this.#waiters.splice(at, 1)[0]!.resolve(message);
    else this.#unread.push(message);
  }

  #welcome(): void {
    const { heartbeatMs = 1000 } = this.options;
    const limits = { messageBytesMax: 1 << 20, jobsMax: 100 };
    this.send({ kind: 'welcome', heartbeatMs, cancelEndpoint: 'ipc://cancel', epoch: this.epoch, limits });
  }
}

/** A report of HIST with one value counted. */
export function histReport(jobId: JobId, completion: number, more: Partial<Report> = {}): Report {
  const n = Math.round(completion * 4096);
  const counts = new Float64Array(256);
  counts[0] = n;
  return {
    jobId,
    service: 'HIST',
    version: 1,
    inputs: [{ path: Buffer.from('/data/a.bin'), size: 4096, hash: null, identity: '~ab' }],
    range: [0, 4096],
    completion,
    exact: completion === 1,
    cellBytes: 0,
    scalars: { n },
    arrays: { counts: { dtype: 'u8', shape: [256], data: counts } },
    work: {
      bytesRead: n,
      bytesHashed: 0,
      tasks: 1,
      chunksCached: 0,
      chunksComputed: 0,
      firstReportMs: 3,
      elapsedMs: 5,
    },
    ...more,
  };
}

export const requestNumber = (number: number) => number as RequestId;
