/**
 * Two pieces byte by byte: counts of a ^ b, and stretches of differing bytes joined into intervals. 64 equal bytes cost
 * one test. Called piecewise, begin, add until done, end, so that the list of intervals may be taken when it is full.
 */
import { count8, takeTables } from './histogram';

/** u32[256]: counts of a ^ b where bytes were compared one by one; what is not counted is equal. */
const xor = memory.data(1024, 64);
/** u32[3] each: start, end, changed; indexes into the piece. */
const intervals = memory.data(12 * 8192, 16);
const intervalsLength: i32 = 8192;
/** i32[8]: intervals in the list, position, first, last, lead, trail, bestStart, bestLength. */
const state = memory.data(32, 16);

let gapBytes: i32 = 0;
let pieceBytes: i32 = 0;
/** Where the running stretch of change began; −1: none runs. */
let open: i32 = -1;
/** The interval under way; −1: there is none. */
let intervalStart: i32 = -1;
let intervalEnd: i32 = 0;
let intervalChanged: i32 = 0;
let count: i32 = 0;
let first: i32 = -1;
let last: i32 = -1;
let lead: i32 = 0;
let trail: i32 = 0;
let bestStart: i32 = 0;
let bestLength: i32 = 0;

export function xorAt(): usize {
  return xor;
}
export function intervalsAt(): usize {
  return intervals;
}
export function intervalsMax(): i32 {
  return intervalsLength;
}
export function stateAt(): usize {
  return state;
}

export function beginDifference(length: i32, gap: i32): void {
  memory.fill(xor, 0, 1024);
  pieceBytes = length;
  gapBytes = gap;
  open = -1;
  intervalStart = -1;
  count = 0;
  first = -1;
  last = -1;
  lead = 0;
  trail = 0;
  bestStart = 0;
  bestLength = 0;
}

/** Goes on from index `at`; gives the index that it came to. The list holds what was found since the last call. */
export function addDifference(a: usize, b: usize, at: i32): i32 {
  count = 0;
  const length = pieceBytes;
  let i = at;
  while (i < length) {
    if (open < 0) {
      i = skipEqual(a, b, i, length);
      if (i >= length) break;
    }
    // Sixteen bytes may end eight stretches.
    if (count > intervalsLength - 10) break;
    if (i + 16 > length) {
      i = addTail(a, b, i, length);
      break;
    }
    add16(v128.xor(v128.load(a + i), v128.load(b + i)), i);
    i += 16;
  }
  store<i32>(state, count);
  return i;
}

/** Closes what runs, and leaves the state and the counts. */
export function endDifference(): void {
  count = 0;
  if (open >= 0) close(pieceBytes);
  if (intervalStart >= 0) flush();
  takeTables(xor);
  store<i32>(state, count);
  store<i32>(state, first, 8);
  store<i32>(state, last, 12);
  store<i32>(state, lead, 16);
  store<i32>(state, trail, 20);
  store<i32>(state, bestStart, 24);
  store<i32>(state, bestLength, 28);
}

/** The first index from i on at which 16 bytes are not all equal, or fewer than 16 are left. */
// @ts-ignore: decorator
@inline
function skipEqual(a: usize, b: usize, i: i32, length: i32): i32 {
  for (; i + 64 <= length; i += 64) {
    const p = a + i;
    const q = b + i;
    const differs = v128.or(
      v128.or(v128.xor(v128.load(p), v128.load(q)), v128.xor(v128.load(p, 16), v128.load(q, 16))),
      v128.or(v128.xor(v128.load(p, 32), v128.load(q, 32)), v128.xor(v128.load(p, 48), v128.load(q, 48))),
    );
    if (v128.any_true(differs)) break;
  }
  for (; i + 16 <= length; i += 16) if (v128.any_true(v128.xor(v128.load(a + i), v128.load(b + i)))) break;
  return i;
}

/** Sixteen bytes of a ^ b at index i. */
// @ts-ignore: decorator
@inline
function add16(x: v128, i: i32): void {
  const differs = ~i8x16.bitmask(i8x16.eq(x, i8x16.splat(0))) & 0xffff;
  if (differs !== 0) {
    count8(i64x2.extract_lane(x, 0));
    count8(i64x2.extract_lane(x, 1));
  }
  if (differs === 0xffff && open >= 0) return;
  follow(differs, i);
}

/** Opens and closes stretches where the state of bytes changes; bit k of `differs` is index i + k. */
function follow(differs: i32, i: i32): void {
  let changes = (differs ^ ((differs << 1) | i32(open >= 0))) & 0xffff;
  while (changes !== 0) {
    const at = i + ctz(changes);
    changes &= changes - 1;
    if (open < 0) open = at;
    else close(at);
  }
}

/** Fewer than sixteen bytes, which are the last. */
function addTail(a: usize, b: usize, i: i32, length: i32): i32 {
  for (; i < length; i++) {
    const x = load<u8>(a + i) ^ load<u8>(b + i);
    if (x !== 0) {
      const counted = xor + (<usize>x << 2);
      store<u32>(counted, load<u32>(counted) + 1);
      if (open < 0) open = i;
    } else if (open >= 0) {
      close(i);
    }
  }
  return i;
}

/** Ends the running stretch before index `end`. */
function close(end: i32): void {
  const start = open;
  const length = end - start;
  open = -1;
  if (first < 0) first = start;
  last = end - 1;
  if (start === 0) lead = length;
  if (end === pieceBytes) trail = length;
  if (length > bestLength) {
    bestStart = start;
    bestLength = length;
  }
  if (intervalStart >= 0 && start - intervalEnd <= gapBytes) {
    intervalChanged += length;
  } else {
    if (intervalStart >= 0) flush();
    intervalStart = start;
    intervalChanged = length;
  }
  intervalEnd = end;
}

function flush(): void {
  const p = intervals + <usize>(count * 12);
  store<i32>(p, intervalStart);
  store<i32>(p, intervalEnd, 4);
  store<i32>(p, intervalChanged, 8);
  count++;
  intervalStart = -1;
}
