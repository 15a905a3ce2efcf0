/**
 * Where sockets live: the user's runtime folder (mode 0700, ours alone), and in it one folder a private node. Folders of
 * nodes that died without tidying up are removed by the next one.
 */
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtimeFolder } from '../client/runtime-folder.js';
import { fail } from '../protocol/errors.js';

export { runtimeFolder };

/** A socket's path has at most so many bytes (sun_path, less the final NUL), and this is its longest name here. */
const socketPathMax = 107;
const longestSocketName = '/broker.sock';

/** Where a daemon of this user listens unless told otherwise. */
export function daemonEndpoint(folder = runtimeFolder()): string {
  return `ipc://${join(folder, 'broker.sock')}`;
}

/** Makes the folder, or takes the one that is there if it is ours alone; throws E_ACCESS. */
export async function ownFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const stats = await lstat(folder);
  const uid = process.getuid?.();
  if (!stats.isDirectory() || (uid !== undefined && stats.uid !== uid)) {
    throw fail('E_ACCESS', `${folder} is not a folder of this user; set BINGLIDE_RUNTIME_DIR to one that is`);
  }
  if ((stats.mode & 0o077) !== 0) await chmod(folder, 0o700);
  return folder;
}

/** A fresh folder for one private node. */
export async function privateFolder(): Promise<string> {
  const name = `node-${process.pid}-${randomBytes(3).toString('hex')}`;
  const folder = join(runtimeFolder(), name);
  if (folder.length + longestSocketName.length > socketPathMax) return mkdtemp('/tmp/binglide-');
  try {
    await ownFolder(runtimeFolder());
    void removeDeadNodes(runtimeFolder());
    return await ownFolder(folder);
  } catch {
    return mkdtemp(join(tmpdir(), 'binglide-'));
  }
}

async function removeDeadNodes(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = Number(/^node-(\d+)-/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
