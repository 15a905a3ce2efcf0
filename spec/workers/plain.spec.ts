import { expect } from 'chai';
import { Router } from 'zeromq';
import { unpackMap } from '../../protocol/codec.js';
import { encodeToPlainWorker } from '../../protocol/encode.js';
import { type PlainHandler, PlainWorker } from '../../workers/plain.js';
import { Sandbox } from './fixture.js';

const address = Buffer.from([0, 1, 2, 255]);

describe('PlainWorker, RFC 18 to the letter', () => {
  const sandbox = new Sandbox();
  let router: Router;
  let worker: PlainWorker;
  let count = 0;

  async function open(handler: PlainHandler, heartbeatMs = 1000): Promise<void> {
    const endpoint = `ipc://${sandbox.path(`router${++count}`)}`;
    router = new Router({ linger: 0 });
    await router.bind(endpoint);
    worker = new PlainWorker({ broker: endpoint, service: 'echo', handler, heartbeatMs });
    await worker.start();
  }
  afterEach(() => {
    worker.stop();
    router.close();
  });
  after(() => sandbox.remove());

  /** The next message that is no heartbeat, its frames in a readable form. */
  async function next(): Promise<{ peer: Buffer; frames: string[]; raw: Buffer[] }> {
    for (;;) {
      const [peer, ...raw] = await router.receive();
      const frames = raw.map((frame, i) => (i === 1 ? frame.toString('hex') : frame.toString('latin1')));
      if (frames[1] !== '05') return { peer: peer!, frames, raw };
    }
  }
  const request = (peer: Buffer, ...body: string[]) =>
    router.send([
      peer,
      ...(encodeToPlainWorker({
        kind: 'plainAssign',
        address,
        body: body.map((text) => Buffer.from(text)),
      }) as Buffer[]),
    ]);
  const shown = address.toString('latin1');

  it('READY, then 0 or more PARTIAL and one FINAL, with the client’s address and an empty frame', async () => {
    await open(async function* (body) {
      for (const frame of body) yield [frame, Buffer.from('!')];
    });
    const { peer, frames } = await next();
    expect(frames).to.deep.equal(['MDPW02', '01', 'echo']);
    await request(peer, 'a', 'b', 'c');
    expect((await next()).frames).to.deep.equal(['MDPW02', '03', shown, '', 'a', '!']);
    expect((await next()).frames).to.deep.equal(['MDPW02', '03', shown, '', 'b', '!']);
    expect((await next()).frames).to.deep.equal(['MDPW02', '04', shown, '', 'c', '!']);
    await request(peer, 'only');
    expect((await next()).frames).to.deep.equal(['MDPW02', '04', shown, '', 'only', '!']);
  });

  it('answers with one FINAL whatever the handler does: nothing, a promise, an error', async () => {
    await open((body) => {
      const word = String(body[0]);
      if (word === 'nothing') return (async function* () {})();
      if (word === 'fail') throw new Error('no');
      return Promise.resolve([Buffer.from('promised')]);
    });
    const { peer } = await next();
    await request(peer, 'nothing');
    expect((await next()).frames).to.deep.equal(['MDPW02', '04', shown, '', '']);
    await request(peer, 'promise');
    expect((await next()).frames).to.deep.equal(['MDPW02', '04', shown, '', 'promised']);
    await request(peer, 'fail');
    const { frames, raw } = await next();
    expect(frames.slice(0, 5)).to.deep.equal(['MDPW02', '04', shown, '', 'BXERR02']);
    expect(unpackMap(raw[5]!)).to.deep.equal({ code: 'E_SERVICE', message: 'Error: no' });
  });

  it('beats while the handler works', async () => {
    await open(() => new Promise(() => {}), 50);
    const { peer } = await next();
    await request(peer, 'work');
    const [, ...frames] = await router.receive();
    expect(frames.map(String)).to.deep.equal(['MDPW02', '\x05']);
  });

  it('after DISCONNECT is a new peer with a READY of its own; what it was doing is answered to nobody', async () => {
    let finish: (body: Uint8Array[]) => void = () => {};
    let signal: AbortSignal | undefined;
    await open((_, over) => {
      signal = over;
      return new Promise((resolve) => {
        finish = resolve;
      });
    }, 50);
    const { peer } = await next();
    await request(peer, 'work');
    await router.receive();
    await router.send([peer, ...(encodeToPlainWorker({ kind: 'plainDisconnect' }) as Buffer[])]);
    const again = await next();
    expect(again.frames).to.deep.equal(['MDPW02', '01', 'echo']);
    expect(again.peer.equals(peer)).to.equal(false);
    expect(signal?.aborted).to.equal(true);
    finish([Buffer.from('late')]);
    worker.stop();
    expect((await next()).frames).to.deep.equal(['MDPW02', '06']);
  });

  it('takes a silent broker for gone', async () => {
    await open(() => Promise.resolve([]), 30);
    const first = await next();
    const second = await next();
    expect(second.frames).to.deep.equal(['MDPW02', '01', 'echo']);
    expect(second.peer.equals(first.peer)).to.equal(false);
  });
});
