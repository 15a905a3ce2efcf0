import { expect } from 'chai';
import {
  blockBytes,
  cellsMax,
  cellsPerChunk,
  chunkCellBytes,
  coverGap,
  type Grid,
  gridFor,
  type Levels,
  levelsFor,
  type Piece,
  pieceCellBytes,
  pow2ceil,
  pow2floor,
  snapRange,
  spreadOrder,
} from '../../cache/blocks.js';
import { cellCount, type Descriptor, isBinglideError } from '../../protocol/index.js';
import { defineService, field } from '../../workers/index.js';
import { builtinDescriptors } from '../../workers/services/index.js';
import { Random } from '../random.js';

const KiB = 1024;
const MiB = 2 ** 20;
const GiB = 2 ** 30;
const TiB = 2 ** 40;

const [hist, ent] = builtinDescriptors as [Descriptor, Descriptor];
/** Cells, and so many whole fields that its least chunk is 512 KiB. */
const mixed = defineService({
  name: 'MIXED',
  version: 1,
  fields: {
    ones: field.u8({ merge: 'sum', cells: true, perByteMax: 8 }),
    table: field.u8({ shape: [1000], merge: 'sum' }),
  },
}).descriptor;

const isPow2 = (n: number) => Number.isInteger(n) && n >= 1 && 2 ** Math.round(Math.log2(n)) === n;
const isIn = (n: number, of: number) => isPow2(n / of);

/** Lengths of all magnitudes, with the awkward ones around powers of two. */
function lengthsFrom(least: number, most: number, random: Random, count: number): number[] {
  const lengths = Array.from({ length: count }, () =>
    Math.floor(least * 2 ** (random.unit() * Math.log2(most / least))),
  );
  for (let size = pow2ceil(least); size <= most; size *= 2) lengths.push(size - 1, size, size + 1);
  return [...lengths.filter((length) => length >= least && length <= most), least, most];
}

function levels(descriptor: Descriptor, length: number, cells = 1024, params = {}): { grid: Grid; levels: Levels } {
  const grid = gridFor(descriptor, params, length, cells);
  return { grid, levels: levelsFor(descriptor, params, grid, length) };
}

describe('cache/blocks: powers of two', () => {
  it('are exact up to 2^53, where a logarithm in floating point is not', () => {
    for (let k = 1; k <= 52; k++) {
      const size = 2 ** k;
      expect([k, pow2ceil(size), pow2floor(size)]).to.deep.equal([k, size, size]);
      expect([k, pow2ceil(size + 1), pow2floor(size + 1)]).to.deep.equal([k, k === 0 ? 2 : 2 * size, size]);
      if (k > 1) expect([k, pow2ceil(size - 1), pow2floor(size - 1)]).to.deep.equal([k, size, size / 2]);
    }
    expect([pow2ceil(0), pow2ceil(1), pow2floor(0), pow2floor(1), pow2floor(0.3)]).to.deep.equal([1, 1, 1, 1, 1]);
  });
});

describe('cache/blocks: cells', () => {
  it('are as wide as the smallest power of two ≥ max(4096, length/cells), so at most cells+1 of them', () => {
    const random = new Random(1);
    for (const length of lengthsFrom(1, 20 * TiB, random, 2000)) {
      const cells = random.pick([1, 2, 3, 80, 1000, 1024, 4096, 100_000, cellsMax]);
      const { cellBytes } = gridFor(ent, { block: 0 }, length, cells);
      const least = Math.max(blockBytes, length / cells);
      expect(isPow2(cellBytes), `${cellBytes}`).to.equal(true);
      expect(cellBytes >= least && (cellBytes === blockBytes || cellBytes / 2 < least)).to.equal(true);
      const start = random.int(0, GiB);
      expect(cellCount({ start, end: start + length, cellBytes })).to.be.at.most(cells + 1);
    }
  });

  it('are none for a service without cells, and one byte of file is one cell', () => {
    expect(gridFor(hist, {}, 5, 1024).cellBytes).to.equal(0);
    expect(gridFor(ent, { block: 0 }, 1, 1024)).to.include({ cellBytes: 4096, block: 0, form: 'summed' });
    expect(gridFor(ent, { block: 0 }, 0, 1024).cellBytes).to.equal(4096);
  });

  it('are blocks of N where N is given: computed whole up to 64 KiB, added up above', () => {
    expect(gridFor(ent, { block: 1000 }, 10_000, 4)).to.include({ cellBytes: 1000, block: 1000, form: 'whole' });
    expect(gridFor(ent, { block: 65_536 }, 10_000, 4)).to.include({ form: 'whole' });
    expect(gridFor(ent, { block: 65_537 }, 10_000, 4)).to.include({ cellBytes: 65_537, form: 'summed' });
  });

  it('of a request end at 1,048,576: the refusal of a small block names the least one that is taken', () => {
    const random = new Random(2);
    for (const length of lengthsFrom(2 * MiB, 20 * TiB, random, 300)) {
      const refusal = refusalOf(() => gridFor(ent, { block: 1 }, length, 1024));
      expect(refusal?.code).to.equal('E_CELLS');
      const least = Number(/the least is (\d+)/.exec(refusal!.message)?.[1]);
      expect(cellCount({ start: 0, end: length, cellBytes: least })).to.be.at.most(cellsMax);
      expect(gridFor(ent, { block: least }, length, 1024).cellBytes).to.equal(least);
      if (least > 1)
        expect(refusalOf(() => gridFor(ent, { block: least - 1 }, length, 1024))?.code).to.equal('E_CELLS');
    }
    expect(refusalOf(() => gridFor(ent, { block: 0 }, GiB, cellsMax + 1))?.code).to.equal('E_CELLS');
  });

  it('of blocks are counted where the range lies: one that starts inside a block has one more', () => {
    const length = cellsMax * 16;
    expect(gridFor(ent, { block: 16 }, length, 1024, 32).cellBytes).to.equal(16);
    const refusal = refusalOf(() => gridFor(ent, { block: 16 }, length, 1024, 8));
    expect(refusal?.code).to.equal('E_CELLS');
    expect(refusal?.message).to.match(/the least is 17$/);
    expect(gridFor(ent, { block: 17 }, length, 1024, 8).cellBytes).to.equal(17);
  });

  it('widen a snapped range to their multiples, clipped by the file', () => {
    const grid = gridFor(ent, { block: 0 }, 10 * MiB, 10);
    expect(grid.cellBytes).to.equal(MiB);
    expect(snapRange([MiB + 1, 3 * MiB - 1], grid, 20 * MiB)).to.deep.equal([MiB, 3 * MiB]);
    expect(snapRange([0, 3 * MiB + 1], grid, 3 * MiB + 5)).to.deep.equal([0, 3 * MiB + 5]);
    expect(snapRange([2 * MiB, 2 * MiB], grid, 3 * MiB)).to.deep.equal([2 * MiB, 2 * MiB]);
    expect(snapRange([1, 5000], gridFor(hist, {}, 4999, 1), 9000)).to.deep.equal([0, 8192]);
  });
});

describe('cache/blocks: levels', () => {
  it('are powers of two, least ≤ fine ≤ coarse, from 1 byte to 20 TiB', () => {
    for (const descriptor of [hist, ent, mixed]) {
      for (const length of lengthsFrom(1, 20 * TiB, new Random(3), 1500)) {
        const { least, fine, coarse, unit } = levels(descriptor, length, 1024, { block: 0 }).levels;
        expect([unit, least, fine, coarse].every(isPow2), `${length}`).to.equal(true);
        expect(least <= fine && fine <= coarse, `${length}`).to.equal(true);
        expect(least).to.be.at.least(64 * KiB);
      }
    }
  });

  it('are a tenth and a hundredth of a long request, each rounded down to a power of two within the limits', () => {
    for (const descriptor of [hist, ent]) {
      for (const length of lengthsFrom(GiB, 20 * TiB, new Random(4), 1500)) {
        const { fine, coarse } = levels(descriptor, length, 1024, { block: 0 }).levels;
        expect(coarse, `${length}`).to.equal(pow2floor(length / 10));
        expect(fine, `${length}`).to.equal(Math.min(GiB, pow2floor(length / 100)));
      }
    }
  });

  it('never make a chunk that many cells make too wide: fine ≤ 64·W', () => {
    for (const length of lengthsFrom(MiB, 20 * TiB, new Random(5), 1000)) {
      for (const cells of [1024, 16_384, cellsMax]) {
        const { grid, levels: it } = levels(ent, length, cells, { block: 0 });
        expect(it.fine).to.equal(Math.min(cellsPerChunk * grid.cellBytes, GiB, Math.max(MiB, pow2floor(length / 100))));
      }
    }
  });

  it('cut no piece whose cells are wider than the request’s, whatever whole fields weigh', () => {
    for (const descriptor of [ent, mixed]) {
      for (const length of lengthsFrom(1, 20 * TiB, new Random(6), 1000)) {
        const { grid, levels: it } = levels(descriptor, length, 1024, { block: 0 });
        expect(chunkCellBytes(it.fine, grid), `${descriptor.name} ${length}`).to.be.at.most(grid.cellBytes);
        expect(chunkCellBytes(it.least, grid), `${descriptor.name} ${length}`).to.be.at.most(grid.cellBytes);
      }
    }
  });

  it('start at 64 bytes a byte of whole fields where that is more than 64 KiB', () => {
    expect(levels(hist, GiB).levels.least).to.equal(64 * KiB);
    expect(levels(mixed, GiB).levels.least).to.equal(512 * KiB);
  });

  it('of blocks are N·2^k, self-aligned, of at least 64 KiB', () => {
    const random = new Random(7);
    for (const length of lengthsFrom(1, 20 * TiB, random, 1000)) {
      const block = Math.max(Math.ceil(length / cellsMax), random.int(1, 200_000));
      const { grid, levels: it } = levels(ent, length, 1024, { block });
      expect(it.unit).to.equal(block);
      expect([it.least, it.fine, it.coarse].every((size) => isIn(size, block))).to.equal(true);
      expect(it.least <= it.fine && it.fine <= it.coarse).to.equal(true);
      expect(it.least).to.be.at.least(64 * KiB);
      expect(it.least === block || it.least / 2 < 64 * KiB).to.equal(true);
      expect(chunkCellBytes(it.coarse, grid)).to.equal(block);
    }
  });

  it('cover the request and its snapped tenfold zoom for every length from 2 GiB to 20 TiB', () => {
    for (const length of lengthsFrom(2 * GiB, 20 * TiB, new Random(8), 5000)) {
      const { grid, levels: it } = levels(ent, length, 1024, { block: 0 });
      const zoom = gridFor(ent, { block: 0 }, Math.ceil(length / 10), 1024);
      expect(it.fine / cellsPerChunk, `${length}`).to.be.at.most(grid.cellBytes);
      expect(it.fine / cellsPerChunk, `${length}`).to.be.at.most(zoom.cellBytes);
    }
  });
});

describe('cache/blocks: chunks and their cells', () => {
  it('have 64 cells, but none narrower than a block, whatever was asked', () => {
    const grid = gridFor(ent, { block: 0 }, GiB, 1024);
    expect(chunkCellBytes(GiB, grid)).to.equal(16 * MiB);
    expect(chunkCellBytes(MiB, grid)).to.equal(16 * KiB);
    expect(chunkCellBytes(64 * KiB, grid)).to.equal(4096);
    expect(chunkCellBytes(16, grid)).to.equal(4096);
    expect(chunkCellBytes(MiB, gridFor(hist, {}, GiB, 1))).to.equal(0);
    expect(pieceCellBytes({ start: 0, end: MiB, chunk: true }, grid)).to.equal(16 * KiB);
    expect(pieceCellBytes({ start: 5, end: MiB, chunk: false }, grid)).to.equal(4096);
  });
});

describe('cache/blocks: covering a gap', () => {
  const plain: Levels = { unit: 1, least: 64 * KiB, fine: MiB, coarse: 8 * MiB };

  it('of a small file takes one chunk, 0_pow2ceil(size)', () => {
    for (const size of [1, 2, 3, 4095, 4096, 4097, 65_535, 65_536, 65_537, 700_000, MiB]) {
      expect(coverGap(0, size, plain, size)).to.deep.equal([{ start: 0, end: pow2ceil(size), chunk: true }]);
    }
    expect(coverGap(0, 0, plain, 0)).to.deep.equal([]);
  });

  it('at the end of the file keeps the nominal chunk', () => {
    expect(coverGap(0, MiB + 5, plain, MiB + 5)).to.deep.equal([
      { start: 0, end: MiB, chunk: true },
      { start: MiB, end: 2 * MiB, chunk: true },
    ]);
  });

  it('takes halves towards bounds on the least chunk, and edge pieces beyond', () => {
    expect(coverGap(960 * KiB, 2 * MiB + 192 * KiB + 7, plain, GiB)).to.deep.equal([
      { start: 960 * KiB, end: MiB, chunk: true },
      { start: MiB, end: 2 * MiB, chunk: true },
      { start: 2 * MiB, end: 2 * MiB + 128 * KiB, chunk: true },
      { start: 2 * MiB + 128 * KiB, end: 2 * MiB + 192 * KiB, chunk: true },
      { start: 2 * MiB + 192 * KiB, end: 2 * MiB + 192 * KiB + 7, chunk: false },
    ]);
    expect(coverGap(10, 20, plain, 100)).to.deep.equal([{ start: 10, end: 20, chunk: false }]);
    expect(coverGap(10, 100, plain, 100)).to.deep.equal([{ start: 10, end: 100, chunk: false }]);
    expect(coverGap(0, 20, plain, 100)).to.deep.equal([{ start: 0, end: 20, chunk: false }]);
  });

  it('is exact, disjoint and self-aligned for random ranges, with edge pieces only towards unaligned bounds', () => {
    const random = new Random(9);
    for (let i = 0; i < 4000; i++) {
      const { grid, levels: it, limit, start, end } = randomGap(random);
      const pieces = coverGap(start, end, it, limit);
      checkCover(pieces, start, end, it, limit);
      expect(pieces.every((piece) => grid.cellBytes % pieceCellBytes(piece, grid) === 0)).to.equal(true);
      const isWhole = (bound: number) => bound % it.least === 0 || bound === limit;
      if (isWhole(start) && isWhole(end)) {
        expect(pieces.every((piece) => piece.chunk)).to.equal(true, `${start}:${end} of ${limit}`);
      }
    }
  });
});

function randomGap(random: Random) {
  const limit = Math.floor(2 ** (random.unit() * 34));
  const block = random.chance(0.3) ? Math.max(Math.ceil(limit / cellsMax), random.int(1, 100_000)) : 0;
  const length = Math.max(1, random.int(0, limit));
  const { grid, levels: it } = levels(ent, length, random.pick([10, 1024, 100_000]), { block });
  const snap = (any: number) => {
    const inside = Math.max(0, Math.min(limit, any));
    const to = (size: number) => Math.floor(inside / size) * size;
    return random.pick([inside, to(it.least), to(it.fine), to(blockBytes), any <= 0 ? 0 : inside]);
  };
  // A gap is what is left of a request of that length, or about that: it does not make thousands of pieces.
  const from = random.pick([0, random.int(0, limit - length), limit - length]);
  const [start, end] = [snap(from), snap(random.pick([from + length, limit, from + random.int(0, length)]))];
  const far = end - start > 2 * length;
  return { grid, levels: it, limit, start: Math.min(start, end), end: far ? start + length : Math.max(start, end) };
}

function checkCover(pieces: readonly Piece[], start: number, end: number, it: Levels, limit: number): void {
  const faults: string[] = [];
  const must = (ok: boolean, what: string, piece: Piece) => {
    if (!ok) faults.push(`${JSON.stringify(piece)} of ${start}:${end} in ${limit}: ${what}`);
  };
  let at = start;
  for (const piece of pieces) {
    must(piece.start === at, 'pieces are adjacent', piece);
    at = Math.min(piece.end, end);
    const size = piece.end - piece.start;
    if (piece.chunk) {
      must(isIn(size, it.unit) && piece.start % size === 0, 'a chunk is self-aligned', piece);
      must(size <= it.fine && (size >= it.least || piece.start === 0), 'a chunk has a level’s size', piece);
      must(piece.end <= end || end === limit, 'only the end of the data clips a chunk', piece);
    } else {
      const isFirst = piece.start === start && start % it.least !== 0;
      const isLast = piece.end === end && end % it.least !== 0;
      must(isFirst || isLast, 'an edge piece lies at an unaligned bound', piece);
      must(size < it.least, 'an edge piece is short', piece);
    }
  }
  expect(faults).to.deep.equal([]);
  expect(at).to.equal(end);
}

describe('cache/blocks: the order of pieces', () => {
  it('is a permutation', () => {
    for (const n of [0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 255, 256, 257, 1000]) {
      expect([...spreadOrder(n)].sort((a, b) => a - b)).to.deep.equal(Array.from({ length: n }, (_, i) => i));
    }
  });

  it('has heads that are spread: the first 2^k of a full order are its multiples', () => {
    const order = spreadOrder(256);
    for (let head = 1; head <= 256; head *= 2) {
      const sorted = order.slice(0, head).sort((a, b) => a - b);
      expect(sorted).to.deep.equal(Array.from({ length: head }, (_, i) => (i * 256) / head));
    }
  });

  it('leaves no stretch of the range untouched for long: gaps in a head of m are under 4·n/m', () => {
    for (const n of [5, 37, 100, 1000, 1025]) {
      const order = spreadOrder(n);
      for (let m = 4; m <= n; m = Math.ceil(m * 1.5)) {
        const taken = [...order.slice(0, m), n].sort((a, b) => a - b);
        const widest = Math.max(...taken.map((at, i) => at - (taken[i - 1] ?? 0)));
        expect(widest, `${m} of ${n}`).to.be.below((4 * n) / m);
      }
    }
  });
});

function refusalOf(act: () => unknown): { code: string; message: string } | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (!isBinglideError(error)) throw error;
    return error;
  }
}
