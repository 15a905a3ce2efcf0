/**
 * What a request's exact answer is, computed byte by byte over the whole range and without any of the code under test
 * but the entropy table, which has golden vectors of its own. One answer a query and state of the files.
 */
import { blockQ, type Query } from '../../protocol/index.js';
import type { FileState } from './files.js';

/** Columns along the cells; NaN where nothing is known even at the end. */
export interface Answer {
  readonly range: readonly [number, number];
  readonly cellBytes: number;
  /** Bytes with data for all inputs. */
  readonly dataBytes: number;
  readonly scalars: { readonly [name: string]: unknown };
  readonly arrays: { readonly [name: string]: readonly number[] };
}

/** The code of a refusal, where the query cannot be answered. */
export type Expected = Answer | 'E_NOT_FOUND' | 'E_RANGE' | 'E_CELLS' | 'E_PARAM' | 'E_USAGE';

const inputsOf: { readonly [service: string]: number } = { HIST: 1, ENT: 1, DIFF: 2, SETS: 1, BYTES: 1 };

/** A file that is not there is undefined. */
export function expectedOf(query: Query, files: readonly (FileState | undefined)[]): Expected {
  const { service, params } = query;
  if (Object.values(params).some((value) => !Number.isSafeInteger(value))) return 'E_PARAM';
  const shift = Number(params.shift ?? 0);
  const block = Number(params.block ?? 0);
  if (block < 0 || Number(params.gap ?? 0) < 0) return 'E_PARAM';
  if (files.length !== inputsOf[service]) return 'E_USAGE';
  if (files.includes(undefined)) return 'E_NOT_FOUND';
  const a = files[0]!.bytes;
  const b = files[1]?.bytes;
  const longest = b ? Math.max(a.length, b.length - shift) : a.length;
  const start = query.range.start < 0 ? longest + query.range.start : query.range.start + 0;
  const end = query.range.end === null ? longest : query.range.end < 0 ? longest + query.range.end : query.range.end;
  if (start < 0 || start > longest || end > longest || end < start) return 'E_RANGE';
  if (block > 0 && (end - start) / block > 2 ** 20) return 'E_CELLS';
  const hasCells = service === 'ENT' || service === 'DIFF' || service === 'SETS';
  if (hasCells && block === 0 && query.cells > 2 ** 20) return 'E_CELLS';
  let cellBytes = block || 4096;
  if (block === 0) while (cellBytes < (end - start) / query.cells) cellBytes *= 2;
  if (!hasCells) cellBytes = 0;
  const unit = cellBytes || 4096;
  const range: [number, number] = query.snap
    ? [start - (start % unit), Math.min(longest, Math.ceil(end / unit) * unit)]
    : [start, end];
  if (service === 'BYTES' && range[1] - range[0] > 2 ** 20) return 'E_RANGE';
  return answerOf(service, { a, b, shift, block, gap: Number(params.gap ?? 64), range, cellBytes });
}

interface Ask {
  readonly a: Uint8Array;
  readonly b: Uint8Array | undefined;
  readonly shift: number;
  readonly block: number;
  readonly gap: number;
  readonly range: readonly [number, number];
  readonly cellBytes: number;
}

function answerOf(service: string, ask: Ask): Answer {
  switch (service) {
    case 'HIST':
      return histogram(ask);
    case 'ENT':
      return entropies(ask);
    case 'DIFF':
      return differences(ask, ask.b!);
    case 'SETS':
      return setBits(ask);
    default: {
      const { a, range } = ask;
      const bytes = [...a.subarray(...range)];
      return { range, cellBytes: 0, dataBytes: bytes.length, scalars: { n: bytes.length }, arrays: { bytes } };
    }
  }
}

function countsOf(bytes: Uint8Array, start: number, end: number): number[] {
  const counts = new Array<number>(256).fill(0);
  for (let i = start; i < end; i++) counts[bytes[i]!]!++;
  return counts;
}

/** −Σ p·log2 p in ascending order of value. */
function shannon(counts: readonly number[]): number {
  const n = counts.reduce((sum, c) => sum + c, 0);
  let h = 0;
  for (const c of counts) if (c > 0) h -= (c / n) * Math.log2(c / n);
  return n === 0 ? NaN : h + 0;
}

/** [start, end) of the cells: multiples of the width, the outer ones clipped. */
function cellsOf([start, end]: readonly [number, number], width: number): (readonly [number, number])[] {
  const cells: (readonly [number, number])[] = [];
  for (let at = start; at < end; ) {
    const next = Math.min(end, (Math.floor(at / width) + 1) * width);
    cells.push([at, next]);
    at = next;
  }
  return cells;
}

function histogram({ a, range }: Ask): Answer {
  const dataBytes = range[1] - range[0];
  return { range, cellBytes: 0, dataBytes, scalars: { n: dataBytes }, arrays: { counts: countsOf(a, ...range) } };
}

function entropies({ a, block, range, cellBytes }: Ask): Answer {
  const cells = cellsOf(range, cellBytes);
  const low: number[] = [];
  const high: number[] = [];
  for (const [start, end] of cells) {
    const qs: number[] = [];
    for (let at = Math.ceil(start / 4096) * 4096; at < end; at += 4096) {
      const leafEnd = Math.min(at + 4096, a.length);
      if (leafEnd <= end) qs.push(blockQ(countsOf(a, at, leafEnd)) / 2 ** 24);
    }
    low.push(qs.length > 0 ? Math.min(...qs) : NaN);
    high.push(qs.length > 0 ? Math.max(...qs) : NaN);
  }
  // Blocks of up to 64 KiB travel as whole numbers of 2^-24 bit.
  const isWhole = block > 0 && block <= 65_536;
  const h = cells.map(([start, end]) => {
    const counts = countsOf(a, start, end);
    return isWhole ? blockQ(counts) / 2 ** 24 : shannon(counts);
  });
  const dataBytes = range[1] - range[0];
  const whole = shannon(countsOf(a, ...range));
  return {
    range,
    cellBytes,
    dataBytes,
    scalars: { n: dataBytes, h: Number.isNaN(whole) ? null : whole },
    arrays: {
      'cells.start': cells.map(([start]) => start),
      'cells.n': cells.map(([start, end]) => end - start),
      'cells.h': h,
      'cells.min': low,
      'cells.max': high,
    },
  };
}

const bits = Array.from({ length: 256 }, (_, value) => value.toString(2).replaceAll('0', '').length);

/** With what its finish makes of them; of an empty range there is nothing to finish. */
function setBits({ a, range, cellBytes }: Ask): Answer {
  const cells = cellsOf(range, cellBytes);
  const ones = (start: number, end: number) => a.subarray(start, end).reduce((sum, byte) => sum + bits[byte]!, 0);
  const most = (start: number, end: number) =>
    a.subarray(start, end).reduce((top, byte) => Math.max(top, bits[byte]!), 0);
  const each = cells.map(([start, end]) => ones(start, end));
  const dataBytes = range[1] - range[0];
  const finished =
    dataBytes === 0
      ? undefined
      : {
          scalars: { share: ones(...range) / (8 * dataBytes) },
          arrays: {
            bounds: [most(...range), 8],
            'cells.share': cells.map(([start, end], cell) => each[cell]! / (8 * (end - start))),
            'cells.bounds': cells.flatMap(([start, end]) => [most(start, end), 8]),
          },
        };
  return {
    range,
    cellBytes,
    dataBytes,
    scalars: { n: dataBytes, ones: ones(...range), ...finished?.scalars },
    arrays: {
      'cells.start': cells.map(([start]) => start),
      'cells.n': cells.map(([start, end]) => end - start),
      'cells.ones': each,
      ...finished?.arrays,
    },
  };
}

function differences({ a, shift, gap, range, cellBytes }: Ask, b: Uint8Array): Answer {
  const from = Math.max(range[0], -shift, 0);
  const to = Math.min(range[1], a.length, b.length - shift);
  const xor = new Array<number>(256).fill(0);
  const runs: number[][] = [];
  let longest = { start: 0, length: 0 };
  let stretch = 0;
  for (let p = from; p < to; p++) {
    const x = a[p]! ^ b[p + shift]!;
    xor[x]!++;
    stretch = x === 0 ? 0 : stretch + 1;
    if (x === 0) continue;
    if (stretch > longest.length) longest = { start: p + 1 - stretch, length: stretch };
    const last = runs.at(-1);
    if (last && p - last[1]! <= gap) {
      last[1] = p + 1;
      last[2]!++;
    } else runs.push([p, p + 1, 1]);
  }
  const cells = cellsOf(range, cellBytes);
  const per = (count: (x: number) => number) =>
    cells.map(([start, end]) => {
      let sum = 0;
      for (let p = Math.max(start, from); p < Math.min(end, to); p++) sum += count(a[p]! ^ b[p + shift]!);
      return sum;
    });
  const dataBytes = Math.max(0, to - from);
  const overlap = (low: number, high: number) => Math.max(0, Math.min(range[1], high) - Math.max(range[0], low));
  return {
    range,
    cellBytes,
    dataBytes,
    scalars: {
      n: dataBytes,
      changedBytes: dataBytes - xor[0]!,
      changedBits: xor.reduce((sum, count, x) => sum + count * bits[x]!, 0),
      firstDiff: runs[0]?.[0] ?? null,
      lastDiff: runs.length > 0 ? runs.at(-1)![1]! - 1 : null,
      longestRun: longest.length > 0 ? longest : null,
      runCount: runs.length,
      runsTruncated: runs.length > 10_000,
      onlyA: overlap(0, a.length) - dataBytes,
      onlyB: overlap(Math.max(0, -shift), b.length - shift) - dataBytes,
    },
    arrays: {
      xor,
      runs: runs.slice(0, 10_000).flat(),
      'cells.start': cells.map(([start]) => start),
      'cells.n': cells.map(([start, end]) => Math.max(0, Math.min(end, to) - Math.max(start, from))),
      'cells.changedBytes': per((x) => Number(x !== 0)),
      'cells.changedBits': per((x) => bits[x]!),
    },
  };
}
