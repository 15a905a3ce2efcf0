/** What a report may say: a final is the oracle's answer, a partial is a true part of it. */
import type { Report } from '../../protocol/index.js';
import type { Answer } from './oracle.js';
import { demand } from './world.js';

const same = (a: unknown, b: unknown): boolean =>
  Object.is(a, b) || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b));

function checkFrame(report: Report, answer: Answer, who: string): void {
  demand(same([...report.range], [...answer.range]), `${who}: range ${report.range} is not ${answer.range}`);
  demand(report.cellBytes === answer.cellBytes, `${who}: cells of ${report.cellBytes}, not ${answer.cellBytes}`);
}

export function checkFinal(report: Report, answer: Answer, who: string): void {
  checkFrame(report, answer, who);
  demand(report.exact && report.completion === 1, `${who}: the final is exact`);
  for (const [name, value] of Object.entries(answer.scalars)) {
    const told = report.scalars[name];
    demand(same(told, value), `${who}: ${name} is ${JSON.stringify(told)}, not ${JSON.stringify(value)}`);
  }
  for (const [name, values] of Object.entries(answer.arrays)) {
    const told = report.arrays[name]?.data;
    demand(told?.length === values.length, `${who}: ${name} has ${told?.length} numbers, not ${values.length}`);
    const bad = values.findIndex((value, i) => !Object.is(told[i], value));
    demand(bad < 0, `${who}: ${name}[${bad}] is ${told[bad]}, not ${values[bad]}`);
  }
  const states = report.arrays['cells.state']?.data;
  if (report.cellBytes > 0)
    demand(
      states?.every((state) => state === 2),
      `${who}: all cells are exact`,
    );
}

export function checkPartial(report: Report, answer: Answer, who: string): void {
  checkFrame(report, answer, who);
  const n = report.scalars.n as number;
  demand(!report.exact && n < answer.dataBytes, `${who}: a partial is not exact`);
  demand(report.completion === n / answer.dataBytes, `${who}: completion ${report.completion} of ${n} bytes`);
  checkCells(report, answer, n, who);
  // Until all is exact, samples stand for what is not: totals are then estimates, each number rounded.
  const isEstimate = report.scalars.sampledBytes !== undefined;
  const { counts, xor } = report.arrays;
  for (const [name, column] of Object.entries({ counts, xor })) {
    if (!column) continue;
    const sum = column.data.reduce((a, b) => a + b, 0);
    if (isEstimate) {
      demand(sum >= n - 128 && sum <= answer.dataBytes + 128, `${who}: ${name} add up to ${sum}, by estimate`);
      continue;
    }
    demand(sum === n, `${who}: ${name} add up to ${sum}, not ${n}`);
    const bad = column.data.findIndex((count, i) => count > answer.arrays[name]![i]!);
    demand(bad < 0, `${who}: ${name}[${bad}] is over the final's`);
  }
  if (report.service === 'DIFF') checkDiff(report, answer, who);
}

function checkCells(report: Report, answer: Answer, n: number, who: string): void {
  if (report.cellBytes === 0) return;
  const { data: states } = report.arrays['cells.state']!;
  const { data: seen } = report.arrays['cells.n']!;
  const total = answer.arrays['cells.n']!;
  demand(seen.reduce((a, b) => a + b, 0) === n, `${who}: cells.n add up to n`);
  demand(states.length === total.length, `${who}: ${states.length} cells, not ${total.length}`);
  states.forEach((state, i) => {
    demand(
      (state === 2) === (seen[i] === total[i]),
      `${who}: cell ${i} has ${seen[i]} of ${total[i]} bytes, state ${state}`,
    );
    demand(seen[i]! <= total[i]!, `${who}: cell ${i} has more bytes than there are`);
  });
  for (const [name, values] of Object.entries(answer.arrays)) {
    if (!name.startsWith('cells.') || name === 'cells.n' || name === 'cells.start') continue;
    const data = report.arrays[name]?.data;
    // Of nothing a service has nothing to finish.
    demand(data || (n === 0 && report.scalars.sampledBytes === undefined), `${who}: ${name} is there`);
    if (!data) continue;
    const width = Math.max(1, values.length / Math.max(1, states.length));
    const stateOf = (i: number) => states[Math.floor(i / width)];
    const bad = values.findIndex((value, i) => stateOf(i) !== 1 && !Object.is(data[i], stateOf(i) === 2 ? value : NaN));
    demand(bad < 0, `${who}: ${name}[${bad}] is ${data[bad]}, the final's is ${values[bad]}, state ${stateOf(bad)}`);
  }
}

function checkDiff({ scalars, arrays }: Report, answer: Answer, who: string): void {
  const [changed, first, last] = [scalars.changedBytes, scalars.firstDiff, scalars.lastDiff] as (number | null)[];
  const final = answer.scalars as { [name: string]: number };
  const isEstimate = scalars.sampledBytes !== undefined;
  if (!isEstimate) {
    demand(changed! <= final.changedBytes!, `${who}: more changed bytes than in the end`);
    demand((scalars.n as number) - arrays.xor!.data[0]! === changed, `${who}: changed bytes are those that differ`);
  }
  demand(first === null || first! >= final.firstDiff!, `${who}: the first difference is before the final's`);
  demand(last === null || last! <= final.lastDiff!, `${who}: the last difference is after the final's`);
  const longest = scalars.longestRun as { length: number } | null;
  const longestAtAll = (answer.scalars.longestRun as { length: number } | null)?.length ?? 0;
  demand((longest?.length ?? 0) <= longestAtAll, `${who}: a run of ${longest?.length}, longer than the final's`);
  if (scalars.runsTruncated) return;
  const { data, shape } = arrays.runs!;
  demand(shape[0] === scalars.runCount, `${who}: runs are counted`);
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) {
    sum += data[i + 2]!;
    demand(i === 0 || data[i]! >= data[i - 2]!, `${who}: runs are apart`);
  }
  demand(isEstimate || sum === changed, `${who}: runs hold ${sum} of ${changed} changed bytes`);
}
