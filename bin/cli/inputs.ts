/** From the files of a command line to the inputs of its requests. */
import { fail } from '../../protocol/errors.js';
import { type FileChoice, filesOf, isMany } from './files.js';
import type { FileFlags } from './options.js';
import type { Inputs } from './run.js';

/** A request a file. */
export function oneEach(
  what: string,
  files: readonly string[],
  { recursive, filesFrom, null: nulls }: FileFlags,
): { inputs: AsyncIterable<Inputs>; many: boolean } {
  const choice: FileChoice = {
    files,
    recursive: recursive ?? false,
    nulls: nulls ?? false,
    ...(filesFrom !== undefined && { filesFrom }),
  };
  if (files.length === 0 && filesFrom === undefined) {
    throw fail('E_USAGE', `${what} needs a FILE; see binglide ${what} --help`);
  }
  return { inputs: singly(choice), many: isMany(choice) };
}

async function* singly(choice: FileChoice): AsyncGenerator<Inputs> {
  for await (const found of filesOf(choice)) yield [found];
}

/** One request of them all. */
export async function* together(paths: readonly string[]): AsyncGenerator<Inputs> {
  yield paths.map((path) => ({ kind: 'file', path }));
}
