/**
 * What tells two states of a file apart without reading it, and the name that a file goes by until its content hash is
 * known. Pure: whoever calls stat hands the result in.
 */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { StatIdentity } from '../protocol/messages.js';

/** The identity of an opened file; stat it with `bigint: true`, since nanoseconds and inodes pass 2^53. */
export function statIdentity(stats: BigIntStats): StatIdentity {
  return {
    dev: String(stats.dev),
    ino: String(stats.ino),
    size: Number(stats.size),
    mtimeNs: String(stats.mtimeNs),
    ctimeNs: String(stats.ctimeNs),
  };
}

export function sameIdentity(a: StatIdentity, b: StatIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

/** What happened to a file between state `a` and the later state `b`, in the word that a message says. */
export function describeChange(a: StatIdentity, b: StatIdentity): 'grew' | 'shrank' | 'changed' {
  return b.size > a.size ? 'grew' : b.size < a.size ? 'shrank' : 'changed';
}

/** `~` and 32 hex digits of SHA-256 over device, inode, size, mtime and ctime, a line each. */
export function provisionalId({ dev, ino, size, mtimeNs, ctimeNs }: StatIdentity): string {
  const digest = createHash('sha256').update([dev, ino, size, mtimeNs, ctimeNs].join('\n')).digest('hex');
  return `~${digest.slice(0, 32)}`;
}
