/** What the cache holds, file by file, and how to take one file's out: what `binglide cache ls` and `rm` need. */
import { lstat, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CacheFolder, removeFile } from './folder.js';
import { measureInput } from './inputs.js';
import { Ledger, type LedgerEntry } from './ledger.js';
import { parseChunkName } from './names.js';
import { roomOf } from './store.js';
import { chunkPlaces } from './sweep.js';

export interface CachedFile {
  /** Content hash, or provisional. */
  readonly id: string;
  /** Where files of this content were last seen, as far as is known. */
  readonly paths: readonly Uint8Array[];
  /** Of the file itself; null: not known. */
  readonly size: number | null;
  /** Services and how many chunks each has, by name. */
  readonly services: ReadonlyMap<string, number>;
  readonly chunks: number;
  /** Room that they take. */
  readonly bytes: number;
  /** Date.now() of the last use. */
  readonly usedMs: number;
}

/** The least lately used first. */
export async function listCache(root: string): Promise<CachedFile[]> {
  const folder = new CacheFolder(root, 0);
  const known = byContent(await new Ledger(folder).entries());
  const found = new Map<string, { services: Map<string, number>; chunks: number; bytes: number; usedMs: number }>();
  for await (const places of chunkPlaces({ folder })) {
    for (const { id, name, path } of places) {
      const stats = await lstat(path).catch(() => undefined);
      const service = parseChunkName(name)?.service;
      if (!stats || service === undefined) continue;
      let file = found.get(id);
      if (!file) found.set(id, (file = { services: new Map(), chunks: 0, bytes: 0, usedMs: 0 }));
      file.services.set(service, (file.services.get(service) ?? 0) + 1);
      file.chunks++;
      file.bytes += roomOf(stats.size);
      file.usedMs = Math.max(file.usedMs, stats.mtimeMs);
    }
  }
  return [...found]
    .map(([id, file]) => {
      const entries = known.get(id) ?? [];
      return { id, ...file, paths: entries.map(({ path }) => path), size: entries[0]?.size ?? null };
    })
    .sort((a, b) => a.usedMs - b.usedMs);
}

/**
 * Removes every chunk that the file at `path` has a part in, under all ids it has or had there, and what the ledger says
 * of it. A copy elsewhere loses its chunks too: they are the same. The file need not exist any more.
 */
export async function removeFromCache(root: string, path: string): Promise<{ chunks: number; bytes: number }> {
  const folder = new CacheFolder(root, 0);
  const ledger = new Ledger(folder);
  const bytes = Buffer.from(path);
  const now = await measureInput(bytes, undefined).catch(() => undefined);
  const realPath =
    now?.realPath ?? (await realpath(bytes, { encoding: 'buffer' }).catch(() => Buffer.from(resolve(path))));
  const ids = new Set<string>();
  for (const { id, hash, path: seen } of await ledger.entries()) {
    if (id !== now?.id && Buffer.compare(seen, realPath) !== 0) continue;
    ids.add(id);
    if (hash !== null) ids.add(hash);
  }
  if (now) ids.add(now.id);
  let chunks = 0;
  let freed = 0;
  for await (const places of chunkPlaces({ folder })) {
    for (const { id, name, path: file } of places) {
      if (!ids.has(id) && !parseChunkName(name)?.ids.some((other) => ids.has(other))) continue;
      const stats = await lstat(file).catch(() => undefined);
      if (!(await removeFile(file))) continue;
      chunks++;
      freed += roomOf(stats?.size ?? 0);
    }
  }
  for (const id of ids) await ledger.remove(id);
  return { chunks, bytes: freed };
}

/** Ledger entries by the folder in which their file's chunks lie. */
function byContent(entries: readonly LedgerEntry[]): Map<string, LedgerEntry[]> {
  const known = new Map<string, LedgerEntry[]>();
  for (const entry of entries) {
    for (const id of entry.hash === null ? [entry.id] : [entry.hash, entry.id]) {
      const same = known.get(id);
      if (!same) known.set(id, [entry]);
      else if (!same.some(({ path }) => Buffer.compare(path, entry.path) === 0)) same.push(entry);
    }
  }
  return known;
}
