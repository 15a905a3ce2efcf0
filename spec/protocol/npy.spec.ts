/** Arrays as frames: every dtype there and back, aligned, and no larger than they say. */
import { expect } from 'chai';
import {
  type Dtype,
  decodeNpy,
  dtypes,
  encodeNpy,
  firstMisfit,
  type NamedArray,
  signedFor,
  unsignedFor,
} from '../../protocol/index.js';
import { Random } from '../random.js';

const bounds: { readonly [dtype in Dtype]: readonly [number, number] } = {
  u1: [0, 255],
  u2: [0, 65_535],
  u4: [0, 2 ** 32 - 1],
  u8: [0, Number.MAX_SAFE_INTEGER],
  i4: [-(2 ** 31), 2 ** 31 - 1],
  i8: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  f4: [0, 0],
  f8: [0, 0],
};

function numberOf(random: Random, dtype: Dtype): number {
  if (dtype === 'f8') return random.pick([random.unit(), -random.unit() * 1e300, NaN, Infinity, -Infinity]);
  if (dtype === 'f4') return Math.fround(random.unit());
  const [low, high] = bounds[dtype];
  if (random.chance(0.2)) return random.pick([low, high, 0, high - 1]);
  return low + Math.floor(random.unit() * Math.min(high - low, 2 ** random.int(1, 53)));
}

function arrayOf(random: Random, dtype: Dtype): NamedArray {
  const shape = Array.from({ length: random.int(0, 4) }, () => random.int(0, 5));
  const count = shape.reduce((product, dim) => product * dim, 1);
  return { dtype, shape, data: Float64Array.from({ length: count }, () => numberOf(random, dtype)) };
}

describe('an array frame', () => {
  for (const dtype of Object.keys(dtypes) as Dtype[]) {
    it(`carries ${dtype} there and back, whatever the shape`, () => {
      const random = new Random(dtypes[dtype]);
      for (let i = 0; i < 200; i++) {
        const array = arrayOf(random, dtype);
        const frame = encodeNpy(array);
        const bodyAt = 10 + frame[8]! + 256 * frame[9]!;
        expect(bodyAt % 64, 'NumPy finds its body aligned').to.equal(0);
        expect(frame.length - bodyAt).to.equal(array.data.length * dtypes[dtype]);
        expect(frame[bodyAt - 1]).to.equal(0x0a);
        expect(decodeNpy(frame)).to.deep.equal(array);
      }
    });
  }

  it('is fresh memory each time', () => {
    const array: NamedArray = { dtype: 'u1', shape: [1], data: Float64Array.of(1) };
    const [one, two] = [encodeNpy(array), encodeNpy(array)];
    one.fill(0);
    expect(decodeNpy(two)).to.deep.equal(array);
    expect(two.byteLength).to.equal(two.buffer.byteLength);
  });

  it('gives back numbers that outlive the frame', () => {
    const frame = encodeNpy({ dtype: 'f8', shape: [2], data: Float64Array.of(1, 2) });
    const { data } = decodeNpy(frame);
    frame.fill(0);
    expect([...data]).to.deep.equal([1, 2]);
  });

  it('is refused when cut anywhere', () => {
    const frame = encodeNpy({ dtype: 'u8', shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) });
    for (let length = 0; length < frame.length; length++) {
      expect(() => decodeNpy(frame.subarray(0, length)), `cut to ${length}`).to.throw();
    }
  });

  it('is refused, not allocated, where one byte a number would grow past 1 GiB in memory', () => {
    const count = 2 ** 27 + 1;
    const head = encodeNpy({ dtype: 'u1', shape: [1], data: Float64Array.of(0) });
    const text = Buffer.from(head.subarray(10, 128)).toString('latin1').replace('(1,), }', `(${count},), }`);
    const frame = new Uint8Array(128 + count);
    frame.set(head.subarray(0, 10));
    frame.set(Buffer.from(text.slice(0, 118), 'latin1'), 10);
    frame[8] = 118;
    expect(() => decodeNpy(frame)).to.throw(/does not fit its frame/);
  });
});

describe('the dtype for a number', () => {
  it('is the smallest that holds it', () => {
    const unsigned = [0, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER].map(unsignedFor);
    expect(unsigned).to.deep.equal(['u1', 'u1', 'u2', 'u2', 'u4', 'u4', 'u8', 'u8']);
    expect([0, 2 ** 31 - 1, 2 ** 31, Number.MAX_SAFE_INTEGER].map(signedFor)).to.deep.equal(['i4', 'i4', 'i8', 'i8']);
  });

  it('is checked: a number that it cannot carry is found, not wrapped', () => {
    for (const [dtype, [low, high]] of Object.entries(bounds) as [Dtype, readonly [number, number]][]) {
      if (dtype.startsWith('f')) continue;
      expect(firstMisfit(dtype, Float64Array.of(low, 0, high)), dtype).to.equal(-1);
      for (const wrong of [low - 1, high + 1, 0.5, NaN, Infinity]) {
        expect(firstMisfit(dtype, Float64Array.of(0, wrong)), `${wrong} in ${dtype}`).to.equal(1);
      }
    }
    expect(firstMisfit('f4', Float64Array.of(NaN, 1e300, 0.1))).to.equal(-1);
  });
});
