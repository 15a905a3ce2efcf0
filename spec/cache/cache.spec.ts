/** The whole cache, as the broker uses it. */
import { existsSync } from 'node:fs';
import { appendFile, chmod, copyFile, readdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { CacheFolder } from '../../cache/folder.js';
import { blake3Hex } from '../../cache/hash.js';
import { Cache, type Subject } from '../../cache/index.js';
import { Ledger } from '../../cache/ledger.js';
import type { CacheOptions } from '../../cache/options.js';
import { freshFolder, kind, nameOf, partOf, storeIn, wideKind } from './fixture.js';

/** So old that nothing is young. */
const settled = { settleMs: 0 };
/** So strict that everything is. */
const unsettled = { settleMs: 3_600_000 };

describe('cache', () => {
  const open: Cache[] = [];
  // Before the folder goes: closing may write.
  afterEach(async () => {
    await Promise.all(open.splice(0).map((cache) => cache.close()));
  });
  const folder = freshFolder();
  const root = () => join(folder(), 'cache');
  const at = (name: string) => join(folder(), name);

  function cacheOf(options: Partial<CacheOptions> = settled): Cache {
    const cache = new Cache({ root: root(), ...options });
    open.push(cache);
    return cache;
  }
  async function subjectOf(cache: Cache, ...names: string[]): Promise<Subject> {
    const inputs = await Promise.all(names.map((name) => cache.measure(Buffer.from(at(name)))));
    const ids = await Promise.all(inputs.map(async (input) => (await cache.identify(input)).id));
    return { inputs, ids, kind };
  }
  const chunkOf = ({ ids }: Subject, start = 0) => nameOf(ids, start);
  const onDisk = async () => (await readdir(root(), { recursive: true })).filter((path) => path.includes('SUM_'));

  it('answers from memory, from disk in a new process, and not for another state of the file', async () => {
    await writeFile(at('file'), 'content');
    const cache = cacheOf();
    const subject = await subjectOf(cache, 'file');
    const part = partOf();
    expect(await cache.write(subject, chunkOf(subject), part)).to.equal('kept');
    expect(await cache.read(subject, chunkOf(subject))).to.equal(part);
    const next = cacheOf();
    expect(await next.list(await subjectOf(next, 'file'))).to.deep.equal([chunkOf(subject)]);
    expect(await next.read(await subjectOf(next, 'file'), chunkOf(subject))).to.deep.equal(part);
    await utimes(at('file'), 1, 1);
    expect(await next.list(await subjectOf(next, 'file'))).to.deep.equal([]);
  });

  it('writes nothing beside the input', async () => {
    await writeFile(at('file'), 'content');
    const cache = cacheOf();
    const subject = await subjectOf(cache, 'file');
    await cache.write(subject, chunkOf(subject), partOf());
    await cache.hash(subject.inputs[0]!, { urgent: true });
    await cache.close();
    expect((await readdir(folder())).sort()).to.deep.equal(['cache', 'file']);
  });

  describe('when the hash becomes known', () => {
    it('moves what is there; the job goes on by the name it began with', async () => {
      await writeFile(at('file'), 'content');
      const cache = cacheOf();
      const subject = await subjectOf(cache, 'file');
      expect(subject.ids).to.deep.equal([subject.inputs[0]!.id]);
      await cache.write(subject, chunkOf(subject, 0), partOf(1, 0));
      const { hash, bytes } = await cache.hash(subject.inputs[0]!, { urgent: false });
      expect({ hash, bytes }).to.deep.equal({ hash: blake3Hex(Buffer.from('content')), bytes: 7 });
      await cache.write(subject, chunkOf(subject, 8192), partOf(1, 8192));
      const names = [chunkOf(subject, 0), chunkOf(subject, 8192)];
      expect((await cache.list(subject)).sort()).to.deep.equal(names);
      await cache.close();
      expect(await storeIn(root()).list([hash], kind.digest)).to.have.length(2);
      expect(await onDisk()).to.have.length(2);

      const next = cacheOf();
      const later = await subjectOf(next, 'file');
      expect(later.ids).to.deep.equal([hash]);
      expect(await next.read(later, chunkOf(later, 8192))).to.deep.equal(partOf(1, 8192));
      expect(await next.hash(later.inputs[0]!, { urgent: true })).to.deep.equal({ hash, bytes: 0 });
      // A job that began before and asks a cache that never heard of it finds them all the same.
      await next.identify(subject.inputs[0]!);
      expect((await next.list(subject)).sort()).to.deep.equal(names);
      expect(await next.read(subject, names[0]!)).to.deep.equal(partOf(1, 0));
    });

    it('knows a copy and a touched file again, once they are hashed', async () => {
      await writeFile(at('file'), 'content');
      const cache = cacheOf();
      const first = await subjectOf(cache, 'file');
      await cache.hash(first.inputs[0]!, { urgent: true });
      await cache.close();
      const second = cacheOf();
      const begun = await subjectOf(second, 'file');
      await second.write(begun, chunkOf(begun), partOf());
      await copyFile(at('file'), at('copy'));
      await utimes(at('file'), 1, 1);
      for (const name of ['copy', 'file']) {
        const measured = await second.measure(Buffer.from(at(name)));
        expect(await second.identify(measured)).to.deep.equal({ id: measured.id, hash: null });
        const { hash } = await second.hash(measured, { urgent: true });
        const known = { inputs: [measured], ids: [hash], kind };
        expect(await second.list(known)).to.deep.equal([chunkOf(begun)]);
        expect(await second.read(known, chunkOf(known))).to.deep.equal(partOf());
      }
    });

    it('finds pairs by any mixture of ids, also of a file with itself', async () => {
      await writeFile(at('a'), 'a');
      await writeFile(at('b'), 'b');
      const cache = cacheOf();
      const pair = await subjectOf(cache, 'a', 'b');
      const same = await subjectOf(cache, 'a', 'a');
      await cache.write(pair, chunkOf(pair), partOf(1));
      await cache.write(same, chunkOf(same), partOf(2));
      const hashes = await Promise.all(pair.inputs.map((input) => cache.hash(input, { urgent: true })));
      await cache.close();
      const next = cacheOf();
      const found = await subjectOf(next, 'a', 'b');
      expect(found.ids).to.deep.equal(hashes.map(({ hash }) => hash));
      expect(await next.list(found)).to.deep.equal([chunkOf(found)]);
      expect(await next.read(found, chunkOf(found))).to.deep.equal(partOf(1));
      const both = await subjectOf(next, 'a', 'a');
      expect(await next.read(both, chunkOf(both))).to.deep.equal(partOf(2));
      expect(await next.list(await subjectOf(next, 'b', 'a'))).to.deep.equal([]);
    });

    it('refuses to learn from a file that changed', async () => {
      await writeFile(at('file'), 'content');
      const cache = cacheOf();
      const { inputs } = await subjectOf(cache, 'file');
      await appendFile(at('file'), 'more');
      const error = await cache.hash(inputs[0]!, { urgent: true }).catch((thrown: unknown) => thrown);
      expect(error).to.have.property('code', 'E_CHANGED');
      await cache.close();
      expect(existsSync(root())).to.equal(false);
    });
  });

  it('says which files are worth hashing first', async () => {
    const cache = cacheOf();
    await writeFile(at('small'), 'content');
    await writeFile(at('large'), '');
    await truncate(at('large'), 2 ** 40);
    await writeFile(at('larger'), '');
    await truncate(at('larger'), 2 ** 40 + 1);
    const [small, large, larger] = await Promise.all(
      ['small', 'large', 'larger'].map((name) => cache.measure(Buffer.from(at(name)))),
    );
    expect(await Promise.all([small, large].map((file) => cache.hashFirst(file!)))).to.deep.equal(['quick', 'no']);
    // As if a file of its size had been hashed once.
    await new Ledger(new CacheFolder(root(), 0)).record(large!, blake3Hex(Buffer.from('of another file')));
    expect(await Promise.all([large, larger].map((file) => cache.hashFirst(file!)))).to.deep.equal(['copy', 'no']);
  });

  describe('young files', () => {
    it('are not kept until their times tell, not even in memory', async () => {
      await writeFile(at('file'), 'content');
      const cache = cacheOf(unsettled);
      const subject = await subjectOf(cache, 'file');
      expect(subject.inputs[0]!.young).to.equal(true);
      expect(await cache.write(subject, chunkOf(subject), partOf())).to.be.oneOf(['held', 'dropped']);
      await cache.hash(subject.inputs[0]!, { urgent: true });
      expect(await cache.read(subject, chunkOf(subject))).to.equal(undefined);
      expect(await cache.identify(subject.inputs[0]!)).to.have.property('hash', null);
      await cache.close();
      expect(existsSync(root())).to.equal(false);
    });

    it('are kept once they are old enough and found unchanged, with their hash', async () => {
      await writeFile(at('file'), 'content');
      const cache = cacheOf({ settleMs: 400 });
      const subject = await subjectOf(cache, 'file');
      expect(await cache.write(subject, chunkOf(subject), partOf())).to.equal('held');
      expect(cache.counts.heldBytes).to.be.greaterThan(0);
      const { hash } = await cache.hash(subject.inputs[0]!, { urgent: true });
      await until(async () => (await cache.identify(subject.inputs[0]!)).hash === hash);
      await until(async () => (await cache.list(subject)).length === 1);
      expect(cache.counts.heldBytes).to.equal(0);
      await cache.close();
      expect(await storeIn(root()).list([hash], kind.digest)).to.have.length(1);
    });

    it('are forgotten where they changed meanwhile', async () => {
      await writeFile(at('file'), 'content');
      const cache = cacheOf({ settleMs: 400 });
      const subject = await subjectOf(cache, 'file');
      expect(await cache.write(subject, chunkOf(subject), partOf())).to.equal('held');
      await appendFile(at('file'), 'more');
      await until(async () => cache.counts.heldBytes === 0);
      // Late parts of the same job too.
      expect(await cache.write(subject, chunkOf(subject, 8192), partOf(1, 8192))).to.equal('dropped');
      expect(await cache.list(subject)).to.deep.equal([]);
      expect(existsSync(root())).to.equal(false);
    });

    it('wait in memory up to a limit; what is allowed by the end is written then', async () => {
      await writeFile(at('file'), 'content');
      const { kind: wide, part } = wideKind(100_000);
      const cache = cacheOf({ settleMs: 2000, heldBytesMax: 250_000 });
      const subject = { ...(await subjectOf(cache, 'file')), kind: wide };
      const outcomes = await Promise.all(
        [0, 8192, 16_384].map((start) =>
          cache.write(subject, chunkOf(subject, start), { ...part, start, end: start + 8192 }),
        ),
      );
      expect(outcomes).to.deep.equal(['held', 'held', 'dropped']);
      await cache.close();
      expect(cache.counts.heldBytes).to.equal(0);
      expect(await storeIn(root()).list(subject.ids, kind.digest)).to.deep.equal([]);
    });
  });

  it('keeps its budget while it is written to', async () => {
    await writeFile(at('file'), 'content');
    const cache = cacheOf({ ...settled, bytesMax: 40 * 4096, sweepMs: 0 });
    const subject = await subjectOf(cache, 'file');
    for (let i = 0; i < 200; i++) {
      const start = i * 8192;
      await cache.write(subject, chunkOf(subject, start), partOf(1, start));
    }
    await until(async () => (await onDisk()).length <= 40);
    await cache.close();
    // The next process knows what is there without looking, and goes on from it.
    const next = cacheOf({ ...settled, bytesMax: 40 * 4096, sweepMs: 0 });
    for (let i = 200; i < 300; i++) {
      const start = i * 8192;
      await next.write(subject, chunkOf(subject, start), partOf(1, start));
    }
    await until(async () => (await onDisk()).length <= 40);
  });

  it('answers from memory where the disk takes nothing', async () => {
    await writeFile(at('file'), 'content');
    await writeFile(root(), 'a file in the way');
    const cache = cacheOf();
    const subject = await subjectOf(cache, 'file');
    const part = partOf();
    expect(await cache.write(subject, chunkOf(subject), part)).to.equal('refused');
    expect(await cache.read(subject, chunkOf(subject))).to.equal(part);
    expect(await cache.list(subject)).to.deep.equal([]);
    expect(await cache.hash(subject.inputs[0]!, { urgent: true })).to.have.property('bytes', 7);
  });

  it('measures with the error that a reader gets', async () => {
    const error = await cacheOf()
      .measure(Buffer.from(at('none')))
      .catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'E_NOT_FOUND', message: `${at('none')}: no such file` });
    await writeFile(at('file'), 'x');
    await chmod(at('file'), 0o400);
    expect(await cacheOf().measure(Buffer.from(at('file')), [folder()])).to.have.property('size', 1);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
