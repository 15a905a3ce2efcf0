/** What a seed's world looks like: its files, its peers, its questions, and which of the faults it has. */
import type { Ask } from '../../client/events.js';
import type { PlainMap, Query } from '../../protocol/index.js';
import type { AnyWorker } from '../../workers/service.js';
import { bytes } from '../../workers/services/bytes.js';
import { diff } from '../../workers/services/diff.js';
import { ent } from '../../workers/services/ent.js';
import { hist } from '../../workers/services/hist.js';
import type { Random } from '../random.js';
import type { DiskFaults } from './disk.js';
import { content, type Files, textOf, variant } from './files.js';
import type { NetworkFaults } from './network.js';
import { sets } from './sets.js';
import type { SlotFaults } from './thread.js';

export const services: readonly AnyWorker[] = [hist, ent, diff, bytes, sets];

export interface SlotPlan {
  readonly services: readonly AnyWorker[];
  readonly credit: number;
  readonly bytesPerMs: number;
  /** What a seek takes, as the slot tells it. */
  readonly seekMs: number;
}

export interface Plan {
  readonly clients: number;
  readonly requests: number;
  /** Requests come within so long. */
  readonly askMs: number;
  readonly cancels: number;
  readonly slots: readonly SlotPlan[];
  readonly plainWorkers: number;
  readonly plainClients: number;
  readonly startable: boolean;
  readonly stutter: number;
  /** Messages out of place, thrown at the broker. */
  readonly rogue: number;
  readonly jobsMax: number;
  readonly heartbeatMs: number;
  readonly sliceMs: number;
  readonly sampleAboveMs: number;
  readonly asks: readonly Ask[];
  /** Faults a second of virtual time, by kind. */
  readonly rates: { readonly [kind in TimedFault]: number };
  readonly network: NetworkFaults;
  readonly disk: DiskFaults;
  readonly worker: SlotFaults;
}

export const timedFaults = [
  'cutLink',
  'stallLink',
  'killSlot',
  'freezeSlot',
  'jumpSlot',
  'killBroker',
  'freezeBroker',
  'jumpBroker',
  'killClient',
  'freezeClient',
  'closeClient',
  'changeFile',
] as const;
export type TimedFault = (typeof timedFaults)[number];

const sizes = [0, 1, 4095, 4096, 4097, 65_536];

function sizeFrom(random: Random): number {
  const dice = random.unit();
  if (dice < 0.12) return random.pick(sizes);
  if (dice < 0.4) return random.int(5000, 300_000);
  if (dice < 0.9) return random.int(300_000, 4_000_000);
  return random.int(4_000_000, 12_000_000);
}

export function makeFiles(random: Random, files: Files): void {
  const first = files.put('/a', content(random, sizeFrom(random))).bytes;
  files.put('/b', variant(random, first));
  files.put('/c', random.chance(0.3) ? new Uint8Array(first) : content(random, sizeFrom(random)));
}

function rangeFrom(random: Random, length: number): Query['range'] {
  const dice = random.unit();
  const edge = () => {
    const at = random.int(0, length);
    return random.chance(0.3) ? at - (at % 65_536) : random.chance(0.4) ? at - (at % 4096) : at;
  };
  if (dice < 0.4) return { start: 0, end: null };
  if (dice < 0.5) return { start: -Math.min(length, random.int(1, 100_000)), end: null };
  if (dice < 0.55) return { start: edge(), end: length + random.int(0, 3) };
  const [a, b] = [edge(), edge()];
  return { start: Math.min(a, b), end: Math.max(a, b) };
}

function paramsFrom(random: Random, service: string): PlainMap {
  if (service === 'ENT' && random.chance(0.35)) {
    return { block: random.pick([4096, 4096, 1000, 5000, 16_384, 65_536, 65_537, 100_000, 333]) };
  }
  if (service === 'DIFF') {
    const params: { [name: string]: number } = {};
    if (random.chance(0.4)) params.gap = random.pick([0, 1, 64, 500, 5000]);
    if (random.chance(0.3)) params.shift = random.pick([1, -1, 4096, -4096, 777, -100_000]);
    if (random.chance(0.02)) params.gap = -1;
    return params;
  }
  return {};
}

const input = (path: string) => [{ path: new Uint8Array(Buffer.from(path)), offset: 0, length: null }];

export function askFrom(random: Random, files: Files): Ask {
  const service = random.pick(['HIST', 'HIST', 'ENT', 'ENT', 'ENT', 'DIFF', 'DIFF', 'SETS', 'BYTES']);
  const path = random.chance(0.01) ? '/missing' : random.pick(files.paths());
  const length = files.get(path)?.bytes.length ?? 0;
  const isPair = service === 'DIFF';
  const second = random.chance(0.7) ? '/b' : random.pick(files.paths());
  const inputs = isPair !== random.chance(0.01) ? [input(path), input(second)] : [input(path)];
  const start = random.int(0, length);
  const range =
    service === 'BYTES' ? { start, end: Math.min(length, start + random.int(0, 3000)) } : rangeFrom(random, length);
  return {
    kind: 'query',
    query: {
      service,
      inputs,
      range,
      cells: random.pick([1, 7, 64, 1024, 1024, 4096, random.chance(0.05) ? 2 ** 21 : 300]),
      snap: random.chance(0.2),
      params: paramsFrom(random, service),
      cache: !random.chance(0.15),
    },
  };
}

/** The same question of another stretch, or of the same one otherwise: what one leaves in the cache serves the other. */
function variationOf(random: Random, ask: Ask, files: Files): Ask {
  if (ask.kind === 'raw' || ask.query.service === 'BYTES') return ask;
  const { query } = ask;
  const length = files.get(textOf(query.inputs[0]![0]!.path))?.bytes.length ?? 0;
  const cells = random.chance(0.5) ? query.cells : random.pick([7, 300, 4096]);
  const params = random.chance(0.7) ? query.params : paramsFrom(random, query.service);
  return { kind: 'query', query: { ...query, range: rangeFrom(random, length), cells, params } };
}

function slotsFrom(random: Random): SlotPlan[] {
  const slots = Array.from({ length: random.int(1, 4) }, (): SlotPlan => {
    const some = services.filter(() => random.chance(0.7));
    return {
      services: some.length > 0 && random.chance(0.5) ? some : services,
      credit: random.pick([1, 1, 2, 2, 3, 16]),
      bytesPerMs: random.pick([4_000, 15_000, 60_000, 250_000]),
      seekMs: random.pick([0.01, 0.01, 0.01, 10]),
    };
  });
  // Each service has somebody.
  return [{ ...slots[0]!, services }, ...slots.slice(1)];
}

/** `isCalm`: no faults at all. */
export function planFrom(random: Random, files: Files, isCalm: boolean): Plan {
  const has = (probability: number) => !isCalm && random.chance(probability);
  const rates = Object.fromEntries(timedFaults.map((kind) => [kind, has(0.3) ? random.pick([0.2, 0.5, 1.5]) : 0])) as {
    [kind in TimedFault]: number;
  };
  const rate = (probability: number, most: number) => (has(probability) ? random.unit() * most : 0);
  const asks: Ask[] = [];
  for (let i = random.int(3, 8); i > 0; i--) {
    const isNew = asks.length === 0 || random.chance(0.6);
    asks.push(isNew ? askFrom(random, files) : variationOf(random, random.pick(asks), files));
  }
  if (random.chance(0.4)) asks.push({ kind: 'raw', service: 'ECHO', body: [Buffer.from('ping'), random.bytes(0)] });
  return {
    clients: random.int(1, 4),
    requests: random.int(3, 16),
    askMs: random.pick([100, 2000, 6000]),
    cancels: random.chance(0.5) ? random.int(1, 6) : 0,
    slots: slotsFrom(random),
    plainWorkers: random.int(1, 2),
    plainClients: random.int(0, 2),
    startable: random.chance(0.6),
    stutter: rate(0.3, 0.5),
    rogue: has(0.3) ? random.int(5, 60) : 0,
    jobsMax: has(0.1) ? random.int(1, 4) : 1000,
    heartbeatMs: random.pick([100, 250]),
    sliceMs: random.pick([2, 10]),
    sampleAboveMs: random.pick([1, 60, 60, Infinity]),
    asks,
    rates,
    network: {
      dropPublication: isCalm ? 0 : random.pick([0, 0.3, 0.3, 1]),
      noticeAtOnce: isCalm ? 1 : random.pick([0, 0.6, 1]),
      noticeEver: random.pick([0, 0.5, 1]),
    },
    disk: {
      readFails: rate(0.3, 0.5),
      flip: rate(0.3, 0.5),
      writeLost: rate(0.3, 1),
      measureFails: rate(0.1, 0.2),
      slowMs: random.pick([2, 30, 800]),
    },
    worker: {
      crash: rate(0.25, 0.08),
      spin: rate(0.15, 0.05),
      deaf: rate(0.3, 1),
      throws: rate(0.1, 0.03),
      lies: rate(0.1, 0.03),
      repeats: rate(0.4, 0.5),
    },
  };
}

/** Is the answer made of chunks alone: bounds on multiples of the least chunk, or on the ends of the data. */
export function isCached(ask: Ask, files: Files): boolean {
  if (ask.kind === 'raw' || !ask.query.cache || ask.query.service === 'BYTES') return false;
  const { range, inputs, params, snap } = ask.query;
  const sizes = inputs.map((input) => files.get(textOf(input[0]!.path))?.bytes.length ?? 0);
  const isBound = (at: number) => at >= 0 && (at % 65_536 === 0 || (sizes.length === 1 && at === sizes[0]));
  return !snap && !params.block && !params.shift && isBound(range.start) && (range.end === null || isBound(range.end));
}
