import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Client } from '../../client/client.js';
import { findBroker } from '../../client/endpoint.js';
import { startPrivateBroker } from '../../client/private.js';
import { isBinglideError } from '../../protocol/index.js';
import { FakeBroker } from './fake-broker.js';

const program = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));
const hist = { service: 'HIST', inputs: ['/data/a.bin'] } as const;

/** A process that ended and was not yet fetched by its parent is over, too. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync('/proc/self/stat') || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}
/** Runs the program to its end; resolves with what it said, the signal that ended it, and the code. */
function run(...args: string[]): Promise<{ said: string; signal: string | null }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, said) => resolve({ said, signal: error?.signal ?? null }));
  });
}

describe('a private broker', () => {
  it('serves its client, and neither of them outlives what it is for', async () => {
    const { said, signal } = await run(program('private-user'));
    const [pid, completion] = said.trim().split(' ').map(Number);
    expect([signal, completion]).to.deep.equal([null, 1]);
    await gone(pid!);
  });

  it('ends with a caller that is killed', async () => {
    const { said, signal } = await run(program('private-user'), 'die');
    expect(signal).to.equal('SIGKILL');
    await gone(Number(said.split(' ')[0]));
  });

  it('ends its client’s jobs at once when it dies, and says what killed it', async () => {
    const broker = await startPrivateBroker(program('private-broker'));
    const client = await Client.open(broker.endpoint, { connectMs: 5000, brokerLostMs: 60_000 }, broker);
    await client.request(hist).final();
    process.kill(broker.pid, 'SIGSTOP');
    const waiting = client.request(hist);
    process.kill(broker.pid, 'SIGKILL');
    const caught: unknown = await waiting.final().catch((error: unknown) => error);
    expect(isBinglideError(caught) && [caught.code, caught.message]).to.deep.equal([
      'E_BROKER_LOST',
      'the broker ended: SIGKILL',
    ]);
    const later: unknown = await client
      .request(hist)
      .final()
      .catch((error: unknown) => error);
    expect(isBinglideError(later) && later.code).to.equal('E_BROKER_LOST');
    await client.close();
    await rm(dirname(broker.endpoint.slice('ipc://'.length)), { recursive: true });
  });

  it('is a typed error with its complaint where it cannot start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'binglide-client-'));
    const script = join(folder, 'broken.mjs');
    await writeFile(script, 'process.stderr.write("no room for sockets\\n"); process.exitCode = 3;');
    const caught: unknown = await startPrivateBroker(script).catch((error: unknown) => error);
    expect(isBinglideError(caught) && [caught.code, caught.message]).to.deep.equal([
      'E_NO_BROKER',
      'a broker of our own could not be started (ended: exit code 3): no room for sockets',
    ]);
    await rm(folder, { recursive: true });
  });
});

describe('the choice of a broker', () => {
  let folder: string;
  let servers: (Server | FakeBroker)[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'binglide-client-'));
    servers = [];
  });
  afterEach(async () => {
    for (const server of servers) await server.close();
    await rm(folder, { recursive: true });
  });

  it('takes what was given, then the environment, and tries neither', async () => {
    const environment = { BINGLIDE_BROKER: 'tcp://lab:5555', BINGLIDE_RUNTIME_DIR: folder };
    expect(await findBroker('ipc:///x', environment)).to.deep.equal({ kind: 'given', endpoint: 'ipc:///x' });
    expect(await findBroker(undefined, environment)).to.deep.equal({ kind: 'given', endpoint: 'tcp://lab:5555' });
  });

  it('takes the daemon in the runtime folder if it listens', async () => {
    const environment = { XDG_RUNTIME_DIR: folder };
    expect(await findBroker(undefined, environment)).to.deep.equal({ kind: 'nowhere' });
    await mkdir(join(folder, 'binglide'));
    const endpoint = `ipc://${join(folder, 'binglide', 'broker.sock')}`;
    servers.push(await FakeBroker.bind(endpoint));
    expect(await findBroker(undefined, environment)).to.deep.equal({ kind: 'daemon', endpoint });
  });

  it('passes by the socket of a daemon that is gone', async () => {
    const path = join(folder, 'broker.sock');
    // Node removes the path when a server closes; a daemon that was killed does not.
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    expect((await run('-e', script)).signal).to.equal('SIGKILL');
    expect(await findBroker(undefined, { BINGLIDE_RUNTIME_DIR: folder })).to.deep.equal({ kind: 'nowhere' });
    await rm(path);
    const server = createServer();
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect((await findBroker(undefined, { BINGLIDE_RUNTIME_DIR: folder })).kind).to.equal('daemon');
  });

  it('does not trust a folder that belongs to somebody else', async () => {
    if (process.getuid?.() !== 0) {
      // Only root can give a folder away; a folder of root's is somebody else's to everybody else.
      expect(await findBroker(undefined, { BINGLIDE_RUNTIME_DIR: '/' })).to.deep.equal({ kind: 'nowhere' });
      return;
    }
    const { chown } = await import('node:fs/promises');
    servers.push(await FakeBroker.bind(`ipc://${join(folder, 'broker.sock')}`));
    await chown(folder, 12345, 12345);
    expect(await findBroker(undefined, { BINGLIDE_RUNTIME_DIR: folder })).to.deep.equal({ kind: 'nowhere' });
    await chown(folder, 0, 0);
  });
});
