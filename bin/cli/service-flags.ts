/** Options of `run`, made from a service's descriptor: `max_lag` is --max-lag. */
import { Command, Option } from 'commander';
import { checkParams, type Descriptor, type ParamSpec, type ParamValue, type Params } from '../../protocol/descriptor.js';
import { fail } from '../../protocol/errors.js';
import { parseBytes } from '../../protocol/range.js';

export interface ServiceFlags {
  readonly params: Params;
  /** What is left: the inputs. */
  readonly files: readonly string[];
  /** The text of `run NAME --help`. */
  readonly help: string;
}

/** Reads what `run` did not know itself; throws E_PARAM or E_USAGE. */
export function parseServiceFlags(descriptor: Descriptor, args: readonly string[]): ServiceFlags {
  const files = descriptor.inputs === 2 ? 'A B' : 'FILE...';
  const command = new Command(`binglide run ${descriptor.name}`)
    .description(descriptor.help)
    .usage(`[options] ${files}`)
    .argument('[FILE...]')
    .helpOption(false)
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  for (const spec of descriptor.params) command.addOption(optionOf(spec));
  const help = `${command.helpInformation()}\nand all options of \`binglide run --help\`\n`;
  command.parse(args, { from: 'user' });
  const given: { [name: string]: ParamValue } = {};
  for (const spec of descriptor.params) {
    const value: unknown = command.getOptionValue(optionOf(spec).attributeName());
    if (value !== undefined) given[spec.name] = value as ParamValue;
  }
  return { params: checkParams(descriptor, given), files: command.args, help };
}

/** "max_lag", "maxLag" → "--max-lag". */
export function flagOf(name: string): string {
  return `--${name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').replaceAll('_', '-').toLowerCase()}`;
}

function optionOf(spec: ParamSpec): Option {
  const flag = flagOf(spec.name);
  const help = `${spec.help} (${String(spec.default)})`;
  if (spec.type === 'bool') return new Option(`${flag} [true|false]`, help).argParser((text) => truth(flag, text)).preset(true);
  const option = new Option(`${flag} <${spec.type === 'string' ? 'text' : 'n'}>`, help);
  return spec.type === 'string' ? option : option.argParser((text) => numberOf(flag, text));
}

function truth(flag: string, text: string | boolean): boolean {
  if (text === true || text === 'true') return true;
  if (text === false || text === 'false') return false;
  throw fail('E_PARAM', `${flag}: ${JSON.stringify(text)} is neither true nor false`);
}

/** A number, or bytes as they are written elsewhere: 64k. */
function numberOf(flag: string, text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number)) return number;
  const [sign, rest] = text.startsWith('-') ? [-1, text.slice(1)] : [1, text];
  try {
    return sign * parseBytes(rest);
  } catch {
    throw fail('E_PARAM', `${flag}: ${JSON.stringify(text)} is no number`);
  }
}
