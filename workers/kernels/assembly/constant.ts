/** Blocks of one repeated byte: found at the speed of the memory, so that nothing counts them byte by byte. */

/** Are the `length` bytes from `at` on all the same? */
export function isConstant(at: usize, length: usize): bool {
  const byte = load<u8>(at);
  const same = v128.splat<u8>(byte);
  const end = at + length;
  let p = at;
  for (; p + 64 <= end; p += 64) {
    const differs = v128.or(
      v128.or(v128.xor(v128.load(p), same), v128.xor(v128.load(p, 16), same)),
      v128.or(v128.xor(v128.load(p, 32), same), v128.xor(v128.load(p, 48), same)),
    );
    if (v128.any_true(differs)) return false;
  }
  for (; p < end; p++) if (load<u8>(p) !== byte) return false;
  return true;
}
