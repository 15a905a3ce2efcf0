import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { expect } from 'chai';
import { blake3Hex } from '../../cache/hash.js';
import { Hasher } from '../../cache/hasher.js';
import { Holes, type Seek, systemSeek } from '../../cache/holes.js';
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

/** lseek over stretches of data that ascend, and how often it was asked. */
function madeUp(size: number, data: readonly (readonly [start: number, end: number])[]) {
  const asked: string[] = [];
  const seek: Seek = (_, offset, what) => {
    asked.push(`${what} ${offset}`);
    const here = data.find(([, end]) => offset < end);
    if (what === 'data') return here ? Math.max(offset, here[0]) : 'none';
    return here && offset >= here[0] ? here[1] : offset;
  };
  const holes = Holes.of(3, { size: BigInt(size), blocks: 0n } as never, () => seek)!;
  return { holes, asked };
}

describe('cache/holes: where a file has no data', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('is not asked of a file that has all its blocks', () => {
    const stats = { size: 8192n, blocks: 16n } as never;
    expect(Holes.of(3, stats)).to.equal(null);
    expect(Holes.of(3, { size: 8193n, blocks: 16n } as never)).to.not.equal(null);
  });

  it('is asked once for each stretch', () => {
    const { holes, asked } = madeUp(100 * MiB, [[10 * MiB, 20 * MiB]]);
    const at = (mib: number) => holes.at(mib * MiB, MiB);
    expect([at(0), at(4), at(9)].map(({ end, isHole }) => [end / MiB, isHole])).to.deep.equal(
      Array(3).fill([10, true]),
    );
    expect(at(10)).to.deep.equal({ end: 20 * MiB, isHole: false });
    expect(at(19)).to.deep.equal({ end: 20 * MiB, isHole: false });
    expect(at(20)).to.deep.equal({ end: 100 * MiB, isHole: true });
    expect(asked).to.deep.equal(['data 0', `data ${10 * MiB}`, `hole ${10 * MiB}`, `data ${20 * MiB}`]);
    expect(at(3), 'back again').to.deep.equal({ end: 10 * MiB, isHole: true });
  });

  it('is data where the hole is short, and where data and holes change all the time for a MiB at a time', () => {
    const { holes } = madeUp(8 * MiB, [[64 * KiB - 1, MiB]]);
    expect(holes.at(0, MiB)).to.deep.equal({ end: MiB, isHole: false });
    expect(madeUp(8 * MiB, [[64 * KiB, MiB]]).holes.at(0, MiB)).to.deep.equal({ end: 64 * KiB, isHole: true });
    const striped = Array.from({ length: 1024 }, (_, i) => [i * 8 * KiB, i * 8 * KiB + 4 * KiB] as const);
    const { holes: stripes, asked } = madeUp(8 * MiB, striped);
    for (let at = 0; at < 8 * MiB; at = stripes.at(at, MiB).end);
    expect(asked.length).to.be.at.most(20);
  });

  it('is all data where the system does not tell, or is not loaded for a short read', () => {
    const untold = Holes.of(3, { size: 99n, blocks: 0n } as never, () => () => 'untold')!;
    expect(untold.at(0, MiB)).to.deep.equal({ end: Infinity, isHole: false });
    const loads: boolean[] = [];
    const holes = Holes.of(3, { size: 99n, blocks: 0n } as never, (load) => void loads.push(load))!;
    expect(holes.at(0, 4 * KiB)).to.deep.equal({ end: Infinity, isHole: false });
    expect(holes.at(0, MiB)).to.deep.equal({ end: Infinity, isHole: false });
    expect(loads).to.deep.equal([false, true]);
  });

  it('is told by this system', () => {
    const path = sandbox.path('holes');
    islandsAt(path, 64 * MiB, [[8 * MiB, MiB]]);
    const fd = openSync(path, 'r');
    const stats = fstatSync(fd, { bigint: true });
    expect(systemSeek(true), 'koffi is there').to.be.a('function');
    const holes = Holes.of(fd, stats)!;
    expect(holes.at(0, MiB)).to.deep.equal({ end: 8 * MiB, isHole: true });
    expect(holes.at(8 * MiB, MiB)).to.deep.equal({ end: 9 * MiB, isHole: false });
    expect(holes.at(9 * MiB, MiB)).to.deep.equal({ end: 64 * MiB, isHole: true });
    closeSync(fd);
  });

  it('never is where a byte is: random files, from random places', () => {
    const random = new Random(4);
    const [buffer, zeros] = [Buffer.alloc(MiB), Buffer.alloc(MiB)];
    for (let round = 0; round < 10; round++) {
      const path = sandbox.path(`random-${round}`);
      const size = random.int(1, 24 * MiB);
      const islands = Array.from({ length: random.int(0, 8) }, () => {
        const bytes = random.int(1, Math.min(size, 200 * KiB));
        return [random.int(0, size - bytes), bytes] as const;
      });
      islandsAt(path, size, islands);
      const fd = openSync(path, 'r');
      const holes = Holes.of(fd, fstatSync(fd, { bigint: true }));
      let skipped = 0;
      const look = (from: number) => {
        const { end, isHole } = holes?.at(from, MiB) ?? { end: Infinity, isHole: false };
        expect(end).to.be.above(from);
        const length = Math.min(size, end, from + MiB) - from;
        if (isHole) {
          skipped += length;
          readSync(fd, buffer, 0, length, from);
          expect(buffer.compare(zeros, 0, length, 0, length), `${from} of round ${round}`).to.equal(0);
        }
        return from + length;
      };
      for (let at = 0; at < size; at = look(at));
      for (let i = 0; i < 50; i++) look(random.int(0, size - 1));
      if (holes && islands.length === 0 && size > MiB) expect(skipped).to.be.above(0);
      closeSync(fd);
    }
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
