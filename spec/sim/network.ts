/**
 * ZeroMQ as it fails: links keep their order, may stall, and lose their tail when they break; whoever connects again has
 * a new identity; what is said while there is no connection waits for the next. A publication may be lost. The news
 * that a peer is gone comes, comes late or never.
 */
import type { Frames, PeerId } from '../../protocol/index.js';
import type { Process } from './clock.js';
import type { World } from './world.js';

/** The broker's end of all links. */
export interface RouterPort {
  readonly process: Process;
  received(peer: PeerId, frames: Frames): void;
  gone(peer: PeerId): void;
}

/** A peer's end of its link. */
export interface DealerPort {
  readonly process: Process;
  received(frames: Frames): void;
  /** The connection broke; another is made by itself. */
  lost(): void;
}

export interface NetworkFaults {
  /** Publications lost. */
  readonly dropPublication: number;
  /** Broken links whose end the broker is told at once, or ever. */
  readonly noticeAtOnce: number;
  readonly noticeEver: number;
}

/** One direction of a link. */
class Pipe {
  #lastAt = 0;
  /** What would arrive after this is lost. */
  #endsAt = Infinity;
  blockedUntil = 0;

  constructor(
    readonly world: World,
    readonly deliver: (frames: Frames) => void,
  ) {}

  push(frames: Frames): void {
    const { world } = this;
    const at = Math.max(world.now + world.ms(0.05, 1), this.#lastAt);
    this.#lastAt = at;
    world.at(at, () => {
      if (at <= this.#endsAt) this.deliver(frames);
    });
  }

  stall(ms: number): void {
    this.blockedUntil = this.world.now + ms;
    this.#lastAt = Math.max(this.#lastAt, this.blockedUntil);
  }

  /** Says when the last of what survives arrives. */
  end(keepMs: number): number {
    this.#endsAt = Math.min(this.#endsAt, this.world.now + keepMs);
    return Math.max(this.world.now, Math.min(this.#endsAt, this.#lastAt));
  }
}

export class Link {
  readonly up: Pipe;
  readonly down: Pipe;
  broken = false;
  /** The broker's side knows. */
  noticed = false;

  constructor(
    readonly world: World,
    readonly peer: PeerId,
    readonly dealer: Dealer,
    readonly router: RouterPort,
  ) {
    this.up = new Pipe(world, (frames) => router.process.do(() => router.received(peer, frames)));
    this.down = new Pipe(world, (frames) =>
      dealer.port.process.do(() => {
        if (dealer.link === this || this.broken) dealer.receive(frames);
      }),
    );
  }
}

/** One socket of a peer. */
export class Dealer {
  link: Link | undefined;
  #closed = false;
  readonly waiting: Frames[] = [];

  constructor(
    readonly network: Network,
    readonly port: DealerPort,
  ) {}

  get closed(): boolean {
    return this.#closed;
  }

  send(frames: Frames): void {
    if (this.#closed) return;
    if (this.link) this.link.up.push(frames);
    else this.waiting.push(frames);
  }

  receive(frames: Frames): void {
    if (!this.#closed) this.port.received(frames);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.network.closed(this);
  }
}

export class Network {
  #router: RouterPort | undefined;
  readonly #links = new Map<PeerId, Link>();
  readonly #dealers = new Set<Dealer>();
  readonly #subscribers = new Map<Process, (jobId: string) => void>();
  #peers = 0;

  constructor(
    readonly world: World,
    readonly faults: NetworkFaults,
  ) {}

  connect(port: DealerPort): Dealer {
    const dealer = new Dealer(this, port);
    this.#dealers.add(dealer);
    this.#reconnect(dealer, this.world.ms(0, 2));
    return dealer;
  }

  routerUp(port: RouterPort): void {
    this.#router = port;
    for (const dealer of this.#dealers) this.#reconnect(dealer, this.world.ms(1, 150));
  }

  /** The broker's process is gone with all that it had in hand. */
  routerDown(): void {
    this.#router = undefined;
    for (const link of [...this.#links.values()]) this.#break(link);
  }

  /** From the broker. What cannot be routed speaks up as gone. */
  send(peer: PeerId, frames: Frames): void {
    const link = this.#links.get(peer);
    if (link && !link.noticed) link.down.push(frames);
    else if (this.#router) this.#tellGone(this.#router, peer, this.world.now);
  }

  /** The peer takes nothing until then. */
  blockedUntil(peer: PeerId): number {
    return this.#links.get(peer)?.down.blockedUntil ?? 0;
  }

  publish(jobId: string): void {
    for (const [process, told] of this.#subscribers) {
      if (this.world.chance(this.faults.dropPublication)) this.world.log(`${process.name} publication lost`);
      else process.after(this.world.ms(0.05, 3), () => told(jobId));
    }
  }

  subscribe(process: Process, told: (jobId: string) => void): void {
    this.#subscribers.set(process, told);
  }

  unsubscribe(process: Process): void {
    this.#subscribers.delete(process);
  }

  links(): readonly Link[] {
    return [...this.#links.values()].filter((link) => !link.broken);
  }

  cut(link: Link): void {
    this.world.log(`${link.dealer.port.process.name} link ${link.peer} cut`);
    this.#break(link);
    this.#reconnect(link.dealer, this.world.ms(2, 400));
  }

  stall(link: Link, ms: number): void {
    this.world.log(`${link.dealer.port.process.name} link ${link.peer} stalls for ${ms}`);
    if (this.world.random.chance(0.7)) link.up.stall(ms);
    if (this.world.random.chance(0.7)) link.down.stall(ms);
  }

  closed(dealer: Dealer): void {
    this.#dealers.delete(dealer);
    if (dealer.link) this.#break(dealer.link);
  }

  #break(link: Link): void {
    const { world, faults } = this;
    const { dealer, up, down, router } = link;
    link.broken = true;
    dealer.link = undefined;
    // Some of what was under way still arrives.
    const upEndsAt = up.end(world.chance(0.5) ? 0 : world.ms(0, 5));
    down.end(world.chance(0.5) ? 0 : world.ms(0, 2));
    if (!dealer.closed && (!world.faultsOn || world.random.chance(0.7))) {
      dealer.port.process.after(world.ms(0.1, 30), () => {
        if (!dealer.closed) dealer.port.lost();
      });
    }
    if (this.#router !== router) this.#links.delete(link.peer);
    else if (!world.faultsOn || world.random.chance(faults.noticeAtOnce)) this.#notice(link, upEndsAt);
    else if (world.random.chance(faults.noticeEver)) this.#notice(link, upEndsAt + world.ms(20, 4000));
  }

  #notice(link: Link, at: number): void {
    this.world.at(at, () => {
      link.noticed = true;
      this.#links.delete(link.peer);
      this.#tellGone(link.router, link.peer, at);
    });
  }

  #tellGone(router: RouterPort, peer: PeerId, at: number): void {
    this.world.at(at, () => router.process.do(() => router.gone(peer)));
  }

  #reconnect(dealer: Dealer, ms: number): void {
    this.world.after(ms, () => {
      if (dealer.closed || dealer.link || !this.#router || !dealer.port.process.alive) return;
      const peer = (++this.#peers).toString(16).padStart(4, '0') as PeerId;
      const link = new Link(this.world, peer, dealer, this.#router);
      this.#links.set(peer, link);
      dealer.link = link;
      this.world.log(`${dealer.port.process.name} is peer ${peer}`);
      for (const frames of dealer.waiting.splice(0)) link.up.push(frames);
    });
  }
}
