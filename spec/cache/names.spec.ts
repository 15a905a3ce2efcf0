import { expect } from 'chai';
import { blake3Hex } from '../../cache/hash.js';
import { provisionalId } from '../../cache/identity.js';
import { type ChunkName, chunkName, paramText, paramTexts, parseChunkName } from '../../cache/names.js';
import { defineService, field, param } from '../../workers/index.js';
import { Random } from '../random.js';

const hash = 'a1'.repeat(32);
const other = 'b2'.repeat(32);
const provisional = provisionalId({ dev: '1', ino: '2', size: 3, mtimeNs: '4', ctimeNs: '5' });

const searcher = defineService({
  name: 'SEARCH',
  version: 1,
  params: {
    pattern: param.string({ default: 'abc' }),
    shift: param.int({ default: -5 }),
    ratio: param.float({ default: 0.5 }),
    fold: param.bool({ default: true }),
  },
  fields: { hits: field.u8({ merge: 'sum' }) },
}).descriptor;

describe('cache/names', () => {
  it('look like the grammar says', () => {
    expect(chunkName({ service: 'HIST', params: [], ids: [hash], start: 1024, end: 2048 })).to.equal(
      `HIST_${hash}.1024_2048`,
    );
    expect(chunkName({ service: 'DIFF', params: ['64', '0'], ids: [hash, other], start: 0, end: 65_536 })).to.equal(
      `DIFF-64-0_${hash}_${other}.0_65536`,
    );
    expect(chunkName({ service: 'ENT', params: ['0'], ids: [provisional], start: 0, end: 16 })).to.equal(
      `ENT-0_${provisional}.0_16`,
    );
  });

  it('are read back as they were written, up to 2^53−1', () => {
    const random = new Random(1);
    for (let i = 0; i < 300; i++) {
      const id = () => random.pick([hash, other, provisional]);
      const size = 2 ** random.int(0, 40);
      const start = size * random.int(0, Math.floor((2 ** 53 - 1) / size) - 1);
      const name: ChunkName = {
        service: random.pick(['A', 'HIST', 'ENT2', 'Z9Z']),
        params: Array.from({ length: random.int(0, 4) }, () =>
          paramText(random.pick([random.int(-99, 99), 'x', 0.25, ''])),
        ),
        ids: random.chance(0.5) ? [id()] : [id(), id()],
        start,
        end: start + size,
      };
      expect(parseChunkName(chunkName(name))).to.deep.equal(name);
    }
  });

  it('write parameters in descriptor order, defaults included', () => {
    const plain = paramTexts(searcher, { fold: false, ratio: 0.5, shift: 7, pattern: 'x.1' });
    expect(plain).to.deep.equal(['x.1', '7', '0.5', 'false']);
    expect(paramTexts(searcher, {})[0]).to.equal('abc');
  });

  it('name a parameter outside [A-Za-z0-9.]{1,32} by 16 hex digits of its BLAKE3: signs, text, nothing, too much', () => {
    for (const value of [-5, 1e21, '', 'a-b', 'a_b', 'a/b', 'ä', 'x'.repeat(33)]) {
      expect(paramText(value)).to.equal(blake3Hex(Buffer.from(String(value))).slice(0, 16));
    }
    for (const value of [0, 5, 2 ** 53 - 1, 0.25, true, 'x'.repeat(32)])
      expect(paramText(value)).to.equal(String(value));
    expect(paramTexts(searcher, {})).to.deep.equal(['abc', paramText(-5), '0.5', 'true']);
  });

  it('never say the same for a pair and its mirror, or for other parameters', () => {
    const at = { service: 'DIFF', start: 0, end: 1 };
    const names = [
      chunkName({ ...at, params: [], ids: [hash, other] }),
      chunkName({ ...at, params: [], ids: [other, hash] }),
      chunkName({ ...at, params: [], ids: [hash] }),
      chunkName({ ...at, params: ['1'], ids: [hash] }),
      chunkName({ ...at, params: ['1', '1'], ids: [hash] }),
      chunkName({ ...at, params: ['11'], ids: [hash] }),
    ];
    expect(new Set(names).size).to.equal(names.length);
  });

  it('that are none are told apart', () => {
    const good = `HIST_${hash}.0_1024`;
    expect(parseChunkName(good)).to.not.equal(undefined);
    const bad = [
      '',
      'HIST',
      `hist_${hash}.0_1024`,
      `9H_${hash}.0_1024`,
      `HIST_${hash}.1024_1024`,
      `HIST_${hash}.2048_1024`,
      `HIST_${hash}.0_99999999999999999999`,
      `HIST_${hash}.-1_1024`,
      `HIST_${hash}.0_1024x`,
      `x${good}`,
      `HIST-_${hash}.0_1024`,
      `HIST-a/b_${hash}.0_1024`,
      `HIST_${hash}_${hash}_${hash}.0_1024`,
      `HIST_~.0_1024`,
      `HIST_../../etc.0_1024`,
      `HIST_${hash}.0_1024\n`,
    ];
    for (const text of bad) expect(parseChunkName(text), JSON.stringify(text)).to.equal(undefined);
  });
});
