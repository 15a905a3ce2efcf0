/** Where the package lies on disk: specs run from any output folder and read the repository's own files. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function find(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) return dirname(realpathSync(file));
  }
  throw new Error('no package.json above the specs');
}

/** The folder of package.json, links resolved. */
export const packageRoot = find();
