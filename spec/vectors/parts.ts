/** parts.json: pieces, and the part that they fold to; each with the frames in which it travels. */
import { encodePart, type FieldSpec, gather, type Params, type Part, type Span } from '../../protocol/index.js';
import { hexOf, type Json, toJson } from './json.js';

interface Case {
  readonly name: string;
  readonly fields: readonly FieldSpec[];
  readonly params?: Params;
  readonly pieces: readonly Part[];
  readonly span: Span;
}

const part = (start: number, end: number, cellBytes: number, columns: { [name: string]: number[] }): Part => ({
  start,
  end,
  cellBytes,
  columns: Object.fromEntries(Object.entries(columns).map(([name, data]) => [name, Float64Array.from(data)])),
});

const counts: FieldSpec = { name: 'counts', dtype: 'u8', shape: [4], merge: 'sum', cells: false, perByteMax: 1 };
const bits: FieldSpec = { name: 'bits', dtype: 'u8', merge: 'sum', cells: true, perByteMax: 8 };
const total: FieldSpec = { name: 'total', dtype: 'i8', merge: 'sum', cells: true };
const least: FieldSpec = { name: 'least', dtype: 'i4', merge: 'min', cells: true };
const most: FieldSpec = { name: 'most', dtype: 'f8', merge: 'max', cells: true };
const seen: FieldSpec = { name: 'seen', dtype: 'u1', shape: [2], merge: 'or', cells: false };
const once: FieldSpec = { name: 'q', dtype: 'u4', merge: 'once', cells: true, form: 'whole' };
const run: FieldSpec = { name: 'run', dtype: 'i8', merge: 'run', cells: false };
const places: FieldSpec = {
  name: 'runs',
  dtype: 'u8',
  shape: [3],
  merge: 'concat',
  cells: false,
  gap: 'gap',
  limit: 3,
};
const raw: FieldSpec = { name: 'bytes', dtype: 'u1', shape: [1], merge: 'concat', cells: false };

const cases: readonly Case[] = [
  {
    name: 'sum, one row for all, the last piece empty',
    fields: [counts],
    pieces: [
      part(0, 300, 0, { counts: [300, 0, 0, 0] }),
      part(300, 302, 0, { counts: [0, 1, 0, 1] }),
      part(302, 302, 0, { counts: [0, 0, 0, 0] }),
    ],
    span: { start: 0, end: 302, cellBytes: 0 },
  },
  {
    name: 'sum of cells, joined, first and last clipped',
    fields: [bits],
    pieces: [part(5, 8, 4, { bits: [24] }), part(8, 18, 4, { bits: [1, 2, 3] })],
    span: { start: 5, end: 18, cellBytes: 4 },
  },
  {
    name: 'sum of cells, made coarser',
    fields: [bits],
    pieces: [part(0, 16, 4, { bits: [1, 2, 4, 8] }), part(16, 20, 4, { bits: [16] })],
    span: { start: 0, end: 20, cellBytes: 8 },
  },
  {
    name: 'sum of cells, cut to some of them',
    fields: [bits],
    pieces: [part(0, 16, 4, { bits: [1, 2, 4, 8] })],
    span: { start: 4, end: 12, cellBytes: 4 },
  },
  {
    name: 'sum of cells, folded to one',
    fields: [total],
    pieces: [part(0, 16, 4, { total: [1, -2, 4, -8] })],
    span: { start: 0, end: 16, cellBytes: 0 },
  },
  {
    name: 'min and max, identities where a cell has nothing',
    fields: [least, most],
    pieces: [
      part(0, 8, 4, { least: [3, 2 ** 31 - 1], most: [0.5, -Infinity] }),
      part(8, 16, 4, { least: [-1, 7], most: [-0.5, 2.5] }),
    ],
    span: { start: 0, end: 16, cellBytes: 8 },
  },
  {
    name: 'or',
    fields: [seen],
    pieces: [part(0, 1, 0, { seen: [0b0101, 128] }), part(1, 2, 0, { seen: [0b0011, 1] })],
    span: { start: 0, end: 2, cellBytes: 0 },
  },
  {
    name: 'once, cells side by side',
    fields: [once],
    pieces: [part(0, 2000, 1000, { q: [0, 134_217_728] }), part(2000, 2500, 1000, { q: [16_777_216] })],
    span: { start: 0, end: 2500, cellBytes: 1000 },
  },
  {
    name: 'run across the edge, lowest start on ties',
    fields: [run],
    pieces: [
      part(100, 110, 0, { run: [100, 10, 0, 3, 101, 4] }),
      part(110, 120, 0, { run: [110, 10, 1, 0, 113, 4] }),
      part(120, 130, 0, { run: [120, 10, 0, 0, 0, 0] }),
    ],
    span: { start: 100, end: 130, cellBytes: 0 },
  },
  {
    name: 'run of pieces that are marked from end to end',
    fields: [run],
    pieces: [
      part(0, 4, 0, { run: [0, 4, 4, 4, 0, 4] }),
      part(4, 6, 0, { run: [4, 2, 2, 2, 4, 2] }),
      part(6, 9, 0, { run: [6, 3, 1, 0, 6, 1] }),
    ],
    span: { start: 0, end: 9, cellBytes: 0 },
  },
  {
    name: 'concat of intervals, joined where the gap is at most 2, the first 3 kept',
    fields: [places],
    params: { gap: 2 },
    pieces: [
      part(0, 10, 0, { runs: [1, 3, 2, 7, 9, 1], 'runs.index': [2, 1, 9] }),
      part(10, 20, 0, { runs: [11, 12, 1, 16, 17, 1], 'runs.index': [2, 11, 17] }),
      part(20, 30, 0, { runs: [], 'runs.index': [0, 0, 0] }),
      part(30, 60, 0, { runs: [31, 32, 1, 36, 37, 1, 41, 42, 1], 'runs.index': [4, 31, 50] }),
      part(60, 70, 0, { runs: [60, 70, 10], 'runs.index': [1, 60, 70] }),
    ],
    span: { start: 0, end: 70, cellBytes: 0 },
  },
  {
    name: 'concat of single numbers, never joined, without a limit',
    fields: [raw],
    pieces: [
      part(0, 3, 0, { bytes: [1, 2, 3], 'bytes.index': [3, 0, 3] }),
      part(3, 5, 0, { bytes: [255, 0], 'bytes.index': [2, 3, 5] }),
    ],
    span: { start: 0, end: 5, cellBytes: 0 },
  },
  {
    name: 'concat by cells, made coarser',
    fields: [{ ...places, cells: true, gap: 0, limit: 2 }],
    pieces: [
      part(0, 8, 4, { runs: [2, 4, 2, 4, 5, 1, 7, 8, 1], 'runs.index': [1, 2, 4, 2, 4, 8] }),
      part(8, 12, 4, { runs: [8, 9, 1], 'runs.index': [1, 8, 9] }),
    ],
    span: { start: 0, end: 12, cellBytes: 8 },
  },
  {
    name: 'nothing of nothing',
    fields: [counts, bits, run, places],
    params: { gap: 0 },
    pieces: [],
    span: { start: 0, end: 0, cellBytes: 4096 },
  },
];

function written(fields: readonly FieldSpec[], item: Part): Json {
  const { arrays, frames } = encodePart(fields, item);
  return {
    ...(toJson(item) as { [key: string]: Json }),
    arrays: [...arrays],
    frames: frames.map(hexOf),
  };
}

export function partVectors(): Json {
  return cases.map(({ name, fields, params = {}, pieces, span }) => ({
    name,
    fields: toJson(fields),
    params: toJson(params),
    pieces: pieces.map((piece) => written(fields, piece)),
    whole: written(fields, gather(fields, params, pieces, span)),
  }));
}
