/** A second version of a file: 64 KiB of every 16 MiB are other bytes, and single bytes here and there. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Random } from '../../spec/random.js';
import { madeOnce, mib } from './file.js';

const stretchBytes = 16 * mib;
const changedBytes = 65_536;
const singlesPerStretch = 16;

/** `changes` false: a copy. */
export async function makeTwin(original: string, path: string, { changes }: { changes: boolean }): Promise<string> {
  const { size } = await stat(original);
  return madeOnce(path, size, async (file) => {
    let at = 0;
    for await (const piece of createReadStream(original, { highWaterMark: stretchBytes })) {
      if (changes) change(piece as Buffer, at);
      await file.write(piece as Buffer, 0, (piece as Buffer).length, at);
      at += (piece as Buffer).length;
    }
  });
}

/** In place; pieces begin where stretches do. */
function change(piece: Buffer, seed: number): void {
  const random = new Random(seed / stretchBytes + 1);
  const start = random.int(0, Math.max(0, piece.length - changedBytes));
  for (let i = start; i < Math.min(piece.length, start + changedBytes); i++) piece[i]! ^= random.int(1, 255);
  for (let i = 0; i < singlesPerStretch; i++) piece[random.int(0, piece.length - 1)]! ^= 1;
}
