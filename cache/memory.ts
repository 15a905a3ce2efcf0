/**
 * The hottest parts, by bytes, in front of the disk. Parts are shared between their users: nobody writes into one.
 */
import { LRUCache } from 'lru-cache';
import type { Part } from '../protocol/index.js';

/** Where a part rests: the id of the first input, the service's descriptor digest and the chunk's name. */
export interface PartKey {
  readonly id: string;
  readonly digest: string;
  readonly name: string;
}

/** What a part's record costs beside its numbers, roughly. */
const recordBytes = 512;

export class PartMemory {
  /** Absent: a budget of 0. */
  readonly #parts: LRUCache<string, Part> | undefined;

  constructor(bytesMax: number) {
    if (bytesMax > 0) this.#parts = new LRUCache({ maxSize: bytesMax, sizeCalculation: partBytes });
  }

  get bytes(): number {
    return this.#parts?.calculatedSize ?? 0;
  }

  get(key: PartKey): Part | undefined {
    return this.#parts?.get(textOf(key));
  }

  /** A part larger than the whole budget is not kept. */
  set(key: PartKey, part: Part): void {
    this.#parts?.set(textOf(key), part);
  }

  delete(key: PartKey): void {
    this.#parts?.delete(textOf(key));
  }
}

export function partBytes(part: Part): number {
  return Object.values(part.columns).reduce((sum, column) => sum + column.byteLength, recordBytes);
}

function textOf({ id, digest, name }: PartKey): string {
  return `${id}/${digest}/${name}`;
}
