/**
 * A final report as a tab-separated table: one header line, decimal offsets, ends exclusive, numbers as JSON prints them
 * and null where unknown; no units, no summary. Rows come in pieces, so that a table of any length is written with back
 * pressure. Pure.
 */
import { cellsOf, type Numbers, numbersOf, type ReportView, runsOf, wholeFields } from './report.js';

export type Row = readonly string[];

export interface Table {
  readonly header: Row;
  readonly rows: Iterable<Row>;
}

const pieceChars = 65_536;

/** Which table a service has; `runs`: DIFF's list of stretches instead of its cells. */
export function tableOf(report: ReportView, { runs = false } = {}): Table {
  if (report.service === 'HIST') return countsTable(numbersOf(report, 'counts'));
  if (report.service === 'DIGRAM') return pairsTable(numbersOf(report, 'counts'));
  if (runs) return runsTable(report);
  return cellsOf(report) ? cellsTable(report) : fieldsTable(report);
}

function countsTable(counts: Numbers): Table {
  return { header: ['value', 'count'], rows: Array.from(counts, (count, value) => [String(value), number(count)]) };
}

/** The pairs that are there, in row order: most files have few of the 65,536, and one that is not listed has none. */
function pairsTable(counts: Numbers): Table {
  function* rows(): Generator<Row> {
    for (let pair = 0; pair < counts.length; pair++) {
      const count = counts[pair]!;
      if (count > 0) yield [String(Math.floor(pair / 256)), String(pair % 256), number(count)];
    }
  }
  return { header: ['first', 'second', 'count'], rows: rows() };
}

function runsTable(report: ReportView): Table {
  const rows = runsOf(report).map(({ start, end, length, changed }) => [start, end, length, changed].map(number));
  return { header: ['start', 'end', 'length', 'changed'], rows };
}

function cellsTable(report: ReportView): Table {
  const cells = cellsOf(report)!;
  // A table is of a final report, where an interval is the value itself.
  const interval = ['lo', 'hi'];
  const others = [...cells.columns.keys()].filter((name) => name !== 'n' && !interval.includes(name));
  const names = ['n', ...others].filter((name) => cells.columns.has(name));
  const columns = names.flatMap((name) => columnsOf(name, cells.column(name), cells.length));
  function* rows(): Generator<Row> {
    for (let i = 0; i < cells.length; i++) {
      const row = columns.map(({ numbers, width, lane }) => number(numbers[i * width + lane]));
      yield [number(cells.start[i]!), number(cells.end(i)), ...row];
    }
  }
  return { header: ['start', 'end', ...columns.map(({ head }) => head)], rows: rows() };
}

interface Column {
  readonly head: string;
  readonly numbers: ArrayLike<number>;
  /** Numbers a cell, and which of them. */
  readonly width: number;
  readonly lane: number;
}

/** One, or where a cell has a row of numbers one for each of them: ones[0], ones[1]. */
function columnsOf(name: string, numbers: ArrayLike<number>, cells: number): Column[] {
  const width = cells === 0 ? 1 : numbers.length / cells;
  const head = (lane: number) => (width === 1 ? name : `${name}[${lane}]`);
  return Array.from({ length: width }, (_, lane) => ({ head: head(lane), numbers, width, lane }));
}

/** A service that has neither cells nor a table of its own: a field a line, lists and maps as JSON. */
function fieldsTable(report: ReportView): Table {
  return { header: ['field', 'value'], rows: wholeFields(report).map(([name, value]) => [name, plain(value)]) };
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return number(value);
  return JSON.stringify(value, (_, item) =>
    ArrayBuffer.isView(item) ? Array.from(item as unknown as number[]) : item,
  );
}

function number(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? 'null' : JSON.stringify(value);
}

/** A name in a table keeps its line: tab, line ends and backslash are written as \t, \n, \r and \\. */
export function escapeName(name: string): string {
  const letters: { readonly [char: string]: string } = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' };
  return name.replace(/[\t\n\r\\]/g, (char) => letters[char]!);
}

/** The lines in pieces; `file` puts that name in a first column. */
export function* tableText(table: Table, { header, file }: { header: boolean; file?: string }): Generator<string> {
  const name = file === undefined ? '' : `${escapeName(file)}\t`;
  let piece = header ? `${file === undefined ? '' : 'file\t'}${table.header.join('\t')}\n` : '';
  for (const row of table.rows) {
    piece += `${name}${row.join('\t')}\n`;
    if (piece.length < pieceChars) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
