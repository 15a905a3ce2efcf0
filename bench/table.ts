/** What a section gives: tables of figures with their goals, and how they are written in Markdown. Pure. */
import { type Figure, median, speedOf } from './measure.js';

export interface Table {
  readonly title: string;
  /** What was done, for whoever wants to judge the figures. */
  readonly note: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

export interface Column {
  /** With its unit. */
  readonly name: string;
  /** Digits after the point; default 0. */
  readonly digits?: number;
}

export interface Row {
  readonly what: string;
  /** One a column; null: there is none. */
  readonly figures: readonly (number | null)[];
  readonly goals?: readonly Goal[];
  /** How it was run. */
  readonly how?: string;
  /** All the single measurements, for the JSON. */
  readonly samples?: readonly number[];
}

/** What the project promises of a figure. */
export interface Goal {
  readonly says: string;
  readonly value: number;
  readonly met: boolean;
}

export const atLeast = (bound: number, value: number, of: string): Goal => ({
  says: `at least ${bound} ${of}`,
  value,
  met: value >= bound,
});

export const atMost = (bound: number, value: number, of: string): Goal => ({
  says: `at most ${bound} ${of}`,
  value,
  met: value <= bound,
});

/** Columns and rows of timed contenders, as speeds against one of them; `goalsOf` adds what is promised of a row. */
export function timedTable(
  figures: readonly Figure[],
  { bytes, base, goalsOf }: { bytes: number; base: Figure; goalsOf?: (figure: Figure) => readonly Goal[] },
): Pick<Table, 'columns' | 'rows'> {
  const columns = [
    { name: 'min ms' },
    { name: 'median ms' },
    { name: 'max ms' },
    { name: 'GiB/s', digits: 2 },
    { name: `speed ÷ ${base.name}`, digits: 2 },
  ];
  const rows = figures.map((figure): Row => {
    const { name, how, ms } = figure;
    const middle = median(ms);
    const gibPerSecond = bytes / 2 ** 30 / (middle / 1000);
    return {
      what: name,
      figures: [Math.min(...ms), middle, Math.max(...ms), gibPerSecond, speedOf(figure, base)],
      goals: goalsOf?.(figure) ?? [],
      how,
      samples: ms,
    };
  });
  return { columns, rows };
}

export function markdown({ title, note, columns, rows }: Table): string {
  if (rows.length === 0) return [`### ${title}`, note].join('\n\n');
  const hasGoals = rows.some(({ goals = [] }) => goals.length > 0);
  const hasHow = rows.some(({ how }) => how !== undefined);
  const head = ['', ...columns.map(({ name }) => name), ...(hasGoals ? ['goal'] : []), ...(hasHow ? ['how'] : [])];
  const lines = rows.map(({ what, figures, goals = [], how = '' }) => [
    what,
    ...figures.map((figure, i) => shown(figure, columns[i]!.digits ?? 0)),
    ...(hasGoals ? [goals.map(goalText).join('; ')] : []),
    ...(hasHow ? [how] : []),
  ]);
  const rule = head.map((_, i) => (i > 0 && i <= columns.length ? '---:' : '---'));
  return [`### ${title}`, '', note, '', ...[head, rule, ...lines].map(line)].join('\n');
}

const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

function shown(figure: number | null, digits: number): string {
  if (figure === null || Number.isNaN(figure)) return '–';
  return figure.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function goalText({ says, value, met }: Goal): string {
  return met ? `${says}: met` : `${says}: **not met** (${Number(value.toPrecision(3))})`;
}
