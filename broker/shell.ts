/**
 * The broker's sockets and its timer: frames become events, commands become frames. It decides nothing.
 *
 * ROUTER for clients and workers of both dialects, PUB for cancellation. Where the transport names a dead peer (libzmq's
 * draft ZMQ_DISCONNECT_MSG) that becomes peerGone within milliseconds; heartbeats are the fallback.
 */
import { randomBytes } from 'node:crypto';
import { Publisher, Router } from 'zeromq';
import {
  base32,
  cancelTopic,
  type Descriptor,
  decodeToBroker,
  type Epoch,
  encodeToClient,
  encodeToPlainClient,
  encodeToPlainWorker,
  encodeToWorker,
  type PeerId,
  reportFrames,
  reportIsLarge,
  tickTopic,
} from '../protocol/index.js';
import { createLog } from '../protocol/log.js';
import { BrokerCore } from './core.js';
import type { BrokerCommand, BrokerEvent } from './events.js';
import { type BrokerOptions, checkBrokerOptions } from './options.js';
import { Outbox } from './outbox.js';
import type { Storage } from './storage.js';

const debug = createLog('binglide:broker');

/** libzmq's ZMQ_DISCONNECT_MSG. */
const disconnectMessageOption = 111;
const goneFrame = 'BXGONE';
/** Messages that a peer may leave unread; reports are built anew and do not pile up. */
const sendHighWaterMark = 256;

export interface BrokerShellSetup {
  /** Where to bind: ipc://… or tcp://127.0.0.1:PORT (`*`: any free port). */
  readonly endpoint: string;
  /** Where to bind the cancellation channel. */
  readonly cancelEndpoint: string;
  readonly startable: readonly Descriptor[];
  readonly storage: Storage;
  readonly options?: Partial<BrokerOptions>;
  /** The package's version, for whoever asks. */
  readonly version?: string;
}

export class BrokerShell {
  readonly core: BrokerCore;
  readonly #outbox: Outbox;
  readonly #publications: string[][] = [];
  #publishing = false;
  /** When what was heard is acted on. */
  #turn: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #closed = false;

  private constructor(
    readonly endpoint: string,
    readonly cancelEndpoint: string,
    readonly router: Router,
    readonly publisher: Publisher,
    readonly storage: Storage,
    setup: BrokerShellSetup,
  ) {
    const epoch = base32(randomBytes(8)) as Epoch;
    const { startable, options = {} } = setup;
    const about = { endpoint, pid: process.pid, ...(setup.version !== undefined && { version: setup.version }) };
    this.core = new BrokerCore({ epoch, cancelEndpoint, startable, options, about }, performance.now());
    this.#outbox = new Outbox(
      router,
      (peer) => this.#feed({ kind: 'peerGone', peer }),
      (peer) => this.#feed({ kind: 'peerFlooded', peer }),
    );
    storage.onHashed = (id, hash) => this.#feed({ kind: 'inputHashed', id, hash });
    this.#arm();
    void this.#read();
  }

  static async start(setup: BrokerShellSetup): Promise<BrokerShell> {
    const { messageBytesMax: maxMessageSize } = checkBrokerOptions(setup.options ?? {});
    const router = new Router({ mandatory: true, sendTimeout: 0, linger: 0, sendHighWaterMark, maxMessageSize });
    const publisher = new Publisher({ linger: 0, sendTimeout: 0 });
    nameDeadPeers(router);
    await Promise.all([router.bind(setup.endpoint), publisher.bind(setup.cancelEndpoint)]);
    return new BrokerShell(router.lastEndpoint!, publisher.lastEndpoint!, router, publisher, setup.storage, setup);
  }

  /** Closes the sockets; what is being written to the cache is finished first. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#outbox.drain();
    this.#closed = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#outbox.close();
    this.router.close();
    this.publisher.close();
    await this.storage.close();
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        // The socket as an iterator would make another promise of each, and a copy of its frames is one more to collect.
        const frames = await this.router.receive();
        const peer = frames.shift()!.toString('hex') as PeerId;
        if (frames.length === 1 && frames[0]!.length === goneFrame.length && frames[0]!.toString() === goneFrame) {
          this.#outbox.forget(peer);
          this.#feed({ kind: 'peerGone', peer });
        } else {
          this.#feed({ kind: 'messageReceived', peer, message: decodeToBroker(frames) });
        }
      }
    } catch (error) {
      if (!this.#closed) throw error;
    }
  }

  #feed(event: BrokerEvent): void {
    if (this.#closed) return;
    if (event.kind === 'messageReceived' && event.message.kind === 'invalid') {
      debug('dropped from %s: %s %s', event.peer, event.message.header, event.message.reason);
    }
    this.#perform(event.kind, () => this.core.hear(event, performance.now()));
    // Answers come several at a time, and to act costs as much for all of them as for one: when nothing else is there.
    this.#turn ??= setImmediate(() => this.#act());
  }

  #act(): void {
    this.#turn = undefined;
    this.#perform('act', () => this.core.act(performance.now()));
    this.#arm();
  }

  #perform(cause: string, decide: () => readonly BrokerCommand[]): void {
    try {
      for (const command of decide()) this.#do(command);
    } catch (error) {
      // A bug of ours: what it hits is lost, the others are not.
      process.stderr.write(`binglide: ${error instanceof Error ? error.message : error} (E_INTERNAL)\n`);
      debug('%s threw: %O', cause, error);
    }
  }

  #do(command: BrokerCommand): void {
    switch (command.kind) {
      case 'sendToClient': {
        const { peer, message } = command;
        const bytes = 'body' in message ? bytesOf(message.body) : 0;
        return this.#outbox.post({ peer, bytes, build: () => encodeToClient(message) });
      }
      case 'sendToPlainClient': {
        const { peer, message } = command;
        return this.#outbox.post({ peer, bytes: bytesOf(message.body), build: () => encodeToPlainClient(message) });
      }
      case 'sendToWorker': {
        const { peer, message } = command;
        return this.#outbox.post({ peer, build: () => encodeToWorker(message) });
      }
      case 'sendToPlainWorker': {
        const { peer, message } = command;
        return this.#outbox.post({ peer, build: () => encodeToPlainWorker(message) });
      }
      case 'sendReport':
        return this.#sendReport(command);
      case 'publishCancel':
        return this.#publish([cancelTopic, command.jobId]);
      case 'publishTick':
        return this.#publish([tickTopic, '']);
      case 'measureInputs':
        return void this.storage.measure(command).then((event) => this.#feed(event));
      case 'readChunk':
        return void this.storage.read(command).then((event) => this.#feed(event));
      case 'writeChunk':
        return this.storage.write(command);
      case 'hashInput':
        return this.storage.hash(command.input);
      case 'pauseHashing':
        return this.storage.pauseHashing();
      case 'resumeHashing':
        return this.storage.resumeHashing();
      default:
        command satisfies never;
    }
  }

  #sendReport({ peer, jobId }: BrokerCommand & { kind: 'sendReport' }): void {
    const build = () => {
      const begun = performance.now();
      const newest = this.core.report(jobId, begun);
      if (!newest) return undefined;
      const { report, requestId, isPlain } = newest;
      const frames = isPlain
        ? encodeToPlainClient({ kind: 'plainPartial', service: report.service, body: reportFrames(report) })
        : encodeToClient({ kind: 'partial', requestId, report });
      const buildMs = performance.now() - begun;
      const [bytes, isLarge] = [bytesOf(frames), reportIsLarge(report)];
      queueMicrotask(() => this.#feed({ kind: 'reportSent', jobId, buildMs, bytes, isLarge }));
      return frames;
    };
    this.#outbox.post({ peer, build, key: jobId });
  }

  #publish(frames: string[]): void {
    this.#publications.push(frames);
    if (!this.#publishing) void this.#writePublications();
  }

  async #writePublications(): Promise<void> {
    this.#publishing = true;
    for (let frames = this.#publications.shift(); frames && !this.#closed; frames = this.#publications.shift()) {
      // A lost publication costs time, never correctness: the workers are told directly as well.
      await this.publisher.send(frames).catch(() => undefined);
    }
    this.#publishing = false;
  }

  #arm(): void {
    const at = this.core.nextDeadline();
    // A timer that fires too early arms the right one: cheaper than another one with every message.
    if (this.#timer && this.#timerAt <= at) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const waitMs = Math.min(2 ** 30, Math.max(0, at - performance.now()));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#feed({ kind: 'deadlineReached' });
    }, waitMs);
  }
}

function bytesOf(frames: readonly Uint8Array[]): number {
  return frames.reduce((sum, frame) => sum + frame.byteLength, 0);
}

/** Asks libzmq to deliver a message of our own making when a peer's connection ends. */
function nameDeadPeers(router: Router): void {
  try {
    const draft = router as unknown as { setStringOption(option: number, value: string): void };
    draft.setStringOption(disconnectMessageOption, goneFrame);
  } catch {
    debug('this libzmq does not name dead peers; heartbeats will');
  }
}
