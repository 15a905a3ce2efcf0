/** BITS: set bits by position in a word, per cell: stuck lines, sample formats, counters. */
import { defineService, field, param, serve } from 'binglide/worker';

export const bits = defineService({
  name: 'BITS',
  version: 1,
  rowBytes: 4096,
  params: { word: param.int({ default: 1, oneOf: [1, 2], help: 'bytes in a word' }) },
  fields: { ones: field.u4({ shape: ({ word }) => [8 * word], merge: 'sum', cells: true }) },
  compute(input, out, task) {
    // out.ones: Uint32Array, zeroed, rows x shape; types follow `fields`
    const { word } = task.params,
      lanes = 8 * word;
    for (let row = 0; row < input.rows; row++) {
      task.check(); // reads a shared flag: works inside a synchronous loop
      const bytes = input.row(row),
        first = input.offset(row);
      for (let i = 0; i < bytes.length; i++) {
        const lane = row * lanes + 8 * ((first + i) % word);
        for (let bit = 0, b = bytes[i]!; b; bit++, b >>= 1) out.ones[lane + bit]! += b & 1;
      }
    }
  },
  finish: ({ ones, n }, { word }) => ({
    share: Float64Array.from(ones, (count, i) => (count * word) / n[Math.floor(i / (8 * word))]!),
  }),
});
serve(bits);
