#!/usr/bin/env node
/** binglide-worker: one slot, serving the built-in services and those of --module. */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { BinglideError, fail } from '../protocol/errors.js';
import type { SlotId } from '../protocol/ids.js';
import { runSlot } from '../workers/process.js';
import { collect } from '../workers/registry.js';
import { slotName } from '../workers/serve.js';
import { builtinServices } from '../workers/services/index.js';

interface Options {
  readonly broker: string;
  readonly slot?: string;
  readonly root?: readonly string[];
  readonly service?: readonly string[];
  readonly module?: readonly string[];
  readonly stallMs?: string;
  readonly cancelGraceMs?: string;
  readonly parent?: boolean;
}

const again = (value: string, before: readonly string[] = []) => [...before, value];

const program = new Command('binglide-worker')
  .description('computes for a broker: one task at a time, every built-in service unless some are named')
  .requiredOption(
    '--broker <endpoint>',
    'the broker to work for, as `binglide up` prints it',
    process.env.BINGLIDE_BROKER,
  )
  .option('--slot <id>', 'name of this place among the broker’s workers; default: one of its own')
  .option('--root <folder>', 'open files in it only; again for more (default: the working directory)', again)
  .option('--service <name>', 'serve it only; again for more', again)
  .option('--module <file>', 'serve what it serves too; again for more', again)
  .option('--stall-ms <n>', 'a task without progress for so long is ended (default: 10000)')
  .option('--cancel-grace-ms <n>', 'a cancelled task has so long to stop (default: 100)')
  .option('--parent', 'end when stdin ends')
  .allowExcessArguments(false)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

async function main(options: Options): Promise<void> {
  const modules = (options.module ?? []).map((file) => pathToFileURL(file).href);
  const services = [...builtinServices];
  for (const module of modules) services.push(...(await collect(module)));
  const known = services.map(({ descriptor }) => descriptor);
  const wanted = options.service ?? known.map(({ name }) => name);
  const unknown = wanted.find((name) => !known.some((descriptor) => descriptor.name === name));
  if (unknown !== undefined) {
    const names = known.map(({ name }) => name).sort();
    throw fail('E_NO_SERVICE', `no service ${unknown}; ${names.join(' ')} are there`);
  }
  const roots = options.root ?? [process.cwd()];
  const missing = roots.find((root) => !existsSync(root));
  if (missing !== undefined) throw fail('E_NOT_FOUND', `--root ${missing}: no such folder`);
  runSlot(
    {
      broker: options.broker,
      slot: (options.slot ?? slotName()) as SlotId,
      services: known.filter(({ name }) => wanted.includes(name)),
      roots,
      modules,
      ...(options.stallMs !== undefined && { taskStallMs: Number(options.stallMs) }),
      ...(options.cancelGraceMs !== undefined && { cancelGraceMs: Number(options.cancelGraceMs) }),
    },
    { parent: options.parent ?? false },
  );
}

main(program.parse().opts<Options>()).catch((error: unknown) => {
  const known =
    error instanceof BinglideError ? error : fail('E_IO', error instanceof Error ? error.message : String(error));
  process.stderr.write(`binglide-worker: ${known.message} (${known.code})\n`);
  process.exitCode = known.code === 'E_USAGE' || known.code === 'E_NO_SERVICE' ? 2 : 1;
});
