/**
 * Header maps of BXMDPv2 section 3.3. Writing is the package's; reading is done here, byte by byte, because the rules
 * are about bytes: forms of numbers, keys that stand twice, extension types, what stands behind the map.
 */
import { encode } from '@msgpack/msgpack';

export type MapValue = { readonly [key: string]: unknown };

export interface Unpacked {
  /** {} where the frame is no map. */
  readonly map: MapValue;
  /** What breaks a rule, with the rule's id. */
  readonly faults: readonly { readonly rule: string; readonly what: string }[];
  /** Paths such as `work.ms` that were written as floats. */
  readonly floats: ReadonlySet<string>;
  /** Paths that were written as bin. */
  readonly bins: ReadonlySet<string>;
}

export const pack = (value: unknown): Uint8Array => encode(value, { ignoreUndefined: true });

const wholeMax = Number.MAX_SAFE_INTEGER;
const bytesMax = 4 * 1024 * 1024;
const depthMax = 32;
const valuesMax = 262_144;

class Fault extends Error {
  constructor(
    readonly rule: string,
    message: string,
  ) {
    super(message);
  }
}

class Reader {
  readonly faults: { rule: string; what: string }[] = [];
  readonly floats = new Set<string>();
  readonly bins = new Set<string>();
  readonly #view: DataView;
  #at = 0;
  #values = 0;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get rest(): number {
    return this.bytes.length - this.#at;
  }

  value(path: string, depth: number): unknown {
    if (++this.#values > valuesMax) throw new Fault('G-9', `more than ${valuesMax} values`);
    if (depth > depthMax) throw new Fault('G-9', `nested deeper than ${depthMax}`);
    const tag = this.#uint(1);
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.#map(tag & 15, path, depth);
    if (tag < 0xa0) return this.#list(tag & 15, path, depth);
    if (tag < 0xc0) return this.#text(tag & 31);
    if (tag >= 0xe0) return tag - 256;
    return this.#tagged(tag, path, depth);
  }

  #tagged(tag: number, path: string, depth: number): unknown {
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        this.bins.add(path);
        return this.#take(this.#uint(1 << (tag - 0xc4)));
      case 0xca:
      case 0xcb:
        return this.#float(tag === 0xca ? 4 : 8, path);
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.#whole(1 << (tag - 0xcc), false, path);
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return this.#whole(1 << (tag - 0xd0), true, path);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (tag - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#uint(tag === 0xdc ? 2 : 4), path, depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(tag === 0xde ? 2 : 4), path, depth);
      default:
        throw new Fault('G-8', `${path || 'it'} has type byte 0x${tag.toString(16)}, an extension or none`);
    }
  }

  #take(length: number): Uint8Array {
    if (length > this.rest) throw new Fault('G-8', 'it ends too early');
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  #uint(width: number): number {
    const bytes = this.#take(width);
    return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  }

  #float(width: 4 | 8, path: string): number {
    this.#take(width);
    this.floats.add(path);
    const at = this.#at - width;
    return width === 4 ? this.#view.getFloat32(at) : this.#view.getFloat64(at);
  }

  #whole(width: number, signed: boolean, path: string): number {
    this.#take(width);
    const bytes = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.#at - width, width);
    const value =
      width === 8
        ? Number(signed ? bytes.readBigInt64BE() : bytes.readBigUInt64BE())
        : signed
          ? bytes.readIntBE(0, width)
          : bytes.readUIntBE(0, width);
    if (Math.abs(value) > wholeMax) this.faults.push({ rule: 'G-10', what: `${path} is ${value}, past ±(2^53−1)` });
    else if (encode(value).length !== width + 1) {
      this.faults.push({ rule: 'G-10', what: `${path} = ${value} stands in ${width} bytes, not in the smallest form` });
    }
    return value;
  }

  #text(length: number): string {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.#take(length));
  }

  #list(length: number, path: string, depth: number): unknown[] {
    if (length > this.rest) throw new Fault('G-9', 'a list announces more than is there');
    return Array.from({ length }, (_, i) => this.value(`${path}.${i}`, depth + 1));
  }

  #map(length: number, path: string, depth: number): MapValue {
    if (length * 2 > this.rest) throw new Fault('G-9', 'a map announces more than is there');
    const map: { [key: string]: unknown } = {};
    for (let i = 0; i < length; i++) {
      const key = this.value('a key', depth);
      if (typeof key !== 'string') throw new Fault('G-8', `a key of ${path || 'the map'} is no text`);
      if (key === '__proto__') throw new Fault('G-8', 'a key is __proto__');
      if (Object.hasOwn(map, key)) this.faults.push({ rule: 'G-8', what: `key ${key} stands twice` });
      map[key] = this.value(path ? `${path}.${key}` : key, depth + 1);
    }
    return map;
  }
}

/** Never throws: what is wrong is told with the rule that it breaks. */
export function unpack(frame: Uint8Array): Unpacked {
  const reader = new Reader(frame);
  const found = (map: MapValue) => ({ map, faults: reader.faults, floats: reader.floats, bins: reader.bins });
  if (frame.length > bytesMax) reader.faults.push({ rule: 'G-9', what: `${frame.length} bytes of header map` });
  try {
    const value = reader.value('', 1);
    if (reader.rest > 0) reader.faults.push({ rule: 'G-8', what: `${reader.rest} bytes stand behind the map` });
    if (isMap(value)) return found(value);
    reader.faults.push({ rule: 'G-8', what: 'it is no map' });
  } catch (error) {
    const rule = error instanceof Fault ? error.rule : 'G-8';
    reader.faults.push({ rule, what: error instanceof Error ? error.message : String(error) });
  }
  return found({});
}

export function isMap(value: unknown): value is MapValue {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
