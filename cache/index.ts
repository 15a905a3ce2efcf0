/**
 * The cache as its user sees it: parts by name, on disk and in memory, and the identities of the files that they are of.
 *
 * A file has one or two ids: the provisional one from the start and its content hash as soon as that is known. Callers
 * name chunks by the ids that they began with (`Subject.ids`) and never have to change them; here both are looked up.
 * Nothing throws for the disk's sake, and nothing is kept of files that are too young to tell (settling.ts).
 */

import { LRUCache } from 'lru-cache';
import type { Part, Span } from '../protocol/index.js';
import { createLog } from '../protocol/log.js';
import { Budget } from './budget.js';
import type { PartKind } from './chunk-file.js';
import { CacheFolder, type PutOutcome } from './folder.js';
import { type FileHash, Hasher } from './hasher.js';
import { type Measured, measureInput } from './inputs.js';
import { Ledger } from './ledger.js';
import { PartMemory, partBytes } from './memory.js';
import { chunkName, parseChunkName } from './names.js';
import { type CacheOptions, checkCacheOptions } from './options.js';
import { Settling } from './settling.js';
import { ChunkStore, type StoreCounts } from './store.js';

export { type PartKind, partKind } from './chunk-file.js';
export { type CachedFile, listCache, removeFromCache } from './contents.js';
export type { FileHash } from './hasher.js';
export { type Measured, pathText } from './inputs.js';
export { type CacheOptions, cacheRoot, checkCacheOptions } from './options.js';
export { collectGarbage, type StepStats, verifyCache } from './sweep.js';

/** What parts are of. */
export interface Subject {
  readonly inputs: readonly Measured[];
  /** One an input, as they stand in the chunks' names: what `identify` gave when the work began. */
  readonly ids: readonly string[];
  readonly kind: PartKind;
}

/** `held`: until the file is old enough. `dropped`: it changed, or too much is held already. */
export type WriteOutcome = PutOutcome | 'held' | 'dropped';

const log = createLog('binglide:cache');
/**
 * File states whose hash is kept at hand; the ledger knows the others. By size, of which each has 1: by number, room for
 * all of them is made at once, which took 30 ms of every start.
 */
const knownFiles = { maxSize: 65_536, sizeCalculation: () => 1 };

export class Cache {
  readonly options: CacheOptions;
  readonly #store: ChunkStore;
  readonly #ledger: Ledger;
  readonly #memory: PartMemory;
  readonly #hasher = new Hasher();
  readonly #settling: Settling;
  readonly #budget: Budget;
  /** Provisional id → content hash, of settled files. */
  readonly #known = new LRUCache<string, string>(knownFiles);
  /** Provisional ids whose path the ledger has been told. */
  readonly #noted = new LRUCache<string, true>(knownFiles);
  readonly #writes = new Set<Promise<unknown>>();
  readonly #background = new Set<Promise<unknown>>();
  #heldBytes = 0;

  constructor(options: Partial<CacheOptions> = {}) {
    this.options = checkCacheOptions(options);
    const folder = new CacheFolder(this.options.root, this.options.backoffMs);
    this.#ledger = new Ledger(folder);
    this.#memory = new PartMemory(this.options.memoryBytesMax);
    this.#settling = new Settling(this.options.settleMs);
    this.#budget = new Budget(folder, this.#ledger, this.options);
    this.#store = new ChunkStore(folder, (bytes) => this.#budget.wrote(bytes));
  }

  get counts(): StoreCounts & { readonly heldBytes: number; readonly memoryBytes: number } {
    return { ...this.#store.counts, heldBytes: this.#heldBytes, memoryBytes: this.#memory.bytes };
  }

  /** Throws the typed error that says why the file cannot be an input; see inputs.ts. */
  measure(path: Uint8Array, roots?: readonly string[]): Promise<Measured> {
    return measureInput(path, roots, this.options.settleMs);
  }

  /** The name to work under and the content hash where it is known already; reads nothing of the file. */
  async identify(measured: Measured): Promise<{ id: string; hash: string | null }> {
    const hash = this.#known.get(measured.id) ?? (await this.#ledger.hashOf(measured));
    if (hash !== null) this.#known.set(measured.id, hash);
    return { id: hash ?? measured.id, hash };
  }

  /** Names of the chunks at hand, all by `subject.ids`, whichever ids they rest under. */
  async list(subject: Subject): Promise<string[]> {
    const found = new Set<string>();
    for (const ids of this.#namings(subject)) {
      for (const name of await this.#store.list(ids, subject.kind.digest)) found.add(renamed(name, subject.ids));
    }
    return [...found];
  }

  /** `span`: what the part is to lie on. Undefined: not at hand, or no good and removed. */
  async read(subject: Subject, name: string, span?: Span): Promise<Part | undefined> {
    const key = { id: subject.ids[0]!, digest: subject.kind.digest, name };
    const hot = this.#memory.get(key);
    if (hot) return hot;
    for (const ids of this.#namings(subject)) {
      const part = await this.#store.read(ids, subject.kind, renamed(name, ids), span);
      if (!part) continue;
      this.#memory.set(key, part);
      return part;
    }
    return undefined;
  }

  /** The part is shared from here on: nobody writes into it. */
  async write(subject: Subject, name: string, part: Part): Promise<WriteOutcome> {
    if (subject.inputs.every((input) => this.#settling.waitMs(input) === 0)) return this.#commit(subject, name, part);
    const bytes = partBytes(part);
    if (this.#heldBytes + bytes > this.options.heldBytesMax) return 'dropped';
    this.#heldBytes += bytes;
    this.#inBackground(async () => {
      try {
        await this.#commit(subject, name, part);
      } finally {
        this.#heldBytes -= bytes;
      }
    });
    return 'held';
  }

  /**
   * Is the file worth hashing before anything is computed? `quick`: it takes about 20 ms. `copy`: some hashed file has
   * its size, so its parts may be at hand under its content.
   */
  async hashFirst({ size }: Measured): Promise<'quick' | 'copy' | 'no'> {
    if (size <= this.#hasher.quickBytes()) return 'quick';
    return (await this.#ledger.hasHashedSize(size)) ? 'copy' : 'no';
  }

  /** The content hash, computed where nobody has; what rests under the provisional id is moved behind the caller. */
  async hash(measured: Measured, { urgent }: { urgent: boolean }): Promise<FileHash> {
    const { hash } = await this.identify(measured);
    if (hash !== null) return { hash, bytes: 0 };
    const found = await this.#hasher.hashFile(measured.realPath, measured.identity, { urgent });
    this.#inBackground(() => this.#learn(measured, found.hash));
    return found;
  }

  /** While there is other work: only urgent hashes go on. */
  pauseHashing(): void {
    this.#hasher.pause();
  }

  resumeHashing(): void {
    this.#hasher.resume();
  }

  cancelHash({ realPath }: Measured): void {
    this.#hasher.cancel(realPath);
  }

  /** Waits for what is being written; of young files that cannot be told yet nothing is kept. */
  async close(): Promise<void> {
    await this.#hasher.close();
    this.#settling.close();
    while (this.#background.size > 0 || this.#writes.size > 0) {
      await Promise.allSettled([...this.#background, ...this.#writes]);
    }
    await this.#budget.close();
  }

  async #commit(subject: Subject, name: string, part: Part): Promise<WriteOutcome> {
    const settled = await Promise.all(subject.inputs.map((input) => this.#settling.settled(input)));
    if (settled.includes(false)) return 'dropped';
    this.#memory.set({ id: subject.ids[0]!, digest: subject.kind.digest, name }, part);
    const write = this.#put(subject, name, part);
    this.#writes.add(write);
    return write.finally(() => this.#writes.delete(write));
  }

  async #put({ inputs, ids, kind }: Subject, name: string, part: Part): Promise<PutOutcome> {
    const restingIds = inputs.map((input, i) => this.#known.get(input.id) ?? ids[i]!);
    const outcome = await this.#store.write(restingIds, kind, renamed(name, restingIds), part);
    if (outcome !== 'kept') return outcome;
    for (const input of inputs) {
      if (restingIds.includes(input.id) && !this.#noted.has(input.id)) {
        this.#noted.set(input.id, true);
        await this.#ledger.note(input);
      }
    }
    return outcome;
  }

  /** From here on parts are written under the hash; then what was written before follows. */
  async #learn(measured: Measured, hash: string): Promise<void> {
    if (!(await this.#settling.settled(measured))) return;
    this.#known.set(measured.id, hash);
    await this.#ledger.record(measured, hash);
    await Promise.allSettled([...this.#writes]);
    await this.#store.move(measured.id, hash);
  }

  /**
   * All the ids under which the inputs' chunks may rest. Provisional ones come first: a chunk that is moved while it is
   * looked for is then found where it went.
   */
  #namings({ inputs, ids }: Subject): string[][] {
    const each = inputs.map((input, i) => [...new Set([input.id, ids[i]!, this.#known.get(input.id) ?? input.id])]);
    return each.reduce<string[][]>((all, some) => all.flatMap((head) => some.map((id) => [...head, id])), [[]]);
  }

  #inBackground(work: () => Promise<unknown>): void {
    const done: Promise<unknown> = work()
      .catch((error) => log('%s', error))
      .finally(() => this.#background.delete(done));
    this.#background.add(done);
  }
}

/** By position: two inputs may well have the same id. */
function renamed(name: string, ids: readonly string[]): string {
  return chunkName({ ...parseChunkName(name)!, ids });
}
