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
/** With an interval: of fewer in a report, one that is missed says little of the report. */
const judgedCellsMin = 64;
/** Of entropies: what two ways to add up may differ by. */
const tolerance = 1e-9;

interface Seen {
  readonly completion: number;
  readonly state: readonly CellState[];
  readonly lo: Float64Array;
  readonly hi: Float64Array;
}

/** Cells of one report, held against the exact answer. */
interface Judged extends Counts {
  readonly completion: number;
  /** Of those known; exact cells are 0 wide. */
  readonly meanWidth: number;
}

interface Counts {
  /** Nothing is known of them. */
  unknown: number;
  /** Sampled, and the runs could not tell. */
  nulls: number;
  /** Sampled or exact, with an interval. */
  known: number;
  covered: number;
  sampled: number;
  sampledCovered: number;
}

export async function honest(bench: Bench): Promise<Table[]> {
  // Samples and reports of small files too: these options only make more of what is judged.
  const daemon = await startDaemon(bench, { slots: 1, broker: { sampleAboveMs: 1, reportMs: 5 } });
  const rows: FileRow[] = [];
  const asks: Judged[][] = [];
  for (let number = 1; number <= files; number++) {
    bench.say(`honest: file ${number} of ${files}`);
    const { path, bytes } = await makeMixed(bench.folder, number);
    const own: Judged[][] = [];
    for (let ask = 0; ask < bench.runs * asksPerRun; ask++) own.push(await reportsOf(daemon.client, path));
    await rm(path);
    rows.push(coverageRow(`file ${number}, ${Math.round(bytes / mib)} MiB`, own.flat()));
    asks.push(...own);
  }
  await daemon.close();
  return [coverageTable(bench, rows, asks.flat()), widthTable(asks)];
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
  const counts: Counts = { unknown: 0, nulls: 0, known: 0, covered: 0, sampled: 0, sampledCovered: 0 };
  let width = 0;
  for (let i = 0; i < state.length; i++) {
    if (state[i] === 'none') {
      counts.unknown++;
      continue;
    }
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

const total = (judged: readonly Judged[], field: keyof Counts) =>
  judged.reduce((sum, report) => sum + report[field], 0);

/** Of cells with an interval; of those that were only sampled, which alone can be wrong. */
const coverage = (judged: readonly Judged[]) => total(judged, 'covered') / total(judged, 'known');
const sampledCoverage = (judged: readonly Judged[]) => total(judged, 'sampledCovered') / total(judged, 'sampled');

interface FileRow extends Row {
  /** Of sampled cells, in all reports. */
  readonly covered: number;
  /** Of cells in the worst report. */
  readonly worst: number;
}

function coverageRow(what: string, judged: readonly Judged[]): FileRow {
  const partial = judged.filter(({ completion, known }) => completion < 1 && known > 0);
  const samples = partial.filter(({ known }) => known >= judgedCellsMin).map((report) => coverage([report]));
  const [covered, worst] = [sampledCoverage(partial), Math.min(...samples)];
  const [nulls, sampled] = [total(partial, 'nulls'), total(partial, 'sampled')];
  return {
    what,
    figures: [partial.length, 100 * covered, 100 * coverage(partial), 100 * worst, (100 * nulls) / (nulls + sampled)],
    samples,
    covered,
    worst,
  };
}

function coverageTable(bench: Bench, files: readonly FileRow[], all: readonly Judged[]): Table {
  const { covered, worst, ...whole } = coverageRow(`all ${files.length} files`, all);
  const goals = [
    atLeast(coverageGoal, covered, 'of sampled cells'),
    atLeast(coverageGoal, Math.min(...files.map((file) => file.covered)), 'of sampled cells in the worst file'),
    atLeast(coverageGoal, worst, 'of cells in the worst report'),
  ];
  return {
    title: 'Intervals of cells that are not exact yet',
    note: `ENT with ${cells} cells of ${files.length} files of 64 to 256 MiB of mixed content, each asked ${bench.runs * asksPerRun} times with \`cache: false\`; 1 slot, sampling from 1 ms of work on and reports each 5 ms, so that there are many. At every report before the final one, the share of cells whose interval holds the value of the final report: of those that were only sampled, and of all that have an interval, in which exact cells count; the worst report is of those with ${judgedCellsMin} such cells or more. Null: of the sampled cells, those whose runs could not tell.`,
    columns: [
      { name: 'reports' },
      { name: 'of sampled cells %', digits: 2 },
      { name: 'of all cells %', digits: 2 },
      { name: 'worst report %', digits: 2 },
      { name: 'null %', digits: 2 },
    ],
    rows: [{ ...whole, goals }, ...files.map(({ covered: _, worst: __, ...row }) => row)],
  };
}

/** Of a file's end, which may be too short to be sampled. */
const unknownMax = 1;

/** What is seen of each ask at a stage: the newest report that there was by then, from the first with every cell on. */
function widthTable(asks: readonly (readonly Judged[])[]): Table {
  const whole = asks.map((ask) => ask.filter(({ unknown, known }) => unknown <= unknownMax && known > 0));
  const stages = Array.from({ length: 10 }, (_, tenth) => {
    const seen = whole.flatMap((ask) => ask.findLast(({ completion }) => completion <= tenth / 10) ?? ask.slice(0, 1));
    return { tenth, seen, width: mean(seen.map(({ meanWidth }) => meanWidth)) };
  });
  const rises = stages.filter(({ width }, i) => i > 0 && width > stages[i - 1]!.width).length;
  return {
    title: 'Mean width of intervals against completion',
    note: 'Of the newest report that there was at each stage, from the first one in which every cell is known; exact cells are 0 wide; the mean of all asks of all files.',
    columns: [
      { name: 'asks' },
      { name: 'mean width, bits', digits: 3 },
      { name: 'of sampled cells covered %', digits: 2 },
    ],
    rows: stages.map(({ tenth, seen, width }) => ({
      what: tenth === 0 ? 'first whole picture' : `${tenth * 10} % exact`,
      figures: [seen.length, width, 100 * sampledCoverage(seen)],
      ...(tenth === 0 && { goals: [atMost(0, rises, 'rises from stage to stage')] }),
    })),
  };
}
