/**
 * The last measurements as files: JSON with every single one by section, and Markdown made from it. A bench of some
 * sections leaves what others told; Markdown says of each where and when it was measured.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Machine, machineText } from './machine.js';
import { resultsFolder } from './places.js';
import { markdown, type Table } from './table.js';

/** One section, as it was measured. */
export interface Measured {
  readonly machine: Machine;
  readonly runs: number;
  /** When it began, ISO 8601. */
  readonly began: string;
  readonly seconds: number;
  readonly tables: readonly Table[];
}

/** By the section's name, in the order in which they are shown. */
export type Results = { readonly [section: string]: Measured };

const format = 'binglide.bench/1';
const jsonFile = join(resultsFolder, 'last.json');
const markdownFile = join(resultsFolder, 'last.md');

/** Markdown. What sections share of the machine is said once. */
export function resultsText(results: Results): string {
  const sections = Object.entries(results);
  const goals = sections.flatMap(([, { tables }]) =>
    tables.flatMap(({ rows }) => rows.flatMap((row) => row.goals ?? [])),
  );
  const met = goals.filter((goal) => goal.met).length;
  const common = sections[0] ? machineText(sections[0][1].machine) : '';
  return [
    common,
    `Medians over a section's runs in turn after one that is not counted, where nothing else is said. Ratios are medians of the rounds' own ratios. Goals met: ${met} of ${goals.length}.`,
    ...sections.flatMap(([name, { machine, runs, began, seconds, tables }]) => {
      const own = machineText(machine);
      const when = `${runs === 1 ? 'One run' : `${runs} runs`}, ${began.slice(0, 16).replace('T', ' ')} UTC, ${seconds} s.`;
      return [`## ${name}`, when, ...(own === common ? [] : [own]), ...tables.map(markdown)];
    }),
  ].join('\n\n');
}

/** Of the sections in `names`, in that order, what was measured now or else before. */
export function merged(names: readonly string[], before: Results, now: Results): Results {
  const found = names.flatMap((name) => {
    const measured = now[name] ?? before[name];
    return measured ? [[name, measured] as const] : [];
  });
  return Object.fromEntries(found);
}

/** Nothing where there is no file, or one that this bench did not write. */
export async function readResults(): Promise<Results> {
  try {
    const { format: found, sections } = JSON.parse(await readFile(jsonFile, 'utf8'));
    return found === format ? sections : {};
  } catch {
    return {};
  }
}

export async function writeResults(sections: Results): Promise<void> {
  await mkdir(resultsFolder, { recursive: true });
  await replaced(jsonFile, `${JSON.stringify({ format, sections })}\n`);
  await replaced(markdownFile, `${resultsText(sections)}\n`);
}

/** A bench that is stopped meanwhile leaves the old file or the new one. */
async function replaced(path: string, content: string): Promise<void> {
  const part = `${path}.part-${process.pid}`;
  await writeFile(part, content);
  await rename(part, path);
}
