/**
 * CLASS on a terminal: the shares of the six classes of bytes along the range, stacked in columns. A column's rows go to
 * its classes by their shares (largest remainders first), so a class of a few percent of a column may have none there;
 * the legend has the share of each in the whole range.
 */
import {
  type Glyphs,
  glyphsOf,
  offsetAxis,
  type Paint,
  type Painted,
  paintRuns,
  type Style,
  stripWidth,
  wrapped,
} from './canvas.js';
import { basisLine, type Caption, cellsText, costLine, title } from './caption.js';
import { type CellsView, cellsOf, cellsUnder, numberOf, type ReportView } from './report.js';
import { percent } from './units.js';

interface Look {
  readonly name: string;
  readonly unicode: string;
  readonly ascii: string;
  readonly format: Paint;
}

/** From the foot of a column upwards. */
const looks: readonly Look[] = [
  { name: 'zero', unicode: '·', ascii: '.', format: 'dim' },
  { name: 'ff', unicode: '█', ascii: '#', format: 'bold' },
  { name: 'printable', unicode: '▒', ascii: 'a', format: 'cyan' },
  { name: 'whitespace', unicode: '▁', ascii: '_', format: 'blue' },
  { name: 'control', unicode: '▚', ascii: '^', format: 'green' },
  { name: 'high', unicode: '▓', ascii: '%', format: 'red' },
];

const margin = 4;
const rowsMax = 8;

interface Column {
  /** Class of each row, upwards; empty where nothing is known. */
  readonly stack: readonly Look[];
  /** All of its cells are. */
  readonly exact: boolean;
}

export function pictureOfClass(report: ReportView, style: Style, caption: Caption): string[] {
  const cells = cellsOf(report);
  const strip = stripWidth(style.columns, margin);
  const width = margin + strip.inner + 2;
  if (!cells || cells.length === 0 || report.range[1] <= report.range[0]) {
    return [title(report, style, width, caption), ' no bytes here'];
  }
  const glyphs = glyphsOf(style);
  const legend = legendLines(report, style, glyphs);
  // Beside the rows: title, states, axis, legend, and what the answer cost.
  const rows = (style.rows ?? Infinity) >= rowsMax + legend.length + 5 ? rowsMax : rowsMax / 2;
  const columns = Array.from({ length: strip.inner }, (_, at) =>
    columnOf(cells, ...cellsUnder(at, strip.inner, cells), rows),
  );
  const startOf = (at: number) => cells.start[cellsUnder(at, strip.inner, cells)[0]]!;
  return [
    title(report, style, width, caption, cellsText(cells)),
    ...Array.from({ length: rows }, (_, line) => stackLine(columns, rows, rows - 1 - line, glyphs, style)),
    ...stateLine(report, columns, glyphs, style),
    ...offsetAxis(style, margin, strip, startOf, report.range[1]),
    ...legend,
    ...basisLine(report, style),
    ...costLine(report, style, numberOf(report, 'n') ?? 0, caption),
  ];
}

function columnOf(cells: CellsView, first: number, end: number, rows: number): Column {
  const counts = looks.map(() => 0);
  let exact = true;
  for (let i = first; i < end; i++) {
    const state = cells.state(i);
    exact &&= state === 'exact';
    if (state === 'none') continue;
    for (const [k, { name }] of looks.entries()) counts[k]! += cells.column(name)[i] || 0;
  }
  return { stack: stackOf(counts, rows), exact };
}

/** So many rows shared out by the largest remainders. */
function stackOf(counts: readonly number[], rows: number): Look[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return [];
  const quotas = counts.map((count) => (count / total) * rows);
  const seats = quotas.map(Math.floor);
  const byRemainder = quotas.map((quota, k) => ({ k, rest: quota - seats[k]! })).sort((a, b) => b.rest - a.rest);
  const left = rows - seats.reduce((sum, seat) => sum + seat, 0);
  for (const { k } of byRemainder.slice(0, left)) seats[k]!++;
  return seats.flatMap((seat, k) => new Array<Look>(seat).fill(looks[k]!));
}

function stackLine(columns: readonly Column[], rows: number, row: number, glyphs: Glyphs, style: Style): string {
  const label = row === rows - 1 ? '100%' : row === rows / 2 - 1 ? ' 50%' : '    ';
  const painted = columns.map(({ stack }): Painted => (stack[row] ? painting(stack[row], style) : { text: ' ' }));
  return `${label}${glyphs.side}${paintRuns(style, painted)}${glyphs.side}`;
}

function painting({ unicode, ascii, format }: Look, style: Style): Painted {
  return { text: style.unicode ? unicode : ascii, format };
}

/** Until all is exact: which columns are estimates. */
function stateLine(report: ReportView, columns: readonly Column[], glyphs: Glyphs, style: Style): string[] {
  if (report.exact) return [];
  const marks = columns.map(({ stack, exact }): Painted => {
    return { text: exact || stack.length === 0 ? ' ' : glyphs.sampled, format: 'yellow' };
  });
  return [`${' '.repeat(margin)}${glyphs.side}${paintRuns(style, marks)}${glyphs.side}`];
}

function legendLines(report: ReportView, style: Style, glyphs: Glyphs): string[] {
  const counts = looks.map(({ name }) => numberOf(report, name) ?? 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const keys = looks.map((look, k): Painted[] => [
    painting(look, style),
    { text: ` ${look.name} ${total > 0 ? percent(counts[k]! / total, 1) : 'unknown'}` },
  ]);
  const sampled: Painted[] = [{ text: glyphs.sampled, format: 'yellow' }, { text: ' sampled' }];
  return wrapped(style, report.exact ? keys : [...keys, sampled]);
}
