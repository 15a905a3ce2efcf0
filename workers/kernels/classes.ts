/** Six disjoint classes of byte values: the loop under CLASS. Pure. */
import { addHistogram } from './histogram.js';
import { moduleOf } from './module.js';

/** In order of the counts: 00; FF; 20–7E; 09–0D; 01–08, 0E–1F and 7F; 80–FE. */
export const classNames = ['zero', 'ff', 'printable', 'whitespace', 'control', 'high'] as const;
export type ClassName = (typeof classNames)[number];

/** Index of each value's class. */
const classOf = Uint8Array.from({ length: 256 }, (_, value) => classNames.indexOf(nameOf(value)));

function nameOf(value: number): ClassName {
  if (value === 0) return 'zero';
  if (value === 0xff) return 'ff';
  if (value >= 0x80) return 'high';
  if (value >= 0x20 && value <= 0x7e) return 'printable';
  return value >= 0x09 && value <= 0x0d ? 'whitespace' : 'control';
}

const found = new Uint32Array(classNames.length);
const histogram = new Float64Array(256);

/** Bytes of each class, good until the next call. */
export function countClasses(bytes: Uint8Array): Uint32Array {
  const module = moduleOf(bytes);
  if (module) {
    module.run.addClasses(bytes.byteOffset, bytes.length);
    return module.classes;
  }
  found.fill(0);
  histogram.fill(0);
  addHistogram(bytes, histogram);
  for (let value = 0; value < 256; value++) found[classOf[value]!]! += histogram[value]!;
  return found;
}
