/** SHARES: set bits by position, and, finished, the share of bytes that have each set. */
import { defineService, field, param, serve } from 'binglide/worker';

serve(
  defineService({
    name: 'SHARES',
    version: 1,
    params: { word: param.int({ default: 1, oneOf: [1, 2], help: 'bytes in a word' }) },
    fields: { ones: field.u4({ shape: ({ word }) => [8 * word], merge: 'sum', cells: true, perByteMax: 1 }) },
    compute(input, out, task) {
      const lanes = 8 * task.params.word;
      for (let row = 0; row < input.rows; row++) {
        const bytes = input.row(row);
        const first = input.offset(row);
        for (let i = 0; i < bytes.length; i++) {
          const lane = row * lanes + 8 * ((first + i) % task.params.word);
          for (let bit = 0, b = bytes[i]!; b; bit++, b >>= 1) out.ones[lane + bit]! += b & 1;
        }
      }
    },
    finish: ({ ones, n }, { word }) => ({
      share: Float64Array.from(ones, (count, i) => (count * word) / n[Math.floor(i / (8 * word))]!),
    }),
  }),
);
