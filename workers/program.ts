/**
 * A module of services, started by itself. Service programs of all languages take these arguments:
 *
 * - `--broker ENDPOINT` (or $BINGLIDE_BROKER): works for it. With `--slot ID`, `--root DIR` (again for more; the
 *   working directory), `--stall-ms N`, and `--parent`: ends when its standard input does.
 * - `--describe`: the descriptor of each service, as a line of JSON each.
 * - `--bare FILE`: how long the service's own function takes for pieces of FILE, as JSON (bare.ts). With
 *   `--piece-bytes N`, `--cell-bytes N`, `--params JSON`.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { fail } from '../protocol/errors.js';
import type { SlotId } from '../protocol/ids.js';
import { hashOf } from './registry.js';
import type { AnyWorker } from './service.js';
import { slotName } from './slot-name.js';

const options = {
  broker: { type: 'string' },
  slot: { type: 'string' },
  root: { type: 'string', multiple: true },
  'stall-ms': { type: 'string' },
  parent: { type: 'boolean' },
  describe: { type: 'boolean' },
  bare: { type: 'string' },
  'piece-bytes': { type: 'string' },
  'cell-bytes': { type: 'string' },
  params: { type: 'string' },
} as const;

/** Throws E_USAGE or E_PARAM. Returns while the worker runs. */
export async function runProgram(services: readonly AnyWorker[], args: readonly string[]): Promise<void> {
  const flags = readFlags(args);
  const module = pathToFileURL(process.argv[1]!).href;
  for (const service of services) service.versionFrom(hashOf(module));
  if (flags.describe) return told(services.map(({ descriptor }) => descriptor));
  if (flags.bare !== undefined) return told([await bareOf(services, flags)]);
  const broker = flags.broker ?? process.env.BINGLIDE_BROKER;
  if (!broker) throw fail('E_USAGE', 'no broker given; name one with --broker or $BINGLIDE_BROKER');
  const { runSlot } = await import('./process.js');
  runSlot(
    {
      broker,
      slot: (flags.slot ?? slotName()) as SlotId,
      services: services.map(({ descriptor }) => descriptor),
      roots: flags.root ?? [process.cwd()],
      modules: [module],
      ...(flags['stall-ms'] !== undefined && { taskStallMs: numberOf('--stall-ms', flags['stall-ms']) }),
    },
    { parent: flags.parent ?? false },
  );
}

type Flags = ReturnType<typeof readFlags>;

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({ options, args: [...args] }).values;
  } catch (error) {
    // Its first sentence; the others are about the shell.
    throw fail('E_USAGE', (error as Error).message.split('. ')[0]!);
  }
}

/** A line of JSON each, and the end, whatever the author's module left open. */
function told(values: readonly unknown[]): Promise<never> {
  const end = () => process.exit(0);
  // Nobody reads any more.
  process.stdout.on('error', end);
  process.stdout.write(values.map((value) => `${JSON.stringify(value)}\n`).join(''), end);
  return new Promise(() => undefined);
}

async function bareOf([service, other]: readonly AnyWorker[], flags: Flags) {
  if (other) throw fail('E_USAGE', '--bare takes a module of one service');
  const { bareTimes } = await import('./bare.js');
  const params = flags.params === undefined ? {} : paramsOf(flags.params);
  const plan = {
    file: flags.bare!,
    params,
    ...(flags['piece-bytes'] !== undefined && { pieceBytes: numberOf('--piece-bytes', flags['piece-bytes']) }),
    ...(flags['cell-bytes'] !== undefined && { cellBytes: numberOf('--cell-bytes', flags['cell-bytes']) }),
  };
  return bareTimes(service!, plan);
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw fail('E_USAGE', `${option}: ${JSON.stringify(text)} is not a whole number from 1`);
}

function paramsOf(text: string): { readonly [name: string]: unknown } {
  try {
    const params: unknown = JSON.parse(text);
    if (typeof params === 'object' && params !== null && !Array.isArray(params)) return { ...params };
  } catch {
    // Told below.
  }
  throw fail('E_USAGE', `--params: ${JSON.stringify(text)} is no JSON object, such as {"word":2}`);
}
