/** Bytes as 32-bit words, which is how the kernels read most of them. */

/** Bytes before the first whole aligned word; all of them where there is none. */
export function headBytes(bytes: Uint8Array): number {
  return Math.min(bytes.length, -bytes.byteOffset & 3);
}

const noWords = new Uint32Array(0);

/** `count` words from byte `at` on, which is aligned in memory unless count is 0. */
export function wordsAt(bytes: Uint8Array, at: number, count: number): Uint32Array {
  return count > 0 ? new Uint32Array(bytes.buffer, bytes.byteOffset + at, count) : noWords;
}
