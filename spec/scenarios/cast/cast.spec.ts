/** Golden scenarios in which the real cores of broker, workers and clients play together: each script comes to what stands in it. `UPDATE=1` writes down what comes now. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../root.js';
import { play } from './script.js';

const folder = join(packageRoot, 'spec', 'scenarios', 'cast');

describe('scenarios with the whole cast', () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    it(text.slice(2, text.indexOf('\n')), () => {
      const played = play(text);
      if (process.env.UPDATE === '1') writeFileSync(path, played);
      else expect(played).to.equal(text);
    });
  }
});
