// After the compiler: each program and thread as one file in dist/bundle, which node loads in half the time of the many
// that it is made of. Files that are looked for beside a module (another program, a thread, the kernels) stand there too.
import { join } from 'node:path';
import { root, run } from './npm-common.mjs';

const dist = (path) => join(root, 'dist', path);
const files = [
  'bin/binglide.js',
  'bin/binglide-broker.js',
  'bin/binglide-worker.js',
  'bin/binglide-conform.js',
  'bin/ts-loader.js',
  'bin/ts-hooks.js',
  'workers/compute.js',
  'workers/kernels/kernels.wasm',
  'cache/hash-thread.js',
];
// Native code stays where it was installed. The class of errors stays the one that authors of services throw.
const outside = ['zeromq', 'blake3', '@napi-rs/blake-hash', dist('protocol/errors.js')];
// Packages of the older kind ask for node's own modules so.
const banner =
  "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);";
const status = run(join(root, 'node_modules', '.bin', 'esbuild'), [
  ...files.map(dist),
  ...outside.map((name) => `--external:${name}`),
  `--banner:js=${banner}`,
  `--outdir=${dist('bundle')}`,
  '--entry-names=[name]',
  '--bundle',
  '--format=esm',
  '--platform=node',
  '--target=node20',
  '--loader:.wasm=copy',
  '--log-level=warning',
]);
process.exit(status);
