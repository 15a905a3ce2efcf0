/**
 * Keeps the cache's folder in order, by named steps that run one after the other. Other processes go on reading and
 * writing meanwhile: any file may vanish under a step, and whatever a step removes is only computed again.
 */
import { lstat, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createLog } from '../protocol/log.js';
import { isSoundChunk } from './chunk-file.js';
import { CacheFolder, moveFile, namesIn, removeFile } from './folder.js';
import { Ledger } from './ledger.js';
import { parseChunkName } from './names.js';
import { chunkFileBytesMax, movedName, roomOf } from './store.js';

const log = createLog('binglide:cache');

export interface StepStats {
  readonly step: string;
  /** Files (or folders) looked at. */
  readonly looked: number;
  readonly removed: number;
  readonly moved: number;
  /** Room that the looked-at files took before, and that removed ones gave back. */
  readonly bytes: number;
  readonly bytesFreed: number;
  readonly ms: number;
}

type Counts = { -readonly [key in 'looked' | 'removed' | 'moved' | 'bytes' | 'bytesFreed']: number };

export interface Sweep {
  readonly folder: CacheFolder;
  readonly ledger: Ledger;
  /** What chunks and ledger may take; the oldest go first. */
  readonly bytesMax: number;
  /** Date.now() at its start. */
  readonly now: number;
  /** Looked at between files. */
  readonly signal?: AbortSignal;
}

type Step = readonly [name: string, run: (sweep: Sweep, counts: Counts) => Promise<void>];

/** A mark as young as this may belong to an entry that is just being written. */
const markMsMin = 60_000;
const batchFiles = 64;

const tidy: readonly Step[] = [
  ['tmp', removeTmp],
  ['moves', moveLate],
  ['budget', keepBudget],
  ['marks', removeMarks],
  ['folders', removeEmptyFolders],
];
const verify: readonly Step[] = [['damaged', removeDamaged], ...tidy.filter(([name]) => name !== 'budget')];

/** All that keeps the cache in order, and within `bytesMax`. */
export async function collectGarbage(root: string, bytesMax: number): Promise<StepStats[]> {
  return runSweep(sweepOf(root, bytesMax));
}

/** Reads every chunk and removes what does not check; then the rest of the order, without the budget. */
export async function verifyCache(root: string): Promise<StepStats[]> {
  return runSteps(verify, sweepOf(root, Infinity));
}

export async function runSweep(sweep: Sweep): Promise<StepStats[]> {
  return runSteps(tidy, sweep);
}

function sweepOf(root: string, bytesMax: number): Sweep {
  const folder = new CacheFolder(root, 0);
  return { folder, ledger: new Ledger(folder), bytesMax, now: Date.now() };
}

async function runSteps(steps: readonly Step[], sweep: Sweep): Promise<StepStats[]> {
  const all: StepStats[] = [];
  for (const [step, run] of steps) {
    if (sweep.signal?.aborted) break;
    const counts: Counts = { looked: 0, removed: 0, moved: 0, bytes: 0, bytesFreed: 0 };
    const began = performance.now();
    await run(sweep, counts);
    const stats = { step, ...counts, ms: Math.round(performance.now() - began) };
    log('swept %o', stats);
    all.push(stats);
  }
  return all;
}

/** A chunk's place; `name` is whatever the file is called. */
export interface ChunkPlace {
  readonly id: string;
  readonly digest: string;
  readonly name: string;
  readonly path: string;
}

/** Every file where chunks lie, a folder at a time. */
export async function* chunkPlaces({ folder, signal }: Pick<Sweep, 'folder' | 'signal'>): AsyncGenerator<ChunkPlace[]> {
  const ours = new Set([folder.ids, folder.sizes, folder.tmp]);
  for (const id of await namesIn(folder.base)) {
    if (ours.has(join(folder.base, id))) continue;
    for (const digest of await namesIn(join(folder.base, id))) {
      const names = await namesIn(folder.chunks(id, digest));
      for (let at = 0; at < names.length; at += batchFiles) {
        if (signal?.aborted) return;
        yield names
          .slice(at, at + batchFiles)
          .map((name) => ({ id, digest, name, path: join(folder.chunks(id, digest), name) }));
      }
    }
  }
}

async function removeTmp({ folder, now }: Sweep, counts: Counts): Promise<void> {
  const { looked, removed } = await folder.sweepTmp(now);
  counts.looked += looked;
  counts.removed += removed;
}

async function removeDamaged(sweep: Sweep, counts: Counts): Promise<void> {
  for await (const places of chunkPlaces(sweep)) {
    for (const place of places) {
      const stats = await lstat(place.path).catch(() => undefined);
      if (!stats) continue;
      counts.looked++;
      counts.bytes += roomOf(stats.size);
      if (stats.isFile() && stats.size <= chunkFileBytesMax && (await isSound(place))) continue;
      if (await removeFile(place.path)) {
        counts.removed++;
        counts.bytesFreed += roomOf(stats.size);
      }
    }
  }
  // Reading an entry removes it where it does not check.
  counts.looked += (await namesIn(sweep.folder.ids)).length;
  await sweep.ledger.entries();
}

async function isSound({ id, name, path }: ChunkPlace): Promise<boolean> {
  const parsed = parseChunkName(name);
  if (!parsed || parsed.ids[0] !== id) return false;
  try {
    return isSoundChunk(parsed, await readFile(path));
  } catch {
    // Gone, or not for us to read: no reason to remove it.
    return true;
  }
}

/** Gives chunks that still have a provisional id in their name the hash that the ledger has for it by now. */
async function moveLate(sweep: Sweep, counts: Counts): Promise<void> {
  const known = new Map<string, string>();
  for (const { id, hash } of await sweep.ledger.entries()) if (hash !== null) known.set(id, hash);
  for await (const places of chunkPlaces(sweep)) {
    for (const { digest, name, path } of places) {
      counts.looked++;
      const parsed = parseChunkName(name);
      if (!parsed?.ids.some((id) => known.has(id))) continue;
      const target = join(
        sweep.folder.chunks(known.get(parsed.ids[0]!) ?? parsed.ids[0]!, digest),
        movedName(parsed, known),
      );
      if (await moveFile(path, target)) counts.moved++;
    }
  }
}

/**
 * Oldest first, by the second of their last use. Two passes, since a cache can hold millions of files: the first adds up
 * the room by age, the second removes what is older than the age at which the rest fits.
 */
async function keepBudget(sweep: Sweep, counts: Counts): Promise<void> {
  const roomByAge = new Map<number, number>();
  for await (const { age, room } of aged(sweep)) {
    counts.looked++;
    counts.bytes += room;
    roomByAge.set(age, (roomByAge.get(age) ?? 0) + room);
  }
  let excess = counts.bytes - sweep.bytesMax;
  if (excess <= 0 || sweep.signal?.aborted) return;
  let last = -Infinity;
  for (const age of [...roomByAge.keys()].sort((a, b) => a - b)) {
    last = age;
    if ((excess -= roomByAge.get(age)!) <= 0) break;
  }
  // Of the last second's files only as many as it takes.
  let spared = -excess;
  for await (const { path, age, room } of aged(sweep)) {
    if (age > last) continue;
    if (age === last && spared >= room) {
      spared -= room;
    } else if (await removeFile(path)) {
      counts.removed++;
      counts.bytesFreed += room;
    }
  }
}

async function* aged(sweep: Sweep): AsyncGenerator<{ path: string; age: number; room: number }> {
  for await (const places of chunkPlaces(sweep)) yield* await measured(places.map(({ path }) => path));
  const ids = await namesIn(sweep.folder.ids);
  for (let at = 0; at < ids.length && !sweep.signal?.aborted; at += batchFiles) {
    yield* await measured(ids.slice(at, at + batchFiles).map((id) => join(sweep.folder.ids, id)));
  }
}

async function measured(paths: readonly string[]): Promise<{ path: string; age: number; room: number }[]> {
  const found = await Promise.all(
    paths.map(async (path) => {
      const stats = await lstat(path).catch(() => undefined);
      return stats && { path, age: Math.floor(stats.mtimeMs / 1000), room: Math.max(4096, roomOf(stats.size)) };
    }),
  );
  return found.filter((file) => file !== undefined);
}

/** Marks of sizes that no hashed file in the ledger has any more. */
async function removeMarks({ folder, ledger, now }: Sweep, counts: Counts): Promise<void> {
  const sizes = new Set((await ledger.entries()).filter(({ hash }) => hash !== null).map(({ size }) => String(size)));
  for (const name of await namesIn(folder.sizes)) {
    counts.looked++;
    const path = join(folder.sizes, name);
    if (sizes.has(name)) continue;
    const stats = await lstat(path).catch(() => undefined);
    if (stats && now - stats.mtimeMs > markMsMin && (await removeFile(path))) counts.removed++;
  }
}

async function removeEmptyFolders({ folder, signal }: Sweep, counts: Counts): Promise<void> {
  for (const id of await namesIn(folder.base)) {
    if (signal?.aborted) return;
    const path = join(folder.base, id);
    for (const inner of [...(await namesIn(path)).map((digest) => join(path, digest)), path]) {
      if ([folder.ids, folder.sizes, folder.tmp].some((kept) => inner === kept || inner.startsWith(`${kept}/`)))
        continue;
      counts.looked++;
      // Only an empty one can be removed so; a writer who had just made it makes it again.
      await rmdir(inner).then(
        () => counts.removed++,
        () => undefined,
      );
    }
  }
}
