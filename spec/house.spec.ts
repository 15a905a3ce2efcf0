/**
 * The picture of the house, checked: who may import whom, what a pure core may touch, how large a file is. Each rule
 * names everything that breaks it at once.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from './root.js';
import { readSources, type Source } from './sources.js';

const sources = readSources();
const byPath = new Map(sources.map((source) => [source.path, source]));
const ours = sources.filter(({ folder }) => !['spec', 'bench'].includes(folder));

/** Folder → what it may import besides itself: folders, or single files without their ending. */
const allowed: { readonly [folder: string]: readonly string[] } = {
  protocol: [],
  cache: ['protocol'],
  broker: ['protocol', 'cache'],
  workers: ['protocol', 'cache/identity', 'cache/holes'],
  client: ['protocol'],
  // A judge that used what it judges would find nothing: it knows the specification only.
  conform: [],
  bin: ['protocol', 'cache', 'broker', 'workers', 'client', 'conform'],
  spec: ['protocol', 'cache', 'broker', 'workers', 'client', 'conform', 'bin', 'bench'],
  bench: ['protocol', 'cache', 'broker', 'workers', 'client', 'bin', 'spec'],
};

/** Where the pure cores begin; whatever they need when they run is as pure as they are. */
const pureRoots = [
  'broker/core.ts',
  'workers/core.ts',
  'client/core.ts',
  'cache/blocks.ts',
  'cache/names.ts',
  'cache/plan.ts',
];
const purePackages = ['@msgpack/msgpack', '@napi-rs/blake-hash', 'blake3'];
const pureNodeModules = ['node:crypto', 'node:module'];
const impure =
  /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|performance|fetch|process|Date|Math\.random|randomBytes|randomUUID|randomFillSync|getRandomValues|Worker|MessageChannel|Atomics|require)\b(?!\s*:)/g;

const linesMax = 400;
/** Files that are larger and for what reason: none. */
const largeFiles: readonly string[] = [];

const isCode = (target: string): boolean => /\.(?:ts|mjs)$/.test(target);

function isAllowed(from: Source, target: string): boolean {
  return [from.folder, ...allowed[from.folder]!].some(
    (place) => target.startsWith(`${place}/`) || target === `${place}.ts`,
  );
}

/** What is loaded when the file is, itself included. */
function loadedBy(roots: readonly string[]): Set<string> {
  const loaded = new Set<string>();
  const open = [...roots];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const source = byPath.get(path);
    if (!source || loaded.has(path)) continue;
    loaded.add(path);
    open.push(...source.imports.filter(({ isOwn, isType }) => isOwn && !isType).map(({ target }) => target));
  }
  return loaded;
}

/** Ways round in the imports, each once, smallest name first. */
function cycles(): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      const ring = trail.slice(at);
      const first = ring.indexOf([...ring].sort()[0]!);
      found.add([...ring.slice(first), ...ring.slice(0, first)].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const { target, isOwn, isStarted } of byPath.get(path)?.imports ?? []) {
      if (isOwn && !isStarted) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of byPath.keys()) visit(path, []);
  return [...found].sort();
}

/** For shells alone; in protocol/ because that is what all of them may import. */
const shellsLog = 'protocol/log.ts';

const pure = (): Source[] => [
  ...sources.filter(({ folder, path }) => folder === 'protocol' && path !== shellsLog),
  ...[...loadedBy(pureRoots)].map((path) => byPath.get(path)!).filter(({ folder }) => folder !== 'protocol'),
];

describe('the house', () => {
  it('is read: every folder has its files, and imports are understood', () => {
    expect(sources.length).to.be.above(50);
    const messages = byPath.get('protocol/messages.ts')!;
    expect(messages.imports.length).to.equal((messages.text.match(/^import /gm) ?? []).length);
    expect(messages.imports.every(({ isType }) => isType)).to.equal(true);
    expect(byPath.get('broker/shell.ts')!.code.match(impure), 'the search for impurity finds some').to.include(
      'setTimeout',
    );
    const statements = (source: Source) =>
      (source.code.match(/^(?:import\b(?!\s*[.(])|export\b[^;=(]*?\bfrom\b)/gm) ?? []).length;
    const missed = sources.filter((source) => source.imports.length < statements(source)).map(({ path }) => path);
    expect(missed).to.deep.equal([]);
  });

  it('imports only along its arrows', () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter(({ isOwn, target }) => isOwn && isCode(target) && !isAllowed(source, target))
        // A program of ours that is started as a process of its own is no import.
        .filter(({ isStarted, target }) => !(isStarted && target.startsWith('bin/')))
        .map(({ target }) => `${source.path} → ${target}`),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('imports only files that are there', () => {
    const missing = sources.flatMap((source) =>
      source.imports
        .filter(({ isOwn, target }) => isOwn && isCode(target) && !byPath.has(target))
        .map(({ target }) => `${source.path} → ${target}`),
    );
    expect(missing).to.deep.equal([]);
  });

  it('writes no diagnostics in its cores', () => {
    const writers = pure().filter(({ imports }) => imports.some(({ target }) => target === shellsLog));
    expect(writers.map(({ path }) => path)).to.deep.equal([]);
    expect(sources.some(({ imports }) => imports.some(({ target }) => target === shellsLog))).to.equal(true);
  });

  it('has no way round in its imports', () => {
    expect(cycles()).to.deep.equal([]);
  });

  it('uses only packages that it declares, and those of development only where they stay at home', () => {
    const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
    const shipped = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
    const atHome = [...shipped, ...Object.keys(manifest.devDependencies), manifest.name];
    // What npm runs here is in no package either.
    const staysAtHome = /^(spec|bench)\/|^bin\/npm-\w+\.mjs$/;
    const wrong = sources.flatMap(({ path, imports }) =>
      imports
        .filter(({ isOwn, target }) => !isOwn && !target.startsWith('node:'))
        .filter(({ target }) => !(staysAtHome.test(path) ? atHome : shipped).includes(target))
        .map(({ target }) => `${path}: ${target}`),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('knows msgpack in one file, and in one of the judge', () => {
    const users = ours.filter(({ imports }) => imports.some(({ target, isOwn }) => !isOwn && /msgpack/.test(target)));
    expect(users.map(({ path }) => path)).to.deep.equal(['protocol/codec.ts', 'conform/msgpack.ts']);
  });

  it('keeps its cores pure: no socket, file, timer, clock, thread or random number', () => {
    const wrong = pure().flatMap(({ path, code, imports }) => [
      ...imports
        .filter(
          ({ isOwn, isType, target }) => !isOwn && !isType && ![...purePackages, ...pureNodeModules].includes(target),
        )
        .map(({ target }) => `${path}: imports ${target}`),
      ...[...new Set(code.match(impure) ?? [])].map((word) => `${path}: ${word}`),
    ]);
    expect(wrong).to.deep.equal([]);
  });

  it('keeps shells out of its cores', () => {
    const shells = pure().filter(({ path }) => /(?:^|\/)(?:shell|outbox|store|options\.shell|socket)\.ts$/.test(path));
    expect(shells.map(({ path }) => path)).to.deep.equal([]);
  });

  it(`has no file over ${linesMax} lines`, () => {
    const long = sources
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > linesMax && !largeFiles.includes(path))
      .map(({ path, lines }) => `${path}: ${lines}`);
    expect(long).to.deep.equal([]);
  });

  it('opens every file with a comment: what it owns and its rules', () => {
    // A spec says it in the sentence of its `describe`.
    const told = sources.filter(({ path }) => !path.endsWith('.spec.ts'));
    const silent = told.filter(({ text }) => !/^(?:#![^\n]*\n\s*)?(?:\/\*|\/\/)/.test(text)).map(({ path }) => path);
    expect(silent).to.deep.equal([]);
  });
});
