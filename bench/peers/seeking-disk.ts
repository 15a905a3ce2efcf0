/** A disk with a head, for a process and its children: the library of seeking-disk.c, compiled here, and what it counts. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '../children.js';
import { isInstalled } from '../machine.js';
import { peerSource } from '../places.js';

export interface DiskOptions {
  /** Reads of this file wait; all others do not. */
  readonly file: string;
  /** To go elsewhere than where the last read ended, milliseconds. */
  readonly seekMs: number;
  readonly mibPerSecond: number;
}

/** One head, shared by all processes that are started with `env`. */
export interface SeekingDisk {
  readonly env: NodeJS.ProcessEnv;
  /** So far. */
  counted(): Promise<{ readonly seeks: number; readonly bytes: number }>;
}

/** Makes a disk whose head was nowhere yet. */
export type DiskMaker = (options: DiskOptions) => Promise<SeekingDisk>;

/** Null where there is no C compiler, or no preloading as Linux has it. */
export async function buildSeekingDisk(folder: string): Promise<DiskMaker | null> {
  if (process.platform !== 'linux' || !(await isInstalled('cc'))) return null;
  const library = join(folder, 'seeking-disk.so');
  await command('cc', ['-O2', '-shared', '-fPIC', '-o', library, peerSource('seeking-disk.c'), '-ldl', '-lpthread']);
  return async ({ file, seekMs, mibPerSecond }) => {
    const state = join(await mkdtemp(join(folder, 'disk-')), 'state');
    return {
      env: {
        LD_PRELOAD: library,
        SEEKING_DISK_FILE: file,
        SEEKING_DISK_STATE: state,
        SEEKING_DISK_SEEK_MS: String(seekMs),
        SEEKING_DISK_MIB_S: String(mibPerSecond),
      },
      async counted() {
        // The last two numbers of its struct; the lock before them is not as long on every machine.
        const [seeks, bytes] = new BigInt64Array(new Uint8Array((await readFile(state)).subarray(-16)).buffer);
        return { seeks: Number(seeks), bytes: Number(bytes) };
      },
    };
  };
}
