/**
 * The only user of msgpack: maps in, maps out, with the caps that keep a hostile frame from costing anything.
 *
 * Numeric arrays never stand in here (they travel as .npy frames); offsets are safe integers; nanoseconds and inode
 * numbers are strings.
 */
import { Decoder, Encoder } from '@msgpack/msgpack';
import { fail } from './errors.js';

/** A header frame longer than this is refused before it is decoded. */
export const headerBytesMax = 4 * 1024 * 1024;
/** Maps and lists inside each other, the outermost included. */
export const nestingMax = 32;
/** Values in one header frame, keys and containers counted too. */
export const valuesMax = 1 << 18;

export type Plain =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Plain[]
  | { readonly [key: string]: Plain };
export type PlainMap = { readonly [key: string]: Plain };

/** One of each for all messages: to make them costs more than most messages do. What they give is copied out. */
const encoder = new Encoder({ ignoreUndefined: true, maxDepth: nestingMax });
const decoder = new Decoder({
  mapKeyConverter: (key) => {
    if (typeof key !== 'string') throw new TypeError('a key is no text');
    return key;
  },
});

/** Keys whose value is undefined are left out. */
export function pack(value: unknown): Uint8Array {
  return encoder.encode(value);
}

/** The map in one frame; throws E_PROTOCOL on anything else. */
export function unpackMap(frame: Uint8Array): PlainMap {
  if (frame.byteLength > headerBytesMax) {
    throw fail('E_PROTOCOL', `header of ${frame.byteLength} bytes is over the limit of ${headerBytesMax}`);
  }
  const fault = faultOf(frame);
  if (fault) throw fail('E_PROTOCOL', `header is not msgpack: ${fault}`);
  let value: unknown;
  try {
    value = decoder.decode(frame);
  } catch (error) {
    throw fail('E_PROTOCOL', `header is not msgpack: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isMap(value)) throw fail('E_PROTOCOL', 'header is not a msgpack map');
  return value as PlainMap;
}

export function isMap(value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/**
 * What is wrong with the frame as one msgpack value, without building any of it. The decoder sets an array of the
 * announced length aside before it reads one item, so five bytes can ask for megabytes: here every announced item must
 * be there, and depth and number are counted.
 */
function faultOf(frame: Uint8Array): string | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  /** Values still to come, by level. */
  const open = [1];
  let at = 0;
  let values = 0;
  while (open.length > 0) {
    if (open[open.length - 1]! === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1]!--;
    if (++values > valuesMax) return `more than ${valuesMax} values`;
    if (at >= frame.length) return 'it ends too early';
    const tag = frame[at++]!;
    const lengthBytes = lengthBytesOf(tag);
    if (lengthBytes < 0) return `type byte 0x${tag.toString(16)} is not taken`;
    if (at + lengthBytes > frame.length) return 'it ends too early';
    const { body, items } = sizeOfValue(tag, announced(view, at, lengthBytes));
    at += lengthBytes + body;
    if (items > frame.length - at || at > frame.length) return 'it ends too early';
    if (isContainer(tag) && open.push(items) > nestingMax + 1) return `deeper than ${nestingMax}`;
  }
  return at < frame.length ? `${frame.length - at} bytes too many` : undefined;
}

function announced(view: DataView, at: number, lengthBytes: number): number {
  switch (lengthBytes) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at);
    case 4:
      return view.getUint32(at);
    default:
      return 0;
  }
}

/** Bytes of the length after the type byte; −1: a type that no header has (0xc1 and all extensions). */
function lengthBytesOf(tag: number): number {
  switch (tag) {
    case 0xc1:
    case 0xc7:
    case 0xc8:
    case 0xc9:
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return -1;
    case 0xc4:
    case 0xd9:
      return 1;
    case 0xc5:
    case 0xda:
    case 0xdc:
    case 0xde:
      return 2;
    case 0xc6:
    case 0xdb:
    case 0xdd:
    case 0xdf:
      return 4;
    default:
      return 0;
  }
}

/** Maps and lists, also empty ones: these count as a level too. */
function isContainer(tag: number): boolean {
  return (tag >= 0x80 && tag < 0xa0) || (tag >= 0xdc && tag <= 0xdf);
}

const numberBytes = new Map([
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

/** Bytes of the value's own body, and how many values stand inside it. */
function sizeOfValue(tag: number, length: number): { body: number; items: number } {
  if (tag >= 0x80 && tag < 0x90) return { body: 0, items: 2 * (tag & 15) };
  if (tag >= 0x90 && tag < 0xa0) return { body: 0, items: tag & 15 };
  if (tag >= 0xa0 && tag < 0xc0) return { body: tag & 31, items: 0 };
  if (tag === 0xdc || tag === 0xdd) return { body: 0, items: length };
  if (tag === 0xde || tag === 0xdf) return { body: 0, items: 2 * length };
  return { body: numberBytes.get(tag) ?? length, items: 0 };
}
