import { mkdir, readdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { CacheFolder } from '../../cache/folder.js';
import { type Measured, measureInput } from '../../cache/inputs.js';
import { Ledger } from '../../cache/ledger.js';
import { freshFolder, idA, idB } from './fixture.js';

describe('cache/ledger', () => {
  const folder = freshFolder();
  const root = () => join(folder(), 'cache');
  const entryPath = ({ id }: Measured) => join(root(), 'v1', 'ids', id);
  let ledger: Ledger;
  let file: Measured;
  beforeEach(async () => {
    ledger = new Ledger(new CacheFolder(root(), 0));
    await writeFile(join(folder(), 'file'), 'some bytes');
    file = await measureInput(Buffer.from(join(folder(), 'file')), undefined);
  });

  it('knows nothing at first', async () => {
    expect(await ledger.hashOf(file)).to.equal(null);
    expect(await ledger.hasHashedSize(file.size)).to.equal(false);
    expect(await ledger.entries()).to.deep.equal([]);
  });

  it('remembers a file state’s hash, for other processes too', async () => {
    expect(await ledger.record(file, idA)).to.equal('kept');
    const other = new Ledger(new CacheFolder(root(), 0));
    expect(await other.hashOf(file)).to.equal(idA);
    expect(await other.hashOf({ ...file, id: `~${'0'.repeat(32)}` })).to.equal(null);
    expect(await other.hashOf({ ...file, size: file.size + 1 })).to.equal(null);
    const [entry, ...none] = await other.entries();
    expect(none).to.deep.equal([]);
    expect({ ...entry, path: Buffer.from(entry!.path).toString() }).to.deep.equal({
      id: file.id,
      hash: idA,
      size: file.size,
      path: join(folder(), 'file'),
    });
  });

  it('knows the sizes of hashed files, and not those of files that are only noted', async () => {
    await ledger.note(file);
    expect(await ledger.hashOf(file)).to.equal(null);
    expect(await ledger.hasHashedSize(file.size)).to.equal(false);
    await ledger.record(file, idA);
    expect(await ledger.hasHashedSize(file.size)).to.equal(true);
    expect(await ledger.hasHashedSize(file.size + 1)).to.equal(false);
  });

  it('never lets a note replace a hash', async () => {
    await ledger.record(file, idA);
    await ledger.note(file);
    expect(await ledger.hashOf(file)).to.equal(idA);
  });

  it('takes a damaged entry for none and removes it, whichever bit and wherever it is cut', async () => {
    await ledger.record(file, idA);
    const good = await readFile(entryPath(file));
    for (let at = 0; at < good.length; at++) {
      const bytes = Buffer.from(good);
      bytes[at]! ^= 1 << (at % 8);
      await writeFile(entryPath(file), bytes);
      expect(await ledger.hashOf(file), `byte ${at}`).to.equal(null);
      await writeFile(entryPath(file), good);
      await truncate(entryPath(file), at);
      expect(await ledger.hashOf(file), `cut at ${at}`).to.equal(null);
      expect(await readdir(join(root(), 'v1', 'ids'))).to.deep.equal([]);
    }
  });

  it('takes an entry under another’s name, or a folder there, for none', async () => {
    await ledger.record(file, idA);
    const other = { ...file, id: `~${'1'.repeat(32)}` };
    await writeFile(entryPath(other), await readFile(entryPath(file)));
    expect(await ledger.hashOf(other)).to.equal(null);
    await mkdir(entryPath(other));
    expect(await ledger.hashOf(other)).to.equal(null);
    expect(await ledger.record(other, idB)).to.equal('kept');
    expect(await ledger.hashOf(other)).to.equal(idB);
  });

  it('marks an entry as used', async () => {
    await ledger.record(file, idA);
    await utimes(entryPath(file), 1000, 1000);
    await ledger.hashOf(file);
    expect((await stat(entryPath(file))).mtimeMs).to.be.greaterThan(1_000_000);
  });
});
