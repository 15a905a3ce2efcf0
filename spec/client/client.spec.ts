import { expect } from 'chai';
import { type Client, connect } from '../../client/client.js';
import { BinglideError, type ErrorCode, isBinglideError, type JobId, jobIdOf, pack } from '../../protocol/index.js';
import { FakeBroker, type FakeBrokerOptions, freshEndpoint, histReport, removeEndpoints } from './fake-broker.js';

async function thrown(promise: PromiseLike<unknown>): Promise<BinglideError> {
  try {
    await promise;
  } catch (error) {
    if (isBinglideError(error)) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
const codeOf = async (promise: PromiseLike<unknown>): Promise<ErrorCode> => (await thrown(promise)).code;
const hist = { service: 'HIST', inputs: ['/data/a.bin'] } as const;

describe('client', () => {
  const open: { close(): Promise<void> }[] = [];
  let endpoint: string;
  let broker: FakeBroker;
  let client: Client;

  async function bind(options: FakeBrokerOptions = {}): Promise<FakeBroker> {
    const bound = await FakeBroker.bind(endpoint, options);
    open.push(bound);
    return bound;
  }
  async function join(options = {}): Promise<Client> {
    const joined = await connect({ endpoint, ...options });
    open.unshift(joined);
    return joined;
  }
  /** A request that the broker has received. */
  async function asked(more: { signal?: AbortSignal } = {}) {
    const job = client.request({ ...hist, ...more });
    const { requestId } = await broker.next('request');
    const partial = (completion: number) =>
      broker.send({ kind: 'partial', requestId, report: histReport(job.id, completion) });
    const final = () => broker.send({ kind: 'final', requestId, report: histReport(job.id, 1) });
    const cancelled = () =>
      broker.send({ kind: 'error', requestId, fault: { code: 'E_CANCELLED', message: 'the job was cancelled' } });
    return { job, requestId, partial, final, cancelled };
  }

  beforeEach(async () => {
    endpoint = await freshEndpoint();
    broker = await bind();
    client = await join();
  });
  afterEach(async () => {
    for (const it of open.splice(0)) await it.close();
    await removeEndpoints();
  });

  it('sends one HELLO, then requests with absolute paths under numbers from 1', async () => {
    const { clientId } = await broker.next('hello');
    const job = client.request({ service: 'DIFF', inputs: ['a.bin', Buffer.from([0xff])], range: '1k:+1k', cells: 8 });
    const { query, requestId } = await broker.next('request');
    expect(job.id).to.equal(jobIdOf(clientId, requestId));
    expect(requestId).to.equal(1);
    const paths = [Buffer.from(`${process.cwd()}/a.bin`), Buffer.from(`${process.cwd()}/\xff`, 'latin1')];
    expect(query.inputs.map(([extent]) => Buffer.from(extent!.path))).to.deep.equal(paths);
    expect({ ...query, inputs: [] }).to.deep.equal({
      service: 'DIFF',
      inputs: [],
      range: { start: 1024, end: 2048 },
      cells: 8,
      snap: false,
      params: {},
      cache: true,
    });
    expect(broker.kinds).to.deep.equal(['hello', 'request']);
  });

  it('yields reports as they come and the final one last', async () => {
    const { job, partial, final } = await asked();
    const seen: number[] = [];
    partial(0.25);
    for await (const report of job) {
      seen.push(report.fields.counts[0]!);
      if (seen.length === 1) partial(0.5);
      if (seen.length === 2) final();
    }
    expect(seen).to.deep.equal([1024, 2048, 4096]);
    expect((await job.final()).exact).to.equal(true);
    expect(job.latest).to.equal(await job.final());
  });

  it('keeps no queue: a slow loop gets the newest and the final', async () => {
    const { job, partial, final } = await asked();
    const loop = job[Symbol.asyncIterator]();
    partial(0.1);
    expect((await loop.next()).value!.completion).to.equal(0.1);
    for (const completion of [0.2, 0.3, 0.4]) partial(completion);
    final();
    await job.final();
    const rest = [];
    for await (const report of loop) rest.push(report.completion);
    expect(rest).to.deep.equal([1]);
    for await (const report of job) rest.push(report.completion);
    expect(rest).to.deep.equal([1, 1]);
  });

  it('cancels when the loop is left early, and nothing is seen after that', async () => {
    const { job, partial, cancelled } = await asked();
    partial(0.25);
    for await (const _ of job) break;
    expect((await broker.next('clientCancel')).jobId).to.equal(job.id);
    partial(0.5);
    expect(await codeOf(job.final())).to.equal('E_CANCELLED');
    const confirmed = job.cancel();
    cancelled();
    await confirmed;
    expect(job.latest!.completion).to.equal(0.25);
  });

  it('ends a loop quietly by its own cancel, which waits for the broker', async () => {
    const { job, partial, cancelled } = await asked();
    partial(0.25);
    const seen: number[] = [];
    let confirmed: Promise<void> | undefined;
    for await (const report of job) {
      seen.push(report.completion);
      confirmed = job.cancel();
    }
    await broker.next('clientCancel');
    cancelled();
    await confirmed;
    await job.cancel();
    expect(seen).to.deep.equal([0.25]);
    expect(broker.kinds).to.deep.equal(['hello', 'request', 'clientCancel']);
  });

  it('throws from the loop what anybody else did to the job', async () => {
    const { job, cancelled } = await asked();
    const loop = job[Symbol.asyncIterator]().next();
    cancelled();
    const error = await thrown(loop);
    expect(error.toFault()).to.deep.equal({
      code: 'E_CANCELLED',
      message: 'the job was cancelled',
      jobId: job.id,
      service: 'HIST',
    });
    expect(await codeOf(job.final())).to.equal('E_CANCELLED');
  });

  it('does not trouble a process in which nobody waits for a job that fails', async () => {
    const troubles: unknown[] = [];
    const note = (reason: unknown) => troubles.push(reason);
    process.on('unhandledRejection', note);
    const { job, cancelled } = await asked();
    void job.final();
    cancelled();
    const next = await asked();
    next.final();
    await next.job.final();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(troubles).to.deep.equal([]);
  });

  it('cancels by an AbortSignal, also one that was aborted before', async () => {
    const control = new AbortController();
    const { job, cancelled } = await asked({ signal: control.signal });
    control.abort();
    expect(await codeOf(job.final())).to.equal('E_CANCELLED');
    await broker.next('clientCancel');
    cancelled();
    const late = client.request({ ...hist, signal: control.signal });
    expect(await codeOf(late.final())).to.equal('E_CANCELLED');
    for await (const _ of late) throw new Error('there is nothing to see');
    const { requestId } = await asked();
    expect(requestId).to.equal(3);
    expect(broker.kinds).to.deep.equal(['hello', 'request', 'clientCancel', 'request']);
  });

  it('cancels a job by its id from another client, and says what became of it', async () => {
    const job = '26:zzzzzzzzzzzzzzzzzzzzzzzzzz7';
    const answers = [client.cancel(job), client.cancel(job)];
    expect((await broker.next('clientCancel')).jobId).to.equal(job);
    broker.send({ kind: 'cancelAck', jobId: job, outcome: 'cancelled' });
    expect(await Promise.all(answers)).to.deep.equal(['cancelled', 'cancelled']);
    const again = client.cancel(job);
    await broker.next('clientCancel');
    broker.send({ kind: 'cancelAck', jobId: job, outcome: 'ended' });
    expect(await again).to.equal('ended');
    expect(await codeOf(client.cancel('nonsense'))).to.equal('E_USAGE');
  });

  it('carries raw bodies, each partial once, to loop and final alike', async () => {
    const job = client.raw('echo', [Buffer.from('one'), Buffer.from('')]);
    const loop: string[] = [];
    const looped = (async () => {
      for await (const { kind, body } of job) loop.push(`${kind} ${Buffer.concat(body)}`);
    })();
    const { requestId, service, body } = await broker.next('rawRequest');
    expect(body.map(String)).to.deep.equal(['one', '']);
    for (const text of ['a', 'b']) {
      broker.send({ kind: 'rawPartial', requestId, service, body: [Buffer.from(text)] });
    }
    broker.send({ kind: 'rawFinal', requestId, service, body: [Buffer.from('c')] });
    await looped;
    expect(loop).to.deep.equal(['partial a', 'partial b', 'final c']);
    expect((await job.final()).map(String)).to.deep.equal(['c']);
  });

  it('lists services and jobs', async () => {
    const services = { services: [], slots: { total: 2, busy: 1 }, endpoint, version: '0.1.0', pid: 7 };
    const listed = client.services();
    const first = await broker.next('rawRequest');
    expect(first.service).to.equal('mmi.services');
    broker.send({ ...first, kind: 'rawFinal', body: [pack(services)] });
    expect(await listed).to.deep.equal(services);
    const entry = { jobId: '1:a1', service: 'HIST', range: [0, 9], completion: 0.5, state: 'running', ageMs: 3 };
    const jobs = client.jobs();
    const second = await broker.next('rawRequest');
    const paths = [Buffer.from('/a'), Buffer.from([0x2f, 0xff])];
    broker.send({ ...second, kind: 'rawFinal', body: [pack({ jobs: [{ ...entry, paths }] })] });
    const odd = codeOf(client.jobs());
    const third = await broker.next('rawRequest');
    broker.send({ ...third, kind: 'rawFinal', body: [Buffer.from('501')] });
    expect(await odd).to.equal('E_PROTOCOL');
    expect(await jobs).to.deep.equal([{ ...entry, paths: ['/a', '/\\xff'] }]);
  });

  it('asks again when the broker was restarted and shows nothing lower than before', async () => {
    const { job, partial, requestId } = await asked();
    const seen: number[] = [];
    const looped = (async () => {
      for await (const report of job) seen.push(report.completion);
    })();
    partial(0.5);
    const { clientId } = await broker.next('hello');
    while (seen.length < 1) await new Promise((resolve) => setImmediate(resolve));
    await broker.close();
    broker = await bind({ epoch: 'e2' });
    expect((await broker.next('hello')).clientId).to.equal(clientId);
    const again = await broker.next('request');
    expect([again.requestId, again.query.service]).to.deep.equal([requestId, 'HIST']);
    for (const completion of [0.25, 0.75]) {
      broker.send({ kind: 'partial', requestId, report: histReport(job.id, completion) });
    }
    while (seen.length < 2) await new Promise((resolve) => setImmediate(resolve));
    broker.send({ kind: 'final', requestId, report: histReport(job.id, 1) });
    await looped;
    expect(seen).to.deep.equal([0.5, 0.75, 1]);
  });

  it('starts a new conversation when the broker does not know it any more', async () => {
    const { job, requestId } = await asked();
    await broker.next('hello');
    broker.send({ kind: 'clientDisconnect' });
    await broker.next('hello');
    expect((await broker.next('request')).requestId).to.equal(requestId);
    broker.send({ kind: 'final', requestId, report: histReport(job.id, 1) });
    expect((await job.final()).completion).to.equal(1);
  });

  it('gives a broker up that is silent for five intervals, and finds it again', async () => {
    const elsewhere = await freshEndpoint();
    const silent = await FakeBroker.bind(elsewhere, { heartbeatMs: 20, answersBeats: false });
    open.push(silent);
    const late = await connect({ endpoint: elsewhere });
    open.unshift(late);
    await silent.next('hello');
    await silent.next('hello');
  });

  it('tells E_BROKER_LOST when the broker stays away', async () => {
    const brief = await join({ brokerLostMs: 300 });
    const job = brief.request(hist);
    await broker.next('request');
    await broker.close();
    const error = await thrown(job.final());
    expect(error.code).to.equal('E_BROKER_LOST');
    expect(error.jobId).to.equal(job.id);
    expect(await codeOf(brief.cancel('1:a1'))).to.equal('E_BROKER_LOST');
  });

  it('tells E_NO_BROKER, with the endpoint, where nobody answers', async () => {
    const nowhere = await freshEndpoint();
    const error = await thrown(connect({ endpoint: nowhere, connectMs: 200 }));
    expect(error.code).to.equal('E_NO_BROKER');
    expect(error.message).to.contain(nowhere);
  });

  it('tells E_NO_BROKER where somebody listens but says nothing', async () => {
    endpoint = await freshEndpoint();
    await bind({ welcomes: false });
    expect(await codeOf(connect({ endpoint, connectMs: 200 }))).to.equal('E_NO_BROKER');
  });

  it('tells E_PROTOCOL where something else than a broker answers', async () => {
    endpoint = await freshEndpoint();
    const other = await bind({ welcomes: false });
    const joining = connect({ endpoint });
    await other.next('hello');
    other.sendFrames([Buffer.from('HTTP/1.1 400')]);
    expect(await codeOf(joining)).to.equal('E_PROTOCOL');
  });

  it('refuses nonsense at once', async () => {
    const nonsense: [string, () => unknown][] = [
      ['no service', () => client.request({ service: '', inputs: ['a'] })],
      ['no inputs', () => client.request({ service: 'HIST', inputs: [] })],
      ['three inputs', () => client.request({ service: 'DIFF', inputs: ['a', 'b', 'c'] })],
      ['an empty path', () => client.request({ service: 'HIST', inputs: [''] })],
      ['a NUL in a path', () => client.request({ service: 'HIST', inputs: ['a\0b'] })],
      ['a number as path', () => client.request({ service: 'HIST', inputs: [7 as never] })],
      ['half a range', () => client.request({ ...hist, range: '12' })],
      ['a reversed range', () => client.request({ ...hist, range: [9, 3] })],
      ['a broken range', () => client.request({ ...hist, range: [0.5, 3] })],
      ['no cells', () => client.request({ ...hist, cells: 0 })],
      ['a list as params', () => client.request({ ...hist, params: [] as never })],
      ['a misspelt option', () => client.request({ ...hist, celss: 3 } as never)],
      ['a text as body', () => client.raw('echo', ['text'] as never)],
    ];
    for (const [what, ask] of nonsense) {
      expect(ask, what).to.throw(BinglideError).with.property('code', 'E_USAGE');
    }
    for (const options of [{ endpoint: 'lab:5555' }, { endpoint, connectMs: -1 }, { endpoint, retries: 3 }]) {
      expect(await codeOf(connect(options))).to.equal('E_USAGE');
    }
    expect(await codeOf(connect({ endpoint: `ipc:///${'x'.repeat(200)}` }))).to.equal('E_USAGE');
  });

  it('closes with DISCONNECT; loops end quietly, finals do not, and it can be closed again', async () => {
    const { job } = await asked();
    const looped = (async () => {
      for await (const _ of job) throw new Error('there was no report');
    })();
    const foreign = codeOf(client.cancel('1:a1'));
    await Promise.all([client.close(), client.close(), looped]);
    await broker.next('clientDisconnect');
    expect(await codeOf(job.final())).to.equal('E_CANCELLED');
    expect(await foreign).to.equal('E_CANCELLED');
    expect(() => client.request(hist)).to.throw('the client is closed');
    await client[Symbol.asyncDispose]();
  });

  it('sends a thousand requests in one turn', async () => {
    const jobs = Array.from({ length: 1000 }, () => client.request(hist));
    for (let i = 0; i < 1000; i++) {
      const { requestId } = await broker.next('request');
      broker.send({ kind: 'final', requestId, report: histReport(jobs[requestId - 1]!.id as JobId, 1) });
    }
    const finals = await Promise.all(jobs.map((job) => job.final()));
    expect(finals.map(({ jobId }) => jobId)).to.deep.equal(jobs.map(({ id }) => id));
  });
});
