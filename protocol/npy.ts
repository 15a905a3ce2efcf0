/**
 * Arrays as NumPy `.npy` frames, version 1.0, little-endian, C order (numpy.lib.format). In memory every number is a
 * float64 that holds an exact integer up to 2^53−1 or a float; the dtype names how it rests and travels.
 */
import { fail } from './errors.js';

/** Named as NumPy's array protocol names them, little-endian understood. */
export const dtypes = { u1: 1, u2: 2, u4: 4, u8: 8, i4: 4, i8: 8, f4: 4, f8: 8 } as const;
export type Dtype = keyof typeof dtypes;

export interface NamedArray {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Row by row; length is the product of `shape`. */
  readonly data: Float64Array;
  /** The numbers never change: its frame is made once. */
  readonly isFixed?: true;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];
/** Of one array, on the wire and as float64 in memory. */
const arrayBytesMax = 1 << 30;
const dimensionsMax = 32;

export function isDtype(text: unknown): text is Dtype {
  return typeof text === 'string' && Object.hasOwn(dtypes, text);
}

/** The smallest unsigned dtype that holds `max` (a safe integer). */
export function unsignedFor(max: number): Dtype {
  return max < 2 ** 8 ? 'u1' : max < 2 ** 16 ? 'u2' : max < 2 ** 32 ? 'u4' : 'u8';
}

/** The smallest signed dtype on the wire that holds values of magnitude `max`. */
export function signedFor(max: number): Dtype {
  return max < 2 ** 31 ? 'i4' : 'i8';
}

const integerRange: { readonly [dtype: string]: readonly [number, number] } = {
  u1: [0, 2 ** 8 - 1],
  u2: [0, 2 ** 16 - 1],
  u4: [0, 2 ** 32 - 1],
  u8: [0, Number.MAX_SAFE_INTEGER],
  i4: [-(2 ** 31), 2 ** 31 - 1],
  i8: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** Everything that `from` can carry, `to` can: what was read as one needs no look to rest as the other. */
export function isWithin(from: Dtype, to: Dtype): boolean {
  const [inner, outer] = [integerRange[from], integerRange[to]];
  return from === to || (inner !== undefined && outer !== undefined && inner[0] >= outer[0] && inner[1] <= outer[1]);
}

/** The index of the first number that the dtype cannot carry unchanged, or −1. Floats round and carry all. */
export function firstMisfit(dtype: Dtype, data: Float64Array): number {
  const range = integerRange[dtype];
  if (!range) return -1;
  const [least, most] = range;
  for (let i = 0; i < data.length; i++) {
    const n = data[i]!;
    if (!(n >= least && n <= most && Math.floor(n) === n)) return i;
  }
  return -1;
}

const fixedFrames = new WeakMap<NamedArray, Uint8Array>();

/** One frame that nobody writes to afterwards (it may be sent without copying). */
export function encodeNpy(array: NamedArray): Uint8Array {
  if (!array.isFixed) return newFrame(array);
  let frame = fixedFrames.get(array);
  if (!frame) fixedFrames.set(array, (frame = newFrame(array)));
  return frame;
}

function newFrame(array: NamedArray): Uint8Array {
  const { dtype, shape, data } = array;
  const head = headersWritten.of(`${dtype} ${shape.length === 1 ? `${shape[0]},` : shape.join(', ')}`);
  // Every byte of it is written: to clear a million cells' frames first takes as long as that.
  const frame = new Uint8Array(Buffer.allocUnsafeSlow(head.length + data.length * dtypes[dtype]).buffer);
  frame.set(head, 0);
  writeNumbers(frame, head.length, dtype, data);
  return frame;
}

/**
 * Throws E_PROTOCOL where the frame is no such array. Sizes are checked before anything is allocated; a number past
 * 2^53−1 is E_RANGE when `data` is looked at.
 */
export function decodeNpy(frame: Uint8Array): NamedArray {
  if (frame.length < 10 || magic.some((byte, i) => frame[i] !== byte)) {
    throw fail('E_PROTOCOL', 'array frame is not .npy version 1.0');
  }
  const bodyAt = 10 + frame[8]! + 256 * frame[9]!;
  if (bodyAt > frame.length) throw fail('E_PROTOCOL', 'array frame ends inside its header');
  const text = Buffer.from(frame.buffer, frame.byteOffset + 10, bodyAt - 10).toString('latin1');
  const { dtype, shape, count } = headersRead.of(text);
  if (count * dtypes[dtype] !== frame.length - bodyAt || count * 8 > arrayBytesMax) {
    throw fail(
      'E_PROTOCOL',
      `array of shape (${shape.join(', ').slice(0, 80)}) and dtype ${dtype} does not fit its frame`,
    );
  }
  let data: Float64Array | undefined;
  return {
    dtype,
    shape,
    // Read when somebody looks: many a report is replaced by a newer one before that.
    get data() {
      return (data ??= readNumbers(frame, bodyAt, dtype, count));
    },
  };
}

interface ArrayHeader {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** The product of `shape`. */
  readonly count: number;
}

function parseHeader(text: string): ArrayHeader {
  const descr = /'descr':\s*'(?:\||<)(u1|(?<=<)[uif][248])'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const dims = /'shape':\s*\(([0-9, ]*)\)/.exec(text)?.[1];
  if (!isDtype(descr) || order !== 'False' || dims === undefined) {
    throw fail('E_PROTOCOL', `array header is not understood: ${text.trim().slice(0, 80)}`);
  }
  const shape = dims
    .split(',')
    .filter((dim) => dim.trim() !== '')
    .map(Number);
  if (shape.length > dimensionsMax || !shape.every(Number.isSafeInteger)) {
    throw fail('E_PROTOCOL', `array of shape (${dims.slice(0, 80)}) is not taken`);
  }
  return { dtype: descr, shape, count: shape.reduce((product, dim) => product * dim, 1) };
}

/**
 * Arrays of a job have the same few headers again and again, and to make or read one costs more than to copy a short
 * array. Bounded, and emptied when full: a peer may send as many different ones as it likes.
 */
class Remembered<T> {
  readonly #known = new Map<string, T>();

  constructor(readonly make: (key: string) => T) {}

  of(key: string): T {
    let value = this.#known.get(key);
    if (value === undefined) {
      value = this.make(key);
      if (this.#known.size >= rememberedMax || key.length > rememberedCharsMax) this.#known.clear();
      this.#known.set(key, value);
    }
    return value;
  }
}

const rememberedMax = 64;
const rememberedCharsMax = 1024;
const headersRead = new Remembered(parseHeader);
const headersWritten = new Remembered(headerBytes);

/** `key`: dtype and dimensions, `u4 3, 256`. */
function headerBytes(key: string): Uint8Array {
  const [dtype, dims] = [key.slice(0, 2) as Dtype, key.slice(3)];
  const descr = dtype === 'u1' ? '|u1' : `<${dtype}`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  // The whole header is padded to 64 bytes, so that NumPy and typed arrays find the body aligned.
  const length = Math.ceil((dict.length + 11) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + length).fill(0x20);
  bytes.set(magic, 0);
  bytes[8] = length & 255;
  bytes[9] = length >> 8;
  for (let i = 0; i < dict.length; i++) bytes[10 + i] = dict.charCodeAt(i);
  bytes[bytes.length - 1] = 0x0a;
  return bytes;
}

function typedView(buffer: ArrayBufferLike, at: number, dtype: Exclude<Dtype, 'u8' | 'i8'>, count: number) {
  switch (dtype) {
    case 'u1':
      return new Uint8Array(buffer, at, count);
    case 'u2':
      return new Uint16Array(buffer, at, count);
    case 'u4':
      return new Uint32Array(buffer, at, count);
    case 'i4':
      return new Int32Array(buffer, at, count);
    case 'f4':
      return new Float32Array(buffer, at, count);
    case 'f8':
      return new Float64Array(buffer, at, count);
    default:
      return dtype satisfies never;
  }
}

function writeNumbers(frame: Uint8Array, at: number, dtype: Dtype, data: Float64Array): void {
  if (dtype !== 'u8' && dtype !== 'i8') {
    typedView(frame.buffer, frame.byteOffset + at, dtype, data.length).set(data);
    return;
  }
  const words = new Uint32Array(frame.buffer, frame.byteOffset + at, data.length * 2);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    words[2 * i] = value >>> 0;
    // The usual small number needs no division, which is what takes the time here.
    words[2 * i + 1] = value < 0 || value >= 2 ** 32 ? Math.floor(value / 2 ** 32) >>> 0 : 0;
  }
}

/** As fast for each of the types; a loop over all of them took ten times as long. */
function widened(numbers: ReturnType<typeof typedView>): Float64Array {
  const data = new Float64Array(numbers.length);
  data.set(numbers);
  return data;
}

function readNumbers(frame: Uint8Array, at: number, dtype: Dtype, count: number): Float64Array {
  let buffer = frame.buffer;
  let offset = frame.byteOffset + at;
  if (offset % 8 !== 0) {
    buffer = Uint8Array.prototype.slice.call(frame, at).buffer;
    offset = 0;
  }
  if (dtype !== 'u8' && dtype !== 'i8') return widened(typedView(buffer, offset, dtype, count));
  const words = new Uint32Array(buffer, offset, count * 2);
  const data = new Float64Array(count);
  const highMax = 2 ** 21 - 1;
  for (let i = 0; i < count; i++) {
    const high = words[2 * i + 1]!;
    if (high <= highMax) {
      data[i] = high * 2 ** 32 + words[2 * i]!;
      continue;
    }
    const value = (dtype === 'i8' ? high | 0 : high) * 2 ** 32 + words[2 * i]!;
    if (!Number.isSafeInteger(value)) throw fail('E_RANGE', 'a number in an array is past 2^53−1');
    data[i] = value;
  }
  return data;
}
