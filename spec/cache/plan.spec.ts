import { expect } from 'chai';
import {
  chunkCellBytes,
  type Grid,
  gridFor,
  type Levels,
  levelsFor,
  pieceCellBytes,
  snapRange,
} from '../../cache/blocks.js';
import { type Parent, type Plan, type PlanInput, parentsOf, planFor } from '../../cache/plan.js';
import { cellBounds, cellCount, type Descriptor, type FieldSpec, gather, type Part } from '../../protocol/index.js';
import { defineService, field } from '../../workers/index.js';
import { builtinDescriptors } from '../../workers/services/index.js';
import { Random } from '../random.js';

const KiB = 1024;
const MiB = 2 ** 20;
const GiB = 2 ** 30;

type Bounds = { readonly start: number; readonly end: number };

const [hist, ent] = builtinDescriptors as [Descriptor, Descriptor];
/** Has cells and a field that is not per cell: its chunks answer whole or not at all. */
const mixed = defineService({
  name: 'MIXED',
  version: 1,
  fields: { ones: field.u8({ merge: 'sum', cells: true, perByteMax: 8 }), total: field.u8({ merge: 'sum' }) },
}).descriptor;

function inputFor(descriptor: Descriptor, range: readonly [number, number], limit: number, cells: number, block = 0) {
  const length = range[1] - range[0];
  const grid = gridFor(descriptor, { block }, length, cells, range[0]);
  const levels = levelsFor(descriptor, { block }, grid, length);
  return { start: range[0], end: range[1], limit, grid, levels, cached: [] as Bounds[] };
}

/** What a broker that computes all of the plan keeps of it. */
function kept(input: PlanInput, plan: Plan): Bounds[] {
  const chunks = plan.missing.filter((piece) => piece.chunk);
  return [...chunks, ...parentsOf(input, plan).map(({ chunk }) => chunk)].map(({ start, end }) => ({ start, end }));
}

function union(known: readonly Bounds[], more: readonly Bounds[]): Bounds[] {
  const byName = new Map([...known, ...more].map((bounds) => [`${bounds.start}_${bounds.end}`, bounds]));
  return [...byName.values()];
}

function randomRequest(random: Random, limit: number) {
  const descriptor = random.pick([hist, ent, ent, mixed]);
  const block = descriptor === ent && random.chance(0.3) ? random.pick([4096, 1000, 37, 70_000, 512]) : 0;
  const bound = () => {
    const any = random.int(0, limit);
    return random.pick([any, Math.floor(any / (64 * KiB)) * 64 * KiB, Math.floor(any / 4096) * 4096, 0, limit]);
  };
  const [a, b] = [bound(), bound()];
  const range = a < b ? ([a, b] as const) : ([b, a] as const);
  return inputFor(descriptor, range, limit, random.pick([1, 3, 10, 64, 1024]), block);
}

function randomChunks(random: Random, { grid, levels, limit }: PlanInput): Bounds[] {
  const unit = random.chance(0.9) ? levels.unit : random.pick([1, 3, 4096]);
  const near = levels.least / levels.unit;
  return Array.from({ length: random.int(0, 20) }, () => {
    const size = unit * near * 2 ** random.int(-1, grid.block > 0 ? 4 : 7);
    const start = size * random.int(0, Math.floor(limit / size));
    return { start, end: start + size };
  });
}

describe('cache/plan: hits and what is missing', () => {
  it('make up the range and are disjoint, whatever is cached: a map of every byte agrees', () => {
    const random = new Random(11);
    for (let i = 0; i < 300; i++) {
      const limit = random.int(1, random.pick([MiB, 3 * MiB]));
      const input = randomRequest(random, limit);
      input.cached.push(...randomChunks(random, input));
      checkPlan(input, planFor(input));
    }
  });

  it('of an empty range are none', () => {
    const input = inputFor(ent, [5, 5], 10, 1024);
    expect(planFor({ ...input, cached: [{ start: 0, end: 16 }] })).to.deep.equal({ hits: [], missing: [] });
  });

  it('leave a chunk out whose cells are wider than the request’s', () => {
    const input = inputFor(ent, [0, 64 * MiB], 64 * MiB, 16_384);
    expect(input.grid.cellBytes).to.equal(4096);
    const { hits, missing } = planFor({ ...input, cached: [{ start: 0, end: MiB }] });
    expect(hits).to.deep.equal([]);
    expect(missing.length).to.equal(256);
  });

  it('cut a chunk at the range where every field is per cell, and not where one is not', () => {
    const range = [MiB + 64 * KiB, 3 * MiB] as const;
    const cached = [{ start: MiB, end: 2 * MiB }];
    const cut = planFor({ ...inputFor(ent, range, 8 * MiB, 64), cached });
    expect(cut.hits).to.deep.equal([
      { chunk: { start: MiB, end: 2 * MiB, chunk: true }, start: MiB + 64 * KiB, end: 2 * MiB },
    ]);
    for (const descriptor of [mixed, hist]) {
      expect(planFor({ ...inputFor(descriptor, range, 8 * MiB, 64), cached }).hits).to.deep.equal([]);
    }
    // Blocks computed whole: ENT's total is no longer made of its cells.
    expect(planFor({ ...inputFor(ent, range, 8 * MiB, 64, 4096), cached }).hits).to.deep.equal([]);
  });

  it('fill from smaller chunks what the wide cells of a larger one leave at the bounds', () => {
    const input = inputFor(ent, [MiB + 64 * KiB, 300 * MiB], GiB, 1024);
    const cached = [
      { start: MiB, end: 2 * MiB },
      { start: 0, end: 8 * MiB },
    ];
    const { hits } = planFor({ ...input, cached });
    expect(hits.map(({ chunk, start, end }) => [chunk.end - chunk.start, start, end])).to.deep.equal([
      [MiB, MiB + 64 * KiB, MiB + 128 * KiB],
      [8 * MiB, MiB + 128 * KiB, 8 * MiB],
    ]);
  });
});

describe('cache/plan: a request that comes again', () => {
  it('misses no chunk, and only edge pieces at bounds that lie on no least chunk', () => {
    const random = new Random(12);
    for (let i = 0; i < 60; i++) {
      const limit = random.int(1, random.pick([MiB, 3 * MiB]));
      const caches = new Map<string, Bounds[]>();
      for (let j = 0; j < 6; j++) {
        const input = randomRequest(random, limit);
        const { clips, block, cellBytes } = input.grid;
        const key = `${clips} ${block} ${cellBytes > 0}`;
        const first = { ...input, cached: caches.get(key) ?? [] };
        const cached = union(first.cached, kept(first, planFor(first)));
        caches.set(key, cached);
        const again = planFor({ ...first, cached });
        checkPlan({ ...first, cached }, again);
        expect(again.missing.filter((piece) => piece.chunk)).to.deep.equal([]);
        const { start, end, levels } = first;
        const loose = [start, end].filter((bound) => bound % levels.least !== 0 && bound !== limit);
        expect(again.missing.length, `${start}:${end} of ${limit}`).to.be.at.most(loose.length);
      }
    }
  });

  it('of any length from 1 byte on finds the whole file at hand', () => {
    for (const size of [1, 4095, 4096, 4097, 65_536, 65_537, MiB - 1, MiB, 5 * MiB + 3, 300 * MiB, 4 * GiB]) {
      for (const descriptor of [hist, ent, mixed]) {
        const input = inputFor(descriptor, [0, size], size, 1024);
        const cached = kept(input, planFor(input));
        expect(planFor({ ...input, cached }).missing, `${descriptor.name} ${size}`).to.deep.equal([]);
      }
    }
  });

  it('folds nothing that is at hand', () => {
    const input = inputFor(ent, [0, GiB], GiB, 1024);
    const first = planFor(input);
    expect(parentsOf(input, first).length).to.be.greaterThan(0);
    const again = { ...input, cached: kept(input, first) };
    expect(parentsOf(again, planFor(again))).to.deep.equal([]);
  });

  it('as a snapped tenfold zoom anywhere inside a finished 4 GiB ENT misses nothing', () => {
    const random = new Random(13);
    const whole = inputFor(ent, [0, 4 * GiB], 4 * GiB, 1024);
    const cached = kept(whole, planFor(whole));
    const length = Math.floor((4 * GiB) / 10);
    for (let i = 0; i < 300; i++) {
      const start = random.pick([0, 4 * GiB - length, random.int(0, 4 * GiB - length)]);
      const asked = [start, start + length] as const;
      const snapped = snapRange(asked, gridFor(ent, { block: 0 }, length, 1024), 4 * GiB);
      const grid = gridFor(ent, { block: 0 }, length, 1024);
      const levels = levelsFor(ent, { block: 0 }, grid, snapped[1] - snapped[0]);
      const plan = planFor({ start: snapped[0], end: snapped[1], limit: 4 * GiB, grid, levels, cached });
      expect(plan.missing, `${snapped}`).to.deep.equal([]);
    }
  });
});

describe('cache/plan: parents', () => {
  const counts: FieldSpec = {
    name: 'counts',
    dtype: 'u8',
    shape: [4],
    merge: 'sum',
    cells: true,
    perByteMax: 1,
  };

  /** The part as a worker computes it: how often each value of two bits stands in each cell. */
  function directPart(data: Uint8Array, start: number, end: number, cellBytes: number): Part {
    const span = { start, end, cellBytes };
    const column = new Float64Array(cellCount(span) * 4);
    for (let i = 0; i < cellCount(span); i++) {
      const [from, to] = cellBounds(span, i);
      for (let at = from; at < to; at++) column[i * 4 + (data[at]! & 3)]!++;
    }
    return { ...span, columns: { counts: column } };
  }

  /** The parent from the pieces of the plan that lie in it, each coarsened on its own as it comes. */
  function folded({ limit, grid }: PlanInput, plan: Plan, { chunk, end }: Parent, data: Uint8Array): Part {
    const cellBytes = chunkCellBytes(chunk.end - chunk.start, grid);
    const pieces = [
      ...plan.hits.map((hit) => ({ ...hit, cell: pieceCellBytes(hit.chunk, grid) })),
      ...plan.missing.map((piece) => ({
        ...piece,
        end: Math.min(piece.end, limit),
        cell: pieceCellBytes(piece, grid),
      })),
    ].filter((piece) => piece.start >= chunk.start && piece.end <= end);
    pieces.sort((a, b) => a.start - b.start);
    const parts = pieces.map((piece) => {
      const part = directPart(data, piece.start, piece.end, piece.cell);
      return gather([counts], {}, [part], { start: part.start, end: part.end, cellBytes });
    });
    return gather([counts], {}, parts, { start: chunk.start, end, cellBytes });
  }

  it('gathered from their pieces equal what one task would have computed', () => {
    const random = new Random(14);
    let parents = 0;
    for (let i = 0; i < 10; i++) {
      const limit = random.int(MiB, 3 * MiB);
      const data = random.bytes(4096);
      const file = Uint8Array.from({ length: limit }, (_, at) => data[at % 4096]! ^ (at >> 12));
      const levels: Levels = { unit: 1, least: 64 * KiB, fine: 256 * KiB, coarse: MiB };
      const grid: Grid = { cellBytes: 64 * KiB, block: 0, form: 'summed', clips: true };
      const start = random.pick([0, 0, random.int(0, limit)]);
      const end = random.pick([limit, limit, random.int(start, limit)]);
      const input: PlanInput = { start, end, limit, grid, levels, cached: [] };
      const cached = randomChunks(random, input).filter((it) => it.end - it.start < 256 * KiB);
      const plan = planFor({ ...input, cached });
      for (const parent of parentsOf({ ...input, cached }, plan)) {
        parents++;
        const cellBytes = chunkCellBytes(parent.chunk.end - parent.chunk.start, grid);
        expect(folded(input, plan, parent, file)).to.deep.equal(
          directPart(file, parent.chunk.start, parent.end, cellBytes),
        );
      }
    }
    expect(parents).to.be.greaterThan(5);
  });

  it('lie whole inside the range, and only where pieces of smaller size make them up', () => {
    const input = inputFor(ent, [64 * KiB, 40 * MiB], 64 * MiB, 1024);
    const { levels } = input;
    const parents = parentsOf(input, planFor(input));
    expect(parents.map(({ chunk }) => chunk.end - chunk.start)).to.deep.equal(
      Array.from({ length: 40 / (levels.coarse / MiB) - 1 }, () => levels.coarse),
    );
    const wide = { ...input, cached: [{ start: levels.coarse, end: 2 * levels.coarse }] };
    expect(parentsOf(wide, planFor(wide)).some(({ chunk }) => chunk.start === levels.coarse)).to.equal(false);
  });
});

/** The plan against a map of every byte: 1 for what cached cells can answer, 2 for all else in the range. */
function checkPlan(input: PlanInput, { hits, missing }: Plan): void {
  const { start, end, limit, cached } = input;
  const wanted = new Uint8Array(limit).fill(2, start, end);
  for (const chunk of cached) markAble(wanted, chunk, input);
  const taken = new Uint8Array(limit);
  let bytes = 0;
  for (const hit of hits) {
    const { chunk } = hit;
    expect(cached.some((it) => it.start === chunk.start && it.end === chunk.end)).to.equal(true);
    expect(hit.start >= chunk.start && hit.end <= chunk.end).to.equal(true);
    taken.fill(1, hit.start, hit.end);
    bytes += hit.end - hit.start;
  }
  for (const piece of missing) {
    const last = Math.min(piece.end, limit);
    taken.fill(2, piece.start, last);
    bytes += last - piece.start;
  }
  expect(Buffer.compare(taken, wanted), 'hits are what cells can answer, and all else is missing').to.equal(0);
  expect(bytes, 'no byte stands in two').to.equal(end - start);
  for (const list of [hits, missing]) {
    expect(list.every((piece, i) => i === 0 || piece.start >= list[i - 1]!.end)).to.equal(true);
  }
}

/** The cells of a cached chunk that lie in the range whole and are fine enough, one by one. */
function markAble(map: Uint8Array, chunk: Bounds, { start, end, limit, grid, levels }: PlanInput): void {
  const size = chunk.end - chunk.start;
  const k = Math.log2(size / levels.unit);
  if (!Number.isInteger(k) || k < 0 || chunk.start % size !== 0 || chunk.start >= limit) return;
  const last = Math.min(chunk.end, limit);
  if (!grid.clips) {
    const fine = grid.cellBytes === 0 || chunkCellBytes(size, grid) <= grid.cellBytes;
    if (fine && chunk.start >= start && last <= end) map.fill(1, chunk.start, last);
    return;
  }
  const span = { start: chunk.start, end: last, cellBytes: chunkCellBytes(size, grid) };
  if (span.cellBytes > grid.cellBytes) return;
  for (let i = 0; i < cellCount(span); i++) {
    const [from, to] = cellBounds(span, i);
    if (from >= start && to <= end) map.fill(1, from, to);
  }
}
