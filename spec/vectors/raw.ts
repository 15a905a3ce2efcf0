/**
 * msgpack by hand: the bytes that our own encoder never writes, for the vectors of what is to be refused and of what is
 * to be taken although we write it otherwise.
 */

export const concat = (...pieces: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  new Uint8Array(Buffer.concat(pieces.map((piece) => Buffer.from(piece))));

/** A text of up to 31 bytes. */
export const fixstr = (text: string): Uint8Array => {
  const body = Buffer.from(text);
  return concat([0xa0 | body.length], body);
};

/** A map of up to 15 entries whose values are given as msgpack. */
export const fixmap = (entries: readonly (readonly [string, Uint8Array | readonly number[]])[]): Uint8Array =>
  concat([0x80 | entries.length], ...entries.flatMap(([key, value]) => [fixstr(key), value]));

/** A whole number as float64. */
export const float64 = (value: number): Uint8Array => {
  const body = Buffer.alloc(8);
  body.writeDoubleBE(value);
  return concat([0xcb], body);
};

/** A whole number as uint64, however small. */
export const uint64 = (value: bigint): Uint8Array => {
  const body = Buffer.alloc(8);
  body.writeBigUInt64BE(value);
  return concat([0xcf], body);
};

/** `depth` lists inside each other. */
export const nested = (depth: number): Uint8Array => concat(new Uint8Array(depth).fill(0x91), [0xc0]);
