// After bundling: has the command line do what it is mostly asked for, and keeps what V8 made of it meanwhile beside the
// scripts (bin/launch.ts). Nothing is lost where that fails: they compile as ever.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundled, dist, root, run, scripts } from './npm-common.mjs';

const mib = 2 ** 20;
/** Enough for samples, and for their pictures before the exact one. */
const fileBytes = 256 * mib;
const askMs = 60_000;

let folder;
try {
  for (const { name } of scripts) rmSync(bundled(`${name}.code`), { force: true });
  folder = mkdtempSync(join(tmpdir(), 'binglide-code-'));
  practise(folder);
} catch (error) {
  process.stderr.write(`binglide: programs start without V8's code, and take longer: ${error.message}\n`);
} finally {
  if (folder) rmSync(folder, { recursive: true, force: true });
  // Of one that ended in the middle.
  for (const name of readdirSync(dist('bundle'))) if (/\.code\.\d/.test(name)) rmSync(bundled(name), { force: true });
}

function practise(place) {
  const file = join(place, 'file.bin');
  writeFileSync(file, contents());
  const keep = ['--require', join(root, 'bin', 'npm-code-keep.cjs')];
  const env = { ...process.env, BINGLIDE_RUNTIME_DIR: place, BINGLIDE_BROKER: '' };
  const ask = (...args) => {
    const all = [...keep, bundled('binglide.js'), ...args, '--ndjson', '--cache-dir', join(place, 'cache')];
    const status = run(process.execPath, all, { env, stdio: ['ignore', 'ignore', 2], timeout: askMs });
    if (status !== 0) throw new Error(`binglide ${args[0]} ended with ${status}`);
  };
  ask('ent', '--cells', '1024', file);
  for (const command of ['hist', 'class', 'digram', 'stats']) ask(command, file);
  ask('diff', file, file);
}

/** Zeros, and between them more and more of everything else. */
function contents() {
  const bytes = Buffer.alloc(fileBytes);
  for (let i = 0; i < fileBytes / 4; i += 1 + (i % 7)) bytes.writeUInt32LE((i * 2654435761) >>> 0, 4 * i);
  return bytes;
}
