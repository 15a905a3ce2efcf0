/** Zeros with a few short stretches of random bytes in them, at places that no grid knows. */
import { join } from 'node:path';
import { Random } from '../../spec/random.js';
import { random } from './content.js';
import { gib, madeOnce } from './file.js';

export const haystackBytes = gib;
export const needleBytes = 4096;
const needles = 64;

export interface Haystack {
  readonly path: string;
  /** Offset of each needle, ascending. */
  readonly needles: readonly number[];
}

/** One needle in each of equal stretches, anywhere in it. */
export async function makeHaystack(folder: string): Promise<Haystack> {
  const source = new Random(64);
  const stretch = haystackBytes / needles;
  const places = Array.from({ length: needles }, (_, i) => i * stretch + source.int(0, stretch - needleBytes));
  const path = await madeOnce(join(folder, 'binglide-bench-needles'), haystackBytes, async (file) => {
    for (const [i, place] of places.entries()) {
      const needle = Buffer.alloc(needleBytes);
      random(needle, i + 1);
      await file.write(needle, 0, needleBytes, place);
    }
  });
  return { path, needles: places };
}
