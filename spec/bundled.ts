/** The programs as they are shipped, each in one file: made of what was compiled last, once a run. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from './root.js';

let isMade = false;

export function bundled(name: string): string {
  if (!isMade) execFileSync(process.execPath, [join(packageRoot, 'bin', 'npm-bundle.mjs')]);
  isMade = true;
  return join(packageRoot, 'dist', 'bundle', name);
}
