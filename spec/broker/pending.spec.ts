import { expect } from 'chai';
import { Pending } from '../../broker/pending.js';
import type { Piece } from '../../cache/blocks.js';
import { Random } from '../random.js';

const MiB = 2 ** 20;
const pieces = (count: number): Piece[] =>
  Array.from({ length: count }, (_, i) => ({ start: i * MiB, end: (i + 1) * MiB, chunk: true }));

/** Indexes in the order in which the pieces are taken. */
function order(pending: Pending, stretchBytes: number): number[] {
  const taken: number[] = [];
  for (let piece = pending.take(stretchBytes); piece; piece = pending.take(stretchBytes)) taken.push(piece.start / MiB);
  return taken;
}

describe('broker/pending: the order of pieces', () => {
  it('is spread over the range: after any number of them no gap is much wider than it must be', () => {
    const taken = order(new Pending(pieces(64)), 0);
    expect([...taken].sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 64 }, (_, i) => i));
    for (const count of [4, 8, 16, 32]) {
      const known = [-1, ...taken.slice(0, count).sort((a, b) => a - b), 64];
      const gaps = known.slice(1).map((place, i) => place - known[i]!);
      expect(Math.max(...gaps)).to.be.at.most((3 * 64) / count);
    }
  });

  it('is of neighbours in stretches where seeks are dear, and the stretches are spread', () => {
    const taken = order(new Pending(pieces(64)), 8 * MiB);
    expect(new Set(taken).size).to.equal(64);
    const jumps = taken.slice(1).filter((place, i) => place !== taken[i]! + 1).length;
    expect(jumps).to.be.at.most(12);
    expect(Math.abs(taken[8]! - taken[0]!), 'the second stretch is elsewhere').to.be.above(8);
  });

  it('may change on the way, and nothing is taken twice or lost', () => {
    const random = new Random(91);
    for (let i = 0; i < 200; i++) {
      const pending = new Pending(pieces(random.int(0, 40)));
      const wanted = pending.size;
      const taken = new Set<number>();
      while (pending.size > 0) {
        const before = pending.size;
        taken.add(pending.take(random.pick([0, MiB, 5 * MiB, Infinity]))!.start);
        expect(pending.size).to.equal(before - 1);
      }
      expect(pending.take(0)).to.equal(undefined);
      expect(taken.size).to.equal(wanted);
    }
  });

  it('puts what was added first', () => {
    const pending = new Pending(pieces(8));
    pending.add([{ start: 100 * MiB, end: 101 * MiB, chunk: false }]);
    expect(pending.take(0)!.start).to.equal(100 * MiB);
    expect(order(pending, 0).length).to.equal(8);
  });
});
