/**
 * Inputs of a task: opened read-only, held to the identity that the task names, read in pieces into a buffer that is
 * used again. Holes are not read: they are zeros.
 *
 * Rules: only regular files, only under the roots after all links are followed. A file that is not what the task
 * names, or no longer is when the reading ends, is E_CHANGED. Nothing is opened that is not known to be regular: to
 * open a device can act on it.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  read,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { type Hole, isSparse } from '../cache/holes.js';
import { describeChange, sameIdentity, statIdentity } from '../cache/identity.js';
import { type BinglideError, fail } from '../protocol/errors.js';
import type { StatIdentity, TaskInput } from '../protocol/messages.js';

/** Folders that files may be opened in, links followed, as bytes. */
export type Roots = readonly Buffer[];

/** Holes in [start, end) of an open file. */
export type FindHoles = (fd: number, start: number, end: number) => Promise<readonly Hole[]>;

/** Throws where a root is not there. */
export function resolveRoots(folders: readonly string[]): Roots {
  return folders.map((folder) => realpathSync.native(folder, { encoding: 'buffer' }));
}

/** Reads up to here tell what a seek costs: the bytes themselves take next to nothing. */
const shortReadBytes = 64 << 10;
/** So few seeks tell nothing. */
const seeksMin = 2;

/** Where nothing is read, nothing ends early: so often a file is looked at while its holes go by, milliseconds. */
const lookMs = 20;

const readLater = promisify(read);

export class Source {
  readonly #fd: number;
  readonly #name: string;
  readonly #identity: StatIdentity;
  readonly #isSparse: boolean;
  /** Those that are known, ascending. */
  #holes: readonly Hole[] = [];
  /** When it was what the task names, as performance.now(). */
  #unchangedAt = 0;
  /** Without holes. */
  bytesRead = 0;
  /** Time spent waiting for reads, in milliseconds, and the bytes that were waited for. */
  readMs = 0;
  bytesAwaited = 0;
  /** Where the last read ended. */
  #position = -1;
  #seeks = 0;
  #seekMs = 0;

  /** Throws a typed error that names the file. */
  constructor({ path, identity }: TaskInput, roots: Roots) {
    this.#name = Buffer.from(path).toString();
    this.#identity = identity;
    this.#fd = this.#attempt(() => openRegular(Buffer.from(path), this.#name, roots));
    try {
      this.#isSparse = isSparse(this.#stat());
      if (identity.size === 0) this.#checkEmpty();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get size(): number {
    return this.#identity.size;
  }

  /** Mean time of a short read elsewhere than where the last one ended, in milliseconds; undefined: too few to tell. */
  get seekMs(): number | undefined {
    return this.#seeks < seeksMin ? undefined : this.#seekMs / this.#seeks;
  }

  /** What `find` knows of holes between the offsets is not read from now on. */
  async learnHoles(find: FindHoles, start: number, end: number): Promise<void> {
    if (this.#isSparse) this.#holes = await find(this.#fd, start, end);
  }

  /** Fills target[at, at + length) with the bytes from `offset` on. */
  read(target: Uint8Array, at: number, length: number, offset: number): void {
    for (let done = 0; done < length; ) {
      const { bytes, isHole } = this.#stretch(offset + done, length - done);
      if (isHole) this.#zero(target, at + done, bytes);
      else this.#readData(target, at + done, bytes, offset + done);
      done += bytes;
    }
  }

  /** What the bytes from `offset` on are, as far as they are the same, `length` at the most. */
  #stretch(offset: number, length: number): { readonly bytes: number; readonly isHole: boolean } {
    const hole = this.#holes.find(([, end]) => end > offset);
    if (!hole || hole[0] >= offset + length) return { bytes: length, isHole: false };
    if (hole[0] > offset) return { bytes: hole[0] - offset, isHole: false };
    return { bytes: Math.min(length, hole[1] - offset), isHole: true };
  }

  #zero(target: Uint8Array, at: number, bytes: number): void {
    if (performance.now() - this.#unchangedAt > lookMs) this.checkUnchanged();
    target.fill(0, at, at + bytes);
  }

  #readData(target: Uint8Array, at: number, length: number, offset: number): void {
    const began = performance.now();
    for (let done = 0; done < length; ) {
      const got = this.#attempt(() => readSync(this.#fd, target, at + done, length - done, offset + done));
      done += this.#got(got, offset + done);
    }
    this.#timed(performance.now() - began, offset, length);
  }

  /** The same from a thread of the pool, while this one computes. `target` is not to be touched until it resolves. */
  async readAhead(target: Uint8Array, at: number, length: number, offset: number): Promise<void> {
    for (let done = 0; done < length; ) {
      const { bytes, isHole } = this.#stretch(offset + done, length - done);
      if (isHole) this.#zero(target, at + done, bytes);
      done += isHole ? bytes : await this.#readSomeLater(target, at + done, bytes, offset + done);
    }
  }

  async #readSomeLater(target: Uint8Array, at: number, length: number, offset: number): Promise<number> {
    const { bytesRead } = await readLater(this.#fd, target, at, length, offset).catch((error) => {
      throw typed(error, this.#name);
    });
    this.#position = offset + bytesRead;
    return this.#got(bytesRead, offset);
  }

  #got(bytes: number, offset: number): number {
    if (bytes === 0) {
      this.checkUnchanged();
      throw fail('E_IO', `${this.#name} ends at ${offset}, before its size of ${this.size} bytes`);
    }
    this.bytesRead += bytes;
    return bytes;
  }

  #timed(ms: number, offset: number, length: number): void {
    this.readMs += ms;
    this.bytesAwaited += length;
    if (offset !== this.#position && length <= shortReadBytes) {
      this.#seeks++;
      this.#seekMs += ms;
    }
    this.#position = offset + length;
  }

  /** Called before the first byte and after the last. */
  checkUnchanged(): void {
    this.#stat();
  }

  #stat(): BigIntStats {
    const stats = this.#attempt(() => fstatSync(this.#fd, { bigint: true }));
    const now = statIdentity(stats);
    if (sameIdentity(this.#identity, now)) {
      this.#unchangedAt = performance.now();
      return stats;
    }
    const word = describeChange(this.#identity, now);
    throw fail('E_CHANGED', `${this.#name} ${word} while it was read`);
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Some files of /proc say that they are empty and yield bytes. */
  #checkEmpty(): void {
    const got = this.#attempt(() => readSync(this.#fd, Buffer.alloc(1), 0, 1, 0));
    if (got === 0) return;
    this.checkUnchanged();
    throw fail('E_NOT_SEEKABLE', `${this.#name} says that it is empty but yields bytes`);
  }

  #attempt<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw typed(error, this.#name);
    }
  }
}

function openRegular(path: Buffer, name: string, roots: Roots): number {
  if (path[0] !== 0x2f || path.includes(0)) throw fail('E_PROTOCOL', `path ${name} is not absolute`);
  const real = realpathSync.native(path, { encoding: 'buffer' });
  if (!roots.some((root) => isUnder(root, real))) throw fail('E_OUTSIDE_ROOTS', `${name} is outside the open folders`);
  checkRegular(statSync(real, { bigint: true }), name);
  // Links are followed already; O_NONBLOCK: what became a pipe meanwhile must not hold us.
  const fd = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY);
  try {
    checkRegular(fstatSync(fd, { bigint: true }), name);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

function isUnder(root: Buffer, path: Buffer): boolean {
  if (!path.subarray(0, root.length).equals(root)) return false;
  return path.length === root.length || root.at(-1) === 0x2f || path[root.length] === 0x2f;
}

function checkRegular(stats: BigIntStats, name: string): void {
  if (stats.isFile()) return;
  if (stats.isDirectory()) throw fail('E_DIRECTORY', `${name} is a folder`);
  const what = stats.isFIFO()
    ? 'a pipe'
    : stats.isBlockDevice()
      ? 'a block device'
      : stats.isCharacterDevice()
        ? 'a character device'
        : stats.isSocket()
          ? 'a socket'
          : 'no regular file';
  throw fail('E_NOT_SEEKABLE', `${name} is ${what}`);
}

function typed(error: unknown, name: string): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (error instanceof Error && 'toFault' in error) return error;
  const because = (kind: Parameters<typeof fail>[0], text: string): BinglideError => fail(kind, `${name}: ${text}`);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
      return because('E_NOT_FOUND', 'no such file');
    case 'EACCES':
    case 'EPERM':
      return because('E_ACCESS', 'permission denied');
    case 'EISDIR':
      return because('E_DIRECTORY', 'is a folder');
    case 'ENXIO':
    case 'ESPIPE':
      return because('E_NOT_SEEKABLE', 'is no regular file');
    default:
      return typeof code === 'string' ? because('E_IO', String(message)) : error;
  }
}
