/**
 * Looks at a file that is to be read: its identity, size and age, or the typed error that says why it cannot be an input.
 *
 * Only regular files are inputs. Nothing else is even opened (opening a fifo or a tape does something to it), and of a
 * file that says it has bytes none is read here.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { type BinglideError, type ErrorCode, fail, type StatIdentity } from '../protocol/index.js';
import { describeChange, provisionalId, sameIdentity, statIdentity } from './identity.js';

export interface Measured {
  /** As it was given. */
  readonly path: Uint8Array;
  /** Absolute and without links: what tasks open. */
  readonly realPath: Uint8Array;
  readonly identity: StatIdentity;
  readonly size: number;
  /** Provisional, `~…`: the identity's name. */
  readonly id: string;
  /** Changed so lately, or in the future, that another change might not show in its times (see CacheOptions.settleMs). */
  readonly young: boolean;
}

export const settleMsDefault = 2000;

/** `roots`: folders that the file must lie in once links are resolved; undefined: anywhere. */
export async function measureInput(
  path: Uint8Array,
  roots: readonly string[] | undefined,
  settleMs = settleMsDefault,
): Promise<Measured> {
  const name = pathText(path);
  try {
    // Beside each other: beside a long job each of these waits milliseconds for its turn.
    const resolving = realpath(Buffer.from(path), { encoding: 'buffer' });
    resolving.catch(() => undefined);
    refuseIrregular(name, await stat(Buffer.from(path), { bigint: true }));
    const realPath = await resolving;
    if (roots && !(await isInside(realPath, roots))) {
      throw fail('E_OUTSIDE_ROOTS', `${name} is outside the folders that are served: ${roots.join(', ')}`);
    }
    // Not blocking: should a fifo stand there by now, open returns at once.
    const file = await open(realPath, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await file.stat({ bigint: true });
      refuseIrregular(name, stats);
      if (stats.size === 0n) await refuseUnsized(name, file);
      const identity = statIdentity(stats);
      const young = isYoung(identity, Date.now(), settleMs);
      return { path, realPath, identity, size: identity.size, id: provisionalId(identity), young };
    } finally {
      // Nobody waits for it: nothing was written.
      file.close().catch(() => undefined);
    }
  } catch (error) {
    throw inputError(name, error);
  }
}

/** The identity that the path has now; undefined where it is no longer there or cannot be seen. */
export async function identityAt(realPath: Uint8Array): Promise<StatIdentity | undefined> {
  try {
    return statIdentity(await stat(Buffer.from(realPath), { bigint: true }));
  } catch {
    return undefined;
  }
}

/** When the file's times are old enough to tell its next change, as a Date.now(). */
export function settlesAt({ mtimeNs, ctimeNs }: StatIdentity, settleMs: number): number {
  const [mtime, ctime] = [BigInt(mtimeNs), BigInt(ctimeNs)];
  return Math.ceil(Number((mtime > ctime ? mtime : ctime) / 1000n) / 1000) + settleMs;
}

export function isYoung(identity: StatIdentity, now: number, settleMs: number): boolean {
  return now < settlesAt(identity, settleMs);
}

/** A path as one line of text, whatever bytes it has. */
export function pathText(path: Uint8Array): string {
  return Buffer.from(path.buffer, path.byteOffset, path.byteLength)
    .toString()
    .replace(/\p{Cc}/gu, '?');
}

function refuseIrregular(name: string, stats: BigIntStats): void {
  if (stats.isFile()) return;
  if (stats.isDirectory()) throw fail('E_DIRECTORY', `${name} is a directory; -r takes the files in it`);
  const kind = stats.isFIFO()
    ? 'a pipe'
    : stats.isSocket()
      ? 'a socket'
      : stats.isBlockDevice()
        ? 'a block device'
        : 'a character device';
  throw fail('E_NOT_SEEKABLE', `${name} is ${kind}; save it to a file first`);
}

/** Files of /proc and the like say 0 and have bytes all the same. */
async function refuseUnsized(name: string, file: FileHandle): Promise<void> {
  const unsized = () => fail('E_NOT_SEEKABLE', `${name} does not tell its size; save it to a file first`);
  let bytesRead: number;
  try {
    ({ bytesRead } = await file.read(Buffer.alloc(1), 0, 1, 0));
  } catch (error) {
    // Would block, cannot be read at an offset: a stream in a file's clothes.
    if (['EAGAIN', 'ESPIPE', 'EINVAL'].includes(errnoOf(error))) throw unsized();
    throw error;
  }
  if (bytesRead > 0 && (await file.stat({ bigint: true })).size === 0n) throw unsized();
}

async function isInside(realPath: Buffer, roots: readonly string[]): Promise<boolean> {
  for (const root of roots) {
    const folder = await realpath(root, { encoding: 'buffer' }).catch(() => undefined);
    if (!folder) continue;
    const prefix = folder.at(-1) === 0x2f ? folder : Buffer.concat([folder, Buffer.from('/')]);
    if (realPath.equals(folder) || realPath.subarray(0, prefix.length).equals(prefix)) return true;
  }
  return false;
}

/** Throws E_CHANGED where an open file is no longer what it was, or ended after `bytes` before its size. */
export function refuseChanged(path: Uint8Array, identity: StatIdentity, stats: BigIntStats, bytes: number): void {
  const found = statIdentity(stats);
  if (sameIdentity(found, identity) && bytes === identity.size) return;
  throw fail(
    'E_CHANGED',
    `${pathText(path)} ${describeChange(identity, found)} while it was read; nothing of it is kept`,
  );
}

/** A failed system call on an input as the error that its reader gets. */
export function inputError(name: string, error: unknown): BinglideError {
  if (error instanceof Error && error.name === 'BinglideError') return error as BinglideError;
  const [code, what] = causes[errnoOf(error)] ?? ['E_IO', `cannot be read: ${errnoOf(error) || String(error)}`];
  return fail(code, `${name}${what.startsWith(':') ? '' : ' '}${what}`);
}

const causes: { readonly [errno: string]: readonly [ErrorCode, string] } = {
  ENOENT: ['E_NOT_FOUND', ': no such file'],
  ENOTDIR: ['E_NOT_FOUND', ': no such file'],
  ENAMETOOLONG: ['E_NOT_FOUND', ': no such file, the name is too long'],
  ELOOP: ['E_NOT_FOUND', ': no such file, its links lead in a circle'],
  ERR_INVALID_ARG_VALUE: ['E_NOT_FOUND', ': no such file, the name holds a NUL'],
  EISDIR: ['E_DIRECTORY', 'is a directory; -r takes the files in it'],
  EACCES: ['E_ACCESS', ': no permission to read it'],
  EPERM: ['E_ACCESS', ': no permission to read it'],
  ENXIO: ['E_NOT_SEEKABLE', 'is a device or socket; save it to a file first'],
  EIO: ['E_IO', 'cannot be read: the disk or file system failed (EIO)'],
};

export function errnoOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' ? code : '';
}
