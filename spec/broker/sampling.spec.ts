import { expect } from 'chai';
import { Picture } from '../../broker/picture.js';
import { runsOf, type SampleTask, sampleRunBytes, sampleRuns, sampleTasks } from '../../broker/sampling.js';
import { gridFor } from '../../cache/blocks.js';
import { cellCount, type Descriptor, type JobId, type Part, type Work } from '../../protocol/index.js';
import { builtinDescriptors } from '../../workers/services/index.js';
import { Random } from '../random.js';

const [hist, ent] = builtinDescriptors as [Descriptor, Descriptor];
const KiB = 1024;
const MiB = 2 ** 20;
const stratumBytesMin = 64 * KiB;

type Interval = readonly [number, number];

/** Stretches that nothing covers, ascending and apart. */
function randomGaps(random: Random, limit: number): Interval[] {
  const bound = () => (random.chance(0.5) ? random.int(0, limit) : random.int(0, limit / 4096) * 4096);
  const bounds = [...new Set(Array.from({ length: 2 * random.int(1, 4) }, bound))].sort((a, b) => a - b);
  const gaps: Interval[] = [];
  for (let i = 0; i + 1 < bounds.length; i += 2) gaps.push([bounds[i]!, bounds[i + 1]!]);
  return gaps;
}

describe('broker/sampling: where to look first', () => {
  it('is at aligned runs, ascending and apart, each inside one gap and one cell', () => {
    const random = new Random(81);
    for (let i = 0; i < 500; i++) {
      const gaps = randomGaps(random, random.pick([MiB, 50 * MiB, 5000 * MiB]));
      const cellBytes = random.pick([0, 4096, 64 * KiB, MiB, 8 * MiB]);
      let at = 0;
      for (const task of sampleTasks(gaps, cellBytes, 2)) {
        const { start, end } = task;
        const runs = runsOf(task);
        expect([start, end]).to.deep.equal([runs[0]![0], runs.at(-1)![1]]);
        // One expectation a task: there are millions of runs.
        const misfit = runs.find(([from, to]) => {
          const isApart = from >= at;
          at = to;
          const isAligned = from % sampleRunBytes === 0 && to - from === sampleRunBytes;
          const isInGap = gaps.some(([low, high]) => from >= low && to <= high);
          const isInCell = cellBytes === 0 || Math.floor(from / cellBytes) === Math.floor((to - 1) / cellBytes);
          return !(isApart && isAligned && isInGap && isInCell);
        });
        expect(misfit, `${JSON.stringify(gaps)} ${cellBytes}`).to.equal(undefined);
      }
    }
  });

  it('is in every cell that is long enough, a few runs each, spread over it', () => {
    const cellBytes = MiB;
    const runs = sampleTasks([[100, 100 * MiB]], cellBytes, 2).flatMap(runsOf);
    for (let cell = 0; cell < 100; cell++) {
      const inside = runs.filter(([from]) => Math.floor(from / cellBytes) === cell);
      expect(inside.length).to.equal(sampleRuns);
      inside.forEach(([from], i) => {
        expect(from % cellBytes).to.be.within((i * MiB) / 4 - sampleRunBytes, ((i + 1) * MiB) / 4);
      });
    }
  });

  it('is the same each time, and not at the same place of each cell', () => {
    const once = sampleTasks([[0, 64 * MiB]], MiB, 2);
    expect(sampleTasks([[0, 64 * MiB]], MiB, 2)).to.deep.equal(once);
    const places = new Set(once.flatMap(runsOf).map(([from]) => from % MiB));
    expect(places.size).to.be.greaterThan(100);
  });

  it('is nowhere where exact answers come as quickly: short gaps, narrow cells, cells without number', () => {
    expect(sampleTasks([[0, stratumBytesMin - 1]], 0, 2)).to.deep.equal([]);
    expect(sampleTasks([[0, 64 * MiB]], 32 * KiB, 2)).to.deep.equal([]);
    expect(sampleTasks([[0, 5000 * 64 * KiB]], 64 * KiB, 2)).to.deep.equal([]);
    expect(sampleTasks([], 0, 2)).to.deep.equal([]);
    expect(sampleTasks([[0, 0]], 4096, 2)).to.deep.equal([]);
  });

  it('is two tasks a slot, of 256 to 1024 runs each, and a task a stratum for a service without cells', () => {
    const lengths = (cells: number, slots: number) =>
      sampleTasks([[0, cells * MiB]], MiB, slots).map((task) => runsOf(task).length);
    expect(lengths(4096, 2)).to.deep.equal(Array(16).fill(1024));
    expect(lengths(1024, 2)).to.deep.equal(Array(4).fill(1024));
    expect(lengths(1024, 4)).to.deep.equal(Array(8).fill(512));
    expect(lengths(1024, 100)).to.deep.equal(Array(16).fill(256));
    expect(lengths(40, 2)).to.deep.equal([160]);
    expect(lengths(520, 1), 'equal shares').to.deep.equal([696, 696, 688]);
    const inner = sampleTasks([[0, 4096 * MiB]], 0, 2);
    expect(inner.map((task) => runsOf(task).length)).to.deep.equal(Array(8).fill(32));
  });
});

describe('broker/sampling: what a report shows of it', () => {
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

  /** The sample as a worker answers it for bytes that are 0 in even and 255 in odd blocks of 4 KiB. */
  const sampleOf = (descriptor: Descriptor, task: SampleTask, cellBytes: number): Part =>
    partOf(descriptor, task, runsOf(task), cellBytes);

  function partOf(
    descriptor: Descriptor,
    { start, end }: { readonly start: number; readonly end: number },
    runs: readonly Interval[],
    cellBytes: number,
  ): Part {
    const span = { start, end, cellBytes };
    const rows = cellCount(span);
    const rowOf = (at: number) => (cellBytes === 0 ? 0 : Math.floor(at / cellBytes) - Math.floor(start / cellBytes));
    const counts = new Float64Array(rows * 256);
    const n = new Float64Array(rows);
    for (const [from, to] of runs) {
      counts[rowOf(from) * 256 + ((from / 4096) % 2) * 255]! += to - from;
      n[rowOf(from)]! += to - from;
    }
    const unknown = new Float64Array(rows).fill(NaN);
    const extremes = { qmin: new Float64Array(rows), qmax: new Float64Array(rows) };
    const columns = { counts, n, lo: unknown, hi: unknown, ...(descriptor === ent && extremes) };
    return { ...span, columns };
  }

  function exactOf(descriptor: Descriptor, start: number, end: number, cellBytes: number): Part {
    const runs: [number, number][] = [];
    for (let at = start; at < end; at += 4096) runs.push([at, Math.min(end, at + 4096)]);
    const part = partOf(descriptor, { start, end }, runs, cellBytes);
    const { n: _, lo: __, hi: ___, ...columns } = part.columns;
    return { ...part, columns };
  }

  function pictureOf(descriptor: Descriptor, bytes: number, tasks: (cellBytes: number) => SampleTask[]) {
    const grid = gridFor(descriptor, { block: 0 }, bytes, 16);
    const picture = new Picture({ descriptor, params: { block: 0 }, grid, range: [0, bytes], data: [0, bytes] });
    const samples = tasks(grid.cellBytes);
    picture.expectSamples(samples);
    return { picture, grid, samples };
  }

  const sumOf = (column: Float64Array) => column.reduce((sum, number) => sum + number, 0);

  it('is an estimate of all bytes, from the first whole set of samples to the last exact piece', () => {
    const bytes = 32 * MiB + 12_345;
    for (const descriptor of [hist, ent]) {
      const { picture, grid, samples } = pictureOf(descriptor, bytes, (cellBytes) =>
        sampleTasks([[0, bytes]], cellBytes, 2),
      );
      for (const task of samples) picture.addSample(sampleOf(descriptor, task, grid.cellBytes));
      const estimated = (at: string) => {
        const report = picture.report(more);
        if (descriptor !== hist) return report.scalars.h as number;
        const { data } = report.arrays.counts!;
        // What is left over at the end is too short to be sampled.
        expect(sumOf(data), at).to.be.within(bytes - stratumBytesMin, bytes + 300);
        expect(data.every(Number.isInteger), 'counts are whole').to.equal(true);
        return data[0]! / bytes;
      };
      expect(estimated('samples')).to.be.closeTo(descriptor === hist ? 0.5 : 1, 0.1);
      expect(picture.report(more)).to.include({ completion: 0, exact: false });
      expect(picture.report(more).scalars).to.include({ n: 0 }).and.have.property('sampledBytes');
      for (let start = 0; start < bytes; start += 3 * MiB) {
        const end = Math.min(bytes, start + 3 * MiB);
        picture.add(exactOf(descriptor, start, end, grid.cellBytes && 4096));
        expect(estimated(`${end}`)).to.be.closeTo(descriptor === hist ? 0.5 : 1, 0.1);
      }
      const report = picture.report(more);
      expect(report).to.include({ completion: 1, exact: true });
      expect(report.scalars).to.not.have.property('sampledBytes');
      if (descriptor === hist) expect(sumOf(report.arrays.counts!.data)).to.equal(bytes);
    }
  });

  it('stands in a cell until the cell is exact, and never replaces what is', () => {
    const bytes = 16 * MiB;
    const { picture, grid, samples } = pictureOf(ent, bytes, (cellBytes) => sampleTasks([[0, bytes]], cellBytes, 2));
    const states = () => [...picture.report(more).arrays['cells.state']!.data];
    const exact = exactOf(ent, 0, MiB, 4096);
    exact.columns.counts!.fill(0);
    for (let row = 0; row < 256; row++) exact.columns.counts![row * 256] = 4096;
    picture.add(exact);
    expect(states()).to.deep.equal([2, ...Array(15).fill(0)]);
    for (const task of samples) picture.addSample(sampleOf(ent, task, grid.cellBytes));
    expect(states()).to.deep.equal([2, ...Array(15).fill(1)]);
    const cells = picture.report(more).arrays;
    expect(cells['cells.h']!.data[0]).to.equal(0);
    expect(cells['cells.h']!.data[1]).to.be.within(0, 1);
    expect([...cells['cells.n']!.data]).to.deep.equal([MiB, ...Array(15).fill(0)]);
    picture.add(exactOf(ent, MiB, 2 * MiB - 4096, 4096));
    expect(states().slice(0, 3), 'all but a block of it').to.deep.equal([2, 1, 1]);
    picture.add(exactOf(ent, 2 * MiB - 4096, 2 * MiB, 4096));
    expect(states().slice(0, 3)).to.deep.equal([2, 2, 1]);
    expect(picture.report(more).arrays['cells.h']!.data[1]).to.equal(1);
    for (const task of samples) picture.addSample(sampleOf(ent, task, grid.cellBytes));
    expect(picture.report(more).arrays['cells.h']!.data[1], 'a late sample').to.equal(1);
  });

  it('leaves the exact numbers as they would be without it, to the bit', () => {
    const bytes = 24 * MiB + 7;
    for (const descriptor of [hist, ent]) {
      const plain = pictureOf(descriptor, bytes, () => []);
      const sampled = pictureOf(descriptor, bytes, (cellBytes) => sampleTasks([[0, bytes]], cellBytes, 2));
      for (const { picture, grid, samples } of [plain, sampled]) {
        const late = samples.splice(samples.length / 2);
        for (const task of samples) picture.addSample(sampleOf(descriptor, task, grid.cellBytes));
        picture.add(exactOf(descriptor, 0, 9 * MiB, grid.cellBytes && 4096));
        for (const task of late) picture.addSample(sampleOf(descriptor, task, grid.cellBytes));
        picture.add(exactOf(descriptor, 9 * MiB, bytes, grid.cellBytes && 4096));
      }
      expect(sampled.picture.report(more)).to.deep.equal(plain.picture.report(more));
    }
  });
});
