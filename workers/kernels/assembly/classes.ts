/**
 * Byte classes, four times sixteen bytes at a time, since a turn of the loop costs as much as a comparison: these give −1
 * where they hold, which bytes of counts take up 252 times before they are added up.
 */

/** u32[6]: zero, ff, printable, whitespace, control, high. */
const classes = memory.data(32, 16);
const stepBytes: usize = 64;
const roundBytes: usize = 63 * stepBytes;

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
    for (; p < stop; p += stepBytes) {
      const a = v128.load(p);
      const b = v128.load(p, 16);
      const c = v128.load(p, 32);
      const d = v128.load(p, 48);
      zero = i8x16.sub(zero, sum(areEqual(a, 0), areEqual(b, 0), areEqual(c, 0), areEqual(d, 0)));
      ff = i8x16.sub(ff, sum(areEqual(a, -1), areEqual(b, -1), areEqual(c, -1), areEqual(d, -1)));
      printable = i8x16.sub(printable, sum(arePrintable(a), arePrintable(b), arePrintable(c), arePrintable(d)));
      whitespace = i8x16.sub(whitespace, sum(areBlank(a), areBlank(b), areBlank(c), areBlank(d)));
      negative = i8x16.sub(negative, sum(areNegative(a), areNegative(b), areNegative(c), areNegative(d)));
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

// @ts-ignore: decorator
@inline
function areEqual(x: v128, value: i8): v128 {
  return i8x16.eq(x, i8x16.splat(value));
}

// @ts-ignore: decorator
@inline
function arePrintable(x: v128): v128 {
  return areAtMost(i8x16.sub(x, i8x16.splat(0x20)), i8x16.splat(0x5e));
}

// @ts-ignore: decorator
@inline
function areBlank(x: v128): v128 {
  return areAtMost(i8x16.sub(x, i8x16.splat(9)), i8x16.splat(4));
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

/** x ≤ y, unsigned: x86 has no such comparison, and the engine's own takes twice as many instructions. */
// @ts-ignore: decorator
@inline
function areAtMost(x: v128, y: v128): v128 {
  return i8x16.eq(i8x16.min_u(x, y), x);
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
