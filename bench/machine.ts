/** What the figures were measured on, and with: the machine and the versions of peers. */
import { cpus, release, totalmem, type } from 'node:os';
import { said } from './children.js';

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly node: string;
  /** Null: not installed, and left out. */
  readonly peers: { readonly [name: string]: string | null };
}

const firstLine = (text: string | null) => text?.split('\n', 1)[0] || (text === null ? null : 'installed');

const python = (name: string) => said('python3', ['-c', `import ${name}; print(${name}.__version__)`]);

/** Each says its version in a way of its own; `ent` and `binwalk` keep it to themselves or to their help. */
const askers: { readonly [peer: string]: () => Promise<string | null> } = {
  cc: async () => firstLine(await said('cc', ['--version'])) ?? null,
  ent: async () => ((await isInstalled('ent')) ? 'installed' : null),
  b3sum: async () => firstLine(await said('b3sum', ['--version'])) ?? null,
  cmp: async () => firstLine(await said('cmp', ['--version'])) ?? null,
  binwalk: async () => /v[\d.]+/.exec((await said('binwalk', ['--help'])) ?? '')?.[0] ?? null,
  radare2: async () => firstLine(await said('radare2', ['-v'])) ?? null,
  python: async () => said('python3', ['--version']),
  numpy: () => python('numpy'),
  dask: () => python('dask'),
  ray: () => python('ray'),
};

export async function isInstalled(program: string): Promise<boolean> {
  return (await said('sh', ['-c', `command -v ${program}`])) !== null;
}

export async function machine(): Promise<Machine> {
  const names = Object.keys(askers);
  const versions = await Promise.all(names.map((name) => askers[name]!()));
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    peers: Object.fromEntries(names.map((name, i) => [name, versions[i] ?? null])),
  };
}

export function machineText({ processor, processors, memoryGib, system, node, peers }: Machine): string {
  const there = Object.entries(peers).filter(([, version]) => version !== null);
  const missing = Object.entries(peers).filter(([, version]) => version === null);
  const list = there.map(([name, version]) => `${name}: ${version}`).join('; ');
  return [
    `Machine: ${processor}, ${processors} processors, ${memoryGib} GiB, ${system}, Node ${node}.`,
    `Peers: ${list || 'none'}.`,
    ...(missing.length > 0 ? [`Not installed: ${missing.map(([name]) => name).join(', ')}.`] : []),
  ].join('\n');
}
