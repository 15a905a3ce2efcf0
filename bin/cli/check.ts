/** `binglide check ./period.py`: does a service of one's own do what a broker relies on? A line a check, and why. */
import { randomInt } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { checkParams, type Descriptor, type ParamSpec, type Params } from '../../protocol/descriptor.js';
import { fail } from '../../protocol/errors.js';
import { CheckBroker } from '../check/broker.js';
import { Lab } from '../check/lab.js';
import { alteredBytes, folderOf, Material, mixedBytes } from '../check/material.js';
import { Random } from '../check/random.js';
import { Suite } from '../check/suite.js';
import { Target } from '../check/target.js';
import { isWell, type Outcome, type Result } from '../check/verdict.js';
import { privateFolder } from '../runtime-folder.js';
import { type ServiceProgram, serviceProgram } from '../service-program.js';
import { tell } from './answer.js';
import { printable, textWidth } from './canvas.js';
import { exitCodes, wrongOption } from './failure.js';
import { examples, type Finish, wholeNumber } from './options.js';
import { styleOf } from './screen.js';
import { parseServiceFlags } from './service-flags.js';
import type { Stop } from './stop.js';
import { withSuggestion } from './suggest.js';
import { escapeName } from './table.js';
import { counted } from './units.js';

interface CheckFlags {
  readonly json?: true;
  readonly seed?: number;
  /** `name=value`, as typed. */
  readonly params?: readonly string[];
}

const seedMax = 2 ** 32 - 1;

export function addCheck(program: Command, stop: Stop, finish: Finish): void {
  program
    .command('check')
    .argument('<PROGRAM>')
    .argument('[FILE...]')
    .summary('does a service of your own do what it should?')
    .description(
      'Starts a service’s program (.py, .ts, .js or any other) and checks what a broker relies on, a line a check. ' +
        'Parameters are given as for `run`. Without FILE it is checked on a made one. Exit code 1: a check failed.',
    )
    .allowUnknownOption()
    .option('--params <name=value...>', 'parameters by their names; again for more')
    .addOption(new Option('--seed <n>', 'makes the same file and the same splits again').argParser(seedOf))
    .option('--json', 'as one JSON object')
    .addHelpText('after', examples('check ./period.py', 'check ./period.py fw.bin --max-lag 32 --seed 7'))
    .action(async (typed: string, rest: string[], flags: CheckFlags) => {
      finish(await check(await usable(typed), rest, flags, stop));
    });
}

function seedOf(text: string): number {
  try {
    return wholeNumber(0, seedMax)(text);
  } catch (error) {
    throw wrongOption('--seed', error);
  }
}

/** What cannot be started is a wrong use, whatever the reason. */
async function usable(typed: string): Promise<ServiceProgram> {
  try {
    return serviceProgram(typed);
  } catch (error) {
    throw fail('E_USAGE', ((await withSuggestion(error, [typed])) as Error).message);
  }
}

async function check(program: ServiceProgram, rest: readonly string[], flags: CheckFlags, stop: Stop): Promise<number> {
  const seed = flags.seed ?? randomInt(seedMax);
  const material = Material.make();
  const sockets = await privateFolder();
  const broker = await CheckBroker.open(sockets);
  let name = program.typed;
  // Before a worker waits for us.
  const made = rest.some(isFile) ? null : material.mixed(seed);
  const roots = [material.folder, ...rest.filter(isFile).map(folderOf)];
  const target = new Target(program, broker, [...new Set(roots)], (line) => {
    tell(`[${name}] ${printable(line, { unicode: true })}`);
  });
  const closing = () => void target.close();
  stop.signal.addEventListener('abort', closing);
  try {
    const report = new Report(Boolean(flags.json), Boolean(process.stdout.isTTY));
    const suite = new Suite(target, stop.signal, (result) => report.add(result));
    const descriptor = await suite.begin();
    name = descriptor?.name ?? name;
    const asked = descriptor ? askedOf(descriptor, rest, flags) : null;
    const files = asked ? filesOf(descriptor!, asked.files, { material, seed, made }) : [];
    await suite.run(
      asked ? new Lab({ target, descriptor: descriptor!, params: asked.params, files, material, seed }) : null,
    );
    if (stop.code !== null) return stop.code;
    report.end(suite.results, { descriptor, seed, files: asked?.files ?? [] });
    return suite.isWell ? exitCodes.ran : exitCodes.failed;
  } finally {
    stop.signal.removeEventListener('abort', closing);
    await target.close();
    broker.close();
    await Promise.all([material.remove(), rm(sockets, { recursive: true, force: true })]);
  }
}

function isFile(text: string): boolean {
  return existsSync(text) && statSync(text).isFile();
}

/** `--params` and the service's own flags together; throws E_PARAM or E_USAGE. */
function askedOf(descriptor: Descriptor, rest: readonly string[], { params: pairs = [] }: CheckFlags) {
  const { params, files } = parseServiceFlags(descriptor, rest);
  const given: { [name: string]: unknown } = { ...params };
  for (const pair of pairs) {
    const [name, ...value] = pair.split('=');
    const spec = descriptor.params.find((it) => it.name === name);
    if (value.length === 0) throw fail('E_USAGE', `--params ${pair}: it takes name=value`);
    given[name!] = spec ? parsedAs(spec, value.join('=')) : value.join('=');
  }
  return { params: checkParams(descriptor, given as Params), files };
}

function parsedAs({ type }: ParamSpec, text: string): number | string | boolean {
  if (type === 'string') return text;
  if (type === 'bool') return text === 'true' ? true : text === 'false' ? false : text;
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

/** As many as the service takes: those that are given, else made ones. */
function filesOf(
  { inputs, name }: Descriptor,
  given: readonly string[],
  { material, seed, made }: { readonly material: Material; readonly seed: number; readonly made: string | null },
): string[] {
  const missing = given.find((file) => !isFile(file));
  if (missing !== undefined) throw fail('E_USAGE', `${missing}: no such file; leave it out for a made one`);
  if (given.length > inputs) throw fail('E_USAGE', `${name} takes ${counted(inputs, 'file')}, not ${given.length}`);
  const files = given.map((file) => resolve(file));
  if (files.length === 0) files.push(made ?? material.mixed(seed));
  if (files.length < inputs) {
    const random = new Random(seed, 'second');
    files.push(
      material.write('second.bin', alteredBytes(mixedBytes(madeSecondBytes, new Random(seed, 'mixed')), random)),
    );
  }
  return files;
}

/** Shorter than the first. */
const madeSecondBytes = 3 * 2 ** 20 + 77;

const marks: { readonly [outcome in Outcome]: string } = {
  ok: '32',
  failed: '31',
  'left out': '33',
  'does not apply': '2',
};

/** The table, a line as soon as its check is over; under `--json` all at the end. */
class Report {
  constructor(
    readonly isJson: boolean,
    readonly isTTY: boolean,
  ) {
    if (!isJson && !isTTY) process.stdout.write('check\toutcome\tseen\n');
  }

  add({ name, outcome, seen }: Result): void {
    if (this.isJson) return;
    const text = printableLines(seen);
    const line = this.isTTY ? this.#line(name, outcome, text) : [name, outcome, escapeName(text.join('; '))].join('\t');
    process.stdout.write(`${line}\n`);
  }

  end(
    results: readonly Result[],
    about: { descriptor: Descriptor | null; seed: number; files: readonly string[] },
  ): void {
    const { descriptor, seed, files } = about;
    if (this.isJson) {
      const { name: service = null, version = null } = descriptor ?? {};
      const checks = results.map(({ ms, ...result }) => ({ ...result, ms: Math.round(ms) }));
      process.stdout.write(`${JSON.stringify({ service, version, seed, files, ok: results.every(isWell), checks })}\n`);
      return;
    }
    const count = (outcome: Outcome) => results.filter((result) => result.outcome === outcome).length;
    const counts = (Object.keys(marks) as Outcome[]).filter((it) => count(it) > 0).map((it) => `${count(it)} ${it}`);
    tell(`${counts.join(', ')}; seed ${seed}`);
  }

  /** In columns; what is long goes on below itself. */
  #line(name: string, outcome: Outcome, seen: readonly string[]): string {
    const { columns, color } = styleOf(process.stdout);
    const mark = color ? `\x1b[${marks[outcome]}m${outcome}\x1b[0m` : outcome;
    const head = `${name.padEnd(15)}${mark}${' '.repeat(16 - outcome.length)}`;
    const indent = ' '.repeat(31);
    return head + seen.flatMap((line) => wrapped(line, Math.max(20, columns - indent.length))).join(`\n${indent}`);
  }
}

const printableLines = (text: string): string[] => text.split('\n').map((line) => printable(line, { unicode: true }));

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const next = line === '' ? word : `${line} ${word}`;
    if (line !== '' && textWidth(next) > columns) {
      lines.push(line);
      line = word;
    } else line = next;
  }
  return [...lines, line];
}
