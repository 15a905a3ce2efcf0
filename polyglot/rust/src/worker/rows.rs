//! What `compute` reads: one batch of rows of the input. A row is a piece of one cell: rows end on multiples of the
//! service's `row_bytes`, at cell edges and at the run's ends. Without `row_bytes` a row is its cell, or, where the cell
//! is long, a stretch of it that ends on a multiple of 4096.
use std::cell::Cell;

/// A batch is at most so long, unless one row is longer.
pub const BATCH_BYTES_MAX: u64 = 1 << 20;
/// Long rows are cut at multiples of this.
pub const PAGE_BYTES: u64 = 4096;

/// How the engine cuts. `stretch_bytes`: the longest row of a service without row_bytes; at least 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Grid {
    pub cell_bytes: u64,
    pub row_bytes: Option<u64>,
    pub stretch_bytes: u64,
}

impl Grid {
    /// Where the row that starts at `start` ends, at `end` at the latest.
    fn row_end(&self, start: u64, end: u64) -> u64 {
        let next_multiple = |unit: u64| (start / unit + 1) * unit;
        let cell_end = if self.cell_bytes == 0 { end } else { end.min(next_multiple(self.cell_bytes)) };
        match self.row_bytes {
            Some(row_bytes) => cell_end.min(next_multiple(row_bytes)),
            None if cell_end - start <= self.stretch_bytes => cell_end,
            None => (start + self.stretch_bytes) / PAGE_BYTES * PAGE_BYTES,
        }
    }

    /// Row edges of the batch that starts at `start`: one row at least, and as many as fit in `batch_bytes`.
    fn cut(&self, start: u64, end: u64, batch_bytes: u64, edges: &mut Vec<u64>) {
        edges.clear();
        edges.push(start);
        let mut at = start;
        while at < end {
            let next = self.row_end(at, end);
            if next - start > batch_bytes && edges.len() > 1 {
                break;
            }
            edges.push(next);
            at = next;
        }
    }
}

/// One input's bytes of the batch: its own, and the overlap as far as the file goes.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub bytes: Vec<u8>,
    pub length: usize,
}

/// One batch. What it hands out is good until compute returns.
#[derive(Debug, Default)]
pub struct Rows {
    /// Row i is [edges[i], edges[i + 1]), in bytes of the first input.
    pub(crate) edges: Vec<u64>,
    pub(crate) held: [Held; 2],
    pub(crate) overlap_bytes: u64,
    /// The row that was asked for last: as far as compute has come.
    pub(crate) current: Cell<usize>,
}

impl Rows {
    /// Takes the batch that starts at `start`.
    pub(crate) fn cut(&mut self, grid: &Grid, start: u64, end: u64, batch_bytes: u64) {
        grid.cut(start, end, batch_bytes, &mut self.edges);
        self.current.set(0);
    }

    /// Rows in this batch.
    pub fn rows(&self) -> usize {
        self.edges.len() - 1
    }

    /// Offset of the batch's first byte in the first input.
    pub fn start(&self) -> u64 {
        self.edges[0]
    }

    /// Offset of the byte after the batch's last.
    pub fn end(&self) -> u64 {
        self.edges[self.edges.len() - 1]
    }

    /// Offset of a row's first byte in the first input.
    #[track_caller]
    pub fn offset(&self, row: usize) -> u64 {
        self.edges[row]
    }

    /// Own bytes of a row.
    #[track_caller]
    pub fn row(&self, row: usize) -> &[u8] {
        self.row_of(row, 0)
    }

    /// A row's own bytes and the overlap after them, as far as the file goes.
    #[track_caller]
    pub fn ahead(&self, row: usize) -> &[u8] {
        self.ahead_of(row, 0)
    }

    /// Own bytes of a row of either input. Of the second: those at the same place, moved by the service's shift.
    #[track_caller]
    pub fn row_of(&self, row: usize, input: usize) -> &[u8] {
        self.current.set(row);
        let base = self.start();
        &self.held[input].bytes[(self.edges[row] - base) as usize..(self.edges[row + 1] - base) as usize]
    }

    /// The same with the overlap.
    #[track_caller]
    pub fn ahead_of(&self, row: usize, input: usize) -> &[u8] {
        self.current.set(row);
        let (base, held) = (self.start(), &self.held[input]);
        let end = ((self.edges[row + 1] - base + self.overlap_bytes) as usize).min(held.length);
        &held.bytes[(self.edges[row] - base) as usize..end]
    }
}
