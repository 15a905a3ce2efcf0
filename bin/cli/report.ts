/**
 * What the command line reads of a report: the shape of the public JSON contract, whichever service it is of. Numbers
 * that are not known are null where they stand alone and NaN inside arrays.
 */
import { cellStates } from '../../protocol/messages.js';

export type Numbers = ArrayLike<number>;

export interface ReportView {
  readonly service: string;
  readonly inputs: readonly { readonly path: string; readonly size: number }[];
  /** [start, end) in bytes. */
  readonly range: readonly [number, number];
  readonly jobId: string;
  /** Exact bytes by all bytes, 0 to 1. */
  readonly completion: number;
  readonly exact: boolean;
  readonly fields: object;
  readonly work: {
    readonly bytesRead: number;
    readonly chunksCached: number;
    readonly chunksComputed: number;
    readonly elapsedMs: number;
  };
}

export type CellState = (typeof cellStates)[number];

/** Cells in range order, one entry each in every column. */
export interface CellsView {
  readonly length: number;
  readonly start: Numbers;
  /** The columns beside start and state, by name and in the report's order. */
  readonly columns: ReadonlyMap<string, Numbers>;
  column(name: string): Numbers;
  /** Exclusive. */
  end(index: number): number;
  state(index: number): CellState;
}

function field(report: ReportView, name: string): unknown {
  return (report.fields as { [name: string]: unknown })[name];
}

function isNumbers(value: unknown): value is Numbers {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

/** A field that is one number; null where it is unknown or of another kind. */
export function numberOf(report: ReportView, name: string): number | null {
  const value = field(report, name);
  return typeof value === 'number' && !Number.isNaN(value) ? value : null;
}

/** A field that is a list of numbers; empty where there is none. */
export function numbersOf(report: ReportView, name: string): Numbers {
  const value = field(report, name);
  return isNumbers(value) ? value : [];
}

/** One stretch of change: [start, end), its length, and how many bytes in it differ. */
export interface RunView {
  readonly start: number;
  readonly end: number;
  readonly length: number;
  readonly changed: number;
}

export function runsOf(report: ReportView): readonly RunView[] {
  const runs = field(report, 'runs');
  return Array.isArray(runs) ? (runs as RunView[]) : [];
}

export function truthOf(report: ReportView, name: string): boolean {
  return field(report, name) === true;
}

/** Fields beside `cells`, in the report's order. */
export function wholeFields(report: ReportView): [string, unknown][] {
  return Object.entries(report.fields).filter(([name]) => name !== 'cells');
}

export function cellsOf(report: ReportView): CellsView | null {
  const cells = field(report, 'cells') as { [name: string]: unknown } | undefined | null;
  if (!cells || !isNumbers(cells.start)) return null;
  const start = cells.start;
  const columns = new Map<string, Numbers>();
  for (const [name, column] of Object.entries(cells)) {
    if (name !== 'start' && name !== 'state' && isNumbers(column)) columns.set(name, column);
  }
  const states = cells.state as ArrayLike<number | string> | undefined;
  return {
    length: start.length,
    start,
    columns,
    column: (name) => columns.get(name) ?? [],
    end: (index) => (index + 1 < start.length ? start[index + 1]! : Math.max(start[index]!, report.range[1])),
    state: (index) => {
      const state = states?.[index] ?? 'none';
      return typeof state === 'number' ? (cellStates[state] ?? 'none') : (state as CellState);
    },
  };
}

/** First and last cell (exclusive) that a column shows; a column always shows one at least. */
export function cellsUnder(column: number, columns: number, { length }: { readonly length: number }): [number, number] {
  const first = Math.floor((column * length) / columns);
  return [first, Math.max(first + 1, Math.floor(((column + 1) * length) / columns))];
}
