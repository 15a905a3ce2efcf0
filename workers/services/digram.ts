/**
 * DIGRAM: how often each byte value follows each other one: row the first byte, column the second. A pair belongs to
 * the range of its first byte; the file's last byte begins none.
 */
import { field } from '../fields.js';
import { addDigrams, takeDigrams } from '../kernels/digrams.js';
import { defineService } from '../service.js';

export const digram = defineService({
  name: 'DIGRAM',
  version: 1,
  help: 'counts of the 65,536 pairs of neighbouring bytes: row the first, column the second',
  overlap: 1,
  addsUp: true,
  fields: { counts: field.u8({ shape: [65_536], merge: 'sum', perByteMax: 1 }) },
  report: [{ name: 'counts', of: 'counts', finish: 'value', scope: 'whole' }],
  compute(input, out, task) {
    for (let row = 0; row < input.rows; row++) addDigrams(input.ahead(row), out.counts, task);
  },
  flush(out, task) {
    takeDigrams(out.counts, task);
  },
});
