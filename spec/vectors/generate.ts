/**
 * Writes protocol/vectors anew: `node dist/spec/vectors/generate.js --write`, by hand, and the diff is reviewed: a vector
 * that changes is a wire that changes. Without the switch it names the files that differ.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../root.js';
import { allVectors } from './all.js';

const folder = join(packageRoot, 'protocol', 'vectors');
const write = process.argv.includes('--write');

for (const [file, text] of Object.entries(allVectors())) {
  let held = '';
  try {
    held = readFileSync(join(folder, file), 'utf8');
  } catch {
    // Not written yet.
  }
  if (held === text) continue;
  if (write) writeFileSync(join(folder, file), text);
  console.log(`${file} ${write ? 'written' : 'differs'}`);
  if (!write) process.exitCode = 1;
}
