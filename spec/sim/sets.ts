/** SETS: set bits a cell, and their share by the service's own finish: the simulation's service of that kind. */
import { defineService, field } from '../../workers/index.js';

const bitsOf = Uint8Array.from({ length: 256 }, (_, value) => value.toString(2).replaceAll('0', '').length);

export const sets = defineService({
  name: 'SETS',
  version: 1,
  fields: { ones: field.u4({ merge: 'sum', cells: true }), most: field.u1({ merge: 'max', cells: true }) },
  // The report shows what finish makes of `most`, and not the field itself.
  report: [{ name: 'ones', of: 'ones', finish: 'value', scope: 'both' }],
  compute(input, out) {
    for (let row = 0; row < input.rows; row++) {
      for (const byte of input.row(row)) {
        out.ones[row]! += bitsOf[byte]!;
        out.most[row] = Math.max(out.most[row]!, bitsOf[byte]!);
      }
    }
  },
  finish: ({ ones, most, n }) => ({
    share: Array.from(ones, (count, row) => count / (8 * n[row]!)),
    bounds: Array.from(ones, (_, row) => [most[row]!, 8]).flat(),
  }),
});
