/** Our broker daemon without workers, its socket in a folder of mode 0700; the folder goes with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../root.js';

export class BrokerDaemon {
  private constructor(
    readonly endpoint: string,
    readonly child: ChildProcess,
    readonly folder: string,
  ) {}

  static async start(heartbeatMs: number): Promise<BrokerDaemon> {
    const folder = await mkdtemp(join(tmpdir(), 'binglide-conform-spec-'));
    await mkdir(join(folder, 'sockets'), { mode: 0o700 });
    const endpoint = `ipc://${join(folder, 'sockets', 'b')}`;
    const flags = ['--bind', endpoint, '--root', tmpdir(), '--cache-dir', join(folder, 'cache'), '--cores', '0'];
    const program = join(packageRoot, 'dist', 'bin', 'binglide-broker.js');
    const child = spawn(process.execPath, [program, ...flags, '--heartbeat', `${heartbeatMs}`, '--parent'], {
      env: { ...process.env, BINGLIDE_RUNTIME_DIR: join(folder, 'run') },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(createInterface(child.stdout!), 'line');
    return new BrokerDaemon(endpoint, child, folder);
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'close');
    this.child.kill();
    await ended;
    await rm(this.folder, { recursive: true });
  }
}
