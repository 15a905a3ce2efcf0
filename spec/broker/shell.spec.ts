import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Dealer, Subscriber } from 'zeromq';
import { type BrokerOptions, BrokerShell, Storage } from '../../broker/index.js';
import { Cache } from '../../cache/index.js';
import {
  decodeReport,
  decodeToClient,
  encodeFromClient,
  type Fault,
  type FromClient,
  pack,
  type Query,
  type Report,
  type RequestId,
  type ToClient,
  text,
  unpackMap,
} from '../../protocol/index.js';
import { Random } from '../random.js';
import { clientIdOf, ent, jobIdOf, query } from './story.js';

const KiB = 1024;

/** A client of either dialect, frame by frame. */
class RawClient {
  readonly socket = new Dealer({ linger: 0 });

  constructor(endpoint: string) {
    this.socket.connect(endpoint);
  }

  say(message: FromClient): Promise<void> {
    return this.socket.send(encodeFromClient(message));
  }

  async next(): Promise<ToClient> {
    const message = decodeToClient(await this.socket.receive());
    if (message.kind === 'invalid') throw new Error(message.reason);
    return message.kind === 'clientHeartbeat' ? this.next() : message;
  }

  async hello(letter = 'a'): Promise<this> {
    await this.say({ kind: 'hello', clientId: clientIdOf(letter) });
    expect((await this.next()).kind).to.equal('welcome');
    return this;
  }

  ask(requestId: number, path: string, more: Partial<Query> = {}): Promise<void> {
    const inputs = [[{ path: Buffer.from(path), offset: 0, length: null }]];
    return this.say({ kind: 'request', requestId: requestId as RequestId, query: query('HIST', { inputs, ...more }) });
  }

  /** The end of the request, and the partial reports before it. */
  async end(requestId: number): Promise<{ report?: Report; fault?: Fault; partials: Report[] }> {
    const partials: Report[] = [];
    for (;;) {
      const message = await this.next();
      if (!('requestId' in message) || message.requestId !== requestId) continue;
      if (message.kind === 'partial') partials.push(message.report);
      if (message.kind === 'final') return { report: message.report, partials };
      if (message.kind === 'error') return { fault: message.fault, partials };
    }
  }
}

describe('broker/shell', () => {
  let folder: string;
  let shell: BrokerShell;
  const clients: RawClient[] = [];
  const children: ChildProcess[] = [];

  async function start(options: Partial<BrokerOptions> = {}, name = 'broker'): Promise<BrokerShell> {
    const cache = new Cache({ root: join(folder, 'cache'), settleMs: 0, bytesMax: 2 ** 30 });
    return BrokerShell.start({
      endpoint: `ipc://${folder}/${name}`,
      cancelEndpoint: `ipc://${folder}/${name}.cancel`,
      startable: [],
      storage: new Storage(cache, [folder]),
      version: '0.0.0',
      options,
    });
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'binglide-spec-'));
    shell = await start();
  });

  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.close();
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await shell.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function connect(): RawClient {
    const client = new RawClient(shell.endpoint);
    clients.push(client);
    return client;
  }

  /** A worker process; `taken` resolves when it has a task. */
  async function work(mode: 'hold' | 'work'): Promise<{ child: ChildProcess; taken: Promise<void> }> {
    const script = fileURLToPath(new URL('./raw-worker.js', import.meta.url));
    const child = spawn(process.execPath, [script, shell.endpoint, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const said = (word: string) =>
      new Promise<void>((resolve) => {
        child.stdout!.on('data', (data: Buffer) => {
          if (data.toString().includes(word)) resolve();
        });
      });
    const taken = said('task');
    await said('ready');
    return { child, taken };
  }

  /** A file, old enough to be cached, and how often each value stands in it. */
  function file(name: string, bytes: number): { path: string; counts: number[] } {
    const path = join(folder, name);
    const data = new Random(bytes).bytes(bytes);
    writeFileSync(path, data);
    utimesSync(path, 1e9, 1e9);
    const counts = Array<number>(256).fill(0);
    for (const byte of data) counts[byte]!++;
    return { path, counts };
  }

  it('answers a v2 client from a real file, and a second time from the cache', async () => {
    const { path, counts } = file('a', 300_000);
    await work('work');
    const client = await connect().hello();
    await client.ask(1, path);
    const first = await client.end(1);
    expect([...first.report!.arrays.counts!.data]).to.deep.equal(counts);
    expect(first.report!.work.bytesRead).to.equal(300_000);
    // What is kept of a file that was written just now is told only after another look at it.
    const isKept = () =>
      readdirSync(join(folder, 'cache'), { recursive: true }).some((name) => String(name).endsWith('.0_524288'));
    while (!isKept()) await new Promise((resolve) => setTimeout(resolve, 5));
    await client.ask(2, path);
    const second = await client.end(2);
    expect([...second.report!.arrays.counts!.data]).to.deep.equal(counts);
    expect(second.report!.work).to.include({ bytesRead: 0, tasks: 0, chunksCached: 1 });
    expect(readdirSync(join(folder, 'cache'))).to.deep.equal(['v1']);
  });

  it('answers a plain client, and tells it what went wrong', async () => {
    const { path, counts } = file('a', 5000);
    await work('work');
    const { socket } = connect();
    await socket.send(['MDPC02', Buffer.from([1]), 'HIST', pack({ inputs: [path] })]);
    for (;;) {
      const [header, command, service, ...body] = await socket.receive();
      expect([text(header!), text(service!)]).to.deep.equal(['MDPC02', 'HIST']);
      if (command![0] !== 3) continue;
      expect([...decodeReport(body).arrays.counts!.data]).to.deep.equal(counts);
      break;
    }
    await socket.send(['MDPC02', Buffer.from([1]), 'HIST', pack({ inputs: [`${path}.none`] })]);
    const [, , , mark, fault] = await socket.receive();
    expect(text(mark!)).to.equal('BXERR02');
    expect(unpackMap(fault!)).to.include({ code: 'E_NOT_FOUND', service: 'HIST' });
  });

  it('turns away a missing file, a folder and what lies outside the roots, each with its code', async () => {
    await work('work');
    const client = await connect().hello();
    const codes: string[] = [];
    for (const [i, path] of [join(folder, 'none'), folder, process.execPath].entries()) {
      await client.ask(i + 1, path);
      codes.push((await client.end(i + 1)).fault!.code);
    }
    expect(codes).to.deep.equal(['E_NOT_FOUND', 'E_DIRECTORY', 'E_OUTSIDE_ROOTS']);
  });

  it('gives a killed worker’s tasks to another: the transport names the dead', async () => {
    shell = await restarted({ heartbeatMs: 60_000 });
    const { path, counts } = file('a', 3 * 1024 * KiB);
    const victim = await work('hold');
    const client = await connect().hello();
    await client.ask(1, path, { cache: false });
    await victim.taken;
    // Only the transport can tell: no heartbeat is due for a minute.
    victim.child.kill('SIGKILL');
    await work('work');
    const { report } = await client.end(1);
    expect([...report!.arrays.counts!.data]).to.deep.equal(counts);
  });

  async function restarted(options: Partial<BrokerOptions>): Promise<BrokerShell> {
    await shell.close();
    return start(options);
  }

  it('ends a request whose every worker is killed on the same bytes in E_CRASHED', async () => {
    const { path } = file('a', 4096);
    const client = await connect().hello();
    await client.ask(1, path, { cache: false });
    for (let i = 0; i < 3; i++) {
      const { child, taken } = await work('hold');
      await taken;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect((await client.end(1)).fault).to.include({ code: 'E_CRASHED', jobId: jobIdOf('a1'), service: 'HIST' });
  });

  it('publishes a cancellation and tells the worker, its owner and who cancelled', async () => {
    const { path } = file('a', 100_000);
    const subscriber = new Subscriber({ linger: 0 });
    subscriber.connect(shell.cancelEndpoint);
    subscriber.subscribe('cancel');
    const { taken } = await work('hold');
    const owner = await connect().hello('a');
    const other = await connect().hello('b');
    await owner.ask(1, path);
    await taken;
    await other.say({ kind: 'clientCancel', jobId: jobIdOf('a1') });
    expect((await owner.end(1)).fault?.code).to.equal('E_CANCELLED');
    expect(await other.next()).to.deep.equal({ kind: 'cancelAck', jobId: jobIdOf('a1'), outcome: 'cancelled' });
    expect((await subscriber.receive()).map(String)).to.deep.equal(['cancel', jobIdOf('a1')]);
    subscriber.close();
  });

  it('sends a client of another life away, and answers it when it starts anew', async () => {
    const client = connect();
    await client.ask(1, '/x');
    expect((await client.next()).kind).to.equal('clientDisconnect');
    await client.hello();
  });

  it('says that a service does not come, and what is there', async () => {
    shell = await restarted({ serviceWaitMs: 50 });
    const client = await connect().hello();
    await client.ask(1, '/x');
    expect((await client.end(1)).fault).to.include({ code: 'E_NO_SERVICE' });
  });

  it('lives through garbage on its socket, and serves the next one', async () => {
    const random = new Random(71);
    const good = [
      ['BXMC02', Buffer.from([7]), pack({ clientId: clientIdOf('z') })],
      ['BXMW02', Buffer.from([1]), 'ENT', pack({ descriptor: ent, slot: 'z', credit: 1 })],
      ['MDPC02', Buffer.from([1]), 'mmi.service', 'HIST'],
      ['MDPW02', Buffer.from([1]), 'echo'],
      ['BXGONE'],
      [''],
    ].map((frames) => frames.map((frame) => Buffer.from(frame)));
    for (let peer = 0; peer < 8; peer++) {
      const { socket } = connect();
      for (let i = 0; i < 200; i++) {
        const frames = random.pick(good).map((frame) => Buffer.from(frame));
        for (let j = random.int(0, 2); j > 0; j--) {
          const at = random.int(0, frames.length - 1);
          const frame = frames[at]!;
          const kind = random.int(0, 2);
          if (kind === 0) frames[at] = Buffer.from(random.bytes(random.int(0, 300)));
          else if (kind === 1) frames.splice(at, 0, frame);
          else if (frame.length > 0) frame[random.int(0, frame.length - 1)]! ^= 1 << random.int(0, 7);
        }
        await socket.send(frames);
      }
    }
    const { path, counts } = file('a', 70_000);
    await work('work');
    const client = await connect().hello();
    await client.ask(1, path);
    expect([...(await client.end(1)).report!.arrays.counts!.data]).to.deep.equal(counts);
  });

  it('keeps a client that does not read from holding up another', async () => {
    const { path, counts } = file('a', 200_000);
    await work('work');
    const idle = await connect().hello('a');
    for (let i = 1; i <= 40; i++) await idle.ask(i, path, { cache: i === 1 });
    const client = await connect().hello('b');
    await client.ask(1, path);
    expect([...(await client.end(1)).report!.arrays.counts!.data]).to.deep.equal(counts);
  });

  it('closes at once, whatever is under way, and leaves no timer behind', async () => {
    const { path } = file('a', 100_000);
    const { taken } = await work('hold');
    const client = await connect().hello();
    await client.ask(1, path);
    await taken;
    await shell.close();
    await shell.close();
  });
});
