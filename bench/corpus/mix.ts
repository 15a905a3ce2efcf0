/** The file that figures at full speed are of: a quarter each of random bytes, program code, text and zeros. */
import { join } from 'node:path';
import { type Content, code, random, text, zeros } from './content.js';
import { gib, madeOnce, mib } from './file.js';

const zones: readonly Content[] = [random, code, text, zeros];

export async function makeMix(folder: string, bytes = gib): Promise<string> {
  return madeOnce(join(folder, `binglide-bench-mix-${bytes / mib}M`), bytes, async (file) => {
    const piece = Buffer.alloc(mib);
    for (let at = 0; at < bytes; at += mib) {
      zones[Math.floor((4 * at) / bytes)]!(piece, at / mib + 1);
      await file.write(piece, 0, mib, at);
    }
  });
}
