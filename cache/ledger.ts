/**
 * Which content a file state has: provisional id → content hash, a small sealed file each, kept in the cache's root so
 * that a file is hashed once and not once a process. An entry without a hash only remembers the path, for listings.
 *
 * Beside it stands an index of sizes: a file whose size some hashed file has may be a copy of it, or the same file
 * touched, and is worth hashing before anything is computed.
 */
import { readFile, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type CacheFolder, namesIn, type PutOutcome, removeFile } from './folder.js';
import { errnoOf, type Measured } from './inputs.js';
import { seal, unseal } from './sealed.js';

export interface LedgerEntry {
  /** Provisional id. */
  readonly id: string;
  /** BLAKE3 of the content in hex; null: not known yet. */
  readonly hash: string | null;
  readonly size: number;
  /** Where the file was last seen. */
  readonly path: Uint8Array;
}

const magic = 'BXENTRY1';
/** A used entry moves to the young end of the sweep's order, at most so often. */
const touchMs = 3_600_000;

export class Ledger {
  readonly #folder: CacheFolder;

  constructor(folder: CacheFolder) {
    this.#folder = folder;
  }

  /** The content hash of the file in that state; null while nobody has computed it. */
  async hashOf({ id, size }: Pick<Measured, 'id' | 'size'>): Promise<string | null> {
    const entry = await this.entry(id);
    if (!entry || entry.size !== size) return null;
    const path = this.#path(id);
    const now = Date.now();
    const stats = await stat(path).catch(() => undefined);
    if (stats && Math.abs(now - stats.mtimeMs) > touchMs) {
      await utimes(path, now / 1000, now / 1000).catch(() => undefined);
    }
    return entry.hash;
  }

  /** An entry that does not check is none and is removed. */
  async entry(id: string): Promise<LedgerEntry | undefined> {
    const path = this.#path(id);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (error) {
      if (['ELOOP', 'EISDIR', 'EIO'].includes(errnoOf(error))) await removeFile(path);
      return undefined;
    }
    const entry = decodeEntry(bytes);
    if (entry?.id === id) return entry;
    await removeFile(path);
    return undefined;
  }

  /** Keeps the hash. The size's mark comes first: a mark too many costs one hashing, one too few a recomputation. */
  async record({ id, size, realPath }: Measured, hash: string): Promise<PutOutcome> {
    const mark = join(this.#folder.sizes, String(size));
    if (!(await exists(mark))) await this.#folder.put(mark, new Uint8Array(0));
    return this.#put({ id, hash, size, path: realPath });
  }

  /** Remembers the path of a file that has parts but no hash yet. */
  async note({ id, size, realPath }: Measured): Promise<void> {
    // Should a hash be recorded between these two lines, it is lost and will be computed once more.
    if (!(await exists(this.#path(id)))) await this.#put({ id, hash: null, size, path: realPath });
  }

  /** Does some file of this size have its hash recorded? */
  async hasHashedSize(size: number): Promise<boolean> {
    return exists(join(this.#folder.sizes, String(size)));
  }

  async entries(): Promise<LedgerEntry[]> {
    const found: LedgerEntry[] = [];
    for (const id of await namesIn(this.#folder.ids)) {
      const entry = await this.entry(id);
      if (entry) found.push(entry);
    }
    return found;
  }

  async remove(id: string): Promise<boolean> {
    return removeFile(this.#path(id));
  }

  async #put(entry: LedgerEntry): Promise<PutOutcome> {
    return this.#folder.put(this.#path(entry.id), seal(magic, entry));
  }

  #path(id: string): string {
    return join(this.#folder.ids, id);
  }
}

function decodeEntry(bytes: Uint8Array): LedgerEntry | undefined {
  const sealed = unseal(magic, bytes);
  if (!sealed || sealed.rest.length > 0) return undefined;
  const { id, hash, size, path } = sealed.map;
  if (typeof id !== 'string' || typeof size !== 'number' || !(path instanceof Uint8Array)) return undefined;
  if (hash !== null && !(typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash))) return undefined;
  return { id, hash, size, path };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
