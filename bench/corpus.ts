/** The file that figures are of: 1 GiB, a quarter each of random bytes, program code, text and zeros; the same each time. */
import { existsSync, statSync } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { Random } from '../spec/random.js';

const mib = 2 ** 20;
export const mixBytes = 1024 * mib;

export async function makeMix(path: string, bytes = mixBytes): Promise<void> {
  if (existsSync(path) && statSync(path).size === bytes) return;
  const file = await open(`${path}.part`, 'w');
  const quarter = bytes / 4;
  const code = await readFile(process.execPath);
  const piece = Buffer.alloc(mib);
  for (let at = 0; at < bytes; at += mib) {
    fill(piece, Math.floor(at / quarter), at, code);
    await file.write(piece, 0, Math.min(mib, bytes - at), at);
  }
  await file.close();
  await rename(`${path}.part`, path);
}

function fill(piece: Buffer, zone: number, at: number, code: Buffer): void {
  if (zone === 0) {
    const random = new Random(at / mib + 1);
    const words = new Uint32Array(piece.buffer, piece.byteOffset, piece.length / 4);
    for (let i = 0; i < words.length; i++) words[i] = random.bits();
  } else if (zone === 1) {
    for (let i = 0; i < piece.length; ) i += code.copy(piece, i, (at + i) % code.length);
  } else if (zone === 2) {
    for (let i = 0, line = at / 64; i < piece.length; line++) {
      i += piece.write(`${line} the quick brown fox jumps over the lazy dog, and again ${line * 7919}\n`, i, 'latin1');
    }
  } else {
    piece.fill(0);
  }
}
