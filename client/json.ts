/**
 * Values as JSON, whole or in pieces: typed arrays as plain arrays, NaN and infinities as null. Both forms give the
 * same text.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Numbers or items that are turned into text at once. */
const sliceItems = 4096;
/** A piece is handed over when it is at least so long. */
const pieceChars = 64 * 1024;

export function toJson(value: unknown): Json {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (value instanceof Float64Array) return Array.from(value, (number) => (Number.isFinite(number) ? number : null));
  if (Array.isArray(value)) return value.map(toJson);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
}

/** The text of a value in pieces of moderate length. */
export function* jsonPieces(value: object): Generator<string, void, undefined> {
  let held = '';
  for (const piece of pieces(value)) {
    held += piece;
    if (held.length < pieceChars) continue;
    yield held;
    held = '';
  }
  if (held !== '') yield held;
}

function* pieces(value: unknown): Generator<string, void, undefined> {
  if (value instanceof Float64Array || Array.isArray(value)) {
    yield '[';
    for (let at = 0; at < value.length; at += sliceItems) {
      const text = JSON.stringify(toJson(value.slice(at, at + sliceItems)));
      yield (at === 0 ? '' : ',') + text.slice(1, -1);
    }
    yield ']';
  } else if (typeof value === 'object' && value !== null) {
    let before = '{';
    for (const [key, item] of Object.entries(value)) {
      yield `${before}${JSON.stringify(key)}:`;
      yield* pieces(item);
      before = ',';
    }
    yield before === '{' ? '{}' : '}';
  } else {
    yield JSON.stringify(toJson(value));
  }
}
