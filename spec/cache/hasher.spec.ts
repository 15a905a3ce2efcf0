import { appendFile, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { blake3Hex } from '../../cache/hash.js';
import { Hasher } from '../../cache/hasher.js';
import { type Measured, measureInput } from '../../cache/inputs.js';
import { freshFolder, inChild } from './fixture.js';

const mib = 2 ** 20;

describe('cache/hasher', () => {
  const folder = freshFolder();
  const at = (name: string) => join(folder(), name);
  let hasher: Hasher;
  beforeEach(() => {
    hasher = new Hasher();
  });
  afterEach(() => hasher.close());

  async function fileOf(name: string, bytes: number): Promise<Measured> {
    await writeFile(at(name), Buffer.alloc(bytes, `${name} has these bytes; `));
    return measureInput(Buffer.from(at(name)), undefined);
  }
  const hash = ({ realPath, identity }: Measured, urgent: boolean) => hasher.hashFile(realPath, identity, { urgent });
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'none',
      (error: { code: string }) => error.code,
    );

  for (const urgent of [true, false]) {
    it(`hashes files of any size as a whole (${urgent ? 'urgent' : 'behind other work'})`, async () => {
      for (const bytes of [0, 1, 4095, 4 * mib - 1, 4 * mib, 4 * mib + 1, 33 * mib + 7]) {
        const file = await fileOf(`f${bytes}`, bytes);
        expect(await hash(file, urgent)).to.deep.equal({ hash: blake3Hex(await readFile(at(`f${bytes}`))), bytes });
      }
    });

    it(`refuses a file that is not the one that was measured (${urgent ? 'urgent' : 'behind other work'})`, async () => {
      const grown = await fileOf('grown', 10_000);
      await appendFile(at('grown'), 'more');
      expect(await codeOf(hash(grown, urgent))).to.equal('E_CHANGED');
      const shrunk = await fileOf('shrunk', 10_000);
      await truncate(at('shrunk'), 5000);
      expect(await codeOf(hash(shrunk, urgent))).to.equal('E_CHANGED');
      const gone = await fileOf('gone', 10_000);
      expect(await codeOf(hash({ ...gone, realPath: Buffer.from(at('nowhere')) }, urgent))).to.equal('E_NOT_FOUND');
      expect(await hash(await fileOf('good', 10), urgent)).to.have.property('bytes', 10);
    });
  }

  it('notices a change while it reads', async () => {
    const file = await fileOf('sparse', 0);
    await truncate(at('sparse'), 2 ** 40);
    const measured = await measureInput(file.path, undefined);
    const hashing = codeOf(hash(measured, false));
    // The thread is under way once it has done something else.
    await hash(await fileOf('big', 33 * mib), true);
    await truncate(at('sparse'), 8 * mib);
    expect(await hashing).to.equal('E_CHANGED');
  });

  it('lets urgent files overtake, also while it is paused', async () => {
    const order: string[] = [];
    const note = (name: string, promise: Promise<unknown>) => promise.then(() => order.push(name));
    hasher.pause();
    const slow = note('slow', hash(await fileOf('slow', 40 * mib), false));
    await note('urgent', hash(await fileOf('urgent', 33 * mib), true));
    expect(order).to.deep.equal(['urgent']);
    hasher.resume();
    const keep = setInterval(() => undefined, 1000);
    await slow;
    clearInterval(keep);
    expect(order).to.deep.equal(['urgent', 'slow']);
  });

  it('reads a file once for all who want it, and hurries when one of them does', async () => {
    const file = await fileOf('shared', 40 * mib);
    hasher.pause();
    const patient = hash(file, false);
    const hurried = hash(file, true);
    expect(hurried).to.equal(patient);
    expect(await hurried).to.have.property('bytes', 40 * mib);
  });

  it('is cancelled by path, before and while it reads', async () => {
    const file = await fileOf('sparse', 0);
    await truncate(at('sparse'), 2 ** 40);
    const endless = await measureInput(file.path, undefined);
    const first = codeOf(hash(endless, true));
    const other = await fileOf('other', 33 * mib);
    const second = hash(other, true);
    hasher.cancel(endless.realPath);
    expect(await first).to.equal('E_CANCELLED');
    expect(await second).to.have.property('bytes', 33 * mib);
    hasher.pause();
    const waiting = codeOf(hash(other, false));
    hasher.cancel(other.realPath);
    expect(await waiting).to.equal('E_CANCELLED');
  });

  it('ends what waits when it is closed, and takes nothing after', async () => {
    const file = await fileOf('file', 40 * mib);
    hasher.pause();
    const waiting = codeOf(hash(file, false));
    await hasher.close();
    expect(await waiting).to.equal('E_CANCELLED');
    expect(await codeOf(hash(file, true))).to.equal('E_CANCELLED');
  });

  it('holds no files open for what stands in the queue', async () => {
    const files = await Promise.all(Array.from({ length: 2000 }, (_, i) => fileOf(`f${i}`, 10)));
    hasher.pause();
    const waiting = files.map((file) => hash(file, false));
    const big = await fileOf('big', 33 * mib);
    await hash(big, true);
    expect((await readdir('/dev/fd')).length).to.be.lessThan(500);
    hasher.resume();
    const keep = setInterval(() => undefined, 1000);
    const hashes = new Set((await Promise.all(waiting)).map((found) => found.hash));
    clearInterval(keep);
    expect(hashes.size).to.equal(1999 + 1);
  });

  it('says how many bytes are quick, from what it has seen', async () => {
    const before = hasher.quickBytes();
    expect([4 * mib, 32 * mib]).to.include(before);
    await hash(await fileOf('big', 33 * mib), true);
    expect(hasher.quickBytes()).to.be.within(mib, 64 * mib);
  });

  it('never keeps its process, nor what still waits for it', async () => {
    await writeFile(at('sparse'), '');
    await truncate(at('sparse'), 2 ** 40);
    expect(inChild(['hash-and-end', at('sparse')])).to.deep.equal({ begun: true });
  });
});
