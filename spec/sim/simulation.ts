/**
 * One seed, start to end: peers come, questions are asked, faults strike; then the faults stop, each client asks once
 * more for everything, and all of it must end, exactly and with nothing left over.
 */
import type { Ask } from '../../client/events.js';
import { clientIdOf, type Epoch } from '../../protocol/index.js';
import type { Random } from '../random.js';
import { SimBroker } from './broker.js';
import { Checkers, type Must } from './checkers.js';
import { SimClient } from './client.js';
import { Disk } from './disk.js';
import { Files } from './files.js';
import { Limits } from './limits.js';
import { Network } from './network.js';
import { PlainClient, PlainWorker } from './plain.js';
import {
  askFrom,
  isCached,
  makeFiles,
  type Plan,
  planFrom,
  type SlotPlan,
  services,
  type TimedFault,
  timedFaults,
} from './plan.js';
import { throwRogues } from './rogue.js';
import { Slot } from './slot.js';
import { Violation, World } from './world.js';

export interface Outcome {
  readonly seed: number;
  readonly digest: string;
  readonly lines: number;
  readonly virtualMs: number;
  readonly counts: Checkers['counts'];
  /** What was broken, with the end of the trace. */
  readonly violation?: string;
  readonly tail: readonly string[];
}

export interface Settings {
  readonly tailLines?: number;
  readonly onLine?: (line: string) => void;
  readonly isCalm?: boolean;
}

/** Faults strike for so long. */
const faultMs = 9000;
/** So long after the last fault everything has ended. */
const settleMs = 60_000;

export function simulate(seed: number, settings: Settings = {}): Outcome {
  const world = new World(seed, settings);
  let violation: string | undefined;
  let counts: Checkers['counts'] = { partials: 0, finals: 0, errors: 0, cancelAcks: 0 };
  try {
    const simulation = new Simulation(world, settings.isCalm ?? seed % 10 === 0);
    counts = simulation.checkers.counts;
    simulation.run();
  } catch (error) {
    const isOurs =
      error instanceof Violation || (error instanceof Error && error.message.startsWith('assertion failed'));
    violation = isOurs
      ? `${error.message}${error instanceof Violation ? '' : `\n${error.stack}`}`
      : String((error as Error).stack);
  }
  const { trace, now } = world;
  const outcome = { seed, digest: trace.digest(), lines: trace.lines, virtualMs: now, counts, tail: trace.tail };
  return violation === undefined ? outcome : { ...outcome, violation };
}

class Simulation {
  readonly files: Files;
  readonly plan: Plan;
  readonly network: Network;
  readonly disk: Disk;
  readonly limits = new Limits();
  readonly checkers: Checkers;
  readonly random: Random;
  #broker: SimBroker;
  readonly #slots: Slot[] = [];
  readonly #clients: SimClient[] = [];
  readonly #plainWorkers: PlainWorker[] = [];
  readonly #plainClients: PlainClient[] = [];
  #raws = 0;
  /** What everybody asked after the last fault. */
  #asked: readonly Ask[] = [];

  constructor(
    readonly world: World,
    isCalm: boolean,
  ) {
    this.random = world.random.fork();
    this.files = new Files(this.random.fork());
    makeFiles(this.random, this.files);
    this.plan = planFrom(this.random, this.files, isCalm);
    this.network = new Network(world, this.plan.network);
    this.disk = new Disk(world, this.files, this.plan.disk);
    this.checkers = new Checkers(world, this.files, this.limits, this.plan.jobsMax);
    if (this.plan.disk.measureFails > 0) this.checkers.trouble('disk', Infinity);
    this.#broker = this.#newBroker();
    this.plan.slots.forEach((plan, i) => {
      world.after(world.ms(0, 300), () => this.#startSlot(plan, i));
    });
    for (let i = 0; i < this.plan.plainWorkers; i++) world.after(world.ms(0, 300), () => this.#startPlainWorker(i));
    for (let i = 0; i < this.plan.clients; i++) this.#newClient();
    for (let i = 0; i < this.plan.plainClients; i++)
      this.#plainClients.push(new PlainClient(world, this.network, `p${i}`));
  }

  run(): void {
    const { world, plan, random } = this;
    for (let i = 0; i < plan.requests; i++) {
      world.after(world.ms(0, plan.askMs), () => this.#ask(random.pick(this.#clients), random.pick(plan.asks), 'end'));
      const plain = random.pick([undefined, ...this.#plainClients]);
      if (plain) world.after(world.ms(0, plan.askMs), () => this.#askPlainly(plain, random.pick(plan.asks), 'end'));
    }
    for (let i = 0; i < plan.cancels; i++) world.after(world.ms(0, plan.askMs + 400), () => this.#cancel());
    if (plan.rogue > 0) throwRogues(world, this.network, plan.rogue, () => this.checkers.wishes);
    for (const kind of timedFaults) this.#schedule(kind, plan.rates[kind]);
    world.run(faultMs, () => false);
    this.#endFaults();
    this.#settle();
    this.#askCached();
    this.#settle();
    // What is only owed (cancelled tasks, gone clients) comes to its end as well.
    world.run(world.now + 12_000, () => false);
    const census = this.#broker.core.census();
    const { jobs, rawJobs, chunks, busySlots } = census;
    this.#demand(jobs + rawJobs + chunks + busySlots === 0, () => `work is left over: ${JSON.stringify(census)}`);
  }

  #settle(): void {
    const isDone = this.world.run(this.world.now + settleMs, () => this.checkers.isQuiet);
    this.#demand(isDone, () => {
      const open = this.checkers.wishes.filter(({ end, client }) => !end && client.process.alive && !client.closed);
      return `not ended ${settleMs} ms after the last fault: ${open.map(({ who }) => who).join(', ')}`;
    });
  }

  #demand(ok: boolean, what: () => string): void {
    if (!ok) throw new Violation(what());
  }

  // --- peers

  #newBroker(): SimBroker {
    const { plan, world } = this;
    const { heartbeatMs, jobsMax, sliceMs, sampleAboveMs } = plan;
    const waits = { taskStallMs: 4000, workerWaitMs: 6000, serviceWaitMs: 2500 };
    const options = { heartbeatMs, jobsMax, sliceMs, sampleAboveMs, ...waits };
    const startable = plan.startable ? services.map(({ descriptor }) => descriptor) : [];
    this.disk?.forgetHot();
    const epoch = `e${world.random.int(0, 999_999)}` as Epoch;
    return new SimBroker(world, this.network, this.disk, this.limits, epoch, options, startable);
  }

  #startSlot(plan: SlotPlan, i: number): void {
    const { heartbeatMs, worker: faults } = this.plan;
    const setup = { name: `w${i}`, ...plan, heartbeatMs, taskStallMs: 1500, faults };
    this.#slots[i] = new Slot(this.world, this.network, this.files, setup, (fault) => {
      this.checkers.trouble(fault);
      if (fault === 'crash') this.world.after(this.world.ms(20, 600), () => this.#startSlot(plan, i));
    });
  }

  #startPlainWorker(i: number): void {
    const { heartbeatMs, worker } = this.plan;
    const crashed = () => {
      this.checkers.trouble('crash');
      this.world.after(this.world.ms(20, 600), () => this.#startPlainWorker(i));
    };
    const setup = { name: `e${i}`, heartbeatMs, crash: 3 * worker.crash, repeats: worker.repeats, crashed };
    this.#plainWorkers[i] = new PlainWorker(this.world, this.network, setup);
  }

  #newClient(): void {
    const id = clientIdOf(this.world.random.bytes(16));
    const { world, network, checkers } = this;
    this.#clients.push(new SimClient(world, network, checkers, `c${this.#clients.length}`, id, this.plan.stutter));
  }

  #ask(client: SimClient, ask: Ask, must: Must): void {
    if (!client.process.alive || client.closed) return;
    const asked = this.#distinct(ask);
    client.process.do(() => {
      this.checkers.asked(client, asked, client.nextRequestId, must);
      client.request(asked);
    });
  }

  /** No two echoes are alike. */
  #distinct(ask: Ask): Ask {
    return ask.kind === 'raw' ? { ...ask, body: [...ask.body, Buffer.from(String(++this.#raws))] } : ask;
  }

  #askPlainly(client: PlainClient, ask: Ask, must: Must): void {
    client.process.do(() => {
      if (client.isIdle || must !== 'end') this.checkers.askedPlainly(client, this.#distinct(ask), must);
    });
  }

  #cancel(): void {
    const wishes = this.checkers.wishes.filter(({ jobId }) => jobId !== undefined);
    if (wishes.length === 0) return;
    const wish = this.random.pick(wishes);
    const owner = this.#clients.find((client) => client === wish.client)!;
    const canceller = this.random.chance(0.6) ? owner : this.random.pick(this.#clients);
    canceller.process.do(() => {
      wish.cancelled = true;
      this.world.log(`${canceller.name} cancels ${wish.who}`);
      const jobId = this.random.chance(0.05) ? '3:abc7' : wish.jobId!;
      this.checkers.cancelAsked(canceller, jobId);
      canceller.cancel(jobId);
    });
  }

  // --- faults

  #schedule(kind: TimedFault, aSecond: number): void {
    if (aSecond === 0) return;
    this.world.after(this.world.ms(0, Math.floor(2000 / aSecond)), () => {
      if (!this.world.faultsOn) return;
      this.#strike(kind);
      this.#schedule(kind, aSecond);
    });
  }

  #strike(kind: TimedFault): void {
    const { world, random, checkers, network } = this;
    const slot = random.pick(this.#slots.filter((it) => it?.process.alive));
    const client = random.pick(this.#clients);
    switch (kind) {
      case 'cutLink':
      case 'stallLink': {
        const links = network.links();
        if (links.length === 0) return;
        checkers.trouble('link');
        const link = random.pick(links);
        if (kind === 'cutLink') network.cut(link);
        else network.stall(link, random.pick([20, 200, 2000]));
        return;
      }
      case 'killSlot':
        if (random.chance(0.2)) return random.pick(this.#plainWorkers.filter((it) => it?.process.alive))?.crash();
        return slot?.crash();
      case 'freezeSlot':
        checkers.trouble('freeze');
        return slot?.process.freeze(random.pick([50, 700, 3000]));
      case 'jumpSlot':
        checkers.trouble('jump');
        return slot?.process.jump(random.pick([50, 700, 5000]));
      case 'killBroker':
        checkers.trouble('broker');
        if (!this.#broker.process.alive) return;
        this.#broker.crash();
        return world.after(world.ms(10, 1500), () => {
          this.#broker = this.#newBroker();
        });
      case 'freezeBroker':
        checkers.trouble('freeze');
        return this.#broker.process.freeze(random.pick([50, 700, 3000]));
      case 'jumpBroker':
        checkers.trouble('jump');
        return this.#broker.process.jump(random.pick([50, 700, 5000]));
      case 'killClient':
      case 'closeClient':
        if (!client.process.alive || client.closed) return;
        this.#newClient();
        if (kind === 'killClient') return client.crash();
        return client.process.do(() => {
          for (const wish of checkers.wishes) if (wish.client === client) wish.cancelled = true;
          client.close();
        });
      case 'freezeClient':
        checkers.trouble('freeze');
        return client.process.freeze(random.pick([50, 700, 3000]));
      case 'changeFile': {
        checkers.trouble('change');
        const { path, id } = this.files.change(random.pick(this.files.paths()));
        return world.log(`${path} changed, ${id}`);
      }
      default:
        kind satisfies never;
    }
  }

  /** From here on the world is as it should be. What a fault began may take its time to be over. */
  #endFaults(): void {
    const { world, random } = this;
    world.log('no more faults');
    world.faultsOn = false;
    const quietAt = world.now + 8000;
    world.run(quietAt, () => false);
    world.log('asking once more');
    this.#asked = [...this.plan.asks, askFrom(random, this.files)].filter(() => random.chance(0.6));
    for (const client of this.#clients) {
      for (const ask of this.#asked) world.after(world.ms(0, 200), () => this.#ask(client, ask, 'end well'));
    }
    this.#plainClients.forEach((client, i) => {
      const ask = this.plan.asks[i % this.plan.asks.length]!;
      world.after(world.ms(0, 200), () => this.#askPlainly(client, ask, 'end well'));
    });
    world.run(world.now + 201, () => false);
  }

  /** What was answered a moment ago, and lies on chunks, comes from the cache. */
  #askCached(): void {
    const { world, files, plan } = this;
    // A damaged chunk may hide behind its part in memory until now.
    if (plan.disk.flip > 0 || plan.jobsMax < 1000) return;
    world.log('asking for what is cached');
    // Writes are under way for a while.
    world.run(world.now + 1000, () => false);
    const client = this.#clients.find((it) => it.process.alive && !it.closed)!;
    for (const ask of this.#asked) {
      if (isCached(ask, files)) this.#ask(client, ask, 'be cached');
    }
  }
}
