/**
 * Two services of our own, to have tasks from a broker and to know what the answer must be: COUNTS (how often each byte
 * value occurs, one row) and SUMS (the sum of the bytes of each cell). Computed the slow and obvious way.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Came } from './inbox.js';
import { type MapValue, unpack } from './msgpack.js';
import { bodyOf, type Dtype, npy, npyWith } from './npy.js';

export type Kind = 'counts' | 'sums';

const field = {
  counts: { shape: [256], cells: false, perByteMax: 1 },
  sums: { cells: true, perByteMax: 255 },
} as const;

export function descriptorOf(kind: Kind, name: string, more: MapValue = {}): MapValue {
  return {
    name,
    version: 1,
    inputs: 1,
    help: 'a service of the conformance suite',
    params: [],
    overlap: 0,
    cached: false,
    fields: [{ name: kind, dtype: 'u8', merge: 'sum', ...field[kind] }],
    report: [{ name: kind, of: kind, finish: 'value', scope: kind === 'counts' ? 'whole' : 'both' }],
    ...more,
  };
}

export interface V2Task {
  readonly attempt: number;
  readonly epoch: string;
  readonly jobId: string;
  readonly kind: string;
  readonly path: Buffer;
  readonly runs: readonly (readonly [number, number])[];
  readonly cellBytes: number;
}

export function v2TaskOf({ frames }: Came): V2Task {
  const { map } = unpack(frames[2]!);
  const task = map.task as MapValue;
  const [input] = task.inputs as MapValue[];
  return {
    attempt: map.attempt as number,
    epoch: map.epoch as string,
    jobId: map.jobId as string,
    kind: task.kind as string,
    path: Buffer.from(input!.path as Uint8Array),
    runs: task.runs as [number, number][],
    cellBytes: task.cellBytes as number,
  };
}

/** the smallest that holds it. */
export function smallest(greatest: number): Dtype {
  if (greatest < 2 ** 8) return 'u1';
  if (greatest < 2 ** 16) return 'u2';
  return greatest < 2 ** 32 ? 'u4' : 'u8';
}

/** how many cells a span has. */
export const cellsOf = (start: number, end: number, cellBytes: number): number =>
  cellBytes === 0 ? 1 : start === end ? 0 : Math.ceil(end / cellBytes) - Math.floor(start / cellBytes);

export interface Part {
  readonly arrays: string[];
  readonly frames: Uint8Array[];
  readonly bytesRead: number;
}

/** What a worker of this service has to answer. */
export function partOf(kind: Kind, task: V2Task): Part {
  const [start, end] = [task.runs[0]?.[0] ?? 0, task.runs.at(-1)?.[1] ?? 0];
  const { cellBytes } = task;
  const cells = cellsOf(start, end, cellBytes);
  const first = cellBytes === 0 ? 0 : Math.floor(start / cellBytes);
  const cellAt = (offset: number) => (cellBytes === 0 ? 0 : Math.floor(offset / cellBytes) - first);
  const values = new Array<number>(kind === 'counts' ? 256 : cells).fill(0);
  const seen = new Array<number>(cells).fill(0);
  let bytesRead = 0;
  for (const [from, to] of task.runs) {
    read(task.path, from, to).forEach((byte, i) => {
      if (kind === 'counts') values[byte]!++;
      else values[cellAt(from + i)]! += byte;
      seen[cellAt(from + i)]!++;
      bytesRead++;
    });
  }
  const greatest = kind === 'counts' ? end - start : 255 * (cellBytes || end - start);
  const frame = npy(smallest(greatest), kind === 'counts' ? [1, 256] : [cells], values);
  if (task.kind !== 'sample') return { arrays: [kind], frames: [frame], bytesRead };
  const unknown = new Array<number>(cells).fill(Number.NaN);
  const interval = npy('f8', [cells], unknown);
  return { arrays: [kind, 'n', 'lo', 'hi'], frames: [frame, npy('u8', [cells], seen), interval, interval], bytesRead };
}

function read(path: Buffer, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  const file = openSync(path, 'r');
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from));
  } finally {
    closeSync(file);
  }
}

export const countsOf = (bytes: Uint8Array): number[] => {
  const counts = new Array<number>(256).fill(0);
  for (const byte of bytes) counts[byte]!++;
  return counts;
};

/** Parts of COUNTS that break, made of a right one. */
export function brokenParts(
  task: V2Task,
): readonly [rule: string, what: string, arrays: string[], frames: Uint8Array[]][] {
  const [start, end] = task.runs[0]!;
  const right = partOf('counts', task).frames[0]!;
  const counts = countsOf(read(task.path, start, end));
  const one = (frame: Uint8Array): [string[], Uint8Array[]] => [['counts'], [frame]];
  const header = (descr: string, order: string, shape: string) =>
    `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
  const body = bodyOf('u8', counts);
  const large = Buffer.from(body);
  large.writeBigUInt64LE(2n ** 53n + 1n, 0);
  return [
    ['A-6', 'no array', [], []],
    ['A-6', 'an array that is not a field', ['counts', 'extra'], [right, right]],
    ['A-6', 'an array of another size', ...one(npy('u8', [1, 255], counts.slice(1)))],
    [
      'A-6',
      'a sum greater than perByteMax × bytes',
      ...one(npy('u8', [1, 256], [end - start + 1, ...counts.slice(1)])),
    ],
    ['A-6', 'a number below zero', ...one(npy('i8', [1, 256], [-1, ...counts.slice(1)]))],
    ['A-6', 'a fraction', ...one(npy('f8', [1, 256], [0.5, ...counts.slice(1)]))],
    ['A-6', 'NaN', ...one(npy('f8', [1, 256], [Number.NaN, ...counts.slice(1)]))],
    ['A-11', 'Fortran order', ...one(npyWith(header('<u8', 'True', '(1, 256)'), body))],
    ['A-11', 'big-endian numbers', ...one(npyWith(header('>u8', 'False', '(1, 256)'), body))],
    ['A-11', 'a body that is too short', ...one(npyWith(header('<u8', 'False', '(1, 256)'), body.subarray(8)))],
    ['A-11', 'a shape of 2^60 numbers', ...one(npyWith(header('<u8', 'False', '(1, 1152921504606846976)'), body))],
    ['A-11', '33 dimensions', ...one(npyWith(header('<u8', 'False', `(${'1, '.repeat(32)}256)`), body))],
    ['A-11', 'no .npy at all', ...one(Buffer.from('counts'))],
    ['A-12', 'a number past 2^53', ...one(npyWith(header('<u8', 'False', '(1, 256)'), large))],
  ];
}

/** The same COUNTS in ways that a reader has to take. */
export function takenParts(task: V2Task): readonly [rule: string, what: string, frame: Uint8Array][] {
  const [start, end] = task.runs[0]!;
  const counts = countsOf(read(task.path, start, end));
  const body = bodyOf('u8', counts);
  return [
    ['A-7', 'u8', npy('u8', [1, 256], counts)],
    ['A-7', 'i4', npy('i4', [1, 256], counts)],
    ['A-7', 'f8', npy('f8', [1, 256], counts)],
    ['A-5', 'another shape of as many numbers', npy('u8', [256], counts)],
    [
      'A-11',
      'the keys of the header in another order',
      npyWith(`{'shape': (256,), 'fortran_order': False, 'descr': '<u8'}`, body),
    ],
    ['A-11', 'keys without spaces', npyWith(`{'shape':(1,256),'descr':'<u8','fortran_order':False}`, body)],
  ];
}
