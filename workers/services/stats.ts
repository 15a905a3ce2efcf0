/**
 * STATS: what `ent` prints, min-entropy and the index of coincidence, all from whole numbers.
 *
 * Groups of six bytes for π count from the file's first byte, and one belongs to the range of its own first byte, as a
 * pair of neighbours does; both end with the file. The serial correlation joins the range's last byte with its first,
 * where the sum of products has the byte that follows the range: `ends` keeps all three, each with its place, so that
 * the least is the one that counts.
 */
import { endKey } from '../../protocol/statistics.js';
import { field } from '../fields.js';
import { addHistogram } from '../kernels/histogram.js';
import { addProducts, countInCircle, groupBytes } from '../kernels/moments.js';
import { defineService } from '../service.js';

export const stats = defineService({
  name: 'STATS',
  version: 1,
  help: 'entropy, chi-square, mean, π by Monte Carlo, serial correlation, min-entropy and index of coincidence',
  overlap: groupBytes - 1,
  addsUp: true,
  fields: {
    counts: field.u8({ shape: [256], merge: 'sum', perByteMax: 1 }),
    /** Groups, and those of them in the circle. */
    circle: field.u8({ shape: [2], merge: 'sum', perByteMax: 1 }),
    /** x·x' of neighbours: Σ of high bytes and Σ of low bytes. */
    products: field.u8({ shape: [2], merge: 'sum', perByteMax: 255 }),
    /** The first byte, the last one and the one after it, keyed by place (protocol/statistics.ts). */
    ends: field.i8({ shape: [3], merge: 'min' }),
  },
  report: [
    { name: 'h', of: 'counts', finish: 'entropy', scope: 'whole' },
    { name: 'chiSquare', of: 'counts', finish: 'chiSquare', scope: 'whole' },
    { name: 'chiSquareP', of: 'counts', finish: 'chiSquareP', scope: 'whole' },
    { name: 'mean', of: 'counts', finish: 'mean', scope: 'whole' },
    { name: 'monteCarloPi', of: 'circle', finish: 'monteCarloPi', scope: 'whole' },
    {
      name: 'serialCorrelation',
      of: 'counts',
      with: ['products', 'ends'],
      finish: 'serialCorrelation',
      scope: 'whole',
    },
    { name: 'minEntropy', of: 'counts', finish: 'minEntropy', scope: 'whole' },
    { name: 'indexOfCoincidence', of: 'counts', finish: 'indexOfCoincidence', scope: 'whole' },
  ],
  compute(input, out) {
    for (let row = 0; row < input.rows; row++) {
      const bytes = input.row(row);
      const start = input.offset(row);
      const n = bytes.length;
      if (n === 0) continue;
      const ahead = input.ahead(row);
      addHistogram(bytes, out.counts);
      addProducts(ahead.subarray(0, n + 1), out.products);
      const skipped = (groupBytes - (start % groupBytes)) % groupBytes;
      // Groups begin inside the row; the last one may end in what lies ahead.
      const groups = Math.max(
        0,
        Math.min(Math.ceil((n - skipped) / groupBytes), Math.floor((ahead.length - skipped) / groupBytes)),
      );
      out.circle[0]! += groups;
      out.circle[1]! += countInCircle(ahead.subarray(skipped, skipped + groups * groupBytes));
      const last = start + n - 1;
      const keys = [endKey(start, bytes[0]!), endKey(-last, bytes[n - 1]!), endKey(-last, ahead[n] ?? 0)];
      for (let i = 0; i < keys.length; i++) out.ends[i] = Math.min(out.ends[i]!, keys[i]!);
    }
  },
});
