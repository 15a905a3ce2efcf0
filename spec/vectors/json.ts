/**
 * Values of the wire as plain JSON, the way protocol/vectors writes them: bytes are {"hex": …}, numbers that JSON does
 * not have are "NaN", "Infinity" and "-Infinity" inside {"float": …}; columns are lists of numbers.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const ofHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

export function toJson(value: unknown): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') {
    return Number.isFinite(value) ? (Object.is(value, -0) ? 0 : value) : { float: String(value) };
  }
  if (value instanceof Uint8Array) return { hex: hexOf(value) };
  if (value instanceof Float64Array || Array.isArray(value)) return Array.from(value, toJson);
  if (typeof value !== 'object') throw new Error(`${typeof value} has no form in JSON`);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, toJson(item)]),
  );
}

/** Back again; columns stay lists. */
export function ofJson(value: Json): unknown {
  if (Array.isArray(value)) return value.map(ofJson);
  if (value === null || typeof value !== 'object') return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && typeof value.hex === 'string') return ofHex(value.hex);
  if (keys.length === 1 && typeof value.float === 'string') return Number(value.float);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, ofJson(item)]));
}

/** Small things on one line, big ones opened up: so that a diff is readable. */
export function printed(value: Json, indent = ''): string {
  const flat = JSON.stringify(value);
  if (flat.length + indent.length <= 118 || value === null || typeof value !== 'object') return flat;
  const inner = `${indent} `;
  const lines = Array.isArray(value)
    ? value.map((item) => inner + printed(item, inner))
    : Object.entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${printed(item, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}
