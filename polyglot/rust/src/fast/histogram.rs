//! Counts of byte values: the loop under HIST and ENT.

/// Eight tables, so that equal neighbours do not wait for each other's store. One of 2^32 bytes would overflow: rows are
/// far shorter.
pub type Tables = [[u32; 256]; 8];

/// Fills the tables from one piece; they hold zeros before. The sum of the eight is the count.
#[inline]
pub fn count(bytes: &[u8], tables: &mut Tables) {
    let words = bytes.chunks_exact(16);
    for &byte in words.remainder() {
        tables[0][usize::from(byte)] += 1;
    }
    let add = |tables: &mut Tables, word: u64| {
        for (lane, table) in tables.iter_mut().enumerate() {
            table[(word >> (8 * lane)) as usize & 255] += 1;
        }
    };
    for pair in words {
        let (low, high) = pair.split_at(8);
        let (low, high) = (low.try_into().expect("eight bytes"), high.try_into().expect("eight bytes"));
        let (low, high) = (u64::from_le_bytes(low), u64::from_le_bytes(high));
        add(tables, low);
        add(tables, high);
    }
}

/// The count of one value.
#[inline]
pub fn sum(tables: &Tables, value: usize) -> u32 {
    tables.iter().map(|table| table[value]).sum()
}

/// counts[v] += how often v stands in `bytes`. `counts` has 256 numbers.
pub fn add_histogram(bytes: &[u8], counts: &mut [u64]) {
    let mut tables = [[0; 256]; 8];
    count(bytes, &mut tables);
    for (value, total) in counts.iter_mut().enumerate() {
        *total += u64::from(sum(&tables, value));
    }
}
