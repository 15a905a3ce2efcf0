import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { cacheRoot, checkCacheOptions, defaultBytesMax } from '../../cache/options.js';

describe('cache/options', () => {
  it('finds the root: the flag, the environment, the XDG folder, the home', () => {
    const env = { BINGLIDE_CACHE_DIR: '/b', XDG_CACHE_HOME: '/x' };
    expect(cacheRoot('/flag', env)).to.equal('/flag');
    expect(cacheRoot('relative', env)).to.equal(resolve('relative'));
    expect(cacheRoot(undefined, env)).to.equal('/b');
    expect(cacheRoot('', { ...env, BINGLIDE_CACHE_DIR: '' })).to.equal('/x/binglide');
    expect(cacheRoot(undefined, { XDG_CACHE_HOME: 'relative' })).to.equal(join(homedir(), '.cache', 'binglide'));
    expect(cacheRoot(undefined, {})).to.equal(join(homedir(), '.cache', 'binglide'));
  });

  it('takes at most 10 GiB, and asks the disk of a folder that is not there yet', () => {
    const bytesMax = defaultBytesMax('/nowhere/at/all');
    expect(bytesMax).to.be.within(0, 10 * 2 ** 30);
    expect(bytesMax).to.satisfy(Number.isSafeInteger);
  });

  it('fills in what is not given and names what is wrong', () => {
    const options = checkCacheOptions({ root: '/r', settleMs: 5 });
    expect(options).to.include({ root: '/r', settleMs: 5, memoryBytesMax: 32 * 2 ** 20, heldBytesMax: 32 * 2 ** 20 });
    for (const wrong of [-1, 0.5, Number.NaN, Infinity]) {
      expect(() => checkCacheOptions({ root: '/r', bytesMax: wrong })).to.throw(
        `cache option bytesMax is ${wrong}; it takes a whole number from 0`,
      );
    }
  });
});
