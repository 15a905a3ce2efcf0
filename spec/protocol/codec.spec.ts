/** Header maps: what is packed, what is taken, and what a hostile frame costs. */
import { expect } from 'chai';
import { headerBytesMax, nestingMax, type Plain, pack, unpackMap, valuesMax } from '../../protocol/index.js';
import { concat, fixmap, fixstr, nested, uint64 } from '../vectors/raw.js';

const refusal = (frame: Uint8Array): string => {
  try {
    unpackMap(frame);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    expect(code, message).to.equal('E_PROTOCOL');
    return message;
  }
  return 'taken';
};

describe('a header map', () => {
  it('comes back as it was packed', () => {
    const map = {
      none: null,
      yes: true,
      text: 'é𝄞',
      bytes: new Uint8Array([0, 255]),
      list: [1, [2, []]],
      map: { a: {} },
      whole: [
        0,
        -1,
        127,
        128,
        255,
        256,
        65_535,
        65_536,
        2 ** 32 - 1,
        2 ** 32,
        2 ** 53 - 1,
        -(2 ** 31) - 1,
        -(2 ** 53) + 1,
      ],
      fraction: [0.5, -1e300],
    };
    expect(unpackMap(pack(map))).to.deep.equal(map);
  });

  it('writes offsets past 2^32 as whole numbers, never as floats: Python could not seek to those', () => {
    expect(Buffer.from(pack({ a: 2 ** 32 })).toString('hex')).to.equal('81a161cf0000000100000000');
    expect(Buffer.from(pack({ a: 2 ** 53 - 1 })).toString('hex')).to.equal('81a161cf001fffffffffffff');
    expect(Buffer.from(pack({ a: -(2 ** 32) })).toString('hex')).to.equal('81a161d3ffffffff00000000');
  });

  it('leaves out what is undefined', () => {
    expect(unpackMap(pack({ a: undefined, b: 1 }))).to.deep.equal({ b: 1 });
  });

  it('is a map and nothing else', () => {
    for (const value of [null, true, 5, 'text', new Uint8Array(3), [], [{}]]) {
      expect(refusal(pack(value)), JSON.stringify(value)).to.equal('header is not a msgpack map');
    }
  });

  it('has texts as keys, and nothing else', () => {
    for (const key of [[0x01], [0xc0], [0xc4, 1, 0x61], [0x80]]) {
      expect(refusal(Uint8Array.from([0x81, ...key, 0x01])), `${key}`).to.include('header is not msgpack');
    }
  });

  it('counts an empty list as a level too', () => {
    const levels = (count: number) =>
      Uint8Array.from([0x81, 0xa1, 0x61, ...new Array<number>(count - 2).fill(0x91), 0x90]);
    expect(refusal(levels(nestingMax))).to.equal('taken');
    expect(refusal(levels(nestingMax + 1))).to.include(`deeper than ${nestingMax}`);
  });

  it('ends where its frame ends', () => {
    const frame = pack({ a: [1, 'text', new Uint8Array(9), { b: 2 ** 40 }], c: 0.5 });
    expect(refusal(concat(frame, [0xc0]))).to.include('1 bytes too many');
    for (let length = 0; length < frame.length; length++) {
      expect(refusal(frame.subarray(0, length)), `cut to ${length}`).to.include('too early');
    }
  });

  it('has no key __proto__, and sets no prototype', () => {
    const frame = fixmap([['__proto__', fixmap([['polluted', [0xc3]]])]]);
    expect(refusal(frame)).to.include('__proto__');
    expect(({} as { polluted?: boolean }).polluted).to.equal(undefined);
  });

  it('holds no extension, no timestamp and no 0xc1', () => {
    const types = [0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8];
    for (const type of types) expect(refusal(fixmap([['a', [type, 0, 0, 0, 0, 0, 0, 0]]]))).to.include('is not taken');
  });

  it('takes every other type of msgpack, in whatever width', () => {
    const wide = fixmap([
      ['u8', [0xcc, 1]],
      ['u16', [0xcd, 0, 1]],
      ['u32', [0xce, 0, 0, 0, 1]],
      ['u64', uint64(1n)],
      ['i8', [0xd0, 255]],
      ['i16', [0xd1, 255, 255]],
      ['i32', [0xd2, 255, 255, 255, 255]],
      ['i64', [0xd3, 255, 255, 255, 255, 255, 255, 255, 255]],
      ['f32', [0xca, 0x3f, 0, 0, 0]],
      ['str8', concat([0xd9, 1], [0x61])],
      ['str16', concat([0xda, 0, 1], [0x61])],
      ['str32', concat([0xdb, 0, 0, 0, 1], [0x61])],
      ['bin8', [0xc4, 1, 7]],
      ['bin16', [0xc5, 0, 1, 7]],
    ]);
    const one = { u8: 1, u16: 1, u32: 1, u64: 1, i8: -1, i16: -1, i32: -1, i64: -1, f32: 0.5 };
    const bytes = new Uint8Array([7]);
    const text = { str8: 'a', str16: 'a', str32: 'a', bin8: bytes, bin16: bytes };
    expect(unpackMap(wide)).to.deep.equal({ ...one, ...text });
    const more = fixmap([
      ['bin32', [0xc6, 0, 0, 0, 1, 7]],
      ['array16', [0xdc, 0, 1, 5]],
      ['array32', [0xdd, 0, 0, 0, 1, 5]],
      ['map16', concat([0xde, 0, 1], fixstr('a'), [5])],
      ['map32', concat([0xdf, 0, 0, 0, 1], fixstr('a'), [5])],
      ['false', [0xc2]],
    ]);
    const inner = { array16: [5], array32: [5], map16: { a: 5 }, map32: { a: 5 } };
    expect(unpackMap(more)).to.deep.equal({ bin32: bytes, ...inner, false: false });
  });
});

describe('a hostile header', () => {
  it(`is refused past ${headerBytesMax} bytes`, () => {
    expect(refusal(new Uint8Array(headerBytesMax + 1))).to.include('over the limit');
    expect(unpackMap(pack({ a: new Uint8Array(headerBytesMax - 16) }))).to.have.property('a');
  });

  it(`is refused deeper than ${nestingMax}`, () => {
    const deep = (depth: number) => concat([0x81], fixstr('a'), nested(depth - 1));
    expect(refusal(deep(nestingMax))).to.equal('taken');
    expect(refusal(deep(nestingMax + 1))).to.include('deeper');
    expect(refusal(deep(4_000_000))).to.include('deeper');
  });

  it(`is refused past ${valuesMax} values`, () => {
    expect(refusal(pack({ a: new Array<Plain>(valuesMax - 3).fill(null) }))).to.equal('taken');
    expect(refusal(pack({ a: new Array<Plain>(valuesMax - 2).fill(null) }))).to.include('values');
  });

  it('gets no memory for items that it only announces', () => {
    // Each list says that 2^20 items follow: 8 MiB set aside by a trusting decoder, for five bytes.
    const claim = [0xdd, 0, 16, 0, 0];
    const frame = concat(
      [0x81],
      fixstr('a'),
      new Uint8Array(800_000).map((_, i) => claim[i % 5]!),
    );
    const before = process.memoryUsage();
    expect(refusal(frame)).to.match(/too early|deeper/);
    const after = process.memoryUsage();
    expect(after.heapUsed + after.external - before.heapUsed - before.external).to.be.below(64 * 2 ** 20);
  });
});
