/**
 * A service's file as a program: how it is started, and what it says of itself. Knows the arguments that service programs
 * of all languages take (workers/program.ts), and no language's insides.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { basename, delimiter, extname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { checkDescriptor, type Descriptor } from '../protocol/descriptor.js';
import { type BinglideError, fail, isErrorCode } from '../protocol/errors.js';

export interface ServiceProgram {
  /** As it was typed, for errors. */
  readonly typed: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

const loader = new URL('./ts-loader.js', import.meta.url).href;
/** The Python package as it comes with this one; it knows the same protocol. */
const pythonFolder = fileURLToPath(new URL('../../polyglot/python/src', import.meta.url));
/** Modules that are installed under another name. */
const pipNames: { readonly [module: string]: string } = { zmq: 'pyzmq' };
/** From its start to its descriptor. */
const describeMsMax = 20_000;
const lastWordsMs = 300;

/** Is it a file that is meant, and not a service's name? */
export function isServiceFile(text: string): boolean {
  return /[/\\.]/.test(text);
}

/** How to start it; throws E_NOT_FOUND, E_DIRECTORY or E_USAGE. */
export function serviceProgram(typed: string): ServiceProgram {
  const file = resolve(typed);
  if (!existsSync(file)) throw fail('E_NOT_FOUND', `${typed}: no such file; name a service's file, or a service`);
  if (!statSync(file).isFile()) throw fail('E_DIRECTORY', `${typed} is a folder; name a service's file in it`);
  const { env } = process;
  switch (extname(file)) {
    case '.js':
    case '.mjs':
    case '.ts':
    case '.mts':
      return { typed, command: process.execPath, args: ['--import', loader, file], env };
    case '.py':
      return { typed, command: env.BINGLIDE_PYTHON || 'python3', args: [file], env: withPackage(env) };
    default:
      if (!isExecutable(file)) {
        throw fail('E_USAGE', `${typed} cannot be started; it takes .py, .ts, .js or a program (chmod +x)`);
      }
      return { typed, command: file, args: [], env };
  }
}

/** Its descriptor; throws E_SERVICE with what it said where it does not start or serves several or none. */
export async function describe(program: ServiceProgram, signal?: AbortSignal): Promise<Descriptor> {
  const child = start(program, ['--describe']);
  child.stdin!.end();
  const stop = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop, { once: true });
  const [said, complained] = [collect(child.stdout!), collect(child.stderr!)];
  const timer = setTimeout(stop, describeMsMax);
  const how = await ending(child);
  clearTimeout(timer);
  signal?.removeEventListener('abort', stop);
  for (const stream of [child.stdout!, child.stderr!]) stream.destroy();
  const lines = said()
    .split('\n')
    .filter((line) => line.startsWith('{'));
  if (how !== 'exit code 0' || lines.length === 0) throw noStart(program, how, complained());
  if (lines.length > 1)
    throw fail('E_USAGE', `${program.typed} serves ${lines.length} services; run takes a file of one`);
  try {
    return checkDescriptor(JSON.parse(lines[0]!));
  } catch (error) {
    throw fail('E_SERVICE', `${program.typed} --describe: ${(error as Error).message}`);
  }
}

/** Standard input stays open as long as it is to live. */
export function start({ command, args, env }: ServiceProgram, more: readonly string[]): ChildProcess {
  const child = spawn(command, [...args, ...more], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  return child;
}

/** How it ended, with its last words; a process of its own that holds its pipes is not waited for. */
export function ending(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null) => resolve(signal ?? `exit code ${code}`);
    child.once('error', (error) => resolve(error.message));
    child.once('close', end);
    child.once('exit', (code, signal) => setTimeout(end, lastWordsMs, code, signal).unref());
  });
}

/** What has been read of it so far. */
function collect(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** What it said itself, where it is one of our errors; else how it ended, its error and the line of its file. */
export function noStart({ typed, command }: ServiceProgram, how: string, complaint: string): BinglideError {
  const lines = complaint.trim().split('\n');
  const own = lines.map((line) => /^binglide: (.*) \((E_[A-Z_]+)\)$/.exec(line)).find((found) => found !== null);
  if (own && isErrorCode(own[2])) return fail(own[2], own[1]!);
  if (how === 'exit code 0') {
    return fail('E_SERVICE', `${typed} ended without serving anything; end it with serve(…)`);
  }
  if (/ENOENT/.test(how)) {
    return fail('E_SERVICE', `${typed}: there is no ${command}; install it, or set $BINGLIDE_PYTHON`);
  }
  const module = /No module named '?(\w+)'?/.exec(complaint)?.[1];
  if (module !== undefined) {
    return fail(
      'E_SERVICE',
      `${typed} needs the Python module ${module}; ${command} -m pip install ${pipNames[module] ?? module}`,
    );
  }
  const said = lastWords(lines);
  const name = basename(typed).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const line = [...complaint.matchAll(new RegExp(`${name}(?:", line |:)(\\d+)`, 'g'))].at(-1)?.[1];
  const place = line === undefined ? '' : `, ${basename(typed)}:${line}`;
  return fail('E_SERVICE', `${typed} did not start (${how})${said === undefined ? '' : `: ${said}${place}`}`);
}

/** The line that names the cause: what runtimes print around it does not. */
export function lastWords(lines: readonly string[]): string | undefined {
  const said = lines.map((line) => line.trim()).filter((line) => line !== '' && !/^Node\.js v/.test(line));
  return said.findLast((line) => /^[\w.]*(?:Error|Exception|panicked)\b/.test(line)) ?? said.at(-1);
}

/** Its module `binglide` is found where nobody installed it. */
function withPackage(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (!existsSync(pythonFolder)) return env;
  const path = [env.PYTHONPATH, pythonFolder].filter((part) => part).join(delimiter);
  // Its last words are wanted, also when it is killed.
  return { ...env, PYTHONPATH: path, PYTHONUNBUFFERED: '1' };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
