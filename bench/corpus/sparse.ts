/** Files of any size that take little of the disk: holes with islands of data at random places. */
import { join } from 'node:path';
import { Random } from '../../spec/random.js';
import { code, random } from './content.js';
import { madeOnce, mib } from './file.js';

const islandBytes = mib;

export interface SparseOptions {
  readonly islands?: number;
  /** Files of one size differ by it. */
  readonly seed?: number;
}

/** Islands are random bytes and code in turn, at multiples of 4096. */
export async function makeSparse(
  folder: string,
  bytes: number,
  { islands = 64, seed = 1 }: SparseOptions = {},
): Promise<string> {
  const name = `binglide-bench-sparse-${bytes}-${islands}-${seed}`;
  return madeOnce(join(folder, name), bytes, async (file) => {
    const places = new Random(seed);
    const island = Buffer.alloc(islandBytes);
    for (let i = 0; i < islands; i++) {
      (i % 2 === 0 ? random : code)(island, seed * 1000 + i);
      const page = Math.floor((places.unit() * (bytes - islandBytes)) / 4096);
      await file.write(island, 0, islandBytes, page * 4096);
    }
  });
}
