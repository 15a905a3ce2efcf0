/** How a service's file is started, until bin/service-program.ts is here; the same names and errors. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { checkDescriptor, type Descriptor } from '../../protocol/descriptor.js';
import { type BinglideError, fail } from '../../protocol/errors.js';

export interface ServiceProgram {
  readonly typed: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export function serviceProgram(typed: string): ServiceProgram {
  const file = resolve(typed);
  if (!existsSync(file)) throw fail('E_NOT_FOUND', `${typed}: no such file; name a service's file`);
  const { env } = process;
  const ending = extname(file);
  if (ending === '.js' || ending === '.mjs') return { typed, command: process.execPath, args: [file], env };
  if (ending === '.py') return { typed, command: env.BINGLIDE_PYTHON ?? 'python3', args: [file], env };
  try {
    accessSync(file, constants.X_OK);
  } catch {
    throw fail('E_USAGE', `${typed} cannot be started; it takes .py, .ts, .js or a program (chmod +x)`);
  }
  return { typed, command: file, args: [], env };
}

export function start({ command, args, env }: ServiceProgram, more: readonly string[]): ChildProcess {
  const child = spawn(command, [...args, ...more], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  return child;
}

export function ending(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

export function noStart({ typed }: ServiceProgram, how: string, complaint: string): BinglideError {
  const line = complaint.trim().split('\n').at(-1)?.trim() ?? '';
  return fail('E_SERVICE', `${typed} did not start (${how})${line ? `: ${line}` : ''}`);
}

export async function describe(program: ServiceProgram): Promise<Descriptor> {
  const child = start(program, ['--describe']);
  child.stdin!.end();
  let [said, complained] = ['', ''];
  child.stdout!.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    complained += chunk;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const how = await ending(child);
  clearTimeout(timer);
  const lines = said.split('\n').filter((line) => line.startsWith('{'));
  if (how !== 'exit code 0' || lines.length === 0) throw noStart(program, how, complained);
  try {
    return checkDescriptor(JSON.parse(lines[0]!));
  } catch (error) {
    throw fail('E_SERVICE', `${program.typed} --describe: ${(error as Error).message}`);
  }
}
