//! What a sample's part has besides its fields: bytes seen a cell, and the intervals that the runs give. Runs come in
//! order, so only those of one cell are kept at a time; intervals are made of all cells' estimates at the end.
use crate::protocol::algebra::Span;
use crate::protocol::descriptor::{FieldSpec, OutputSpec};
use crate::protocol::sample::{bounds_of, estimate_of, intervals, Estimate};

pub(crate) struct SampleColumns {
    span: Span,
    /// The field that intervals are made of, and whether as an entropy; none: the service has no such output.
    output: Option<(String, bool)>,
    seen: Vec<f64>,
    /// Of cells with runs, ascending.
    estimates: Vec<(usize, Estimate)>,
    /// Of the cell that the last run was in: bytes of its runs, and their rows one after the other.
    bytes: Vec<f64>,
    rows: Vec<f64>,
    /// The cell's row before the run.
    before: Vec<f64>,
    cell: usize,
}

impl SampleColumns {
    pub fn new(span: Span, output: Option<(&OutputSpec, &FieldSpec)>) -> SampleColumns {
        let output = output.filter(|_| span.cell_bytes > 0);
        SampleColumns {
            span,
            output: output.map(|(output, field)| (field.name.clone(), output.finish == "entropy")),
            seen: vec![0.0; span.cells()],
            estimates: Vec::new(),
            bytes: Vec::new(),
            rows: Vec::new(),
            before: Vec::new(),
            cell: 0,
        }
    }

    /// The field that intervals are made of.
    pub fn column(&self) -> Option<&str> {
        self.output.as_ref().map(|(name, _)| name.as_str())
    }

    pub fn run_begins(&mut self, start: u64, column: Option<(&[f64], usize)>) {
        let cell = self.span.cell_of(start);
        if cell != self.cell {
            self.tell();
        }
        self.cell = cell;
        if let Some((data, width)) = column {
            self.before.clear();
            self.before.extend_from_slice(&data[cell * width..(cell + 1) * width]);
        }
    }

    /// What the cell's row has grown by is the run's.
    pub fn run_ended(&mut self, start: u64, end: u64, column: Option<(&[f64], usize)>) {
        self.seen[self.cell] += (end - start) as f64;
        if let Some((data, width)) = column {
            let after = &data[self.cell * width..(self.cell + 1) * width];
            self.rows.extend(after.iter().zip(&self.before).map(|(after, before)| after - before));
            self.bytes.push((end - start) as f64);
        }
    }

    /// Columns n, lo and hi.
    pub fn columns(&mut self, column: Option<(&FieldSpec, usize)>) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        self.tell();
        let cells = self.seen.len();
        let (mut lo, mut hi) = (vec![f64::NAN; cells], vec![f64::NAN; cells]);
        if let (Some((_, entropy)), Some((field, width))) = (&self.output, column) {
            let (at, told): (Vec<usize>, Vec<Estimate>) = self.estimates.drain(..).unzip();
            let bounds = bounds_of(field, *entropy, width);
            for (cell, interval) in at.into_iter().zip(intervals(&told, self.span.cell_bytes as f64, bounds)) {
                (lo[cell], hi[cell]) = interval;
            }
        }
        (std::mem::take(&mut self.seen), lo, hi)
    }

    /// The cell's runs are all there.
    fn tell(&mut self) {
        if let (false, Some((_, entropy))) = (self.bytes.is_empty(), &self.output) {
            self.estimates.push((self.cell, estimate_of(&self.rows, &self.bytes, *entropy)));
        }
        self.bytes.clear();
        self.rows.clear();
    }
}
