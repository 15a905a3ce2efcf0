import { expect } from 'chai';
import { Roster, type WorkerEntry } from '../../broker/roster.js';
import type { Attempt, PeerId, SlotId } from '../../protocol/index.js';
import { Random } from '../random.js';

const attempt = (n: number) => n as Attempt;

function add(roster: Roster, peer: string, digest: string, slot: string, credit = 2): WorkerEntry {
  return roster.add({ peer: peer as PeerId, digest, slot: slot as SlotId, credit }, 1000, 0);
}

/** Takes the idle worker of the service and lets it answer at once. */
function useNext(roster: Roster, digest: string, n: number): string {
  const worker = roster.idleWorker(digest)!;
  roster.assign(worker, attempt(n));
  roster.settle(worker, attempt(n));
  return worker.peer;
}

describe('broker/roster', () => {
  it('gives the slot that has been idle longest', () => {
    const roster = new Roster();
    for (const name of ['a', 'b', 'c']) add(roster, name, 'hist', `slot-${name}`);
    expect([1, 2, 3, 4, 5].map((n) => useNext(roster, 'hist', n))).to.deep.equal(['a', 'b', 'c', 'a', 'b']);
    const c = roster.idleWorker('hist')!;
    expect(c.peer).to.equal('c');
    roster.assign(c, attempt(6));
    expect([7, 8].map((n) => useNext(roster, 'hist', n))).to.deep.equal(['a', 'b']);
    roster.settle(c, attempt(6));
    // c has been idle for the shortest time now.
    expect([9, 10, 11].map((n) => useNext(roster, 'hist', n))).to.deep.equal(['a', 'b', 'c']);
    roster.validate();
  });

  it('counts slots, not workers: one process that serves three services is one busy core', () => {
    const roster = new Roster();
    const hist = add(roster, 'h', 'hist', 's1');
    add(roster, 'e', 'ent', 's1');
    add(roster, 'd', 'diff', 's1');
    add(roster, 'h2', 'hist', 's2');
    expect([roster.slotCount, roster.busySlots]).to.deep.equal([2, 0]);
    roster.assign(hist, attempt(1));
    expect(roster.busySlots).to.equal(1);
    expect(roster.idleWorker('ent')).to.equal(undefined);
    expect(roster.idleWorker('hist')?.peer).to.equal('h2');
    roster.validate();
  });

  it('gives credit only to the worker that is running, and never past it', () => {
    const roster = new Roster();
    const hist = add(roster, 'h', 'hist', 's1', 3);
    const ent = add(roster, 'e', 'ent', 's1', 3);
    expect(roster.creditWorker('hist')).to.equal(undefined);
    roster.assign(hist, attempt(1));
    expect(roster.creditWorker('ent')).to.equal(undefined);
    expect(() => roster.assign(ent, attempt(2))).to.throw(/a slot runs tasks of one worker/);
    for (const n of [2, 3]) {
      expect(roster.creditWorker('hist')).to.equal(hist);
      roster.assign(hist, attempt(n));
    }
    expect(roster.creditWorker('hist')).to.equal(undefined);
    expect(() => roster.assign(hist, attempt(4))).to.throw(/credit is not exceeded/);
    roster.validate();
  });

  it('gives more than one task ahead only while all that is held is short', () => {
    const roster = new Roster();
    const worker = add(roster, 'a', 'hist', 's', 8);
    const held = (...costs: number[]) => {
      costs.forEach((ms, i) => {
        roster.assign(worker, attempt(i + 1), ms);
      });
      const found = roster.creditWorker('hist', 10);
      costs.forEach((ms, i) => {
        roster.settle(worker, attempt(i + 1), ms);
      });
      return found !== undefined;
    };
    expect([held(30), held(30, 30), held(6, 6), held(3, 3), held(3, 3, 3), held(3, 3, 3, 3)]).to.deep.equal([
      true,
      false,
      false,
      true,
      true,
      false,
    ]);
  });

  it('gives nothing behind what is to be the last, until that is answered or asked back', () => {
    const roster = new Roster();
    const worker = add(roster, 'a', 'hist', 's', 8);
    for (const n of [1, 2]) roster.assign(worker, attempt(n), 1, n === 2);
    expect(roster.hasRoom(worker, 10)).to.equal(false);
    expect(() => roster.assign(worker, attempt(3))).to.throw(/nothing stands behind/);
    roster.settle(worker, attempt(1), 1);
    expect(roster.hasRoom(worker, 10)).to.equal(false);
    roster.recall(worker, attempt(2), 1);
    expect(roster.hasRoom(worker, 10)).to.equal(true);
    roster.settle(worker, attempt(2), 1);
    roster.assign(worker, attempt(4), 1, true);
    roster.settle(worker, attempt(4), 1);
    roster.assign(worker, attempt(5), 1);
    expect(roster.hasRoom(worker, 10)).to.equal(true);
  });

  it('takes what is asked back off what is held at once, and no second time when it comes', () => {
    const roster = new Roster();
    const worker = add(roster, 'a', 'hist', 's', 8);
    for (const n of [1, 2]) roster.assign(worker, attempt(n), 20);
    expect(roster.hasRoom(worker, 10)).to.equal(false);
    roster.recall(worker, attempt(2), 20);
    expect([worker.heldMs, roster.hasRoom(worker, 10)]).to.deep.equal([20, true]);
    expect(() => roster.recall(worker, attempt(2), 20)).to.throw(/recalled once/);
    expect(() => roster.recall(worker, attempt(9), 20)).to.throw(/recalled once/);
    roster.assign(worker, attempt(3), 20);
    roster.settle(worker, attempt(2), 20);
    expect([worker.heldMs, roster.hasRoom(worker, 10)]).to.deep.equal([40, false]);
    roster.validate();
  });

  it('gives credit to the running worker that holds least', () => {
    const roster = new Roster();
    const a = add(roster, 'a', 'hist', 's1', 4);
    const b = add(roster, 'b', 'hist', 's2', 4);
    for (const n of [1, 2]) roster.assign(a, attempt(n));
    roster.assign(b, attempt(3));
    expect(roster.creditWorker('hist')).to.equal(b);
  });

  it('frees a slot with its last answer, whichever comes first', () => {
    const roster = new Roster();
    const hist = add(roster, 'h', 'hist', 's1', 2);
    add(roster, 'e', 'ent', 's1');
    roster.assign(hist, attempt(1));
    roster.assign(hist, attempt(2));
    expect(roster.settle(hist, attempt(2))).to.equal(true);
    expect(roster.idleWorker('ent')).to.equal(undefined);
    expect(roster.settle(hist, attempt(2))).to.equal(false);
    expect(roster.settle(hist, attempt(9))).to.equal(false);
    expect(roster.settle(hist, attempt(1))).to.equal(true);
    expect(roster.idleWorker('ent')?.peer).to.equal('e');
    roster.validate();
  });

  it('names what a lost worker owed, oldest first, and frees its slot for the others on it', () => {
    const roster = new Roster();
    const hist = add(roster, 'h', 'hist', 's1', 3);
    add(roster, 'e', 'ent', 's1');
    for (const n of [4, 5, 6]) roster.assign(hist, attempt(n));
    roster.settle(hist, attempt(5));
    expect(roster.remove('h' as PeerId)).to.deep.equal([4, 6]);
    expect(roster.idleWorker('ent')?.peer).to.equal('e');
    expect([roster.slotCount, roster.get('h' as PeerId)]).to.deep.equal([1, undefined]);
    expect(roster.remove('e' as PeerId)).to.deep.equal([]);
    expect(roster.slotCount).to.equal(0);
    expect(() => add(roster, 'h', 'hist', 's1')).to.not.throw();
    expect(() => add(roster, 'h', 'hist', 's1')).to.throw(/a worker is ready once/);
    roster.validate();
  });

  it('keeps its promises through a long random life', () => {
    const random = new Random(51);
    const roster = new Roster();
    let next = 1;
    for (let step = 0; step < 4000; step++) {
      const workers = [...roster.workers()];
      const worker = workers.length > 0 ? random.pick(workers) : undefined;
      const digest = random.pick(['hist', 'ent']);
      switch (random.int(0, 5)) {
        case 0:
          if (workers.length < 12) add(roster, `p${step}`, digest, `s${random.int(0, 4)}`, random.int(1, 3));
          break;
        case 1:
          if (worker && random.chance(0.3)) roster.remove(worker.peer);
          break;
        case 2:
          if (worker?.attempts.length) roster.settle(worker, random.pick(worker.attempts));
          break;
        default: {
          const chosen = roster.idleWorker(digest) ?? roster.creditWorker(digest);
          if (chosen) roster.assign(chosen, attempt(next++));
        }
      }
      roster.validate();
      const busy = new Set([...roster.workers()].filter((it) => it.attempts.length > 0).map((it) => it.slot));
      expect(roster.busySlots).to.equal(busy.size);
      expect([...roster.workers()].every((it) => it.attempts.length <= it.credit)).to.equal(true);
    }
  });
});
