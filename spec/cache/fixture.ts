/** Folders, files, kinds and parts that the cache's specs share. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PartKind } from '../../cache/chunk-file.js';
import { CacheFolder } from '../../cache/folder.js';
import { chunkName } from '../../cache/names.js';
import { ChunkStore } from '../../cache/store.js';
import type { Part } from '../../protocol/index.js';

/** A fresh folder for each test, removed after it; others may look into it. */
export function freshFolder(): () => string {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'binglide-cache-spec-'));
    chmodSync(folder, 0o755);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return () => folder;
}

export const kind: PartKind = {
  service: 'SUM',
  version: 1,
  digest: '0123456789abcdef',
  fields: [
    { name: 'counts', dtype: 'u8', shape: [3], merge: 'sum', cells: true, perByteMax: 1 },
    { name: 'total', dtype: 'u8', shape: [1], merge: 'sum', cells: false },
  ],
};

export const idA = 'a1'.repeat(32);
export const idB = 'b2'.repeat(32);
export const provisionalA = `~${'0a'.repeat(16)}`;
export const provisionalB = `~${'0b'.repeat(16)}`;

export function nameOf(ids: readonly string[], start = 0, end = start + 8192, service = 'SUM'): string {
  return chunkName({ service, params: [], ids, start, end });
}

/** Two cells of 4096 from `start`; `seed` tells parts apart. */
export function partOf(seed = 1, start = 0): Part {
  return {
    start,
    end: start + 8192,
    cellBytes: 4096,
    columns: { counts: Float64Array.of(seed, 2, 3, 4, 5, 4096), total: Float64Array.of(8192) },
  };
}

/** A part whose file has about as many bytes. */
export function wideKind(bytes: number): { kind: PartKind; part: Part } {
  const numbers = Math.ceil(bytes / 8);
  return {
    kind: { ...kind, fields: [{ name: 'wide', dtype: 'u8', shape: [numbers], merge: 'sum', cells: false }] },
    part: { start: 0, end: 8192, cellBytes: 0, columns: { wide: new Float64Array(numbers).fill(7) } },
  };
}

export function storeIn(root: string): ChunkStore {
  return new ChunkStore(new CacheFolder(root, 60_000));
}

const childScript = fileURLToPath(new URL('./child.js', import.meta.url));

/** A child that runs on; whoever starts it ends it. */
export function childOf(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [childScript, 'same', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/**
 * Runs a command of child.ts in a process of its own and gives what it prints. `nobody`: without root's rights, which
 * would open everything. `fileBytesMax`: no file may grow longer, rounded to what the shell's ulimit takes. `diskBytes`:
 * the path lies on a disk that small, or where mounting is not allowed, under a file limit that is reached as well.
 */
export function inChild(args: readonly string[], { nobody = false, fileBytesMax = 0, diskBytes = 0 } = {}): unknown {
  let before = fileBytesMax > 0 ? `ulimit -f ${Math.floor(fileBytesMax / 1024)};` : '';
  let wrapper: string[] = [];
  if (diskBytes > 0) {
    mkdirSync(args[1]!);
    const mount = `mount -t tmpfs -o size=${diskBytes} tmpfs '${args[1]}'`;
    // A mount namespace of its own (as root of one's own where need be): nothing is left mounted after it.
    const wrappers = [
      ['unshare', '-m'],
      ['unshare', '-rm'],
    ];
    wrapper = wrappers.find(([name, flags]) => spawnSync(name!, [flags!, 'sh', '-c', mount]).status === 0) ?? [];
    before = wrapper.length > 0 ? `${mount} &&` : `ulimit -f ${Math.floor(diskBytes / 4096)};`;
  }
  const [program, ...rest] = [...wrapper, 'sh', '-c', `${before} exec "$@"`, 'sh', process.execPath, childScript];
  const { status, stdout, stderr } = spawnSync(program!, [...rest, nobody ? 'nobody' : 'same', ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`child ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}
