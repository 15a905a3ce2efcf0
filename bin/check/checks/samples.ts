/** Samples: many short runs in one task. What they say of bytes and intervals, and that they are the exact runs' sum. */
import { cellBounds, cellCount, identityOf, indexOf, type Part } from '../../../protocol/algebra.js';
import type { FieldSpec } from '../../../protocol/descriptor.js';
import { counted, hexRange } from '../../cli/units.js';
import { firstDifference } from '../difference.js';
import { type Asked, type Lab, told } from '../lab.js';
import { CheckFailure, doesNotApply, ok, type Verdict } from '../verdict.js';

const runBytes = 4096;
const runsPerCell = 4;
const cells = 8;
const cellBytes = 2 ** 16;

export async function checkSamples(lab: Lab): Promise<Verdict> {
  const { form, widths } = lab.grid();
  if (form === 'whole') return doesNotApply('a small block is asked for, and such cells are not sampled');
  const width = widths[0] === 0 ? 0 : cellBytes;
  const runs = sampleRuns(lab);
  if (runs.length === 0) return doesNotApply(`the file has no ${runBytes} bytes`);
  const asked = { start: runs[0]![0], end: runs.at(-1)![1], cellBytes: width, runs };
  const answer = await lab.ask(asked);
  if (answer.kind !== 'part') {
    const hint = 'a broker opens long requests with samples: a worker that refuses them ends the job';
    throw new CheckFailure(`${lab.where(asked)}: ${told(answer)}`, hint);
  }
  const sample = lab.decoded(asked, answer.part);
  checkSeen(lab, asked, sample);
  const known = checkIntervals(lab, asked, sample);
  await checkAgainstExact(lab, asked, sample);
  const told_ = known === 0 ? 'no interval told' : `${counted(known, 'interval')} told`;
  return ok(
    `${counted(runs.length, 'run')} of ${runBytes} bytes in ${counted(rowsOf(sample), 'cell')}: bytes agree, ${told_}`,
  );
}

const rowsOf = (part: Part): number => cellCount(part);

/** Four aligned runs a cell, at random places, ascending and apart. */
function sampleRuns(lab: Lab): readonly (readonly [number, number])[] {
  const random = lab.random('samples');
  const [first, last] = lab.range(lab.params, (cells + 1) * cellBytes);
  const begin = Math.ceil(first / cellBytes) * cellBytes;
  const runs: [number, number][] = [];
  const strip = cellBytes / runsPerCell;
  for (let at = begin; at + strip <= last && runs.length < cells * runsPerCell; at += strip) {
    const start = at + runBytes * random.int(0, strip / runBytes - 1);
    runs.push([start, start + runBytes]);
  }
  const short: [number, number] = [begin, begin + runBytes];
  return runs.length > 0 || short[1] > last ? runs : [short];
}

function checkSeen(lab: Lab, asked: Asked, sample: Part): void {
  for (let cell = 0; cell < rowsOf(sample); cell++) {
    const [start, end] = cellBounds(sample, cell);
    const wanted = asked.runs!.reduce(
      (sum, [from, to]) => sum + Math.max(0, Math.min(end, to) - Math.max(start, from)),
      0,
    );
    const got = sample.columns.n![cell]!;
    if (got === wanted) continue;
    throw new CheckFailure(
      `n of cell ${hexRange(start, end)}: wanted ${wanted} bytes, got ${got}`,
      'n counts the bytes of the cell’s runs, without overlap; without readMsMax no run may be passed over',
    ).at(lab.where(asked));
  }
}

function checkIntervals(lab: Lab, asked: Asked, sample: Part): number {
  const { lo, hi } = sample.columns;
  let known = 0;
  for (let cell = 0; cell < rowsOf(sample); cell++) {
    const [low, high] = [lo![cell]!, hi![cell]!];
    if (!Number.isNaN(low) || !Number.isNaN(high)) known++;
    if (Number.isNaN(low) === Number.isNaN(high) && !(low > high)) continue;
    throw new CheckFailure(
      `cell ${hexRange(...cellBounds(sample, cell))}: lo ${low}, hi ${high}`,
      'an interval is two numbers in order, or NaN twice where the runs cannot tell',
    ).at(lab.where(asked));
  }
  return known;
}

/** The fields are those of the runs asked for one at a time; run and concat, which need neighbours, are empty. */
async function checkAgainstExact(lab: Lab, { runs: all, ...span }: Asked, sample: Part): Promise<void> {
  const fields = lab.fields(span);
  const isOfNeighbours = ({ merge }: FieldSpec) => merge === 'run' || merge === 'concat';
  for (const field of fields.filter(isOfNeighbours)) {
    const column = sample.columns[field.merge === 'concat' ? indexOf(field) : field.name]!;
    if (column.every((number) => number === identityOf(field))) continue;
    throw new CheckFailure(`field ${field.name} (${field.merge}) is not empty in a sample`).at(lab.where(span));
  }
  const mergeable = fields.filter((field) => !isOfNeighbours(field) && field.merge !== 'once');
  const runs = all!;
  const parts = await lab.parts(runs.map(([start, end]) => ({ ...span, start, end })));
  const folded = lab.folded(span, withGaps(lab, span, runs, parts, mergeable));
  const difference = firstDifference(mergeable, folded, sample);
  if (!difference) return;
  throw new CheckFailure(
    `${difference.what}, against the runs one at a time`,
    'a sample’s fields are those of its runs, each with its own overlap, folded into the cells that they are in',
  ).at(lab.where({ ...span, runs }));
}

/** Between runs nothing was read: identities stand there. */
function withGaps(
  lab: Lab,
  span: Asked,
  runs: readonly (readonly [number, number])[],
  parts: readonly Part[],
  fields: readonly FieldSpec[],
): readonly Part[] {
  const all: Part[] = [];
  runs.forEach(([start], i) => {
    const before = i === 0 ? span.start : runs[i - 1]![1];
    if (before < start) all.push(identityPart(lab, { ...span, start: before, end: start }, fields, parts[i]!));
    all.push(parts[i]!);
  });
  return all;
}

function identityPart(lab: Lab, asked: Asked, fields: readonly FieldSpec[], like: Part): Part {
  const span = { start: asked.start, end: asked.end, cellBytes: asked.cellBytes! };
  const columns: { [name: string]: Float64Array } = {};
  for (const field of lab.fields(asked)) {
    const rows = field.cells ? cellCount(span) : 1;
    const width = like.columns[field.name]!.length / Math.max(1, field.cells ? cellCount(like) : 1);
    const identity = fields.includes(field) ? identityOf(field) : 0;
    columns[field.name] = new Float64Array(field.merge === 'concat' ? 0 : rows * width).fill(identity);
    if (field.merge === 'concat') columns[indexOf(field)] = new Float64Array(rows * 3);
  }
  return { ...span, columns };
}
