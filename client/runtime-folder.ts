/** Where sockets of this user's processes live. */
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** The daemon's socket in it is `broker.sock`. */
export function runtimeFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.BINGLIDE_RUNTIME_DIR) return environment.BINGLIDE_RUNTIME_DIR;
  if (environment.XDG_RUNTIME_DIR) return join(environment.XDG_RUNTIME_DIR, 'binglide');
  return join(tmpdir(), `binglide-${userInfo().uid}`);
}
