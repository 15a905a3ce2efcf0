/**
 * How node loads an author's file: types are taken out (lines stay where they are, so errors name them), `./other.js`
 * may be `./other.ts`, and `binglide/…` is this package where the file's own folder has none.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transform } from 'sucrase';

const ours: { readonly [specifier: string]: string } = {
  'binglide/worker': new URL('../workers/index.js', import.meta.url).href,
  'binglide/client': new URL('../client/index.js', import.meta.url).href,
  'binglide/protocol': new URL('../protocol/index.js', import.meta.url).href,
};
const isTypeScript = (url: string) => /^file:.*\.m?ts$/.test(url);

export const resolve: ResolveHook = async (specifier, context, next) => {
  const url = new URL(specifier, context.parentURL ?? 'file:///').href;
  if (isTypeScript(url.replace(/js$/, 'ts')) && !existsSync(fileURLToPath(url))) {
    const typed = url.replace(/js$/, 'ts');
    if (existsSync(fileURLToPath(typed))) return { url: typed, format: 'module', shortCircuit: true };
  }
  try {
    return await next(specifier, context);
  } catch (error) {
    const url = ours[specifier];
    if (url === undefined) throw error;
    return { url, shortCircuit: true };
  }
};

export const load: LoadHook = async (url, context, next) => {
  if (!isTypeScript(url)) return next(url, context);
  const filePath = fileURLToPath(url);
  const text = await readFile(filePath, 'utf8');
  const { code } = transform(text, { transforms: ['typescript'], disableESTransforms: true, filePath });
  return { format: 'module', source: code, shortCircuit: true };
};
