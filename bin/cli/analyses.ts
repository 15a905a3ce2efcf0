/** The commands that ask about files: ent, hist, class, digram, stats, diff, bytes, and run for any service. */
import type { Command } from 'commander';
import type { Report } from '../../client/index.js';
import type { Descriptor, Params } from '../../protocol/descriptor.js';
import { fail } from '../../protocol/errors.js';
import { type EntropyPreset, presetBlockBytes } from '../../protocol/presets.js';
import { answer, type Question, tell } from './answer.js';
import { exitCodes } from './failure.js';
import { type FileChoice, fileBytes, filesOf, isMany, type Path } from './files.js';
import {
  type AnswerFlags,
  addAnswerOptions,
  addFileOptions,
  blockOption,
  cellsOption,
  type FileFlags,
  gapOption,
  presetOption,
  shiftOption,
} from './options.js';
import { numberOf } from './report.js';
import type { Inputs } from './run.js';
import { parseServiceFlags } from './service-flags.js';
import { Session } from './session.js';
import type { Stop } from './stop.js';

/** Sets the exit code of the command that ran. */
export type Finish = (code: number) => void;

export function addAnalyses(program: Command, stop: Stop, finish: Finish): void {
  addEnt(program, stop, finish);
  for (const survey of surveys) addSurvey(program, survey, stop, finish);
  addDiff(program, stop, finish);
  addBytes(program, stop, finish);
  addRun(program, stop, finish);
}

/** A service that takes nothing but a file, as a command of its own. */
interface Survey {
  readonly name: string;
  readonly service: string;
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly string[];
  readonly hasCells?: true;
}

const surveys: readonly Survey[] = [
  {
    name: 'hist',
    service: 'HIST',
    summary: 'how often each byte value occurs',
    description: 'How often each of the 256 byte values occurs in the range.',
    examples: ['hist fw.bin', 'hist --range 1M:+64k --json fw.bin', 'hist -r dumps > counts.tsv'],
  },
  {
    name: 'class',
    service: 'CLASS',
    summary: 'classes of bytes along the range',
    description:
      'Bytes of six classes in cells along the range: zero (00), ff (FF), printable (20-7E), whitespace (09-0D), control ' +
      '(01-08, 0E-1F, 7F) and high (80-FE).',
    examples: ['class disk.img', 'class --cells 4096 disk.img > classes.tsv', 'class --range -1M: fw.bin'],
    hasCells: true,
  },
  {
    name: 'digram',
    service: 'DIGRAM',
    summary: 'how often which byte follows which',
    description:
      'How often each byte value follows each other one: a map on a terminal, elsewhere the pairs that occur, in order, ' +
      'as decimal numbers. A pair belongs to the range of its first byte.',
    examples: ['digram fw.bin', 'digram fw.bin | sort -k3nr | head', 'digram --range 1M:+64k --json fw.bin'],
  },
  {
    name: 'stats',
    service: 'STATS',
    summary: 'measures of randomness, as ent has them',
    description:
      'What `ent` tells of the range: entropy, chi-square with its probability, mean, pi by Monte Carlo, serial ' +
      'correlation; and min-entropy and the index of coincidence.',
    examples: ['stats fw.bin', 'stats --range 1M: --json key.bin', 'stats -r dumps > stats.tsv'],
  },
];

function addSurvey(program: Command, survey: Survey, stop: Stop, finish: Finish): void {
  const { name, service } = survey;
  const command = program.command(name).argument('[FILE...]').summary(survey.summary);
  if (survey.hasCells) command.addOption(cellsOption());
  addFileOptions(addAnswerOptions(command))
    .description(survey.description)
    .addHelpText('after', examples(...survey.examples))
    .action(async (files: string[], flags: AnswerFlags & FileFlags) => {
      finish(await answer({ service, params: {}, ...oneEach(name, files, flags) }, flags, stop));
    });
}

interface EntFlags extends AnswerFlags, FileFlags {
  readonly block?: number;
  readonly preset?: EntropyPreset;
}

function addEnt(program: Command, stop: Stop, finish: Finish): void {
  const command = program.command('ent').argument('[FILE...]').summary('entropy along the range');
  command.addOption(blockOption()).addOption(presetOption()).addOption(cellsOption());
  addFileOptions(addAnswerOptions(command))
    .description('Shannon entropy of cells along the range, in bits a byte: 0 is constant, 8 looks random.')
    .addHelpText(
      'after',
      examples(
        'ent disk.img',
        'ent --cells 4096 disk.img > ent.tsv',
        'ent --block 256 fw.bin',
        'ent --preset binwalk3 fw.bin',
      ),
    )
    .action(async (files: string[], flags: EntFlags) => {
      finish(await answer({ service: 'ENT', ...blocksOf(flags), ...oneEach('ent', files, flags) }, flags, stop));
    });
}

/** Cells as wide as asked for, or as another tool's blocks of each file. */
function blocksOf({ block, cells, preset }: EntFlags): Pick<Question, 'params' | 'paramsOf' | 'preset'> {
  if (preset === undefined) return { params: block === undefined ? {} : { block } };
  const other = block !== undefined ? '--block' : cells !== undefined ? '--cells' : null;
  if (other) throw fail('E_USAGE', `--preset ${preset} says how wide cells are; leave ${other} or --preset out`);
  const paramsOf = async ([path]: readonly Path[]) => ({ block: presetBlockBytes(preset, await fileBytes(path!)) });
  return { params: {}, paramsOf, preset };
}

interface DiffFlags extends AnswerFlags {
  readonly runs?: true;
  readonly gap?: number;
  readonly shiftB?: number;
  readonly exitCode?: true;
}

function addDiff(program: Command, stop: Stop, finish: Finish): void {
  const command = program.command('diff').argument('<A>').argument('<B>').summary('where two files differ, and how');
  command
    .option('--runs', 'the stretches of change instead of the cells')
    .addOption(gapOption())
    .addOption(shiftOption())
    .option('--exit-code', 'end with 3 where they differ')
    .addOption(cellsOption());
  addAnswerOptions(command)
    .description('Compares two files position by position.')
    .addHelpText('after', examples('diff a.bin b.bin', 'diff --runs --gap 0 a.bin b.bin', 'diff --shift-b 512 a b'))
    .action(async (a: string, b: string, flags: DiffFlags) => {
      const { runs = false, gap, shiftB, exitCode } = flags;
      const params = { ...(gap !== undefined && { gap }), ...(shiftB !== undefined && { shift: shiftB }) };
      const question = { service: 'DIFF', params, inputs: together([a, b]), many: false, runs };
      finish(await answer({ ...question, ...(exitCode && { codeOf: codeOfDiff }) }, flags, stop));
    });
}

function codeOfDiff(report: Report): number {
  const differs = ['changedBytes', 'onlyA', 'onlyB'].some((name) => (numberOf(report, name) ?? 0) > 0);
  return differs ? exitCodes.different : exitCodes.ran;
}

function addBytes(program: Command, stop: Stop, finish: Finish): void {
  const command = program.command('bytes').argument('<FILE>').summary('the bytes of a range');
  addAnswerOptions(command)
    .description('The bytes of a range, at most 1 MiB: a dump on a terminal, elsewhere as they are.')
    .addHelpText('after', examples('bytes --range 0x200:+64 disk.img', 'bytes --range -1M: disk.img > tail.bin'))
    .action(async (file: string, flags: AnswerFlags) => {
      finish(
        await answer({ service: 'BYTES', params: {}, inputs: together([file]), many: false, raw: true }, flags, stop),
      );
    });
}

function addRun(program: Command, stop: Stop, finish: Finish): void {
  const command = program.command('run').argument('[NAME]').argument('[FILE...]').summary('any service, by its name');
  addFileOptions(addAnswerOptions(command.addOption(cellsOption())))
    .description('Any service, with its parameters as options; `binglide run NAME --help` lists them.')
    .allowUnknownOption()
    .helpOption(false)
    .option('-h, --help', 'display help, with a NAME that of the service')
    .addHelpText('after', examples('run ENT --block 4k fw.bin', 'run DIFF --gap 0 a.bin b.bin'))
    .action(async (name: string | undefined, rest: string[], flags: AnswerFlags & FileFlags & { help?: true }) => {
      if (name === undefined) {
        if (flags.help) return command.outputHelp();
        throw fail('E_USAGE', 'run needs the NAME of a service; `binglide services` lists them');
      }
      finish(await runService(name.toUpperCase(), rest, flags, stop));
    });
}

/** The service says itself which options it takes, so a broker is asked before they can be read. */
async function runService(
  name: string,
  rest: readonly string[],
  flags: AnswerFlags & FileFlags & { help?: true },
  stop: Stop,
): Promise<number> {
  const opening = Session.open({ ...flags, tell });
  let question: { service: string; params: Params; inputs: AsyncIterable<Inputs>; many: boolean };
  try {
    const descriptor = await descriptorOf(name, await opening);
    const { params, files, help } = parseServiceFlags(descriptor, rest);
    if (flags.help) {
      process.stdout.write(help);
      await (await opening).close();
      return exitCodes.ran;
    }
    const inputs = descriptor.inputs === 2 ? pair(name, files) : oneEach(`run ${name}`, files, flags);
    question = { service: name, params, ...inputs };
  } catch (error) {
    await opening.then((session) => session.close()).catch(() => undefined);
    throw error;
  }
  return answer(question, flags, stop, opening);
}

async function descriptorOf(name: string, session: Session): Promise<Descriptor> {
  const { services } = await session.client.services();
  const found = services.find(({ descriptor }) => descriptor.name === name);
  if (found) return found.descriptor;
  const names = [...new Set(services.map(({ descriptor }) => descriptor.name))].sort().join(' ');
  throw fail('E_NO_SERVICE', `no service ${name}; ${names || 'none'} ${names.includes(' ') ? 'are' : 'is'} there`);
}

function pair(name: string, files: readonly string[]): { inputs: AsyncIterable<Inputs>; many: boolean } {
  if (files.length !== 2) throw fail('E_USAGE', `run ${name} takes two files, not ${files.length}; see --help`);
  return { inputs: together(files), many: false };
}

/** A request a file. */
function oneEach(
  what: string,
  files: readonly string[],
  { recursive, filesFrom, null: nulls }: FileFlags,
): { inputs: AsyncIterable<Inputs>; many: boolean } {
  const choice: FileChoice = {
    files,
    recursive: recursive ?? false,
    nulls: nulls ?? false,
    ...(filesFrom !== undefined && { filesFrom }),
  };
  if (files.length === 0 && filesFrom === undefined) {
    throw fail('E_USAGE', `${what} needs a FILE; see binglide ${what} --help`);
  }
  return { inputs: singly(choice), many: isMany(choice) };
}

async function* singly(choice: FileChoice): AsyncGenerator<Inputs> {
  for await (const found of filesOf(choice)) yield [found];
}

/** One request of them all. */
async function* together(paths: readonly string[]): AsyncGenerator<Inputs> {
  yield paths.map((path) => ({ kind: 'file', path }));
}

export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  binglide ${line}\n`).join('')}`;
}
