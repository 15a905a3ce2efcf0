/**
 * Where an open file has holes: zeros that need not be read. The image of a disk is mostly holes, and to read one takes as
 * long as to read data from memory, and drives out of memory what was of use there.
 *
 * The file system tells (lseek with SEEK_DATA and SEEK_HOLE), but not through Node: koffi calls it. Where nobody tells,
 * everything is data. Good as long as the file stays as it is; whoever reads holds it to its identity.
 */
import type { BigIntStats } from 'node:fs';
import { createRequire } from 'node:module';

export type Hole = readonly [start: number, end: number];

/** As lseek: the offset that was found, or why there is none. */
export type Seek = (fd: number, offset: number, what: 'data' | 'hole') => number | 'none' | 'untold';

/** Shorter holes are read with the data around them: to ask where they end takes longer. */
export const holeBytesMin = 64 << 10;
/** So much is data once some is: where data and holes change all the time, nobody asks all the time. */
const dataBytesMin = 1 << 20;
/** A task is 64 MiB and mostly less; in longer ones what comes after so many stretches is read. */
const stretchesMax = 256;
/** What st_blocks counts in, on every system. */
const blockBytes = 512n;

/** It has fewer blocks than bytes: holes, or it is compressed. */
export function isSparse({ size, blocks }: BigIntStats): boolean {
  return blocks * blockBytes < size;
}

/**
 * The holes in [start, end) of an open file, ascending. For a process's main thread: koffi is native code, and a thread
 * that is ended while it loads that takes the whole process with it.
 */
export function findHoles(fd: number, start: number, end: number, seek = systemSeek()): Hole[] {
  const holes: Hole[] = [];
  if (!seek) return holes;
  for (let at = start, i = 0; at < end && i < stretchesMax; i++) {
    const data = seek(fd, at, 'data');
    if (data === 'untold') break;
    const holeEnd = data === 'none' ? end : Math.min(data, end);
    if (holeEnd - at >= holeBytesMin) holes.push([at, holeEnd]);
    if (data === 'none' || data >= end) break;
    const hole = seek(fd, data, 'hole');
    if (typeof hole !== 'number') break;
    at = Math.max(hole, data + dataBytesMin);
  }
  return holes;
}

/** The numbers that lseek takes. */
const whences: { readonly [platform: string]: { readonly data: number; readonly hole: number } } = {
  linux: { data: 3, hole: 4 },
  darwin: { data: 4, hole: 3 },
};
/** Where offsets of lseek have 64 bits. */
const wide = ['x64', 'arm64'];

let system: Seek | null | undefined;

/** Undefined: the system does not tell. Loaded at its first use, which takes 10 to 20 ms. */
export function systemSeek(): Seek | undefined {
  if (system === undefined) system = openSystem() ?? null;
  return system ?? undefined;
}

function openSystem(): Seek | undefined {
  const whence = whences[process.platform];
  if (!whence || !wide.includes(process.arch)) return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const lseek = koffi.load(null).func('int64_t lseek(int fd, int64_t offset, int whence)');
    const nothingThere = koffi.os.errno.ENXIO;
    return (fd, offset, what) => {
      const found = Number(lseek(fd, offset, whence[what]));
      if (found >= 0) return found;
      return koffi.errno() === nothingThere ? 'none' : 'untold';
    };
  } catch {
    return undefined;
  }
}
