import { expect } from 'chai';
import { OrderedFold } from '../../broker/ordered.js';
import { gather } from '../../protocol/index.js';
import { Random } from '../random.js';
import { gap, joined, limit, marks, params, partOf, stretches } from './marks.js';

const fields = marks.fields.filter(({ merge }) => merge === 'run' || merge === 'concat');

function randomBits(random: Random, length: number): Uint8Array {
  const often = random.pick([0.02, 0.5, 0.98]);
  return Uint8Array.from({ length }, () => (random.chance(often) ? 0 : 255));
}

describe('broker/ordered', () => {
  it('whatever the order, the last piece leaves what one fold over all of them gives', () => {
    const random = new Random(31);
    for (let i = 0; i < 200; i++) {
      const data = randomBits(random, random.int(1, 300));
      const cuts = [0, data.length, ...Array.from({ length: random.int(0, 12) }, () => random.int(0, data.length))];
      const bounds = [...new Set(cuts)].sort((a, b) => a - b);
      const parts = bounds.slice(1).map((end, at) => partOf(data, bounds[at]!, end, 0));
      const fold = new OrderedFold(fields, params);
      for (const part of random.shuffle([...parts])) fold.add(part);
      const whole = gather(fields, params, parts, { start: 0, end: data.length, cellBytes: 0 });
      expect(fold.columns()).to.deep.equal(whole.columns);
    }
  });

  it('joins nothing across what is not known yet, and does when it becomes known', () => {
    const data = new Uint8Array(30);
    data[10] = 255;
    const fold = new OrderedFold(fields, params);
    fold.add(partOf(data, 0, 9, 0));
    fold.add(partOf(data, 12, 30, 0));
    expect([...fold.columns().runs!]).to.deep.equal([0, 9, 12, 30]);
    expect([...fold.columns().run!]).to.deep.equal([0, 30, 9, 18, 12, 18]);
    fold.add(partOf(data, 9, 12, 0));
    // One unmarked byte is within the gap of 3: a single interval, but two runs.
    expect([...fold.columns().runs!]).to.deep.equal([0, 30]);
    expect([...fold.columns().run!]).to.deep.equal([0, 30, 10, 19, 11, 19]);
  });

  it('keeps the first rows by offset up to the limit, and counts all of them', () => {
    const data = Uint8Array.from({ length: 400 }, (_, i) => (i % 8 === 0 ? 0 : 255));
    const fold = new OrderedFold(fields, params);
    for (const at of [3, 0, 2, 1]) fold.add(partOf(data, at * 100, at * 100 + 100, 0));
    const rows = joined(stretches(data, 0, 400), gap);
    expect([...fold.columns().runs!]).to.deep.equal(rows.slice(0, limit).flat());
    expect([...fold.columns()['runs.index']!]).to.deep.equal([rows.length, 0, 393]);
  });

  it('knows nothing before the first piece, and has nothing to do without such fields', () => {
    expect(new OrderedFold(fields, params).columns()).to.deep.equal({});
    const none = new OrderedFold([], params);
    none.add(partOf(new Uint8Array(5), 0, 5, 0));
    expect(none.columns()).to.deep.equal({});
  });
});
