/**
 * `npm run bench [-- --only NAMES --runs N --file FILE --list]`: measures side by side with the peers that are installed,
 * prints Markdown, and keeps it with all measurements in bench/results/, beside what other sections told before. Chooses
 * sections; sections/ has them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { endAll } from './children.js';
import { makeMix } from './corpus/mix.js';
import { machine } from './machine.js';
import { type Measured, merged, readResults, resultsText, writeResults } from './results.js';
import { sections } from './sections/index.js';
import type { Bench } from './sections/section.js';

const runsDefault = 5;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    runs: { type: 'string', default: String(runsDefault) },
    file: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

function chosen(): string[] {
  const names = values.only?.split(',') ?? Object.keys(sections);
  const unknown = names.find((name) => !sections[name]);
  if (unknown !== undefined) refuse(`there is no section ${unknown}; there are ${Object.keys(sections).join(', ')}`);
  return names;
}

function runs(): number {
  const count = Number(values.runs);
  if (!Number.isSafeInteger(count) || count < 1) refuse(`--runs is ${values.runs}; it takes a whole number from 1`);
  return count;
}

function refuse(message: string): never {
  process.stderr.write(`bench: ${message}\n`);
  process.exit(2);
}

async function measure(names: readonly string[], bench: Bench): Promise<void> {
  const measured: { [section: string]: Measured } = {};
  const about = { machine: await machine(), runs: bench.runs };
  for (const name of names) {
    bench.say(`${name}: ${sections[name]!.says}`);
    const start = performance.now();
    const began = new Date().toISOString();
    const tables = await sections[name]!.run(bench);
    const seconds = Math.round((performance.now() - start) / 1000);
    measured[name] = { ...about, began, seconds, tables };
    // After each, since a long bench may be stopped; read each time, since another may write too.
    await writeResults(merged(Object.keys(sections), await readResults(), measured));
  }
  process.stdout.write(`${resultsText(measured)}\n`);
}

async function main(): Promise<void> {
  if (values.list) {
    for (const [name, { says }] of Object.entries(sections)) process.stdout.write(`${name}: ${says}\n`);
    return;
  }
  const names = chosen();
  const count = runs();
  const folder = await mkdtemp(join(tmpdir(), 'binglide-bench-'));
  const filesFolder = tmpdir();
  let mix: Promise<string> | undefined;
  const bench: Bench = {
    folder,
    filesFolder,
    runs: count,
    mixFile: () => (mix ??= values.file ? Promise.resolve(resolve(values.file)) : makeMix(filesFolder)),
    say: (text) => process.stderr.write(`bench: ${text}\n`),
  };
  const tidy = async () => {
    await endAll();
    await rm(folder, { recursive: true, force: true });
  };
  let stopped = false;
  const stop = (code: number) => {
    stopped = true;
    void tidy().finally(() => process.exit(code));
  };
  process.once('SIGINT', () => stop(130)).once('SIGTERM', () => stop(143));
  try {
    await measure(names, bench);
  } catch (error) {
    // What is measured fails when its processes are ended: that is no news.
    if (!stopped) throw error;
  } finally {
    await tidy();
  }
}

await main();
