/** What the statistics of `ent` need beside counts: the loops under STATS. Pure. */
import { addCounts } from './histogram.js';
import { moduleOf } from './module.js';

/**
 * x·x' of neighbours in `bytes`, fewer than 2^24: sums[0] takes the products' high bytes and sums[1] their low bytes, so
 * that terabytes add up within 2^53.
 */
export function addProducts(bytes: Uint8Array, sums: Float64Array): void {
  const module = moduleOf(bytes);
  if (module && bytes.length > 1) {
    module.run.addProducts(bytes.byteOffset, bytes.length - 1);
    addCounts(module.products, sums);
    return;
  }
  for (let i = 1; i < bytes.length; i++) {
    const product = bytes[i - 1]! * bytes[i]!;
    sums[0]! += product >> 8;
    sums[1]! += product & 255;
  }
}

/** Bytes in a group: two big-endian numbers of 24 bits, a point of the square. */
export const groupBytes = 6;
const radiusSquared = (256 ** 3 - 1) ** 2;

/** How many groups of `bytes`, the first of which begins with them, lie in the quarter circle. Whole groups only. */
export function countInCircle(bytes: Uint8Array): number {
  const groups = Math.floor(bytes.length / groupBytes);
  const module = moduleOf(bytes);
  if (module) return module.run.addCircle(bytes.byteOffset, groups);
  let inside = 0;
  for (let i = 0; i < groups * groupBytes; i += groupBytes) {
    const x = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    const y = (bytes[i + 3]! << 16) | (bytes[i + 4]! << 8) | bytes[i + 5]!;
    if (x * x + y * y <= radiusSquared) inside++;
  }
  return inside;
}
