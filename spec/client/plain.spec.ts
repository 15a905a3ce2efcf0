import { expect } from 'chai';
import { Router } from 'zeromq';
import { PlainClient } from '../../client/plain.js';
import {
  decodeToBroker,
  encodeToPlainClient,
  envelope,
  type FromPlainClient,
  isBinglideError,
  plainErrorBody,
} from '../../protocol/index.js';
import { freshEndpoint, removeEndpoints } from './fake-broker.js';

describe('plain client (RFC 18)', () => {
  let router: Router;
  let client: PlainClient;
  let endpoint: string;

  beforeEach(async () => {
    endpoint = await freshEndpoint();
    router = new Router({ linger: 0 });
    await router.bind(endpoint);
    client = new PlainClient({ endpoint, timeoutMs: 150, retries: 2 });
  });
  afterEach(async () => {
    client.close();
    router.close();
    await removeEndpoints();
  });

  async function next(): Promise<{ peer: Buffer; request: FromPlainClient }> {
    const [peer, ...frames] = await router.receive();
    return { peer: Buffer.from(peer!), request: decodeToBroker(frames) as FromPlainClient };
  }
  const answer = (peer: Buffer, kind: 'plainPartial' | 'plainFinal', ...body: string[]) =>
    router.send([peer, ...encodeToPlainClient({ kind, service: 'echo', body: body.map((text) => Buffer.from(text)) })]);

  async function all(body: string[]): Promise<string[]> {
    const seen: string[] = [];
    const frames = body.map((text) => Buffer.from(text));
    for await (const { kind, body } of client.request('echo', frames))
      seen.push(`${kind} ${body.map(String).join('|')}`);
    return seen;
  }
  async function codeOf(promise: Promise<unknown>): Promise<string> {
    const error: unknown = await promise.catch((error: unknown) => error);
    return isBinglideError(error) ? error.code : String(error);
  }

  it('sends REQUEST to the letter and yields partials, then the final', async () => {
    const seen = all(['a', '']);
    const { peer, request } = await next();
    expect(request).to.deep.equal({ kind: 'plainRequest', service: 'echo', body: [Buffer.from('a'), Buffer.from('')] });
    await answer(peer, 'plainPartial', '1');
    await answer(peer, 'plainPartial', '2', 'x');
    await answer(peer, 'plainFinal', '3');
    expect(await seen).to.deep.equal(['partial 1', 'partial 2|x', 'final 3']);
  });

  it('asks again on a new socket when nobody answers, and does not take a late answer for the new one', async () => {
    const seen = all(['a']);
    const first = await next();
    const second = await next();
    expect(second.request).to.deep.equal(first.request);
    expect(second.peer).to.not.deep.equal(first.peer);
    await answer(first.peer, 'plainFinal', 'late');
    await answer(second.peer, 'plainFinal', 'right');
    expect(await seen).to.deep.equal(['final right']);
  });

  it('gives up after its retries', async () => {
    const seen = codeOf(all(['a']));
    for (let i = 0; i < 3; i++) await next();
    expect(await seen).to.equal('E_NO_BROKER');
  });

  it('passes by what is no answer of its service', async () => {
    const seen = all(['a']);
    const { peer } = await next();
    await router.send([peer, Buffer.from('hello')]);
    await router.send([peer, ...envelope('MDPC02', 3, 'other', 'x')]);
    await router.send([peer, ...envelope('MDPC02', 3, 'echo')]);
    await router.send([peer, ...envelope('MDPC02', 9, 'echo', 'x')]);
    await answer(peer, 'plainFinal', 'right');
    expect(await seen).to.deep.equal(['final right']);
  });

  it('throws what a binglide broker says went wrong', async () => {
    const seen = codeOf(all(['a']));
    const { peer } = await next();
    const body = plainErrorBody({ code: 'E_NOT_FOUND', message: 'no such file' });
    await router.send([peer, ...encodeToPlainClient({ kind: 'plainFinal', service: 'echo', body })]);
    expect(await seen).to.equal('E_NOT_FOUND');
  });

  it('keeps the dialog synchronous, and forgets a request whose loop was left', async () => {
    const loop = client.request('echo', [Buffer.from('a')]);
    const turn = loop.next();
    expect(await codeOf(all(['b']))).to.equal('E_USAGE');
    const first = await next();
    await answer(first.peer, 'plainPartial', '1');
    await turn;
    await loop.return();
    const seen = all(['c']);
    const second = await next();
    expect(second.peer).to.not.deep.equal(first.peer);
    await answer(second.peer, 'plainFinal', 'c');
    expect(await seen).to.deep.equal(['final c']);
    const again = all(['d']);
    const third = await next();
    expect(third.peer).to.deep.equal(second.peer);
    await answer(third.peer, 'plainFinal', 'd');
    expect(await again).to.deep.equal(['final d']);
  });
});
