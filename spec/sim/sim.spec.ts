/**
 * Fifty worlds with faults, and the same world twice. `BINGLIDE_SIM_SEEDS=1000 BINGLIDE_SIM_FROM=1` in the environment
 * runs others; README.md tells how to read what fails.
 */
import { expect } from 'chai';
import { simulate } from './simulation.js';

const seeds = Number(process.env.BINGLIDE_SIM_SEEDS ?? 50);
const from = Number(process.env.BINGLIDE_SIM_FROM ?? 1);
const batch = 10;

describe('the simulated world', function () {
  this.timeout(10_000 + seeds * 4000);

  for (let first = from; first < from + seeds; first += batch) {
    const last = Math.min(first + batch, from + seeds) - 1;
    it(`keeps every rule in worlds ${first} to ${last}`, () => {
      for (let seed = first; seed <= last; seed++) {
        const { violation, tail } = simulate(seed);
        if (violation !== undefined) expect.fail(`${tail.join('\n')}\nseed ${seed}: ${violation}`);
      }
    });
  }

  it('does the same again from the same seed', () => {
    for (const seed of [from, from + 6]) expect(simulate(seed)).to.deep.equal(simulate(seed));
  });

  it('does something else from another', () => {
    expect(simulate(from).digest).to.not.equal(simulate(from + 1).digest);
  });
});
