/** HIST: how often each byte value stands in the range. */
import { field } from '../fields.js';
import { addHistogram } from '../kernels/histogram.js';
import { defineService } from '../service.js';

export const hist = defineService({
  name: 'HIST',
  version: 1,
  help: 'counts of the 256 byte values',
  fields: { counts: field.u8({ shape: [256], merge: 'sum', perByteMax: 1 }) },
  report: [{ name: 'counts', of: 'counts', finish: 'value', scope: 'whole' }],
  compute(input, out) {
    for (let row = 0; row < input.rows; row++) addHistogram(input.row(row), out.counts);
  },
});
