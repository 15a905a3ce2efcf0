/**
 * `binglide run`: any service by its name, or a service's file, whose worker is started for this request. The service
 * says itself which options it takes, so it is asked before they can be read.
 */
import { existsSync, realpathSync } from 'node:fs';
import type { Command } from 'commander';
import { type Descriptor, descriptorDigest } from '../../protocol/descriptor.js';
import { fail } from '../../protocol/errors.js';
import { describe, isServiceFile, type ServiceProgram, serviceProgram } from '../service-program.js';
import { ServiceWorkers } from '../service-workers.js';
import { answer, type Question, tell } from './answer.js';
import { printable } from './canvas.js';
import { exitCodes } from './failure.js';
import { oneEach, together } from './inputs.js';
import {
  type AnswerFlags,
  addAnswerOptions,
  addFileOptions,
  cellsOption,
  examples,
  type FileFlags,
  type Finish,
} from './options.js';
import type { Inputs } from './run.js';
import { parseServiceFlags } from './service-flags.js';
import { coresOf, Session } from './session.js';
import type { Stop } from './stop.js';
import { withSuggestion } from './suggest.js';

type RunFlags = AnswerFlags & FileFlags & { readonly help?: true };

/** A worker is asked for so often whether it is there. */
const readyPollMs = 15;
const readyMsMax = 20_000;

export function addRun(program: Command, stop: Stop, finish: Finish): void {
  const command = program.command('run').argument('[SERVICE]').argument('[FILE...]');
  command.summary('any service, by its name or its file');
  addFileOptions(addAnswerOptions(command.addOption(cellsOption())))
    .description(
      'Any service: by its name, or by its file (.py, .ts, .js or a program), which is started for this request. Its ' +
        'parameters are options; `binglide run SERVICE --help` lists them.',
    )
    .allowUnknownOption()
    .helpOption(false)
    .option('-h, --help', 'display help, with a SERVICE that of the service')
    .addHelpText('after', examples('run ENT --block 4k fw.bin', 'run ./period.py fw.bin --max-lag 32'))
    .action(async (service: string | undefined, rest: string[], flags: RunFlags) => {
      if (service === undefined) {
        if (flags.help) return command.outputHelp();
        throw fail('E_USAGE', 'run needs the SERVICE; `binglide services` lists names, and a file of one will do');
      }
      const isFile = isServiceFile(service);
      finish(await (isFile ? runFile(service, rest, flags, stop) : runName(service.toUpperCase(), rest, flags, stop)));
    });
}

async function runName(name: string, rest: readonly string[], flags: RunFlags, stop: Stop): Promise<number> {
  const opening = Session.open({ ...flags, services: [name], tell });
  let question: Question | null;
  try {
    question = questionOf(await descriptorOf(name, await opening), rest, flags);
  } catch (error) {
    await closed(opening);
    throw error;
  }
  if (question) return answer(question, flags, stop, opening);
  await closed(opening);
  return exitCodes.ran;
}

/** What it takes is known, and its workers are under way, while the broker starts. */
async function runFile(typed: string, rest: readonly string[], flags: RunFlags, stop: Stop): Promise<number> {
  const program = await programOf(typed);
  const describing = describe(program, stop.signal);
  describing.catch(() => undefined);
  if (flags.help) {
    questionOf(await describing, rest, flags);
    return exitCodes.ran;
  }
  const opening = Session.open({ ...flags, bringsWorkers: true, tell });
  let workers: ServiceWorkers | undefined;
  try {
    const descriptor = await describing;
    const question = questionOf(descriptor, rest, flags)!;
    const session = await opening;
    workers = startWorkers(program, descriptor.name, session, flags);
    await Promise.race([workers.failed, registered(descriptor, session, stop)]);
    const asked = { ...question, version: descriptor.version };
    return await Promise.race([answer(asked, flags, stop, opening), workers.failed]);
  } catch (error) {
    await closed(opening);
    throw error;
  } finally {
    await workers?.close();
  }
}

async function programOf(typed: string): Promise<ServiceProgram> {
  try {
    return serviceProgram(typed);
  } catch (error) {
    throw await withSuggestion(error, [typed]);
  }
}

function startWorkers(program: ServiceProgram, name: string, session: Session, flags: RunFlags): ServiceWorkers {
  return new ServiceWorkers(program, name, {
    endpoint: session.endpoint,
    slots: coresOf(flags),
    // It is the user's own program, and reads what the user may.
    roots: [realpathSync('/')],
    tell: (line) => tell(printable(line.replaceAll('\t', '    '), { unicode: true })),
  });
}

/** When a worker of just this descriptor is there, or nobody waits for it any more. */
async function registered(descriptor: Descriptor, { client }: Session, { signal }: Stop): Promise<void> {
  const digest = descriptorDigest(descriptor);
  const began = performance.now();
  while (!signal.aborted && performance.now() - began < readyMsMax) {
    const { services } = await client.services();
    if (services.some((service) => service.digest === digest && service.workers > 0)) return;
    await new Promise((resolve) => setTimeout(resolve, readyPollMs));
  }
  if (signal.aborted) return;
  const late = `${descriptor.name} did not register in ${readyMsMax / 1000} s`;
  throw fail('E_NO_SERVICE', `${late}; does it take --broker, and describe itself as it registers?`);
}

/** Null: help was asked for and told. */
function questionOf(descriptor: Descriptor, rest: readonly string[], flags: RunFlags): Question | null {
  const { name } = descriptor;
  const { params, files, help } = parseServiceFlags(descriptor, rest);
  if (flags.help) {
    process.stdout.write(help);
    return null;
  }
  const inputs = descriptor.inputs === 2 ? pair(name, files) : oneEach(`run ${name}`, files, flags);
  return { service: name, params, ...inputs };
}

async function descriptorOf(name: string, session: Session): Promise<Descriptor> {
  const { services } = await session.client.services();
  const found = services.find(({ descriptor }) => descriptor.name === name);
  if (found) return found.descriptor;
  const names = [...new Set(services.map(({ descriptor }) => descriptor.name))].sort().join(' ');
  const file = ['.py', '.ts', '.js'].map((ending) => name.toLowerCase() + ending).find((it) => existsSync(it));
  const instead = file === undefined ? '' : `, and \`binglide run ./${file}\` takes the file`;
  throw fail(
    'E_NO_SERVICE',
    `no service ${name}; ${names || 'none'} ${names.includes(' ') ? 'are' : 'is'} there${instead}`,
  );
}

function pair(name: string, files: readonly string[]): { inputs: AsyncIterable<Inputs>; many: boolean } {
  if (files.length !== 2) throw fail('E_USAGE', `run ${name} takes two files, not ${files.length}; see --help`);
  return { inputs: together(files), many: false };
}

async function closed(opening: Promise<Session>): Promise<void> {
  await opening.then((session) => session.close()).catch(() => undefined);
}
