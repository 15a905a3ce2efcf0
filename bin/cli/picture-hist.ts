/**
 * HIST on a terminal: the counts of the 256 byte values as bars. Bars scale to the fifth highest column and taller ones
 * are marked and named, so that one value (00 is often a fifth of a file) does not flatten the rest.
 */
import {
  barGlyph,
  cut,
  fill,
  type Glyphs,
  glyphsOf,
  type Painted,
  paintRuns,
  type Style,
  valueAxis,
} from './canvas.js';
import { type Caption, costLine, title } from './caption.js';
import { type Numbers, numberOf, numbersOf, type ReportView } from './report.js';
import { byteName, percent } from './units.js';

const barRows = 6;
const tallestNamed = 4;
const mostNamed = 16;

interface Bars {
  /** Share of all bytes, 0 to 1, one entry a column. */
  readonly shares: readonly number[];
  readonly valuesPerColumn: number;
  /** The share at the picture's upper edge. */
  readonly scale: number;
}

export function pictureOfHist(report: ReportView, style: Style, caption: Caption): string[] {
  const counts = numbersOf(report, 'counts');
  const glyphs = glyphsOf(style);
  const n = numberOf(report, 'n') ?? sum(counts);
  const total = sum(counts);
  const bars = barsOf(counts, total, columnsFor(style.columns));
  const inner = bars.shares.length;
  const margin = style.columns >= inner + 9 ? 7 : 5;
  const width = Math.min(style.columns, margin + inner + 2);
  const head = title(report, style, width, caption);
  if (total === 0) return [head, ` ${report.exact ? 'no bytes here' : 'nothing read yet'}`];
  return [
    head,
    ...barLines(bars, margin, glyphs, style),
    valueAxis(inner, margin, glyphs),
    tallestLine(bars, counts, total, report.exact, style, glyphs),
    mostLine(counts, total, style),
    ...costLine(report, style, n, caption),
  ];
}

function sum(numbers: Numbers): number {
  let total = 0;
  for (let i = 0; i < numbers.length; i++) total += numbers[i]!;
  return total;
}

/** How many columns of bars: a power of two, so that a column is a run of values with a round name. */
function columnsFor(columns: number): number {
  return [256, 128, 64, 32].find((bars) => bars + 9 <= columns) ?? (columns >= 39 ? 32 : 16);
}

function barsOf(counts: Numbers, total: number, columns: number): Bars {
  const valuesPerColumn = 256 / columns;
  const shares = Array.from({ length: columns }, (_, column) => {
    let own = 0;
    for (let i = 0; i < valuesPerColumn; i++) own += counts[column * valuesPerColumn + i] ?? 0;
    return total > 0 ? own / total : 0;
  });
  const descending = [...shares].sort((a, b) => b - a);
  // A file of fewer than five values has no fifth column to scale to.
  const scale =
    descending
      .slice(0, 5)
      .filter((share) => share > 0)
      .at(-1) ?? 0;
  return { shares, valuesPerColumn, scale };
}

function isOver(share: number, scale: number): boolean {
  return share > scale * 1.0001;
}

function barLines({ shares, scale }: Bars, margin: number, glyphs: Glyphs, style: Style): string[] {
  return Array.from({ length: barRows }, (_, line) => {
    const row = barRows - 1 - line;
    const label = line === 0 ? percent(scale, 1) : line === barRows / 2 ? percent(scale / 2, 1) : '';
    const bars = shares.map((share): Painted => {
      if (line === 0 && isOver(share, scale)) return { text: glyphs.over, format: 'yellow' };
      return { text: barGlyph(glyphs, (share / scale) * barRows, row) };
    });
    const shown = label.length > 5 ? label.replace(/\.\d%$/, '%') : label;
    return `${shown.padStart(margin === 7 ? 6 : 5)}${margin === 7 ? ' ' : ''}${glyphs.side}${paintRuns(style, bars)}${glyphs.side}`;
  });
}

function tallestLine(bars: Bars, counts: Numbers, total: number, exact: boolean, style: Style, glyphs: Glyphs): string {
  const { shares, valuesPerColumn, scale } = bars;
  const named = shares
    .map((share, column) => ({ share, column }))
    .filter(({ share }) => isOver(share, scale))
    .sort((a, b) => b.share - a.share)
    .slice(0, tallestNamed)
    .map(({ share, column }) => {
      const first = column * valuesPerColumn;
      const name =
        valuesPerColumn === 1 ? byteName(first) : `${byteName(first)}-${byteName(first + valuesPerColumn - 1)}`;
      return `${name} ${percent(share, 1)}`;
    });
  const facts = `h ${entropyOf(counts, total).toFixed(4)}   absent ${absentIn(counts)}${exact ? '' : ' so far'}`;
  const lead = ` ${glyphs.over} `;
  const tallest = fill(lead, named, '   ', style.columns - facts.length - 5);
  return cut(tallest === lead ? ` ${facts}` : `${tallest}     ${facts}`, style.columns);
}

function mostLine(counts: Numbers, total: number, style: Style): string {
  const most = Array.from({ length: 256 }, (_, value) => ({ value, count: counts[value] ?? 0 }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count || a.value - b.value)
    .slice(0, mostNamed)
    .map(({ value, count }) => `${byteName(value)} ${percent(count / total, 2)}`);
  return fill(' most  ', most, '  ', Math.min(style.columns, 100));
}

function absentIn(counts: Numbers): number {
  let absent = 0;
  for (let value = 0; value < 256; value++) if (!counts[value]) absent++;
  return absent;
}

/** Shannon, bits a byte. */
function entropyOf(counts: Numbers, total: number): number {
  let h = 0;
  for (let value = 0; value < 256; value++) {
    const share = (counts[value] ?? 0) / total;
    if (share > 0) h -= share * Math.log2(share);
  }
  return h + 0;
}
