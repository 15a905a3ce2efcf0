/** Where the broker is when nobody says so: the environment, else the daemon in the user's runtime folder. */
import { lstat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { runtimeFolder } from './runtime-folder.js';

export type Place =
  /** Named by the caller or the environment: nothing else is tried. */
  | { readonly kind: 'given'; readonly endpoint: string }
  /** A daemon of this user seems to listen here. */
  | { readonly kind: 'daemon'; readonly endpoint: string }
  | { readonly kind: 'nowhere' };

/** A daemon of this machine takes a connection at once or not at all; a hung one is not waited for. */
const probeMs = 500;

export async function findBroker(endpoint: string | undefined, environment = process.env): Promise<Place> {
  const given = endpoint ?? environment.BINGLIDE_BROKER;
  if (given) return { kind: 'given', endpoint: given };
  const folder = runtimeFolder(environment);
  const socket = join(folder, 'broker.sock');
  const listens = (await isOurs(folder)) && (await accepts(socket));
  return listens ? { kind: 'daemon', endpoint: `ipc://${socket}` } : { kind: 'nowhere' };
}

/** A folder that somebody else made in a shared place may hold a broker that is not to be trusted. */
async function isOurs(folder: string): Promise<boolean> {
  try {
    const stats = await lstat(folder);
    return stats.isDirectory() && stats.uid === process.getuid?.();
  } catch {
    return false;
  }
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(probeMs, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
