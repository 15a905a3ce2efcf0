/**
 * Errors as people and programs get them: one line with cause, way out and code, or one JSON object; and the exit code
 * that follows. A stack trace only comes under DEBUG=binglide:*.
 */
import { CommanderError } from 'commander';
import { type BinglideError, errorCatalogue, type Fault, fail, isBinglideError } from '../../protocol/errors.js';
import { printable } from './canvas.js';

export const exitCodes = { ran: 0, failed: 1, usage: 2, different: 3 } as const;

/** What the command line knows of the request that failed. */
export interface Asked {
  /** Inputs as they were typed, with the absolute paths that stood for them. */
  readonly paths?: readonly { readonly typed: string; readonly absolute: string }[];
  readonly rangeText?: string;
  /** The tool whose blocks were asked for. */
  readonly preset?: string;
}

/** Any error as a fault; one without a code is a bug of ours or of the system's. */
export function faultOf(error: unknown, asked: Asked = {}): Fault {
  if (isBinglideError(error)) {
    const fault = error.toFault();
    return { ...fault, message: retold(fault, asked) };
  }
  if (error instanceof CommanderError) return { code: 'E_USAGE', message: usageMessage(error.message) };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'E_IO', message: `unexpected: ${message}; DEBUG=binglide:* shows where` };
}

/** `binglide: fw.bni: no such file; fw.bin is there (E_NOT_FOUND)`, without its line end. */
export function errorLine({ code, message }: Fault): string {
  const help = errorCatalogue[code];
  const told = message.includes('; ') ? message : help.startsWith(message) ? help : `${message}; ${help}`;
  return `binglide: ${printable(told.replaceAll('\n', ' '), { unicode: true })} (${code})`;
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return exitCodes.usage;
  const usage = isBinglideError(error) && (error.code === 'E_USAGE' || error.code === 'E_PARAM');
  return usage ? exitCodes.usage : exitCodes.failed;
}

export function traceOf(error: unknown, env: NodeJS.ProcessEnv = process.env): string | null {
  const wanted = (env.DEBUG ?? '').split(/[\s,]+/).some((name) => name === '*' || name.startsWith('binglide'));
  return wanted && error instanceof Error && error.stack ? error.stack : null;
}

/** A wrong option value, named by its option. */
export function wrongOption(option: string, error: unknown): BinglideError {
  if (error instanceof Error && error.message.startsWith(option)) return fail('E_USAGE', error.message);
  return fail('E_USAGE', `${option}: ${error instanceof Error ? error.message : String(error)}`);
}

/** With the names, the range and the preset as they were typed, so that the line can be acted on. */
function retold({ code, message }: Fault, { paths = [], rangeText, preset }: Asked): string {
  let text = message;
  for (const { typed, absolute } of paths) text = text.replaceAll(absolute, typed);
  if (code === 'E_CELLS' && preset !== undefined) {
    return text.replace(
      /^--block (\d+) makes (.*); the least is (\d+)$/,
      `--preset ${preset} has blocks of $1 bytes and makes $2; try a shorter --range, or --block $3`,
    );
  }
  if (code !== 'E_RANGE' || rangeText === undefined) return text;
  return text.replace(/^the range/, `--range ${rangeText}`).replace(/; try (\S+:\S*)$/, '; try --range $1');
}

/** "error: unknown option '--rnage'\n(Did you mean --range?)" → one line. */
function usageMessage(message: string): string {
  const [what = '', hint] = message.replace(/^error: /, '').split('\n');
  return hint ? `${what}; ${hint.replace(/^\(D/, 'd').replace(/\)$/, '')}` : `${what}; see --help`;
}
