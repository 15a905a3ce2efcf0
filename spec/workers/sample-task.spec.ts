import { expect } from 'chai';
import { field, param } from '../../workers/fields.js';
import { defineService } from '../../workers/service.js';
import { ent } from '../../workers/services/ent.js';
import { hist } from '../../workers/services/hist.js';
import { compute, plain, randomFile } from './fixture.js';
import { histogram } from './oracles.js';

describe('the engine, on samples', () => {
  const size = 3_000_001;
  const { host, file, path } = randomFile(size);

  it('takes many runs for a sample, says how much it saw of each cell', async () => {
    const runs: [number, number][] = [
      [100, 200],
      [4096, 4100],
      [5000, 8192],
      [20_480, 24_576],
    ];
    const part = await compute(hist, { paths: [path], runs, cellBytes: 8192, kind: 'sample' }, host);
    const each = runs.map(([start, end]) => histogram(file, start, end));
    const counts = each[0]!.map((_, v) => each.reduce((sum, one) => sum + one[v]!, 0));
    expect(plain(part)).to.deep.equal({
      start: 100,
      end: 24_576,
      cellBytes: 8192,
      // HIST has no number a cell that an interval could be of.
      columns: { counts, n: [100 + 4 + 3192, 0, 4096], lo: [NaN, NaN, NaN], hi: [NaN, NaN, NaN] },
    });
  });

  it('lets each run of a sample look ahead, also where fewer of them fit in memory than are computed at once', async () => {
    let rows = 0;
    const service = defineService({
      name: 'AHEAD',
      version: 1,
      overlap: 'reach',
      params: { reach: param.int({ default: 10, min: 0 }) },
      fields: { n1: field.u8({ merge: 'sum' }) },
      compute(input) {
        for (let i = 0; i < input.rows; i++, rows++) {
          const [start, own, ahead] = [input.offset(i), input.row(i).length, input.ahead(i)];
          expect(ahead.length).to.equal(Math.min(size - start, own + Number(reach)));
          expect(Buffer.compare(ahead, file.subarray(start, start + ahead.length)), `at ${start}`).to.equal(0);
        }
      },
    });
    let reach = 0;
    const runs = Array.from({ length: 40 }, (_, i) => [i * 70_001, i * 70_001 + 4096] as const);
    for (reach of [100, 4096, 70_000]) {
      await compute(service, { paths: [path], runs, kind: 'sample', params: { reach } }, host);
    }
    expect(rows).to.equal(3 * runs.length);
  });

  it('takes one run a cell, whole cells or pieces, and leaves the cells between them empty', async () => {
    for (const cellBytes of [4096, 65_536]) {
      const runs = [0, 3, 4, 9].map((cell) => [cell * cellBytes, cell * cellBytes + 4096] as const);
      const { columns } = await compute(
        ent,
        { paths: [path], runs, cellBytes, kind: 'sample', params: { block: 0 } },
        host,
      );
      for (let cell = 0; cell < 10; cell++) {
        const run = runs.find(([start]) => start === cell * cellBytes);
        const wanted = run ? histogram(file, ...run) : Array(256).fill(0);
        expect([...columns.counts!.subarray(cell * 256, cell * 256 + 256)], `cell ${cell}`).to.deep.equal([...wanted]);
      }
    }
  });

  it('tells the same intervals whether a run is one row or several', async () => {
    const told = async (rowBytes?: number) => {
      const service = defineService({
        name: 'ROWS',
        version: 1,
        ...(rowBytes !== undefined && { rowBytes }),
        fields: { c: field.u8({ shape: [256], merge: 'sum', cells: true, perByteMax: 1 }) },
        report: [{ name: 'h', of: 'c', finish: 'entropy', scope: 'both' }],
        compute(input, out) {
          for (let row = 0; row < input.rows; row++) for (const byte of input.row(row)) out.c[row * 256 + byte]!++;
        },
      });
      const runs = Array.from({ length: 8 }, (_, i) => [i * 262_144, i * 262_144 + 4096] as const);
      const { columns } = await compute(service, { paths: [path], runs, cellBytes: 1 << 20, kind: 'sample' }, host);
      return [columns.lo!, columns.hi!].map((column) => [...column]);
    };
    const once = await told();
    expect(once.flat().every((bound) => bound > 7)).to.equal(true);
    expect(await told(1000)).to.deep.equal(once);
  });

  it('tells intervals of rows of any width, and of counts that no byte value has', async () => {
    const cellBytes = 1 << 20;
    const runs = Array.from({ length: 12 }, (_, i) => [i * 262_144, i * 262_144 + 4096] as const);
    const told = async (width: number, perByteMax: number, values = 16) => {
      const service = defineService({
        name: 'WIDE',
        version: 1,
        fields: { c: field.u8({ shape: [width], merge: 'sum', cells: true, perByteMax }) },
        report: [{ name: 'h', of: 'c', finish: 'entropy', scope: 'both' }],
        compute(input, out) {
          for (let row = 0; row < input.rows; row++) {
            for (const byte of input.row(row)) out.c[row * width + (byte % values)]! += perByteMax;
          }
        },
      });
      const { columns } = await compute(service, { paths: [path], runs, cellBytes, kind: 'sample' }, host);
      return [columns.lo!, columns.hi!].map((column) => [...column.subarray(0, 2)]);
    };
    const usual = await told(256, 1);
    for (const [lo, hi] of [usual.map(([it]) => it!), usual.map(([, it]) => it!)]) {
      expect(lo).to.be.within(3.9, 4);
      expect(hi).to.be.within(lo!, 4.1);
    }
    for (const width of [16, 3000, 65_536]) {
      const [lo] = await told(width, 1);
      expect(lo![0]).to.be.closeTo(usual[0]![0]!, 1e-9);
    }
    // Eight times as many counts are the same distribution, also where they are more than the module has logarithms of.
    for (const values of [16, 2]) {
      const [once, often] = [await told(256, 1, values), await told(256, 8, values)];
      expect(often[0]![0]).to.be.closeTo(once[0]![0]!, 1e-3);
    }
  });
});
