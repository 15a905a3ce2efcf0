/**
 * The v2 workers, their slots and what each has been given. One task at a time runs on a slot; credit (tasks ahead) goes
 * only to the worker that is running. An answer is owed for every attempt until it comes or the worker goes.
 */
import { type Attempt, assert, Liveness, type PeerId, type SlotId } from '../protocol/index.js';

export interface WorkerEntry {
  readonly peer: PeerId;
  readonly digest: string;
  readonly slot: SlotId;
  /** Tasks that it may hold at once, the running one included; at least 1. */
  readonly credit: number;
  readonly liveness: Liveness;
  /** Oldest first; the first one runs. */
  readonly attempts: Attempt[];
  /** What they are likely to take together, milliseconds, without those that were asked back. */
  heldMs: number;
  /** Attempts that were asked back: they take no place of others. */
  readonly recalled: Set<Attempt>;
  /** Held, and nothing is to stand behind it. */
  last: Attempt | undefined;
}

export interface SlotEntry {
  readonly id: SlotId;
  readonly workers: Set<PeerId>;
  /** The worker that holds attempts, or undefined: the slot is idle. */
  running: PeerId | undefined;
  /** Order of becoming idle: the least recently used is chosen first. */
  idleOrder: number;
  /** Its death is among slotDeaths already. */
  isCounted: boolean;
}

export class Roster {
  readonly #workers = new Map<PeerId, WorkerEntry>();
  readonly #slots = new Map<SlotId, SlotEntry>();
  #order = 0;
  #deaths = 0;

  add(entry: Pick<WorkerEntry, 'peer' | 'digest' | 'slot' | 'credit'>, heartbeatMs: number, now: number): WorkerEntry {
    assert(!this.#workers.has(entry.peer), 'a worker is ready once');
    const worker: WorkerEntry = {
      ...entry,
      liveness: new Liveness(heartbeatMs, now),
      attempts: [],
      heldMs: 0,
      recalled: new Set(),
      last: undefined,
    };
    this.#workers.set(entry.peer, worker);
    let slot = this.#slots.get(entry.slot);
    if (!slot) {
      slot = { id: entry.slot, workers: new Set(), running: undefined, idleOrder: this.#order++, isCounted: false };
      this.#slots.set(entry.slot, slot);
    }
    slot.workers.add(entry.peer);
    return worker;
  }

  /** Takes the worker off; returns the attempts that it owed, oldest first. */
  remove(peer: PeerId): readonly Attempt[] {
    const worker = this.get(peer);
    assert(worker, 'a removed worker is on the roster');
    this.#workers.delete(peer);
    const slot = this.#slots.get(worker.slot)!;
    slot.workers.delete(peer);
    if (slot.running === peer) this.#free(slot);
    if (slot.workers.size === 0) this.#slots.delete(slot.id);
    // The workers of a dead slot go one by one: the first that goes with something in hand, or the last, tells.
    if (worker.attempts.length > 0 || (slot.workers.size === 0 && !slot.isCounted)) this.#deaths++;
    if (worker.attempts.length > 0) slot.isCounted = true;
    return worker.attempts;
  }

  get(peer: PeerId): WorkerEntry | undefined {
    return this.#workers.get(peer);
  }

  workers(): Iterable<WorkerEntry> {
    return this.#workers.values();
  }

  /** Slots that went so far, with or without something in hand. */
  get slotDeaths(): number {
    return this.#deaths;
  }

  get slotCount(): number {
    return this.#slots.size;
  }

  get busySlots(): number {
    let busy = 0;
    for (const slot of this.#slots.values()) if (slot.running !== undefined) busy++;
    return busy;
  }

  /** The worker of the service on the slot that has been idle longest. */
  idleWorker(digest: string): WorkerEntry | undefined {
    let best: { slot: SlotEntry; worker: WorkerEntry } | undefined;
    for (const slot of this.#slots.values()) {
      if (slot.running !== undefined || (best && best.slot.idleOrder < slot.idleOrder)) continue;
      const worker = this.#workerOn(slot, digest);
      if (worker) best = { slot, worker };
    }
    return best?.worker;
  }

  /**
   * A running worker of the service that may be given more (see hasRoom): the one that holds least. None on a slot where
   * another of the wanted services waits, for a slot that always has its next task is never that one's.
   */
  creditWorker(digest: string, aheadMs = Infinity, wanted: ReadonlySet<string> = new Set()): WorkerEntry | undefined {
    let best: WorkerEntry | undefined;
    for (const slot of this.#slots.values()) {
      const worker = slot.running === undefined ? undefined : this.#workers.get(slot.running);
      if (worker?.digest !== digest || !this.hasRoom(worker, aheadMs) || this.hasRival(worker, wanted)) continue;
      if (!best || worker.attempts.length < best.attempts.length) best = worker;
    }
    return best;
  }

  /** Another of these services has a worker on the same slot. */
  hasRival({ slot, digest }: WorkerEntry, wanted: ReadonlySet<string>): boolean {
    if (wanted.size === 0) return false;
    for (const peer of this.#slots.get(slot)!.workers) {
      const other = this.#workers.get(peer)!.digest;
      if (other !== digest && wanted.has(other)) return true;
    }
    return false;
  }

  /** Does a worker of the service share this one's slot, or is it one? */
  serves({ slot }: WorkerEntry, digest: string): boolean {
    return this.#workerOn(this.#slots.get(slot)!, digest) !== undefined;
  }

  /** It has credit, and next to nothing ahead: one task, or so many short ones that they are less than `aheadMs`. */
  hasRoom({ attempts, recalled, credit, heldMs, last }: WorkerEntry, aheadMs: number): boolean {
    return last === undefined && attempts.length < credit && (attempts.length - recalled.size < 2 || heldMs < aheadMs);
  }

  /** The worker is asked to give it back; it will be answered soon. `costMs` as it was assigned with. */
  recall(worker: WorkerEntry, attempt: Attempt, costMs: number): void {
    assert(worker.attempts.includes(attempt) && !worker.recalled.has(attempt), 'what is held is recalled once');
    worker.recalled.add(attempt);
    if (worker.last === attempt) worker.last = undefined;
    worker.heldMs -= costMs;
  }

  /** `costMs`: what it is likely to take. `isLast`: nothing is to stand behind it. */
  assign(worker: WorkerEntry, attempt: Attempt, costMs = 0, isLast = false): void {
    const slot = this.#slots.get(worker.slot)!;
    assert(slot.running === undefined || slot.running === worker.peer, 'a slot runs tasks of one worker');
    assert(worker.attempts.length < worker.credit, 'credit is not exceeded');
    assert(worker.last === undefined, 'nothing stands behind what is to be the last');
    slot.running = worker.peer;
    worker.attempts.push(attempt);
    worker.heldMs += costMs;
    if (isLast) worker.last = attempt;
  }

  /** The worker answered what was assigned with that cost; false where it does not owe this attempt. */
  settle(worker: WorkerEntry, attempt: Attempt, costMs = 0): boolean {
    const at = worker.attempts.indexOf(attempt);
    if (at < 0) return false;
    worker.attempts.splice(at, 1);
    if (!worker.recalled.delete(attempt)) worker.heldMs -= costMs;
    if (worker.last === attempt) worker.last = undefined;
    if (worker.attempts.length > 0) return true;
    worker.heldMs = 0;
    this.#free(this.#slots.get(worker.slot)!);
    return true;
  }

  validate(): void {
    for (const slot of this.#slots.values()) {
      assert(slot.workers.size > 0, 'a slot without workers is gone');
      for (const peer of slot.workers) {
        const worker = this.#workers.get(peer);
        assert(worker?.slot === slot.id, 'slots and workers agree');
        assert(worker.attempts.length > 0 === (slot.running === peer), 'the running worker is the one that owes');
      }
    }
  }

  #free(slot: SlotEntry): void {
    slot.running = undefined;
    slot.idleOrder = this.#order++;
  }

  #workerOn(slot: SlotEntry, digest: string): WorkerEntry | undefined {
    for (const peer of slot.workers) {
      const worker = this.#workers.get(peer)!;
      if (worker.digest === digest) return worker;
    }
    return undefined;
  }
}
