import { expect } from 'chai';
import { type Outcome, Outcomes } from '../../broker/outcomes.js';
import type { JobId } from '../../protocol/index.js';

const id = (n: number) => `1:a${n}` as JobId;
const failed = (message: string): Outcome => ({ kind: 'failed', fault: { code: 'E_SERVICE', message } });
const raw = (bytes: number): Outcome => ({ kind: 'raw', service: 'echo', body: [new Uint8Array(bytes)] });
const limits = { outcomeMs: 600, outcomesMax: 3, outcomeBytesMax: 1000 };

describe('broker/outcomes', () => {
  it('are kept for their time and not a millisecond more', () => {
    const outcomes = new Outcomes(limits);
    outcomes.keep(id(1), failed('x'), 100);
    expect(outcomes.get(id(1), 699)).to.deep.equal(failed('x'));
    expect(outcomes.get(id(1), 700)).to.equal(undefined);
    expect(outcomes.get(id(2), 0)).to.equal(undefined);
  });

  it('are kept up to a number: the oldest goes first', () => {
    const outcomes = new Outcomes(limits);
    for (const n of [1, 2, 3, 4]) outcomes.keep(id(n), failed(`${n}`), n);
    expect([1, 2, 3, 4].map((n) => outcomes.get(id(n), 10) !== undefined)).to.deep.equal([false, true, true, true]);
  });

  it('that are kept anew are the youngest again', () => {
    const outcomes = new Outcomes(limits);
    for (const n of [1, 2, 3]) outcomes.keep(id(n), failed(`${n}`), n);
    outcomes.keep(id(1), { kind: 'answered' }, 300);
    outcomes.keep(id(4), failed('4'), 301);
    expect(outcomes.get(id(2), 302)).to.equal(undefined);
    expect(outcomes.get(id(1), 302)).to.deep.equal({ kind: 'answered' });
    expect(outcomes.get(id(1), 899)).to.deep.equal({ kind: 'answered' });
    expect(outcomes.get(id(3), 899)).to.equal(undefined);
  });

  it('with bytes are kept up to a number of bytes, and a single large one not at all: only that it was answered', () => {
    const outcomes = new Outcomes({ ...limits, outcomesMax: 100 });
    for (const n of [1, 2, 3, 4]) outcomes.keep(id(n), raw(250), n);
    expect([1, 2, 3, 4].every((n) => outcomes.get(id(n), 9)?.kind === 'raw')).to.equal(true);
    outcomes.keep(id(5), raw(1), 5);
    expect([1, 2, 5].map((n) => outcomes.get(id(n), 9)?.kind)).to.deep.equal([undefined, 'raw', 'raw']);
    outcomes.keep(id(6), raw(251), 6);
    expect(outcomes.get(id(6), 9)).to.deep.equal({ kind: 'answered' });
    expect(outcomes.get(id(2), 9)?.kind).to.equal('raw');
  });

  it('give their bytes back when they go or are replaced', () => {
    const outcomes = new Outcomes({ ...limits, outcomesMax: 100 });
    for (let n = 0; n < 1000; n++) outcomes.keep(id(n % 4), raw(250), n);
    expect([0, 1, 2, 3].every((n) => outcomes.get(id(n), 1000)?.kind === 'raw')).to.equal(true);
    for (let n = 10; n < 14; n++) outcomes.keep(id(n), raw(250), 5000);
    expect([10, 11, 12, 13].every((n) => outcomes.get(id(n), 5001)?.kind === 'raw')).to.equal(true);
  });
});
