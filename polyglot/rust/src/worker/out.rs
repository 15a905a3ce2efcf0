//! What `compute` fills: an array a field, of the field's own type, which holds the field's identity (0 for sums) when
//! compute is called: a row of numbers a row of input for a field with cells, else a single row.
use std::cell::{RefCell, RefMut};

use super::sink::RowSink;
use crate::protocol::codec::SAFE_MAX;
use crate::protocol::npy::Dtype;

/// Numbers of one field, as compute sees them. Whole numbers of 8 bytes go up to 2^53−1.
#[derive(Debug)]
pub(crate) enum Array {
    U1(Vec<u8>),
    U2(Vec<u16>),
    U4(Vec<u32>),
    U8(Vec<u64>),
    I4(Vec<i32>),
    I8(Vec<i64>),
    F4(Vec<f32>),
    F8(Vec<f64>),
    Rows(RowSink),
}

/// A number that travels as another one, or as none.
pub(crate) enum Misfit {
    Large(i128),
    Nan,
}

macro_rules! each_array {
    ($array:expr, $numbers:ident => $act:expr) => {
        match $array {
            Array::U1($numbers) => $act,
            Array::U2($numbers) => $act,
            Array::U4($numbers) => $act,
            Array::U8($numbers) => $act,
            Array::I4($numbers) => $act,
            Array::I8($numbers) => $act,
            Array::F4($numbers) => $act,
            Array::F8($numbers) => $act,
            Array::Rows(_) => unreachable!("rows are no numbers"),
        }
    };
}

impl Array {
    pub fn new(dtype: Dtype) -> Array {
        match dtype {
            Dtype::U1 => Array::U1(Vec::new()),
            Dtype::U2 => Array::U2(Vec::new()),
            Dtype::U4 => Array::U4(Vec::new()),
            Dtype::U8 => Array::U8(Vec::new()),
            Dtype::I4 => Array::I4(Vec::new()),
            Dtype::I8 => Array::I8(Vec::new()),
            Dtype::F4 => Array::F4(Vec::new()),
            Dtype::F8 => Array::F8(Vec::new()),
        }
    }

    /// `count` numbers, all `value`. NaN, the identity of `once`, is 0 in whole numbers.
    pub fn reset(&mut self, count: usize, value: f64) {
        each_array!(self, numbers => {
            numbers.clear();
            numbers.resize(count, value as _);
        });
    }

    /// Writes them to `wide`, which is as long.
    #[allow(clippy::unnecessary_cast)]
    pub fn widen(&self, wide: &mut [f64]) {
        each_array!(self, numbers => wide.iter_mut().zip(numbers).for_each(|(to, from)| *to = *from as f64));
    }

    /// Numbers.
    pub fn len(&self) -> usize {
        each_array!(self, numbers => numbers.len())
    }

    /// What no number of the field's is, if it is there.
    pub fn misfit(&self) -> Option<Misfit> {
        let safe = SAFE_MAX as u64;
        let large = |number: i128| Some(Misfit::Large(number));
        match self {
            // All bits at once: a loop that the compiler makes wide.
            Array::U8(numbers) if numbers.iter().fold(0, |all, n| all | n) <= safe => None,
            Array::U8(numbers) => numbers.iter().find(|n| **n > safe).and_then(|n| large(i128::from(*n))),
            Array::I8(numbers) => numbers.iter().find(|n| n.unsigned_abs() > safe).and_then(|n| large(i128::from(*n))),
            Array::F4(numbers) => numbers.iter().any(|n| n.is_nan()).then_some(Misfit::Nan),
            Array::F8(numbers) => numbers.iter().any(|n| n.is_nan()).then_some(Misfit::Nan),
            _ => None,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Array::U1(_) => "u1",
            Array::U2(_) => "u2",
            Array::U4(_) => "u4",
            Array::U8(_) => "u8",
            Array::I4(_) => "i4",
            Array::I8(_) => "i8",
            Array::F4(_) => "f4",
            Array::F8(_) => "f8",
            Array::Rows(_) => "rows",
        }
    }
}

/// The fields' arrays by name. Several may be held at a time, each once.
#[derive(Debug)]
pub struct Out {
    pub(crate) fields: Vec<(String, RefCell<Array>)>,
}

macro_rules! arrays {
    ($($method:ident $variant:ident $type:ty;)*) => {$(
        /// The numbers of a field of this type. Panics where the service has no such field: a fault of its author's.
        #[track_caller]
        pub fn $method(&self, name: &str) -> RefMut<'_, $type> {
            let array = self.array(name);
            RefMut::filter_map(array, |array| match array {
                Array::$variant(numbers) => Some(numbers),
                _ => None,
            })
            .unwrap_or_else(|other| panic!("field {name} is {}, not {}", other.kind(), stringify!($method)))
        }
    )*};
}

impl Out {
    arrays! {
        u1 U1 Vec<u8>;
        u2 U2 Vec<u16>;
        u4 U4 Vec<u32>;
        u8 U8 Vec<u64>;
        i4 I4 Vec<i32>;
        i8 I8 Vec<i64>;
        f4 F4 Vec<f32>;
        f8 F8 Vec<f64>;
        rows Rows RowSink;
    }

    #[track_caller]
    fn array(&self, name: &str) -> RefMut<'_, Array> {
        match self.fields.iter().find(|(other, _)| other == name) {
            Some((_, array)) => array.borrow_mut(),
            None => panic!("there is no field {name}"),
        }
    }

    /// Does the part have this field? A part has the fields of its form.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(other, _)| other == name)
    }
}
