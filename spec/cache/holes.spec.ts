import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { expect } from 'chai';
import { blake3Hex } from '../../cache/hash.js';
import { Hasher } from '../../cache/hasher.js';
import { findHoles, isSparse, type Seek, systemSeek } from '../../cache/holes.js';
import { measureInput } from '../../cache/inputs.js';
import { Random } from '../random.js';
import { Sandbox } from '../workers/fixture.js';

const KiB = 1024;
const MiB = 1024 * KiB;

/** A file of holes with bytes that are not zero at the islands. */
function islandsAt(path: string, size: number, islands: readonly (readonly [offset: number, bytes: number])[]): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, size);
  for (const [offset, bytes] of islands) writeSync(fd, Buffer.alloc(bytes, 7), 0, bytes, offset);
  closeSync(fd);
}

/** lseek over stretches of data that ascend, and what it was asked. */
function madeUp(data: readonly (readonly [start: number, end: number])[]) {
  const asked: string[] = [];
  const seek: Seek = (_, offset, what) => {
    asked.push(`${what} ${offset / MiB}`);
    const here = data.find(([, end]) => offset < end);
    if (what === 'data') return here ? Math.max(offset, here[0]) : 'none';
    return here && offset >= here[0] ? here[1] : offset;
  };
  return { seek, asked };
}

describe('cache/holes: where a file has no data', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('is not asked of a file that has all its blocks', () => {
    expect(isSparse({ size: 8192n, blocks: 16n } as never)).to.equal(false);
    expect(isSparse({ size: 8193n, blocks: 16n } as never)).to.equal(true);
  });

  it('is asked once for each stretch, and told as far as was asked', () => {
    const { seek, asked } = madeUp([[10 * MiB, 20 * MiB]]);
    expect(findHoles(3, 2 * MiB, 30 * MiB, seek)).to.deep.equal([
      [2 * MiB, 10 * MiB],
      [20 * MiB, 30 * MiB],
    ]);
    expect(asked).to.deep.equal(['data 2', 'hole 10', 'data 20']);
    expect(findHoles(3, 4 * MiB, 9 * MiB, seek)).to.deep.equal([[4 * MiB, 9 * MiB]]);
    expect(findHoles(3, 12 * MiB, 19 * MiB, seek)).to.deep.equal([]);
    expect(findHoles(3, 7 * MiB, 7 * MiB, seek)).to.deep.equal([]);
  });

  it('is none where it is short, nor behind data for the rest of a MiB, nor behind very many stretches', () => {
    expect(findHoles(3, 0, MiB, madeUp([[64 * KiB - 1, MiB]]).seek)).to.deep.equal([]);
    expect(findHoles(3, 0, MiB, madeUp([[64 * KiB, MiB]]).seek)).to.deep.equal([[0, 64 * KiB]]);
    const striped = Array.from({ length: 1024 }, (_, i) => [i * 128 * KiB, i * 128 * KiB + 4 * KiB] as const);
    const { seek, asked } = madeUp(striped);
    findHoles(3, 0, 128 * MiB, seek);
    expect(asked.length).to.be.at.most(2 * 128);
    const far = Array.from({ length: 1024 }, (_, i) => [i * 4 * MiB, i * 4 * MiB + MiB] as const);
    expect(findHoles(3, 0, 4096 * MiB, madeUp(far).seek).length).to.be.within(200, 256);
  });

  it('is none where the system does not tell', () => {
    expect(findHoles(3, 0, 64 * MiB, () => 'untold')).to.deep.equal([]);
  });

  it('is told by this system', () => {
    const path = sandbox.path('holes');
    islandsAt(path, 64 * MiB, [[8 * MiB, MiB]]);
    const fd = openSync(path, 'r');
    expect(isSparse(fstatSync(fd, { bigint: true }))).to.equal(true);
    expect(systemSeek(), 'koffi is there').to.be.a('function');
    expect(findHoles(fd, 0, 64 * MiB)).to.deep.equal([
      [0, 8 * MiB],
      [9 * MiB, 64 * MiB],
    ]);
    closeSync(fd);
    expect(findHoles(fd, 0, 64 * MiB), 'closed').to.deep.equal([]);
  });

  it('never is where a byte is: random files, random stretches', () => {
    const random = new Random(4);
    const [buffer, zeros] = [Buffer.alloc(24 * MiB), Buffer.alloc(24 * MiB)];
    let skipped = 0;
    for (let round = 0; round < 10; round++) {
      const path = sandbox.path(`random-${round}`);
      const size = random.int(1, 24 * MiB);
      const islands = Array.from({ length: random.int(0, 8) }, () => {
        const bytes = random.int(1, Math.min(size, 200 * KiB));
        return [random.int(0, size - bytes), bytes] as const;
      });
      islandsAt(path, size, islands);
      const fd = openSync(path, 'r');
      for (let i = 0; i < 20; i++) {
        const from = i === 0 ? 0 : random.int(0, size - 1);
        const to = i === 0 ? size : random.int(from, size);
        let at = from;
        for (const [start, end] of findHoles(fd, from, to)) {
          expect(start >= at && end > start && end <= to, `${start} ${end} of ${from} ${to}`).to.equal(true);
          at = end;
          readSync(fd, buffer, 0, end - start, start);
          expect(buffer.compare(zeros, 0, end - start, 0, end - start), `${start} of round ${round}`).to.equal(0);
          skipped += end - start;
        }
      }
      closeSync(fd);
    }
    expect(skipped).to.be.above(100 * MiB);
  });

  it('is hashed like the zeros that it is', async () => {
    const path = sandbox.path('hashed');
    islandsAt(path, 40 * MiB, [
      [5 * MiB + 3, 100],
      [30 * MiB, 3 * MiB],
    ]);
    const hasher = new Hasher();
    const { realPath, identity } = await measureInput(Buffer.from(path), undefined);
    const { hash, bytes } = await hasher.hashFile(realPath, identity, { urgent: true });
    await hasher.close();
    expect([hash, bytes]).to.deep.equal([blake3Hex(readFileSync(path)), 40 * MiB]);
  });
});
