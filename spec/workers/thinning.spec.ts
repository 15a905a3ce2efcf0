import { expect } from 'chai';
import { nextRun } from '../../workers/thinning.js';

/** The runs that are read where each read takes `msOf`. */
function reads(count: number, msMax: number, msOf: (i: number) => number): number[] {
  const taken: number[] = [];
  let spent = 0;
  for (let i = 0; i < count; i = nextRun(i, count, taken.length, spent, msMax)) {
    taken.push(i);
    spent += msOf(i);
  }
  return taken;
}

describe('workers/thinning: which runs of a sample are read', () => {
  it('all, where reading is quick, or takes no time that a clock could tell', () => {
    const all = Array.from({ length: 512 }, (_, i) => i);
    expect(reads(512, 100, () => 0.01)).to.deep.equal(all);
    expect(reads(512, 100, () => 0)).to.deep.equal(all);
  });

  it('where each seeks for 10 ms, as many as there is time for, spread over all of them', () => {
    const taken = reads(512, 200, () => 10);
    expect(taken.length).to.be.within(18, 20);
    expect(taken[0]).to.equal(0);
    expect(taken.at(-1)).to.be.within(480, 511);
    const steps = taken.slice(1).map((run, i) => run - taken[i]!);
    expect(Math.max(...steps) - Math.min(...steps)).to.be.at.most(3);
  });

  it('one, where even the second would be too much', () => {
    expect(reads(512, 15, () => 10)).to.deep.equal([0]);
    expect(reads(512, 5, () => 10)).to.deep.equal([0]);
  });

  it('more again, where the disk turns out to be quicker than its first reads', () => {
    const taken = reads(512, 200, (i) => (i < 50 ? 10 : 0.1));
    expect(taken.filter((i) => i >= 256).length).to.be.above(taken.filter((i) => i < 50).length * 5);
  });
});
