/**
 * The services that are there: descriptors by name, the workers that serve each, and how fast each was seen to be. A
 * descriptor that the daemon can start itself is there without workers.
 */
import { assert, type Descriptor, descriptorDigest, type PeerId } from '../protocol/index.js';

export interface Service {
  readonly descriptor: Descriptor;
  /** Names the descriptor; workers and chunks belong to it. */
  readonly digest: string;
  /** It stays when its last worker goes. */
  readonly startable: boolean;
  readonly workers: Set<PeerId>;
  /** When it last lost its only worker, or was made known without one; Infinity while it has one. */
  workerlessSince: number;
  /** Input bytes a millisecond of one slot, smoothed. */
  bytesPerMs: number;
  /** What the speed is: a guess, what holes let it be, or measured on data. */
  known: 'guess' | 'holes' | 'data';
  /** Order of becoming known: among equal names the newest is taken. */
  readonly order: number;
}

/** Before anything was measured: one second for 256 MiB, so that a first slice is short even for a slow service. */
const bytesPerMsAtFirst = 256 * 1024;
/**
 * Slices of those that the daemon starts itself: with four times as many a first histogram took half as long again. What is
 * small enough to do without samples goes by the other: the file may lie on a slow disk.
 */
const startableBytesPerMs = 1024 * 1024;
const smoothing = 0.3;
/** Nothing is divided by less. */
const msMin = 0.05;
/** Data takes up to so many times as long as holes, which are not read, and are compared where data is counted. */
const holeFactor = 4;

/** A speed after one more measurement. */
export function smoothed(bytesPerMs: number, bytes: number, ms: number): number {
  return bytesPerMs + smoothing * (bytes / Math.max(ms, msMin) - bytesPerMs);
}

/** The speed, where a guess that is too high would do harm. */
export function cautiousBytesPerMs({ known, bytesPerMs }: Service): number {
  return known === 'guess' ? Math.min(bytesPerMs, bytesPerMsAtFirst) : bytesPerMs;
}

export class ServiceBook {
  /** By digest. */
  readonly #services = new Map<string, Service>();
  #order = 0;

  add(descriptor: Descriptor, startable: boolean, now: number): Service {
    const digest = descriptorDigest(descriptor);
    const known = this.#services.get(digest);
    if (known) return known;
    const service: Service = {
      descriptor,
      digest,
      startable,
      workers: new Set(),
      workerlessSince: now,
      known: 'guess',
      bytesPerMs: startable ? startableBytesPerMs : bytesPerMsAtFirst,
      order: this.#order++,
    };
    this.#services.set(digest, service);
    return service;
  }

  attach(digest: string, peer: PeerId): void {
    const service = this.get(digest);
    service.workers.add(peer);
    service.workerlessSince = Infinity;
  }

  detach(digest: string, peer: PeerId, now: number): void {
    const service = this.get(digest);
    service.workers.delete(peer);
    if (service.workers.size === 0) service.workerlessSince = now;
  }

  /** Forgets services of workers that are long gone, unless a job still holds them. */
  forget(before: number, isHeld: (digest: string) => boolean): void {
    for (const service of this.#services.values()) {
      if (!service.startable && service.workerlessSince <= before && !isHeld(service.digest)) {
        this.#services.delete(service.digest);
      }
    }
  }

  get(digest: string): Service {
    const service = this.#services.get(digest);
    assert(service, `service ${digest} is known`);
    return service;
  }

  /** The newest of the name, or the one of the version: a service with workers or one that can be started. */
  find(name: string, version?: number | string): Service | undefined {
    return [...this.#services.values()]
      .filter(({ descriptor }) => descriptor.name === name && (version === undefined || descriptor.version === version))
      .filter(isThere)
      .sort(isNewer)[0];
  }

  all(): readonly Service[] {
    return [...this.#services.values()];
  }

  /** Names of those that are there. */
  names(): string[] {
    return [...this.#services.values()].filter(isThere).map(({ descriptor }) => descriptor.name);
  }

  /** `bytesRead`: without holes. They tell something of what is there only until data does. */
  measured(digest: string, bytes: number, bytesRead: number, ms: number): void {
    const service = this.get(digest);
    const isData = 2 * bytesRead >= bytes;
    if (!isData && service.known === 'data') return;
    // The best of holes: a task that waited for its processor would have the next look at some more sampled first.
    const ofHoles = Math.max(service.bytesPerMs, bytes / (holeFactor * Math.max(ms, msMin)));
    service.bytesPerMs = isData ? smoothed(service.bytesPerMs, bytes, ms) : ofHoles;
    service.known = isData ? 'data' : 'holes';
  }
}

const isThere = (service: Service): boolean => service.startable || service.workers.size > 0;

/** Numbers by number; a text, which stands for a service that is being worked on, before them; texts by arrival. */
function isNewer(a: Service, b: Service): number {
  const [x, y] = [a.descriptor.version, b.descriptor.version];
  if (typeof x !== typeof y) return typeof x === 'string' ? -1 : 1;
  return typeof x === 'number' && typeof y === 'number' && x !== y ? y - x : b.order - a.order;
}
