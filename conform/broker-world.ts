/**
 * The broker under test, its peers, and the file that services read. Every check has a scene of its own: its peers are
 * gone when it ends, its services have names that nobody else uses.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Fault, faultsOf } from './grammar.js';
import type { Came } from './inbox.js';
import { unpack } from './msgpack.js';
import { Peer } from './peer.js';
import { breach, NotReached } from './rules.js';
import { type Frames, type Header, shown } from './wire.js';
import { type Wire, wires } from './wires.js';

export interface BrokerWorldOptions {
  readonly endpoint: string;
  /** What plain workers and the broker have agreed on, in milliseconds; v2 peers are told by WELCOME. */
  readonly heartbeatMs: number;
  /** Waits for what has to come, in milliseconds. */
  readonly timeoutMs: number;
  /** After so long the broker has given up a request for a service that nobody serves, in milliseconds. */
  readonly expireMs: number;
  readonly file?: string;
  /** How RFC 18 stands on the wire; left out: as it is written there. */
  readonly wire?: Wire;
}

export interface Welcome {
  readonly heartbeatMs: number;
  readonly cancelEndpoint: string;
  readonly epoch: string;
  readonly limits: { readonly messageBytesMax: number; readonly jobsMax: number };
}

/** Bytes 0 to 255 in uneven shares, the same every time. */
export const testBytes = (length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * i + (i >> 5)) & 255));

export class BrokerWorld {
  /** What broke a table of the specification, whoever it was sent to. */
  readonly faults: Fault[] = [];
  /** Messages of the broker that were held against the tables, by header. */
  readonly heard: { [header in Header]: number } = { MDPC02: 0, MDPW02: 0, BXMC02: 0, BXMW02: 0 };
  readonly file: string;
  readonly bytes: Buffer;
  #welcome: Welcome | undefined;
  readonly #folder: string | undefined;

  constructor(readonly options: BrokerWorldOptions) {
    if (options.file === undefined) {
      this.#folder = mkdtempSync(join(tmpdir(), 'binglide-conform-'));
      this.file = join(this.#folder, 'file.bin');
      writeFileSync(this.file, testBytes(100_000));
    } else {
      this.file = resolve(options.file);
      if (!statSync(this.file).isFile()) throw new Error(`${this.file} is no regular file`);
    }
    this.bytes = readFileSync(this.file);
  }

  get wire(): Wire {
    return this.options.wire ?? wires.rfc18!;
  }

  /** Undefined: no answer to HELLO. */
  async greet(): Promise<Welcome | undefined> {
    const scene = new BrokerScene(this);
    try {
      const client = scene.peer('BXMC02', 'v2 client');
      client.send('HELLO', { clientId: clientId() });
      const came = await client.inbox.until('WELCOME', ({ command }) => command === 'WELCOME');
      this.#welcome = unpack(came.frames[2]!).map as unknown as Welcome;
    } catch {
      return undefined;
    } finally {
      await scene.close();
    }
    return this.#welcome;
  }

  get welcome(): Welcome {
    if (!this.#welcome) throw new NotReached('no WELCOME');
    return this.#welcome;
  }

  /** The interval that the broker told, else the one that was given. */
  get heartbeatMs(): number {
    return this.#welcome?.heartbeatMs ?? this.options.heartbeatMs;
  }

  async scene<T>(check: (scene: BrokerScene) => Promise<T>): Promise<T> {
    const scene = new BrokerScene(this);
    try {
      return await check(scene);
    } finally {
      await scene.close();
    }
  }

  watch(frames: Frames, header: Header): void {
    this.heard[header]++;
    this.faults.push(...faultsOf(frames, 'broker', header));
  }

  close(): void {
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** 128 random bits in RFC 4648 base32. */
export function clientId(): string {
  const bits = [...randomBytes(16)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const fives = `${bits}00`.match(/.{5}/g)!;
  return fives.map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(five, 2)]).join('');
}

export const jobIdOf = (client: string, request: number): string => `${client.length}:${client}${request}`;

export interface Task {
  /** The client address of RFC 18. */
  readonly address: Uint8Array;
  readonly body: Frames;
}

export class BrokerScene {
  readonly #peers: Peer[] = [];

  constructor(readonly world: BrokerWorld) {}

  get timeoutMs(): number {
    return this.world.options.timeoutMs;
  }

  get heartbeatMs(): number {
    return this.world.heartbeatMs;
  }

  /** A name that no other check has. */
  service(): string {
    return `conform.${randomBytes(6).toString('hex')}`;
  }

  /** One that sends anything at all may be answered under any header: it is not watched. */
  stranger(header: Header): Peer {
    return this.peer(header, 'stranger', () => undefined);
  }

  peer(header: Header, name: string, watch = (frames: Frames) => this.world.watch(frames, header)): Peer {
    const { endpoint, timeoutMs } = this.world.options;
    const peer = new Peer({ endpoint, header, name, timeoutMs, watch, wire: this.world.wire });
    this.#peers.push(peer);
    return peer;
  }

  plainClient(name = 'client'): Peer {
    return this.peer('MDPC02', name);
  }

  /** Registered, as far as can be told: RFC 18 has no answer to READY, so the first heartbeat is waited for. */
  async plainWorker(service: string, name = 'worker'): Promise<Peer> {
    const worker = this.readyWorker(service, name);
    await this.settled(worker);
    return worker;
  }

  /** READY is sent, and nothing waited for: for checks in which the first thing that comes matters. */
  readyWorker(service: string, name = 'worker'): Peer {
    const worker = this.peer('MDPW02', name);
    worker.send('READY', service);
    worker.beat(this.heartbeatMs / 2);
    return worker;
  }

  async settled(worker: Peer): Promise<void> {
    const isDisconnect = await worker.inbox.comes(() => true, this.heartbeatMs * 1.5);
    if (isDisconnect && worker.inbox.all[0]!.command !== 'HEARTBEAT') {
      breach(`READY was answered by ${shown(worker.inbox.all[0]!.frames)}`);
    }
  }

  pause(ms: number): Promise<void> {
    return new Promise((done) => setTimeout(done, ms));
  }

  /** Which of them has a REQUEST that it has not taken yet. */
  async oneOf(workers: readonly Peer[]): Promise<Peer> {
    const end = performance.now() + this.timeoutMs;
    for (;;) {
      const found = workers.find(({ inbox }) => inbox.has('REQUEST'));
      if (found) return found;
      if (performance.now() > end) breach(`none of ${workers.length} workers got a REQUEST`);
      await Promise.race(workers.map(({ inbox }) => inbox.more(this.timeoutMs)));
    }
  }

  /** What a worker was given, the next message that is no heartbeat. */
  async task(worker: Peer, waitMs?: number): Promise<Task> {
    return taskOf(await worker.inbox.take('REQUEST', waitMs));
  }

  /** One question asked and taken by the worker. */
  async asked(client: Peer, worker: Peer, service: string, ...body: (string | Uint8Array)[]): Promise<Task> {
    client.send('REQUEST', service, ...body);
    return this.task(worker);
  }

  answer(worker: Peer, command: 'PARTIAL' | 'FINAL', task: Task, ...body: (string | Uint8Array)[]): void {
    worker.send(command, task.address, new Uint8Array(0), ...body);
  }

  /** The broker still serves: a round trip over connections of its own. */
  async serves(): Promise<void> {
    const service = this.service();
    const worker = await this.plainWorker(service, 'worker of the next round trip');
    const client = this.plainClient('client of the next round trip');
    const task = await this.asked(client, worker, service, 'alive');
    this.answer(worker, 'FINAL', task, 'yes');
    await client.inbox.take('FINAL');
  }

  /** After a fault: DISCONNECT is the next thing that comes. */
  async dismissed(worker: Peer, after: string): Promise<void> {
    const came = await worker.inbox.next(`DISCONNECT after ${after}`);
    if (came.command !== 'DISCONNECT') breach(`${after} was answered by ${shown(came.frames)}`);
  }

  async close(): Promise<void> {
    // Workers say that they go: nothing of this scene is to be waited for by the broker.
    for (const peer of this.#peers) {
      peer.stopBeats();
      if (peer.header !== 'MDPC02') peer.send('DISCONNECT');
    }
    await Promise.all(this.#peers.map((peer) => peer.close()));
  }
}

export function taskOf({ frames }: Came): Task {
  return { address: frames[2]!, body: frames.slice(4) };
}
