import { expect } from 'chai';
import { Thinning } from '../../workers/thinning.js';

/** The runs that are read where each read takes `msOf`. */
function reads(count: number, msMax: number, msOf: (i: number) => number): number[] {
  const thinning = new Thinning(count, msMax);
  const taken: number[] = [];
  for (let i = 0; i < count; i = thinning.next(i, msOf(i))) taken.push(i);
  return taken;
}

const all = Array.from({ length: 512 }, (_, i) => i);

describe('workers/thinning: which runs of a sample are read', () => {
  it('all, where reading is quick, takes no time that a clock could tell, or the last run was read', () => {
    expect(reads(512, 100, () => 0.1)).to.deep.equal(all);
    expect(reads(512, 100, () => 0)).to.deep.equal(all);
    expect(reads(2, 1, () => 10)).to.deep.equal([0, 1]);
  });

  it('all, where a busy machine holds up one read now and then', () => {
    expect(reads(512, 100, (i) => (i % 5 === 0 ? 30 : 0.01))).to.deep.equal(all);
    expect(reads(512, 100, (i) => (i % 7 < 2 ? 30 : 0.01))).to.deep.equal(all);
  });

  it('where each seeks for 10 ms, as many as there is time for, spread over all of them', () => {
    const taken = reads(512, 200, () => 10);
    expect(taken.length).to.be.within(18, 20);
    expect(taken[0]).to.equal(0);
    expect(taken.at(-1)).to.be.within(480, 511);
    const steps = taken.slice(3).map((run, i) => run - taken[i + 2]!);
    expect(Math.max(...steps) - Math.min(...steps), 'evenly').to.be.at.most(5);
    expect(new Set(taken.map((run) => run % 4)).size, 'not one strip of every cell').to.equal(4);
  });

  it('three, where there is no time for a fourth', () => {
    expect(reads(512, 25, () => 10)).to.deep.equal([0, 1, 2]);
  });

  it('more again, where the disk turns out to be quicker than its first reads', () => {
    const taken = reads(512, 200, (i) => (i < 50 ? 10 : 0.1));
    expect(taken.filter((i) => i >= 256)).to.deep.equal(all.slice(256));
  });
});
