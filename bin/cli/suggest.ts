/** What stands in the folder where a file was not found: the nearest name, for the error's way out. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail, isBinglideError } from '../../protocol/errors.js';

const namesMax = 10_000;

/** The same error with the nearest existing name as its way out, where there is one. */
export async function withSuggestion(error: unknown, paths: readonly string[]): Promise<unknown> {
  if (!isBinglideError(error) || error.code !== 'E_NOT_FOUND') return error;
  for (const path of paths) {
    if (await exists(path)) continue;
    const near = await nearestName(path);
    if (near === null) continue;
    const place = dirname(path) === '.' ? near : join(dirname(path), near);
    return fail('E_NOT_FOUND', `${path}: no such file; ${place} is there`, error.toFault());
  }
  return error;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

export async function nearestName(path: string): Promise<string | null> {
  const names = await readdir(dirname(path)).catch(() => []);
  return nearest(basename(path), names.slice(0, namesMax));
}

/** The name fewest edits away, if it is near enough to have been meant. */
export function nearest(wanted: string, names: readonly string[]): string | null {
  const most = Math.max(1, Math.floor(wanted.length / 3));
  let best: string | null = null;
  let bestEdits = most + 1;
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) >= bestEdits) continue;
    const edits = editsBetween(wanted.toLowerCase(), name.toLowerCase());
    if (edits < bestEdits) [best, bestEdits] = [name, edits];
  }
  return best;
}

/** Damerau-Levenshtein (optimal string alignment): insert, delete, replace, swap of neighbours. */
function editsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) edits = Math.min(edits, rows[i - 2]![j - 2]! + 1);
      row.push(edits);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
