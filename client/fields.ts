/**
 * The fields of a report as programs read them: names to numbers, columns and lists, in a stable order. Columns are
 * Float64Array; NaN in one means that the number is not known.
 */
import { cellStates, type NamedArray, type Report as WireReport } from '../protocol/index.js';

export type CellState = (typeof cellStates)[number];

/** A piece of the input: bytes from `start` on. */
export interface Stretch {
  readonly start: number;
  readonly length: number;
}

/** One stretch of change: [start, end), its length, and how many bytes in it differ. */
export interface ChangeRun {
  readonly start: number;
  readonly end: number;
  readonly length: number;
  readonly changed: number;
}

/** Columns along the range, one entry a cell; a column with several numbers a cell has them row by row. */
export type Cells = { readonly [column: string]: Float64Array | readonly CellState[] };

export type FieldValue =
  | number
  | boolean
  | null
  | Stretch
  | Float64Array
  | readonly ChangeRun[]
  | { readonly [column: string]: Float64Array | readonly CellState[] };

/** Of any service. */
export type Fields = { readonly [name: string]: FieldValue };

export type HistFields = {
  /** Exact bytes so far. */
  readonly n: number;
  /** 256 counts. */
  readonly counts: Float64Array;
};

export type EntFields = {
  readonly n: number;
  /** Bits a byte, 0 to 8, of everything exact; null where there is nothing. */
  readonly h: number | null;
  readonly cells: {
    readonly start: Float64Array;
    readonly n: Float64Array;
    readonly h: Float64Array;
    /** Lowest and highest h of the whole 4096-byte blocks in the cell. */
    readonly min: Float64Array;
    readonly max: Float64Array;
    readonly state: readonly CellState[];
  };
};

export type DiffFields = {
  readonly n: number;
  readonly changedBytes: number;
  readonly changedBits: number;
  readonly firstDiff: number | null;
  readonly lastDiff: number | null;
  readonly longestRun: Stretch | null;
  /** Bytes of the range that only one of the inputs has. */
  readonly onlyA: number;
  readonly onlyB: number;
  /** 256 counts of a XOR b. */
  readonly xor: Float64Array;
  readonly runs: readonly ChangeRun[];
  readonly runCount: number;
  readonly runsTruncated: boolean;
  readonly cells: {
    readonly start: Float64Array;
    readonly n: Float64Array;
    readonly changedBytes: Float64Array;
    readonly changedBits: Float64Array;
    readonly state: readonly CellState[];
  };
};

/** Services whose fields have types of their own; add to it by declaration merging. */
export interface KnownFields {
  HIST: HistFields;
  ENT: EntFields;
  DIFF: DiffFields;
}

export type FieldsOf<Service extends string> = Service extends keyof KnownFields ? KnownFields[Service] : Fields;

/** Where the order of arrival is not the order to show: names not listed follow, cells come last. */
const fieldOrders: { readonly [service: string]: readonly string[] } = {
  DIFF: [
    'n',
    'changedBytes',
    'changedBits',
    'firstDiff',
    'lastDiff',
    'longestRun',
    'onlyA',
    'onlyB',
    'xor',
    'runs',
    'runCount',
    'runsTruncated',
  ],
};
const cellsPrefix = 'cells.';

/** `n` first, then scalars, then arrays, then cells (start and n first, state last). */
export function fieldsOf({ service, scalars, arrays }: WireReport): Fields {
  const whole = new Map<string, FieldValue>(Object.entries(scalars));
  const cells = new Map<string, Float64Array | readonly CellState[]>();
  for (const [name, array] of Object.entries(arrays)) {
    if (!name.startsWith(cellsPrefix))
      whole.set(name, name === 'runs' && isRows(array, 3) ? runsOf(array) : array.data);
    else if (name === 'cells.state') cells.set('state', statesOf(array));
    else cells.set(name.slice(cellsPrefix.length), array.data);
  }
  const fields = inOrder(whole, fieldOrders[service] ?? ['n'], []);
  return cells.size === 0 ? fields : { ...fields, cells: inOrder(cells, ['start', 'n'], ['state']) };
}

function inOrder<T>(named: Map<string, T>, first: readonly string[], last: readonly string[]): { [name: string]: T } {
  const between = [...named.keys()].filter((name) => !first.includes(name) && !last.includes(name));
  const names = [...first, ...between, ...last].filter((name) => named.has(name));
  return Object.fromEntries(names.map((name) => [name, named.get(name)!]));
}

function isRows({ shape }: NamedArray, width: number): boolean {
  return shape.length === 2 && shape[1] === width;
}

function runsOf({ data }: NamedArray): ChangeRun[] {
  return Array.from({ length: data.length / 3 }, (_, i) => {
    const [start, end, changed] = [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!];
    return { start, end, length: end - start, changed };
  });
}

/** A code that is not known here says nothing that can be relied on: `none`. */
function statesOf({ data }: NamedArray): CellState[] {
  const states = new Array<CellState>(data.length);
  for (let i = 0; i < data.length; i++) states[i] = cellStates[data[i]!] ?? 'none';
  return states;
}
