/**
 * Intervals of samples against cells whose every byte is known: seeded files of the patterns that mislead four runs a cell,
 * read at the places that the broker would choose.
 */
import { expect } from 'chai';
import { runsOf, sampleRunBytes, sampleTasks } from '../../broker/sampling.js';
import { boundsOf, type Estimate, estimateOf, type FieldSpec, intervals } from '../../protocol/index.js';
import { Random } from '../random.js';

const cells = 96;
const blocksPerCell = 32;
const cellBytes = blocksPerCell * sampleRunBytes;
const nominal = 0.93;

/** Counts of the values in block `at` of a file. */
type Block = (random: Random, at: number) => Float64Array;
type Finish = 'entropy' | 'value';

function drawn(draws: number, value: () => number): Float64Array {
  const counts = new Float64Array(256);
  for (let i = 0; i < draws; i++) counts[value()]!++;
  return counts;
}

const noise: Block = (random) => drawn(sampleRunBytes, () => random.bits() & 255);
const letters: Block = (random) => drawn(sampleRunBytes, () => 64 + (random.bits() & random.bits() & 63));
const zeros: Block = () => drawn(sampleRunBytes, () => 0);

/** 32-byte records of zeros but for a little-endian counter and two random bytes. */
const records: Block = (random, at) => {
  const counts = zeros(random, at);
  const count = sampleRunBytes / 32;
  for (let i = 0, id = at * count; i < count; i++, id++) {
    for (const value of [id & 255, (id >> 8) & 255, (id >> 16) & 255, random.int(0, 255), random.int(0, 255)]) {
      counts[value]!++;
      counts[0]!--;
    }
  }
  return counts;
};

/** Kinds in turn, each for so many blocks; not in step with the cells. */
const turns =
  (kinds: readonly Block[], blocks: number): Block =>
  (random, at) =>
    kinds[Math.floor((at + 1) / blocks) % kinds.length]!(random, at);

const patterns: { readonly [name: string]: { readonly block: Block; readonly halfMax: number } } = {
  'random bytes, near the most that there can be': { block: noise, halfMax: 0.03 },
  'text, all alike': { block: letters, halfMax: 0.05 },
  'records with a counter, which drifts from run to run': { block: records, halfMax: 0.2 },
  'two kinds in short turns: all four runs may be of one': { block: turns([letters, zeros], 7), halfMax: 3.2 },
  'three kinds in long turns: cells that hold a border': { block: turns([noise, zeros, letters], 75), halfMax: 1.8 },
};

interface World {
  readonly strata: readonly Estimate[];
  readonly exact: readonly number[];
}

/** The first task of samples, over a file of so many cells. */
function worldOf(block: Block, finish: Finish, seed: number): World {
  const random = new Random(seed);
  const width = finish === 'entropy' ? 256 : 1;
  const blocks = Array.from({ length: cells * blocksPerCell }, (_, at) => block(random, at).subarray(0, width));
  const runs = sampleTasks([[0, cells * cellBytes]], cellBytes, 1).flatMap(runsOf);
  const told = (rows: readonly Float64Array[]) =>
    estimateOf(
      { rows: Float64Array.from(rows.flatMap((row) => [...row])), bytes: rows.map(() => sampleRunBytes) },
      finish,
    );
  const strata: Estimate[] = [];
  const exact: number[] = [];
  for (let cell = 0; cell < cells; cell++) {
    const inside = runs
      .map(([start]) => start / sampleRunBytes)
      .filter((at) => Math.floor(at / blocksPerCell) === cell);
    strata.push(told(inside.map((at) => blocks[at]!)));
    exact.push(told(blocks.slice(cell * blocksPerCell, (cell + 1) * blocksPerCell)).value);
  }
  return { strata, exact };
}

const entropy = { low: 0, high: 8, values: 256 };

function judge({ strata, exact }: World, bounds = entropy) {
  const all = intervals(strata, cellBytes, bounds).map(([lo, hi], i) => ({ lo, hi, value: exact[i]! }));
  const known = all.filter(({ lo }) => !Number.isNaN(lo));
  const held = known.filter(({ lo, hi, value }) => lo - 1e-9 <= value && value <= hi + 1e-9);
  const half = known.reduce((sum, { lo, hi }) => sum + (hi - lo) / 2, 0) / known.length;
  return { known: known.length, coverage: held.length / known.length, half };
}

describe('protocol/sample: the interval of a cell that was not read whole', () => {
  for (const [name, { block, halfMax }] of Object.entries(patterns)) {
    it(`holds the entropy: ${name}`, () => {
      const { known, coverage, half } = judge(worldOf(block, 'entropy', 5));
      expect(known).to.equal(cells);
      expect(coverage, `half as wide as ${half}`).to.be.at.least(nominal);
      expect(half).to.be.at.most(halfMax);
    });
  }

  it('holds a sum for each byte: how many are zero, where kinds take turns', () => {
    const share = boundsOf({ name: 'zero', dtype: 'u8', merge: 'sum', cells: true, perByteMax: 1 }, 'value', 1);
    for (const blocks of [7, 75]) {
      const { known, coverage, half } = judge(worldOf(turns([letters, zeros], blocks), 'value', 6), share);
      expect(known).to.be.within(cells / 2, cells);
      expect(coverage, `${blocks}`).to.be.at.least(nominal);
      expect(half, `${blocks}`).to.be.at.most(0.45);
    }
  });

  const rowsOf = (...sums: number[]): Estimate =>
    estimateOf({ rows: Float64Array.from(sums), bytes: sums.map(() => 100) }, 'value');
  const sumBounds = (field: Partial<FieldSpec>) =>
    boundsOf({ name: 'sum', dtype: 'u8', merge: 'sum', cells: true, ...field }, 'value', 1);

  it('is none where nothing can be told: one run, no differences far and wide, all bytes seen', () => {
    const none = [NaN, NaN];
    expect(intervals([rowsOf(5)], 10_000, sumBounds({}))).to.deep.equal([none]);
    expect(intervals([rowsOf(7, 7, 7), rowsOf(7, 7)], 10_000, sumBounds({}))).to.deep.equal([none, none]);
    expect(intervals([rowsOf(7, 8)], 200, sumBounds({}))).to.deep.equal([none]);
    expect(intervals([], 200, sumBounds({}))).to.deep.equal([]);
  });

  it('is taken from the neighbours where the own runs are alike, and from near ones only', () => {
    const alike = Array.from({ length: 6 }, () => rowsOf(50, 50, 50, 50));
    const all = intervals([...alike, rowsOf(0, 100, 0, 100)], 10_000, sumBounds({}));
    const isTold = all.map(([lo]) => !Number.isNaN(lo));
    expect(isTold).to.deep.equal([false, false, true, true, true, true, true]);
    for (const [lo, hi] of all.slice(2)) expect((lo + hi) / 2).to.be.closeTo(0.5, 1e-12);
    const [lo, hi] = intervals([rowsOf(0, 100, 0, 100)], 10_000, sumBounds({}))[0]!;
    expect(hi - lo, 'its own is narrower by the quiet around it').to.be.above(all[6]![1] - all[6]![0]);
  });

  it('is, of four runs alone, mean ± t·s/√4, less what is certain', () => {
    const [lo, hi] = intervals([rowsOf(10, 20, 30, 40)], 4000, sumBounds({}))[0]!;
    const half = 3.182 * Math.sqrt((0.01 * (225 + 25 + 25 + 225)) / 100 / 3 / 4) * Math.sqrt(0.9);
    expect(lo).to.be.closeTo(0.25 - half, 1e-12);
    expect(hi).to.be.closeTo(0.25 + half, 1e-12);
  });

  it('stays inside what the field can be, and no other bound is assumed', () => {
    const wide = [rowsOf(0, 1000)];
    const of = (field: Partial<FieldSpec>) => intervals(wide, 10_000, sumBounds(field))[0]!;
    expect(of({ perByteMax: 8 })).to.deep.equal([0, 8]);
    expect(of({})[0]).to.equal(0);
    expect(of({})[1]).to.be.above(8);
    expect(of({ dtype: 'f8' })[0]).to.be.below(0);
    expect(boundsOf({ name: 'pairs', dtype: 'u8', merge: 'sum', cells: true }, 'entropy', 65_536).high).to.equal(16);
  });
});
