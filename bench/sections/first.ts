/** How soon the first whole picture stands: on a warm daemon for files of any size, and from a cold start of the command. */
import { mkdtemp, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CellState, Report } from '../../client/index.js';
import { command, end, start } from '../children.js';
import { gib } from '../corpus/file.js';
import { makeSparse } from '../corpus/sparse.js';
import { type Daemon, startDaemon } from '../daemon.js';
import { percentile } from '../measure.js';
import { commandProgram } from '../places.js';
import { atMost, type Row, type Table } from '../table.js';
import type { Bench } from './section.js';

const cells = 1024;
/** Requests and starts of the command a run; 5 runs are the default. */
const requestsPerRun = 10;
const startsPerRun = 2;

interface Subject {
  readonly name: string;
  readonly file: string;
}

interface Question {
  readonly title: string;
  readonly service: string;
  /** Is this the report that is waited for? */
  isIt(report: Report): boolean;
}

const questions: readonly Question[] = [
  {
    title: `First report with every cell filled: ENT with ${cells} cells`,
    service: 'ENT',
    isIt: ({ cells }) => allFilled((cells as unknown as { state: readonly CellState[] }).state),
  },
  {
    title: 'First report that says something: HIST',
    service: 'HIST',
    isIt: ({ completion, fields }) => completion > 0 || Number(fields.sampledBytes ?? 0) > 0,
  },
];

const allFilled = (states: readonly CellState[]) => states.every((state) => state !== 'none');

export async function first(bench: Bench): Promise<Table[]> {
  const file = await bench.mixFile();
  const { size } = await stat(file);
  const subjects = [
    { name: `${basename(file)}, ${(size / gib).toFixed(2)} GiB`, file },
    { name: '100 GiB, sparse', file: await makeSparse(bench.filesFolder, 100 * gib) },
    { name: '1 TiB, sparse', file: await makeSparse(bench.filesFolder, 1024 * gib) },
  ];
  const daemon = await startDaemon(bench);
  const tables: Table[] = [];
  for (const question of questions) {
    bench.say(`first: ${question.service}`);
    tables.push(await warm(bench, daemon, subjects, question));
  }
  await daemon.close();
  bench.say('first: cold starts');
  return [...tables, await cold(bench, [subjects[0]!, subjects[2]!])];
}

async function warm(bench: Bench, daemon: Daemon, subjects: readonly Subject[], question: Question): Promise<Table> {
  const ms = subjects.map((): number[] => []);
  for (let round = 0; round <= bench.runs * requestsPerRun; round++) {
    for (const [i, { file }] of subjects.entries()) {
      const took = await untilFirst(daemon, file, question);
      await daemon.idle();
      if (round > 0) ms[i]!.push(took);
    }
  }
  const base = percentile(ms[0]!, 95);
  return {
    title: question.title,
    note: `Running daemon, 2 slots, client library, \`cache: false\`; ${bench.runs * requestsPerRun} requests of each file in turn, cancelled as soon as the report is there. Sparse files have 64 islands of 1 MiB at random places.`,
    columns: [
      { name: 'p50 ms', digits: 1 },
      { name: 'p95 ms', digits: 1 },
      { name: 'max ms', digits: 1 },
      { name: 'p95 ÷ first row’s', digits: 2 },
    ],
    rows: subjects.map(({ name }, i): Row => {
      const p95 = percentile(ms[i]!, 95);
      const goals = i === 0 ? [atMost(100, p95, 'ms (p95)')] : [atMost(1.5, p95 / base, 'times the first row’s p95')];
      return { what: name, figures: [...spread(ms[i]!), p95 / base], goals, samples: ms[i]! };
    }),
  };
}

const spread = (ms: readonly number[]) => [percentile(ms, 50), percentile(ms, 95), Math.max(...ms)];

async function untilFirst({ client }: Daemon, file: string, { service, isIt }: Question): Promise<number> {
  const began = performance.now();
  for await (const report of client.request({ service, inputs: [file], cells, cache: false })) {
    // Leaving the loop cancels.
    if (isIt(report as Report)) return performance.now() - began;
  }
  throw new Error(`${service} of ${file} ended without the report that was waited for`);
}

async function cold(bench: Bench, subjects: readonly Subject[]): Promise<Table> {
  const ms = subjects.map((): number[] => []);
  const nodeMs: number[] = [];
  for (let round = 0; round <= bench.runs * startsPerRun; round++) {
    for (const [i, { file }] of subjects.entries()) {
      const took = await untilFirstLine(bench, file);
      if (round > 0) ms[i]!.push(took);
    }
    const node = await command(process.execPath, ['-e', '0']);
    if (round > 0) nodeMs.push(node.ms);
  }
  return {
    title: `First report with every cell filled, from a cold start of the command`,
    note: `\`binglide ent --cells ${cells} --ndjson FILE\`, no daemon, runtime and cache folders fresh; from the start of the process to the arrival of the first line in which every cell is filled, read as it streams. ${bench.runs * startsPerRun} starts of each in turn.`,
    columns: [{ name: 'p50 ms' }, { name: 'p95 ms' }, { name: 'max ms' }],
    rows: [
      ...subjects.map(({ name }, i) => ({
        what: name,
        figures: spread(ms[i]!),
        goals: [atMost(500, percentile(ms[i]!, 95), 'ms (p95)')],
        samples: ms[i]!,
      })),
      { what: '`node -e 0`, which does nothing', figures: spread(nodeMs), samples: nodeMs },
    ],
  };
}

/** What the command started ends with it; it is given that long before the next start. */
const restMs = 300;

async function untilFirstLine(bench: Bench, file: string): Promise<number> {
  const folder = await mkdtemp(join(bench.folder, 'cold-'));
  const args = ['ent', '--cells', String(cells), '--ndjson', '--cache-dir', join(folder, 'cache'), file];
  const began = performance.now();
  const child = start(process.execPath, [commandProgram, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, BINGLIDE_RUNTIME_DIR: join(folder, 'run'), BINGLIDE_BROKER: '' },
  });
  const errors = text(child.stderr!);
  try {
    for await (const line of createInterface(child.stdout!)) {
      const ms = performance.now() - began;
      if (allFilled(JSON.parse(line).fields.cells.state)) return ms;
    }
  } finally {
    await end(child);
    await sleep(restMs);
  }
  throw new Error(`binglide ent ${file} ended without a whole picture: ${await errors}`);
}
