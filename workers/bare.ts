/**
 * The time that a service's own function takes, without a broker, a socket or anything of ours that is not needed to
 * call it: what the time of a task is compared with.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { checkParams, sizeOf } from '../protocol/descriptor.js';
import { fail } from '../protocol/errors.js';
import { PartBuilder } from './fold.js';
import { batchBytesMax, cutRows, Rows } from './rows.js';
import type { AnyWorker, TaskView } from './service.js';

export interface BarePlan {
  readonly file: string;
  readonly params: { readonly [name: string]: unknown };
  /** Bytes of a piece; the default is 8 MiB. Only whole pieces are timed, or the file where it is shorter than one. */
  readonly pieceBytes?: number;
  /** Width of the cells; the default is 4096. */
  readonly cellBytes?: number;
}

export interface BareTimes {
  readonly pieces: number;
  readonly bytes: number;
  /** Of each piece, in milliseconds. */
  readonly ms: readonly number[];
}

const pieceBytesDefault = 8 << 20;

/** Throws E_PARAM for parameters that the service does not take, E_USAGE for a service of two inputs. */
export async function bareTimes(service: AnyWorker, plan: BarePlan): Promise<BareTimes> {
  const { descriptor } = service;
  if (descriptor.inputs !== 1)
    throw fail('E_USAGE', `${descriptor.name} takes two inputs; --bare is for services of one`);
  const params = checkParams(descriptor, plan.params as Parameters<typeof checkParams>[1]);
  const overlap = sizeOf(descriptor.overlap, params);
  const file = openSync(plan.file, 'r');
  try {
    const { size } = fstatSync(file);
    const pieceBytes = Math.min(size, plan.pieceBytes ?? pieceBytesDefault);
    const pieces = pieceBytes === 0 ? 0 : Math.floor(size / pieceBytes);
    const bytes = new Uint8Array(pieceBytes + overlap);
    const ms: number[] = [];
    for (let piece = 0; piece < pieces; piece++) {
      const start = piece * pieceBytes;
      const length = readSync(file, bytes, 0, bytes.length, start);
      const span = { start, end: start + pieceBytes, cellBytes: plan.cellBytes ?? 4096 };
      ms.push(await timePiece(service, { ...span, params, size }, bytes.subarray(0, length), overlap));
    }
    return { pieces, bytes: pieces * pieceBytes, ms };
  } finally {
    closeSync(file);
  }
}

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly cellBytes: number;
  readonly params: Parameters<typeof sizeOf>[1];
  readonly size: number;
}

async function timePiece(service: AnyWorker, piece: Piece, bytes: Uint8Array, overlap: number): Promise<number> {
  const { start, end, cellBytes, params, size } = piece;
  const builder = new PartBuilder(service, { start, end, cellBytes, form: 'summed', params, sampled: false });
  const grid = { cellBytes, rowBytes: service.definition.rowBytes, stretchBytes: batchBytesMax };
  const view: TaskView = {
    params: params as TaskView['params'],
    form: 'summed',
    inputs: [{ size }],
    signal: new AbortController().signal,
    check: () => undefined,
  };
  const rows = new Rows();
  rows.overlapBytes = overlap;
  let ms = 0;
  for (let at = start; at < end; at = rows.end) {
    rows.clear();
    cutRows(rows, at, { index: 0, end }, grid, batchBytesMax);
    rows.held = [{ bytes, at: rows.starts.map((offset) => offset - start), inputEnd: start + bytes.length }];
    const out = builder.outs(rows);
    const began = performance.now();
    const pending = service.compute(rows, out, view);
    if (pending) await pending;
    ms += performance.now() - began;
  }
  const out = builder.outs(new Rows());
  const began = performance.now();
  service.flush(out, view);
  return ms + performance.now() - began;
}
