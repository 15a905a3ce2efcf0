/**
 * Rows of counts of the 256 byte values, one a run of a sample, and what all but one of them tell. The rows of a batch, and
 * those of one cell, may rest in the module's memory, so that they are added up there; elsewhere the twin's turn has come
 * (protocol/sample.ts).
 */
import { entropies, type LeaveOneOut, logarithm } from '../../protocol/sample.js';
import { type KernelModule, kernelModule, moduleOf } from './module.js';

const rowNumbers = 256;

/** Room for `length` numbers of a batch's rows, or of one cell's; null where the module has not so much, or there is none. */
export function roomForBatch(length: number): Float64Array | null {
  const rows = kernelModule()?.batchRows;
  return rows && length <= rows.length ? rows.subarray(0, length) : null;
}
export function roomForCell(): Float64Array | null {
  return kernelModule()?.cellRows ?? null;
}

/** The entropy of all rows together in bits a byte, and of all but one, for each; `bytes`: the sum of each row. */
export function entropiesWithout(rows: Float64Array, bytes: readonly number[]): LeaveOneOut {
  const m = bytes.length;
  const module = rows.length === m * rowNumbers ? moduleOf(rows) : null;
  const counted = bytes.reduce((sum, length) => sum + length, 0);
  if (!module || m > module.run.cellRowsMax() || counted > module.run.countsMax()) return entropies(rows, bytes);
  needLogarithms(module);
  module.run.leaveOneOut(rows.byteOffset, m);
  const sums = module.sums;
  const without = new Float64Array(m);
  for (let run = 0; run < m; run++)
    without[run] = Math.log2(sums[2 + 2 * run]!) - sums[3 + 2 * run]! / sums[2 + 2 * run]!;
  return { all: Math.log2(sums[0]!) - sums[1]! / sums[0]!, without };
}

function needLogarithms({ logs }: KernelModule): void {
  // Of 2 it is 2: nothing is there yet.
  if (logs[2] === 0) for (let c = 0; c < logs.length; c++) logs[c] = logarithm(c);
}
