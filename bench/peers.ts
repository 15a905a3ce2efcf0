/** The peers, as far as they are installed: each runs as its own users run it, and its answer is not looked at here. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mixBytes } from './corpus.js';
import { type Contender, command, isThere } from './measure.js';

const source = (name: string) => fileURLToPath(new URL(`../../bench/peers/${name}`, import.meta.url));

/** The C loop comes first: it is what ratios are against. */
export async function histogramPeers(file: string, folder: string): Promise<Contender[]> {
  const peers: Contender[] = [];
  const loop = join(folder, 'histogram');
  if (await isThere('cc', ['-O3', '-march=native', '-o', loop, source('histogram.c')])) {
    const half = String(mixBytes / 2);
    peers.push({
      name: '8-table loop in C, two processes',
      note: 'cc -O3 -march=native, one on each half, both at once',
      async run() {
        const begun = performance.now();
        await Promise.all([command(loop, [file, '0', half]), command(loop, [file, half, String(mixBytes)])]);
        return performance.now() - begun;
      },
    });
  }
  const python = 'python3';
  if (await isThere(python, ['-c', 'import numpy'])) {
    peers.push({
      name: 'NumPy bincount',
      note: 'pieces of 1 MiB, one process',
      run: async () => (await command(python, [source('histogram.py'), file])).ms,
    });
  }
  if (await isThere('sh', ['-c', 'command -v ent'])) {
    peers.push({ name: 'ent', note: 'ent FILE', run: async () => (await command('ent', [file])).ms });
  }
  return peers;
}
