/** Reports to paint and to print, without a broker. */

import type { ReportView } from '../../bin/cli/report.js';
import type { Report } from '../../client/index.js';

export interface CellRow {
  readonly start: number;
  readonly state?: 'none' | 'sampled' | 'exact';
  readonly [column: string]: number | string | undefined;
}

/** Columns from rows, as reports have them. */
export function cells(rows: readonly CellRow[]): { [name: string]: Float64Array | string[] } {
  const names = Object.keys(rows[0] ?? { start: 0 }).filter((name) => name !== 'state');
  const columns: { [name: string]: Float64Array | string[] } = Object.fromEntries(
    names.map((name) => [name, Float64Array.from(rows, (row) => (row[name] as number | undefined) ?? NaN)]),
  );
  return { ...columns, state: rows.map(({ state }) => state ?? 'exact') };
}

export function report(service: string, fields: object, more: Partial<ReportView> = {}): Report {
  const view = {
    format: 'binglide.report/1',
    service,
    inputs: [{ path: '/images/fw.bin', size: 65_536, hash: null, identity: '~' }],
    range: [0, 65_536],
    jobId: '26:aaaaaaaaaaaaaaaaaaaaaaaaaa1',
    completion: 1,
    exact: true,
    fields,
    work: {
      bytesRead: 65_536,
      bytesHashed: 0,
      tasks: 1,
      chunksCached: 1,
      chunksComputed: 3,
      firstReportMs: 2,
      elapsedMs: 30,
    },
    ...more,
    async writeJson(write: (piece: string) => unknown) {
      await write(JSON.stringify({ service, completion: view.completion }));
    },
  };
  return view as unknown as Report;
}

export function counts(of: { readonly [value: number]: number }): Float64Array {
  const all = new Float64Array(256);
  for (const [value, count] of Object.entries(of)) all[Number(value)] = count;
  return all;
}

const text = {
  ...Object.fromEntries(Array.from({ length: 26 }, (_, i) => [0x61 + i, 900 - 30 * i])),
  32: 3000,
  10: 400,
};

export const histReport = (more: Partial<ReportView> = {}) =>
  report('HIST', { n: 65_536, counts: counts({ ...text, 0: 46_000, 255: 2486 }) }, more);

export const entReport = (more: Partial<ReportView> = {}) =>
  report(
    'ENT',
    {
      n: 65_536,
      h: 6.25,
      cells: cells(
        Array.from({ length: 16 }, (_, i) => ({
          start: i * 4096,
          n: 4096,
          h: i / 2,
          min: i / 2,
          max: i / 2,
        })),
      ),
    },
    more,
  );

export const diffReport = (fields: object = {}, more: Partial<ReportView> = {}) =>
  report(
    'DIFF',
    {
      n: 65_536,
      changedBytes: 4107,
      changedBits: 9000,
      firstDiff: 100,
      lastDiff: 20_479,
      longestRun: { start: 16_384, length: 4096 },
      onlyA: 0,
      onlyB: 512,
      xor: counts({ 0: 61_429, 90: 4000, 1: 107 }),
      runs: [
        { start: 100, end: 120, length: 20, changed: 11 },
        { start: 16_384, end: 20_480, length: 4096, changed: 4096 },
      ],
      runCount: 2,
      runsTruncated: false,
      cells: cells(
        Array.from({ length: 17 }, (_, i) => ({
          start: i * 4096,
          n: i === 16 ? 0 : 4096,
          changedBytes: i === 0 ? 11 : i === 4 ? 4096 : 0,
          changedBits: 0,
        })),
      ),
      ...fields,
    },
    {
      inputs: [
        { path: '/images/a.bin', size: 65_536 },
        { path: '/images/b.bin', size: 66_048 },
      ],
      range: [0, 66_048],
      ...more,
    },
  );

/** Zeros, then text, then bytes past ASCII, with some of the others. */
export const classReport = (
  fields: object = {},
  more: Partial<ReportView> = {},
  states: readonly CellRow['state'][] = [],
) =>
  report(
    'CLASS',
    {
      n: 65_536,
      zero: 16_384,
      ff: 4096,
      printable: 20_480,
      whitespace: 4096,
      control: 20,
      high: 20_460,
      cells: cells(
        Array.from({ length: 16 }, (_, i) => {
          const state = states[i] === undefined ? {} : { state: states[i] };
          const none = { zero: 0, ff: 0, printable: 0, whitespace: 0, control: 0, high: 0 };
          const cell = { start: i * 4096, n: 4096, ...none, ...state };
          if (i < 4) return { ...cell, zero: 4096 };
          if (i < 10) return { ...cell, printable: 3414, whitespace: 682 };
          return i < 11 ? { ...cell, ff: 4096 } : { ...cell, control: 4, high: 4092 };
        }),
      ),
      ...fields,
    },
    more,
  );

/** Counts by pair: { 0x6162: 3 } is "ab" three times. */
export function pairCounts(of: { readonly [pair: number]: number }): Float64Array {
  const all = new Float64Array(65_536);
  for (const [pair, count] of Object.entries(of)) all[Number(pair)] = count;
  return all;
}

export const digramReport = (fields: object = {}, more: Partial<ReportView> = {}) => {
  // Letters follow letters; a space stands between two of them.
  const letters = Array.from({ length: 26 }, (_, i) => 0x61 + i);
  const text = letters.flatMap((a) => [
    ...letters.map((b): [number, number] => [a * 256 + b, 40]),
    [a * 256 + 0x20, 100] as [number, number],
    [0x2000 + a, 100] as [number, number],
  ]);
  const counts = pairCounts({ ...Object.fromEntries(text), 0: 33_234, 65535: 60, 65280: 1 });
  return report('DIGRAM', { n: 65_536, counts, ...fields }, more);
};

export const statsReport = (fields: object = {}, more: Partial<ReportView> = {}) =>
  report(
    'STATS',
    {
      n: 65_536,
      h: 7.99721,
      chiSquare: 253.2813,
      chiSquareP: 0.5188,
      mean: 127.3519,
      monteCarloPi: 3.1557,
      serialCorrelation: -0.001234,
      minEntropy: 7.7142,
      indexOfCoincidence: 0.0039061,
      ...fields,
    },
    more,
  );
