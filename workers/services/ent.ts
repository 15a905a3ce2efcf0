/**
 * ENT: Shannon entropy in bits a byte, per cell and of the whole range, with the lowest and highest of the aligned
 * 4096-byte blocks in each cell.
 *
 * Cells add up by their counts (form `summed`); blocks of at most 64 KiB are computed whole and travel as one number
 * (form `whole`). A block counts for the extremes where it lies inside a row whole; the file's own last block may be
 * short. Rows are cut at multiples of 4096 or at cell edges, so no row border splits a block that lies in a cell.
 */
import { field, param } from '../fields.js';
import { addBlocks, addLeaves } from '../kernels/entropy.js';
import { defineService } from '../service.js';

export const ent = defineService({
  name: 'ENT',
  version: 1,
  help: 'entropy along the file',
  block: 'block',
  addsUp: true,
  params: { block: param.int({ default: 0, min: 0, help: 'bytes in a cell; 0: as many cells as asked for' }) },
  fields: {
    counts: field.u8({ shape: [256], merge: 'sum', cells: true, perByteMax: 1, form: 'summed' }),
    q: field.u4({ merge: 'once', cells: true, form: 'whole' }),
    total: field.u8({ shape: [256], merge: 'sum', perByteMax: 1, form: 'whole' }),
    qmin: field.i4({ merge: 'min', cells: true }),
    qmax: field.i4({ merge: 'max', cells: true }),
  },
  report: [
    { name: 'h', of: 'counts', finish: 'entropy', scope: 'both' },
    { name: 'h', of: 'q', finish: 'q24', scope: 'cell' },
    { name: 'h', of: 'total', finish: 'entropy', scope: 'whole' },
    { name: 'min', of: 'qmin', finish: 'q24', scope: 'cell' },
    { name: 'max', of: 'qmax', finish: 'q24', scope: 'cell' },
  ],
  compute(input, out, task) {
    const fileEnd = task.inputs[0]!.size;
    if (task.form === 'whole') addBlocks(input, fileEnd, out.q, out.total, out);
    else addLeaves(input, fileEnd, out.counts, out);
  },
});
