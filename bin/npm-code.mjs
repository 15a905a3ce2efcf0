// After bundling: has the programs do what they are mostly asked for, and keeps what V8 made of them meanwhile beside
// them (bin/launch.ts). Nothing is lost where that fails: they compile as ever.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundled, root, run, scripts } from './npm-common.mjs';

const mib = 2 ** 20;
/** Enough for samples, and for their pictures before the exact one. */
const fileBytes = 256 * mib;
const program = bundled('binglide.js');

const folder = mkdtempSync(join(tmpdir(), 'binglide-code-'));
try {
  for (const { name } of scripts) rmSync(bundled(`${name}.code`), { force: true });
  const file = join(folder, 'file.bin');
  writeFileSync(file, contents());
  const keep = JSON.stringify(join(root, 'bin', 'npm-code-keep.cjs'));
  const env = {
    ...process.env,
    BINGLIDE_RUNTIME_DIR: folder,
    BINGLIDE_BROKER: '',
    // Processes that a program starts keep theirs too.
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require ${keep}`,
  };
  const ask = (...args) =>
    run(process.execPath, [program, ...args, '--ndjson'], { env, stdio: ['ignore', 'ignore', 2] });
  const own = ['--cache-dir', join(folder, 'cache')];
  ask('ent', '--cells', '1024', ...own, file);
  for (const command of ['hist', 'class', 'digram', 'stats']) ask(command, ...own, file);
  ask('diff', ...own, file, file);
  const daemon = spawn(process.execPath, [program, 'up', ...own, folder], { env, stdio: ['ignore', 'pipe', 2] });
  const ended = once(daemon, 'exit');
  await Promise.race([once(daemon.stdout, 'data'), ended]);
  ask('ent', file);
  daemon.kill('SIGINT');
  await ended;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Zeros, and between them more and more of everything else. */
function contents() {
  const bytes = Buffer.alloc(fileBytes);
  for (let i = 0; i < fileBytes / 4; i += 1 + (i % 7)) bytes.writeUInt32LE((i * 2654435761) >>> 0, 4 * i);
  return bytes;
}
