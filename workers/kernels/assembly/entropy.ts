/**
 * Entropy of leaf blocks as integers (Q, see protocol/entropy.ts): eight tables of u16 a leaf, added up by SIMD. The
 * table T comes from the caller as float64 and is used as whole numbers; sums of it stay below 2^63.
 */
import { isConstant } from './constant';
import { addHistogram, countsAt } from './histogram';

const leafBytes: usize = 4096;
const tables = memory.data(8 * 512, 64);
/** u32[256]: of the piece that was counted last. */
const piece = memory.data(1024, 64);
/** u32[256]: of all pieces since the caller cleared it, before 2^32 bytes. */
const total = memory.data(1024, 64);
/** i32[2]: the lowest and the highest Q of the last call; low > high: no leaf was whole. */
const extremes = memory.data(16, 16);
/** i32[blocksMax] three times: the Q of each block, and the lowest and the highest Q of its leaves. */
const blocks = memory.data(3 * 4 * 4096, 64);
const blocksLength: usize = 4096;
/** T[0…65536]. */
const table = memory.data(65544 * 8, 64);

export function pieceCountsAt(): usize {
  return piece;
}
export function totalCountsAt(): usize {
  return total;
}
export function extremesAt(): usize {
  return extremes;
}
export function blocksAt(): usize {
  return blocks;
}
export function blocksMax(): usize {
  return blocksLength;
}
export function tableAt(): usize {
  return table;
}

/** Turns entries [from, to) of T from float64 to whole numbers. */
export function takeTable(from: usize, to: usize): void {
  for (let i = from; i < to; i++) store<i64>(table + (i << 3), <i64>load<f64>(table + (i << 3)));
}

/**
 * Counts a piece. The first leaf begins after `head` bytes; the last one, if it is short, counts for the extremes only
 * where it `ends` the file.
 */
export function addLeaves(at: usize, length: usize, head: usize, ends: bool): void {
  memory.fill(piece, 0, 1024);
  let low = i32.MAX_VALUE;
  let high = i32.MIN_VALUE;
  const end = at + length;
  if (head > 0) addPlain(at, head);
  for (let p = at + head; p < end; p += leafBytes) {
    const n = min(leafBytes, end - p);
    if (n < leafBytes && !ends) {
      addPlain(p, n);
      break;
    }
    const q = addLeaf(p, n);
    low = min(low, q);
    high = max(high, q);
  }
  store<i32>(extremes, low);
  store<i32>(extremes, high, 4);
}

/** Adds the piece's counts to the total's, and gives its Q; it has n bytes, 1 to 65536. */
export function takeBlock(n: usize): i32 {
  let sum: i64 = 0;
  for (let v: usize = 0; v < 1024; v += 16) {
    const counts = v128.load(piece + v);
    v128.store(total + v, i32x4.add(v128.load(total + v), counts));
    const low = i64x2.extract_lane(counts, 0);
    const high = i64x2.extract_lane(counts, 1);
    sum += entry(low & 0xffffffff) + entry(low >> 32) + entry(high & 0xffffffff) + entry(high >> 32);
  }
  return quotient(sum, n);
}

/**
 * Counts `count` blocks of n bytes each, one after the other, at most blocksMax of them, and adds them to the total's.
 * `phase`: where the first one begins in a leaf. No block's short leaf ends the file.
 */
export function addBlocks(at: usize, n: usize, count: usize, phase: usize): void {
  if (n === leafBytes && phase === 0) {
    addLeafBlocks(at, count);
    return;
  }
  for (let i: usize = 0; i < count; i++) {
    const into = (phase + i * n) & (leafBytes - 1);
    addLeaves(at + i * n, n, into === 0 ? 0 : min(n, leafBytes - into), false);
    keepBlock(i, takeBlock(n), load<i32>(extremes), load<i32>(extremes, 4));
  }
}

/** Blocks that are leaves: their own lowest and highest. */
function addLeafBlocks(at: usize, count: usize): void {
  memory.fill(piece, 0, 1024);
  for (let i: usize = 0; i < count; i++) {
    const q = addLeaf(at + i * leafBytes, leafBytes);
    keepBlock(i, q, q, q);
  }
  for (let v: usize = 0; v < 1024; v += 16) {
    v128.store(total + v, i32x4.add(v128.load(total + v), v128.load(piece + v)));
  }
}

// @ts-ignore: decorator
@inline
function keepBlock(i: usize, q: i32, low: i32, high: i32): void {
  store<i32>(blocks + (i << 2), q);
  store<i32>(blocks + ((blocksLength + i) << 2), low);
  store<i32>(blocks + ((2 * blocksLength + i) << 2), high);
}

// @ts-ignore: decorator
@inline
function quotient(sum: i64, n: usize): i32 {
  return <i32>((load<i64>(table + (n << 3)) - sum) / <i64>n);
}

function addPlain(at: usize, length: usize): void {
  addHistogram(at, length);
  const counts = countsAt();
  for (let v: usize = 0; v < 1024; v += 16) {
    v128.store(piece + v, i32x4.add(v128.load(piece + v), v128.load(counts + v)));
  }
}

/** Counts at most 4096 bytes into the piece and gives their Q. */
function addLeaf(at: usize, n: usize): i32 {
  if (isConstant(at, n)) {
    const count = piece + (<usize>load<u8>(at) << 2);
    store<u32>(count, load<u32>(count) + <u32>n);
    return 0;
  }
  const end = at + n;
  let p = at;
  for (; p + 16 <= end; p += 16) {
    count8(load<u64>(p));
    count8(load<u64>(p, 8));
  }
  for (; p < end; p++) bump(tables + (<usize>load<u8>(p) << 1));
  return quotient(takeTables(), n);
}

/** Adds the leaf's counts to the piece's, clears them, and gives the sum of T over them. */
function takeTables(): i64 {
  const zero = i16x8.splat(0);
  let even: i64 = 0;
  let odd: i64 = 0;
  for (let v: usize = 0; v < 512; v += 16) {
    const p = tables + v;
    const low = i16x8.add(i16x8.add(v128.load(p), v128.load(p, 512)), i16x8.add(v128.load(p, 1024), v128.load(p, 1536)));
    const high = i16x8.add(
      i16x8.add(v128.load(p, 2048), v128.load(p, 2560)),
      i16x8.add(v128.load(p, 3072), v128.load(p, 3584)),
    );
    const sum = i16x8.add(low, high);
    v128.store(p, zero);
    v128.store(p, zero, 512);
    v128.store(p, zero, 1024);
    v128.store(p, zero, 1536);
    v128.store(p, zero, 2048);
    v128.store(p, zero, 2560);
    v128.store(p, zero, 3072);
    v128.store(p, zero, 3584);
    const target = piece + (v << 1);
    v128.store(target, i32x4.add(v128.load(target), i32x4.extend_low_i16x8_u(sum)));
    v128.store(target, i32x4.add(v128.load(target, 16), i32x4.extend_high_i16x8_u(sum)), 16);
    const first = i64x2.extract_lane(sum, 0);
    const second = i64x2.extract_lane(sum, 1);
    even += entry(first & 0xffff) + entry((first >> 16) & 0xffff) + entry((first >> 32) & 0xffff) + entry(first >> 48);
    odd += entry(second & 0xffff) + entry((second >> 16) & 0xffff) + entry((second >> 32) & 0xffff) + entry(second >> 48);
  }
  return even + odd;
}

/** T[count]. */
// @ts-ignore: decorator
@inline
function entry(count: i64): i64 {
  return load<i64>(table + (<usize>count << 3));
}

// @ts-ignore: decorator
@inline
function count8(word: u64): void {
  let p: usize;
  p = (<usize>word & 255) << 1;
  store<u16>(p, load<u16>(p, tables) + 1, tables);
  p = <usize>(word >> 7) & 0x1fe;
  store<u16>(p, load<u16>(p, tables + 512) + 1, tables + 512);
  p = <usize>(word >> 15) & 0x1fe;
  store<u16>(p, load<u16>(p, tables + 1024) + 1, tables + 1024);
  p = <usize>(word >> 23) & 0x1fe;
  store<u16>(p, load<u16>(p, tables + 1536) + 1, tables + 1536);
  p = <usize>(word >> 31) & 0x1fe;
  store<u16>(p, load<u16>(p, tables + 2048) + 1, tables + 2048);
  p = <usize>(word >> 39) & 0x1fe;
  store<u16>(p, load<u16>(p, tables + 2560) + 1, tables + 2560);
  p = <usize>(word >> 47) & 0x1fe;
  store<u16>(p, load<u16>(p, tables + 3072) + 1, tables + 3072);
  p = <usize>(word >> 55) & 0x1fe;
  store<u16>(p, load<u16>(p, tables + 3584) + 1, tables + 3584);
}

// @ts-ignore: decorator
@inline
function bump(count: usize): void {
  store<u16>(count, load<u16>(count) + 1);
}
