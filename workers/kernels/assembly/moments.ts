/** What the statistics need beside counts: products of neighbours, and points in the quarter circle. */

/** So many rounds of sums below 4 · 255² fit in 32 bits. */
const roundBytes: usize = 16 * 4096;
/** (256³ − 1)². */
const radiusSquared: i64 = 16777215 * 16777215;

/** Σ x·x' over `pairs` pairs of neighbours; the last one's second byte lies at `at + pairs`. Below 2^53 up to 2^37. */
export function addProducts(at: usize, pairs: usize): f64 {
  const end = at + pairs;
  const whole = at + (pairs & ~15);
  let total: u64 = 0;
  for (let p = at; p < whole; ) {
    const stop = min(whole, p + roundBytes);
    let sums = i32x4.splat(0);
    for (; p < stop; p += 16) {
      const x = v128.load(p);
      const y = v128.load(p, 1);
      const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(x), i16x8.extend_low_i8x16_u(y));
      const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(x), i16x8.extend_high_i8x16_u(y));
      sums = i32x4.add(sums, i32x4.add(low, high));
    }
    total +=
      <u64>(<u32>i32x4.extract_lane(sums, 0)) +
      <u64>(<u32>i32x4.extract_lane(sums, 1)) +
      <u64>(<u32>i32x4.extract_lane(sums, 2)) +
      <u64>(<u32>i32x4.extract_lane(sums, 3));
  }
  for (let p = whole; p < end; p++) total += <u64>load<u8>(p) * <u64>load<u8>(p, 1);
  return <f64>total;
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
