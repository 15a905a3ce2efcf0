/**
 * Ranges as people write them. START:END, START:+LEN, :END, START:, -LEN: (the last LEN bytes); numbers are decimal or
 * 0x; k M G T are 1024-based, s is a sector of 512; END is exclusive.
 */
import { fail } from './errors.js';

/** Resolved once the size is known: a negative start counts from the end; end null is the end of the file. */
export interface RangeSpec {
  readonly start: number;
  readonly end: number | null;
}

export const wholeRange: RangeSpec = { start: 0, end: null };

const units: { readonly [unit: string]: number } = { '': 1, s: 512, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** "64k", "0x1000", "1.5G" → bytes; throws E_USAGE. */
export function parseBytes(text: string): number {
  const hex = /^0x([0-9a-f]+)$/i.exec(text);
  const decimal = /^(\d+(?:\.\d+)?)\s*([skmgt]?)(?:i?b)?$/i.exec(text);
  const bytes = hex
    ? Number.parseInt(hex[1]!, 16)
    : decimal
      ? Number(decimal[1]) * units[decimal[2]!.toLowerCase()]!
      : NaN;
  if (!Number.isSafeInteger(bytes)) {
    throw fail('E_USAGE', `${JSON.stringify(text)} is no number of bytes; write 4096, 0x1000, 64k, 1G or 8s`);
  }
  return bytes;
}

export function parseRange(text: string): RangeSpec {
  const colon = text.indexOf(':');
  if (colon < 0 || text.indexOf(':', colon + 1) >= 0) {
    throw fail('E_USAGE', `--range ${text} has no START:END; write 0:1M, 1G:+64k, :4096, 4096: or -1M:`);
  }
  const [from, to] = [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
  const start = from === '' ? 0 : from.startsWith('-') ? fromEnd(from) : parseBytes(from);
  if (to === '') return { start, end: null };
  if (to.startsWith('+')) {
    const end = start + parseBytes(to.slice(1));
    if (start < 0) return { start, end: end >= 0 ? null : end };
    if (!Number.isSafeInteger(end)) throw fail('E_RANGE', `--range ${text} ends past 2^53−1`);
    return { start, end };
  }
  if (to.startsWith('-')) return { start, end: fromEnd(to) };
  return { start, end: parseBytes(to) };
}

/** A negative zero would mean the start of the file, not its end. */
function fromEnd(text: string): number {
  const bytes = parseBytes(text.slice(1));
  if (bytes === 0) throw fail('E_USAGE', `--range: ${text} counts no byte from the end; leave it out`);
  return -bytes;
}

/** [start, end) inside a file of `size` bytes; throws E_RANGE with the way out. */
export function resolveRange({ start, end }: RangeSpec, size: number, what: string): [number, number] {
  const from = start < 0 ? size + start : start;
  const to = end === null ? size : end < 0 ? size + end : end;
  const hex = (offset: number) => (offset < 0 ? `-0x${(-offset).toString(16)}` : `0x${offset.toString(16)}`);
  if (from < 0) throw fail('E_RANGE', `the range starts ${-from} bytes before ${what} (${size} bytes) does; try 0:`);
  if (from > size) throw fail('E_RANGE', `the range starts past ${what} (${hex(size)}); try 0:`);
  if (to > size) throw fail('E_RANGE', `the range ends past ${what} (${hex(size)}); try ${hex(from)}:`);
  if (to < from) throw fail('E_RANGE', `the range ends at ${hex(to)}, before it starts at ${hex(from)}`);
  return [from, to];
}
