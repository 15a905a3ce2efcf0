/** The commands that ask about files: ent, hist, class, digram, stats, diff, bytes; and run for any service. */
import type { Command } from 'commander';
import type { Report } from '../../client/index.js';
import { fail } from '../../protocol/errors.js';
import { type EntropyPreset, presetBlockBytes } from '../../protocol/presets.js';
import { answer, type Question } from './answer.js';
import { exitCodes } from './failure.js';
import { fileBytes, type Path } from './files.js';
import { oneEach, together } from './inputs.js';
import {
  type AnswerFlags,
  addAnswerOptions,
  addFileOptions,
  blockOption,
  cellsOption,
  examples,
  type FileFlags,
  type Finish,
  gapOption,
  presetOption,
  shiftOption,
} from './options.js';
import { numberOf } from './report.js';
import { addRun } from './run-service.js';
import type { Stop } from './stop.js';

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
