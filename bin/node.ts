/** A whole binglide on one machine: the broker in this process, its cache, and slots, processes around it or threads in it. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrokerOptions, BrokerShell } from '../broker/index.js';
import { fail } from '../protocol/errors.js';
import { endThreads, slotThreadsMax } from './early-threads.js';
import { ownFolder, privateFolder } from './runtime-folder.js';
import { SlotThreads } from './slot-threads.js';
import { Slots } from './slots.js';

export interface NodeOptions {
  /** Tasks that run at a time. Default: the processors that this process may use. */
  readonly slots?: number;
  /** A few slots are threads of this process: it is to answer soon, and lives no longer than its question. */
  readonly brief?: boolean;
  /** Services that will be asked: slots that are threads offer no others. Default: all. */
  readonly services?: readonly string[];
  /** Folders that inputs must lie in, links resolved. Default: anywhere. */
  readonly roots?: readonly string[];
  /** The cache's folder. Default: the user's. */
  readonly cacheDir?: string;
  /** The cache's room in bytes. Default: the smaller of 10 GiB and a tenth of what is free. */
  readonly cacheBytesMax?: number;
  /** Where the sockets are made (mode 0700). Default: a private folder that goes with the node. */
  readonly directory?: string;
  /** A tcp endpoint on loopback instead of the ipc socket; port `*` takes a free one. */
  readonly endpoint?: string;
  /** A kernel without progress for so long is ended, milliseconds. */
  readonly stallMs?: number;
  readonly broker?: Partial<BrokerOptions>;
}

export interface BinglideNode {
  readonly endpoint: string;
  readonly broker: BrokerShell;
  readonly slots: Slots | SlotThreads;
  /** Ends the slots, finishes what is being written to the cache, closes the sockets. */
  close(): Promise<void>;
}

export async function startNode(options: NodeOptions = {}): Promise<BinglideNode> {
  const directory = options.directory ? await ownFolder(options.directory) : await privateFolder();
  const endpoint = options.endpoint ?? `ipc://${join(directory, 'broker.sock')}`;
  const isTcp = refuseOpenEndpoint(endpoint);
  // Slots load while the broker does. Nobody else can be at a private name: processes there find it bound.
  const isPrivate = !options.directory && !options.endpoint;
  const early = startThreads(options) ?? (isPrivate ? startProcesses(endpoint, options) : undefined);
  const cancelEndpoint = isTcp ? 'tcp://127.0.0.1:*' : `ipc://${join(directory, 'cancel.sock')}`;
  const broker = await startBroker(endpoint, cancelEndpoint, options).catch(async (error: unknown) => {
    await early?.close();
    throw error;
  });
  const slots = early ?? startProcesses(broker.endpoint, options);
  const sockets = [broker.endpoint, broker.cancelEndpoint].filter((bound) => bound.startsWith('ipc://'));
  let closing: Promise<void> | undefined;
  const close = async () => {
    // Before they are closed: afterwards another broker's may stand there.
    for (const bound of sockets) await rm(bound.replace('ipc://', ''), { force: true });
    await Promise.all([slots.close(), broker.close()]);
    if (!options.directory) await rm(directory, { recursive: true, force: true });
  };
  if (slots instanceof SlotThreads) {
    await slots.serve(broker.endpoint).catch(async (error: unknown) => {
      await close();
      throw error;
    });
  }
  return { endpoint: broker.endpoint, broker, slots, close: () => (closing ??= close()) };
}

function slotsOf({ slots, roots, stallMs }: NodeOptions) {
  return {
    slots: slots ?? availableParallelism(),
    ...(roots && { roots }),
    ...(stallMs !== undefined && { stallMs }),
  };
}

function startProcesses(endpoint: string, options: NodeOptions): Slots {
  return new Slots({ endpoint, ...slotsOf(options) });
}

/** Undefined where the slots are to be processes. */
function startThreads(options: NodeOptions): SlotThreads | undefined {
  const wanted = slotsOf(options);
  if (!options.brief || wanted.slots > slotThreadsMax) {
    endThreads();
    return undefined;
  }
  return new SlotThreads({ ...wanted, ...(options.services && { services: options.services }) });
}

/** Loads what the broker needs only now, so that slots may be started before. */
async function startBroker(endpoint: string, cancelEndpoint: string, options: NodeOptions): Promise<BrokerShell> {
  const [{ BrokerShell, Storage }, { Cache }, { builtinDescriptors }] = await Promise.all([
    import('../broker/index.js'),
    import('../cache/index.js'),
    import('../workers/services/index.js'),
  ]);
  const { roots, cacheDir, cacheBytesMax } = options;
  const cache = new Cache({
    ...(cacheDir !== undefined && { root: cacheDir }),
    ...(cacheBytesMax !== undefined && { bytesMax: cacheBytesMax }),
  });
  return BrokerShell.start({
    endpoint,
    cancelEndpoint,
    startable: builtinDescriptors,
    storage: new Storage(cache, roots),
    version: packageVersion(),
    ...(options.broker && { options: options.broker }),
  });
}

function packageVersion(): string {
  const file = fileURLToPath(new URL('../../package.json', import.meta.url));
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Until connections are authenticated nothing but this machine may reach a broker. */
function refuseOpenEndpoint(endpoint: string): boolean {
  if (endpoint.startsWith('ipc://')) return false;
  if (/^tcp:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\]):(\d+|\*)$/.test(endpoint)) return true;
  throw fail('E_USAGE', `${endpoint} is neither ipc:// nor tcp:// on loopback, and a broker is not open to others yet`);
}
