/**
 * Chunks on disk: one file each, found by its name alone. Whatever does not check is a miss and is removed; nothing here
 * throws for what the disk holds or does. Parts of one name are equal, so writers need not agree on anything.
 */
import { constants } from 'node:fs';
import { open, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, isBinglideError, type Part, type Span } from '../protocol/index.js';
import { createLog } from '../protocol/log.js';
import { decodeChunk, encodeChunk, type PartKind } from './chunk-file.js';
import { type CacheFolder, moveFile, namesIn, type PutOutcome, removeFile } from './folder.js';
import { errnoOf } from './inputs.js';
import { type ChunkName, chunkName, parseChunkName } from './names.js';

const log = createLog('binglide:cache');
/** A larger file is no chunk of ours. */
export const chunkFileBytesMax = 2 ** 30;
/** A hit moves a file to the young end of the sweep's order, at most so often. */
const touchMs = 60_000;

export interface StoreCounts {
  readonly hits: number;
  readonly misses: number;
  readonly damaged: number;
  readonly kept: number;
  readonly full: number;
  readonly refused: number;
}

export class ChunkStore {
  readonly #folder: CacheFolder;
  readonly #onWrite: (bytes: number) => void;
  readonly #counts = { hits: 0, misses: 0, damaged: 0, kept: 0, full: 0, refused: 0 };

  /** `onWrite` is told the room that each new file takes. */
  constructor(folder: CacheFolder, onWrite: (bytes: number) => void = () => undefined) {
    this.#folder = folder;
    this.#onWrite = onWrite;
  }

  get counts(): StoreCounts {
    return { ...this.#counts };
  }

  /** Names of the chunks of exactly these inputs; a missing folder holds none. */
  async list(ids: readonly string[], digest: string): Promise<string[]> {
    const names = await namesIn(this.#folder.chunks(checkedId(ids[0]!), digest));
    return names.filter((name) => {
      const parsed = parseChunkName(name);
      return parsed !== undefined && sameIds(parsed.ids, ids) && chunkName(parsed) === name;
    });
  }

  /** `span`: what the part must lie on; without it only the name is held against the file. */
  async read(ids: readonly string[], kind: PartKind, name: string, span?: Span): Promise<Part | undefined> {
    const parsed = checkedName(name, ids);
    const path = join(this.#folder.chunks(ids[0]!, kind.digest), name);
    const bytes = await this.#load(path);
    const part = bytes && decodeChunk(kind, parsed, bytes, span);
    if (part) {
      this.#counts.hits++;
      return part;
    }
    this.#counts.misses++;
    if (bytes && (await removeFile(path))) {
      this.#counts.damaged++;
      log('removed %s: it does not check', path);
    }
    return undefined;
  }

  /** Undefined where there is none; an empty array stands for anything that cannot be a chunk. */
  async #load(path: string): Promise<Uint8Array | undefined> {
    try {
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const stats = await file.stat();
        if (!stats.isFile() || stats.size > chunkFileBytesMax) return new Uint8Array(0);
        const now = Date.now();
        // Somebody else's cache may be readable and no more.
        if (Math.abs(now - stats.mtimeMs) > touchMs) await file.utimes(now / 1000, now / 1000).catch(() => undefined);
        return await file.readFile();
      } finally {
        await file.close();
      }
    } catch (error) {
      return ['ELOOP', 'EISDIR', 'EIO', 'ENXIO'].includes(errnoOf(error)) ? new Uint8Array(0) : undefined;
    }
  }

  async write(ids: readonly string[], kind: PartKind, name: string, part: Part): Promise<PutOutcome> {
    checkedName(name, ids);
    const path = join(this.#folder.chunks(ids[0]!, kind.digest), name);
    // What stands there already is replaced: it may be damaged, and nobody may have read it yet.
    let bytes: Uint8Array;
    try {
      bytes = encodeChunk(kind, part);
    } catch (error) {
      if (!isBinglideError(error)) throw error;
      log('%s is not kept: %s', name, error.message);
      this.#counts.refused++;
      return 'refused';
    }
    const outcome = await this.#folder.put(path, bytes);
    this.#counts[outcome]++;
    if (outcome === 'kept') this.#onWrite(roomOf(bytes.length));
    return outcome;
  }

  /**
   * Gives all in the folder of `from` (a provisional id) the name of its content. File by file, so it can be broken off
   * and done again by anyone; a target that is there already is the same bytes. Pairs that have `from` second lie in
   * their first input's folder: the sweep moves those (see `lateMoves`), and until then they are found by both ids.
   */
  async move(from: string, to: string): Promise<number> {
    const folder = join(this.#folder.base, checkedId(from));
    let moved = 0;
    for (const digest of await namesIn(folder)) {
      for (const name of await namesIn(join(folder, digest))) {
        const parsed = parseChunkName(name);
        if (!parsed) continue;
        const target = movedName(parsed, new Map([[from, to]]));
        if (await moveFile(join(folder, digest, name), join(this.#folder.chunks(checkedId(to), digest), target)))
          moved++;
      }
      await rmdir(join(folder, digest)).catch(() => undefined);
    }
    await rmdir(folder).catch(() => undefined);
    return moved;
  }
}

/** The name with every id that the map knows replaced. */
export function movedName(name: ChunkName, known: ReadonlyMap<string, string>): string {
  return chunkName({ ...name, ids: name.ids.map((id) => known.get(id) ?? id) });
}

/** Bytes that a file takes of the budget: file systems give them out by the page. */
export function roomOf(fileBytes: number): number {
  return Math.ceil(fileBytes / 4096) * 4096;
}

export function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/** Ids make paths: nothing else may ever come through. */
function checkedId(id: string): string {
  assert(/^~?[0-9a-f]{1,64}$/.test(id), `${id} is an id`);
  return id;
}

function checkedName(name: string, ids: readonly string[]): ChunkName {
  const parsed = parseChunkName(name);
  assert(parsed && sameIds(parsed.ids, ids), `${name} is a chunk of ${ids.join(' and ')}`);
  checkedId(ids[0]!);
  return parsed;
}
