import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { CacheFolder } from '../../cache/folder.js';
import { measureInput } from '../../cache/inputs.js';
import { Ledger } from '../../cache/ledger.js';
import { collectGarbage, runSweep, type StepStats, verifyCache } from '../../cache/sweep.js';
import { freshFolder, idA, idB, kind, nameOf, partOf, provisionalA, provisionalB, storeIn } from './fixture.js';

const day = 86_400;

describe('cache/sweep', () => {
  const folder = freshFolder();
  const root = () => join(folder(), 'cache');
  const base = (...rest: string[]) => join(root(), 'v1', ...rest);
  const pathOf = (id: string, name: string) => base(id, kind.digest, name);
  const of = (stats: readonly StepStats[], step: string) => stats.find((each) => each.step === step)!;

  async function write(ids: readonly string[], start: number, agoSeconds = 0): Promise<string> {
    const name = nameOf(ids, start);
    await storeIn(root()).write(ids, kind, name, partOf(1, start));
    const then = Math.floor(Date.now() / 1000) - agoSeconds;
    await utimes(pathOf(ids[0]!, name), then, then);
    return name;
  }
  const recordA = async (hash: string, id = provisionalA) => {
    await writeFile(join(folder(), 'file'), 'x');
    const measured = await measureInput(Buffer.from(join(folder(), 'file')), undefined);
    await new Ledger(new CacheFolder(root(), 0)).record({ ...measured, id }, hash);
  };

  it('goes through its steps in order, on a cache that is not there too', async () => {
    expect((await collectGarbage(root(), 0)).map(({ step }) => step)).to.deep.equal([
      'tmp',
      'moves',
      'budget',
      'marks',
      'folders',
    ]);
    expect((await verifyCache(root())).map(({ step }) => step)).to.deep.equal([
      'damaged',
      'tmp',
      'moves',
      'marks',
      'folders',
    ]);
    expect(existsSync(root())).to.equal(false);
  });

  it('removes what dead writers left in tmp, and leaves the living theirs', async () => {
    await mkdir(base('tmp'), { recursive: true });
    const age = async (name: string, seconds: number) => {
      await writeFile(base('tmp', name), 'half a chunk');
      await utimes(base('tmp', name), Date.now() / 1000 - seconds, Date.now() / 1000 - seconds);
    };
    const dead = 2 ** 22 + 1;
    await age(`${dead}.just-died`, 1);
    await age(`${dead}.died`, 120);
    await age(`${process.pid}.writing`, 120);
    await age(`${process.pid}.forgotten`, 2 * 3600);
    const { looked, removed } = of(await collectGarbage(root(), 2 ** 40), 'tmp');
    expect({ looked, removed }).to.deep.equal({ looked: 4, removed: 2 });
    expect((await readdir(base('tmp'))).sort()).to.deep.equal([`${dead}.just-died`, `${process.pid}.writing`].sort());
  });

  describe('budget', () => {
    it('lets the oldest go until the rest fits, whoever’s they are', async () => {
      const names = [];
      for (let i = 0; i < 6; i++) names.push(await write([i % 2 === 0 ? idA : idB], i * 8192, (i + 1) * day));
      const { size } = await stat(pathOf(idA, names[0]!));
      expect(size).to.be.lessThan(4096);
      const { looked, removed, bytes, bytesFreed } = of(await collectGarbage(root(), 3 * 4096), 'budget');
      expect({ looked, removed, bytes, bytesFreed }).to.deep.equal({
        looked: 6,
        removed: 3,
        bytes: 6 * 4096,
        bytesFreed: 3 * 4096,
      });
      const left = [...(await readdir(base(idA, kind.digest))), ...(await readdir(base(idB, kind.digest)))];
      expect(left.sort()).to.deep.equal(names.slice(0, 3).sort());
    });

    it('takes only as many of one second’s files as it must', async () => {
      for (let i = 0; i < 5; i++) await write([idA], i * 8192, day);
      expect(of(await collectGarbage(root(), 2 * 4096), 'budget').removed).to.equal(3);
      expect(await readdir(base(idA, kind.digest))).to.have.length(2);
    });

    it('does nothing within it, and empties everything at 0, folders and ledger too', async () => {
      await write([idA], 0);
      await recordA(idB);
      expect(of(await collectGarbage(root(), 2 * 4096), 'budget').removed).to.equal(0);
      expect(of(await collectGarbage(root(), 0), 'budget').removed).to.equal(2);
      expect((await readdir(base())).sort()).to.deep.equal(['ids', 'sizes', 'tmp']);
    });

    it('spares a chunk that was just read', async () => {
      const old = await write([idA], 0, 2 * day);
      await write([idA], 8192, day);
      await storeIn(root()).read([idA], kind, old);
      await collectGarbage(root(), 4096);
      expect(await readdir(base(idA, kind.digest))).to.deep.equal([old]);
    });
  });

  describe('late moves', () => {
    it('gives the hash to chunks written under the provisional id, pairs in others’ folders too', async () => {
      await write([provisionalA], 0);
      await write([idB, provisionalA], 0);
      await write([provisionalA, provisionalB], 0);
      await write([provisionalB], 0);
      await recordA(idA);
      const { moved } = of(await collectGarbage(root(), 2 ** 40), 'moves');
      expect(moved).to.equal(3);
      const store = storeIn(root());
      expect(await store.read([idA], kind, nameOf([idA]))).to.deep.equal(partOf());
      expect(await store.read([idB, idA], kind, nameOf([idB, idA]))).to.deep.equal(partOf());
      expect(await store.list([idA, provisionalB], kind.digest)).to.have.length(1);
      expect(await store.list([provisionalB], kind.digest)).to.have.length(1);
      expect(existsSync(base(provisionalA))).to.equal(false);
      expect(of(await collectGarbage(root(), 2 ** 40), 'moves').moved).to.equal(0);
    });
  });

  describe('verify', () => {
    it('reads everything, and removes what is damaged or no chunk', async () => {
      const good = await write([idA], 0);
      const cut = await write([idA], 8192);
      const flipped = await write([idB], 0);
      await truncate(pathOf(idA, cut), 200);
      const bytes = await readFile(pathOf(idB, flipped));
      bytes[bytes.length - 1]! ^= 1;
      await writeFile(pathOf(idB, flipped), bytes);
      await writeFile(pathOf(idA, 'README'), 'hello');
      await writeFile(pathOf(idA, nameOf([idB], 8192)), await readFile(pathOf(idA, good)));
      await mkdir(pathOf(idA, nameOf([idA], 16_384)));
      await recordA(idA);
      await writeFile(base('ids', provisionalB), 'nothing of ours');
      const { removed } = of(await verifyCache(root()), 'damaged');
      expect(removed).to.equal(5);
      expect(await readdir(base(idA, kind.digest))).to.deep.equal([good]);
      expect(existsSync(base(idB))).to.equal(false);
      expect(await readdir(base('ids'))).to.deep.equal([provisionalA]);
      expect(of(await verifyCache(root()), 'damaged').removed).to.equal(0);
    });
  });

  it('removes size marks that no hashed file has, once they are old enough', async () => {
    await recordA(idA);
    await writeFile(base('sizes', '77'), '');
    await writeFile(base('sizes', '88'), '');
    await utimes(base('sizes', '88'), 1000, 1000);
    await utimes(base('sizes', '1'), 1000, 1000);
    expect(of(await collectGarbage(root(), 2 ** 40), 'marks').removed).to.equal(1);
    expect((await readdir(base('sizes'))).sort()).to.deep.equal(['1', '77']);
  });

  it('bears it that readers, writers and other sweeps go on meanwhile', async () => {
    await recordA(idA);
    const store = storeIn(root());
    const work = [];
    for (let i = 0; i < 60; i++) {
      const at = (i % 20) * 8192;
      work.push(store.write([provisionalA], kind, nameOf([provisionalA], at), partOf(1, at)));
      work.push(store.read([idA], kind, nameOf([idA], at)));
      if (i % 6 === 0) work.push(collectGarbage(root(), 8 * 4096), verifyCache(root()));
    }
    await Promise.all(work);
    const [after] = [await verifyCache(root())];
    expect(of(after, 'damaged').removed).to.equal(0);
    for (const name of await store.list([idA], kind.digest)) {
      expect(await store.read([idA], kind, name), name).to.not.equal(undefined);
    }
  });

  it('can be broken off between files', async () => {
    await write([idA], 0);
    const sweepFolder = new CacheFolder(root(), 0);
    const signal = AbortSignal.abort();
    const sweep = { folder: sweepFolder, ledger: new Ledger(sweepFolder), bytesMax: 0, now: Date.now(), signal };
    expect(await runSweep(sweep)).to.deep.equal([]);
    expect(await readdir(base(idA, kind.digest))).to.have.length(1);
  });
});
