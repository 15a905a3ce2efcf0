/** Who is alive: when a peer is late, when a beat of our own is due, and when to look again. */
import { expect } from 'chai';
import { Liveness, livenessLimit } from '../../protocol/index.js';

describe('liveness', () => {
  it('calls a peer late after five silent intervals and not a moment earlier', () => {
    const peer = new Liveness(1000, 0);
    expect([peer.isLate(4999), peer.isLate(5000), peer.lateAt()]).to.deep.equal([false, true, 5000]);
    peer.heard(3000);
    expect([peer.isLate(7999), peer.isLate(8000), peer.lateAt()]).to.deep.equal([false, true, 8000]);
    expect(livenessLimit).to.be.within(3, 5);
  });

  it('owes a beat one interval after it last spoke, whatever it heard', () => {
    const peer = new Liveness(1000, 0);
    peer.heard(900);
    expect([peer.beatIsDue(999), peer.beatIsDue(1000)]).to.deep.equal([false, true]);
    peer.spoke(1000);
    expect([peer.beatIsDue(1999), peer.beatIsDue(2000)]).to.deep.equal([false, true]);
  });

  it('beats with all others of its process: on quarters of the interval, after three of them at least and four at most', () => {
    const [early, late] = [new Liveness(1000, 1010), new Liveness(1000, 1240)];
    expect([early.deadline(), late.deadline()]).to.deep.equal([2000, 2000]);
    expect([1999, 2000].map((now) => late.beatIsDue(now))).to.deep.equal([false, true]);
    for (let spoke = 0; spoke < 1000; spoke += 7) {
      const peer = new Liveness(1000, spoke);
      expect(peer.deadline() % 250).to.equal(0);
      expect(peer.deadline() - spoke).to.be.within(750, 1000);
    }
  });

  it('asks to be looked at when the first of both is due, and never too late', () => {
    const peer = new Liveness(1000, 0);
    expect(peer.deadline()).to.equal(1000);
    peer.spoke(4500);
    expect(peer.deadline()).to.equal(5000);
    expect(peer.isLate(peer.deadline())).to.equal(true);
  });

  it('does not go back with a clock that does', () => {
    const peer = new Liveness(1000, 0);
    peer.heard(5000);
    peer.heard(4000);
    peer.spoke(5000);
    peer.spoke(4000);
    expect([peer.lateAt(), peer.beatIsDue(5999)]).to.deep.equal([10_000, false]);
  });

  it('never ends for a peer without an interval, as plain clients are', () => {
    const peer = new Liveness(Infinity, 0);
    expect([peer.isLate(1e15), peer.beatIsDue(1e15), peer.deadline()]).to.deep.equal([false, false, Infinity]);
  });
});
