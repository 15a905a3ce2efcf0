//! From rows to the part: owns the part's columns and the arrays that compute fills, checks what compute left there and
//! folds it into cells with the algebra.
use std::cell::RefCell;

use super::definition::Loaded;
use super::out::{Array, Misfit, Out};
use super::rows::Rows;
use super::sample::SampleColumns;
use super::sink::RowSink;
use crate::protocol::algebra::{combine, concat_width, identity_of, Span};
use crate::protocol::descriptor::{FieldSpec, Form, Merge};
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::npy::Dtype;
use crate::protocol::params::Params;
use crate::protocol::parts::{Column, PartFrames};
use crate::protocol::sample::interval_output;

/// A part that would take more is refused: the broker asks for smaller tasks.
const PART_BYTES_MAX: usize = 256 << 20;

/// What an empty list takes in a cell, in numbers of 8 bytes.
const LIST_NUMBERS: usize = 10;

/// One field that is no list: its rows, and the batch's as f64.
struct Folded {
    spec: FieldSpec,
    out_dtype: Dtype,
    width: usize,
    data: Vec<f64>,
    wide: Vec<f64>,
}

/// One part in the making.
pub(crate) struct PartBuilder {
    span: Span,
    /// Fields in the descriptor's order; none: a list, which is in `out` alone.
    fields: Vec<(FieldSpec, Option<Folded>)>,
    out: Out,
    sample: Option<SampleColumns>,
    /// Cell of each row of the batch.
    cells: Vec<usize>,
    /// Each row is a cell, whole.
    whole_cells: bool,
}

impl PartBuilder {
    /// E_CELLS where the part would be too large.
    pub fn new(loaded: &Loaded, span: Span, form: Form, params: &Params, sampled: bool) -> Result<PartBuilder, Fault> {
        let cells = span.cells();
        let plans = loaded.fields.iter().filter(|plan| plan.spec.form.map_or(true, |own| own == form));
        let (mut fields, mut arrays, mut bytes) = (Vec::new(), Vec::new(), 0usize);
        // A sample's part has three columns more.
        let mut grow = |rows: usize, numbers: usize| {
            bytes = bytes.saturating_add(rows.saturating_mul(numbers).saturating_mul(8));
            let what = || format!("a part of {cells} cells would take more than {PART_BYTES_MAX} bytes");
            if bytes <= PART_BYTES_MAX {
                Ok(())
            } else {
                Err(fail(ErrorCode::Cells, what()))
            }
        };
        grow(cells, if sampled { 3 } else { 0 })?;
        for plan in plans {
            let spec = plan.spec.clone();
            let rows = if spec.cells { cells } else { 1 };
            if spec.merge == Merge::Concat {
                grow(rows, LIST_NUMBERS)?;
                let gap = spec.gap.as_ref().map(|gap| gap.of(params) as f64);
                let (limit, signed) = (spec.limit.unwrap_or(u64::MAX), !spec.dtype.is_unsigned());
                let sink = RowSink::new(&spec.name, concat_width(&spec), rows, gap, limit, signed);
                arrays.push((spec.name.clone(), RefCell::new(Array::Rows(sink))));
                fields.push((spec, None));
                continue;
            }
            let width = plan.width(params)?;
            grow(rows, width)?;
            arrays.push((spec.name.clone(), RefCell::new(Array::new(plan.out_dtype))));
            let (data, out_dtype) = (vec![identity_of(&spec); rows * width], plan.out_dtype);
            fields.push((spec.clone(), Some(Folded { spec, out_dtype, width, data, wide: Vec::new() })));
        }
        let out = Out { fields: arrays };
        let sample = sampled.then(|| SampleColumns::new(span, interval_output(&loaded.descriptor, form)));
        Ok(PartBuilder { span, fields, out, sample, cells: Vec::new(), whole_cells: false })
    }

    /// Arrays for the batch, filled with the identities.
    pub fn outs(&mut self, rows: &Rows) -> &Out {
        self.place(rows);
        for ((spec, folded), (_, array)) in self.fields.iter().zip(&mut self.out.fields) {
            let count = if spec.cells { rows.rows() } else { 1 };
            match (folded, array.get_mut()) {
                (Some(folded), array) => array.reset(count * folded.width, identity_of(spec)),
                (None, Array::Rows(sink)) => sink.place_rows(if spec.cells { &self.cells } else { &[] }),
                (None, _) => unreachable!("what is not folded is a list"),
            }
        }
        &self.out
    }

    /// Checks and folds what compute left in `outs`.
    pub fn take(&mut self) -> Result<(), Fault> {
        let (span, sampled) = (self.span, self.sample.is_some());
        for ((spec, folded), (_, array)) in self.fields.iter_mut().zip(&mut self.out.fields) {
            let Some(folded) = folded else { continue };
            let count = if spec.cells { self.cells.len() } else { 1 };
            let array = array.get_mut();
            folded.check(array, count)?;
            if sampled && spec.merge == Merge::Run {
                continue;
            }
            if self.whole_cells && spec.cells {
                let at = self.cells.first().map_or(0, |cell| cell * folded.width);
                array.widen(&mut folded.data[at..at + count * folded.width]);
                continue;
            }
            folded.wide.resize(count * folded.width, 0.0);
            array.widen(&mut folded.wide);
            let cells = if spec.cells { &self.cells[..] } else { &[0] };
            folded.fold(cells, span)?;
        }
        Ok(())
    }

    /// A run of a sample [start, end) is about to be read, or was taken whole.
    pub fn run_begins(&mut self, start: u64) {
        let Some(sample) = &mut self.sample else { return };
        sample.run_begins(start, column_of(&self.fields, sample.column()));
    }
    pub fn run_ended(&mut self, start: u64, end: u64) {
        let Some(sample) = &mut self.sample else { return };
        sample.run_ended(start, end, column_of(&self.fields, sample.column()));
    }

    /// The part's frames.
    pub fn finish(mut self) -> Result<PartFrames, Fault> {
        let mut part = PartFrames::default();
        let width = self.sample.as_ref().and_then(SampleColumns::column).and_then(|name| {
            self.fields.iter().find_map(|(_, folded)| folded.as_ref().filter(|it| it.spec.name == name))
        });
        let sample = self.sample.as_mut().map(|sample| sample.columns(width.map(|it| (&it.spec, it.width))));
        for ((spec, folded), (_, array)) in self.fields.into_iter().zip(&mut self.out.fields) {
            let column = match (folded, array.get_mut()) {
                (Some(folded), _) => Column { data: folded.data, index: Vec::new() },
                (None, Array::Rows(sink)) => {
                    if sample.is_some() {
                        sink.clear();
                    }
                    sink.column()
                }
                (None, _) => unreachable!("what is not folded is a list"),
            };
            part.add(&spec, &self.span, &column)?;
        }
        if let Some((n, lo, hi)) = sample {
            part.add_array("n", Dtype::U8, n.len(), &n)?;
            part.add_array("lo", Dtype::F8, lo.len(), &lo)?;
            part.add_array("hi", Dtype::F8, hi.len(), &hi)?;
        }
        Ok(part)
    }

    fn place(&mut self, rows: &Rows) {
        self.cells.clear();
        self.whole_cells = true;
        for edges in rows.edges.windows(2) {
            let cell = self.span.cell_of(edges[0]);
            self.whole_cells &= self.span.cell_bounds(cell) == (edges[0], edges[1]);
            self.cells.push(cell);
        }
    }
}

/// The rows of that field, and their width.
fn column_of<'a>(fields: &'a [(FieldSpec, Option<Folded>)], name: Option<&str>) -> Option<(&'a [f64], usize)> {
    let mut folded = fields.iter().filter_map(|(_, folded)| folded.as_ref());
    folded.find(|it| Some(it.spec.name.as_str()) == name).map(|it| (&it.data[..], it.width))
}

impl Folded {
    /// An author may have put an array of another length there, or what is no such number.
    fn check(&self, array: &Array, count: usize) -> Result<(), Fault> {
        let bad = |what: String| Err(fail(ErrorCode::Service, format!("field {}: {what}", self.spec.name)));
        let (wanted, dtype) = (count * self.width, self.out_dtype.text());
        if array.len() != wanted {
            return bad(format!("wanted {wanted} numbers ({dtype}), got {}", array.len()));
        }
        match array.misfit() {
            Some(Misfit::Large(number)) => bad(format!("wanted whole numbers up to 2^53−1 ({dtype}), got {number}")),
            // A cell that `once` leaves alone is NaN.
            Some(Misfit::Nan) if self.spec.merge != Merge::Once => bad(format!("wanted numbers ({dtype}), got NaN")),
            _ => Ok(()),
        }
    }

    fn fold(&mut self, cells: &[usize], span: Span) -> Result<(), Fault> {
        let width = self.width;
        for (row, &cell) in cells.iter().enumerate() {
            let target = &mut self.data[cell * width..(cell + 1) * width];
            let source = &self.wide[row * width..(row + 1) * width];
            if self.spec.merge == Merge::Once && !target[0].is_nan() {
                let what =
                    format!("field {}: the cell at {} was computed twice", self.spec.name, span.cell_bounds(cell).0);
                return Err(fail(ErrorCode::Internal, what));
            }
            combine(&self.spec, target, source)?;
        }
        Ok(())
    }
}
