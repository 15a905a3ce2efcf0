/**
 * The cache's folder on disk: where things lie, and the only way in which files come to be.
 *
 *   <root>/v1/<id of the first input>/<descriptor digest>/<chunk name>
 *   <root>/v1/ids/<provisional id>     the ledger: what a file state's content hash is
 *   <root>/v1/sizes/<size>             empty: some file of this size is in the ledger with its hash
 *   <root>/v1/tmp/<pid>.<random>       files being written
 *
 * A new format is a new `v…` folder. The file system is the index and several processes share a root, so every file
 * appears whole (temporary file, then rename) and any file may vanish at any time. A disk that is full or read-only
 * costs the cache and nothing else: `put` says so and never throws.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createLog } from '../protocol/log.js';
import { errnoOf } from './inputs.js';

/** `full`: no room. `refused`: read-only, no permission or worse. */
export type PutOutcome = 'kept' | 'full' | 'refused';

const log = createLog('binglide:cache');
const folderMode = 0o700;
const fileMode = 0o600;
/** A temporary file this old belongs to nobody, whoever made it. */
const tmpMsMax = 3_600_000;
/** The owner may live where this process cannot see it (another container): so long it is left alone. */
const tmpMsMin = 60_000;

export class CacheFolder {
  readonly root: string;
  readonly base: string;
  readonly ids: string;
  readonly sizes: string;
  readonly tmp: string;
  readonly #backoffMs: number;
  #blocked: { readonly until: number; readonly outcome: PutOutcome } | undefined;

  constructor(root: string, backoffMs: number) {
    this.root = root;
    this.base = join(root, 'v1');
    this.ids = join(this.base, 'ids');
    this.sizes = join(this.base, 'sizes');
    this.tmp = join(this.base, 'tmp');
    this.#backoffMs = backoffMs;
  }

  chunks(id: string, digest: string): string {
    return join(this.base, id, digest);
  }

  /** Writes the whole file or none. After a failure nothing is tried for a while, so a full disk costs one try. */
  async put(target: string, bytes: Uint8Array): Promise<PutOutcome> {
    if (this.#blocked && Date.now() < this.#blocked.until) return this.#blocked.outcome;
    const temporary = join(this.tmp, `${process.pid}.${randomBytes(8).toString('hex')}`);
    try {
      await this.#write(temporary, bytes);
      await withFolder(target, () => rename(temporary, target));
      this.#blocked = undefined;
      return 'kept';
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      const outcome = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(errnoOf(error)) ? 'full' : 'refused';
      this.#blocked = { until: Date.now() + this.#backoffMs, outcome };
      log('%s takes nothing for %d ms: %s', this.root, this.#backoffMs, error);
      return outcome;
    }
  }

  async #write(temporary: string, bytes: Uint8Array): Promise<void> {
    const file = await withFolder(temporary, () => open(temporary, 'wx', fileMode));
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
  }

  /** Removes what writers left behind when they died. */
  async sweepTmp(now: number): Promise<{ looked: number; removed: number }> {
    const names = await namesIn(this.tmp);
    let removed = 0;
    for (const name of names) {
      const path = join(this.tmp, name);
      const stats = await stat(path).catch(() => undefined);
      const ageMs = stats ? now - stats.mtimeMs : 0;
      if (ageMs > tmpMsMax || (ageMs > tmpMsMin && !isAlive(Number(name.split('.')[0])))) {
        if (await removeFile(path)) removed++;
      }
    }
    return { looked: names.length, removed };
  }
}

/** What the folder holds; a missing or unreadable one holds nothing. */
export async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/** True where it was there and is gone now. Whatever stands at the path is removed, folders too. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await rm(path, { recursive: true });
    return true;
  } catch {
    return false;
  }
}

/** Moves a file over whatever is there; false where the source has gone already. */
export async function moveFile(from: string, to: string): Promise<boolean> {
  try {
    await withFolder(to, () => rename(from, to));
    return true;
  } catch {
    return false;
  }
}

/** Makes the folder only when it turns out missing; a sweep may remove it in between, hence the second try. */
async function withFolder<T>(path: string, action: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await action();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || tries === 2) throw error;
      await mkdir(dirname(path), { recursive: true, mode: folderMode });
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}
