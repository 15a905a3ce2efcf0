import { expect } from 'chai';
import { field } from '../../workers/fields.js';
import { defineService } from '../../workers/service.js';
import { warmUp } from '../../workers/warmup.js';

/** A service that counts what it computes. */
function counting(name: string, compute: (input: { readonly rows: number }) => void) {
  return defineService({
    name,
    version: 1,
    rowBytes: 4096,
    fields: { ones: field.u4({ merge: 'sum', cells: true }) },
    compute,
  });
}

describe('workers/warmup: practice while nobody asks', () => {
  it('runs every service, samples and exact tasks, whatever one of them throws', async () => {
    const calls = { good: 0, bad: 0 };
    let rows = 0;
    const good = counting('GOOD', (input) => {
      calls.good++;
      rows += input.rows;
    });
    const bad = counting('BAD', () => {
      calls.bad++;
      throw new Error('not today');
    });
    await warmUp([bad, good], () => false);
    expect(calls.good).to.be.above(20);
    expect(rows, 'what the loops of services learn on').to.be.above(1000);
    expect(calls.bad).to.be.above(10);
  });

  it('ends with the task under way as soon as somebody asks', async () => {
    let calls = 0;
    const service = counting('SLOW', () => {
      calls++;
    });
    await warmUp([service], () => calls > 0);
    expect(calls).to.equal(1);
  });
});
