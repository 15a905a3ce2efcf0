/** What the broker costs, and whether it is fair; broker/ has a file for each. */
import { smallBesideLarge } from '../broker/beside.js';
import { cpuATask } from '../broker/cpu.js';
import { fairness } from '../broker/fairness.js';
import { manyTasks } from '../broker/many-tasks.js';
import type { Table } from '../table.js';
import type { Bench } from './section.js';

export async function broker(bench: Bench): Promise<Table[]> {
  const tables: Table[] = [];
  for (const measure of [cpuATask, manyTasks, smallBesideLarge, fairness]) {
    bench.say(`broker: ${measure.name}`);
    tables.push(await measure(bench));
  }
  return tables;
}
