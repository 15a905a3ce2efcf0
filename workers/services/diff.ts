/**
 * DIFF: two inputs compared position by position. Position p of the first is compared with p + shift of the second;
 * offsets in the part are those of the first. What only one of them has is not read and is no change.
 */
import { field, param } from '../fields.js';
import { compareBytes } from '../kernels/difference.js';
import { defineService } from '../service.js';

export const diff = defineService({
  name: 'DIFF',
  version: 1,
  help: 'where and how two files differ',
  inputs: 2,
  shift: 'shift',
  params: {
    gap: param.int({ default: 64, min: 0, help: 'differences at most so many bytes apart are one place' }),
    shift: param.int({ default: 0, help: 'the second file is read so many bytes further along' }),
  },
  fields: {
    changed: field.u8({ merge: 'sum', cells: true, perByteMax: 1 }),
    bits: field.u8({ merge: 'sum', cells: true, perByteMax: 8 }),
    xor: field.u8({ shape: [256], merge: 'sum', cells: true, perByteMax: 1 }),
    first: field.i8({ merge: 'min', cells: true }),
    last: field.i8({ merge: 'max', cells: true }),
    run: field.run({ cells: true }),
    runs: field.concat({ shape: [3], cells: true, gap: 'gap', limit: 10_000 }),
  },
  report: [
    { name: 'changedBytes', of: 'changed', finish: 'value', scope: 'both' },
    { name: 'changedBits', of: 'bits', finish: 'value', scope: 'both' },
    { name: 'xor', of: 'xor', finish: 'value', scope: 'whole' },
    { name: 'firstDiff', of: 'first', finish: 'position', scope: 'whole' },
    { name: 'lastDiff', of: 'last', finish: 'position', scope: 'whole' },
    { name: 'longestRun', of: 'run', finish: 'longest', scope: 'whole' },
    { name: 'runs', of: 'runs', finish: 'intervals', scope: 'whole' },
    { name: 'runCount', of: 'runs', finish: 'intervalCount', scope: 'whole' },
    { name: 'runsTruncated', of: 'runs', finish: 'intervalsTruncated', scope: 'whole' },
  ],
  compute(input, out, task) {
    const { gap } = task.params;
    for (let row = 0; row < input.rows; row++) {
      const a = input.row(row, 0);
      const b = input.row(row, 1);
      const start = input.offset(row);
      const xor = out.xor.subarray(row * 256, row * 256 + 256);
      const found = compareBytes(a, b, gap, xor, (list, count) => out.runs.addIntervals(row, list, count, start));
      out.changed[row] = found.changed;
      out.bits[row] = found.bits;
      if (found.changed > 0) {
        out.first[row] = start + found.first;
        out.last[row] = start + found.last;
      }
      const bestStart = found.bestLength > 0 ? start + found.bestStart : 0;
      out.run.set([start, a.length, found.lead, found.trail, bestStart, found.bestLength], row * 6);
    }
  },
});
