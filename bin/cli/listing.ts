/** Short lists: aligned columns for people, tab-separated with a header for programs. Pure. */
import { cut, textWidth } from './canvas.js';
import { escapeName } from './table.js';

export type ListRow = readonly string[];

/** `columns` null: not a terminal. */
export function listText(header: ListRow, rows: readonly ListRow[], columns: number | null): string {
  const all = [header, ...rows];
  if (columns === null) return all.map((row) => `${row.map(escapeName).join('\t')}\n`).join('');
  const widths = header.map((_, i) => Math.max(...all.map((row) => textWidth(row[i] ?? ''))));
  const line = (row: ListRow) => row.map((text, i) => text + ' '.repeat(widths[i]! - textWidth(text))).join('  ');
  return all.map((row) => `${cut(line(row).trimEnd(), columns)}\n`).join('');
}
