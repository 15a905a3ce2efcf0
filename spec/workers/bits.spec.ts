import { expect } from 'chai';
import { descriptorDigest } from '../../protocol/descriptor.js';
import { collect } from '../../workers/registry.js';
import type { AnyWorker } from '../../workers/service.js';
import { Random } from '../random.js';
import { compute, failureOf, hostOf, plain, Sandbox, taskOf } from './fixture.js';
import { cellsOf } from './oracles.js';

describe('BITS, a service as an author writes it', () => {
  const sandbox = new Sandbox();
  const host = hostOf(sandbox.folder);
  const file = new Random(3).bytes(100_000);
  const path = sandbox.write('file', file);
  let bits: AnyWorker;

  before(async () => {
    [bits] = (await collect(new URL('./services/bits.js', import.meta.url).href)) as [AnyWorker];
  });
  after(() => sandbox.remove());

  it('describes itself: sums rest as u8, a shape function says nothing, all fields are reported', () => {
    expect(bits.descriptor).to.deep.equal({
      name: 'BITS',
      version: 1,
      inputs: 1,
      help: '',
      params: [{ name: 'word', help: 'bytes in a word', default: 1, oneOf: [1, 2], type: 'int' }],
      overlap: 0,
      cached: true,
      fields: [{ name: 'ones', dtype: 'u8', merge: 'sum', cells: true }],
      report: [{ name: 'ones', of: 'ones', finish: 'value', scope: 'both' }],
      finish: true,
    });
    expect(descriptorDigest(bits.descriptor)).to.match(/^[0-9a-f]{16}$/);
  });

  it('counts bits by their place in the word, in cells of any width', async () => {
    for (const word of [1, 2]) {
      for (const cellBytes of [0, 4096, 5000, 65_536]) {
        const [start, end] = [777, 98_765];
        const part = await compute(bits, { paths: [path], runs: [[start, end]], cellBytes, params: { word } }, host);
        const ones = cellsOf({ start, end, cellBytes }).flatMap(([from, to]) => {
          const lanes = new Array<number>(8 * word).fill(0);
          for (let p = from; p < to; p++) {
            for (let bit = 0; bit < 8; bit++) lanes[8 * (p % word) + bit]! += (file[p]! >> bit) & 1;
          }
          return lanes;
        });
        expect(plain(part)).to.deep.equal({ start, end, cellBytes, columns: { ones } });
      }
    }
  });

  it('takes the values of its parameter and no others', async () => {
    const error = await failureOf(bits, taskOf({ paths: [path], runs: [[0, 10]], params: { word: 3 } }), host);
    expect([error.code, error.message]).to.deep.equal(['E_PARAM', 'BITS: word is 3; it takes one of 1, 2']);
  });
});
