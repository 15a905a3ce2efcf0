/**
 * Where a module's services are found: `serve()` puts them here while somebody collects. On globalThis, because an
 * author's `binglide/worker` may be another copy of this package than the program that loads the author's file.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fail } from '../protocol/errors.js';
import { importModule } from './import-module.js';
import type { AnyWorker } from './service.js';

const key = Symbol.for('binglide.collecting');
const place = globalThis as { [key]?: AnyWorker[] | undefined };

/** Gives the service to whoever collects; false: nobody does, the module was started by itself. */
export function offer(service: AnyWorker): boolean {
  place[key]?.push(service);
  return place[key] !== undefined;
}

/** A module runs once however often it is asked for, and one at a time, so that its services are known for its own. */
const collected = new Map<string, Promise<AnyWorker[]>>();
let last: Promise<unknown> = Promise.resolve();

/** Imports a module (a file URL) and gives the services that it serves. */
export function collect(url: string): Promise<AnyWorker[]> {
  const known = collected.get(url);
  if (known) return known;
  const services = last.then(() => load(url));
  last = services.catch(() => {});
  collected.set(url, services);
  return services;
}

async function load(url: string): Promise<AnyWorker[]> {
  const found: AnyWorker[] = [];
  place[key] = found;
  try {
    await importModule(url);
  } finally {
    place[key] = undefined;
  }
  if (found.length === 0) throw fail('E_USAGE', `${fileURLToPath(url)} serves nothing; end it with serve(service)`);
  for (const service of found) service.versionFrom(hashOf(url));
  return found;
}

/** 16 hex digits that stand for the version of a service without one: of its file, and of what that imports beside it. */
export function hashOf(url: string): string {
  const content = createHash('sha256').update(readFileSync(new URL(url)));
  for (const helper of helpersOf(url)) {
    content.update(
      createHash('sha256')
        .update(readFileSync(new URL(helper)))
        .digest(),
    );
  }
  return content.digest('hex').slice(0, 16);
}

const imports = /(?:\bfrom|\bimport)\s*\(?\s*(['"])(\.{1,2}\/[^'"]+)\1/g;

/** Files that it names by their place, and those that they name. */
function helpersOf(url: string): string[] {
  const found = new Set([url]);
  for (const each of found) {
    const text = readFileSync(new URL(each), 'utf8');
    for (const [, , place] of text.matchAll(imports)) {
      const named = new URL(place!, each).href;
      // As the loader has it: `./other.js` may be `./other.ts`.
      const file = [named, named.replace(/js$/, 'ts')].find((it) => existsSync(new URL(it)));
      if (file !== undefined) found.add(file);
    }
  }
  found.delete(url);
  return [...found].sort();
}
