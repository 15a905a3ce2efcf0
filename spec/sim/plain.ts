/** Peers that speak RFC 18 and nothing else: a worker that echoes, and a client that asks one thing at a time. */
import type { Ask } from '../../client/events.js';
import {
  BinglideError,
  decodeReport,
  encodeFromPlainClient,
  encodeFromPlainWorker,
  encodePlainQuery,
  type Fault,
  type Frames,
  type FromPlainWorker,
  plainErrorMark,
  type Report,
  text,
  unpackMap,
} from '../../protocol/index.js';
import { Process } from './clock.js';
import type { Dealer, Network } from './network.js';
import { demand, type World } from './world.js';

export interface PlainWorkerSetup {
  readonly name: string;
  readonly heartbeatMs: number;
  readonly crash: number;
  /** An answer that is given once more, whatever is asked by then. */
  readonly repeats: number;
  readonly crashed: () => void;
}

export class PlainWorker {
  readonly process: Process;
  #dealer: Dealer | undefined;
  #heardMs = 0;

  constructor(
    readonly world: World,
    readonly network: Network,
    readonly setup: PlainWorkerSetup,
  ) {
    this.process = new Process(world, setup.name);
    this.#open();
    this.#beat();
  }

  crash(): void {
    if (!this.process.alive) return;
    this.world.log(`${this.setup.name} crashed`);
    this.process.kill();
    this.#dealer?.close();
    this.setup.crashed();
  }

  #open(): void {
    this.#dealer?.close();
    const dealer = this.network.connect({
      process: this.process,
      received: (frames) => {
        if (this.#dealer === dealer) this.#received(frames);
      },
      lost: () => {},
    });
    this.#dealer = dealer;
    this.#heardMs = this.process.now;
    this.#send({ kind: 'plainReady', service: 'ECHO' });
  }

  #beat(): void {
    this.process.after(this.setup.heartbeatMs, () => {
      if (this.process.now - this.#heardMs > 5 * this.setup.heartbeatMs) this.#open();
      else this.#send({ kind: 'plainHeartbeat' });
      this.#beat();
    });
  }

  #received([, command, address, empty, ...body]: Frames): void {
    this.#heardMs = this.process.now;
    switch (command![0]) {
      case 2:
        demand(empty?.length === 0, 'an RFC 18 REQUEST has an empty frame behind the address');
        return this.#work(address!, body);
      case 5:
        return;
      case 6:
        return this.#open();
      default:
        demand(false, `a plain worker gets command ${command}`);
    }
  }

  #work(address: Uint8Array, body: Frames): void {
    if (this.world.chance(this.setup.crash)) return this.process.after(5, () => this.crash());
    const dealer = this.#dealer;
    const isOurs = (run: () => void) => () => dealer === this.#dealer && run();
    const lastsMs = this.world.ms(1, 300);
    if (this.world.random.chance(0.5)) {
      this.process.after(
        lastsMs / 2,
        isOurs(() => this.#send({ kind: 'plainPartial', address, body: [...body] })),
      );
    }
    const answer = () => this.#send({ kind: 'plainFinal', address, body: [...body] });
    this.process.after(lastsMs, isOurs(answer));
    if (this.world.chance(this.setup.repeats)) this.process.after(lastsMs + this.world.ms(0, 1000), answer);
  }

  #send(message: FromPlainWorker): void {
    this.#dealer!.send(encodeFromPlainWorker(message));
  }
}

/** What a plain client is told, in order; the last one is an end. */
export type PlainAnswer =
  | { readonly kind: 'report' | 'final'; readonly report: Report }
  | { readonly kind: 'rawPartial' | 'raw'; readonly body: Frames }
  | { readonly kind: 'error'; readonly fault: Fault }
  /** The connection broke: nobody will answer. */
  | { readonly kind: 'abandoned' };

export class PlainClient {
  readonly process: Process;
  readonly closed = false;
  #asking: { readonly dealer: Dealer; readonly ask: Ask; readonly told: (answer: PlainAnswer) => void } | undefined;

  constructor(
    readonly world: World,
    readonly network: Network,
    readonly name: string,
  ) {
    this.process = new Process(world, name);
  }

  get isIdle(): boolean {
    return this.#asking === undefined;
  }

  /** On a socket of its own; what was asked before is given up. */
  ask(ask: Ask, told: (answer: PlainAnswer) => void): void {
    this.giveUp();
    const dealer = this.network.connect({
      process: this.process,
      received: (frames) => {
        if (this.#asking?.dealer === dealer) this.#received(frames);
      },
      lost: () => {
        if (this.#asking?.dealer === dealer) this.giveUp();
      },
    });
    this.#asking = { dealer, ask, told };
    const message =
      ask.kind === 'query'
        ? encodePlainQuery(ask.query)
        : ({ kind: 'plainRequest', service: ask.service, body: ask.body } as const);
    this.world.log(`${this.name} -> REQUEST ${message.service} plain`);
    dealer.send(encodeFromPlainClient(message));
  }

  giveUp(): void {
    const { dealer, told } = this.#asking ?? {};
    this.#asking = undefined;
    dealer?.close();
    told?.({ kind: 'abandoned' });
  }

  #received([, command, , ...body]: Frames): void {
    const { ask, told, dealer } = this.#asking!;
    const isFinal = command![0] === 3;
    demand(isFinal || command![0] === 2, `a plain client gets command ${command}`);
    if (isFinal) {
      this.#asking = undefined;
      dealer.close();
    }
    if (isFinal && body.length === 2 && text(body[0]!) === plainErrorMark) {
      return told({ kind: 'error', fault: unpackMap(body[1]!) as unknown as Fault });
    }
    if (ask.kind === 'raw') return told({ kind: isFinal ? 'raw' : 'rawPartial', body });
    try {
      told({ kind: isFinal ? 'final' : 'report', report: decodeReport(body) });
    } catch (error) {
      demand(!(error instanceof BinglideError), `${this.name}: a report that is none: ${String(error)}`);
      throw error;
    }
  }
}
