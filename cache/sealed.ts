/**
 * A map at rest that tells whether it is whole: magic and format (8 bytes), length of the map (4, little-endian), the
 * first 16 bytes of the map's BLAKE3, the map in msgpack. What follows it is its user's business.
 */
import { type PlainMap, pack, unpackMap } from '../protocol/index.js';
import { blake3Hex } from './hash.js';

const checkBytes = 16;
const prefixBytes = 8 + 4 + checkBytes;

/** `magic`: 8 ASCII characters, the last one counting the formats. */
export function seal(magic: string, map: unknown): Uint8Array {
  const packed = pack(map);
  const sealed = Buffer.alloc(prefixBytes + packed.length);
  sealed.write(magic, 0, 8, 'latin1');
  sealed.writeUInt32LE(packed.length, 8);
  sealed.write(blake3Hex(packed).slice(0, 2 * checkBytes), 12, 'hex');
  sealed.set(packed, prefixBytes);
  return sealed;
}

/** The map and what stands behind it; undefined where any bit of the map is not as it was written. */
export function unseal(magic: string, bytes: Uint8Array): { map: PlainMap; rest: Uint8Array } | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < prefixBytes || view.toString('latin1', 0, 8) !== magic) return undefined;
  const end = prefixBytes + view.readUInt32LE(8);
  if (end > view.length) return undefined;
  const packed = view.subarray(prefixBytes, end);
  if (blake3Hex(packed).slice(0, 2 * checkBytes) !== view.toString('hex', 12, prefixBytes)) return undefined;
  try {
    return { map: unpackMap(packed), rest: view.subarray(end) };
  } catch {
    return undefined;
  }
}
