/** What an author's code threw, in one line: the error and the line of the author's file. */
import { BinglideError } from '../protocol/errors.js';

const charsMax = 400;

/** `TypeError: x is not a function, bits.ts:21`; our own errors say it without a place. */
export function toldBy(error: unknown): string {
  const isOurs = error instanceof BinglideError;
  const kind = error instanceof Error && !isOurs ? `${error.name}: ${error.message}` : '';
  const what = kind || (isOurs ? error.message : String(error));
  const place = isOurs ? undefined : authorFrame(error);
  return `${what.split('\n', 1)[0]!.slice(0, charsMax)}${place ? `, ${place}` : ''}`;
}

const here = new URL('.', import.meta.url).href;

/** `file.js:21` of the innermost frame that is the author's. */
function authorFrame(error: unknown): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const line of stack.split('\n').slice(1)) {
    const found = /((?:file:\/\/)?\/[^()]*?):(\d+):\d+\)?$/.exec(line);
    const file = found?.[1];
    if (!file) continue;
    const isEngine = file.startsWith(here) && !file.slice(here.length).includes('/');
    if (!isEngine) return `${file.slice(file.lastIndexOf('/') + 1)}:${found[2]}`;
  }
  return undefined;
}
