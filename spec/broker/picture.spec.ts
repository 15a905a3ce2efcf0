import { expect } from 'chai';
import { Picture } from '../../broker/picture.js';
import { type Grid, gridFor } from '../../cache/blocks.js';
import type { Descriptor, JobId, Part, Report, Work } from '../../protocol/index.js';
import { builtinDescriptors } from '../../workers/services/index.js';
import { Random } from '../random.js';
import { cellOf, cellOracle, marks, oracle, params, partOf, wholeOf } from './marks.js';

const [hist, ent] = builtinDescriptors as [Descriptor, Descriptor];
const work: Work = {
  bytesRead: 0,
  bytesHashed: 0,
  tasks: 0,
  chunksCached: 0,
  chunksComputed: 0,
  firstReportMs: null,
  elapsedMs: 0,
};
const more = { jobId: '1:a1' as JobId, inputs: [], work };

/** Mostly unmarked, with stretches long and short, some of them over many cells. */
function randomData(random: Random, length: number): Uint8Array {
  const data = random.bytes(length).map((byte) => byte | 64);
  for (let i = 0; i < 12; i++) {
    const at = random.int(0, length);
    data.fill(random.int(0, 63), at, at + random.pick([1, 2, 5, 100, 5000, 30_000]));
  }
  return data;
}

/** The range cut at random, each piece with cells of its own width that nest in the request's. */
function randomPieces(random: Random, start: number, end: number, cellBytes: number): [number, number, number][] {
  const cuts = new Set([start, end]);
  for (let i = random.int(0, 9); i > 0; i--) cuts.add(random.int(start, end));
  const sorted = [...cuts].sort((a, b) => a - b);
  return sorted.slice(1).map((to, i) => [sorted[i]!, to, random.pick([cellBytes, cellBytes / 2, cellBytes / 8])]);
}

function known(parts: readonly Part[]): [number, number][] {
  const sorted = [...parts].sort((a, b) => a.start - b.start);
  const out: [number, number][] = [];
  for (const { start, end } of sorted) {
    const last = out.at(-1);
    if (last?.[1] === start) last[1] = end;
    else out.push([start, end]);
  }
  return out;
}

function picture(range: readonly [number, number], cellBytes: number, data = range): Picture {
  const grid: Grid = { cellBytes, block: 0, form: 'summed', clips: true };
  return new Picture({ descriptor: marks, params, grid, range, data });
}

/** A report as it stands now; its arrays go on changing. */
const frozen = (report: Report): Report => structuredClone(report);

/** A field that does not say how long its rows are; `wide` numbers each. */
const shapeless = {
  ...ent,
  params: [],
  report: [{ name: 'lanes', of: 'lanes', finish: 'value', scope: 'both' }],
  fields: [{ name: 'lanes', dtype: 'u8', merge: 'sum', cells: true }],
} as unknown as Descriptor;

function shapelessPicture(): Picture {
  const grid: Grid = { cellBytes: 4096, block: 0, form: 'summed', clips: true };
  return new Picture({ descriptor: shapeless, params: {}, grid, range: [0, 8192], data: [0, 8192] });
}

function lanesOf(start: number, end: number, lanes: readonly number[], sampled?: number): Part {
  const told = { n: Float64Array.of(sampled ?? 0), lo: Float64Array.of(0.25), hi: Float64Array.of(0.5) };
  const columns = { lanes: Float64Array.from(lanes), ...(sampled !== undefined && told) };
  return { start, end, cellBytes: 4096, columns };
}

describe('broker/picture', () => {
  it('estimates rows of several numbers that no shape announced, and has no interval for them', () => {
    const it = shapelessPicture();
    it.addSample(lanesOf(0, 1024, [1, 2, 3], 1024));
    const report = it.report(more);
    expect([...report.arrays.lanes!.data]).to.deep.equal([4, 8, 12]);
    expect([...report.arrays['cells.lanes']!.data.subarray(0, 3)]).to.deep.equal([4, 8, 12]);
    expect(report.arrays).not.to.have.any.keys('cells.lo', 'cells.hi');
    it.add(lanesOf(0, 4096, [5, 6, 7]));
    it.add(lanesOf(4096, 8192, [1, 1, 1]));
    expect([...it.report(more).arrays['cells.lanes']!.data]).to.deep.equal([5, 6, 7, 1, 1, 1]);
    expect(it.report(more).arrays).not.to.have.any.keys('cells.lo', 'cells.hi');
  });

  it('keeps the interval of rows of one number, and loses it with the first exact row of several', () => {
    const one = shapelessPicture();
    one.addSample(lanesOf(0, 1024, [4], 1024));
    expect([one.report(more).arrays['cells.lo']!.data[0], one.report(more).arrays['cells.hi']!.data[0]]).to.deep.equal([
      0.25 * 4096,
      0.5 * 4096,
    ]);
    const several = shapelessPicture();
    several.add(lanesOf(0, 4096, [5, 6, 7]));
    expect(several.report(more).arrays).not.to.have.any.keys('cells.lo', 'cells.hi');
  });

  it('from parts of random pieces in random order shows what the bytes say, cell by cell and whole', () => {
    const random = new Random(21);
    for (let i = 0; i < 60; i++) {
      const data = randomData(random, random.int(1, 120_000));
      const start = random.int(0, data.length);
      const end = random.int(start, data.length);
      const cellBytes = random.pick([4096, 8192, 32_768]);
      const it = picture([start, end], cellBytes);
      const parts = randomPieces(random, start, end, cellBytes).map(([a, b, cell]) => partOf(data, a, b, cell));
      for (const part of random.shuffle(parts)) it.add(part);
      const report = it.report(more);
      expect(report).to.include({ completion: 1, exact: true, cellBytes });
      expect(wholeOf(report)).to.deep.equal(oracle(data, start < end ? [[start, end]] : []));
      const cells = report.arrays['cells.start']!;
      cells.data.forEach((from, cell) => {
        const to = Math.min(end, (Math.floor(from / cellBytes) + 1) * cellBytes);
        const wanted = cellOracle(data, from, to);
        const shown = cellOf(report, cell);
        expect({ ...shown, h: 0 }).to.deep.equal({ ...wanted, h: 0 });
        expect(shown.h).to.be.closeTo(wanted.h!, 1e-9);
      });
      expect(cells.data.length).to.equal(start < end ? Math.ceil(end / cellBytes) - Math.floor(start / cellBytes) : 0);
    }
  });

  it('before the last part is a true partial: exact bytes only, cells known once complete, completion never falling', () => {
    const random = new Random(22);
    for (let i = 0; i < 25; i++) {
      const data = randomData(random, random.int(1000, 100_000));
      const cellBytes = 4096;
      const it = picture([0, data.length], cellBytes);
      const pieces = randomPieces(random, 0, data.length, cellBytes);
      const parts = random.shuffle(pieces.map(([a, b, cell]) => partOf(data, a, b, cell)));
      let completion = it.completion;
      parts.forEach((part, step) => {
        it.add(part);
        const report = frozen(it.report(more));
        const there = known(parts.slice(0, step + 1));
        expect(wholeOf(report)).to.deep.equal(oracle(data, there));
        expect(report.completion).to.be.greaterThan(completion);
        expect(report.exact).to.equal(step === parts.length - 1);
        completion = report.completion;
        const state = report.arrays['cells.state']!.data;
        let n = 0;
        state.forEach((value, cell) => {
          const [from, to] = [cell * cellBytes, Math.min(data.length, (cell + 1) * cellBytes)];
          const bytes = there.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, to) - Math.max(a, from)), 0);
          n += bytes;
          expect(report.arrays['cells.n']!.data[cell]).to.equal(bytes);
          expect(value).to.equal(bytes === to - from ? 2 : 0);
          const shown = cellOf(report, cell);
          if (value === 2) expect(shown.classes).to.deep.equal(cellOracle(data, from, to).classes);
          else expect(shown).to.deep.include({ h: null, first: null, bits: null, longest: null });
        });
        expect(n).to.equal(report.scalars.n);
      });
    }
  });

  it('takes each byte once: a second part of the same bytes is our own bug', () => {
    const data = randomData(new Random(23), 10_000);
    const it = picture([0, 10_000], 4096);
    it.add(partOf(data, 0, 8192, 4096));
    expect(() => it.add(partOf(data, 4096, 8192, 4096))).to.throw(/assertion failed: each byte is added once/);
  });

  it('of an empty file is exact at once, with no cells and nothing found', () => {
    const it = picture([0, 0], 4096);
    const report = it.report(more);
    expect(report).to.include({ completion: 1, exact: true });
    expect(wholeOf(report)).to.deep.equal(oracle(new Uint8Array(0), []));
    for (const [name, { shape, data }] of Object.entries(report.arrays)) {
      if (name.startsWith('cells.')) expect([shape[0], data.length], name).to.deep.equal([0, 0]);
    }
  });

  it('before its first part shows zero sums, nothing found and no cell', () => {
    const it = picture([0, 10_000], 4096);
    const report = it.report(more);
    expect(report).to.include({ completion: 0, exact: false });
    expect(wholeOf(report)).to.deep.equal(oracle(new Uint8Array(0), []));
    expect([...report.arrays['cells.state']!.data]).to.deep.equal([0, 0, 0]);
    expect(report.arrays['cells.classes']!.shape).to.deep.equal([3, 4]);
    expect(report.arrays['cells.bits']!.data.every(Number.isNaN)).to.equal(true);
  });

  it('knows cells where only one of two inputs goes: no byte, nothing changed, and no answer that needs bytes', () => {
    const data = randomData(new Random(24), 10_000);
    const it = picture([0, 30_000], 4096, [0, 10_000]);
    it.add(partOf(data, 0, 10_000, 4096));
    const report = it.report(more);
    expect(report).to.include({ completion: 1, exact: true });
    expect([...report.arrays['cells.state']!.data]).to.deep.equal(Array(8).fill(2));
    expect([...report.arrays['cells.n']!.data]).to.deep.equal([4096, 4096, 1808, 0, 0, 0, 0, 0]);
    for (let cell = 3; cell < 8; cell++) {
      expect(cellOf(report, cell)).to.deep.equal({ classes: [0, 0, 0, 0], h: null, first: null, bits: 0, longest: 0 });
    }
    expect(report.arrays['cells.classes']!.dtype).to.equal('u8');
    const alone = picture([20_000, 30_000], 4096, [20_000, 20_000]).report(more);
    expect(alone).to.include({ completion: 1, exact: true });
    expect([...alone.arrays['cells.bits']!.data]).to.deep.equal([0, 0, 0, 0]);
  });

  it('starts its cells where the data does not: a second input that begins later', () => {
    const data = randomData(new Random(25), 20_000);
    const it = picture([0, 20_000], 4096, [5000, 20_000]);
    it.add(partOf(data, 5000, 20_000, 4096));
    const report = it.report(more);
    expect([...report.arrays['cells.n']!.data]).to.deep.equal([0, 3192, 4096, 4096, 3616]);
    expect(wholeOf(report)).to.deep.equal(oracle(data, [[5000, 20_000]]));
  });

  it('of blocks computed whole carries what cannot be added up, and leaves summed fields out', () => {
    const data = randomData(new Random(26), 10_000);
    const grid = gridFor(marks, { gap: 3, block: 1000 }, 9000, 1024);
    const range = [500, 9500] as const;
    const it = new Picture({ descriptor: marks, params, grid, range, data: range });
    it.add(partOf(data, 4000, 9500, 1000, 'whole'));
    it.add(partOf(data, 500, 4000, 1000, 'whole'));
    const report = it.report(more);
    expect([...report.arrays['cells.size']!.data]).to.deep.equal([
      500, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 500,
    ]);
    expect(report.exact).to.equal(true);
  });

  it('of ENT takes its entropy from counts, or under blocks from what was computed whole', () => {
    const counts = Float64Array.from({ length: 512 }, (_, i) => (i < 256 ? 16 : i === 256 ? 4096 : 0));
    const extremes = { qmin: Float64Array.of(5 * 2 ** 24, 0), qmax: Float64Array.of(2 ** 25, 0) };
    const grid = gridFor(ent, { block: 0 }, 8192, 1024);
    const summed = new Picture({ descriptor: ent, params: { block: 0 }, grid, range: [0, 8192], data: [0, 8192] });
    summed.add({ start: 0, end: 8192, cellBytes: 4096, columns: { counts, ...extremes } });
    const report = summed.report(more);
    expect([...report.arrays['cells.h']!.data]).to.deep.equal([8, 0]);
    expect([...report.arrays['cells.min']!.data]).to.deep.equal([5, 0]);
    expect([...report.arrays['cells.max']!.data]).to.deep.equal([2, 0]);
    const total = Float64Array.from({ length: 256 }, (_, i) => counts[i]! + counts[256 + i]!);
    const q = Float64Array.of(8 * 2 ** 24, 0);
    const blocks = gridFor(ent, { block: 4096 }, 8192, 1024);
    const whole = new Picture({
      descriptor: ent,
      params: { block: 4096 },
      grid: blocks,
      range: [0, 8192],
      data: [0, 8192],
    });
    whole.add({ start: 0, end: 8192, cellBytes: 4096, columns: { q, total, ...extremes } });
    const shown = whole.report(more);
    expect([...shown.arrays['cells.h']!.data]).to.deep.equal([8, 0]);
    expect(shown.scalars.h).to.equal(report.scalars.h);
  });

  it('without data stay unknown when all else is exact, which only a float can say', () => {
    const least = {
      ...shapeless,
      report: [{ name: 'least', of: 'least', finish: 'value', scope: 'cell' }],
      fields: [{ name: 'least', dtype: 'u1', merge: 'min', cells: true }],
    } as unknown as Descriptor;
    const columnOf = (end: number) => {
      const grid: Grid = { cellBytes: 4096, block: 0, form: 'summed', clips: true };
      const it = new Picture({ descriptor: least, params: {}, grid, range: [0, 8192], data: [0, end] });
      it.add({ start: 0, end, cellBytes: 4096, columns: { least: Float64Array.of(7, 9).subarray(0, end / 4096) } });
      const { dtype, data } = it.report(more).arrays['cells.least']!;
      return [dtype, [...data]];
    };
    expect(columnOf(8192)).to.deep.equal(['u8', [7, 9]]);
    expect(columnOf(4096)).to.deep.equal(['f8', [7, NaN]]);
  });

  it('of a service without cells shows none', () => {
    const grid = gridFor(hist, {}, 100, 1024);
    const it = new Picture({ descriptor: hist, params: {}, grid, range: [0, 100], data: [0, 100] });
    it.add({ start: 40, end: 100, cellBytes: 0, columns: { counts: new Float64Array(256).fill(0).fill(60, 65, 66) } });
    it.add({ start: 0, end: 40, cellBytes: 0, columns: { counts: new Float64Array(256).fill(0).fill(40, 65, 66) } });
    const report = it.report(more);
    expect(Object.keys(report.arrays)).to.deep.equal(['counts']);
    expect(report.arrays.counts!.data[65]).to.equal(100);
    expect(report.scalars).to.deep.equal({ n: 100 });
  });

  it('passes what the whole pair says on to the scalars', () => {
    const it = picture([0, 0], 4096);
    expect(it.report(more, { onlyA: 5, onlyB: 0 }).scalars).to.include({ onlyA: 5, onlyB: 0, n: 0 });
  });
});
