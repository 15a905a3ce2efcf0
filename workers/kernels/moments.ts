/** What the statistics of `ent` need beside counts: the loops under STATS. Pure. */
import { moduleOf } from './module.js';

/** Σ x·x' over neighbours in `bytes`. */
export function sumProducts(bytes: Uint8Array): number {
  const module = moduleOf(bytes);
  if (module) return bytes.length > 1 ? module.run.addProducts(bytes.byteOffset, bytes.length - 1) : 0;
  let sum = 0;
  for (let i = 1; i < bytes.length; i++) sum += bytes[i - 1]! * bytes[i]!;
  return sum;
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
