import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import type { ChunkStore } from '../../cache/store.js';
import {
  childOf,
  freshFolder,
  idA,
  idB,
  inChild,
  kind,
  nameOf,
  partOf,
  provisionalA,
  provisionalB,
  storeIn,
  wideKind,
} from './fixture.js';

describe('cache/store', () => {
  const folder = freshFolder();
  const root = () => join(folder(), 'cache');
  const pathOf = (id: string, name: string) => join(root(), 'v1', id, kind.digest, name);
  const name = nameOf([idA]);
  let store: ChunkStore;
  beforeEach(() => {
    store = storeIn(root());
  });

  it('gives back what was written, also to another store on the same root', async () => {
    expect(await store.write([idA], kind, name, partOf())).to.equal('kept');
    for (const reader of [store, storeIn(root())]) {
      expect(await reader.list([idA], kind.digest)).to.deep.equal([name]);
      expect(await reader.read([idA], kind, name)).to.deep.equal(partOf());
    }
  });

  it('lies where the layout says, in folders of mode 0700 and files of 0600, and leaves nothing in tmp', async () => {
    await store.write([idA], kind, name, partOf());
    const modes = await Promise.all(
      [root(), join(root(), 'v1'), dirname(pathOf(idA, name)), pathOf(idA, name)].map(
        async (path) => (await stat(path)).mode & 0o777,
      ),
    );
    expect(modes).to.deep.equal([0o700, 0o700, 0o700, 0o600]);
    expect(await readdir(join(root(), 'v1', 'tmp'))).to.deep.equal([]);
  });

  it('holds nothing where there is no folder, and reading makes none', async () => {
    expect(await store.list([idA], kind.digest)).to.deep.equal([]);
    expect(await store.read([idA], kind, name)).to.equal(undefined);
    expect(existsSync(root())).to.equal(false);
    expect(store.counts).to.deep.equal({ hits: 0, misses: 1, damaged: 0, kept: 0, full: 0, refused: 0 });
  });

  it('lists the chunks of exactly these inputs, and no strangers', async () => {
    const pair = nameOf([idA, idB]);
    await store.write([idA], kind, name, partOf());
    await store.write([idA, idB], kind, pair, partOf());
    await writeFile(pathOf(idA, 'README'), 'not a chunk');
    await writeFile(pathOf(idA, `SUM_${idA}.00_8192`), 'a name that nobody writes so');
    expect(await store.list([idA], kind.digest)).to.deep.equal([name]);
    expect(await store.list([idA, idB], kind.digest)).to.deep.equal([pair]);
    expect(await store.list([idA, idA], kind.digest)).to.deep.equal([]);
    expect(await store.list([idA], 'fedcba9876543210')).to.deep.equal([]);
  });

  it('replaces a chunk that is there already: nobody may have noticed yet that it is damaged', async () => {
    await store.write([idA], kind, name, partOf());
    await truncate(pathOf(idA, name), 10);
    expect(await storeIn(root()).write([idA], kind, name, partOf())).to.equal('kept');
    expect(await store.read([idA], kind, name)).to.deep.equal(partOf());
  });

  it('lets many writers of one name end with one whole file', async () => {
    const stores = Array.from({ length: 8 }, () => storeIn(root()));
    const outcomes = await Promise.all(stores.map((each) => each.write([idA], kind, name, partOf())));
    expect(outcomes).to.deep.equal(Array(8).fill('kept'));
    expect(await store.read([idA], kind, name)).to.deep.equal(partOf());
    expect(await readdir(join(root(), 'v1', 'tmp'))).to.deep.equal([]);
  });

  describe('damage is a miss, and is removed', () => {
    async function damaged(damage: (path: string, bytes: Buffer) => Promise<unknown>, what: string): Promise<void> {
      await store.write([idA], kind, name, partOf());
      const path = pathOf(idA, name);
      await damage(path, await readFile(path));
      expect(await store.read([idA], kind, name), what).to.equal(undefined);
      expect(existsSync(path), what).to.equal(false);
    }

    it('whichever byte is flipped', async () => {
      await store.write([idA], kind, name, partOf());
      const { length } = await readFile(pathOf(idA, name));
      for (let at = 0; at < length; at++) {
        await damaged((path, bytes) => {
          bytes[at]! ^= 1 << (at % 8);
          return writeFile(path, bytes);
        }, `byte ${at}`);
      }
      expect(store.counts.damaged).to.equal(length);
    });

    it('wherever the file ends too early', async () => {
      await store.write([idA], kind, name, partOf());
      const { length } = await readFile(pathOf(idA, name));
      for (let at = 0; at < length; at++) await damaged((path) => truncate(path, at), `cut at ${at}`);
    });

    it('when something stands behind its end', async () => {
      await damaged((path, bytes) => writeFile(path, Buffer.concat([bytes, Buffer.alloc(1)])), 'one byte more');
      await damaged((path, bytes) => writeFile(path, Buffer.concat([bytes, bytes])), 'twice');
    });

    it('when it is whole but another chunk’s', async () => {
      const other = nameOf([idA], 8192);
      await store.write([idA], kind, other, partOf(1, 8192));
      const bytes = await readFile(pathOf(idA, other));
      await damaged((path) => writeFile(path, bytes), 'another span');
      await store.write([idA], { ...kind, service: 'SUN' }, nameOf([idA], 0, 8192, 'SUN'), partOf());
      const stranger = await readFile(pathOf(idA, nameOf([idA], 0, 8192, 'SUN')));
      await damaged((path) => writeFile(path, stranger), 'another service');
    });

    it('when it is a folder or a link', async () => {
      const path = pathOf(idA, name);
      await mkdir(path, { recursive: true });
      expect(await store.read([idA], kind, name)).to.equal(undefined);
      expect(existsSync(path)).to.equal(false);
      const outside = join(folder(), 'outside');
      await writeFile(outside, 'precious');
      await symlink(outside, path);
      expect(await store.read([idA], kind, name)).to.equal(undefined);
      expect(await readdir(dirname(path))).to.deep.equal([]);
      expect(await readFile(outside, 'utf8')).to.equal('precious');
    });

    it('when the fields are of another shape or the version is another', async () => {
      const reshaped = { ...kind, fields: [{ ...kind.fields[0]!, shape: [2] }, kind.fields[1]!] };
      const renamed = { ...kind, fields: [{ ...kind.fields[0]!, name: 'other' }, kind.fields[1]!] };
      for (const asked of [reshaped, renamed, { ...kind, version: 2 }]) {
        await store.write([idA], kind, name, partOf());
        expect(await store.read([idA], asked, name)).to.equal(undefined);
        expect(existsSync(pathOf(idA, name))).to.equal(false);
      }
    });

    it('when it does not lie on the span that is asked for', async () => {
      const { start, end, cellBytes } = partOf();
      await store.write([idA], kind, name, partOf());
      expect(await store.read([idA], kind, name, { start, end, cellBytes })).to.deep.equal(partOf());
      for (const span of [
        { start, end: end - 1, cellBytes },
        { start, end, cellBytes: 8192 },
      ]) {
        await store.write([idA], kind, name, partOf());
        expect(await store.read([idA], kind, name, span)).to.equal(undefined);
      }
    });

    it('and written anew it is there again', async () => {
      await damaged((path) => truncate(path, 100), 'cut');
      expect(await store.write([idA], kind, name, partOf())).to.equal('kept');
      expect(await store.read([idA], kind, name)).to.deep.equal(partOf());
    });
  });

  it('is whole whenever its writers are killed', async () => {
    for (let round = 0; round < 4; round++) {
      const writer = childOf(['write-on', root()]);
      let kept = '';
      writer.stdout!.on('data', (data) => {
        kept += data;
      });
      while (kept.length < 20 + 13 * round) await once(writer.stdout!, 'data');
      const ended = once(writer, 'close');
      writer.kill('SIGKILL');
      await ended;
    }
    const { kind: wide, part } = wideKind(64 * 1024);
    const names = await store.list([idA], wide.digest);
    expect(names.length).to.be.greaterThan(20);
    for (const each of names) {
      expect((await store.read([idA], wide, each))?.columns, each).to.deep.equal(part.columns);
    }
  });

  it('keeps a part that does not fit its fields out, without a throw', async () => {
    const wrong = { ...partOf(), columns: { counts: new Float64Array(6).fill(-1), total: Float64Array.of(1) } };
    expect(await store.write([idA], kind, name, wrong)).to.equal('refused');
    expect(await store.list([idA], kind.digest)).to.deep.equal([]);
  });

  it('touches a file that was last used over a minute ago, and not one used since', async () => {
    await store.write([idA], kind, name, partOf());
    const path = pathOf(idA, name);
    const longAgo = Date.now() / 1000 - 3600;
    await utimes(path, longAgo, longAgo);
    await store.read([idA], kind, name);
    expect((await stat(path)).mtimeMs).to.be.greaterThan((longAgo + 1800) * 1000);
    const recent = Date.now() / 1000 - 30;
    await utimes(path, recent, recent);
    const { mtimeMs } = await stat(path);
    await store.read([idA], kind, name);
    expect((await stat(path)).mtimeMs).to.equal(mtimeMs);
  });

  describe('move', () => {
    it('gives chunks the name of their content, from anybody, any number of times', async () => {
      for (let at = 0; at < 3 * 8192; at += 8192) {
        await store.write([provisionalA], kind, nameOf([provisionalA], at), partOf(1, at));
      }
      // Somebody was faster with one of them, and is broken off; another process goes on.
      await store.write([idA], kind, name, partOf());
      expect(await storeIn(root()).move(provisionalA, idA)).to.equal(3);
      expect(await store.move(provisionalA, idA)).to.equal(0);
      expect((await store.list([idA], kind.digest)).sort()).to.deep.equal(
        [0, 8192, 16_384].map((at) => nameOf([idA], at)).sort(),
      );
      expect(await store.read([idA], kind, nameOf([idA], 16_384))).to.deep.equal(partOf(1, 16_384));
      expect(existsSync(join(root(), 'v1', provisionalA))).to.equal(false);
    });

    it('takes pairs along whose first input it is', async () => {
      await store.write([provisionalA, provisionalB], kind, nameOf([provisionalA, provisionalB]), partOf());
      await store.write([provisionalA, provisionalA], kind, nameOf([provisionalA, provisionalA]), partOf(2));
      expect(await store.move(provisionalA, idA)).to.equal(2);
      expect(await store.list([idA, provisionalB], kind.digest)).to.deep.equal([nameOf([idA, provisionalB])]);
      expect(await store.read([idA, idA], kind, nameOf([idA, idA]))).to.deep.equal(partOf(2));
    });
  });

  describe('a disk that does not take it costs the cache, not the answer', () => {
    it('full: says so, leaves no scraps, still reads what is there', async () => {
      const { outcomes, scraps, readable, listed } = inChild(['fill', root()], { diskBytes: 256 * 1024 }) as {
        outcomes: string[];
        scraps: string[];
        readable: number;
        listed: number;
      };
      expect(outcomes[0]).to.equal('kept');
      expect(outcomes.at(-1)).to.equal('full');
      expect(scraps).to.deep.equal([]);
      const kept = outcomes.filter((outcome) => outcome === 'kept').length;
      expect({ readable, listed }).to.deep.equal({ readable: kept, listed: kept });
    });

    it('files limited in length: the same', () => {
      expect(inChild(['write', root()], { fileBytesMax: 16 * 1024 })).to.deep.equal({
        outcomes: ['full', 'full', 'full'],
        counts: { hits: 0, misses: 0, damaged: 0, kept: 0, full: 3, refused: 0 },
        listed: [],
      });
    });

    it('a folder that only others may write to', async () => {
      await mkdir(root(), { mode: 0o755 });
      await chmod(root(), 0o555);
      expect(inChild(['write', root()], { nobody: true })).to.deep.include({
        outcomes: ['refused', 'refused', 'refused'],
        listed: [],
      });
      expect(await readdir(root())).to.deep.equal([]);
    });

    it('a file where the folder should be', async () => {
      await writeFile(root(), 'in the way');
      expect(await store.write([idA], kind, name, partOf())).to.equal('refused');
      expect(await store.read([idA], kind, name)).to.equal(undefined);
      expect(await readFile(root(), 'utf8')).to.equal('in the way');
    });

    it('and is not tried again for a while', async () => {
      await writeFile(root(), 'in the way');
      await store.write([idA], kind, name, partOf());
      await rm(root());
      expect(await store.write([idA], kind, name, partOf())).to.equal('refused');
      expect(await storeIn(root()).write([idA], kind, name, partOf())).to.equal('kept');
    });
  });

  it('takes nothing for a name that is not one of the ids’', async () => {
    for (const [ids, wrong] of [
      [[idA], nameOf([idB])],
      [[idA], '../../../etc/passwd'],
      [['../x'], nameOf(['../x'])],
    ] as const) {
      const error = await store.read(ids, kind, wrong).catch((thrown: unknown) => thrown);
      expect(error, wrong).to.be.an('error');
    }
  });
});
