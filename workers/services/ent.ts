/**
 * ENT: Shannon entropy in bits a byte, per cell and of the whole range, with the lowest and highest of the aligned
 * 4096-byte blocks in each cell.
 *
 * Cells add up by their counts (form `summed`); blocks of at most 64 KiB are computed whole and travel as one number
 * (form `whole`). A block counts for the extremes where it lies inside a row whole; the file's own last block may be
 * short. Rows are cut at multiples of 4096 or at cell edges, so no row border splits a block that lies in a cell.
 */
import { field, param } from '../fields.js';
import { addBlock, blockEntropy, leafBytes } from '../kernels/entropy.js';
import { addHistogram } from '../kernels/histogram.js';
import { defineService } from '../service.js';

export const ent = defineService({
  name: 'ENT',
  version: 1,
  help: 'entropy along the file',
  block: 'block',
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
    const whole = task.form === 'whole';
    const fileEnd = task.inputs[0]!.size;
    const counts = whole ? new Float64Array(256) : out.counts;
    for (let row = 0; row < input.rows; row++) {
      const bytes = input.row(row);
      const own = whole ? counts.fill(0) : counts.subarray(row * 256, row * 256 + 256);
      const [low, high] = addLeaves(bytes, input.offset(row), fileEnd, own);
      if (low <= high) {
        out.qmin[row] = low;
        out.qmax[row] = high;
      }
      if (!whole) continue;
      out.q[row] = blockEntropy(own, bytes.length);
      for (let v = 0; v < 256; v++) out.total[v]! += own[v]!;
    }
  },
});

/** Counts all bytes and gives the lowest and highest Q of the leaf blocks among them; low > high: there is none. */
function addLeaves(bytes: Uint8Array, start: number, fileEnd: number, counts: Float64Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  const end = start + bytes.length;
  const firstLeaf = Math.min(end, Math.ceil(start / leafBytes) * leafBytes);
  if (firstLeaf > start) addHistogram(bytes.subarray(0, firstLeaf - start), counts);
  for (let at = firstLeaf; at < end; at += leafBytes) {
    const leafEnd = Math.min(at + leafBytes, end);
    const leaf = bytes.subarray(at - start, leafEnd - start);
    const q = addBlock(leaf, counts);
    if (leafEnd - at < leafBytes && leafEnd !== fileEnd) break;
    if (q < low) low = q;
    if (q > high) high = q;
  }
  return [low, high];
}
