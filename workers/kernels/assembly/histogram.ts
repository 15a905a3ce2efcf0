/** Counts of byte values: eight tables, so that equal neighbours do not wait for each other's store. */
import { isConstant } from './constant';

const tables = memory.data(8 * 1024, 64);
const counts = memory.data(1024, 64);
const blockBytes: usize = 4096;

/** u32[256]: the result of addHistogram. */
export function countsAt(): usize {
  return counts;
}

/** Counts less than 2^32 bytes into `counts`, which is cleared first. */
export function addHistogram(at: usize, length: usize): void {
  memory.fill(counts, 0, 1024);
  const end = at + length;
  let counted = false;
  for (let p = at; p < end; p += blockBytes) {
    const n = min(blockBytes, end - p);
    if (isConstant(p, n)) {
      const count = counts + ((<usize>load<u8>(p)) << 2);
      store<u32>(count, load<u32>(count) + <u32>n);
    } else {
      countBytes(p, n);
      counted = true;
    }
  }
  if (counted) takeTables(counts);
}

/** Adds to the eight tables. */
// @ts-ignore: decorator
@inline
export function countBytes(at: usize, length: usize): void {
  const end = at + length;
  let p = at;
  for (; p + 16 <= end; p += 16) {
    count8(load<u64>(p));
    count8(load<u64>(p, 8));
  }
  for (; p < end; p++) bump(tables + ((<usize>load<u8>(p)) << 2));
}

/** Counts the eight bytes of a word, each in its table. Bytes are cut out in their places, as indexes of 4-byte counts. */
// @ts-ignore: decorator
@inline
export function count8(word: u64): void {
  let p: usize;
  p = (<usize>word & 255) << 2;
  store<u32>(p, load<u32>(p, tables) + 1, tables);
  p = <usize>(word >> 6) & 0x3fc;
  store<u32>(p, load<u32>(p, tables + 1024) + 1, tables + 1024);
  p = <usize>(word >> 14) & 0x3fc;
  store<u32>(p, load<u32>(p, tables + 2048) + 1, tables + 2048);
  p = <usize>(word >> 22) & 0x3fc;
  store<u32>(p, load<u32>(p, tables + 3072) + 1, tables + 3072);
  p = <usize>(word >> 30) & 0x3fc;
  store<u32>(p, load<u32>(p, tables + 4096) + 1, tables + 4096);
  p = <usize>(word >> 38) & 0x3fc;
  store<u32>(p, load<u32>(p, tables + 5120) + 1, tables + 5120);
  p = <usize>(word >> 46) & 0x3fc;
  store<u32>(p, load<u32>(p, tables + 6144) + 1, tables + 6144);
  p = <usize>(word >> 54) & 0x3fc;
  store<u32>(p, load<u32>(p, tables + 7168) + 1, tables + 7168);
}

/** Adds the tables' sums to u32[256] at `target` and clears them. */
export function takeTables(target: usize): void {
  const zero = i32x4.splat(0);
  for (let v: usize = 0; v < 1024; v += 16) {
    const p = tables + v;
    const low = i32x4.add(i32x4.add(v128.load(p), v128.load(p, 1024)), i32x4.add(v128.load(p, 2048), v128.load(p, 3072)));
    const high = i32x4.add(
      i32x4.add(v128.load(p, 4096), v128.load(p, 5120)),
      i32x4.add(v128.load(p, 6144), v128.load(p, 7168)),
    );
    v128.store(target + v, i32x4.add(v128.load(target + v), i32x4.add(low, high)));
    v128.store(p, zero);
    v128.store(p, zero, 1024);
    v128.store(p, zero, 2048);
    v128.store(p, zero, 3072);
    v128.store(p, zero, 4096);
    v128.store(p, zero, 5120);
    v128.store(p, zero, 6144);
    v128.store(p, zero, 7168);
  }
}

// @ts-ignore: decorator
@inline
function bump(count: usize): void {
  store<u32>(count, load<u32>(count) + 1);
}
