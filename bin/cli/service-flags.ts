/** Options of `run`, made from a service's descriptor: `max_lag` is --max-lag. */
import { Command, Option } from 'commander';
import {
  checkParams,
  type Descriptor,
  type ParamSpec,
  type Params,
  type ParamValue,
} from '../../protocol/descriptor.js';
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
  for (const spec of descriptor.params) for (const option of optionsOf(spec)) command.addOption(option);
  const help = `${command.helpInformation()}\nand all options of \`binglide run --help\`\n`;
  command.parse(args, { from: 'user' });
  const given: { [name: string]: ParamValue } = {};
  for (const spec of descriptor.params) {
    const value: unknown = command.getOptionValue(optionsOf(spec)[0]!.attributeName());
    if (value !== undefined) given[spec.name] = value as ParamValue;
  }
  return { params: checkParams(descriptor, given), files: command.args, help };
}

/** "max_lag", "maxLag" → "--max-lag". */
export function flagOf(name: string): string {
  return `--${name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()}`;
}

/** A truth has two: --wrap and --no-wrap. */
function optionsOf(spec: ParamSpec): Option[] {
  const flag = flagOf(spec.name);
  const help = `${spec.help} (${String(spec.default)})`;
  switch (spec.type) {
    case 'bool':
      return [new Option(flag, help), new Option(flag.replace(/^--/, '--no-'), `not ${flag}`)];
    case 'string':
      return [new Option(`${flag} <text>`, help)];
    case 'int':
    case 'float':
      return [new Option(`${flag} <n>`, help).argParser((text) => numberOf(flag, text))];
    default:
      return spec.type satisfies never;
  }
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
