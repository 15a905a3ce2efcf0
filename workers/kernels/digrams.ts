/** Pairs of neighbours: the loop under DIGRAM. Pure. */
import { addCounts } from './histogram.js';
import { moduleOf } from './module.js';

/** For shorter pieces the module's tables cost more to clear and to add than the pairs to count. */
const modulePairsMin = 32_768;

/** counts[256·first + second] += how often the two follow each other in `bytes`; one pair fewer than bytes. */
export function addDigrams(bytes: Uint8Array, counts: Float64Array): void {
  const pairs = bytes.length - 1;
  const module = moduleOf(bytes);
  if (module && pairs >= modulePairsMin) {
    module.run.addDigrams(bytes.byteOffset, pairs);
    addCounts(module.digrams, counts);
    return;
  }
  let first = bytes[0]!;
  for (let i = 1; i < bytes.length; i++) {
    const second = bytes[i]!;
    counts[(first << 8) | second]!++;
    first = second;
  }
}
