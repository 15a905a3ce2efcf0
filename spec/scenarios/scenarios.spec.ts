/** Every golden script says today what it said when it was reviewed. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../root.js';
import { replay } from './script.js';

const folder = join(packageRoot, 'spec', 'scenarios');

describe('scenarios', () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
    it(name.replace('.txt', '').replaceAll('_', ' '), () => {
      const text = readFileSync(join(folder, name), 'utf8');
      const replayed = replay(text);
      if (process.env.UPDATE) writeFileSync(join(folder, name), replayed);
      else expect(replayed).to.equal(text);
    });
  }
});
