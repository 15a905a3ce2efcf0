/**
 * Runs a program that was bundled as one script, with the code that V8 had made of it when it was built (npm-code.mjs).
 * To parse and compile it takes longer than it then has to compute before its first answer. Code that another version of
 * V8 made is refused by V8, and then it compiles as ever. Node 22 does the same by itself: `module.enableCompileCache`.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import vm from 'node:vm';
import * as errors from '../protocol/errors.js';
import * as importModule from '../workers/import-module.js';

/** What scripts do not have in them. The class of errors stays the one that authors of services throw. */
const given: readonly (readonly [end: string, module: unknown])[] = [
  ['/protocol/errors.js', errors],
  ['/workers/import-module.js', importModule],
];

type Script = (
  require: (name: string) => unknown,
  module: { exports: unknown },
  exports: unknown,
  /** What `import.meta.url` is in it. */
  url: string,
) => void;

/** What `name`.cjs, beside the module at `url`, exports. */
export function launch(name: string, url: string): unknown {
  const file = new URL(`${name}.cjs`, url);
  // Bundles are ASCII: no decoding, and a byte a character.
  const source = readFileSync(file, 'latin1');
  const cachedData = codeOf(new URL(`${name}.code`, url), source);
  const script = new vm.Script(source, {
    filename: file.href,
    ...(cachedData && { cachedData }),
  });
  const requireThere = createRequire(url);
  const require = (id: string) => given.find(([end]) => id.endsWith(end))?.[1] ?? requireThere(id);
  const module = { exports: {} };
  (script.runInThisContext() as Script)(require, module, module.exports, url);
  return module.exports;
}

/** V8 compares no more than the source's length: the first line of both names its content. */
function codeOf(file: URL, source: string): Buffer | undefined {
  try {
    const kept = readFileSync(file);
    const head = source.slice(0, source.indexOf('\n') + 1);
    return kept.toString('latin1', 0, head.length) === head ? kept.subarray(head.length) : undefined;
  } catch {
    return undefined;
  }
}
