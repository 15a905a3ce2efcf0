/**
 * The only user of msgpack: maps in, maps out, with the caps that keep a hostile frame from costing anything.
 *
 * Numeric arrays never stand in here (they travel as .npy frames); offsets are safe integers; nanoseconds and inode
 * numbers are strings.
 */
import { decode, encode } from '@msgpack/msgpack';
import { fail } from './errors.js';

/** A header frame longer than this is refused before it is decoded. */
export const headerBytesMax = 4 * 1024 * 1024;
const nestingMax = 32;

export type Plain =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Plain[]
  | { readonly [key: string]: Plain };
export type PlainMap = { readonly [key: string]: Plain };

/** Keys whose value is undefined are left out. */
export function pack(value: unknown): Uint8Array {
  return encode(value, { ignoreUndefined: true, maxDepth: nestingMax });
}

/** The map in one frame; throws E_PROTOCOL on anything else. */
export function unpackMap(frame: Uint8Array): PlainMap {
  if (frame.byteLength > headerBytesMax) {
    throw fail('E_PROTOCOL', `header of ${frame.byteLength} bytes is over the limit of ${headerBytesMax}`);
  }
  let value: unknown;
  try {
    value = decode(frame, {
      maxStrLength: headerBytesMax,
      maxBinLength: headerBytesMax,
      maxArrayLength: 1 << 20,
      maxMapLength: 1 << 16,
      maxExtLength: 0,
    });
  } catch (error) {
    throw fail('E_PROTOCOL', `header is not msgpack: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isMap(value)) throw fail('E_PROTOCOL', 'header is not a msgpack map');
  return value as PlainMap;
}

export function isMap(value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
