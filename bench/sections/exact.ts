/** Exact answers about a file in the page cache: each service against its loop in C and the tools that do the same. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client, DiffFields, Report, RequestOptions } from '../../client/index.js';
import {
  type Agreement,
  agreeOnClasses,
  agreeOnDigrams,
  agreeOnEntropy,
  agreeOnHistogram,
  agreeOnStatistics,
  same,
  sameNumbers,
} from '../agreement.js';
import { mib } from '../corpus/file.js';
import { makeMix } from '../corpus/mix.js';
import { makeTwin } from '../corpus/twin.js';
import { type Daemon, startDaemon } from '../daemon.js';
import { type Contender, compare, type Figure, speedOf } from '../measure.js';
import { buildLoop, loopHow } from '../peers/loops.js';
import { differenceTools, entropyTools, histogramTools } from '../peers/tools.js';
import { atLeast, type Goal, type Table, timedTable } from '../table.js';
import type { Bench } from './section.js';

const slots = 2;

/** A service, the loop that it is measured against, and how much of the loop's speed it is to have. */
interface Match {
  readonly service: string;
  readonly params?: NonNullable<RequestOptions['params']>;
  readonly loop: string;
  readonly agree: Agreement;
  readonly goal?: number;
}

const matches: readonly Match[] = [
  { service: 'HIST', loop: 'histogram', agree: agreeOnHistogram, goal: 0.7 },
  { service: 'ENT', params: { block: 4096 }, loop: 'entropy', agree: agreeOnEntropy, goal: 0.55 },
  { service: 'CLASS', loop: 'classes', agree: agreeOnClasses, goal: 0.55 },
  { service: 'DIGRAM', loop: 'digrams', agree: agreeOnDigrams, goal: 0.55 },
  { service: 'STATS', loop: 'statistics', agree: agreeOnStatistics },
];

export async function exact(bench: Bench): Promise<Table[]> {
  const file = await bench.mixFile();
  const daemon = await startDaemon(bench, { slots });
  const tables: Table[] = [];
  for (const match of matches) {
    bench.say(`exact: ${match.service}`);
    tables.push(await againstLoop(bench, daemon.client, file, match));
  }
  bench.say('exact: ENT and other tools');
  tables.push(await entropyAgainstTools(bench, daemon.client));
  bench.say('exact: DIFF');
  tables.push(await differenceAgainstCmp(bench, daemon.client, file));
  bench.say('exact: one slot and two');
  tables.push(await slotsInTurn(bench, daemon, file));
  await daemon.close();
  return tables;
}

const isOurs = ({ name }: Contender | Figure) => name.startsWith('binglide');

/** A request to a warm daemon, from asking to the final report; `take` looks at that when the clock stands. */
function asked<Service extends string>(
  client: Client,
  request: RequestOptions<Service>,
  { name = 'binglide', take }: { name?: string; take?: (report: Report) => void } = {},
): Contender {
  return {
    name,
    how: 'warm daemon, client library, request to final report, `cache: false`',
    async run() {
      const began = performance.now();
      const report = await client.request({ ...request, cache: false }).final();
      const ms = performance.now() - began;
      take?.(report as Report);
      return ms;
    },
  };
}

async function againstLoop(bench: Bench, client: Client, file: string, match: Match): Promise<Table> {
  const { service, params = {}, agree } = match;
  const loop = await buildLoop(match.loop, bench.folder);
  let report: Report | undefined;
  const ours = asked(client, { service, params, inputs: [file] }, { take: (answer) => (report = answer) });
  const contenders: Contender[] = [ours];
  if (loop) {
    contenders.unshift({
      name: 'C loop',
      how: loopHow,
      async run() {
        const { ms, halves } = await loop(file);
        if (report) agree(report, halves);
        return ms;
      },
    });
  }
  if (service === 'HIST') {
    const check = (counts: readonly number[], who: string) =>
      sameNumbers(`counts of ${who}`, report!.fields.counts as Float64Array, counts);
    contenders.push(...(await histogramTools(file, bench.folder, check)));
  }
  const figures = await compare(contenders, bench.runs);
  const { size } = await stat(file);
  return {
    title: `${service} exact, ${(size / mib).toFixed(0)} MiB in the page cache`,
    note: `Params ${JSON.stringify(params)}; 2 slots. Counts of binglide and its peers are compared.`,
    ...timedTable(figures, { bytes: size, base: figures[0]!, goalsOf: (figure) => goalsOf(figure, figures, match) }),
  };
}

/** What HIST is to be against each tool: 10 times `ent`, and faster than the others. */
const toolGoals: { readonly [tool: string]: number } = { ent: 10, 'NumPy bincount': 1, Dask: 1, Ray: 1 };

function goalsOf(figure: Figure, figures: readonly Figure[], { goal }: Match): Goal[] {
  if (!isOurs(figure)) return [];
  const goals: Goal[] = [];
  for (const other of figures) {
    const bound = other.name === 'C loop' ? goal : toolGoals[other.name];
    if (bound !== undefined) goals.push(atLeast(bound, speedOf(figure, other), `of ${other.name}`));
  }
  return goals;
}

const smallMixBytes = 64 * mib;

async function entropyAgainstTools(bench: Bench, client: Client): Promise<Table> {
  const file = await makeMix(bench.filesFolder, smallMixBytes);
  const ours = asked(client, { service: 'ENT', params: { block: 4096 }, inputs: [file] });
  const figures = await compare([ours, ...(await entropyTools(file))], bench.runs);
  return {
    title: 'ENT beside other tools, 64 MiB in the page cache',
    note: 'A smaller mix, because binwalk is slow. No tool but binglide computes blocks of 4096 bytes here: each has its own.',
    ...timedTable(figures, { bytes: smallMixBytes, base: figures[0]! }),
  };
}

async function differenceAgainstCmp(bench: Bench, client: Client, original: string): Promise<Table> {
  const { size } = await stat(original);
  const name = (what: string) => join(bench.filesFolder, `binglide-bench-${what}-${(size / mib).toFixed(0)}M`);
  const changed = await makeTwin(original, name('changed'), { changes: true });
  const copy = await makeTwin(original, name('copy'), { changes: false });
  let changedBytes = 0;
  const changedPair = asked(
    client,
    { service: 'DIFF', inputs: [original, changed] },
    { name: 'binglide, changed', take: ({ fields }) => (changedBytes = (fields as DiffFields).changedBytes) },
  );
  const equalPair = asked(
    client,
    { service: 'DIFF', inputs: [original, copy] },
    {
      name: 'binglide, equal',
      take: ({ fields }) => same('changed bytes of a copy', (fields as DiffFields).changedBytes, 0),
    },
  );
  const { list, whole } = await differenceTools({ original, changed, copy }, (bytes) =>
    same('changed bytes', changedBytes, bytes),
  );
  const figures = await compare([changedPair, ...list, equalPair, ...whole], bench.runs);
  const base = figures.find((figure) => figure.name === 'cmp -l') ?? figures[0]!;
  return {
    title: `DIFF exact, 2 × ${(size / mib).toFixed(0)} MiB in the page cache`,
    note: '64 KiB of every 16 MiB are other bytes in the changed file, and 16 single bytes there; GiB/s are of one file. How many bytes differ is compared.',
    ...timedTable(figures, {
      bytes: size,
      base,
      goalsOf: (figure) =>
        figure.name === 'binglide, changed' && base.name === 'cmp -l'
          ? [atLeast(1, speedOf(figure, base), 'of cmp -l')]
          : [],
    }),
  };
}

async function slotsInTurn(bench: Bench, two: Daemon, file: string): Promise<Table> {
  const one = await startDaemon(bench, { slots: 1 });
  const requests = [
    { service: 'HIST', inputs: [file] },
    { service: 'ENT', inputs: [file], params: { block: 4096 } },
  ];
  const contenders = requests.flatMap((request) => [
    asked(one.client, request, { name: `${request.service}, 1 slot` }),
    asked(two.client, request, { name: `${request.service}, 2 slots` }),
  ]);
  const figures = await compare(contenders, bench.runs);
  await one.close();
  const { size } = await stat(file);
  const { columns, rows } = timedTable(figures, { bytes: size, base: figures[0]! });
  // Each is held against the same service with one slot, not against the table's first row.
  const own = rows.map((row, i) => {
    const ratio = speedOf(figures[i]!, figures[i - (i % 2)]!);
    const goals = i % 2 === 1 ? [atLeast(1.6, ratio, 'of one slot')] : [];
    return { ...row, figures: [...row.figures.slice(0, -1), ratio], goals };
  });
  return {
    title: 'One slot and two',
    note: 'The same file and requests; two daemons, one of which rests.',
    columns: [...columns.slice(0, -1), { name: 'speed ÷ 1 slot', digits: 2 }],
    rows: own,
  };
}
