/**
 * Between peers and a right broker: passes messages on, and breaks one thing on the way. It owns a ROUTER for the peers
 * and a DEALER for each of them.
 */
import { Dealer, Router } from 'zeromq';
import { pack, unpackMap } from '../../protocol/index.js';

type Frames = Buffer[];
/** What the peer gets in place of this message. */
type Break = (frames: Frames) => Frames[];

const is = (frames: Frames, header: string, ...commands: number[]): boolean =>
  String(frames[0]) === header && frames[1]?.length === 1 && commands.includes(frames[1][0]!);

/** Changes of the header map, which is the frame before the arrays. */
function withMap(frames: Frames, at: number, change: (map: { [key: string]: unknown }) => unknown): Frames {
  const map = { ...unpackMap(frames[at]!) };
  return frames.map((frame, i) => (i === at ? Buffer.from(pack(change(map))) : frame));
}

const swap = (list: Frames, at: number, bytes: Uint8Array): Frames =>
  list.map((frame, i) => (i === at ? Buffer.from(bytes) : frame));

/** The last byte of the last array is another one. */
function withWrongNumber(frames: Frames): Frames {
  const bytes = Buffer.from(frames.at(-1)!);
  bytes[bytes.length - 8]! ^= 1;
  return swap(frames, frames.length - 1, bytes);
}

/** `requestId`, a fixint or larger, written as a float64. */
function withFloat(frames: Frames): Frames {
  const name = Buffer.concat([Buffer.from([0xa9]), Buffer.from('requestId')]);
  const at = frames[2]!.indexOf(name) + name.length;
  const float = Buffer.alloc(9);
  float[0] = 0xcb;
  float.writeDoubleBE(frames[2]![at]!, 1);
  return swap(frames, 2, Buffer.concat([frames[2]!.subarray(0, at), float, frames[2]!.subarray(at + 1)]));
}

const isBeat = (frames: Frames) => is(frames, 'BXMC02', 5) || is(frames, 'BXMW02', 5);
const isReport = (frames: Frames) => is(frames, 'BXMC02', 2, 3) && frames.length > 4;
const isQuery = (frames: Frames) => isReport(frames) && unpackMap(frames[3]!).raw !== true;

/** Broker to peer. */
const breaks: { readonly [fault: string]: Break } = {
  nothing: (frames) => [frames],
  miscounts: (frames) => [isQuery(frames) ? withWrongNumber(frames) : frames],
  'sends FINAL twice': (frames) => (is(frames, 'BXMC02', 3) ? [frames, frames] : [frames]),
  'calls every cancelled job unknown': (frames) => [
    is(frames, 'BXMC02', 9) ? withMap(frames, 2, (map) => ({ ...map, outcome: 'unknown' })) : frames,
  ],
  'cancels nothing at its workers': (frames) => (is(frames, 'BXMW02', 9) ? [] : [frames]),
  'writes whole numbers as floats': (frames) => [is(frames, 'BXMC02', 10) ? withFloat(frames) : frames],
  'leaves a byte behind its maps': (frames) => [
    is(frames, 'BXMC02', 10) ? swap(frames, 2, Buffer.concat([frames[2]!, Buffer.from([0xc0])])) : frames,
  ],
  'beats under another header': (frames) => [isBeat(frames) ? swap(frames, 0, Buffer.from('MDPW02')) : frames],
  'beats under half a header': (frames) => [isBeat(frames) ? swap(frames, 0, Buffer.from('BXM')) : frames],
  'adds a frame to ERROR': (frames) => [is(frames, 'BXMC02', 10) ? [...frames, Buffer.from('x')] : frames],
  'does not beat': (frames) => (isBeat(frames) ? [] : [frames]),
  'is mute to strangers': (frames) => (is(frames, 'BXMC02', 6) || is(frames, 'BXMW02', 6) ? [] : [frames]),
  'calls every error E_SERVICE': (frames) => [
    is(frames, 'BXMC02', 10) ? withMap(frames, 2, (map) => ({ ...map, code: 'E_SERVICE' })) : frames,
  ],
  'invents codes': (frames) => [
    is(frames, 'BXMC02', 10) ? withMap(frames, 2, (map) => ({ ...map, code: 'E_MINE' })) : frames,
  ],
  'has no mark for errors': (frames) => [
    is(frames, 'MDPC02', 3) && String(frames[3]) === 'BXERR02' ? swap(frames, 3, Buffer.from('BXERR01')) : frames,
  ],
  'halves its cells': (frames) => [
    isQuery(frames) ? withMap(frames, 3, (map) => ({ ...map, cellBytes: Number(map.cellBytes) / 2 })) : frames,
  ],
  'has another n': (frames) => [
    isQuery(frames) ? withMap(frames, 3, (map) => ({ ...map, scalars: { n: 7 } })) : frames,
  ],
  'puts arrays into maps': (frames) => [
    isQuery(frames) ? withMap(frames, 3, (map) => ({ ...map, counts: [1, 2, 3] })) : frames,
  ],
  'writes paths as texts': (frames) => [
    isQuery(frames)
      ? withMap(frames, 3, (map) => {
          const [input] = map.inputs as { path: Uint8Array }[];
          return { ...map, inputs: [{ ...input, path: String(Buffer.from(input!.path)) }] };
        })
      : frames,
  ],
  'tells another digest': (frames) => [
    isReport(frames) && String(frames[2]) === 'mmi.services'
      ? withMap(frames, 4, ({ services, ...rest }) => ({
          ...rest,
          services: (services as object[]).map((service) => ({ ...service, digest: '0123456789abcdef' })),
        }))
      : frames,
  ],
};

export const proxyFaults: readonly string[] = [...Object.keys(breaks), 'welcomes whoever says HELLO or READY'];

export class BreakingProxy {
  readonly #router = new Router({ linger: 0 });
  readonly #dealers = new Map<string, Dealer>();
  readonly #welcomed = new Set<string>();
  #welcome: Frames | undefined;
  #back: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly broker: string,
    readonly fault: string,
  ) {}

  static async bind(endpoint: string, broker: string, fault: string): Promise<BreakingProxy> {
    const proxy = new BreakingProxy(broker, fault);
    await proxy.#router.bind(endpoint);
    void proxy.#read();
    return proxy;
  }

  close(): void {
    this.#router.close();
    for (const dealer of this.#dealers.values()) dealer.close();
  }

  async #read(): Promise<void> {
    try {
      for await (const [id, ...frames] of this.#router) {
        const peer = Buffer.from(id!);
        const header = String(frames[0]);
        const isGreeting = is(frames, 'BXMC02', 7) || is(frames, 'BXMW02', 1);
        if (this.fault.startsWith('welcomes') && isGreeting && this.#welcome) {
          this.#welcomed.add(peer.toString('hex'));
          this.#send(peer, swap(this.#welcome, 0, Buffer.from(header)));
        }
        await this.#dealerOf(peer).send(frames.map((frame) => Buffer.from(frame)));
      }
    } catch {
      // Closed.
    }
  }

  #dealerOf(peer: Buffer): Dealer {
    const known = this.#dealers.get(peer.toString('hex'));
    if (known) return known;
    const dealer = new Dealer({ linger: 0 });
    dealer.connect(this.broker);
    this.#dealers.set(peer.toString('hex'), dealer);
    void this.#readBack(peer, dealer);
    return dealer;
  }

  async #readBack(peer: Buffer, dealer: Dealer): Promise<void> {
    try {
      for await (const received of dealer) {
        const frames = received.map((frame) => Buffer.from(frame));
        if (is(frames, 'BXMC02', 8)) this.#welcome = frames;
        if (frames[1]?.[0] === 8 && this.#welcomed.has(peer.toString('hex'))) continue;
        for (const broken of (breaks[this.fault] ?? breaks.nothing!)(frames)) this.#send(peer, broken);
      }
    } catch {
      // Closed.
    }
  }

  #send(peer: Buffer, frames: Frames): void {
    this.#back = this.#back.then(() => this.#router.send([peer, ...frames])).catch(() => undefined);
  }
}
