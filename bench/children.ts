/**
 * Processes that the bench starts. Each is remembered until it ends, so that whatever ends the bench ends them too, by
 * their ids and no others.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

const running = new Set<ChildProcess>();

export function start(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(program, args, options);
  running.add(child);
  const forget = () => running.delete(child);
  child.once('exit', forget).once('error', forget);
  return child;
}

/** Asks the process to end and waits until it has; one that does not is killed. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM', graceMs = 3000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  child.kill(signal);
  await gone;
  clearTimeout(timer);
}

/** Ends all that is left. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map((child) => end(child)));
}

export interface Ran {
  /** From its start to its end. */
  readonly ms: number;
  readonly stdout: Buffer;
}

export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** What is a good end; default 0. `cmp` says with 1 that it found differences. */
  readonly exitCodes?: readonly number[];
}

/** A command as a whole process; rejects where it fails. */
export async function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<Ran> {
  const { env = {}, exitCodes = [0] } = options;
  const began = performance.now();
  const child = start(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const out: Buffer[] = [];
  child.stdout!.on('data', (data: Buffer) => out.push(data));
  const errors = text(child.stderr!);
  const [code] = await once(child, 'close');
  const ms = performance.now() - began;
  if (!exitCodes.includes(code)) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${await errors}`);
  return { ms, stdout: Buffer.concat(out) };
}

/** What the command prints, or null where it does not run on this machine. */
export async function said(program: string, args: readonly string[]): Promise<string | null> {
  return command(program, args).then(
    ({ stdout }) => stdout.toString().trim(),
    () => null,
  );
}
