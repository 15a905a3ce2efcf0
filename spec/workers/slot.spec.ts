import { existsSync, mkdirSync } from 'node:fs';
import { expect } from 'chai';
import type { SlotId } from '../../protocol/ids.js';
import { decodePart } from '../../protocol/parts.js';
import { collect } from '../../workers/registry.js';
import { hist } from '../../workers/services/hist.js';
import { builtinDescriptors } from '../../workers/services/index.js';
import { SlotHost, type SlotOptions } from '../../workers/worker.js';
import { epoch, FakeBroker, jobId } from './fake-broker.js';
import { Sandbox, taskOf } from './fixture.js';
import { histogram } from './oracles.js';

const spin = new URL('./services/spin.js', import.meta.url).href;

describe('SlotHost, on real sockets and a real thread', () => {
  const sandbox = new Sandbox();
  const file = Buffer.from('the quick brown fox jumps over the lazy dog');
  const path = sandbox.write('file', file);
  const task = taskOf({ paths: [path], runs: [[4, 40]] });
  let broker: FakeBroker;
  let slot: SlotHost;

  let sockets = 0;
  async function open(more: Partial<SlotOptions> = {}, heartbeatMs = 1000): Promise<void> {
    const folder = sandbox.path(`sockets${++sockets}`);
    mkdirSync(folder);
    broker = await FakeBroker.open(folder, heartbeatMs);
    slot = new SlotHost({
      broker: broker.endpoint,
      slot: 's1' as SlotId,
      services: [hist.descriptor],
      roots: [sandbox.folder],
      ...more,
    });
    slot.start();
  }

  /** The services of spin.ts, one worker each. */
  async function openSpin(more: Partial<SlotOptions> = {}, heartbeatMs = 1000): Promise<void> {
    const services = (await collect(spin)).map(({ descriptor }) => descriptor);
    await open({ services: [...services, hist.descriptor], modules: [spin], ...more }, heartbeatMs);
  }

  afterEach(async () => {
    await slot.stop();
    broker.close();
  });
  after(() => sandbox.remove());

  it('says READY for each service, computes, answers with parts', async () => {
    await open({ services: builtinDescriptors, credit: 3 });
    const peers = new Map<string, string>();
    for (const { name } of builtinDescriptors) peers.set(name, await broker.welcome(name));
    expect(new Set(peers.values()).size).to.equal(builtinDescriptors.length);
    const attempt = await broker.assign(peers.get('HIST')!, task);
    const final = await broker.takeOf('taskFinal');
    expect([final.attempt, final.epoch, final.work.bytesRead]).to.deep.equal([attempt, epoch, 36]);
    const part = decodePart(hist.descriptor.fields, { start: 4, end: 40, cellBytes: 0 }, final.part);
    expect(Array.from(part.columns.counts!)).to.deep.equal(histogram(file, 4, 40));
    expect(slot.states).to.deep.equal(Object.fromEntries(builtinDescriptors.map(({ name }) => [name, 'idle'])));
  });

  it('takes tasks of several services in turn, though a broker would not send them so', async () => {
    await open({ services: builtinDescriptors });
    const one = await broker.welcome('HIST');
    const other = await broker.welcome('BYTES');
    const attempts = [await broker.assign(one, task), await broker.assign(other, task), await broker.assign(one, task)];
    const answered = [];
    for (const _ of attempts) answered.push((await broker.takeOf('taskFinal')).attempt);
    expect(answered.sort()).to.deep.equal(attempts);
  });

  it('answers faults of the input as typed errors', async () => {
    await open();
    const peer = await broker.welcome('HIST');
    const missing = { ...task, inputs: [{ ...task.inputs[0]!, path: Buffer.from(sandbox.path('gone')) }] };
    await broker.assign(peer, missing);
    const { fault } = await broker.takeOf('taskError');
    expect(fault).to.deep.equal({
      code: 'E_NOT_FOUND',
      message: `${sandbox.path('gone')}: no such file`,
      service: 'HIST',
      range: [4, 40],
    });
  });

  it('stops a kernel that listens, when its job is cancelled on the PUB socket, whole id compared', async () => {
    await openSpin();
    const peer = await broker.welcome('SPIN');
    const attempt = await broker.assign(peer, { ...task, params: { polite: true } }, 12);
    const other = await broker.assign(peer, { ...task, params: { polite: true } }, 1);
    const queued = broker.takeOf('taskError');
    await broker.publishUntil(queued, 'cancel', jobId(1));
    expect([(await queued).attempt, (await queued).fault.code]).to.deep.equal([other, 'E_CANCELLED']);
    const running = broker.takeOf('taskError');
    await broker.publishUntil(running, 'cancel', jobId(12));
    expect([(await running).attempt, (await running).fault.code]).to.deep.equal([attempt, 'E_CANCELLED']);
  });

  it('tells an asynchronous service by its signal', async () => {
    await openSpin({ cancelGraceMs: 10_000 });
    const peer = await broker.welcome('IDLE');
    const attempt = await broker.assign(peer, task);
    await broker.send(peer, { kind: 'workerCancel', jobId: jobId(1), attempts: [attempt] });
    expect((await broker.takeOf('taskError')).fault.code).to.equal('E_CANCELLED');
  });

  it('ends a cancelled kernel that does not listen, and computes on with another thread', async () => {
    await openSpin();
    const spinning = await broker.welcome('SPIN');
    const peer = await broker.welcome('HIST');
    const mark = sandbox.path('spinning');
    const attempt = await broker.assign(spinning, { ...task, params: { mark } });
    while (!existsSync(mark)) await new Promise((resolve) => setTimeout(resolve, 5));
    await broker.send(spinning, { kind: 'workerCancel', jobId: jobId(1), attempts: [attempt] });
    expect((await broker.takeOf('taskError')).fault.code).to.equal('E_CANCELLED');
    await broker.assign(peer, task);
    expect((await broker.takeOf('taskFinal')).work.bytesRead).to.equal(36);
  });

  it('fails an endless kernel as stalled while heartbeats go on, and serves the next task', async () => {
    await openSpin({ taskStallMs: 400 }, 50);
    const peer = await broker.welcome('SPIN');
    const other = await broker.welcome('HIST');
    const attempt = await broker.assign(peer, task);
    const beats = await broker.take(
      ({ message }) => message.kind === 'workerHeartbeat' && message.attempt === attempt && message.bytesDone === 0,
    );
    expect(beats.peer).to.equal(peer);
    const failed = await broker.takeOf('taskError');
    expect([failed.attempt, failed.fault.code]).to.deep.equal([attempt, 'E_STALLED']);
    await broker.assign(other, task);
    await broker.takeOf('taskFinal');
  });

  it('survives a service that ends its thread', async () => {
    await openSpin();
    const peer = await broker.welcome('EXIT');
    await broker.assign(peer, task);
    const { fault } = await broker.takeOf('taskError');
    expect([fault.code, fault.message]).to.deep.equal(['E_SERVICE', 'EXIT ended its thread: exit code 3']);
    const next = await broker.welcome('HIST');
    await broker.assign(next, task);
    await broker.takeOf('taskFinal');
  });

  it('after DISCONNECT comes back as somebody new, with READY', async () => {
    await open();
    const peer = await broker.welcome('HIST');
    await broker.send(peer, { kind: 'workerDisconnect' });
    const again = await broker.welcome('HIST');
    expect(again).to.not.equal(peer);
    await broker.assign(again, task);
    await broker.takeOf('taskFinal');
  });

  it('takes leave when it stops', async () => {
    await open();
    const peer = await broker.welcome('HIST');
    await slot.stop();
    expect((await broker.takeOf('workerDisconnect')).peer).to.equal(peer);
  });

  it('gives a service without a version its file’s hash', async () => {
    await openSpin();
    const ready = await broker.take(({ message }) => message.kind === 'ready' && message.descriptor.name === 'EXIT');
    expect(ready.message.kind === 'ready' && ready.message.descriptor.version).to.match(/^[0-9a-f]{16}$/);
  });

  it('refuses roots that are not there', () => {
    expect(
      () => new SlotHost({ broker: '', slot: 's' as SlotId, services: [], roots: [sandbox.path('gone')] }),
    ).to.throw('ENOENT');
  });
});
