#!/usr/bin/env node
/** The daemon: a broker, its cache and its slots. Prints its endpoint, the first line, once it can be reached. */
import { Command, InvalidArgumentError } from 'commander';
import { isBinglideError, parseBytes } from '../protocol/index.js';
import { type NodeOptions, startNode } from './node.js';
import { runtimeFolder } from './runtime-folder.js';

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('it takes a whole number');
  return value;
}
const collect = (value: string, all: string[]) => [...all, value];

const program = new Command('binglide-broker')
  .description('The binglide broker with its cache and its slot processes, in the foreground.')
  .option('--bind <endpoint>', 'ipc://PATH or tcp://127.0.0.1:PORT (port * takes a free one)')
  .option('--private', 'sockets in a fresh folder that goes with this process')
  .option('--parent', 'end when standard input does')
  .option('--root <dir>', 'serve files of this folder only; may be given several times', collect, [])
  .option('-j, --cores <n>', 'slot processes; 0 waits for workers started elsewhere', count)
  .option('--cache-dir <dir>', 'the cache folder')
  .option('--cache-bytes <bytes>', 'the cache’s room, such as 4G', parseBytes)
  .option('--heartbeat <ms>', 'interval of heartbeats', count)
  .option('--jobs-max <n>', 'requests under way at the most', count)
  .option('--service-wait <ms>', 'how long a request waits for a service that nobody serves', count)
  .option('--stall <ms>', 'a service without progress for so long is ended', count);

async function main(): Promise<void> {
  const flags = program.parse().opts<{
    bind?: string;
    private?: true;
    parent?: true;
    root: string[];
    cores?: number;
    cacheDir?: string;
    cacheBytes?: number;
    heartbeat?: number;
    jobsMax?: number;
    serviceWait?: number;
    stall?: number;
  }>();
  const options: NodeOptions = {
    ...(flags.cores !== undefined && { slots: flags.cores }),
    ...(flags.root.length > 0 && { roots: flags.root }),
    ...(flags.cacheDir !== undefined && { cacheDir: flags.cacheDir }),
    ...(flags.cacheBytes !== undefined && { cacheBytesMax: flags.cacheBytes }),
    ...(!flags.private && !flags.bind && { directory: runtimeFolder() }),
    ...(flags.bind !== undefined && { endpoint: flags.bind }),
    ...(flags.stall !== undefined && { stallMs: flags.stall }),
    broker: {
      ...(flags.heartbeat !== undefined && { heartbeatMs: flags.heartbeat }),
      ...(flags.jobsMax !== undefined && { jobsMax: flags.jobsMax }),
      ...(flags.serviceWait !== undefined && { serviceWaitMs: flags.serviceWait }),
    },
  };
  const node = await startNode(options);
  process.stdout.write(`${node.endpoint}\n`);
  const end = (code: number) => void node.close().finally(() => process.exit(code));
  process.once('SIGINT', () => end(130));
  process.once('SIGTERM', () => end(143));
  if (flags.parent)
    process.stdin
      .on('end', () => end(0))
      .on('error', () => end(0))
      .resume();
}

main().catch((error: unknown) => {
  const text = isBinglideError(error)
    ? `${error.message} (${error.code})`
    : error instanceof Error
      ? error.message
      : String(error);
  process.stderr.write(`binglide-broker: ${text}\n`);
  process.exit(1);
});
