/**
 * What the broker's storage does, on a virtual disk: measuring inputs, listing, reading and keeping chunks, hashing. The
 * disk is slow, fails, is full, flips bits and loses what was not renamed yet; what is on it survives the broker.
 *
 * Chunks rest as the real chunk files. Hot parts are handed out as they are, as the real memory does, with a sum that
 * tells when somebody wrote into one.
 */
import type { BrokerCommand, BrokerEvent, ChunkContext, MeasuredInput } from '../../broker/events.js';
import { decodeChunk, encodeChunk, type PartKind } from '../../cache/chunk-file.js';
import { chunkName, paramTexts, parseChunkName } from '../../cache/names.js';
import { fail, isBinglideError, type Part } from '../../protocol/index.js';
import type { Process } from './clock.js';
import { type Files, measuredOf, textOf } from './files.js';
import { demand, type World } from './world.js';

type Command<K extends BrokerCommand['kind']> = BrokerCommand & { readonly kind: K };
type Feed = (event: BrokerEvent) => void;

export interface DiskFaults {
  /** A read that gives nothing. */
  readonly readFails: number;
  /** A bit flipped on its way to the disk. */
  readonly flip: number;
  /** A write that leaves nothing: full, or the temporary file was lost. */
  readonly writeLost: number;
  /** Measuring ends in E_IO. */
  readonly measureFails: number;
  /** Longest wait, milliseconds. */
  readonly slowMs: number;
}

interface Resting {
  readonly service: string;
  readonly bytes: Uint8Array;
}

/** The disk itself: all brokers of the world have this one. */
export class Disk {
  /** `digest/name` → chunk file; ids in names are resting ids. */
  readonly #chunks = new Map<string, Resting>();
  readonly #hot = new Map<string, { readonly part: Part; readonly sum: number }>();
  /** Provisional id → content hash. */
  readonly #known = new Map<string, string>();
  counts = { reads: 0, hits: 0, writes: 0, lost: 0, flipped: 0 };

  constructor(
    readonly world: World,
    readonly files: Files,
    readonly faults: DiskFaults,
  ) {}

  hashOf(id: string): string | null {
    return this.#known.get(id) ?? null;
  }

  /** Moves what rests under the provisional id. */
  learn(id: string, hash: string): void {
    this.#known.set(id, hash);
    for (const chunks of [this.#chunks, this.#hot] as Map<string, unknown>[]) {
      for (const [key, value] of [...chunks]) {
        if (!key.includes(id)) continue;
        chunks.delete(key);
        chunks.set(key.replaceAll(id, hash), value);
      }
    }
  }

  list(context: ChunkContext): { start: number; end: number }[] {
    const all = this.#keyOf(context, { start: 0, end: 1 }).slice(0, -'0_1'.length);
    return [...this.#chunks.keys()]
      .filter((key) => key.startsWith(all))
      .map((key) => parseChunkName(key.slice(key.indexOf('/') + 1))!);
  }

  read({ context, bounds, span }: Command<'readChunk'>): Part | null {
    this.counts.reads++;
    const key = this.#keyOf(context, bounds);
    if (this.world.chance(this.faults.readFails)) return null;
    const hot = this.#hot.get(key);
    if (hot && this.world.random.chance(0.5)) {
      demand(hot.sum === sumOf(hot.part), `somebody wrote into the cached part ${key}`);
      this.counts.hits++;
      return hot.part;
    }
    const resting = this.#chunks.get(key);
    const part =
      resting && decodeChunk(kindOf(context), parseChunkName(key.slice(key.indexOf('/') + 1))!, resting.bytes, span);
    if (!part) this.#chunks.delete(key);
    else this.counts.hits++;
    return part ?? null;
  }

  write({ context, bounds, part }: Command<'writeChunk'>): void {
    const key = this.#keyOf(context, bounds);
    this.counts.writes++;
    this.#hot.set(key, { part, sum: sumOf(part) });
    if (this.world.chance(this.faults.writeLost)) {
      this.counts.lost++;
      return;
    }
    if (this.#chunks.has(key)) return;
    let bytes: Uint8Array;
    try {
      bytes = encodeChunk(kindOf(context), part);
    } catch (error) {
      demand(isBinglideError(error), `keeping ${key}: ${String(error)}`);
      return;
    }
    if (this.world.chance(this.faults.flip)) {
      this.counts.flipped++;
      const at = this.world.random.int(0, bytes.length - 1);
      bytes[at] = bytes[at]! ^ (1 << this.world.random.int(0, 7));
    }
    this.#chunks.set(key, { service: context.descriptor.name, bytes });
  }

  /** Everything kept in memory is gone with the broker. */
  forgetHot(): void {
    this.#hot.clear();
  }

  #keyOf({ descriptor, digest, params, inputs }: ChunkContext, { start, end }: { start: number; end: number }): string {
    const ids = inputs.map((input) => this.hashOf(input.id) ?? input.hash ?? input.id);
    return `${digest}/${chunkName({ service: descriptor.name, params: paramTexts(descriptor, params), ids, start, end })}`;
  }
}

/** One broker life's use of it. */
export class SimStorage {
  #paused = false;

  constructor(
    readonly disk: Disk,
    readonly process: Process,
    readonly feed: Feed,
  ) {}

  measure({ jobId, query, descriptor, digest, params }: Command<'measureInputs'>): void {
    const { disk } = this;
    const { world, files } = disk;
    const act = (): BrokerEvent => {
      try {
        if (world.chance(disk.faults.measureFails)) throw fail('E_IO', 'cannot be read (EIO)');
        const inputs = query.inputs.map((input): MeasuredInput => {
          const state = files.get(textOf(input[0]!.path));
          if (!state) throw fail('E_NOT_FOUND', `${textOf(input[0]!.path)}: no such file`);
          const isHashedFirst = query.cache && descriptor.cached && Number.parseInt(state.hash[0]!, 16) < 6;
          if (isHashedFirst && disk.hashOf(state.id) === null) disk.learn(state.id, state.hash);
          return { ...measuredOf(state), hash: query.cache ? disk.hashOf(state.id) : null };
        });
        const looks = descriptor.cached && query.cache;
        const cached = looks ? disk.list({ descriptor, digest, params, inputs, fields: [] }) : [];
        return { kind: 'inputsMeasured', jobId, inputs, cached, bytesHashed: 0 };
      } catch (error) {
        if (!isBinglideError(error)) throw error;
        return { kind: 'inputsRefused', jobId, fault: error.toFault() };
      }
    };
    // The files are looked at now or then; the answer comes later still.
    const early = world.random.chance(0.5) ? act() : undefined;
    this.process.after(this.#waitMs(), () => this.feed(early ?? act()));
  }

  read(command: Command<'readChunk'>): void {
    const { jobId, bounds } = command;
    this.process.after(this.#waitMs(), () =>
      this.feed({ kind: 'chunkRead', jobId, bounds, part: this.disk.read(command) }),
    );
  }

  write(command: Command<'writeChunk'>): void {
    this.process.after(this.#waitMs(), () => this.disk.write(command));
  }

  hash(input: MeasuredInput): void {
    this.process.after(this.disk.world.ms(20, 600), () => {
      if (this.#paused) return this.hash(input);
      const state = this.disk.files.get(textOf(input.path));
      if (state?.id !== input.id) return;
      this.disk.learn(input.id, state.hash);
      this.feed({ kind: 'inputHashed', id: input.id, hash: state.hash });
    });
  }

  pause(paused: boolean): void {
    this.#paused = paused;
  }

  #waitMs(): number {
    const { world, faults } = this.disk;
    return world.chance(0.1) ? world.ms(0, faults.slowMs) : world.ms(0.1, 2);
  }
}

function kindOf({ descriptor, digest, fields }: ChunkContext): PartKind {
  return { service: descriptor.name, version: descriptor.version, digest, fields };
}

function sumOf(part: Part): number {
  let sum = part.start + part.end;
  for (const column of Object.values(part.columns))
    for (let i = 0; i < column.length; i++) sum += column[i]! * ((i & 7) + 1);
  return sum;
}
