/** A daemon whose slots serve the probes, and which sends only every second publication. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { end, start } from '../children.js';
import { type Daemon, startDaemon, until } from '../daemon.js';
import { probesModule, workerProgram } from '../places.js';
import type { Bench } from '../sections/section.js';
import { stampsVariable } from './stamps.js';

const slots = 2;

export interface ProbedDaemon extends Daemon {
  /** Where the slots leave their stamps. */
  readonly stampsFolder: string;
}

export async function startProbedDaemon(bench: Bench): Promise<ProbedDaemon> {
  const stampsFolder = join(bench.folder, 'stamps');
  await mkdir(stampsFolder, { recursive: true });
  const daemon = await startDaemon(bench, { slots: 0, publishOneIn: 2 });
  const args = [workerProgram, '--broker', daemon.endpoint, '--root', '/', '--module', probesModule, '--parent'];
  const workers = Array.from({ length: slots }, () =>
    start(process.execPath, args, {
      stdio: ['pipe', 'ignore', 'inherit'],
      env: { ...process.env, [stampsVariable]: stampsFolder },
    }),
  );
  await until(async () => {
    const { services } = await daemon.client.services();
    return services.length > 0 && services.every(({ workers }) => workers >= slots) && services.some(isProbe);
  });
  return {
    ...daemon,
    stampsFolder,
    async close() {
      await Promise.all(workers.map((worker) => end(worker)));
      await daemon.close();
    },
  };
}

const isProbe = ({ descriptor }: { readonly descriptor: { readonly name: string } }) => descriptor.name === 'HOLD';
