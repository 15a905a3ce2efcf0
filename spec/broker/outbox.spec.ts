import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Dealer, Router } from 'zeromq';
import { type Letter, Outbox } from '../../broker/outbox.js';
import type { PeerId } from '../../protocol/index.js';

const wide = 256 * 1024;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe('broker/outbox', () => {
  let folder: string;
  let router: Router;
  let outbox: Outbox;
  let gone: string[];
  let flooded: string[];
  const dealers: Dealer[] = [];
  let heard: (peer: PeerId) => void;

  beforeEach(() => start(4));

  async function start(sendHighWaterMark: number) {
    folder ??= mkdtempSync(join(tmpdir(), 'binglide-spec-'));
    router = new Router({ mandatory: true, sendTimeout: 0, linger: 0, sendHighWaterMark });
    await router.bind(`ipc://${folder}/s${sendHighWaterMark}`);
    gone = [];
    flooded = [];
    outbox = new Outbox(
      router,
      (peer) => gone.push(peer),
      (peer) => flooded.push(peer),
    );
    void read(router);
  }

  /** A router learns of its peers only while it reads. */
  async function read(socket: Router) {
    for await (const [id] of socket) heard(id!.toString('hex') as PeerId);
  }

  afterEach(() => {
    outbox.close();
    for (const dealer of dealers.splice(0)) dealer.close();
    router.close();
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A peer that has said something, so that the router knows it. */
  async function connect(name: string): Promise<{ peer: PeerId; dealer: Dealer }> {
    const dealer = new Dealer({ linger: 0, receiveHighWaterMark: 1, routingId: name });
    dealers.push(dealer);
    dealer.connect(router.lastEndpoint!);
    const peer = new Promise<PeerId>((resolve) => (heard = resolve));
    await dealer.send('here');
    return { peer: await peer, dealer };
  }

  const letter = (peer: PeerId, text: string, bytes = 0): Letter => ({
    peer,
    build: () => [Buffer.from(text), Buffer.alloc(bytes)],
  });

  async function take(dealer: Dealer, count: number): Promise<string[]> {
    const texts: string[] = [];
    while (texts.length < count) texts.push((await dealer.receive())[0]!.toString());
    return texts;
  }

  const numbers = (count: number, prefix = '') => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

  it('sends thousands of letters of one tick, each once and in order', async () => {
    router.close();
    await start(1000);
    const { peer, dealer } = await connect('a');
    for (const text of numbers(3000)) outbox.post(letter(peer, text));
    expect(await take(dealer, 3000)).to.deep.equal(numbers(3000));
    expect(gone).to.deep.equal([]);
  });

  it('keeps the letters of a peer that does not read, in order, while others get theirs', async () => {
    const slow = await connect('slow');
    const quick = await connect('quick');
    for (let i = 0; i < 60; i++) {
      outbox.post(letter(slow.peer, `s${i}`, wide));
      outbox.post(letter(quick.peer, `q${i}`));
    }
    expect(await take(quick.dealer, 60)).to.deep.equal(numbers(60, 'q'));
    // Some rounds of retries, with more letters coming.
    for (let i = 60; i < 70; i++) {
      outbox.post(letter(slow.peer, `s${i}`, wide));
      await sleep(5);
    }
    expect(await take(slow.dealer, 70)).to.deep.equal(numbers(70, 's'));
    expect(gone).to.deep.equal([]);
  });

  it('lets at most one letter of a key wait, and builds each once', async () => {
    const slow = await connect('slow');
    for (const text of numbers(40)) outbox.post(letter(slow.peer, text, wide));
    let built = 0;
    const report = (): Letter => ({ peer: slow.peer, key: 'job', build: () => [Buffer.from(`report ${++built}`)] });
    for (let i = 0; i < 30; i++) {
      outbox.post(report());
      await sleep(2);
    }
    expect(built, 'no report is built for a peer that takes none').to.equal(0);
    outbox.post(letter(slow.peer, 'end'));
    expect(await take(slow.dealer, 42)).to.deep.equal([...numbers(40), 'report 1', 'end']);
    outbox.post(report());
    expect(await take(slow.dealer, 1)).to.deep.equal(['report 2']);
  });

  it('names a peer that is not there, and goes on', async () => {
    const alive = await connect('alive');
    const dead = Buffer.from('dead').toString('hex') as PeerId;
    outbox.post(letter(dead, 'x'));
    outbox.post(letter(alive.peer, 'y'));
    expect(await take(alive.dealer, 1)).to.deep.equal(['y']);
    expect(gone).to.deep.equal([dead]);
  });

  it('names a peer that dies with letters waiting, and keeps none of them', async () => {
    const slow = await connect('slow');
    const alive = await connect('alive');
    for (const text of numbers(40)) outbox.post(letter(slow.peer, text, wide));
    await sleep(30);
    slow.dealer.close();
    for (let i = 0; i < 200 && gone.length === 0; i++) await sleep(5);
    expect(gone[0]).to.equal(slow.peer);
    outbox.forget(slow.peer);
    outbox.post(letter(alive.peer, 'y'));
    expect(await take(alive.dealer, 1)).to.deep.equal(['y']);
  });

  it('forgets what waits for a peer, its keys too', async () => {
    const slow = await connect('slow');
    const alive = await connect('alive');
    for (const text of numbers(40)) outbox.post(letter(slow.peer, text, wide));
    outbox.post({ peer: slow.peer, key: 'job', build: () => [Buffer.from('never')] });
    await sleep(30);
    outbox.forget(slow.peer);
    outbox.post({ peer: alive.peer, key: 'job', build: () => [Buffer.from('now')] });
    expect(await take(alive.dealer, 1)).to.deep.equal(['now']);
  });

  it('gives up a peer that lets more than 64 MiB wait, however slowly they come, and no other', async () => {
    const slow = await connect('slow');
    const quick = await connect('quick');
    const frame = Buffer.alloc(1024 * 1024);
    const heavy = (): Letter => ({ peer: slow.peer, bytes: frame.length, build: () => [frame] });
    for (let i = 0; i < 60; i++) {
      outbox.post(heavy());
      outbox.post(letter(quick.peer, `${i}`));
      await sleep(2);
    }
    expect(flooded).to.deep.equal([]);
    for (let i = 0; i < 40 && flooded.length === 0; i++) {
      outbox.post(heavy());
      await sleep(2);
    }
    expect([flooded, gone]).to.deep.equal([[slow.peer], []]);
    expect(await take(quick.dealer, 60)).to.deep.equal(numbers(60));
  });

  it('sends nothing where there is nothing to say any more', async () => {
    const { peer, dealer } = await connect('a');
    outbox.post({ peer, build: () => undefined });
    outbox.post(letter(peer, 'x'));
    expect(await take(dealer, 1)).to.deep.equal(['x']);
  });

  it('drains before it is closed, and sends nothing after that', async () => {
    const { peer, dealer } = await connect('a');
    outbox.post(letter(peer, 'x'));
    await outbox.drain();
    outbox.close();
    let built = false;
    outbox.post({
      peer,
      build: () => {
        built = true;
        return [];
      },
    });
    await sleep(5);
    expect(await take(dealer, 1)).to.deep.equal(['x']);
    expect(built).to.equal(false);
  });
});

describe('broker/outbox: a long batch', () => {
  it('with a retry due in its middle lets no later letter overtake a held one', async () => {
    const sent: string[] = [];
    let isFull = true;
    // Sends that take time, as sends do after some hundreds in a row, and a peer that takes no more for a while.
    const socket = {
      async send([id, text]: Buffer[]) {
        await sleep(3);
        if (id!.toString() === 'a' && isFull) throw Object.assign(new Error('full'), { code: 'EAGAIN' });
        sent.push(text!.toString());
      },
    };
    const outbox = new Outbox(socket as unknown as Router, () => undefined);
    const post = (name: string, text: string) =>
      outbox.post({ peer: Buffer.from(name).toString('hex') as PeerId, build: () => [Buffer.from(text)] });
    post('b', 'begin');
    post('a', 'a1');
    for (let i = 0; i < 10; i++) post('b', `b${i}`);
    post('a', 'a2');
    while (sent.length < 8) await sleep(1);
    isFull = false;
    while (sent.length < 13) await sleep(1);
    outbox.close();
    expect(sent.filter((text) => text.startsWith('a'))).to.deep.equal(['a1', 'a2']);
  });
});
