// What `npm start` and `npm test` share: plain JavaScript, because it runs before anything is installed or built.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = ['protocol', 'cache', 'broker', 'workers', 'client', 'bin', 'spec', 'bench'];

/** What is bundled as scripts, from what the compiler made: the command line, and the thread that computes for it. */
export const scripts = [
  { name: 'program', file: 'bin/cli/program.js', exported: 'main' },
  { name: 'compute', file: 'workers/compute.js' },
];
export const dist = (path) => join(root, 'dist', path);
export const bundled = (name) => dist(join('bundle', name));

/** Says which Node is needed, and ends, where this one is too old. */
export function requireNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const needed = engines.node.replace('>=', '').split('.').map(Number);
  const here = process.versions.node.split('.').map(Number);
  const isOld = here[0] < needed[0] || (here[0] === needed[0] && here[1] < needed[1]);
  if (!isOld) return;
  process.stderr.write(`binglide: this is Node ${process.versions.node}; it needs ${needed.join('.')} or newer\n`);
  process.exit(1);
}

/** Runs a command with its chatter on stderr, so that stdout belongs to the main job alone. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (error) throw error;
  return status ?? 1;
}

function must(command, args) {
  const status = run(command, args);
  if (status !== 0) process.exit(status);
}

/** Dependencies as the lock file has them; nothing where they are there already. */
export function install() {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const mark = join(root, 'node_modules', '.binglide-lock');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return;
  process.stderr.write('binglide: installing dependencies …\n');
  must('npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error']);
  writeFileSync(mark, lock);
}

/** Compiles the kernels to WebAssembly where one of their sources is newer. */
function buildKernels() {
  const assembly = join(root, 'workers', 'kernels', 'assembly');
  const module = join(root, 'dist', 'workers', 'kernels', 'kernels.wasm');
  if (existsSync(module) && newest([assembly]) <= statSync(module).mtimeMs) return;
  process.stderr.write('binglide: building kernels …\n');
  const compiler = join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js');
  must(process.execPath, [compiler, '--config', join(assembly, 'asconfig.json')]);
}

/** Compiles where a source is newer than the last build. */
export function build() {
  buildKernels();
  const mark = join(root, 'dist', '.built');
  if (existsSync(mark) && newest(sources.map((name) => join(root, name))) <= statSync(mark).mtimeMs) return;
  process.stderr.write('binglide: building …\n');
  must(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json']);
  must(process.execPath, [join(root, 'bin', 'npm-bundle.mjs')]);
  must(process.execPath, [join(root, 'bin', 'npm-code.mjs')]);
  writeFileSync(mark, '');
}

function newest(paths) {
  let time = statSync(join(root, 'package-lock.json')).mtimeMs;
  for (const path of paths) {
    if (!existsSync(path)) continue;
    time = Math.max(time, statSync(path).mtimeMs);
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const inside = join(path, entry.name);
      time = Math.max(time, entry.isDirectory() ? newest([inside]) : statSync(inside).mtimeMs);
    }
  }
  return time;
}
