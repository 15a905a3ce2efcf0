/** Other tools that answer a question of ours, as their users run them; those that are not installed are left out. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { command, said } from '../children.js';
import { isInstalled } from '../machine.js';
import type { Contender } from '../measure.js';
import { peerSource } from '../places.js';

/** Throws where a peer counted something else than binglide did. */
export type CheckCounts = (counts: readonly number[], who: string) => void;

async function ifThere(isThere: Promise<boolean>, contender: Contender): Promise<Contender[]> {
  return (await isThere) ? [contender] : [];
}

const hasPython = async (module: string) => (await said('python3', ['-c', `import ${module}`])) !== null;

/** Peers of HIST. */
export async function histogramTools(file: string, folder: string, check: CheckCounts): Promise<Contender[]> {
  // Ray puts sockets below it, whose paths may have 107 bytes.
  const rayFolder = join(folder, 'r');
  await mkdir(rayFolder, { recursive: true });
  const python = async (script: string, ...args: string[]) => {
    const { stdout } = await command('python3', ['-B', peerSource(script), file, ...args]);
    const { ms, counts } = JSON.parse(stdout.toString().trim().split('\n').at(-1)!);
    check(counts, script);
    return ms as number;
  };
  return (
    await Promise.all([
      ifThere(hasPython('numpy'), {
        name: 'NumPy bincount',
        how: 'pieces of 1 MiB, one process, timed after the imports',
        run: () => python('histogram.py'),
      }),
      ifThere(hasPython('dask'), {
        name: 'Dask',
        how: 'NumPy in delayed tasks of 64 MiB and their sum, 2 threads (faster here than processes or a local cluster); timed when warm: started, and the same computed once before',
        run: () => python('dask_histogram.py'),
      }),
      ifThere(hasPython('ray'), {
        name: 'Ray',
        how: 'NumPy in tasks of 64 MiB and their sum, num_cpus=2; timed when warm: started, and the same computed once before',
        run: () => python('ray_histogram.py', rayFolder),
      }),
      ifThere(isInstalled('ent'), {
        name: 'ent',
        how: '`ent FILE`: histogram, chi-square, mean, π, correlation',
        run: async () => (await command('ent', [file])).ms,
      }),
      ifThere(isInstalled('b3sum'), {
        name: 'b3sum',
        how: '`b3sum FILE`: counts nothing, an idea of how fast bytes can be read',
        run: async () => (await command('b3sum', [file])).ms,
      }),
    ])
  ).flat();
}

/** Peers of ENT. */
export async function entropyTools(file: string): Promise<Contender[]> {
  return (
    await Promise.all([
      ifThere(isInstalled('binwalk'), {
        name: 'binwalk',
        how: '`binwalk -E -N FILE`: 2048 blocks, no plot; one run, for it is slow',
        roundsMax: 1,
        run: async () => (await command('binwalk', ['-E', '-N', file])).ms,
      }),
      ifThere(isInstalled('radare2'), {
        name: 'radare2',
        how: '`radare2 -qc "p=e 1024" FILE`',
        run: async () => (await command('radare2', ['-qc', 'p=e 1024', file])).ms,
      }),
    ])
  ).flat();
}

/** Peers of DIFF; `check` is told how many bytes differ. */
export async function differenceTools(
  files: { readonly original: string; readonly changed: string; readonly copy: string },
  check: (changedBytes: number) => void,
): Promise<{ readonly list: Contender[]; readonly whole: Contender[] }> {
  const { original, changed, copy } = files;
  const isThere = isInstalled('cmp');
  return {
    list: await ifThere(isThere, {
      name: 'cmp -l',
      how: '`cmp -l A B | wc -l` (into /dev/null it would stop at the first difference)',
      async run() {
        // What cmp says by its exit code is lost in the pipe; a failure shows in the count.
        const { ms, stdout } = await command('sh', ['-c', 'cmp -l "$1" "$2" | wc -l', 'sh', original, changed]);
        check(Number(stdout.toString()));
        return ms;
      },
    }),
    whole: await ifThere(isThere, {
      name: 'cmp',
      how: '`cmp A COPY`: the files are equal, so it reads both whole',
      run: async () => (await command('cmp', [original, copy])).ms,
    }),
  };
}
