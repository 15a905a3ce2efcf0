/** Bundled programs, run with the code that V8 made of them before. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { expect } from 'chai';
import { launch } from '../../bin/launch.js';
import { BinglideError } from '../../protocol/errors.js';
import { packageRoot } from '../root.js';

describe('bin/launch', () => {
  let folder: string;
  before(() => {
    // What a path may have in it.
    folder = mkdtempSync(join(tmpdir(), 'binglide spec %41 '));
  });
  after(() => rmSync(folder, { recursive: true }));

  const head = (id: string) => `// ${id}\n`;
  const sourceOf = (id: string, body: string) =>
    `${head(id)}(function (require, module, exports, __url) {\n${body}\n})`;
  const codeOf = (id: string, source: string) =>
    Buffer.concat([Buffer.from(head(id)), new vm.Script(source).createCachedData()]);
  const run = (name: string) => launch(name, pathToFileURL(join(folder, 'any.js')).href);

  it('gives what the script exports, and the script what a module has', async () => {
    const body = `
      const { BinglideError } = require('../protocol/errors.js');
      const { importModule } = require('../workers/import-module.js');
      const beside = importModule('data:text/javascript,export const beside = 7');
      module.exports = { BinglideError, join: require('node:path').join, url: __url, beside };`;
    writeFileSync(join(folder, 'gives.cjs'), sourceOf('gives', body));
    const given = run('gives') as Record<string, unknown>;
    expect(given.BinglideError).to.equal(BinglideError);
    expect(given.join).to.equal(join);
    expect(given.url).to.equal(pathToFileURL(join(folder, 'any.js')).href);
    expect(await given.beside).to.include({ beside: 7 });
  });

  it('runs the script as it is now, whatever code is kept: of it, of one as long, half of it, none', () => {
    const before = sourceOf('a', 'module.exports = 1;');
    const now = sourceOf('b', 'module.exports = 2;');
    expect(now.length).to.equal(before.length);
    writeFileSync(join(folder, 'kept.cjs'), now);
    const code = codeOf('b', now);
    for (const kept of [code, codeOf('a', before), code.subarray(0, code.length / 2), Buffer.alloc(0)]) {
      writeFileSync(join(folder, 'kept.code'), kept);
      expect(run('kept')).to.equal(2);
    }
    rmSync(join(folder, 'kept.code'));
    expect(run('kept')).to.equal(2);
  });

  it('finds what the build kept of the command line and of the thread that computes, and V8 takes it', () => {
    for (const name of ['program', 'compute']) {
      const [source, kept] = ['cjs', 'code'].map((end) =>
        readFileSync(join(packageRoot, 'dist/bundle', `${name}.${end}`)),
      );
      const text = source!.toString('latin1');
      const line = text.slice(0, text.indexOf('\n') + 1);
      expect(kept!.toString('latin1', 0, line.length)).to.equal(line);
      const script = new vm.Script(text, { cachedData: kept!.subarray(line.length) });
      expect(script.cachedDataRejected, name).to.equal(false);
    }
  });

  it('has a use for the code: V8 runs what it keeps and does not look at the source', () => {
    const other = sourceOf('c', 'module.exports = 1;');
    const source = sourceOf('c', 'module.exports = 2;');
    writeFileSync(join(folder, 'uses.cjs'), source);
    writeFileSync(join(folder, 'uses.code'), codeOf('c', other));
    // Two contents that claim to be the same: what nobody does, and what shows whose code ran.
    expect(run('uses')).to.equal(1);
  });
});
