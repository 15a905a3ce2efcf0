/**
 * What the shell asks of the disk: measuring inputs, finding, reading and keeping chunks, hashing. Names and identities
 * are the cache's business; here a chunk is its bounds.
 */

import type { Cache, Subject } from '../cache/index.js';
import type { Measured } from '../cache/inputs.js';
import { chunkName, paramTexts, parseChunkName } from '../cache/names.js';
import { isBinglideError } from '../protocol/index.js';
import { createLog } from '../protocol/log.js';
import type { BrokerCommand, BrokerEvent, ChunkBounds, ChunkContext, MeasuredInput } from './events.js';

type Command<K extends BrokerCommand['kind']> = BrokerCommand & { readonly kind: K };

const debug = createLog('binglide:storage');

/**
 * A file that has the size of a hashed one may be its copy, which is then known in as much time as its hash takes. It is
 * waited for so long, milliseconds, and not at all above this size: on a slow disk nothing would be seen for a minute.
 */
const copyWaitMs = 400;
const copyBytesMax = 4 * 2 ** 30;

/** Parts that wait to be written, all together. */
const writingBytesMax = 96 * 2 ** 20;

export class Storage {
  #writingBytes = 0;
  /** A hash came that was asked for in the background. */
  onHashed: (id: string, hash: string) => void = () => {};

  constructor(
    readonly cache: Cache,
    /** Folders that inputs must lie in; undefined: anywhere. */
    readonly roots: readonly string[] | undefined,
  ) {}

  async measure({ jobId, query, descriptor, digest, params }: Command<'measureInputs'>): Promise<BrokerEvent> {
    try {
      const paths = query.inputs.map((input) => input[0]!.path);
      const measured = await Promise.all(paths.map((path) => this.cache.measure(path, this.roots)));
      const looks = descriptor.cached && query.cache;
      const identified = await Promise.all(measured.map((input) => this.#identify(input, looks)));
      const inputs = identified.map(({ input }) => input);
      const bytesHashed = identified.reduce((sum, { bytes }) => sum + bytes, 0);
      const cached = looks ? await this.#list({ descriptor, digest, params, inputs, fields: [] }) : [];
      return { kind: 'inputsMeasured', jobId, inputs, cached, bytesHashed };
    } catch (error) {
      if (isBinglideError(error)) return { kind: 'inputsRefused', jobId, fault: error.toFault() };
      debug('measuring failed: %O', error);
      return { kind: 'inputsRefused', jobId, fault: { code: 'E_IO', message: String(error) } };
    }
  }

  async read({ jobId, context, bounds, span }: Command<'readChunk'>): Promise<BrokerEvent> {
    const part = await this.cache.read(subjectOf(context), nameOf(context, bounds), span).catch((error: unknown) => {
      debug('reading a chunk failed: %O', error);
      return undefined;
    });
    return { kind: 'chunkRead', jobId, bounds, part: part ?? null };
  }

  /** Kept in the background; where the disk cannot follow, chunks are given up and not memory. */
  write({ context, bounds, part }: Command<'writeChunk'>): void {
    const bytes = Object.values(part.columns).reduce((sum, column) => sum + column.byteLength, 0);
    if (this.#writingBytes > 0 && this.#writingBytes + bytes > writingBytesMax) {
      debug('a chunk was not kept: %d bytes are being written already', this.#writingBytes);
      return;
    }
    this.#writingBytes += bytes;
    this.cache
      .write(subjectOf(context), nameOf(context, bounds), part)
      .catch((error: unknown) => debug('a chunk was not kept: %O', error))
      .finally(() => {
        this.#writingBytes -= bytes;
      });
  }

  hash(input: MeasuredInput): void {
    this.cache.hash(input, { urgent: false }).then(
      ({ hash }) => this.onHashed(input.id, hash),
      (error: unknown) => debug('hashing in the background ended: %s', error),
    );
  }

  pauseHashing(): void {
    this.cache.pauseHashing();
  }
  resumeHashing(): void {
    this.cache.resumeHashing();
  }
  close(): Promise<void> {
    return this.cache.close();
  }

  async #identify(measured: Measured, looks: boolean): Promise<{ input: MeasuredInput; bytes: number }> {
    if (!looks) return { input: { ...measured, hash: null }, bytes: 0 };
    const { hash } = await this.cache.identify(measured);
    if (hash !== null) return { input: { ...measured, hash }, bytes: 0 };
    const why = await this.cache.hashFirst(measured);
    if (why === 'no' || (why === 'copy' && measured.size > copyBytesMax)) {
      return { input: { ...measured, hash: null }, bytes: 0 };
    }
    const hashing = this.cache.hash(measured, { urgent: true });
    const hashed = await (why === 'copy' ? this.#inTime(measured, hashing) : hashing);
    return { input: { ...measured, hash: hashed?.hash ?? null }, bytes: hashed?.bytes ?? 0 };
  }

  /** Undefined where it takes too long: then it is given up, and made in the background like any other. */
  async #inTime<T>(measured: Measured, hashing: Promise<T>): Promise<T | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, copyWaitMs, undefined);
    });
    try {
      const hashed = await Promise.race([hashing, late]);
      if (hashed === undefined) this.cache.cancelHash(measured);
      return hashed;
    } catch (error) {
      // Another job that waited for it as well was first to give it up.
      if (isBinglideError(error) && error.code === 'E_CANCELLED') return undefined;
      throw error;
    } finally {
      hashing.catch(() => undefined);
      clearTimeout(timer);
    }
  }

  async #list(context: ChunkContext): Promise<ChunkBounds[]> {
    const all = nameOf(context, { start: 0, end: 1 }).slice(0, -'0_1'.length);
    const names = await this.cache.list(subjectOf(context));
    return names.flatMap((name) => {
      const parsed = name.startsWith(all) ? parseChunkName(name) : undefined;
      return parsed ? [{ start: parsed.start, end: parsed.end }] : [];
    });
  }
}

const idsOf = (inputs: readonly MeasuredInput[]) => inputs.map((input) => input.hash ?? input.id);

function subjectOf({ descriptor, digest, fields, inputs }: ChunkContext): Subject {
  const { name: service, version } = descriptor;
  return { inputs, ids: idsOf(inputs), kind: { service, version, digest, fields } };
}

function nameOf({ descriptor, params, inputs }: ChunkContext, { start, end }: ChunkBounds): string {
  return chunkName({
    service: descriptor.name,
    params: paramTexts(descriptor, params),
    ids: idsOf(inputs),
    start,
    end,
  });
}
