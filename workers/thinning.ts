/**
 * Which runs of a sample are read where reading all of them would take too long, as on a disk that has to seek for each:
 * the next so many are passed over, evenly, so that what is read stays spread over the range. Pure.
 */

/** The index of the run to read after run `last`; `count` and more: none. `spentMs` went into the `read` runs so far. */
export function nextRun(last: number, count: number, read: number, spentMs: number, msMax: number): number {
  const left = count - 1 - last;
  const affordable = ((msMax - spentMs) / spentMs) * read;
  if (!(affordable < left)) return last + 1;
  return affordable < 1 ? count : last + Math.ceil(left / affordable);
}
