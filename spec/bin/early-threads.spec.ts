/** Threads that are begun before the program is loaded: for which command lines, and who has them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Command } from 'commander';
import { addAnalyses } from '../../bin/cli/analyses.js';
import { Stop } from '../../bin/cli/stop.js';
import { beginThreads, endThreads, lendThreads, slotThreadsMax, takeThreads } from '../../bin/early-threads.js';

describe('bin/early-threads', () => {
  let folder: string;
  const before_ = { ...process.env };
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'binglide-spec-'));
    process.env.BINGLIDE_RUNTIME_DIR = folder;
    process.env.BINGLIDE_BROKER = '';
  });
  after(() => {
    for (const name of ['BINGLIDE_RUNTIME_DIR', 'BINGLIDE_BROKER']) {
      if (before_[name] === undefined) delete process.env[name];
      else process.env[name] = before_[name];
    }
    rmSync(folder, { recursive: true });
  });

  /** How many are begun; they are ended. */
  const begunFor = async (line: string): Promise<number> => {
    const threads = beginThreads(line.split(' '));
    await Promise.all(threads.map((thread) => thread.stop()));
    return threads.length;
  };
  const processors = availableParallelism();
  const all = processors <= slotThreadsMax ? processors : 0;

  it('begins one a processor for a question about files, where there are not more than one thread can talk for', async () => {
    expect(await begunFor('ent --cells 16 file')).to.equal(all);
    expect(await begunFor('bytes --range 0:+16 file')).to.equal(all);
  });

  it('knows each command that asks a service by its own name', async () => {
    const program = new Command();
    addAnalyses(program, new Stop(), () => undefined);
    const names = program.commands.map((command) => command.name()).filter((name) => name !== 'run');
    expect(names).to.include('ent');
    for (const name of names) expect(await begunFor(`${name} file`), name).to.equal(all);
  });

  it('begins none for what asks nothing, or another broker, or wants another number', async () => {
    for (const line of [
      'up',
      'services',
      'run ENT file',
      'check x',
      '',
      'ent --help',
      'hist -h',
      'hist file -j 1',
      'hist -rj 1 dir',
      'ent -0j8 x',
    ]) {
      expect(await begunFor(line), line).to.equal(0);
    }
    expect(await begunFor('ent --broker ipc:///tmp/x file')).to.equal(0);
    expect(await begunFor('ent --cores=1 file')).to.equal(0);
  });

  it('begins none where a broker may be found, but for who wants its own', async () => {
    writeFileSync(join(folder, 'broker.sock'), '');
    expect(await begunFor('ent file')).to.equal(0);
    expect(await begunFor('ent --cache-dir x file')).to.equal(all);
    rmSync(join(folder, 'broker.sock'));
    process.env.BINGLIDE_BROKER = 'tcp://127.0.0.1:1';
    expect(await begunFor('ent file')).to.equal(0);
    process.env.BINGLIDE_BROKER = '';
  });

  it('ends those that nobody takes', async () => {
    const [lent] = takeThreads(1);
    await lent!.loaded;
    lendThreads([lent!]);
    endThreads();
    const [taken] = takeThreads(1);
    expect(taken).to.not.equal(lent);
    await taken!.stop();
  });

  it('gives those that were lent first, each once, and then new ones', async () => {
    const [lent] = takeThreads(1);
    lendThreads([lent!]);
    const taken = takeThreads(2);
    expect(taken[0]).to.equal(lent);
    expect(new Set([...taken, ...takeThreads(0)]).size).to.equal(2);
    for (const thread of taken) expect((await thread.loaded).length).to.be.greaterThan(5);
    await Promise.all(taken.map((thread) => thread.stop()));
  });
});
