/**
 * What is known of places that are not exact yet: the parts of samples, a row a stratum (a cell, or an inner stretch of a
 * service without cells). A stratum's sample is dropped whole when its bytes are exact; nothing of it is ever cached.
 */
import {
  assert,
  cellBounds,
  cellCount,
  type FieldSpec,
  type Part,
  rowWidth,
  sampleIntervals,
} from '../protocol/index.js';

interface Sampled {
  readonly part: Part;
  readonly row: number;
  /** Bytes that were read of the stratum; above 0. */
  readonly bytes: number;
}

export class Samples {
  /** By cell of the request; services without cells by the stratum's start. */
  readonly #strata = new Map<number, Sampled>();
  #bytes = 0;

  /** Bytes read of strata that are not exact. */
  get bytes(): number {
    return this.#bytes;
  }

  has(stratum: number): boolean {
    return this.#strata.has(stratum);
  }

  /** `stratumOf` names the request's stratum for a row's first byte, or undefined where it is exact already. */
  add(part: Part, stratumOf: (start: number) => number | undefined): void {
    const rows = cellCount(part);
    for (let row = 0; row < rows; row++) {
      const bytes = part.columns.n![row]!;
      const stratum = bytes > 0 ? stratumOf(cellBounds(part, row)[0]) : undefined;
      if (stratum === undefined) continue;
      this.drop(stratum);
      this.#strata.set(stratum, { part, row, bytes });
      this.#bytes += bytes;
    }
  }

  /** The stratum is exact from now on. */
  drop(stratum: number): void {
    this.#bytes -= this.#strata.get(stratum)?.bytes ?? 0;
    this.#strata.delete(stratum);
  }

  /** Bytes that were read of the stratum. */
  seenOf(stratum: number): number {
    return this.#strata.get(stratum)!.bytes;
  }

  /** The 95 % interval of the cell's first output; NaN where the runs cannot tell. Sums come a byte: `scale` is the cell's. */
  interval(stratum: number, scale: number): readonly [number, number] {
    const { part, row } = this.#strata.get(stratum)!;
    const [lo, hi] = sampleIntervals.map((name) => part.columns[name]![row]!);
    return [lo! * scale, hi! * scale];
  }

  /** Numbers in a row of the field; of a field without a shape only its parts tell. */
  rowWidth(field: FieldSpec): number {
    const [any] = this.#strata.values();
    assert(any, 'something was sampled');
    return rowWidth(field, any.part);
  }

  /** Adds to `total` what the strata that are not exact are likely to hold: sample × missing bytes ÷ sampled bytes. */
  estimate(field: FieldSpec, total: Float64Array, missingOf: (stratum: number) => number): void {
    this.#strata.forEach(({ part, row, bytes }, stratum) => {
      const width = rowWidth(field, part);
      const column = part.columns[field.name]!;
      const at = field.cells ? row * width : 0;
      const scale = missingOf(stratum) / bytes;
      for (let i = 0; i < width; i++) total[i]! += column[at + i]! * scale;
    });
  }
}
