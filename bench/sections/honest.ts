/** Do the intervals of cells that were only sampled hold the exact value, at every report? And do they narrow? */
import { rm } from 'node:fs/promises';
import type { CellState, Client } from '../../client/index.js';
import { mib } from '../corpus/file.js';
import { makeMixed } from '../corpus/mixed.js';
import { startDaemon } from '../daemon.js';
import { mean } from '../measure.js';
import { atLeast, atMost, type Row, type Table } from '../table.js';
import type { Bench } from './section.js';

const files = 20;
const cells = 1024;
/** Times that each file is asked about, a run; 5 runs are the default. */
const asksPerRun = 2;
const coverageGoal = 0.93;
/** Of entropies: what two ways to add up may differ by. */
const tolerance = 1e-9;

interface Seen {
  readonly completion: number;
  readonly state: readonly CellState[];
  readonly lo: Float64Array;
  readonly hi: Float64Array;
}

/** Cells of one report, held against the exact answer. */
interface Judged {
  readonly completion: number;
  /** Sampled or exact, with an interval. */
  readonly known: number;
  readonly covered: number;
  readonly sampled: number;
  readonly sampledCovered: number;
  /** Sampled, and the runs could not tell. */
  readonly nulls: number;
  /** Of those known; exact cells are 0 wide. */
  readonly meanWidth: number;
}

export async function honest(bench: Bench): Promise<Table[]> {
  // Samples and reports of small files too: these options only make more of what is judged.
  const daemon = await startDaemon(bench, { slots: 1, broker: { sampleAboveMs: 1, reportMs: 5 } });
  const rows: Row[] = [];
  const all: Judged[] = [];
  for (let number = 1; number <= files; number++) {
    bench.say(`honest: file ${number} of ${files}`);
    const { path, bytes } = await makeMixed(bench.folder, number);
    const judged: Judged[] = [];
    for (let ask = 0; ask < bench.runs * asksPerRun; ask++) judged.push(...(await reportsOf(daemon.client, path)));
    await rm(path);
    rows.push(coverageRow(`file ${number}, ${Math.round(bytes / mib)} MiB`, judged));
    all.push(...judged);
  }
  await daemon.close();
  return [coverageTable(bench, rows, all), widthTable(all)];
}

async function reportsOf(client: Client, path: string): Promise<Judged[]> {
  const seen: Seen[] = [];
  let exact = new Float64Array();
  for await (const report of client.request({ service: 'ENT', inputs: [path], cells, cache: false })) {
    const { state, lo, hi, h } = report.cells as typeof report.cells & Pick<Seen, 'lo' | 'hi'>;
    seen.push({ completion: report.completion, state, lo, hi });
    if (report.exact) exact = h as typeof exact;
  }
  return seen.map((report) => judge(report, exact));
}

function judge({ completion, state, lo, hi }: Seen, exact: Float64Array): Judged {
  const counts = { known: 0, covered: 0, sampled: 0, sampledCovered: 0, nulls: 0 };
  let width = 0;
  for (let i = 0; i < state.length; i++) {
    if (state[i] === 'none') continue;
    if (Number.isNaN(lo[i]) || Number.isNaN(hi[i])) {
      counts.nulls++;
      continue;
    }
    const covers = lo[i]! - tolerance <= exact[i]! && exact[i]! <= hi[i]! + tolerance;
    counts.known++;
    counts.covered += Number(covers);
    if (state[i] !== 'sampled') continue;
    counts.sampled++;
    counts.sampledCovered += Number(covers);
    width += hi[i]! - lo[i]!;
  }
  return { completion, ...counts, meanWidth: width / counts.known };
}

const total = (judged: readonly Judged[], field: Exclude<keyof Judged, 'completion' | 'meanWidth'>) =>
  judged.reduce((sum, report) => sum + report[field], 0);

const coverage = (judged: readonly Judged[]) => total(judged, 'covered') / total(judged, 'known');

const worst = (judged: readonly Judged[]) =>
  Math.min(...judged.filter(({ known }) => known > 0).map((report) => coverage([report])));

function coverageRow(what: string, judged: readonly Judged[]): Row {
  const partial = judged.filter(({ completion }) => completion < 1);
  const [nulls, known] = [total(partial, 'nulls'), total(partial, 'known')];
  return {
    what,
    figures: [
      partial.length,
      100 * coverage(partial),
      (100 * total(partial, 'sampledCovered')) / total(partial, 'sampled'),
      100 * worst(partial),
      (100 * nulls) / (nulls + known),
    ],
    samples: partial.map((report) => coverage([report])),
  };
}

function coverageTable(bench: Bench, rows: readonly Row[], all: readonly Judged[]): Table {
  const partial = all.filter(({ completion }) => completion < 1);
  const whole = {
    ...coverageRow(`all ${files} files`, all),
    goals: [
      atLeast(coverageGoal, coverage(partial), 'of cells'),
      atLeast(coverageGoal, worst(partial), 'in the worst report'),
    ],
  };
  return {
    title: 'Intervals of cells that are not exact yet',
    note: `ENT with ${cells} cells of ${files} files of 64 to 256 MiB of mixed content, each asked ${bench.runs * asksPerRun} times with \`cache: false\`; 1 slot, sampling from 1 ms of work on and reports each 5 ms, so that there are many. At every report before the final one, the share of cells (sampled or exact, with an interval) whose interval holds the value of the final report. Null: the runs could not tell.`,
    columns: [
      { name: 'reports' },
      { name: 'covered %', digits: 2 },
      { name: 'of sampled cells %', digits: 2 },
      { name: 'worst report %', digits: 2 },
      { name: 'null %', digits: 2 },
    ],
    rows: [whole, ...rows],
  };
}

function widthTable(all: readonly Judged[]): Table {
  const tenths = Array.from({ length: 10 }, (_, tenth) =>
    all.filter(({ completion, known }) => known > 0 && Math.min(9, Math.floor(completion * 10)) === tenth),
  );
  const widths = tenths.map((judged) => mean(judged.map(({ meanWidth }) => meanWidth)));
  const known = widths.filter((width) => !Number.isNaN(width));
  const rises = known.filter((width, i) => i > 0 && width > known[i - 1]!).length;
  return {
    title: 'Mean width of intervals against completion',
    note: 'Exact cells are 0 wide; the mean of all reports of all files in each tenth of completion.',
    columns: [{ name: 'reports' }, { name: 'mean width, bits', digits: 3 }, { name: 'covered %', digits: 2 }],
    rows: tenths.map((judged, tenth) => ({
      what: `${tenth * 10}–${tenth * 10 + 10} %`,
      figures: [judged.length, widths[tenth]!, judged.length > 0 ? 100 * coverage(judged) : null],
      ...(tenth === 0 && { goals: [atMost(0, rises, 'rises from tenth to tenth')] }),
    })),
  };
}
