/**
 * What a job knows so far: exact parts merged into the request's cells (picture-cells.ts) and totals, and the report made
 * of them. Each byte is added once.
 */

import {
  assert,
  combine,
  type FieldSpec,
  fieldsOf,
  finishFields,
  finishWhole,
  identityOf,
  indexOf,
  indexWidth,
  isEstimable,
  type NamedArray,
  type OutputSpec,
  type Params,
  type Part,
  type Report,
  rowWidth,
  shapeWidth,
  type WholeValue,
} from '../protocol/index.js';
import { OrderedFold } from './ordered.js';
import { PictureCells, type PictureInput } from './picture-cells.js';
import { Samples } from './samples.js';
import type { SampleTask } from './sampling.js';

type Columns = { [name: string]: Float64Array };

/** What a service's own finish gets: a row a known cell, and the range's own as the last. */
export interface FinishRows {
  /** Rows in all. */
  readonly count: number;
  /** Which cells they are; undefined: the range alone, since some field has no cells. */
  readonly cells: readonly number[] | undefined;
  /** Cells of the picture. */
  readonly cellCount: number;
  /** `n` and the fields. */
  readonly columns: { readonly [name: string]: Float64Array };
}

export class Picture {
  readonly fields: readonly FieldSpec[];
  readonly #cells: PictureCells;
  readonly #wholeOutputs: readonly OutputSpec[];
  /** Fields whose order does not matter, folded over all exact bytes. */
  readonly #totals: Columns = {};
  readonly #ordered: OrderedFold;
  readonly #commuting: readonly FieldSpec[];
  /** What the service's own finish gets rows of. */
  readonly #finishFields: readonly FieldSpec[];
  /** What is known of cells or inner strata that are not exact. */
  readonly #samples = new Samples();
  /** Inner strata of a service without cells that were sampled. */
  readonly #strata: Stratum[] = [];
  #exactBytes = 0;

  constructor(readonly input: PictureInput) {
    const { descriptor, grid, range } = input;
    this.fields = fieldsOf(descriptor, grid.form);
    const present = (output: OutputSpec) => this.fields.some((field) => field.name === output.of);
    this.#wholeOutputs = descriptor.report.filter((output) => output.scope !== 'cell' && present(output));
    this.#cells = new PictureCells(input, this.fields, this.#samples);
    this.#finishFields = descriptor.finish ? finishFields(this.fields) : [];
    const needed = new Set([
      ...this.#wholeOutputs.flatMap((output) => [output.of, ...(output.with ?? [])]),
      ...this.#finishFields.map(({ name }) => name),
    ]);
    const whole = this.fields.filter((field) => needed.has(field.name));
    const isOrdered = (field: FieldSpec) => field.merge === 'run' || field.merge === 'concat';
    this.#ordered = new OrderedFold(whole.filter(isOrdered), input.params);
    this.#commuting = whole.filter((field) => !isOrdered(field) && field.merge !== 'once');
    assert(range[0] <= range[1], 'a range is not reversed');
  }

  get exactBytes(): number {
    return this.#exactBytes;
  }
  get dataBytes(): number {
    return Math.max(0, this.input.data[1] - this.input.data[0]);
  }
  get isExact(): boolean {
    return this.#exactBytes === this.dataBytes;
  }
  /** Nothing at all is known yet. */
  get isBlank(): boolean {
    return this.#exactBytes === 0 && this.#samples.bytes === 0 && this.dataBytes > 0;
  }
  get completion(): number {
    return this.dataBytes === 0 ? 1 : this.#exactBytes / this.dataBytes;
  }

  /** Adds an exact part; its bytes have not been added before and its cells nest in the request's. */
  add(part: Part): void {
    if (part.end <= part.start) return;
    this.#exactBytes += part.end - part.start;
    assert(this.#exactBytes <= this.dataBytes, 'each byte is added once');
    this.#addTotals(part);
    this.#ordered.add(part);
    if (this.input.grid.cellBytes > 0) this.#cells.add(part);
    for (const stratum of this.#strata) {
      stratum.exact += Math.max(0, Math.min(part.end, stratum.end) - Math.max(part.start, stratum.start));
      if (missingOf(stratum) === 0) this.#samples.drop(stratum.key);
    }
  }

  /** Where samples of a service without cells will come from; told before anything is added. */
  expectSamples(tasks: readonly SampleTask[]): void {
    if (this.input.grid.cellBytes > 0) return;
    for (const { start: key, strata } of tasks) {
      for (const [start, end] of strata) this.#strata.push({ key, start, end, exact: 0 });
    }
  }

  /** Adds the part of a sample (sampleFields beside the service's own): of cells that are exact already nothing is taken. */
  addSample(part: Part): void {
    if (this.input.grid.cellBytes > 0) return this.#cells.addSample(part);
    const stratum = this.#strata.find(({ key }) => key === part.start);
    if (stratum && missingOf(stratum) > 0) this.#samples.add(part, (start) => start);
  }

  /** The arrays of cells are the picture's own and go on changing: whoever keeps a report encodes it first. */
  report(more: Pick<Report, 'jobId' | 'inputs' | 'work'>, scalars: Report['scalars'] = {}): Report {
    const { descriptor, grid, range } = this.input;
    const whole: { [name: string]: WholeValue } = { n: this.#exactBytes };
    const columns = { ...this.#estimated(), ...this.#ordered.columns() };
    for (const { name, of, with: more, finish } of this.#wholeOutputs) {
      const field = this.#field(of);
      whole[name] =
        this.#isEstimated && !isEstimable(finish)
          ? null
          : finishWhole(finish, field, columns[of] ? columns : emptyColumns(field, this.input.params), more);
    }
    const isArray = (value: WholeValue): value is NamedArray =>
      typeof value === 'object' && value !== null && 'dtype' in value;
    const entries = Object.entries(whole);
    return {
      ...more,
      service: descriptor.name,
      version: descriptor.version,
      range,
      completion: this.completion,
      exact: this.isExact,
      cellBytes: grid.cellBytes,
      scalars: {
        ...Object.fromEntries(entries.filter(([, value]) => !isArray(value))),
        ...(this.#isEstimated && { sampledBytes: this.#samples.bytes }),
        ...scalars,
      } as Report['scalars'],
      arrays: {
        ...Object.fromEntries(entries.filter(([, value]) => isArray(value))),
        ...this.#cells.arrays(this.isExact),
      } as Report['arrays'],
    };
  }

  /** For the service's own finish, of what is known now. */
  finishRows(): FinishRows {
    const fields = this.#finishFields;
    const alongCells = this.input.grid.cellBytes > 0 && fields.every((field) => field.cells);
    const { cells, columns } = alongCells ? this.#cells.rows(fields) : { cells: undefined, columns: undefined };
    const totals = this.#estimated();
    // Of a lowest or highest samples say nothing about the whole.
    const none = (field: FieldSpec) => new Float64Array(this.#samples.rowWidth(field)).fill(identityOf(field));
    const whole = (field: FieldSpec) => totals[field.name] ?? none(field);
    const n = this.#isEstimated ? this.dataBytes : this.#exactBytes;
    const rows: Columns = { n: Float64Array.of(...(columns?.n ?? []), n) };
    for (const field of fields) rows[field.name] = Float64Array.of(...(columns?.[field.name] ?? []), ...whole(field));
    return { count: (cells?.length ?? 0) + 1, cells, cellCount: this.#cells.count, columns: rows };
  }

  /** Samples are in use: sums are estimates. */
  get #isEstimated(): boolean {
    return this.#samples.bytes > 0 && !this.isExact;
  }

  /** Totals of the exact bytes and, until all are, of what samples let expect of the others; whole numbers rounded. */
  #estimated(): Columns {
    if (!this.#isEstimated) return this.#totals;
    const missing =
      this.input.grid.cellBytes > 0
        ? (cell: number) => this.#cells.missingOf(cell)
        : (key: number) => missingOf(this.#strata.find((stratum) => stratum.key === key)!);
    const columns: Columns = { ...this.#totals };
    for (const field of this.#commuting) {
      if (field.merge !== 'sum') continue;
      const none = () => new Float64Array(this.#samples.rowWidth(field));
      const total = (this.#totals[field.name] ?? none()).slice();
      this.#samples.estimate(field, total, missing);
      // A plain loop: DIGRAM has 65,536 numbers, and a function called for each took as long as all else of its report.
      if (!field.dtype.startsWith('f')) for (let i = 0; i < total.length; i++) total[i] = Math.round(total[i]!);
      columns[field.name] = total;
    }
    return columns;
  }

  #field(name: string): FieldSpec {
    return this.fields.find((field) => field.name === name)!;
  }

  #addTotals(part: Part): void {
    for (const field of this.#commuting) {
      const column = part.columns[field.name]!;
      const width = rowWidth(field, part);
      const total = (this.#totals[field.name] ??= new Float64Array(width).fill(identityOf(field)));
      for (let at = 0; at < column.length; at += width) combine(field, total, 0, column, at, width);
    }
  }
}

/** An inner stretch of a service without cells. */
interface Stratum {
  /** Where its sample's part starts. */
  readonly key: number;
  readonly start: number;
  readonly end: number;
  exact: number;
}

const missingOf = ({ start, end, exact }: Stratum): number => end - start - exact;

/** A field's columns where nothing was added yet. */
function emptyColumns(field: FieldSpec, params: Params): Columns {
  if (field.merge === 'concat')
    return { [field.name]: new Float64Array(0), [indexOf(field)]: new Float64Array(indexWidth) };
  return { [field.name]: new Float64Array(shapeWidth(field, params)).fill(identityOf(field)) };
}
