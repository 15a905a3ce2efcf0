/**
 * Byte classes, four times sixteen bytes at a time, since a turn of the loop costs as much as a comparison: these give −1
 * where they hold, which bytes of counts take up 252 times before they are added up. Zero and whitespace are looked up
 * together, since swizzle gives 0 for all from 16 on: half a byte of counts each, which is full after three turns.
 */

/** u32[6]: zero, ff, printable, whitespace, control, high. */
const classes = memory.data(32, 16);
const stepBytes: usize = 64;
const roundBytes: usize = 63 * stepBytes;
const turnsBytes: usize = 3 * stepBytes;

export function classesAt(): usize {
  return classes;
}

/** Counts less than 2^32 bytes into `classes`, which is cleared first. */
export function addClasses(at: usize, length: usize): void {
  const end = at + length;
  const whole = at + length / stepBytes * stepBytes;
  let zeros: u32 = 0;
  let ffs: u32 = 0;
  let printables: u32 = 0;
  let whitespaces: u32 = 0;
  let negatives: u32 = 0;
  for (let p = at; p < whole; ) {
    const stop = min(whole, p + roundBytes);
    let zero = i8x16.splat(0);
    let ff = zero;
    let printable = zero;
    let whitespace = zero;
    let negative = zero;
    while (p < stop) {
      const pause = min(stop, p + turnsBytes);
      let low = i8x16.splat(0);
      for (; p < pause; p += stepBytes) {
        const a = v128.load(p);
        const b = v128.load(p, 16);
        const c = v128.load(p, 32);
        const d = v128.load(p, 48);
        low = i8x16.add(low, sum(lowClass(a), lowClass(b), lowClass(c), lowClass(d)));
        ff = i8x16.sub(ff, sum(areFf(a), areFf(b), areFf(c), areFf(d)));
        printable = i8x16.sub(printable, sum(arePrintable(a), arePrintable(b), arePrintable(c), arePrintable(d)));
        negative = i8x16.sub(negative, sum(areNegative(a), areNegative(b), areNegative(c), areNegative(d)));
      }
      whitespace = i8x16.add(whitespace, v128.and(low, i8x16.splat(15)));
      zero = i8x16.add(zero, i8x16.shr_u(low, 4));
    }
    zeros += total(zero);
    ffs += total(ff);
    printables += total(printable);
    whitespaces += total(whitespace);
    negatives += total(negative);
  }
  for (let p = whole; p < end; p++) {
    const x = <u32>load<u8>(p);
    zeros += u32(x === 0);
    ffs += u32(x === 0xff);
    printables += u32(x - 0x20 < 0x5f);
    whitespaces += u32(x - 9 < 5);
    negatives += u32(x >= 0x80);
  }
  store<u32>(classes, zeros);
  store<u32>(classes, ffs, 4);
  store<u32>(classes, printables, 8);
  store<u32>(classes, whitespaces, 12);
  store<u32>(classes, <u32>length - zeros - printables - whitespaces - negatives, 16);
  store<u32>(classes, negatives - ffs, 20);
}

/** 16 for a zero, 1 for whitespace. */
// @ts-ignore: decorator
@inline
function lowClass(x: v128): v128 {
  return i8x16.swizzle(i8x16(16, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0), x);
}

// @ts-ignore: decorator
@inline
function areFf(x: v128): v128 {
  return i8x16.eq(x, i8x16.splat(-1));
}

/** 20 to 7E: one more is above 20, and of 7F it is the least of all. */
// @ts-ignore: decorator
@inline
function arePrintable(x: v128): v128 {
  return i8x16.gt_s(i8x16.sub(x, i8x16.splat(-1)), i8x16.splat(0x20));
}

// @ts-ignore: decorator
@inline
function areNegative(x: v128): v128 {
  return i8x16.gt_s(i8x16.splat(0), x);
}

// @ts-ignore: decorator
@inline
function sum(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.add(i8x16.add(a, b), i8x16.add(c, d));
}

/** Sum of sixteen counts. */
// @ts-ignore: decorator
@inline
function total(counts: v128): u32 {
  const sums = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(counts));
  return (
    i32x4.extract_lane(sums, 0) +
    i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  );
}
