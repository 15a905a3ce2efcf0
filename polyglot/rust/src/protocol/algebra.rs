//! The merge algebra (BXMDPv2.md section 9.3), as far as a worker needs it: rows fold into the cells of its part. What
//! merges is whole numbers, so every order, split, retry and language gives the same numbers.
//!
//! run, one row: [start, n, lead, trail, bestStart, bestLength] of a stretch of n bytes from `start`.
use super::codec::SAFE_MAX;
use super::descriptor::{FieldSpec, Merge, Size};
use super::errors::{fail, ErrorCode, Fault};
use super::params::Params;

/// The grid of a part: cells on multiples of `cell_bytes` from offset 0, the first and last clipped; 0: one single cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Span {
    pub start: u64,
    pub end: u64,
    pub cell_bytes: u64,
}

/// Numbers in a row of a run field.
pub const RUN_WIDTH: usize = 6;
/// Numbers in a row of `<name>.index`.
pub const INDEX_WIDTH: usize = 3;

impl Span {
    /// How many cells it has.
    pub fn cells(&self) -> usize {
        match self.cell_bytes {
            0 => 1,
            _ if self.end <= self.start => 0,
            width => (self.end.div_ceil(width) - self.start / width) as usize,
        }
    }

    /// The cell that holds `offset`.
    pub fn cell_of(&self, offset: u64) -> usize {
        match self.cell_bytes {
            0 => 0,
            width => (offset / width - self.start / width) as usize,
        }
    }

    /// [start, end) of cell i, clipped by the span.
    pub fn cell_bounds(&self, i: usize) -> (u64, u64) {
        if self.cell_bytes == 0 {
            return (self.start, self.end);
        }
        let edge = (self.start / self.cell_bytes + i as u64) * self.cell_bytes;
        (self.start.max(edge), self.end.min(edge + self.cell_bytes))
    }
}

/// What every number of an empty piece is.
pub fn identity_of(field: &FieldSpec) -> f64 {
    match (field.merge, field.dtype.range()) {
        (Merge::Sum | Merge::Or | Merge::Run | Merge::Concat, _) => 0.0,
        (Merge::Once, _) => f64::NAN,
        (Merge::Min, Some((_, most))) => most,
        (Merge::Min, None) => f64::INFINITY,
        (Merge::Max, Some((least, _))) => least,
        (Merge::Max, None) => f64::NEG_INFINITY,
    }
}

/// Numbers in a row, from the field's shape under these parameters.
pub fn shape_width(field: &FieldSpec, params: &Params) -> usize {
    match field.merge {
        Merge::Run => RUN_WIDTH,
        _ => field.shape.iter().flatten().map(|dim| dim.of(params) as usize).product(),
    }
}

/// Numbers in one row of a concat field.
pub fn concat_width(field: &FieldSpec) -> usize {
    match field.shape.as_deref() {
        Some([Size::Fixed(width)]) => *width as usize,
        _ => 1,
    }
}

/// target = target ∘ source, rows of the same width; the source lies behind the target along the range. E_RANGE where a
/// sum passes 2^53−1. Concat is folded by rows (worker/sink.rs).
pub fn combine(field: &FieldSpec, target: &mut [f64], source: &[f64]) -> Result<(), Fault> {
    let pairs = target.iter_mut().zip(source);
    match field.merge {
        Merge::Sum => return add_up(field, target, source),
        Merge::Min => pairs.for_each(|(to, &from)| {
            if from < *to {
                *to = from
            }
        }),
        Merge::Max => pairs.for_each(|(to, &from)| {
            if from > *to {
                *to = from
            }
        }),
        Merge::Or => pairs.for_each(|(to, &from)| *to = (*to as u64 | from as u64) as f64),
        Merge::Once => target.copy_from_slice(source),
        Merge::Run => combine_run(target, source),
        Merge::Concat => unreachable!("concat is folded by rows"),
    }
    Ok(())
}

fn add_up(field: &FieldSpec, target: &mut [f64], source: &[f64]) -> Result<(), Fault> {
    let mut fits = true;
    for (to, from) in target.iter_mut().zip(source) {
        *to += from;
        fits &= to.abs() <= SAFE_MAX as f64;
    }
    if fits {
        return Ok(());
    }
    Err(fail(ErrorCode::Range, format!("field {}: a sum is past 2^53−1", field.name)))
}

fn combine_run(target: &mut [f64], next: &[f64]) {
    let [_, n, lead, trail, best_start, best_length] = *target else { unreachable!("a run has six numbers") };
    let [next_start, next_n, next_lead, next_trail, next_best_start, next_best_length] = *next else {
        unreachable!("a run has six numbers")
    };
    if next_n == 0.0 {
        return;
    }
    if n == 0.0 {
        target.copy_from_slice(next);
        return;
    }
    target[1] = n + next_n;
    if lead == n {
        target[2] = n + next_lead;
    }
    target[3] = if next_trail == next_n { next_n + trail } else { next_trail };
    let across = trail + next_lead;
    let mut best = (best_start, best_length);
    if across > best.1 {
        best = (next_start - trail, across);
    }
    if next_best_length > best.1 {
        best = (next_best_start, next_best_length);
    }
    (target[4], target[5]) = best;
}
