import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { decodePart } from '../../protocol/parts.js';
import { hist } from '../../workers/services/hist.js';
import { builtinDescriptors } from '../../workers/services/index.js';
import { bundled } from '../bundled.js';
import { FakeBroker, jobId } from './fake-broker.js';
import { Sandbox, taskOf } from './fixture.js';

const local = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const spin = local('./services/spin.js');
/** What `binglide/worker` is. */
const authors = new URL('../../workers/index.js', import.meta.url).href;
const bits = local('./services/bits.js');

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Gone, or only waiting for somebody to ask how it ended. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const forms = { 'in its many files': local('../../bin/binglide-worker.js'), 'in one': bundled('binglide-worker.js') };
for (const [form, program] of Object.entries(forms)) {
  describe(`binglide-worker, as a process, ${form}`, () => {
    const sandbox = new Sandbox();
    const path = sandbox.write('file', 'mississippi');
    const task = taskOf({ paths: [path], runs: [[0, 11]] });
    const started = new Set<number>();
    let broker: FakeBroker;

    let sockets = 0;
    beforeEach(async () => {
      const folder = sandbox.path(`sockets${++sockets}`);
      mkdirSync(folder);
      broker = await FakeBroker.open(folder);
    });
    afterEach(() => {
      for (const pid of started) if (!isGone(pid)) process.kill(pid, 'SIGKILL');
      started.clear();
      broker.close();
    });
    after(() => sandbox.remove());

    function start(file: string, ...args: string[]): ChildProcess & { ended: Promise<Ended> } {
      const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'ignore', 'pipe'] });
      started.add(child.pid!);
      let stderr = '';
      child.stderr!.on('data', (chunk: Buffer) => {
        stderr += chunk;
      });
      const ended = new Promise<Ended>((resolve) => {
        child.once('close', (code, signal) => resolve({ code, signal, stderr }));
      });
      return Object.assign(child, { ended });
    }
    const startWorker = (...more: string[]) =>
      start(program, '--broker', broker.endpoint, '--root', sandbox.folder, ...more);

    it('serves every built-in service; on SIGTERM takes leave and ends with 0', async () => {
      const worker = startWorker('--slot', 'seven');
      const peers = new Set<string>();
      for (const { name } of builtinDescriptors) peers.add(await broker.welcome(name));
      worker.kill('SIGTERM');
      for (const peer of peers) {
        await broker.take((arrival) => arrival.peer === peer && arrival.message.kind === 'workerDisconnect');
      }
      expect(await worker.ended).to.deep.equal({ code: 0, signal: null, stderr: '' });
    });

    it('serves what is named, and what a module serves', async () => {
      startWorker('--service', 'BITS', '--service', 'HIST', '--module', bits);
      const [one, other] = [await broker.welcome('BITS'), await broker.welcome('HIST')];
      await broker.assign(one, task);
      const { part } = await broker.takeOf('taskFinal');
      expect(part.arrays).to.deep.equal(['ones']);
      await broker.assign(other, task);
      const final = await broker.takeOf('taskFinal');
      const { counts } = decodePart(hist.descriptor.fields, { start: 0, end: 11, cellBytes: 0 }, final.part).columns;
      expect([...'misp'].map((letter) => counts![letter.charCodeAt(0)])).to.deep.equal([1, 4, 4, 2]);
    });

    it('knows an author’s typed error, whichever copy of the package threw it', async () => {
      const picky = sandbox.write(
        'picky.mjs',
        `import { BinglideError, defineService, field, serve } from ${JSON.stringify(authors)};
         serve(defineService({
           name: 'PICKY',
           fields: { sum: field.u8({ merge: 'sum' }) },
           compute() { throw new BinglideError({ code: 'E_PARAM', message: 'not these' }); },
         }));`,
      );
      startWorker('--module', picky);
      await broker.assign(await broker.welcome('PICKY'), task);
      expect((await broker.takeOf('taskError')).fault).to.include({ code: 'E_PARAM', message: 'not these' });
    });

    it('ends at once when stdin does, also while a kernel spins', async () => {
      const worker = startWorker('--parent', '--module', spin);
      const mark = sandbox.path('spinning-1');
      await broker.assign(await broker.welcome('SPIN'), { ...task, params: { mark } });
      await until(() => existsSync(mark));
      worker.stdin!.end();
      expect((await worker.ended).stderr).to.equal('');
    });

    it('ends when its parent is killed, which can tell nobody', async () => {
      const args = [program, '--parent', '--broker', broker.endpoint, '--root', sandbox.folder, '--module', spin];
      const pidFile = sandbox.path('pid');
      const parentFile = sandbox.write(
        'parent.mjs',
        `import { spawn } from 'node:child_process';
       import { writeFileSync } from 'node:fs';
       const child = spawn(process.execPath, ${JSON.stringify(args)}, { stdio: ['pipe', 'ignore', 'ignore'] });
       writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));`,
      );
      const parent = start(parentFile);
      const mark = sandbox.path('spinning-2');
      await broker.assign(await broker.welcome('SPIN'), { ...task, params: { mark } });
      await until(() => existsSync(mark));
      const pid = Number(readFileSync(pidFile, 'utf8'));
      started.add(pid);
      expect(isGone(pid)).to.equal(false);
      parent.kill('SIGKILL');
      await until(() => isGone(pid));
    });

    it('does not end on what a terminal says where its parent decides', async () => {
      const worker = startWorker('--parent', '--service', 'HIST');
      const peer = await broker.welcome('HIST');
      worker.kill('SIGINT');
      worker.kill('SIGHUP');
      await broker.assign(peer, task);
      await broker.takeOf('taskFinal');
      worker.stdin!.end();
      expect((await worker.ended).code).to.equal(0);
    });

    it('says in one line what is wrong with its arguments, and ends with 2', async () => {
      const unknown = await startWorker('--service', 'PERIOD').ended;
      expect([unknown.code, unknown.stderr]).to.deep.equal([
        2,
        'binglide-worker: no service PERIOD; BYTES CLASS DIFF DIGRAM ENT HIST STATS are there (E_NO_SERVICE)\n',
      ]);
      const silent = await startWorker('--module', local('./fixture.js')).ended;
      expect([silent.code, silent.stderr]).to.deep.equal([
        2,
        `binglide-worker: ${local('./fixture.js')} serves nothing; end it with serve(service) (E_USAGE)\n`,
      ]);
      const broken = sandbox.write('broken.mjs', `throw new Error('no such luck');`);
      const unloadable = await startWorker('--module', broken).ended;
      expect([unloadable.code, unloadable.stderr]).to.deep.equal([1, 'binglide-worker: no such luck (E_IO)\n']);
      const bogus = await start(program, '--bogus').ended;
      expect([bogus.code, bogus.stderr]).to.deep.equal([2, "binglide-worker: Unknown option '--bogus' (E_USAGE)\n"]);
      const rootless = await startWorker('--root', sandbox.path('gone')).ended;
      expect([rootless.code, rootless.stderr]).to.deep.equal([
        1,
        `binglide-worker: --root ${sandbox.path('gone')}: no such folder (E_NOT_FOUND)\n`,
      ]);
    });

    it('an author’s module started by itself is a worker too', async () => {
      const worker = start(bits, '--broker', broker.endpoint, '--root', sandbox.folder);
      const peer = await broker.welcome('BITS');
      const attempt = await broker.assign(peer, task);
      expect((await broker.takeOf('taskFinal')).attempt).to.equal(attempt);
      worker.kill('SIGTERM');
      expect((await worker.ended).code).to.equal(0);
    });

    it('… which says so where it is told no broker', async () => {
      const child = spawn(process.execPath, [bits], { stdio: ['ignore', 'ignore', 'pipe'], env: {} });
      started.add(child.pid!);
      let stderr = '';
      for await (const chunk of child.stderr) stderr += chunk;
      expect(stderr).to.equal('binglide: no broker given; name one with --broker or $BINGLIDE_BROKER (E_USAGE)\n');
    });

    it('a cancelled job’s kernel that spins is ended, the process lives', async () => {
      startWorker('--module', spin);
      const mark = sandbox.path('spinning-3');
      const [peer, next] = [await broker.welcome('SPIN'), await broker.welcome('HIST')];
      await broker.assign(peer, { ...task, params: { mark } }, 5);
      await until(() => existsSync(mark));
      const cancelled = broker.takeOf('taskError');
      await broker.publishUntil(cancelled, 'cancel', jobId(5));
      expect((await cancelled).fault.code).to.equal('E_CANCELLED');
      await broker.assign(next, task);
      await broker.takeOf('taskFinal');
    });
  });
}
