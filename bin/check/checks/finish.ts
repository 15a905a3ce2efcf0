/** The service's own finish: a row for each row that it gets, made of that row alone. */
import { cellBounds, cellCount, gather, type Part, rowWidth } from '../../../protocol/algebra.js';
import { type FieldSpec, finishFields } from '../../../protocol/descriptor.js';
import { encodeToWorker } from '../../../protocol/encode.js';
import { decodeFinished, encodeFinishColumns } from '../../../protocol/finishing.js';
import type { NamedArray } from '../../../protocol/npy.js';
import { counted, hexRange } from '../../cli/units.js';
import type { TaskFrames } from '../broker.js';
import { type Lab, told } from '../lab.js';
import { CheckFailure, doesNotApply, ok, type Verdict } from '../verdict.js';

/** Samples make estimates of sums, which are fractions. */
const share = 0.37;

/** Rows as a report has them: its cells, and last the range as a whole. */
interface Rows {
  readonly fields: readonly FieldSpec[];
  /** Of each row. */
  readonly names: readonly string[];
  readonly columns: { readonly [name: string]: Float64Array };
}

type Finished = { readonly [name: string]: NamedArray };

export async function checkFinish(lab: Lab): Promise<Verdict> {
  if (lab.descriptor.finish !== true) return doesNotApply('it has no finish');
  const [start, end] = lab.usual();
  const asked = { start, end };
  const rows = rowsOf(lab, await lab.part(asked));
  const all = await finished(lab, rows);
  for (let i = 0; i < rows.names.length; i++) compareRow(rows.names[i]!, i, all, await finished(lab, only(rows, i)));
  await finished(lab, estimated(rows));
  const outputs = Object.entries(all).map(([name, { shape }]) => `${name} (${shape.join(', ')})`);
  return ok(
    `${counted(rows.names.length, 'row')} together and apart, and estimates: ${outputs.join(', ') || 'no outputs'}`,
  );
}

function rowsOf(lab: Lab, part: Part): Rows {
  const fields = finishFields(lab.fields(part));
  const { start, end } = part;
  const whole = gather(fields, lab.params, [part], { start, end, cellBytes: 0 });
  // Where one of the fields has no cells, there is the range alone.
  const cells = fields.every((field) => field.cells) && part.cellBytes > 0 ? cellCount(part) : 0;
  const bounds = Array.from({ length: cells }, (_, i) => cellBounds(part, i));
  const columns: { [name: string]: Float64Array } = {
    n: Float64Array.of(...bounds.map(([from, to]) => to - from), end - start),
  };
  for (const field of fields) {
    const range = whole.columns[field.name]!;
    const own = part.columns[field.name]!.subarray(0, cells * rowWidth(field, whole));
    columns[field.name] = new Float64Array(own.length + range.length);
    columns[field.name]!.set(own);
    columns[field.name]!.set(range, own.length);
  }
  return { fields, columns, names: [...bounds.map((cell) => `cell ${hexRange(...cell)}`), 'the whole range'] };
}

function only({ fields, names, columns }: Rows, row: number): Rows {
  const cut = Object.entries(columns).map(([name, column]) => {
    const width = column.length / names.length;
    return [name, column.slice(row * width, (row + 1) * width)] as const;
  });
  return { fields, names: [names[row]!], columns: Object.fromEntries(cut) };
}

function estimated({ fields, names, columns }: Rows): Rows {
  const sums = fields
    .filter(({ merge }) => merge === 'sum')
    .map(({ name }) => [name, columns[name]!.map((it) => it * share)]);
  return { fields, names, columns: { ...columns, ...Object.fromEntries(sums) } };
}

async function finished(lab: Lab, { fields, names, columns }: Rows): Promise<Finished> {
  const { name, report } = lab.descriptor;
  const rows = names.length;
  const task = { kind: 'finish', params: lab.params, rows, ...encodeFinishColumns(fields, rows, columns) } as const;
  const frames: TaskFrames = (attempt, epoch, jobId) => encodeToWorker({ kind: 'assign', attempt, epoch, jobId, task });
  const answer = await lab.target.ask(frames);
  const hint =
    'each array that finish returns has a row for each row that it gets: arrays stay whole, none is reduced along its rows';
  const where = `finish of ${counted(rows, 'row')} (${names[0]}${rows > 1 ? ' …' : ''})`;
  if (answer.kind !== 'part') {
    const isAuthors = answer.kind === 'fault' && answer.fault.code === 'E_SERVICE';
    throw new CheckFailure(told(answer), isAuthors ? hint : undefined).at(where);
  }
  try {
    return decodeFinished(
      name,
      report.map((output) => output.name),
      rows,
      answer.part,
    );
  } catch (error) {
    throw new CheckFailure((error as Error).message, hint).at(where);
  }
}

function compareRow(name: string, row: number, all: Finished, alone: Finished): void {
  const hint = 'finish is row-wise: what it makes of a row may depend on nothing but that row and the parameters';
  const outputs = [...new Set([...Object.keys(all), ...Object.keys(alone)])];
  for (const output of outputs) {
    const [a, b] = [all[output], alone[output]];
    if (!a || !b) throw new CheckFailure(`output ${output} is there ${a ? 'together' : 'alone'} only, ${name}`, hint);
    const width = b.data.length;
    for (let i = 0; i < Math.max(width, a.data.length / a.shape[0]!); i++) {
      const [together, single] = [a.data[row * width + i], b.data[i]];
      if (Object.is(together, single)) continue;
      const number = width > 1 ? `, number ${i}` : '';
      throw new CheckFailure(`output ${output}, ${name}${number}: ${together} among other rows, ${single} alone`, hint);
    }
  }
}
