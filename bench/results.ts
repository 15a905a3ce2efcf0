/** The last bench as files: Markdown for readers, JSON with every single measurement. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Machine, machineText } from './machine.js';
import { resultsFolder } from './places.js';
import { markdown, type Table } from './table.js';

export interface Results {
  readonly machine: Machine;
  readonly runs: number;
  readonly sections: readonly { readonly name: string; readonly seconds: number; readonly tables: readonly Table[] }[];
}

export function resultsText({ machine, runs, sections }: Results): string {
  const goals = sections.flatMap(({ tables }) => tables.flatMap(({ rows }) => rows.flatMap((row) => row.goals ?? [])));
  const met = goals.filter((goal) => goal.met).length;
  return [
    machineText(machine),
    `Medians over ${runs} runs in turn after one that is not counted, where nothing else is said. Ratios are medians of the rounds' own ratios. Goals met: ${met} of ${goals.length}.`,
    ...sections.flatMap(({ name, tables }) => [`## ${name}`, ...tables.map(markdown)]),
  ].join('\n\n');
}

export async function writeResults(results: Results): Promise<void> {
  await mkdir(resultsFolder, { recursive: true });
  await writeFile(join(resultsFolder, 'last.md'), `${resultsText(results)}\n`);
  await writeFile(join(resultsFolder, 'last.json'), `${JSON.stringify(results)}\n`);
}
