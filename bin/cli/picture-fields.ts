/** A service that has no picture of its own: its fields one a line, lists by their first numbers and their length. */
import { cut, glyphsOf, printable, type Style } from './canvas.js';
import { type Caption, costLine, title } from './caption.js';
import { cellsOf, numberOf, type ReportView, wholeFields } from './report.js';
import { counted, grouped } from './units.js';

const numbersShown = 8;

export function pictureOfFields(report: ReportView, style: Style, caption: Caption): string[] {
  const cells = cellsOf(report);
  const about = cells ? counted(cells.length, 'cell') : '';
  const columns = Math.min(style.columns, 100);
  const names = wholeFields(report).map(([name]) => name);
  const width = Math.max(0, ...names.map((name) => name.length));
  const fields = wholeFields(report).map(([name, value]) => ` ${name.padEnd(width)}  ${valueText(value, style)}`);
  const along = cells ? [...cells.columns].map(([name, column]) => ` ${name.padEnd(width)}  ${span(column)}`) : [];
  return [
    title(report, style, columns, caption, about),
    ...[...fields, ...along].map((line) => cut(line, columns)),
    ...costLine(report, style, numberOf(report, 'n') ?? report.range[1] - report.range[0], caption),
  ];
}

function valueText(value: unknown, style: Style): string {
  if (typeof value === 'number') return Number.isNaN(value) ? 'unknown' : numberText(value);
  if (value === null || value === undefined) return 'unknown';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const numbers = Array.from(value as unknown as ArrayLike<unknown>);
    const first = numbers.slice(0, numbersShown).map((item) => valueText(item, style));
    const rest = numbers.length > numbersShown ? ` ${glyphsOf(style).ellipsis} ${grouped(numbers.length)} in all` : '';
    return first.join(' ') + rest;
  }
  return printable(typeof value === 'string' ? value : JSON.stringify(value), style);
}

function numberText(value: number): string {
  return Number.isInteger(value) ? grouped(value) : String(Number(value.toPrecision(6)));
}

/** Least and greatest along the cells. */
function span(column: ArrayLike<number>): string {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < column.length; i++) {
    if (column[i]! < low) low = column[i]!;
    if (column[i]! > high) high = column[i]!;
  }
  return high === -Infinity ? 'unknown' : `${numberText(low)} to ${numberText(high)} along the cells`;
}
