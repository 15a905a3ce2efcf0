/**
 * A service's own finish: rows of a job's picture go to a worker as a piece of their own kind, and what comes back joins
 * the report that the rows were taken for. One at a time for a job, of the newest report; never kept.
 */
import {
  assert,
  decodeFinished,
  encodeFinishColumns,
  type NamedArray,
  type PartFrames,
  type Report,
} from '../protocol/index.js';
import type { NewChunk } from './chunks.js';
import type { ChunkContext } from './events.js';
import type { FinishRows } from './picture.js';

interface Asked {
  readonly key: string;
  readonly report: Report;
  readonly rows: FinishRows;
}

export class Finishing {
  #asked: Asked | undefined;
  #finished: Report | undefined;
  #count = 0;

  constructor(
    readonly jobId: string,
    readonly service: string,
    /** Names of the outputs that the report has already. */
    readonly outputs: readonly string[],
  ) {}

  /** The key of the piece that was asked for and is not answered yet. */
  get asked(): string | undefined {
    return this.#asked?.key;
  }

  /** The newest report that is finished. */
  get finished(): Report | undefined {
    return this.#finished;
  }

  /** Asks for this report's finish, instead of an older one's. */
  ask(report: Report, rows: FinishRows, context: ChunkContext): NewChunk {
    const key = `finish ${this.jobId} ${this.#count++}`;
    this.#asked = { key, report: still(report), rows };
    const [start, end] = report.range;
    return {
      key,
      context,
      bounds: { start, end },
      span: { start, end, cellBytes: 0 },
      form: 'summed',
      stepBytes: end - start,
      keep: false,
      finish: { rows: rows.count, ...encodeFinishColumns(context.fields, rows.count, rows.columns) },
    };
  }

  /** Throws E_SERVICE where what came is not what the rows ask for. */
  taken(frames: PartFrames): void {
    assert(this.#asked, 'a finish was asked for');
    const { report, rows } = this.#asked;
    this.#asked = undefined;
    this.#finished = joined(report, rows, decodeFinished(this.service, this.outputs, rows.count, frames));
  }
}

/** The picture goes on changing, the report that is being finished does not. */
function still(report: Report): Report {
  const arrays: { [name: string]: NamedArray } = {};
  for (const [name, array] of Object.entries(report.arrays)) {
    arrays[name] = array.isFixed ? array : { ...array, data: array.data.slice() };
  }
  return { ...report, arrays };
}

function joined(
  report: Report,
  { cells, cellCount }: FinishRows,
  more: { readonly [name: string]: NamedArray },
): Report {
  const scalars: { [name: string]: Report['scalars'][string] } = { ...report.scalars };
  const arrays: { [name: string]: NamedArray } = { ...report.arrays };
  for (const [name, { dtype, shape, data }] of Object.entries(more)) {
    const width = shape[1] ?? 1;
    const whole = data.slice(data.length - width);
    if (width > 1) arrays[name] = { dtype, shape: [width], data: whole };
    // A scalar is finite or nothing.
    else scalars[name] = Number.isFinite(whole[0]!) ? whole[0]! : null;
    if (!cells) continue;
    const column = new Float64Array(cellCount * width).fill(NaN);
    cells.forEach((cell, row) => {
      column.set(data.subarray(row * width, (row + 1) * width), cell * width);
    });
    const isKnown = cells.length === cellCount;
    const columnShape = width === 1 ? [cellCount] : [cellCount, width];
    arrays[`cells.${name}`] = { dtype: isKnown ? dtype : 'f8', shape: columnShape, data: column };
  }
  return { ...report, scalars, arrays };
}
