/** Rows of counts as float64: what the runs of a sample leave, one row a run. */

const rowNumbers: usize = 256;
/** As many as a batch of short runs has, and as many as one cell may have at the most for `leaveOneOut`. */
const batchRows: usize = 256;
const cellRows: usize = 32;

/** f64[256] a row: the batch's. */
const batch = memory.data(256 * 256 * 8, 64);
/** Those of one cell. */
const cell = memory.data(32 * 256 * 8, 64);
/** c·log2 c, f64[0…16384]. */
const logs = memory.data(16392 * 8, 64);
const logsMax: usize = 16384;
/** f64: n and Σ c·log2 c of all rows, then for each row n and the sum of the others. */
const sums = memory.data(66 * 8, 64);

export function batchRowsAt(): usize {
  return batch;
}
export function batchRowsMax(): usize {
  return batchRows;
}
export function cellRowsAt(): usize {
  return cell;
}
export function cellRowsMax(): usize {
  return cellRows;
}
export function logsAt(): usize {
  return logs;
}
/** The largest count that there is a logarithm of. */
export function countsMax(): usize {
  return logsMax;
}
export function sumsAt(): usize {
  return sums;
}

/** Adds u32[256] at `counts` to the row f64[256] at `target`. */
export function addCounts(target: usize, counts: usize): void {
  for (let i: usize = 0; i < rowNumbers; i += 2) {
    const pair = v128.load64_zero(counts + (i << 2));
    const at = target + (i << 3);
    v128.store(at, f64x2.add(v128.load(at), f64x2.convert_low_i32x4_u(pair)));
  }
}

/** Of `m` rows at `rows`, whose numbers add up to countsMax at the most: fills the sums, value by value in order. */
export function leaveOneOut(rows: usize, m: usize): void {
  memory.fill(sums, 0, (2 + 2 * m) << 3);
  let n: f64 = 0;
  let sum: f64 = 0;
  for (let value: usize = 0; value < rowNumbers; value++) {
    const column = rows + (value << 3);
    let total: f64 = 0;
    for (let run: usize = 0; run < m; run++) total += load<f64>(column + run * (rowNumbers << 3));
    if (total === 0) continue;
    n += total;
    sum += log(total);
    for (let run: usize = 0; run < m; run++) {
      const rest = total - load<f64>(column + run * (rowNumbers << 3));
      const at = sums + (run << 4);
      store<f64>(at, load<f64>(at, 16) + rest, 16);
      store<f64>(at, load<f64>(at, 24) + log(rest), 24);
    }
  }
  store<f64>(sums, n);
  store<f64>(sums, sum, 8);
}

// @ts-ignore: decorator
@inline
function log(count: f64): f64 {
  return load<f64>(logs + (<usize>count << 3));
}
