/**
 * Files as images are: segments of one kind of content and segments in which kinds alternate, on scales from 4 KiB to
 * 8 MiB, so that a cell may hold one kind, two, or the border between them. The file follows from its number.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Random } from '../../spec/random.js';
import { type Content, code, random, records, text, zeros } from './content.js';
import { mib } from './file.js';

const kinds: readonly Content[] = [random, code, text, zeros, records];
const scales = [4096, 16_384, 65_536, 262_144, mib, 8 * mib];
const [bytesMin, bytesMax] = [64 * mib, 256 * mib];
const segmentBytesMax = 32 * mib;

/** A new file of 64 to 256 MiB; the caller removes it. */
export async function makeMixed(folder: string, number: number): Promise<{ path: string; bytes: number }> {
  const source = new Random(number);
  const bytes = source.int(bytesMin, bytesMax);
  const path = join(folder, `mixed-${number}`);
  const file = await open(path, 'w');
  try {
    for (let at = 0; at < bytes; ) {
      // Borders of segments lie anywhere in a block.
      const segment = Buffer.alloc(Math.min(bytes - at, source.int(mib, segmentBytesMax)));
      fill(segment, source);
      await file.write(segment, 0, segment.length, at);
      at += segment.length;
    }
  } finally {
    await file.close();
  }
  return { path, bytes };
}

function fill(segment: Buffer, source: Random): void {
  const chosen = source.shuffle([...kinds]).slice(0, source.int(1, 3));
  const scale = chosen.length === 1 ? segment.length : source.pick(scales);
  for (let at = 0, turn = 0; at < segment.length; at += scale, turn++) {
    chosen[turn % chosen.length]!(segment.subarray(at, at + scale), source.bits());
  }
}
