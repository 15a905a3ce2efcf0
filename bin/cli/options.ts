/** The options that the commands share, parsed as early as can be: wrong usage ends before anything is started. */
import { type Command, Option } from 'commander';
import { fail } from '../../protocol/errors.js';
import { type EntropyPreset, entropyPresets } from '../../protocol/presets.js';
import { parseBytes, parseRange } from '../../protocol/range.js';
import { wrongOption } from './failure.js';

/** Sets the exit code of the command that ran. */
export type Finish = (code: number) => void;

export interface PlaceFlags {
  readonly broker?: string;
  readonly cacheDir?: string;
  readonly cores?: number;
}

export interface AnswerFlags extends PlaceFlags {
  /** As it was typed; checked. */
  readonly range?: string;
  readonly json?: true;
  readonly ndjson?: true;
  /** False: --no-cache. */
  readonly cache: boolean;
  readonly progress?: true;
  readonly snap?: true;
  readonly cells?: number;
}

export interface FileFlags {
  readonly recursive?: true;
  readonly filesFrom?: string;
  readonly null?: true;
}

const coresMax = 1024;

/** A parser whose complaint names the option. */
function parsed<T>(option: string, parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw wrongOption(option, error);
    }
  };
}

export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
    throw fail('E_USAGE', `${JSON.stringify(text)} is not a whole number ${range}`);
  };
}

/** "-64k" too: a shift goes both ways. */
function signedBytes(text: string): number {
  return text.startsWith('-') ? -parseBytes(text.slice(1)) : parseBytes(text.replace(/^\+/, ''));
}

function presetNamed(text: string): EntropyPreset {
  const preset = entropyPresets.find((name) => name === text);
  if (preset) return preset;
  throw fail('E_USAGE', `${JSON.stringify(text)} is no preset; ${entropyPresets.join(' ')} are there`);
}

function checkedRange(text: string): string {
  parseRange(text);
  return text;
}

const option = <T>(flags: string, help: string, name: string, parse: (text: string) => T) =>
  new Option(flags, help).argParser(parsed(name, parse));

export const blockOption = () =>
  option('--block <bytes>', 'cells of so many bytes on multiples of it, such as 256 or 64k', '--block', parseBytes);
export const bytesMaxOption = () =>
  option('--bytes-max <bytes>', 'the room that the cache may take, such as 4G', '--bytes-max', parseBytes);
export const cellsOption = () =>
  option('--cells <n>', 'cells along the range, give or take one (1024)', '--cells', wholeNumber(1));
export const gapOption = () =>
  option('--gap <bytes>', 'stretches of change no farther apart are joined (64)', '--gap', parseBytes);
export const presetOption = () =>
  option('--preset <tool>', `cells like the blocks of ${entropyPresets.join(', ')}`, '--preset', presetNamed);
export const shiftOption = () =>
  option('--shift-b <bytes>', 'compare position p of A with p + BYTES of B; may be negative', '--shift-b', signedBytes);

/** Where the answer comes from. */
export function addPlaceOptions(command: Command): Command {
  return command
    .option('--broker <endpoint>', 'ask this broker and no other')
    .option('--cache-dir <dir>', 'keep results in this folder')
    .addOption(option('-j, --cores <n>', 'work on so many cores', '--cores', wholeNumber(1, coresMax)));
}

/** What is asked of a file, and how it is answered. */
export function addAnswerOptions(command: Command): Command {
  const range = 'START:END, START:+LEN, :END, START: or -LEN: in bytes; k M G T are 1024-based, s is 512';
  return addPlaceOptions(
    command
      .addOption(option('--range <range>', range, '--range', checkedRange))
      .option('--snap', 'widen the range to whole cells')
      .addOption(new Option('--json', 'one JSON object a file: the final report').conflicts('ndjson'))
      .option('--ndjson', 'every report as it arrives, one JSON object a line')
      .option('--progress', 'a line on stderr every 10 s')
      .option('--no-cache', 'neither look into the cache nor write to it'),
  );
}

export function addFileOptions(command: Command): Command {
  return command
    .option('-r, --recursive', 'all regular files in folders')
    .option('--files-from <file>', 'read names of files from FILE, one a line; - is standard input')
    .option('-0, --null', 'names in --files-from end with NUL');
}

export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  binglide ${line}\n`).join('')}`;
}
