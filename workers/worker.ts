/**
 * A slot: one process, one compute thread, several services, each with a conversation of its own (seat.ts) and all
 * with one SUB socket for cancellations.
 *
 * Rules: sockets stay in this thread. The broker gives a slot one task at a time; should two seats get one each, the
 * thread takes them in turn.
 */
import { Subscriber } from 'zeromq';
import type { Descriptor } from '../protocol/descriptor.js';
import { fail } from '../protocol/errors.js';
import { cancelTopic, text } from '../protocol/frames.js';
import type { SlotId } from '../protocol/ids.js';
import { type WorkerCoreOptions, workerDefaults } from './options.js';
import { Seat } from './seat.js';
import { resolveRoots } from './source.js';
import { ComputeThread } from './thread.js';

export interface SlotOptions extends Partial<Omit<WorkerCoreOptions, 'descriptor' | 'slot'>> {
  /** Where the broker's ROUTER is. */
  readonly broker: string;
  /** Names this process's place among the broker's workers; unique there. */
  readonly slot: SlotId;
  /** What is served: one conversation each. */
  readonly services: readonly Descriptor[];
  /** Files are opened in these folders only. */
  readonly roots: readonly string[];
  /** File URLs of modules that serve what is not built in. */
  readonly modules?: readonly string[];
  /** One that was started before, with these roots and modules. */
  readonly thread?: ComputeThread;
}

export class SlotHost {
  readonly #options: SlotOptions;
  readonly #thread: ComputeThread;
  readonly #seats: readonly Seat[];
  #cancellations: { readonly endpoint: string; readonly socket: Subscriber } | null = null;

  /** Throws where a root is not there, or a service stands twice. The compute thread starts at once. */
  constructor(options: SlotOptions) {
    const names = options.services.map(({ name }) => name);
    if (new Set(names).size < names.length) throw fail('E_USAGE', `services stand twice: ${names.join(', ')}`);
    resolveRoots(options.roots);
    this.#options = options;
    this.#thread = options.thread ?? new ComputeThread({ roots: options.roots, modules: options.modules ?? [] });
    this.#seats = options.services.map((descriptor) => this.#newSeat(descriptor));
  }

  /** Nothing is asked of the broker before the thread can compute: a task given to it would wait, and count as run. */
  start(): void {
    const start = () => {
      for (const seat of this.#seats) seat.handle({ kind: 'started' });
    };
    // One that is gone is replaced by the first task.
    void this.#thread.loaded.then(start, start);
  }

  /** Takes leave of the broker and ends the thread; what runs is dropped. */
  async stop(): Promise<void> {
    for (const seat of this.#seats) seat.handle({ kind: 'stopRequested' });
    this.#cancellations?.socket.close();
    this.#cancellations = null;
    await this.#thread.stop();
  }

  /** Each service and what its worker does. */
  get states(): { readonly [service: string]: Seat['state'] } {
    return Object.fromEntries(this.#options.services.map(({ name }, i) => [name, this.#seats[i]!.state]));
  }

  #newSeat(descriptor: Descriptor): Seat {
    const { broker, services: _, roots: __, modules: ___, thread: ____, ...options } = this.#options;
    return new Seat({
      ...workerDefaults,
      ...options,
      broker,
      descriptor,
      thread: this.#thread,
      subscribe: (endpoint) => this.#subscribe(endpoint),
    });
  }

  #subscribe(endpoint: string): void {
    if (this.#cancellations?.endpoint === endpoint) return;
    this.#cancellations?.socket.close();
    const socket = new Subscriber({ linger: 0 });
    socket.connect(endpoint);
    socket.subscribe(cancelTopic);
    this.#cancellations = { endpoint, socket };
    void this.#listen(socket);
  }

  /** A subscription matches prefixes, so both frames are compared whole: the topic here, the job id in the core. */
  async #listen(socket: Subscriber): Promise<void> {
    try {
      for await (const [topic, jobId] of socket) {
        if (topic === undefined || jobId === undefined || text(topic) !== cancelTopic) continue;
        for (const seat of this.#seats) seat.handle({ kind: 'cancelPublished', jobId: text(jobId) });
      }
    } catch (error) {
      if (!socket.closed) throw error;
    }
  }
}
