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

const lineMax = 118;

/** Small things on one line, big ones opened up, small items side by side: so that a diff is readable. */
export function printed(value: Json, indent = ''): string {
  const flat = JSON.stringify(value);
  if (flat.length + indent.length <= lineMax || value === null || typeof value !== 'object') return flat;
  const inner = `${indent} `;
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const lines = Array.isArray(value)
    ? value.every((item) => JSON.stringify(item).length <= 16)
      ? filled(value, inner)
      : value.map((item) => inner + printed(item, inner))
    : Object.entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${printed(item, inner)}`);
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}

function filled(items: readonly Json[], indent: string): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const text = JSON.stringify(item);
    const last = lines.at(-1);
    if (last !== undefined && last.length + text.length < lineMax) lines[lines.length - 1] = `${last},${text}`;
    else lines.push(indent + text);
  }
  return lines;
}
