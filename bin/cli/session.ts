/**
 * The broker that answers this command. It is looked for at --broker, $BINGLIDE_BROKER and in the user's runtime folder;
 * else one is started inside this process, with its slots. A given --broker is never replaced by another; a daemon that
 * was found may not serve a file's folder, and then that file is answered here.
 */
import { lstat } from 'node:fs/promises';
import { connect as connectTo, type NetConnectOpts } from 'node:net';
import { availableParallelism } from 'node:os';
import type { Client } from '../../client/index.js';
import { fail, isBinglideError } from '../../protocol/errors.js';
import { endThreads } from '../early-threads.js';
import { daemonEndpoint, runtimeFolder } from '../runtime-folder.js';

export interface Where {
  /** --broker: this one and no other. */
  readonly broker?: string;
  /** Belongs to an embedded broker; a daemon has its own. */
  readonly cacheDir?: string;
  /** Slots of an embedded broker; a daemon has its own. */
  readonly cores?: number;
  /** The workers are the caller's: no daemon is looked for, and an embedded broker has no slots. */
  readonly bringsWorkers?: boolean;
  /** What will be asked: an embedded broker's slots offer nothing else. Absent: anything. */
  readonly services?: readonly string[];
  /** Told when the broker that $BINGLIDE_BROKER names is passed over. */
  readonly tell?: (line: string) => void;
}

const probeMs = 500;

export class Session {
  readonly #where: Where;
  readonly #closers: (() => Promise<void>)[] = [];
  #embedded: Promise<Client> | null = null;

  private constructor(
    readonly client: Client,
    readonly endpoint: string,
    /** How the broker was come by. */
    readonly kind: 'given' | 'found' | 'embedded',
    where: Where,
  ) {
    this.#where = where;
  }

  /** With a daemon, or with a broker of its own; throws E_NO_BROKER where a given one does not answer. */
  static async open(where: Where): Promise<Session> {
    const daemon = await Session.openDaemon(where);
    if (daemon) {
      endThreads();
      return daemon;
    }
    const closers: (() => Promise<void>)[] = [];
    const { client, endpoint } = await startEmbedded(where, closers);
    const session = new Session(client, endpoint, 'embedded', where);
    session.#closers.push(...closers);
    session.#embedded = Promise.resolve(client);
    return session;
  }

  /** Null where no daemon answers. */
  static async openDaemon(where: Where): Promise<Session | null> {
    const endpoint = await findBroker(where);
    if (endpoint === null) return null;
    const { connect } = await import('../../client/index.js');
    try {
      const client = await connect({ endpoint });
      const session = new Session(client, endpoint, where.broker === undefined ? 'found' : 'given', where);
      session.#closers.push(() => client.close());
      return session;
    } catch (error) {
      // It may have gone since it was found.
      if (where.broker === undefined && isBinglideError(error) && error.code === 'E_NO_BROKER') return null;
      throw error;
    }
  }

  /** Slots at work, where they are ours to know. */
  get cores(): number | undefined {
    return this.kind === 'embedded' || this.#where.bringsWorkers ? coresOf(this.#where) : undefined;
  }

  /** May a file that the daemon does not serve be answered here instead? */
  get mayEmbed(): boolean {
    return this.kind === 'found' && !this.#where.bringsWorkers;
  }

  /** A broker of our own beside the daemon, started when first needed. */
  embedded(): Promise<Client> {
    this.#embedded ??= startEmbedded(this.#where, this.#closers).then(({ client }) => client);
    return this.#embedded;
  }

  async close(): Promise<void> {
    await this.#embedded?.catch(() => undefined);
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

export function coresOf({ cores }: Where): number {
  return cores ?? availableParallelism();
}

async function startEmbedded(
  where: Where,
  closers: (() => Promise<void>)[],
): Promise<{ readonly client: Client; readonly endpoint: string }> {
  const { startNode } = await import('../node.js');
  // The client is loaded while the slots are under way.
  const [node, { connect }] = await Promise.all([
    startNode({
      slots: where.bringsWorkers ? 0 : coresOf(where),
      brief: true,
      ...(where.services && { services: where.services }),
      ...(where.cacheDir !== undefined && { cacheDir: where.cacheDir }),
    }),
    import('../../client/index.js'),
  ]);
  closers.push(() => node.close());
  const client = await connect({ endpoint: node.endpoint });
  closers.push(() => client.close());
  return { client, endpoint: node.endpoint };
}

/** The endpoint of a daemon that seems to be there; null where this command is on its own. */
async function findBroker({ broker, cacheDir, cores, bringsWorkers, tell }: Where): Promise<string | null> {
  if (broker !== undefined) {
    if (cacheDir === undefined && cores === undefined) return checkEndpoint(broker);
    const option = cacheDir !== undefined ? '--cache-dir' : '--cores';
    throw fail('E_USAGE', `${option} is for a broker started here; leave it or --broker out`);
  }
  // Settings that a daemon would not follow ask for a broker of one's own.
  if (cacheDir !== undefined || cores !== undefined) return null;
  const named = process.env.BINGLIDE_BROKER;
  if (named && (await answers(checkEndpoint(named)))) return named;
  if (named) tell?.(`binglide: no broker at ${named} ($BINGLIDE_BROKER); going on without it`);
  return bringsWorkers ? null : findDaemon();
}

/** The daemon in the user's runtime folder, if one answers. */
export async function findDaemon(): Promise<string | null> {
  const folder = runtimeFolder();
  const stats = await lstat(folder).catch(() => null);
  // Whoever could write there could pose as the daemon.
  const isOurs = stats?.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0;
  if (!isOurs) return null;
  const endpoint = daemonEndpoint(folder);
  return (await answers(endpoint)) ? endpoint : null;
}

function checkEndpoint(endpoint: string): string {
  if (/^(ipc:\/\/.+|tcp:\/\/[^/]+:\d+)$/.test(endpoint)) return endpoint;
  throw fail('E_USAGE', `${endpoint} is no endpoint; write tcp://HOST:PORT or ipc:///path/to/broker.sock`);
}

/** Does anything accept connections there? Quick: a dead daemon's socket file refuses at once. */
async function answers(endpoint: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTo(addressOf(endpoint));
    const settle = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.setTimeout(probeMs, () => settle(false));
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
  });
}

function addressOf(endpoint: string): NetConnectOpts {
  if (endpoint.startsWith('ipc://')) return { path: endpoint.slice('ipc://'.length) };
  const [, host, port] = /^tcp:\/\/(.+):(\d+)$/.exec(endpoint)!;
  return { host: host!.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}
