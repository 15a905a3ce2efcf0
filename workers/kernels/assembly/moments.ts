/** What the statistics need beside counts: products of neighbours, and points in the quarter circle. */

/** u32[2]: high and low bytes of products, added up. */
const products = memory.data(16, 16);
/** So many rounds of twice 255 fit in 16 bits. */
const roundBytes: usize = 16 * 128;
/** (256³ − 1)². */
const radiusSquared: i64 = 16777215 * 16777215;

export function productsAt(): usize {
  return products;
}

/**
 * x·x' of `pairs` pairs of neighbours, fewer than 2^24: their high bytes added up and their low bytes. The last pair's
 * second byte lies at `at + pairs`.
 */
export function addProducts(at: usize, pairs: usize): void {
  const end = at + pairs;
  const whole = at + (pairs & ~15);
  const byte = i16x8.splat(255);
  let highs = i32x4.splat(0);
  let lows = highs;
  for (let p = at; p < whole; ) {
    const stop = min(whole, p + roundBytes);
    let high = i16x8.splat(0);
    let low = high;
    for (; p < stop; p += 16) {
      const x = v128.load(p);
      const y = v128.load(p, 1);
      const first = i16x8.extmul_low_i8x16_u(x, y);
      const second = i16x8.extmul_high_i8x16_u(x, y);
      high = i16x8.add(high, i16x8.add(i16x8.shr_u(first, 8), i16x8.shr_u(second, 8)));
      low = i16x8.add(low, i16x8.add(v128.and(first, byte), v128.and(second, byte)));
    }
    highs = i32x4.add(highs, i32x4.extadd_pairwise_i16x8_u(high));
    lows = i32x4.add(lows, i32x4.extadd_pairwise_i16x8_u(low));
  }
  let high = total(highs);
  let low = total(lows);
  for (let p = whole; p < end; p++) {
    const product = <u32>load<u8>(p) * <u32>load<u8>(p, 1);
    high += product >> 8;
    low += product & 255;
  }
  store<u32>(products, high);
  store<u32>(products, low, 4);
}

// @ts-ignore: decorator
@inline
function total(sums: v128): u32 {
  return (
    i32x4.extract_lane(sums, 0) +
    i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  );
}

/** How many of `groups` groups of six bytes, two big-endian numbers of 24 bits, lie in the quarter circle. */
export function addCircle(at: usize, groups: usize): u32 {
  const zero = i8x16.splat(0);
  const limit = i64x2.splat(radiusSquared);
  let outside = i64x2.splat(0);
  let p = at;
  let left = groups;
  for (; left >= 2; left -= 2, p += 12) {
    const bytes = v128.load(p);
    // Lanes x, y, x', y' as little-endian 32-bit numbers; index 16 is a byte of `zero`.
    const points = i8x16.shuffle(bytes, zero, 2, 1, 0, 16, 5, 4, 3, 16, 8, 7, 6, 16, 11, 10, 9, 16);
    const first = i64x2.extmul_low_i32x4_u(points, points);
    const second = i64x2.extmul_high_i32x4_u(points, points);
    const xs = i64x2.shuffle(first, second, 0, 2);
    const ys = i64x2.shuffle(first, second, 1, 3);
    outside = i64x2.sub(outside, i64x2.gt_s(i64x2.add(xs, ys), limit));
  }
  let inside = <u32>groups - <u32>(i64x2.extract_lane(outside, 0) + i64x2.extract_lane(outside, 1));
  if (left > 0) {
    const x = (<i64>load<u8>(p) << 16) | (<i64>load<u8>(p, 1) << 8) | <i64>load<u8>(p, 2);
    const y = (<i64>load<u8>(p, 3) << 16) | (<i64>load<u8>(p, 4) << 8) | <i64>load<u8>(p, 5);
    if (x * x + y * y > radiusSquared) inside--;
  }
  return inside;
}
