/**
 * The C loops that services are measured against: compiled here with `cc -O3 -march=native`, run as two processes, one on
 * each half of the file, both at once.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { command, said } from '../children.js';
import { isInstalled } from '../machine.js';
import { peerSource } from '../places.js';

export interface LoopRun {
  readonly ms: number;
  /** What each half's process counted. */
  readonly halves: readonly [Float64Array, Float64Array];
}

export type Loop = (file: string) => Promise<LoopRun>;

const blockBytes = 4096;

export const loopHow = 'cc -O3 -march=native, one process on each half, both at once';

/** Null: there is no C compiler here. */
export async function buildLoop(name: string, folder: string): Promise<Loop | null> {
  if (!(await isInstalled('cc'))) return null;
  const program = join(folder, name);
  const built = await said('cc', ['-O3', '-march=native', '-o', program, peerSource(`${name}.c`), '-lm']);
  if (built === null) throw new Error(`${name}.c does not compile`);
  const half = async (file: string, start: number, end: number) => {
    const { stdout } = await command(program, [file, String(start), String(end)]);
    return new Float64Array(new Uint8Array(stdout).buffer);
  };
  return async (file) => {
    const { size } = await stat(file);
    const middle = Math.floor(size / 2 / blockBytes) * blockBytes;
    const began = performance.now();
    const halves = await Promise.all([half(file, 0, middle), half(file, middle, size)]);
    return { ms: performance.now() - began, halves };
  };
}
