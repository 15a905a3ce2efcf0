/**
 * DIFF on a terminal: the share of changed bytes along the range, what the changes are, and the longest stretches. A
 * column shows its most changed cell, and a single changed byte is never drawn as nothing.
 */
import {
  barGlyph,
  cut,
  ends,
  fill,
  type Glyphs,
  glyphsOf,
  offsetAxis,
  type Painted,
  paint,
  paintRuns,
  type Style,
  stripWidth,
} from './canvas.js';
import { type Caption, costLine, inputName, standing } from './caption.js';
import {
  type CellsView,
  cellsOf,
  cellsUnder,
  type Numbers,
  numberOf,
  numbersOf,
  type ReportView,
  type RunView,
  runsOf,
  truthOf,
} from './report.js';
import { byteName, counted, grouped, hexRange, percent } from './units.js';

const margin = 4;
const stripRows = 2;
const runsShown = 8;
const xorNamed = 8;

export function pictureOfDiff(report: ReportView, style: Style, caption: Caption): string[] {
  const strip = stripWidth(style.columns, margin);
  const glyphs = glyphsOf(style);
  const n = numberOf(report, 'n') ?? 0;
  const cells = cellsOf(report);
  const head = titleOf(report, style, margin + strip.inner + 2, caption);
  const drawn = cells && cells.length > 0 && report.range[1] > report.range[0];
  return [
    head,
    ...(drawn ? stripLines(report, cells, strip, style, glyphs) : []),
    ...summaryLines(report, n, style),
    ...changesLine(report, style, caption),
    ...(caption.listsRuns ? [] : runLines(report, style, glyphs)),
    ...costLine(report, style, n, caption),
  ];
}

function titleOf(report: ReportView, style: Style, columns: number, caption: Caption): string {
  const [a, b] = [0, 1].map((index) => ({
    name: inputName(report, index, style, caption),
    bytes: grouped(report.inputs[index]?.size ?? 0),
  })) as [{ name: string; bytes: string }, { name: string; bytes: string }];
  const status = `DIFF  ${standing(report)}`;
  const full = `A ${a.name} ${a.bytes}   B ${b.name} ${b.bytes}`;
  const line = ends(full.length + status.length + 2 <= columns ? full : `A ${a.name}   B ${b.name}`, status, columns);
  return report.exact ? line : line.replace(/\S+$/, (text) => paint(style, 'yellow', text));
}

function stripLines(
  report: ReportView,
  cells: CellsView,
  strip: { inner: number; ticks: number },
  style: Style,
  glyphs: Glyphs,
): string[] {
  const columns = Array.from({ length: strip.inner }, (_, at) =>
    columnOf(cells, ...cellsUnder(at, strip.inner, cells)),
  );
  const bar = (line: number) =>
    paintRuns(
      style,
      columns.map((column) => columnGlyph(column, stripRows - 1 - line, glyphs)),
    );
  const rows = Array.from(
    { length: stripRows },
    (_, line) => `${line === 0 ? '100%' : '    '}${glyphs.side}${bar(line)}${glyphs.side}`,
  );
  const startOf = (at: number) => cells.start[cellsUnder(at, strip.inner, cells)[0]]!;
  return [...rows, ...offsetAxis(style, margin, strip, startOf, report.range[1])];
}

/** `common` false: only one of the files has these bytes. */
interface Column {
  readonly share: number;
  readonly sampled: boolean;
  readonly common: boolean;
}

function columnOf(cells: CellsView, first: number, end: number): Column {
  const [n, changed] = [cells.column('n'), cells.column('changedBytes')];
  let column: Column = { share: 0, sampled: false, common: false };
  for (let i = first; i < end; i++) {
    const state = cells.state(i);
    const share = n[i]! > 0 ? Math.min(1, changed[i]! / n[i]!) : 0;
    column = {
      share: Math.max(column.share, share),
      sampled: column.sampled || state === 'sampled',
      common: column.common || state !== 'exact' || n[i]! > 0,
    };
  }
  return column;
}

function columnGlyph({ share, sampled, common }: Column, row: number, glyphs: Glyphs): Painted {
  if (!common) return { text: row === 0 ? glyphs.line : ' ', format: 'dim' };
  const glyph = barGlyph(glyphs, share * stripRows, row);
  if (sampled && glyph !== ' ') return { text: glyphs.sampled, format: 'dim' };
  return { text: glyph, format: 'red' };
}

/** On one line where there is room, else one line a statement. */
function summaryLines(report: ReportView, n: number, style: Style): string[] {
  const changed = numberOf(report, 'changedBytes') ?? 0;
  const only = (['onlyA', 'onlyB'] as const)
    .map((name) => ({ bytes: numberOf(report, name) ?? 0, where: name.slice(-1) }))
    .filter(({ bytes }) => bytes > 0)
    .map(({ bytes, where }) => `${counted(bytes, 'byte')} only in ${where}`);
  const same = report.exact ? `all ${counted(n, 'byte')} are the same` : 'no difference so far';
  const share = percent(n > 0 ? Math.min(1, changed / n) : 0, 3);
  const differ = `${counted(changed, 'byte')} ${changed === 1 ? 'differs' : 'differ'} (${share})`;
  const bits = counted(numberOf(report, 'changedBits') ?? 0, 'bit');
  const common = changed > 0 ? `${differ}, ${bits}` : n > 0 || !report.exact ? same : 'no byte in common';
  const line = ` ${[common, ...only].join('; ')}`;
  const lines = changed > 0 ? [differ, bits, ...only] : [common, ...only];
  return line.length <= style.columns ? [line] : lines.map((text) => cut(` ${text}`, style.columns));
}

function changesLine(report: ReportView, style: Style, caption: Caption): string[] {
  if (!numberOf(report, 'changedBytes')) return [];
  const xor = numbersOf(report, 'xor');
  const places = numberOf(report, 'runCount') ?? 0;
  const gap = caption.params?.gap ?? 64;
  const joined = typeof gap === 'number' && gap > 0 ? ` (gaps up to ${counted(gap, 'byte')} joined)` : '';
  const right = `${counted(places, 'place')}${joined}`;
  const named = xorNames(xor).slice(0, xorNamed);
  const width = Math.min(style.columns - 1, stripWidth(style.columns, margin).inner + margin + 2);
  const left = fill(' xor ', named, '   ', width - right.length - 2);
  return [ends(left === ' xor ' ? '' : left, right, width)];
}

/** The commonest values of a ^ b with their share of the changed bytes; 0 is no change. */
function xorNames(xor: Numbers): string[] {
  const values = Array.from({ length: Math.max(0, Math.min(255, xor.length - 1)) }, (_, i) => i + 1)
    .map((value) => ({ value, count: xor[value] ?? 0 }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count || a.value - b.value);
  const total = values.reduce((sum, { count }) => sum + count, 0);
  return values.map(({ value, count }) => `${byteName(value)} ${percent(count / total, 1)}`);
}

/** The first stretches by offset; `--runs` lists them all below the picture. */
function runLines(report: ReportView, style: Style, glyphs: Glyphs): string[] {
  const runs = runsOf(report);
  const count = numberOf(report, 'runCount') ?? runs.length;
  const shown = runs.slice(0, count > runsShown ? runsShown - 1 : runsShown).map((run) => runLine(run, style));
  const left = count - shown.length;
  if (left <= 0) return shown;
  const more = truthOf(report, 'runsTruncated') ? `--runs lists the first ${grouped(runs.length)}` : '--runs lists all';
  return [...shown, cut(` ${glyphs.ellipsis} ${grouped(left)} more; ${more}`, style.columns)];
}

export function runLine({ start, end, length, changed }: RunView, style: Style): string {
  const place = hexRange(start, end);
  const line = ` ${place.padEnd(23)} ${grouped(length).padStart(11)} long  ${grouped(changed).padStart(11)} changed`;
  const brief = ` ${place} ${grouped(length)} long ${grouped(changed)}`;
  return cut(line.length <= style.columns ? line : brief, style.columns);
}
