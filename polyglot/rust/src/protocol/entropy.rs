//! Entropy of small blocks as a whole number: T[c] = round(c·log2 c·2^24), and Q = ⌊(T[n] − Σ T[c])/n⌋ in units of 2^-24
//! bit a byte (BXMDPv2.md section 9.5).
//!
//! T is exact. In floating point 42 entries up to 65536 round wrong: where a value comes too near to a half to
//! tell, its logarithm is made bit by bit, by squaring, in whole numbers of 128 bits.
use std::sync::OnceLock;

/// Blocks up to here are computed whole, and the table ends here.
pub const WHOLE_BLOCK_BYTES_MAX: usize = 65_536;

/// log2 in double precision and two products err by less than so much of the value: four units in the last place.
const RELATIVE_ERROR: f64 = 1.0 / (1u64 << 50) as f64;

/// T[0..=65536], made at the first call.
pub fn entropy_table() -> &'static [i64] {
    static TABLE: OnceLock<Vec<i64>> = OnceLock::new();
    TABLE.get_or_init(|| (0..=WHOLE_BLOCK_BYTES_MAX as u64).map(entry).collect())
}

/// Q of one block of n = Σ counts bytes, 1 to 65536.
pub fn block_q(counts: &[u32]) -> i64 {
    let table = entropy_table();
    let n: usize = counts.iter().map(|&count| count as usize).sum();
    let sum: i64 = counts.iter().map(|&count| table[count as usize]).sum();
    (table[n] - sum) / n as i64
}

fn entry(c: u64) -> i64 {
    if c < 2 {
        return 0;
    }
    let value = c as f64 * (c as f64).log2() * (1u64 << 24) as f64;
    if (value.fract() - 0.5).abs() > value * RELATIVE_ERROR {
        return value.round() as i64;
    }
    exact_entry(c)
}

/// Fraction bits of the logarithm that are made: 62 of them leave c·2^24·log2 c an error below 2^-21, far less than the
/// distance of any entry from a half.
const LOG_BITS: u32 = 62;

/// log2 c = k + f, where c = 2^k·m and 1 ≤ m < 2: m is squared again and again, and each time that it reaches 2 the next
/// bit of f is a one. m has 62 bits behind the point, and each squaring loses less than one of the last.
fn exact_entry(c: u64) -> i64 {
    let k = 63 - c.leading_zeros();
    let point = 126;
    let mut mantissa = Wide::from(u128::from(c) << (point - k));
    let mut log = u128::from(k) << LOG_BITS;
    for bit in (0..LOG_BITS).rev() {
        mantissa = mantissa.squared();
        if mantissa.reaches_two() {
            mantissa = mantissa.halved();
            log |= 1 << bit;
        }
    }
    let shift = LOG_BITS - 24;
    ((u128::from(c) * log + (1 << (shift - 1))) >> shift) as i64
}

/// A number from 1 up to 4 with 126 bits behind the point.
struct Wide(u128);

impl Wide {
    fn from(bits: u128) -> Wide {
        Wide(bits)
    }

    /// The upper half of the product of 256 bits, in quarters of 64.
    fn squared(&self) -> Wide {
        let (high, low) = (self.0 >> 64, self.0 & u128::from(u64::MAX));
        let middle = high * low;
        let carried = ((low * low) >> 64) + ((middle & u128::from(u64::MAX)) << 1);
        let upper = high * high + ((middle >> 64) << 1) + (carried >> 64);
        // The product has 252 bits behind the point; 126 of them stay: two bits below the upper half's own.
        Wide((upper << 2) | ((carried & u128::from(u64::MAX)) >> 62))
    }

    fn reaches_two(&self) -> bool {
        self.0 >> 127 != 0
    }

    fn halved(self) -> Wide {
        Wide(self.0 >> 1)
    }
}
