/** Real command lines, each with folders of its own; every process started here is ended here. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundled } from '../bundled.js';

/** As users have it: in one file, of what was compiled last. */
const program = bundled('binglide.js');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** stdout as lines, without the last line's end. */
  readonly lines: readonly string[];
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when stdout holds so many lines. */
  linesOut(count: number): Promise<readonly string[]>;
}

/** A place of its own for a spec's files, sockets and cache. */
export class Place {
  readonly #running = new Set<ChildProcess>();

  private constructor(readonly folder: string) {}

  static async make(): Promise<Place> {
    return new Place(await mkdtemp(join(tmpdir(), 'binglide-spec-')));
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  get env(): NodeJS.ProcessEnv {
    const { BINGLIDE_BROKER: _, DEBUG: __, ...env } = process.env;
    return { ...env, BINGLIDE_RUNTIME_DIR: this.path('run'), BINGLIDE_CACHE_DIR: this.path('cache') };
  }

  start(
    args: readonly string[],
    options: { detached?: boolean; env?: NodeJS.ProcessEnv; input?: string } = {},
  ): Running {
    return this.startNode([program, ...args], options);
  }

  /** Another program of node's. */
  startNode(
    args: readonly string[],
    options: { detached?: boolean; env?: NodeJS.ProcessEnv; input?: string } = {},
  ): Running {
    const { detached = false, env = {}, input } = options;
    const child = spawn(process.execPath, args, {
      cwd: this.folder,
      env: { ...this.env, ...env },
      detached,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    child.stdin?.end(input);
    let [stdout, stderr] = [Buffer.alloc(0), ''];
    child.stdout!.on('data', (chunk: Buffer) => {
      stdout = Buffer.concat([stdout, chunk]);
    });
    child.stderr!.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    const lines = () => stdout.toString().replace(/\n$/, '').split('\n');
    const ended = once(child, 'close').then(([code, signal]): Ended => {
      this.#running.delete(child);
      return { code, signal, stdout, stderr, lines: lines() };
    });
    const linesOut = async (count: number) => {
      while (stdout.toString().split('\n').length <= count) {
        const more = await Promise.race([once(child.stdout!, 'data').then(() => true), ended.then(() => false)]);
        if (!more) throw new Error(`it ended before line ${count}: ${stderr}`);
      }
      return lines();
    };
    return { child, ended, linesOut };
  }

  run(...args: string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  node(args: readonly string[]): Promise<Ended> {
    return this.startNode(args).ended;
  }

  async remove(): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The same bytes every time: text, constants and noise, so that cells differ. */
export function mix(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const kind = Math.floor(i / 20_000) % 3;
    bytes[i] = kind === 0 ? state >>> 24 : kind === 1 ? 0x61 + ((state >>> 24) % 16) : 0;
  }
  return bytes;
}

/** Long enough to be met under way, short enough for early reports. */
export const sparseBytes = 16 * 2 ** 30;

export const json = ({ lines }: Ended) => lines.filter((line) => line !== '').map((line) => JSON.parse(line));

/** Slot processes of a command that may be gone itself. */
export async function slotsOf(pid: number): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((id) => id > 0);
  const found: number[] = [];
  for (const id of pids) {
    const line = await readFile(`/proc/${id}/cmdline`, 'latin1').catch(() => '');
    if (line.includes(`--slot\0${pid}.`)) found.push(id);
  }
  return found;
}

/** The session that a process is in, as Linux numbers them. */
export async function sessionOf(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, 'latin1');
  // Behind the name, which may hold anything: state, parent, group, session.
  return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[3]);
}

/** Have its slots ended? They have five seconds. */
export async function gone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await slotsOf(pid)).length === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
