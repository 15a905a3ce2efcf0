/**
 * The stage of a scenario: the real cores of broker, workers and clients, with a network on which everything arrives at
 * once unless it is held, and a clock that stands still unless it is told to go on. What is said is written down, a line
 * a message; heartbeats are left out.
 */
import { BrokerCore } from '../../../broker/core.js';
import type { BrokerCommand, BrokerEvent, MeasuredInput } from '../../../broker/events.js';
import type { BrokerOptions } from '../../../broker/options.js';
import {
  type Descriptor,
  type Epoch,
  fail,
  isBinglideError,
  type Part,
  type PeerId,
  type Query,
  type ToBroker,
} from '../../../protocol/index.js';
import { builtinServices } from '../../../workers/services/index.js';
import { Random } from '../../random.js';
import { describe, isChatter, span } from '../../sim/describe.js';
import { Files, measuredOf, textOf } from '../../sim/files.js';

/** A client or worker: one name, one connection at a time. */
export interface Actor {
  readonly name: string;
  /** Undefined: no connection. */
  peer: PeerId | undefined;
  receive(message: unknown): void;
  cancelPublished(jobId: string): void;
  nextDeadline(): number;
  deadlineReached(): void;
}

type Message = Parameters<typeof describe>[0];

export class Stage {
  now = 0;
  readonly files = new Files(new Random(1));
  readonly actors = new Map<string, Actor>();
  readonly #lines: string[] = [];
  /** Deliveries to be made now, in order. */
  readonly #due: (() => void)[] = [];
  /** Links that deliver nothing for now, by actor, with what waits on them. */
  readonly #held = new Map<string, (() => void)[]>();
  readonly #cache = new Map<string, Part>();
  /** Words that stand for long ids. */
  readonly words = new Map<string, string>();
  #broker: BrokerCore | undefined;
  #lives = 0;
  #peers = 0;

  say(line: string): void {
    let text = line;
    for (const [long, short] of this.words) text = text.replaceAll(long, short);
    this.#lines.push(text);
  }

  /** What was said since the last time. */
  takeLines(): string[] {
    return this.#lines.splice(0);
  }

  // --- the network

  connect(actor: Actor): void {
    actor.peer = `${actor.name}#${++this.#peers}` as PeerId;
  }

  /** From an actor to the broker. */
  post(actor: Actor, message: ToBroker): void {
    const { peer, name } = actor;
    if (!isChatter(message)) this.say(`${name} -> ${describe(message)}`);
    if (peer === undefined) return;
    this.#deliver(name, () => this.#feed({ kind: 'messageReceived', peer, message }));
  }

  hold(name: string): void {
    if (!this.#held.has(name)) this.#held.set(name, []);
  }

  release(name: string): void {
    this.#due.push(...(this.#held.get(name) ?? []));
    this.#held.delete(name);
  }

  isHeld(name: string): boolean {
    return this.#held.has(name);
  }

  #deliver(name: string, run: () => void): void {
    (this.#held.get(name) ?? this.#due).push(run);
  }

  /** The process is gone; `noticed`: its connection's end is told to the broker. */
  kill(name: string, noticed: boolean): void {
    const actor = this.actors.get(name)!;
    this.actors.delete(name);
    this.#held.delete(name);
    const { peer } = actor;
    if (noticed && peer !== undefined) this.#due.push(() => this.#feed({ kind: 'peerGone', peer }));
  }

  /** Delivers until nothing is under way. */
  settle(): void {
    for (let run = this.#due.shift(); run; run = this.#due.shift()) run();
  }

  /** Time goes on, deadlines and all. */
  wait(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const actors = [...this.actors.values()].filter(({ name }) => !this.isHeld(name));
      const next = Math.min(this.#broker?.nextDeadline() ?? Infinity, ...actors.map((actor) => actor.nextDeadline()));
      if (next > until) break;
      this.now = Math.max(this.now, next);
      if ((this.#broker?.nextDeadline() ?? Infinity) <= this.now) this.#feed({ kind: 'deadlineReached' });
      for (const actor of actors) if (actor.nextDeadline() <= this.now) actor.deadlineReached();
      this.settle();
    }
    this.now = until;
  }

  // --- the broker

  startBroker(options: Partial<BrokerOptions>, startable: readonly Descriptor[]): void {
    const epoch = `e${++this.#lives}` as Epoch;
    const usual = { sampleAboveMs: Infinity, ...options };
    this.#broker = new BrokerCore({ epoch, cancelEndpoint: 'cancel', startable, options: usual }, this.now);
    this.say(`broker ${epoch} is up`);
  }

  /** All connections break; who is there connects again, as another peer, and says what it has to say from then on. */
  crashBroker(): void {
    this.#broker = undefined;
    this.#due.splice(0);
    for (const actor of this.actors.values()) this.connect(actor);
  }

  #feed(event: BrokerEvent): void {
    if (!this.#broker) return;
    const commands = this.#broker.handle(event, this.now);
    this.#broker.validate();
    for (const command of commands) this.#perform(command);
  }

  #perform(command: BrokerCommand): void {
    switch (command.kind) {
      case 'sendToClient':
      case 'sendToWorker':
      case 'sendToPlainClient':
      case 'sendToPlainWorker':
        return this.#send(command.peer, command.message);
      case 'sendReport': {
        const newest = this.#broker!.report(command.jobId, this.now);
        if (!newest) return;
        this.#send(command.peer, { kind: 'partial', requestId: newest.requestId, report: newest.report });
        return this.#later({ kind: 'reportSent', jobId: command.jobId, buildMs: 0, bytes: 0 });
      }
      case 'publishCancel':
        this.say(`broker publishes cancel ${command.jobId}`);
        for (const actor of this.actors.values()) {
          this.#deliver(actor.name, () => actor.cancelPublished(command.jobId));
        }
        return;
      case 'measureInputs':
        return this.#later(this.#measure(command));
      case 'readChunk': {
        const { jobId, bounds, context } = command;
        return this.#later({ kind: 'chunkRead', jobId, bounds, part: this.#cache.get(keyOf(context, bounds)) ?? null });
      }
      case 'writeChunk':
        this.say(`cache <- ${command.context.descriptor.name} ${span(command.bounds.start, command.bounds.end)}`);
        this.#cache.set(keyOf(command.context, command.bounds), command.part);
        return;
      case 'publishTick':
      case 'hashInput':
      case 'pauseHashing':
      case 'resumeHashing':
        return;
      default:
        command satisfies never;
    }
  }

  #later(event: BrokerEvent): void {
    this.#due.push(() => this.#feed(event));
  }

  #send(peer: PeerId, message: Message): void {
    const actor = [...this.actors.values()].find((it) => it.peer === peer);
    const name = peer.slice(0, peer.indexOf('#'));
    const note = !actor ? '  (nobody there)' : this.isHeld(name) ? '  (held)' : '';
    if (!isChatter(message)) this.say(`${name} <- ${describe(message)}${note}`);
    if (actor) this.#deliver(name, () => actor.peer === peer && actor.receive(message));
  }

  #measure({ jobId, query, descriptor, digest, params }: BrokerCommand & { kind: 'measureInputs' }): BrokerEvent {
    try {
      const inputs = this.#inputs(query);
      const all = keyOf({ digest, params, inputs }, { start: 0, end: 0 }).slice(0, -'0_0'.length);
      const keys = descriptor.cached && query.cache ? [...this.#cache.keys()].filter((key) => key.startsWith(all)) : [];
      const cached = keys.map((key) => {
        const [start, end] = key.slice(all.length).split('_').map(Number);
        return { start: start!, end: end! };
      });
      return { kind: 'inputsMeasured', jobId, inputs, cached, bytesHashed: 0 };
    } catch (error) {
      if (!isBinglideError(error)) throw error;
      return { kind: 'inputsRefused', jobId, fault: error.toFault() };
    }
  }

  #inputs(query: Query): MeasuredInput[] {
    return query.inputs.map((input) => {
      const path = textOf(input[0]!.path);
      const state = this.files.get(path);
      if (!state) throw fail('E_NOT_FOUND', `${path}: no such file`);
      return { ...measuredOf(state), hash: null };
    });
  }
}

function keyOf(
  { digest, params, inputs }: { digest: string; params: object; inputs: readonly MeasuredInput[] },
  { start, end }: { start: number; end: number },
): string {
  return `${digest} ${JSON.stringify(params)} ${inputs.map(({ id }) => id).join(' ')} ${start}_${end}`;
}

export const serviceNamed = (name: string) => builtinServices.find(({ descriptor }) => descriptor.name === name)!;
