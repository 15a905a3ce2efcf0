/**
 * The world of a worker or client under test: files, the command, and one scene a check, each with a broker of its own
 * and a fresh process.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testBytes } from './broker-world.js';
import { Command, told } from './command.js';
import type { Fault } from './grammar.js';
import { Hub, type HubPeer } from './hub.js';
import { type MapValue, unpack } from './msgpack.js';
import { Breach, type Dialect, onTheWay } from './rules.js';
import { headerOf, textOf } from './wire.js';

export interface PlayedOptions {
  readonly side: 'worker' | 'client';
  readonly command: readonly string[];
  /** A worker's: serve it only; a client's: what it asks for. */
  readonly service?: string;
  /** Plain workers have agreed on it (1000 unless given), v2 peers are told it in WELCOME (200), in milliseconds. */
  readonly heartbeatMs?: number;
  readonly timeoutMs: number;
  readonly dialect: 'mdp' | 'v2' | 'both';
  /** What a plain worker is asked. */
  readonly body: string;
}

/** Names of the files under the root. */
export const files = {
  small: 'file.bin',
  /** Sparse: reading it takes long. */
  large: 'large.bin',
  missing: 'missing.bin',
  folder: 'folder',
  fifo: 'fifo',
  link: 'link.bin',
} as const;

const smallBytes = 100_000;
const largeBytes = 256 * 2 ** 30;

/** What is known of the program after its first start. */
export interface Introduction {
  readonly dialect: Dialect;
  readonly service: string;
  readonly descriptor: MapValue | undefined;
}

export class PlayedWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'binglide-conform-'));
  readonly root = join(this.folder, 'root');
  readonly outside = join(this.folder, 'outside.bin');
  readonly bytes = testBytes(smallBytes);
  readonly faults: Fault[] = [];
  heard = 0;
  #introduction: Introduction | undefined;
  #scenes = 0;

  constructor(readonly options: PlayedOptions) {
    mkdirSync(join(this.root, files.folder), { recursive: true });
    writeFileSync(this.path('small'), this.bytes);
    writeFileSync(this.outside, this.bytes);
    writeFileSync(this.path('large'), '');
    truncateSync(this.path('large'), largeBytes);
    symlinkSync(this.outside, this.path('link'));
    execFileSync('mkfifo', [this.path('fifo')]);
  }

  path(name: keyof typeof files): string {
    return join(this.root, files[name]);
  }

  get service(): string {
    return this.options.service ?? this.#introduction?.service ?? 'HIST';
  }

  get heartbeatMs(): number {
    return this.options.heartbeatMs ?? (this.#introduction?.dialect === 'v2' ? 200 : 1000);
  }

  /** Starts it once, to see what it speaks; undefined: nothing came. */
  async greet(): Promise<Introduction | undefined> {
    return this.scene(async (scene) => {
      const first = await (this.options.side === 'worker' ? scene.worker() : scene.client());
      const header = headerOf(first.first);
      const isReady = this.options.side === 'worker';
      const v2 = header === 'BXMW02' || header === 'BXMC02';
      const map = v2 && isReady && first.first[3] ? unpack(first.first[3]).map : {};
      this.#introduction = {
        dialect: v2 ? 'v2' : 'mdp',
        service: isReady ? textOf(first.first[2]) : this.service,
        descriptor: map.descriptor as MapValue | undefined,
      };
      return this.#introduction;
    }).catch(() => undefined);
  }

  /** The service of the worker that introduced itself. */
  get firstService(): string | undefined {
    return this.options.side === 'worker' ? this.#introduction?.service : undefined;
  }

  async scene<T>(check: (scene: PlayedScene) => Promise<T>): Promise<T> {
    const folder = join(this.folder, `scene-${++this.#scenes}`);
    mkdirSync(folder, { mode: 0o700 });
    const endpoint = `ipc://${join(folder, 'b')}`;
    const cancelEndpoint = `ipc://${join(folder, 'c')}`;
    const hub = await Hub.bind({
      endpoint,
      cancelEndpoint,
      from: this.options.side,
      timeoutMs: this.options.timeoutMs,
      watch: (_, faults) => {
        this.heard++;
        this.faults.push(...faults);
      },
    });
    const places = { endpoint, service: this.service, file: this.path('small'), root: this.root };
    const command = new Command(this.options.command, places);
    try {
      return await check(new PlayedScene(this, hub, command));
    } finally {
      await command.stop();
      hub.close();
    }
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class PlayedScene {
  constructor(
    readonly world: PlayedWorld,
    readonly hub: Hub,
    readonly command: Command,
  ) {}

  get heartbeatMs(): number {
    return this.world.heartbeatMs;
  }

  get timeoutMs(): number {
    return this.world.options.timeoutMs;
  }

  /** The next connection of the worker that is judged, its READY unanswered. */
  async worker(waitMs?: number): Promise<HubPeer> {
    // A program of several services: the one that is named, else the one that came first.
    const service = this.world.options.service ?? this.world.firstService;
    const fits = (peer: HubPeer) => service === undefined || textOf(peer.first[2]) === service;
    const peer = await this.#came(this.hub.next('READY', fits, waitMs));
    await peer.inbox.next('READY');
    return peer;
  }

  /** The next connection of the client, whatever it begins with. */
  client(waitMs?: number): Promise<HubPeer> {
    return this.#came(this.hub.next(undefined, () => true, waitMs));
  }

  /** Where nothing comes, that the program has ended says more. */
  async #came(next: Promise<HubPeer>): Promise<HubPeer> {
    try {
      return await next;
    } catch (error) {
      const { exit, lastWords } = this.command;
      if (exit && error instanceof Breach)
        throw new Breach(`${error.message}; it is gone (${told(exit)}): ${lastWords}`);
      throw error;
    }
  }

  /** G-14: how often the peer speaks while nothing is asked of it; a breach where it is less than every other interval. */
  async beatsOf(peer: HubPeer): Promise<string> {
    const before = peer.inbox.all.length;
    await this.pause(this.heartbeatMs * 10);
    const told = `${peer.inbox.all.length - before} messages in 10 intervals of ${this.heartbeatMs} ms`;
    if (peer.inbox.all.length - before < 5) throw new Breach(told);
    return told;
  }

  /** A v2 worker, welcomed, and told that the broker lives. */
  async welcomed(more: { readonly heartbeatMs?: number; readonly epoch?: string } = {}): Promise<HubPeer> {
    const peer = await onTheWay(this.worker());
    this.welcome(peer, more);
    return peer;
  }

  welcome(peer: HubPeer, more: { readonly heartbeatMs?: number; readonly epoch?: string } = {}): void {
    const { heartbeatMs = this.heartbeatMs, epoch = 'epoch1' } = more;
    peer.send('WELCOME', {
      heartbeatMs,
      cancelEndpoint: this.hub.options.cancelEndpoint,
      epoch,
      limits: { messageBytesMax: 2 ** 30, jobsMax: 1000 },
    });
    peer.beat(heartbeatMs / 2);
  }

  pause(ms: number): Promise<void> {
    return new Promise((done) => setTimeout(done, ms));
  }
}
