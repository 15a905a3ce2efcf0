/** `binglide cache`: what is kept on disk, and how to be rid of it. Works beside running brokers. */
import type { Command } from 'commander';
import { printable } from './canvas.js';
import { exitCodes } from './failure.js';
import { listText } from './listing.js';
import { bytesMaxOption, examples, type Finish } from './options.js';
import { styleOf } from './screen.js';
import { counted, size } from './units.js';

interface CacheFlags {
  readonly cacheDir?: string;
  readonly json?: true;
  readonly bytesMax?: number;
}

interface StepStats {
  readonly step: string;
  readonly looked: number;
  readonly removed: number;
  readonly moved: number;
  readonly bytesFreed: number;
}

export function addCacheCommands(program: Command, finish: Finish): void {
  const cache = program
    .command('cache')
    .summary('what is kept on disk')
    .description('What is kept on disk of answers.');
  cache.addHelpText('after', examples('cache ls', 'cache rm disk.img', 'cache gc --bytes-max 1G'));
  const sub = (name: string, help: string) =>
    cache.command(name).description(help).option('--cache-dir <dir>', 'the cache in this folder');
  sub('ls', 'What is kept, the least lately used first.')
    .option('--json', 'as one JSON array')
    .action(async (flags: CacheFlags) => finish(await list(flags)));
  sub('rm', 'Removes what is kept of a file, which need not exist any more.')
    .argument('<FILE>')
    .action(async (file: string, flags: CacheFlags) => finish(await remove(file, flags)));
  sub('verify', 'Reads everything and removes what is damaged.').action(async (flags: CacheFlags) =>
    finish(await sweep(flags, (cache, root) => cache.verifyCache(root))),
  );
  sub('gc', 'Tidies up and keeps to the room that the cache may take.')
    .addOption(bytesMaxOption())
    .action(async (flags: CacheFlags) =>
      finish(
        await sweep(flags, async (cache, root) => {
          const { bytesMax } = cache.checkCacheOptions({
            root,
            ...(flags.bytesMax !== undefined && { bytesMax: flags.bytesMax }),
          });
          return cache.collectGarbage(root, bytesMax);
        }),
      ),
    );
  sub('path', 'Where it lies.').action(async ({ cacheDir }: CacheFlags) => {
    process.stdout.write(`${(await load()).cacheRoot(cacheDir)}\n`);
    finish(exitCodes.ran);
  });
}

type CacheModule = typeof import('../../cache/index.js');

const load = (): Promise<CacheModule> => import('../../cache/index.js');

/** Off a terminal bytes are plain, times ISO 8601. */
async function list({ cacheDir, json }: CacheFlags): Promise<number> {
  const { cacheRoot, listCache, pathText } = await load();
  const files = await listCache(cacheRoot(cacheDir));
  const isTTY = Boolean(process.stdout.isTTY);
  const shown = files.map((file) => ({
    id: file.id,
    size: file.size,
    chunks: file.chunks,
    bytes: file.bytes,
    services: Object.fromEntries(file.services),
    used: new Date(file.usedMs).toISOString(),
    paths: file.paths.map((path) => pathText(path)),
  }));
  if (json) {
    process.stdout.write(`${JSON.stringify(shown)}\n`);
    return exitCodes.ran;
  }
  const number = (bytes: number | null) =>
    bytes === null ? (isTTY ? '?' : 'null') : isTTY ? size(bytes) : String(bytes);
  const rows = shown.map(({ id, size: fileBytes, chunks, bytes, services, used, paths }) => [
    isTTY ? id.slice(0, 12) : id,
    number(fileBytes),
    String(chunks),
    number(bytes),
    Object.keys(services).sort().join(','),
    isTTY ? used.slice(0, 16).replace('T', ' ') : used,
    paths.map((path) => printable(path, { unicode: true })).join(' ') || '-',
  ]);
  const header = ['id', 'size', 'chunks', 'kept', 'services', 'used', 'paths'];
  process.stdout.write(listText(header, rows, isTTY ? styleOf(process.stdout).columns : null));
  return exitCodes.ran;
}

async function remove(file: string, { cacheDir }: CacheFlags): Promise<number> {
  const { cacheRoot, removeFromCache } = await load();
  const { chunks, bytes } = await removeFromCache(cacheRoot(cacheDir), file);
  process.stdout.write(`removed ${counted(chunks, 'chunk')}, ${size(bytes)}\n`);
  return exitCodes.ran;
}

async function sweep(
  { cacheDir }: CacheFlags,
  run: (cache: CacheModule, root: string) => Promise<readonly StepStats[]>,
): Promise<number> {
  const cache = await load();
  const steps = await run(cache, cache.cacheRoot(cacheDir));
  const rows = steps.map(({ step, ...stats }) => [
    step,
    ...[stats.looked, stats.removed, stats.moved, stats.bytesFreed].map(String),
  ]);
  const columns = process.stdout.isTTY ? styleOf(process.stdout).columns : null;
  process.stdout.write(listText(['step', 'looked', 'removed', 'moved', 'bytesFreed'], rows, columns));
  return exitCodes.ran;
}
