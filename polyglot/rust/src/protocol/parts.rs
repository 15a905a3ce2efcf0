//! Parts as frames: a list of array names for the header and one .npy frame each (section 9.2).
use super::algebra::{concat_width, Span};
use super::descriptor::{FieldSpec, Merge};
use super::errors::{fail, ErrorCode, Fault};
use super::frames::Frames;
use super::npy::{encode_npy, first_misfit, Dtype};

/// Names, and the frame of each.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct PartFrames {
    pub arrays: Vec<String>,
    pub frames: Frames,
}

/// One field's numbers, row by row; of a concat field its kept rows, and the index beside it.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Column {
    pub data: Vec<f64>,
    pub index: Vec<f64>,
}

/// The dtype that the field needs in parts of this grid.
pub fn rest_dtype(field: &FieldSpec, span: &Span) -> Dtype {
    if field.merge != Merge::Sum {
        return field.dtype;
    }
    let Some(per_byte_max) = field.per_byte_max else {
        return if field.dtype == Dtype::I4 || field.dtype == Dtype::I8 { Dtype::I8 } else { Dtype::U8 };
    };
    let bytes = if field.cells && span.cell_bytes > 0 { span.cell_bytes } else { span.end - span.start };
    Dtype::unsigned_for(bytes as f64 * per_byte_max as f64)
}

impl PartFrames {
    /// Adds a field's column; E_RANGE where a number does not fit its dtype.
    pub fn add(&mut self, field: &FieldSpec, span: &Span, column: &Column) -> Result<(), Fault> {
        let rows = if field.cells { span.cells() } else { 1 };
        if field.merge != Merge::Concat {
            return self.add_array(&field.name, rest_dtype(field, span), rows, &column.data);
        }
        self.add_array(&field.name, field.dtype, column.data.len() / concat_width(field), &column.data)?;
        self.add_array(&format!("{}.index", field.name), Dtype::I8, rows, &column.index)
    }

    /// Adds an array of `rows` rows.
    pub fn add_array(&mut self, name: &str, dtype: Dtype, rows: usize, data: &[f64]) -> Result<(), Fault> {
        if let Some(at) = first_misfit(dtype, data) {
            let what = format!("field {name}: {} does not fit {}", data[at], dtype.text());
            return Err(fail(ErrorCode::Range, what));
        }
        let shape: &[usize] = if data.len() == rows { &[rows] } else { &[rows, data.len() / rows.max(1)] };
        self.arrays.push(name.to_string());
        self.frames.push(encode_npy(dtype, shape, data));
        Ok(())
    }

    /// Of all frames together.
    pub fn bytes(&self) -> usize {
        self.frames.iter().map(Vec::len).sum()
    }
}
