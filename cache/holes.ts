/**
 * Where an open file has data, and where holes: zeros that need not be read. The image of a disk is mostly holes, and to
 * read one takes as long as to read data from memory, and drives out of memory what was of use there.
 *
 * The file system tells (lseek with SEEK_DATA and SEEK_HOLE), but not through Node: koffi calls it. Where nobody tells,
 * everything is data. Good as long as the file stays as it is; whoever reads holds it to its identity.
 */
import type { BigIntStats } from 'node:fs';
import { createRequire } from 'node:module';

/** A stretch of a file from where was asked on. */
export interface Stretch {
  readonly end: number;
  readonly isHole: boolean;
}

/** As lseek: the offset that was found, or why there is none. */
export type Seek = (fd: number, offset: number, what: 'data' | 'hole') => number | 'none' | 'untold';
/** Undefined: the system does not tell, or it is not loaded and was not to be. */
export type SeekOf = (load: boolean) => Seek | undefined;

/** Shorter holes are read with the data around them: to ask where they end takes longer. */
const holeBytesMin = 64 << 10;
/** So much is data once some is: where data and holes change all the time, nobody asks all the time. */
const dataBytesMin = 1 << 20;
/** Nothing is loaded for reads up to here. */
const shortBytes = 64 << 10;
/** What st_blocks counts in, on every system. */
const blockBytes = 512n;

const allData: Stretch = { end: Infinity, isHole: false };

export class Holes {
  /** Where the stretch begins that was found last. */
  #start = 0;
  #stretch: Stretch = { end: 0, isHole: false };

  private constructor(
    readonly fd: number,
    readonly size: number,
    readonly system: SeekOf,
  ) {}

  /** Null: there are none. */
  static of(fd: number, { size, blocks }: BigIntStats, system: SeekOf = systemSeek): Holes | null {
    return blocks * blockBytes < size ? new Holes(fd, Number(size), system) : null;
  }

  /** The stretch that begins at `offset`, of which `bytes` are wanted. */
  at(offset: number, bytes: number): Stretch {
    if (offset >= this.#start && offset < this.#stretch.end) return this.#stretch;
    // To load what asks takes longer than to read a little.
    const seek = this.system(bytes > shortBytes);
    if (!seek) return allData;
    this.#stretch = this.#ask(seek, offset);
    this.#start = offset;
    return this.#stretch;
  }

  #ask(seek: Seek, offset: number): Stretch {
    const data = seek(this.fd, offset, 'data');
    if (data === 'untold') return allData;
    if (data === 'none') return { end: this.size, isHole: true };
    if (data - offset >= holeBytesMin) return { end: data, isHole: true };
    const hole = seek(this.fd, data, 'hole');
    if (typeof hole !== 'number') return allData;
    return { end: Math.max(hole, offset + dataBytesMin), isHole: false };
  }
}

/** The numbers that lseek takes. */
const whences: { readonly [platform: string]: { readonly data: number; readonly hole: number } } = {
  linux: { data: 3, hole: 4 },
  darwin: { data: 4, hole: 3 },
};
/** Where offsets of lseek have 64 bits. */
const wide = ['x64', 'arm64'];

let system: Seek | null | undefined;

/** Loading takes 10 to 20 ms, once in a thread. */
export function systemSeek(load: boolean): Seek | undefined {
  if (system === undefined && load) system = openSystem() ?? null;
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
