/** Array frames of BXMDPv2 section 9.4: NumPy's .npy 1.0, little-endian, C order, eight dtypes. */

export type Dtype = 'u1' | 'u2' | 'u4' | 'u8' | 'i4' | 'i8' | 'f4' | 'f8';

export interface Npy {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Row by row; whole numbers past ±(2^53−1) are rounded by the reading. */
  readonly numbers: readonly number[];
}

const descrs: { readonly [dtype in Dtype]: string } = {
  u1: '|u1',
  u2: '<u2',
  u4: '<u4',
  u8: '<u8',
  i4: '<i4',
  i8: '<i8',
  f4: '<f4',
  f8: '<f8',
};

const widthOf = (dtype: Dtype): number => Number(dtype[1]);

/** A frame with the header as it is given, which may be wrong on purpose. */
export function npyWith(header: string, body: Uint8Array): Uint8Array {
  const padding = (64 - ((10 + header.length + 1) % 64)) % 64;
  const line = `${header}${' '.repeat(padding)}\n`;
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, line.length & 255, line.length >> 8]);
  return Buffer.concat([start, Buffer.from(line, 'latin1'), body]);
}

export function bodyOf(dtype: Dtype, numbers: readonly number[]): Buffer {
  const width = widthOf(dtype);
  const body = Buffer.alloc(numbers.length * width);
  numbers.forEach((number, i) => {
    const at = i * width;
    if (dtype === 'f4') body.writeFloatLE(number, at);
    else if (dtype === 'f8') body.writeDoubleLE(number, at);
    else if (dtype === 'u8') body.writeBigUInt64LE(BigInt(number), at);
    else if (dtype === 'i8') body.writeBigInt64LE(BigInt(number), at);
    else if (dtype === 'i4') body.writeInt32LE(number, at);
    else body.writeUIntLE(number, at, width);
  });
  return body;
}

export function npy(dtype: Dtype, shape: readonly number[], numbers: readonly number[]): Uint8Array {
  const tuple = shape.map((side) => `${side}, `).join('');
  return npyWith(
    `{'descr': '${descrs[dtype]}', 'fortran_order': False, 'shape': (${tuple}), }`,
    bodyOf(dtype, numbers),
  );
}

/** Throws an Error that names what is not as the section says. */
export function readNpy(frame: Uint8Array): Npy {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  if (bytes.subarray(0, 8).toString('hex') !== '934e554d50590100') throw new Error('it does not begin as .npy 1.0');
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.subarray(10, start).toString('latin1');
  if (start % 64 !== 0) throw new Error(`its numbers begin at byte ${start}, no multiple of 64`);
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const dtype = (Object.keys(descrs) as Dtype[]).find((name) => descrs[name] === descr);
  if (!dtype) throw new Error(`its descr is ${descr}`);
  if (!/'fortran_order':\s*False/.test(header)) throw new Error('it is not in C order');
  const shape = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .filter((side) => side.trim() !== '')
    .map(Number);
  const count = shape.reduce((product, side) => product * side, 1);
  const body = bytes.subarray(start);
  if (body.length !== count * widthOf(dtype)) throw new Error(`${body.length} bytes for shape (${shape})`);
  return { dtype, shape, numbers: numbersOf(dtype, body, count) };
}

function numbersOf(dtype: Dtype, body: Buffer, count: number): number[] {
  const width = widthOf(dtype);
  const read = (at: number): number => {
    if (dtype === 'f4') return body.readFloatLE(at);
    if (dtype === 'f8') return body.readDoubleLE(at);
    if (dtype === 'u8') return Number(body.readBigUInt64LE(at));
    if (dtype === 'i8') return Number(body.readBigInt64LE(at));
    return dtype === 'i4' ? body.readInt32LE(at) : body.readUIntLE(at, width);
  };
  return Array.from({ length: count }, (_, i) => read(i * width));
}
