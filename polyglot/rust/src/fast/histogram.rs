//! Counts of byte values: the loop under HIST and ENT.
use std::ops::AddAssign;

/// Eight tables, so that equal neighbours do not wait for each other's store. `T` holds the length of what is counted:
/// u16 for leaves, which are short and many, so that clearing and adding up takes half.
pub(crate) type Tables<T> = [[T; 256]; 8];

/// How often each value stands in `bytes`.
#[inline]
pub(crate) fn count<T: Copy + Default + AddAssign + From<u8>>(bytes: &[u8]) -> [T; 256] {
    let mut tables: Tables<T> = [[T::default(); 256]; 8];
    let one = T::from(1);
    let pairs = bytes.chunks_exact(16);
    for &byte in pairs.remainder() {
        tables[0][usize::from(byte)] += one;
    }
    for pair in pairs {
        for word in pair.chunks_exact(8) {
            let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
            for (lane, table) in tables.iter_mut().enumerate() {
                table[(word >> (8 * lane)) as usize & 255] += one;
            }
        }
    }
    let [mut counts, others @ ..] = tables;
    for table in &others {
        counts.iter_mut().zip(table).for_each(|(sum, &more)| *sum += more);
    }
    counts
}

/// counts[v] += how often v stands in `bytes`, which are fewer than 2^32. `counts` has 256 numbers.
pub fn add_histogram(bytes: &[u8], counts: &mut [u64]) {
    counts.iter_mut().zip(count::<u32>(bytes)).for_each(|(total, more)| *total += u64::from(more));
}
