/**
 * When kernels last did anything, as seen from another process: each slot writes the moment into a file of its own after
 * every batch. The clock is the machine's monotonic one, which all its processes share.
 */
import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Where the files are; slots are told by it. */
export const stampsVariable = 'BINGLIDE_BENCH_STAMPS';

const stampBytes = 16;

/** Held by a slot. Opened late, because a module is imported by threads that never compute. */
export class StampWriter {
  #file: number | undefined;
  #count = 0n;
  readonly #stamp = Buffer.alloc(stampBytes);

  constructor(readonly folder: string) {}

  /** The kernel has just done something. */
  write(): void {
    // A thread that takes the place of another goes on in the same file.
    this.#file ??= openSync(join(this.folder, String(process.pid)), constants.O_RDWR | constants.O_CREAT);
    this.#stamp.writeBigUInt64LE(process.hrtime.bigint(), 0);
    this.#stamp.writeBigUInt64LE(++this.#count, 8);
    writeSync(this.#file, this.#stamp, 0, stampBytes, 0);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}

/** The newest stamp of all slots, in nanoseconds of `process.hrtime`; 0n: no kernel ran yet. */
export function newestStamp(folder: string): bigint {
  let newest = 0n;
  for (const name of readdirSync(folder)) {
    const stamp = readFileSync(join(folder, name));
    if (stamp.length < stampBytes) continue;
    const at = stamp.readBigUInt64LE(0);
    if (at > newest) newest = at;
  }
  return newest;
}
