import { copyFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { listCache, removeFromCache } from '../../cache/contents.js';
import { CacheFolder } from '../../cache/folder.js';
import { type Measured, measureInput } from '../../cache/inputs.js';
import { Ledger } from '../../cache/ledger.js';
import { freshFolder, idA, idB, kind, nameOf, partOf, storeIn } from './fixture.js';

describe('cache/contents', () => {
  const folder = freshFolder();
  const root = () => join(folder(), 'cache');
  const at = (name: string) => join(folder(), name);
  const ledger = () => new Ledger(new CacheFolder(root(), 0));

  async function fileOf(name: string, content = name): Promise<Measured> {
    await writeFile(at(name), content);
    return measureInput(Buffer.from(at(name)), undefined);
  }
  async function write(ids: readonly string[], start = 0, service = 'SUM'): Promise<void> {
    await storeIn(root()).write(ids, { ...kind, service }, nameOf(ids, start, start + 8192, service), partOf(1, start));
  }
  const shown = async () =>
    (await listCache(root())).map(({ id, paths, size, services, chunks, bytes }) => ({
      id,
      paths: paths.map((path) => Buffer.from(path).toString()),
      size,
      services: Object.fromEntries(services),
      chunks,
      bytes,
    }));

  it('lists nothing where nothing is', async () => {
    expect(await listCache(root())).to.deep.equal([]);
  });

  it('lists what each content has, where it was seen and by which services, the least lately used first', async () => {
    const one = await fileOf('one');
    const two = await fileOf('two, not hashed');
    await copyFile(at('one'), at('copy'));
    const copy = await measureInput(Buffer.from(at('copy')), undefined);
    await ledger().record(one, idA);
    await ledger().record(copy, idA);
    await ledger().note(two);
    await write([idA], 0);
    await write([idA], 8192);
    await write([idA, two.id], 0, 'DIF');
    await write([two.id], 0);
    await write([idB], 0);
    await utimes(join(root(), 'v1', two.id, kind.digest, nameOf([two.id])), 1000, 1000);
    const all = await shown();
    expect(all[0]).to.deep.equal({
      id: two.id,
      paths: [at('two, not hashed')],
      size: 15,
      services: { SUM: 1 },
      chunks: 1,
      bytes: 4096,
    });
    const a = all.find(({ id }) => id === idA)!;
    expect({ ...a, paths: a.paths.sort() }).to.deep.equal({
      id: idA,
      paths: [at('copy'), at('one')],
      size: 3,
      services: { SUM: 2, DIF: 1 },
      chunks: 3,
      bytes: 3 * 4096,
    });
    expect(all.find(({ id }) => id === idB)).to.deep.include({ paths: [], size: null, chunks: 1 });
    expect((await listCache(root()))[0]!.usedMs).to.equal(1000_000);
  });

  it('removes a file’s chunks under both ids, and its pairs wherever they lie', async () => {
    const one = await fileOf('one');
    await ledger().record(one, idA);
    await write([idA]);
    await write([one.id]);
    await write([idB]);
    await write([idB, idA]);
    await write([idB, one.id]);
    await symlink(at('one'), at('link'));
    expect(await removeFromCache(root(), at('link'))).to.deep.equal({ chunks: 4, bytes: 4 * 4096 });
    expect((await shown()).map(({ id, chunks }) => [id, chunks])).to.deep.equal([[idB, 1]]);
    expect(await ledger().hashOf(one)).to.equal(null);
    expect(await removeFromCache(root(), at('one'))).to.deep.equal({ chunks: 0, bytes: 0 });
  });

  it('removes what the file was before it changed, and of one that is gone', async () => {
    const before = await fileOf('file', 'before');
    await ledger().record(before, idA);
    await write([idA]);
    const after = await fileOf('file', 'and after');
    await write([after.id]);
    expect(await removeFromCache(root(), at('file'))).to.deep.equal({ chunks: 2, bytes: 2 * 4096 });
    const gone = await fileOf('gone');
    await ledger().note(gone);
    await write([gone.id]);
    await rm(at('gone'));
    expect(await removeFromCache(root(), at('gone'))).to.deep.equal({ chunks: 1, bytes: 4096 });
    expect(await readdir(join(root(), 'v1', 'ids'))).to.deep.equal([]);
  });

  it('never touches the file itself', async () => {
    await fileOf('file', 'precious');
    await removeFromCache(root(), at('file'));
    expect((await measureInput(Buffer.from(at('file')), undefined)).size).to.equal(8);
  });
});
