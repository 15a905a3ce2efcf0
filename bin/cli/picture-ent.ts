/**
 * ENT on a terminal: entropy along the range, 0 to 8 bits a byte. Where a column stands for several cells, full blocks
 * reach up to the lowest of them and shaded ones on to the highest, so that a short key in a long text still shows.
 */
import {
  barGlyph,
  cut,
  type Glyphs,
  glyphsOf,
  offsetAxis,
  type Painted,
  paintRuns,
  type Style,
  stripWidth,
} from './canvas.js';
import { type Caption, cellsText, costLine, title } from './caption.js';
import { type CellsView, cellsOf, cellsUnder, numberOf, type ReportView } from './report.js';

const bitsMax = 8;
const margin = 3;
/** Lines of a picture beside its rows of bars. */
const otherLines = 6;

interface Column {
  readonly lowest: number;
  readonly highest: number;
  /** One of its cells is known from samples alone. */
  readonly sampled: boolean;
}

export function pictureOfEnt(report: ReportView, style: Style, caption: Caption): string[] {
  const cells = cellsOf(report);
  const strip = stripWidth(style.columns, margin);
  const width = margin + strip.inner + 2;
  if (!cells || cells.length === 0 || report.range[1] <= report.range[0]) {
    return [title(report, style, width, caption), ` no bytes here`];
  }
  const glyphs = glyphsOf(style);
  // Four rows of two bits each where eight do not fit.
  const rows = (style.rows ?? Infinity) >= bitsMax + otherLines ? bitsMax : bitsMax / 2;
  const columns = Array.from({ length: strip.inner }, (_, at) =>
    columnOf(cells, ...cellsUnder(at, strip.inner, cells)),
  );
  const startOf = (at: number) => cells.start[cellsUnder(at, strip.inner, cells)[0]]!;
  return [
    title(report, style, width, caption, cellsText(cells)),
    ...Array.from({ length: rows }, (_, line) => barLine(columns, rows, rows - 1 - line, glyphs, style)),
    ...offsetAxis(style, margin, strip, startOf, report.range[1]),
    legend(report, cells, style, glyphs),
    ...costLine(report, style, numberOf(report, 'n') ?? 0, caption),
  ];
}

function columnOf(cells: CellsView, first: number, end: number): Column {
  const h = cells.column('h');
  let lowest = NaN;
  let highest = NaN;
  let sampled = false;
  for (let i = first; i < end; i++) {
    const value = h[i];
    const state = cells.state(i);
    if (value === undefined || value === null || Number.isNaN(value) || state === 'none') continue;
    lowest = value < lowest || Number.isNaN(lowest) ? value : lowest;
    highest = value > highest || Number.isNaN(highest) ? value : highest;
    sampled ||= state === 'sampled';
  }
  return { lowest, highest, sampled };
}

function barLine(columns: readonly Column[], rows: number, row: number, glyphs: Glyphs, style: Style): string {
  const bitsPerRow = bitsMax / rows;
  const label = String((row + 1) * bitsPerRow).padStart(2);
  const bars = columns.map((column) => columnGlyph(column, bitsPerRow, row, glyphs));
  return `${label} ${glyphs.side}${paintRuns(style, bars)}${glyphs.side}`;
}

function columnGlyph(column: Column, bitsPerRow: number, row: number, glyphs: Glyphs): Painted {
  const { lowest, highest, sampled } = column;
  if (Number.isNaN(highest)) return { text: ' ' };
  const reaches = highest / bitsPerRow > row + 1 / 16 || (row === 0 && highest >= 0);
  if (sampled) return reaches ? { text: glyphs.sampled, format: 'dim' } : { text: ' ' };
  // An entropy of nothing at all is known, and drawn as the thinnest bar.
  const solid = barGlyph(glyphs, row === 0 ? Math.max(lowest / bitsPerRow, 1e-9) : lowest / bitsPerRow, row);
  const thin = row === 0 && lowest / bitsPerRow < 1 / 16;
  if (solid !== ' ' && !(thin && highest / bitsPerRow > 1 / 8)) return { text: solid };
  return reaches ? { text: glyphs.between, format: 'dim' } : { text: ' ' };
}

function legend(report: ReportView, cells: CellsView, style: Style, glyphs: Glyphs): string {
  const full = glyphs.eighths[8];
  const key = `${full} lowest ${glyphs.between} highest cell of a column ${glyphs.middot} blank ${glyphs.sampled} sampled`;
  const short = `${full} lowest ${glyphs.between} highest`;
  const h = numberOf(report, 'h');
  const [low, high] = extremes(cells);
  const blocks = Number.isNaN(low) ? '' : `  4K ${low.toFixed(2)}-${high.toFixed(2)}`;
  const facts = `${h === null ? '' : `h ${h.toFixed(4)}`}${blocks}`;
  const line = [key, short].map((text) => ` ${text}   ${facts}`).find((text) => text.length <= style.columns);
  return cut(line ?? ` ${facts}`, style.columns);
}

/** Over all cells, of their 4096-byte blocks. */
function extremes(cells: CellsView): [number, number] {
  const [min, max] = [cells.column('min'), cells.column('max')];
  let [low, high] = [NaN, NaN];
  for (let i = 0; i < cells.length; i++) {
    if (min[i]! <= low || (Number.isNaN(low) && min[i] !== null)) low = min[i] ?? NaN;
    if (max[i]! >= high || (Number.isNaN(high) && max[i] !== null)) high = max[i] ?? NaN;
  }
  return [low, high];
}
