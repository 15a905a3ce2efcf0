import { expect } from 'chai';
import { Seeks } from '../../broker/seeks.js';

const MiB = 2 ** 20;

describe('broker/seeks: what a seek costs', () => {
  it('is nothing as long as nobody measured it, and in memory or on a cold SSD', () => {
    const seeks = new Seeks();
    expect(seeks.stretchBytes(['a'], MiB)).to.equal(0);
    seeks.measured(['a'], 0.02);
    seeks.measured(['b'], 0.15);
    expect([seeks.areDear(['a', 'b']), seeks.stretchBytes(['a', 'b'], MiB)]).to.deep.equal([false, 0]);
  });

  it('asks for stretches beside which it is little, by the dearest input', () => {
    const seeks = new Seeks();
    seeks.measured(['disk'], 10);
    seeks.measured(['memory'], 0.01);
    expect(seeks.areDear(['memory', 'disk'])).to.equal(true);
    const stretchMs = seeks.stretchBytes(['memory', 'disk'], MiB) / MiB;
    expect(10 / stretchMs).to.be.within(0.01, 0.05);
  });

  it('is forgotten when the file has come into memory', () => {
    const seeks = new Seeks();
    seeks.measured(['a'], 10);
    for (let i = 0; i < 4; i++) seeks.measured(['a'], 0.01);
    expect(seeks.areDear(['a'])).to.equal(false);
  });

  it('of inputs that nobody asks about is not kept for ever', () => {
    const seeks = new Seeks();
    for (let i = 0; i < 3000; i++) seeks.measured([`f${i}`], 10);
    expect([seeks.areDear(['f0']), seeks.areDear(['f2999'])]).to.deep.equal([false, true]);
  });
});
