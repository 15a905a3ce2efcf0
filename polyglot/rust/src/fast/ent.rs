//! ENT: Shannon entropy along the file, with the lowest and highest of the aligned 4096-byte leaves in each cell.
//!
//! Cells add up by their counts (form `summed`); blocks of at most 64 KiB are computed whole and travel as one number
//! (form `whole`). A leaf counts for the extremes where it lies inside a row whole; the file's own last leaf may be
//! short.
use super::histogram::{add_histogram, count};
use crate::protocol::entropy::entropy_table;
use crate::worker::{Definition, Field, Form, Out, Outcome, Param, Rows, Scope, Service, TaskView};

/// Blocks whose lowest and highest entropy a cell reports; aligned to themselves.
const LEAF_BYTES: u64 = 4096;

/// The service.
pub struct Ent;

impl Service for Ent {
    fn definition(&self) -> Definition {
        Definition::new("ENT")
            .version(1)
            .help("entropy along the file")
            .block("block")
            .param(Param::int("block", 0).min(0.0).help("bytes in a cell; 0: as many cells as asked for"))
            .field(Field::u8("counts").shape([256]).sum().cells().per_byte_max(1).form(Form::Summed))
            .field(Field::u4("q").once().cells().form(Form::Whole))
            .field(Field::u8("total").shape([256]).sum().per_byte_max(1).form(Form::Whole))
            .field(Field::i4("qmin").min().cells())
            .field(Field::i4("qmax").max().cells())
            .output("h", "counts", "entropy", Scope::Both)
            .output("h", "q", "q24", Scope::Cell)
            .output("h", "total", "entropy", Scope::Whole)
            .output("min", "qmin", "q24", Scope::Cell)
            .output("max", "qmax", "q24", Scope::Cell)
    }

    fn prepare(&self) {
        entropy_table();
    }

    fn compute(&self, input: &Rows, out: &Out, task: &TaskView) -> Outcome {
        let file_end = task.input_sizes[0];
        let (mut qmin, mut qmax) = (out.i4("qmin"), out.i4("qmax"));
        let mut keep = |row: usize, extremes: Option<(i64, i64)>| {
            if let Some((low, high)) = extremes {
                (qmin[row], qmax[row]) = (low as i32, high as i32);
            }
        };
        if task.form == Form::Summed {
            let mut counts = out.u8("counts");
            for (row, own) in counts.chunks_exact_mut(256).enumerate() {
                keep(row, add_leaves(input.row(row), input.offset(row), file_end, own));
            }
            return Ok(());
        }
        let (mut q, mut total) = (out.u4("q"), out.u8("total"));
        for row in 0..input.rows() {
            let (bytes, mut own) = (input.row(row), [0; 256]);
            keep(row, add_leaves(bytes, input.offset(row), file_end, &mut own));
            q[row] = q_of(bytes.len(), own.iter().copied()) as u32;
            total.iter_mut().zip(own).for_each(|(total, count)| *total += count);
        }
        Ok(())
    }
}

/// Q of a block of n bytes with these counts.
fn q_of(n: usize, counts: impl Iterator<Item = u64>) -> i64 {
    let table = entropy_table();
    let sum: i64 = counts.map(|count| table[count as usize]).sum();
    (table[n] - sum) / n as i64
}

/// Counts all bytes of a piece and gives the lowest and highest Q of the leaves among them, if there are any.
fn add_leaves(bytes: &[u8], start: u64, file_end: u64, counts: &mut [u64]) -> Option<(i64, i64)> {
    let mut extremes: Option<(i64, i64)> = None;
    let to_first = (start.div_ceil(LEAF_BYTES) * LEAF_BYTES - start).min(bytes.len() as u64) as usize;
    let (head, leaves) = bytes.split_at(to_first);
    if !head.is_empty() {
        add_histogram(head, counts);
    }
    let ends_file = start + bytes.len() as u64 == file_end;
    for leaf in leaves.chunks(LEAF_BYTES as usize) {
        let q = add_leaf(leaf, counts);
        if leaf.len() as u64 == LEAF_BYTES || ends_file {
            let (low, high) = extremes.unwrap_or((q, q));
            extremes = Some((low.min(q), high.max(q)));
        }
    }
    extremes
}

/// Counts one leaf and gives its Q.
fn add_leaf(leaf: &[u8], counts: &mut [u64]) -> i64 {
    let table = entropy_table();
    let mut total = 0;
    for (of_value, c) in counts.iter_mut().zip(count::<u16>(leaf)) {
        *of_value += u64::from(c);
        total += table[usize::from(c)];
    }
    (table[leaf.len()] - total) / leaf.len() as i64
}
