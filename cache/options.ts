/** What can be set of the cache, and where it lies by default. */
import { statfsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fail } from '../protocol/index.js';

export interface CacheOptions {
  /** Folder that holds everything; made with mode 0700 where it is missing. Default: `cacheRoot()`. */
  readonly root: string;
  /**
   * Bytes the cache may take on disk, each file rounded up to 4 KiB; 0 keeps nothing on disk for long. Default: the
   * smaller of 10 GiB and a tenth of what is free on the root's disk at start.
   */
  readonly bytesMax: number;
  /** Bytes of parts kept in memory in front of the disk; 0: none. Default 32 MiB. */
  readonly memoryBytesMax: number;
  /**
   * A file changed less than this many milliseconds ago could change again without its times showing it: until then
   * nothing of it is kept. Default 2000.
   */
  readonly settleMs: number;
  /** Bytes of parts of such young files that wait in memory; more is dropped. Default 32 MiB. */
  readonly heldBytesMax: number;
  /** Least milliseconds between two passes that bring a grown cache back under `bytesMax`. Default 10,000. */
  readonly sweepMs: number;
  /** After a failed write (disk full, read-only …) nothing is tried for so many milliseconds. Default 10,000. */
  readonly backoffMs: number;
}

const mib = 2 ** 20;
const gib = 2 ** 30;

/** Complete options; throws E_USAGE naming the field, its value and what is taken. */
export function checkCacheOptions(given: Partial<CacheOptions> = {}): CacheOptions {
  const root = resolve(given.root ?? cacheRoot());
  const options: CacheOptions = {
    root,
    bytesMax: given.bytesMax ?? defaultBytesMax(root),
    memoryBytesMax: given.memoryBytesMax ?? 32 * mib,
    settleMs: given.settleMs ?? 2000,
    heldBytesMax: given.heldBytesMax ?? 32 * mib,
    sweepMs: given.sweepMs ?? 10_000,
    backoffMs: given.backoffMs ?? 10_000,
  };
  const { root: _, ...numbers } = options;
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw fail('E_USAGE', `cache option ${name} is ${value}; it takes a whole number from 0`);
    }
  }
  return options;
}

/** `dir` (--cache-dir), else $BINGLIDE_CACHE_DIR, else $XDG_CACHE_HOME/binglide, else ~/.cache/binglide; absolute. */
export function cacheRoot(dir?: string, env: NodeJS.ProcessEnv = process.env): string {
  if (dir) return resolve(dir);
  if (env.BINGLIDE_CACHE_DIR) return resolve(env.BINGLIDE_CACHE_DIR);
  // The XDG rules say that a relative path there is to be ignored.
  const base = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'binglide');
}

/** The smaller of 10 GiB and a tenth of what is free on the disk that holds `root`, or will. */
export function defaultBytesMax(root: string): number {
  for (let folder = root; ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return Math.min(10 * gib, Math.floor((bavail * bsize) / 10));
    } catch {
      if (folder === dirname(folder)) return 10 * gib;
    }
  }
}
