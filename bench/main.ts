/**
 * `npm run bench [-- --runs N --file FILE]`: everything in one run, side by side with the peers that are installed; prints
 * Markdown and writes it, with the raw figures, to bench/results/.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startNode } from '../bin/node.js';
import { connect } from '../client/index.js';
import { makeMix, mixBytes } from './corpus.js';
import { type Contender, command, compare, type Figure, isThere, table } from './measure.js';
import { histogramPeers } from './peers.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const program = join(root, 'dist', 'bin', 'binglide.js');

interface Section {
  readonly title: string;
  readonly bytes: number;
  readonly figures: readonly Figure[];
}

async function warmDaemon(file: string, folder: string, runs: number): Promise<Section[]> {
  const node = await startNode({ slots: 2, cacheDir: join(folder, 'cache') });
  const client = await connect({ endpoint: node.endpoint });
  const first: number[] = [];
  const exact: Contender = {
    name: 'binglide, warm daemon, 2 slots',
    note: 'client library, request to FINAL, nothing from the cache',
    async run() {
      const begun = performance.now();
      let firstMs = NaN;
      for await (const report of client.request({ service: 'HIST', inputs: [file], cache: false })) {
        if (Number.isNaN(firstMs) && report.completion > 0) firstMs = performance.now() - begun;
      }
      first.push(firstMs);
      return performance.now() - begun;
    },
  };
  const peers = await histogramPeers(file, folder);
  const figures = await compare([...peers.slice(0, 1), exact, ...peers.slice(1), coldStart(file, folder)], runs);
  await client.close();
  await node.close();
  return [
    { title: 'Exact histogram of 1 GiB', bytes: mixBytes, figures },
    {
      title: 'First report for 1 GiB',
      bytes: 0,
      figures: [
        { name: 'warm daemon', note: 'request to first report', ms: first.slice(1) },
        ...(await coldFirst(file, folder, runs)),
      ],
    },
  ];
}

function coldStart(file: string, folder: string): Contender {
  return {
    name: 'binglide hist, cold start',
    note: 'the whole command, embedded, nothing from the cache',
    async run() {
      const args = [program, 'hist', '--json', '--no-cache', '--cache-dir', join(folder, 'cold'), '-j', '2', file];
      return (await command(process.execPath, args, embedded(folder))).ms;
    },
  };
}

async function coldFirst(file: string, folder: string, runs: number): Promise<Figure[]> {
  const ms: number[] = [];
  for (let i = 0; i < runs; i++) {
    const args = [program, 'hist', '--ndjson', '--no-cache', '-j', '2', file];
    const begun = performance.now();
    const { ms: whole, stdout } = await command(process.execPath, args, embedded(folder));
    const reports = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    // What passed outside the job is the start: everything before the request and the little after the last report.
    ms.push(whole - reports.at(-1).work.elapsedMs + reports.at(-1).work.firstReportMs);
    if (performance.now() - begun < 0) throw new Error('time ran back');
  }
  return [{ name: 'binglide hist, cold start', note: 'start of the command to first report', ms }];
}

/** No daemon of the user's is to answer. */
function embedded(folder: string): NodeJS.ProcessEnv {
  return { BINGLIDE_RUNTIME_DIR: join(folder, 'run'), BINGLIDE_BROKER: '' };
}

async function machine(): Promise<string> {
  const cpu = cpus()[0]?.model ?? 'unknown processor';
  const cc = (await isThere('cc', ['--version']))
    ? (await command('cc', ['--version'])).stdout.split('\n')[0]
    : 'no C compiler';
  return `${cpu.trim()}, ${cpus().length} processors, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.versions.node}, ${cc}; file in the page cache`;
}

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' }, file: { type: 'string' } } });
const folder = await mkdtemp(join(tmpdir(), 'binglide-bench-'));
try {
  const file = values.file ?? join(tmpdir(), 'binglide-bench-mix');
  await makeMix(file);
  const sections = await warmDaemon(file, folder, Number(values.runs));
  const markdown = [
    `Machine: ${await machine()}. Medians over ${values.runs} runs in turn after one that is not counted.`,
  ];
  for (const { title, bytes, figures } of sections) markdown.push(`### ${title}`, table(figures, bytes));
  const text = `${markdown.join('\n\n')}\n`;
  process.stdout.write(text);
  await mkdir(join(root, 'bench', 'results'), { recursive: true });
  await writeFile(join(root, 'bench', 'results', 'last.md'), text);
  await writeFile(join(root, 'bench', 'results', 'last.json'), `${JSON.stringify(sections, null, 1)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
