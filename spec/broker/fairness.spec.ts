import { expect } from 'chai';
import { DeficitRing } from '../../broker/fairness.js';
import { Random } from '../random.js';

const quantumMs = 10;

/** Jain's index of the shares: 1 where all are equal, 1/n where one has all. */
function jain(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0);
  return sum ** 2 / (shares.length * shares.reduce((a, b) => a + b * b, 0));
}

interface Client {
  readonly name: string;
  /** What a task of it is thought to take, and what it takes. */
  estimateMs(): number;
  realMs(estimate: number): number;
  /** Tasks left; Infinity: always busy. */
  left: number;
}

/** Slots that take the next task whenever they are free; returns the milliseconds that each client had. */
function serve(ring: DeficitRing<string>, clients: readonly Client[], slots: number, untilMs: number) {
  const byName = new Map(clients.map((client) => [client.name, client]));
  const served = new Map(clients.map(({ name }) => [name, 0]));
  const freeAt = Array<number>(slots).fill(0);
  for (;;) {
    const slot = freeAt.indexOf(Math.min(...freeAt));
    const now = freeAt[slot]!;
    if (now >= untilMs) return served;
    let estimate = 0;
    const name = ring.next((key) => {
      const client = byName.get(key)!;
      if (client.left <= 0) return undefined;
      estimate = client.estimateMs();
      return estimate;
    });
    if (name === undefined) return served;
    const client = byName.get(name)!;
    client.left--;
    const real = client.realMs(estimate);
    ring.settle(name, estimate - real);
    served.set(name, served.get(name)! + real);
    freeAt[slot] = now + real;
  }
}

const steady = (name: string, ms: number): Client => ({
  name,
  left: Infinity,
  estimateMs: () => ms,
  realMs: () => ms,
});

function ringOf(clients: readonly Client[], openingMs = 0): DeficitRing<string> {
  const ring = new DeficitRing<string>(quantumMs);
  for (const { name } of clients) ring.add(name, openingMs);
  return ring;
}

describe('broker/fairness', () => {
  it('gives 20 equal clients equal worker time (Jain ≥ 0.95), however wrong the estimates are', () => {
    const random = new Random(41);
    for (const slots of [1, 2, 4]) {
      const clients = Array.from({ length: 20 }, (_, i) => ({
        ...steady(`c${i}`, 10),
        estimateMs: () => random.int(5, 12),
        realMs: () => random.int(1, 40),
      }));
      const served = serve(ringOf(clients, 2 * quantumMs * slots), clients, slots, 8000);
      expect(jain([...served.values()])).to.be.at.least(0.95);
    }
  });

  it('counts milliseconds, not tasks: slow tasks, far above the quantum, win no larger share', () => {
    for (const slowMs of [25, 100, 640, 3000]) {
      const clients = [...Array.from({ length: 4 }, (_, i) => steady(`quick${i}`, 2)), steady('slow', slowMs)];
      const served = [...serve(ringOf(clients), clients, 1, 100_000).values()];
      expect(jain(served), `${slowMs} ms: ${served}`).to.be.at.least(0.95);
    }
  });

  it('charges what a task really took, where the estimate was off by much', () => {
    const clients = [
      steady('honest', 10),
      { ...steady('longer', 10), realMs: () => 200 },
      { ...steady('shorter', 10), estimateMs: () => 200 },
    ];
    const served = [...serve(ringOf(clients), clients, 1, 100_000).values()];
    expect(jain(served), `${served}`).to.be.at.least(0.95);
  });

  it('serves a newcomer next, and several times with its opening in hand', () => {
    const busy = Array.from({ length: 5 }, (_, i) => steady(`busy${i}`, 10));
    const ring = ringOf(busy);
    for (let i = 0; i < 23; i++) ring.next(() => 10);
    ring.add('new', 40);
    const turns = Array.from({ length: 6 }, () => ring.next(() => 10));
    expect(turns.slice(0, 5)).to.deep.equal(Array(5).fill('new'));
    expect(turns[5]).to.match(/^busy/);
  });

  it('passes over who has nothing to do, and knows when nobody has', () => {
    const ring = ringOf([steady('a', 1), steady('b', 1), steady('c', 1)]);
    const turns = Array.from({ length: 30 }, () => ring.next((key) => (key === 'b' ? undefined : 10)));
    expect(turns.filter((key) => key === 'a').length).to.equal(15);
    expect(turns.includes('b')).to.equal(false);
    expect(ring.next(() => undefined)).to.equal(undefined);
    expect(new DeficitRing<string>(quantumMs).next(() => 1)).to.equal(undefined);
  });

  it('gives nobody a second quantum by asking in vain: between two tasks there may be no worker', () => {
    const clients = [steady('a', 10), steady('b', 10), steady('c', 4)];
    const ring = ringOf(clients);
    const served = new Map(clients.map(({ name }) => [name, 0]));
    for (let i = 0; i < 600; i++) {
      const key = ring.next((name) => (name === 'c' ? 4 : 10))!;
      served.set(key, served.get(key)! + (key === 'c' ? 4 : 10));
      expect(ring.next(() => undefined)).to.equal(undefined);
    }
    expect(jain([...served.values()]), `${[...served.values()]}`).to.be.at.least(0.99);
  });

  it('lets nobody save up while it has nothing to do', () => {
    const ring = ringOf([steady('idle', 1), steady('busy', 1)]);
    for (let i = 0; i < 1000; i++) ring.next((key) => (key === 'idle' ? undefined : 10));
    const turns = Array.from({ length: 20 }, () => ring.next(() => 10));
    expect(turns.filter((key) => key === 'idle').length).to.be.within(9, 11);
  });

  it('asks about each key a few times at most, however slow the only service is', () => {
    const ring = ringOf([steady('a', 1), steady('b', 1)]);
    let asked = 0;
    const cost = () => {
      asked++;
      return 1e7;
    };
    expect(ring.next(cost)).to.be.oneOf(['a', 'b']);
    expect(asked).to.be.at.most(6);
  });

  it('keeps its place when keys come and go: nobody is skipped for long', () => {
    const random = new Random(42);
    const ring = new DeficitRing<number>(quantumMs);
    const lastTurn = new Map<number, number>();
    let next = 0;
    for (let turn = 0; turn < 5000; turn++) {
      if (lastTurn.size < 2 || (lastTurn.size < 8 && random.chance(0.05))) {
        ring.add(next, 0);
        lastTurn.set(next++, turn);
      } else if (random.chance(0.05)) {
        const gone = random.pick([...lastTurn.keys()]);
        ring.delete(gone);
        ring.delete(gone);
        lastTurn.delete(gone);
      }
      const key = ring.next(() => random.int(1, 10))!;
      expect(lastTurn.has(key)).to.equal(true);
      lastTurn.set(key, turn);
      // Ten tasks of 1 ms fit into a turn; newcomers push ahead.
      for (const at of lastTurn.values()) expect(turn - at).to.be.below(250);
    }
  });

  it('settles nothing for who is gone', () => {
    const ring = ringOf([steady('a', 1)]);
    ring.delete('a');
    ring.settle('a', 100);
    expect(ring.next(() => 1)).to.equal(undefined);
    ring.add('a', 0);
    ring.settle('a', -5);
    expect(ring.next(() => 1)).to.equal('a');
  });
});
