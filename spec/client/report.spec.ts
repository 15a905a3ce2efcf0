import { expect } from 'chai';
import type { DiffFields, EntFields } from '../../client/fields.js';
import { printablePath, Report } from '../../client/report.js';
import type { JobId, NamedArray, Report as WireReport } from '../../protocol/index.js';
import { histReport } from './fake-broker.js';

const jobId = '26:abcdefghijklmnopqrstuvwxy21' as JobId;
const column = (...data: number[]): NamedArray => ({
  dtype: 'f8',
  shape: [data.length],
  data: Float64Array.from(data),
});

async function written(report: Report<unknown>): Promise<string[]> {
  const pieces: string[] = [];
  await report.writeJson(async (piece) => void pieces.push(piece));
  return pieces;
}
async function checkJson(report: Report<unknown>): Promise<unknown> {
  const text = (await written(report)).join('');
  expect(text).to.equal(JSON.stringify(report));
  return JSON.parse(text);
}

const entReport: WireReport = {
  ...histReport(jobId, 0.5),
  service: 'ENT',
  cellBytes: 4096,
  scalars: { h: 6.5, n: 8192 },
  arrays: {
    'cells.state': { dtype: 'u1', shape: [3], data: Float64Array.of(0, 1, 2) },
    'cells.start': column(0, 4096, 8192),
    'cells.n': column(0, 64, 4096),
    'cells.h': column(NaN, 6.25, 8),
    'cells.min': column(NaN, NaN, 7.5),
    'cells.max': column(NaN, NaN, 8),
  },
};

describe('report', () => {
  it('of HIST is the public contract, in its order', async () => {
    const json = (await checkJson(new Report(histReport(jobId, 1)))) as { fields: object };
    const keys = ['format', 'service', 'inputs', 'range', 'jobId', 'completion', 'exact', 'fields', 'work'];
    expect(Object.keys(json)).to.deep.equal(keys);
    expect({ ...json, fields: Object.keys(json.fields), work: 0 }).to.deep.equal({
      format: 'binglide.report/1',
      service: 'HIST',
      inputs: [{ path: '/data/a.bin', size: 4096, hash: null, identity: '~ab' }],
      range: [0, 4096],
      jobId,
      completion: 1,
      exact: true,
      fields: ['n', 'counts'],
      work: 0,
    });
  });

  it('of ENT has columns along the range, NaN as null, states as words', async () => {
    const report = new Report<EntFields>(entReport);
    expect(report.cells).to.equal(report.fields.cells);
    expect(report.cells.h).to.deep.equal(Float64Array.of(NaN, 6.25, 8));
    const { fields } = (await checkJson(report)) as { fields: { cells: object } };
    expect(fields).to.deep.equal({
      n: 8192,
      h: 6.5,
      cells: {
        start: [0, 4096, 8192],
        n: [0, 64, 4096],
        h: [null, 6.25, 8],
        min: [null, null, 7.5],
        max: [null, null, 8],
        state: ['none', 'sampled', 'exact'],
      },
    });
    expect(Object.keys(fields)).to.deep.equal(['n', 'h', 'cells']);
    expect(Object.keys(fields.cells)).to.deep.equal(['start', 'n', 'h', 'min', 'max', 'state']);
  });

  it('of DIFF lists its runs, with everything in the order of the contract', async () => {
    const report = new Report<DiffFields>({
      ...entReport,
      service: 'DIFF',
      scalars: {
        n: 10,
        changedBytes: 3,
        changedBits: 9,
        firstDiff: 2,
        lastDiff: 8,
        longestRun: { start: 2, length: 2 },
        runCount: 2,
        runsTruncated: false,
        onlyA: 0,
        onlyB: 4,
      },
      arrays: {
        xor: column(7, 3),
        runs: { dtype: 'u8', shape: [2, 3], data: Float64Array.of(2, 4, 2, 8, 9, 1) },
        'cells.start': column(0),
        'cells.n': column(10),
        'cells.changedBytes': column(3),
        'cells.changedBits': column(9),
        'cells.state': column(2),
      },
    });
    const { fields } = (await checkJson(report)) as { fields: { runs: unknown; cells: object } };
    expect(Object.keys(fields).join(' ')).to.equal(
      'n changedBytes changedBits firstDiff lastDiff longestRun onlyA onlyB xor runs runCount runsTruncated cells',
    );
    expect(fields.runs).to.deep.equal([
      { start: 2, end: 4, length: 2, changed: 2 },
      { start: 8, end: 9, length: 1, changed: 1 },
    ]);
    expect(Object.keys(fields.cells).join(' ')).to.equal('start n changedBytes changedBits state');
  });

  it('of any service keeps the order of arrival, n first and cells last', () => {
    const { fields, cells } = new Report({
      ...entReport,
      service: 'PERIOD',
      scalars: { score: null, n: 3 },
      arrays: { 'cells.lag': column(1), matches: column(1, 2) },
    });
    expect(Object.keys(fields)).to.deep.equal(['n', 'score', 'matches', 'cells']);
    expect(cells).to.equal(fields.cells);
  });

  it('is written in pieces, a million cells and all', async () => {
    const cells = 1_000_000;
    const state = { dtype: 'u1', shape: [cells], data: new Float64Array(cells).fill(2) } as const;
    const h = { dtype: 'f8', shape: [cells], data: new Float64Array(cells).fill(7.123456789) } as const;
    const pieces = await written(new Report({ ...entReport, arrays: { 'cells.h': h, 'cells.state': state } }));
    expect(Math.max(...pieces.map((piece) => piece.length))).to.be.below(256 * 1024);
    const { fields } = JSON.parse(pieces.join('')) as { fields: { cells: { h: number[]; state: string[] } } };
    expect([fields.cells.h.length, fields.cells.state.length]).to.deep.equal([cells, cells]);
  });

  it('writes empty columns and lists', async () => {
    const runs: NamedArray = { dtype: 'u8', shape: [0, 3], data: new Float64Array(0) };
    const report = new Report({ ...entReport, scalars: {}, arrays: { runs, 'cells.h': column() } });
    expect((await checkJson(report)) as object)
      .to.have.property('fields')
      .deep.equal({ runs: [], cells: { h: [] } });
  });

  it('shows paths that are not UTF-8 with their bytes', () => {
    expect(printablePath(Buffer.from('/däta/…'))).to.equal('/däta/…');
    expect(printablePath(Buffer.from([0x2f, 0x61, 0xff, 0x0a]))).to.equal('/a\\xff\\x0a');
  });
});
