/**
 * Byte classes, sixteen bytes at a time: comparisons give −1 where they hold, which bytes of counts take up 255 times
 * before they are added up.
 */

/** u32[6]: zero, ff, printable, whitespace, control, high. */
const classes = memory.data(32, 16);
const roundBytes: usize = 255 * 16;

export function classesAt(): usize {
  return classes;
}

/** Counts less than 2^32 bytes into `classes`, which is cleared first. */
export function addClasses(at: usize, length: usize): void {
  const end = at + length;
  const whole = at + (length & ~15);
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
    for (; p < stop; p += 16) {
      const x = v128.load(p);
      zero = i8x16.sub(zero, i8x16.eq(x, i8x16.splat(0)));
      ff = i8x16.sub(ff, i8x16.eq(x, i8x16.splat(-1)));
      printable = i8x16.sub(printable, i8x16.lt_u(i8x16.sub(x, i8x16.splat(0x20)), i8x16.splat(0x5f)));
      whitespace = i8x16.sub(whitespace, i8x16.lt_u(i8x16.sub(x, i8x16.splat(9)), i8x16.splat(5)));
      negative = i8x16.sub(negative, i8x16.lt_s(x, i8x16.splat(0)));
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
