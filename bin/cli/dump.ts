/** Bytes for a terminal: sixteen a line, with their offset and as text; as they are they would steer it. Pure. */

const bytesPerLine = 16;

/** `start` is the offset of the first byte. */
export function dump(bytes: Uint8Array, start: number, columns: number): string[] {
  const perLine = columns >= 10 + bytesPerLine * 4 + 2 ? bytesPerLine : bytesPerLine / 2;
  // Lines begin on multiples of their length, as in other dumps.
  const first = start - (start % perLine);
  const lines: string[] = [];
  for (let at = first; at < start + bytes.length; at += perLine) {
    const values = Array.from({ length: perLine }, (_, i) => bytes[at + i - start]);
    const names = values.map((value) => value?.toString(16).padStart(2, '0') ?? '  ');
    const halves = [names.slice(0, perLine / 2), names.slice(perLine / 2)].map((half) => half.join(' '));
    const text = values.map((value) => textOf(value)).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${halves.join('  ')}  ${text}`.trimEnd());
  }
  return lines;
}

function textOf(value: number | undefined): string {
  if (value === undefined) return ' ';
  return value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : '.';
}
