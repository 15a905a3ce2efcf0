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
