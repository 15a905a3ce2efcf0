/**
 * Counts of pairs of neighbours: row the first byte, column the second. Two tables take turns, so that a pair that
 * comes again at once does not wait for its own store.
 */
import { isConstant } from './constant';

const tableBytes: usize = 65536 * 4;
const digrams = memory.data(2 * 65536 * 4, 64);
const blockBytes: usize = 4088;

/** u32[65536]: the result of sumDigrams. */
export function digramsAt(): usize {
  return digrams;
}

/** Counts begin with 0. */
export function clearDigrams(): void {
  memory.fill(digrams, 0, 2 * tableBytes);
}

/** Counts `pairs` pairs more, with those since the clear fewer than 2^32; the last one's second byte lies at `at + pairs`. */
export function addDigrams(at: usize, pairs: usize): void {
  const end = at + pairs;
  for (let p = at; p < end; p += blockBytes) {
    const n = min(blockBytes, end - p);
    if (isConstant(p, n + 1)) {
      const count = digrams + (<usize>load<u8>(p) << 2) * 257;
      store<u32>(count, load<u32>(count) + <u32>n);
    } else {
      countPairs(p, n);
    }
  }
}

/** Both tables' counts, once: clear next. */
export function sumDigrams(): void {
  for (let p = digrams; p < digrams + tableBytes; p += 16) {
    v128.store(p, i32x4.add(v128.load(p), v128.load(p + tableBytes)));
  }
}

// @ts-ignore: decorator
@inline
function countPairs(at: usize, pairs: usize): void {
  const end = at + pairs;
  let p = at;
  // Eight bytes, turned round, hold seven pairs.
  for (; p + 14 <= end; p += 14) {
    const bytes = v128.load(p);
    const words = i8x16.shuffle(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 14, 13, 12, 11, 10, 9, 8, 7);
    count7(i64x2.extract_lane(words, 0));
    count7(i64x2.extract_lane(words, 1));
  }
  for (; p < end; p++) bump((<usize>load<u8>(p) << 8) | <usize>load<u8>(p, 1));
}

// @ts-ignore: decorator
@inline
function count7(word: u64): void {
  let p: usize;
  p = <usize>(word >> 46) & 0x3fffc;
  store<u32>(p, load<u32>(p, digrams) + 1, digrams);
  p = <usize>(word >> 38) & 0x3fffc;
  store<u32>(p, load<u32>(p, digrams + tableBytes) + 1, digrams + tableBytes);
  p = <usize>(word >> 30) & 0x3fffc;
  store<u32>(p, load<u32>(p, digrams) + 1, digrams);
  p = <usize>(word >> 22) & 0x3fffc;
  store<u32>(p, load<u32>(p, digrams + tableBytes) + 1, digrams + tableBytes);
  p = <usize>(word >> 14) & 0x3fffc;
  store<u32>(p, load<u32>(p, digrams) + 1, digrams);
  p = <usize>(word >> 6) & 0x3fffc;
  store<u32>(p, load<u32>(p, digrams + tableBytes) + 1, digrams + tableBytes);
  p = (<usize>word & 0xffff) << 2;
  store<u32>(p, load<u32>(p, digrams) + 1, digrams);
}

// @ts-ignore: decorator
@inline
function bump(pair: usize): void {
  const count = digrams + (pair << 2);
  store<u32>(count, load<u32>(count) + 1);
}
