/** A warm daemon in a process of its own, as `binglide up` would be, with options that the bench may set; and its client. */
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerOptions } from '../broker/index.js';
import { type Client, connect } from '../client/index.js';
import { end, start } from './children.js';
import { daemonProgram } from './places.js';
import type { Bench } from './sections/section.js';

export interface DaemonOptions {
  /** Slot processes; 0: workers are started by somebody else. Default 2. */
  readonly slots?: number;
  /** The cache's folder; default: one in the bench's scratch. */
  readonly cacheDir?: string;
  /** Every so many publications only one is sent; default: all are. */
  readonly publishOneIn?: number;
  /** More of the environment, for the broker and its slots. */
  readonly env?: NodeJS.ProcessEnv;
  readonly broker?: Partial<BrokerOptions>;
}

export interface Daemon {
  readonly endpoint: string;
  /** Of the broker's process. */
  readonly pid: number;
  readonly client: Client;
  /** Another client, which ends with the daemon. */
  connect(): Promise<Client>;
  /** Until nothing runs: what was cancelled before does not disturb what is measured next. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

const pollMs = 5;
const closeMs = 60_000;

export async function startDaemon({ folder }: Pick<Bench, 'folder'>, options: DaemonOptions = {}): Promise<Daemon> {
  const { env = {}, slots = 2, cacheDir = join(folder, 'cache'), ...rest } = options;
  const child = start(process.execPath, [daemonProgram, JSON.stringify({ ...rest, slots, cacheDir })], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, BINGLIDE_RUNTIME_DIR: join(folder, 'run'), ...env },
  });
  const [endpoint] = (await Promise.race([
    once(createInterface(child.stdout!), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the daemon ended with ${code}`))),
  ])) as [string];
  const clients: Client[] = [];
  const newClient = async () => {
    const client = await connect({ endpoint });
    clients.push(client);
    return client;
  };
  const client = await newClient();
  await until(async () => {
    const { services } = await client.services();
    return services.every(({ workers }) => workers >= slots);
  });
  return {
    endpoint,
    pid: child.pid!,
    client,
    connect: newClient,
    idle: () => until(async () => (await client.services()).slots.busy === 0 && (await client.jobs()).length === 0),
    async close() {
      await Promise.all(clients.map((one) => one.close()));
      // What is being written to the cache is finished first.
      await end(child, 'SIGTERM', closeMs);
    },
  };
}

export async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(pollMs);
}
