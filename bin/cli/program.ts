/** The program: its commands, and what becomes of their errors. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import type { ComputeThread } from '../../workers/thread.js';
import { lendThreads } from '../early-threads.js';
import { endProcess } from '../held.js';
import { addAnalyses } from './analyses.js';
import { tell } from './answer.js';
import { errorLine, exitCodeOf, exitCodes, faultOf, traceOf } from './failure.js';
import { examples } from './options.js';
import { closedPipeCode, Stop } from './stop.js';

/** Runs a command line (without node and script) and gives its exit code. */
export async function runProgram(args: readonly string[], stop: Stop): Promise<number> {
  let code: number = exitCodes.ran;
  try {
    const program = await buildProgram(args, stop, (ended) => {
      code = ended;
    });
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ran;
    // No command at all: the help has been shown.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
    if (stop.code !== null) return stop.code;
    tellError(error);
    return exitCodeOf(error);
  }
}

function tellError(error: unknown): void {
  tell(errorLine(faultOf(error)));
  const trace = traceOf(error);
  if (trace) tell(trace);
}

/** Commands that ask about files are to answer at once: for them the others are not even loaded. */
async function buildProgram([name]: readonly string[], stop: Stop, finish: (code: number) => void): Promise<Command> {
  const program = new Command('binglide')
    .description('Ask questions of huge binary files: a first answer at once, sharpening until it is exact.')
    .exitOverride()
    // Errors are told by runProgram, in one line.
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError()
    .version(version(), '-V, --version')
    .helpCommand(true)
    .addHelpText('after', examples('hist fw.bin', 'ent --range 1G:+512M disk.img', 'diff a.bin b.bin'));
  addAnalyses(program, stop, finish);
  if (program.commands.some((command) => command.name() === name)) return program;
  const [daemon, cache, check] = await Promise.all([import('./daemon.js'), import('./cache.js'), import('./check.js')]);
  daemon.addDaemonCommands(program, stop, finish);
  cache.addCacheCommands(program, finish);
  check.addCheck(program, stop, finish);
  return program;
}

/** Of the package that this file is in. */
function version(): string {
  for (let folder = new URL('.', import.meta.url); folder.pathname !== '/'; folder = new URL('..', folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'));
      if (name === 'binglide') return version;
    } catch {
      // Not here; further up.
    }
  }
  return 'unknown';
}

/** The whole of a process: its signals, its end. `begun` are threads that it may want. Never returns. */
export async function main(begun: readonly ComputeThread[]): Promise<never> {
  lendThreads(begun);
  const stop = new Stop();
  stop.listen();
  // A stderr that nobody reads is no reason to end otherwise than without it.
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') stop.end(closedPipeCode);
  });
  // Whatever escapes is told like any other error.
  process.on('uncaughtException', (error) => {
    tellError(error);
    process.exit(exitCodes.failed);
  });
  const code = await runProgram(process.argv.slice(2), stop);
  await Promise.all([process.stdout, process.stderr].map(written));
  return endProcess(stop.code ?? code);
}

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) return resolve();
    stream.write('', () => resolve());
    stream.once('close', () => resolve());
  });
}
