/**
 * Fields whose merge needs neighbours (run, concat), folded while pieces arrive in any order: adjacent stretches are
 * joined as soon as they meet; what lies between stretches is unknown and joins nothing.
 */
import { type FieldSpec, gather, indexOf, indexWidth, type Params, type Part, runWidth } from '../protocol/index.js';

export class OrderedFold {
  /** Ascending, disjoint, never adjacent; each folded to one row. */
  readonly #stretches: Part[] = [];

  constructor(
    readonly fields: readonly FieldSpec[],
    readonly params: Params,
  ) {}

  add(part: Part): void {
    if (this.fields.length === 0) return;
    let stretch = this.#fold([part]);
    let at = this.#stretches.findIndex((other) => other.start >= stretch.end);
    if (at < 0) at = this.#stretches.length;
    const before = this.#stretches[at - 1];
    const after = this.#stretches[at];
    const joinsBefore = before?.end === stretch.start;
    const joinsAfter = after?.start === stretch.end;
    if (joinsBefore) stretch = this.#fold([before, stretch]);
    if (joinsAfter) stretch = this.#fold([stretch, after]);
    this.#stretches.splice(joinsBefore ? at - 1 : at, Number(joinsBefore) + Number(joinsAfter), stretch);
  }

  /** One row a field: that of all stretches, none joined across what is unknown. */
  columns(): Part['columns'] {
    const [first, ...rest] = this.#stretches;
    if (!first) return {};
    if (rest.length === 0) return first.columns;
    const parts = [first];
    for (const stretch of rest) parts.push(this.#unknown(parts.at(-1)!.end, stretch.start), stretch);
    const apart = this.fields.map(({ gap: _, ...field }) => field);
    return gather(apart, this.params, parts, { start: first.start, end: parts.at(-1)!.end, cellBytes: 0 }).columns;
  }

  #fold(parts: readonly Part[]): Part {
    return gather(this.fields, this.params, parts, { start: parts[0]!.start, end: parts.at(-1)!.end, cellBytes: 0 });
  }

  #unknown(start: number, end: number): Part {
    const columns: { [name: string]: Float64Array } = {};
    for (const field of this.fields) {
      if (field.merge === 'concat') {
        columns[field.name] = new Float64Array(0);
        columns[indexOf(field)] = new Float64Array(indexWidth);
      } else {
        columns[field.name] = new Float64Array(runWidth);
        columns[field.name]!.set([start, end - start]);
      }
    }
    return { start, end, cellBytes: 0, columns };
  }
}
