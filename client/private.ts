/**
 * A broker of our own: a child process that ends when its standard input does, so whatever ends us ends it. It never
 * keeps this process alive by itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type BinglideError, fail } from '../protocol/index.js';

export interface PrivateBroker {
  readonly endpoint: string;
  readonly pid: number;
  /** Resolves with the cause when the process is over. */
  readonly ended: Promise<string>;
  /** Asks it to end; it does so by itself. */
  stop(): void;
}

const program = fileURLToPath(new URL('../bundle/binglide-broker.js', import.meta.url));
/** From its start to its first line. */
const startMsMax = 10_000;
/** What is kept of its complaints for an error message. */
const complaintCharsMax = 400;

export async function startPrivateBroker(script: string = program): Promise<PrivateBroker> {
  const child = spawn(process.execPath, [script, '--private', '--parent'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  child.stdin.on('error', () => undefined);
  try {
    const endpoint = await firstLine(child, ended);
    release(child);
    return { endpoint, pid: child.pid!, ended, stop: () => child.stdin.end() };
  } catch (error) {
    child.stdin.destroy();
    child.kill('SIGKILL');
    throw error;
  }
}

function firstLine(child: ChildProcess, ended: Promise<string>): Promise<string> {
  return new Promise((resolve, reject) => {
    let [said, complained] = ['', ''];
    const refuse = (cause: string) => reject(noStart(cause, complained));
    const timer = setTimeout(() => refuse(`said nothing for ${startMsMax} ms`), startMsMax);
    child.stderr!.on('data', (chunk) => {
      complained = (complained + chunk).slice(-complaintCharsMax);
    });
    child.stdout!.on('data', (chunk) => {
      said += chunk;
      const line = /^(\S+)\n/.exec(said)?.[1];
      if (line === undefined) return;
      clearTimeout(timer);
      child.stdout!.removeAllListeners('data').resume();
      resolve(line);
    });
    void ended.then((cause) => {
      clearTimeout(timer);
      // Its complaint may still be in the pipe.
      setImmediate(() => refuse(`ended: ${cause}`));
    });
  });
}

function noStart(cause: string, complaint: string): BinglideError {
  const line = complaint.trim().split('\n').at(-1);
  return fail('E_NO_BROKER', `a broker of our own could not be started (${cause})${line ? `: ${line}` : ''}`);
}

/** Neither the child nor its pipes hold the event loop. */
function release(child: ChildProcess): void {
  child.unref();
  for (const pipe of child.stdio) (pipe as Socket | null)?.unref();
}
