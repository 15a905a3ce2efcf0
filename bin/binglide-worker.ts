#!/usr/bin/env node
/** binglide-worker: one slot, serving the built-in services and those of --module. */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { fail, isBinglideError } from '../protocol/errors.js';
import type { SlotId } from '../protocol/ids.js';
import { slotName } from '../workers/slot-name.js';
import { ComputeThread } from '../workers/thread.js';

const options = {
  broker: { type: 'string' },
  slot: { type: 'string' },
  root: { type: 'string', multiple: true },
  service: { type: 'string', multiple: true },
  module: { type: 'string', multiple: true },
  'stall-ms': { type: 'string' },
  'cancel-grace-ms': { type: 'string' },
  parent: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

const help = `Usage: binglide-worker [options]

computes for a broker: one task at a time, every built-in service unless some are named

Options:
  --broker <endpoint>    the broker to work for, as \`binglide up\` prints it (default: $BINGLIDE_BROKER)
  --slot <id>            name of this place among the broker’s workers; default: one of its own
  --root <folder>        open files in it only; again for more (default: the working directory)
  --service <name>       serve it only; again for more
  --module <file>        serve what it serves too; again for more
  --stall-ms <n>         a task without progress for so long is ended (default: 10000)
  --cancel-grace-ms <n>  a cancelled task has so long to stop (default: 100)
  --parent               end when stdin ends
  -h, --help             display help
`;

async function main(): Promise<void> {
  const flags = readFlags();
  if (flags.help) return void process.stdout.write(help);
  const broker = flags.broker ?? process.env.BINGLIDE_BROKER;
  if (!broker) throw fail('E_USAGE', 'no broker given; name one with --broker or $BINGLIDE_BROKER');
  const roots = flags.root ?? [process.cwd()];
  const missing = roots.find((root) => !existsSync(root));
  if (missing !== undefined) throw fail('E_NOT_FOUND', `--root ${missing}: no such folder`);
  const modules = (flags.module ?? []).map((file) => pathToFileURL(file).href);
  const thread = new ComputeThread({ roots, modules });
  try {
    // The sockets are loaded while the thread loads the services: a slot is to be there soon.
    const [known, { runSlot }] = await Promise.all([thread.loaded, import('../workers/process.js')]);
    const wanted = flags.service ?? known.map(({ name }) => name);
    const unknown = wanted.find((name) => !known.some((descriptor) => descriptor.name === name));
    if (unknown !== undefined) {
      const names = known.map(({ name }) => name).sort();
      throw fail('E_NO_SERVICE', `no service ${unknown}; ${names.join(' ')} are there`);
    }
    const [stallMs, graceMs] = [flags['stall-ms'], flags['cancel-grace-ms']];
    runSlot(
      {
        broker,
        slot: (flags.slot ?? slotName()) as SlotId,
        services: known.filter(({ name }) => wanted.includes(name)),
        roots,
        modules,
        thread,
        ...(stallMs !== undefined && { taskStallMs: Number(stallMs) }),
        ...(graceMs !== undefined && { cancelGraceMs: Number(graceMs) }),
      },
      { parent: flags.parent ?? false },
    );
  } catch (error) {
    await thread.stop();
    throw error;
  }
}

function readFlags() {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    // Its first sentence; the others are about the shell.
    throw fail('E_USAGE', (error as Error).message.split('. ')[0]!);
  }
}

main().catch((error: unknown) => {
  const known = isBinglideError(error) ? error : fail('E_IO', error instanceof Error ? error.message : String(error));
  process.stderr.write(`binglide-worker: ${known.message} (${known.code})\n`);
  process.exitCode = known.code === 'E_USAGE' || known.code === 'E_NO_SERVICE' ? 2 : 1;
});
