//! What an author writes about parameters and fields: `Param::int("word", 1).one_of([1, 2])`, `Field::u4("ones").sum()`.
//! They are data; descriptors are made of them in definition.rs.
use crate::protocol::algebra::{shape_width, RUN_WIDTH};
use crate::protocol::descriptor::{FieldSpec, Form, Merge, Size};
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::npy::Dtype;
use crate::protocol::params::{ParamSpec, ParamType, ParamValue, Params};

type ShapeOf = fn(&Params) -> Vec<usize>;

/// A parameter.
pub struct Param(ParamSpec);

impl Param {
    fn new(name: &str, kind: ParamType, default: ParamValue) -> Param {
        let (name, help) = (name.to_string(), String::new());
        Param(ParamSpec { name, kind, default, min: None, max: None, one_of: None, help })
    }
    pub(crate) fn into_spec(self) -> ParamSpec {
        self.0
    }
    /// A whole number.
    pub fn int(name: &str, default: i64) -> Param {
        Param::new(name, ParamType::Int, default.into())
    }
    /// A finite number.
    pub fn float(name: &str, default: f64) -> Param {
        Param::new(name, ParamType::Float, default.into())
    }
    /// A text of at most 1,024 characters.
    pub fn string(name: &str, default: &str) -> Param {
        Param::new(name, ParamType::String, default.into())
    }
    /// True or false.
    pub fn bool(name: &str, default: bool) -> Param {
        Param::new(name, ParamType::Bool, default.into())
    }
    /// The least value taken.
    pub fn min(mut self, min: f64) -> Param {
        self.0.min = Some(min);
        self
    }
    /// The greatest value taken.
    pub fn max(mut self, max: f64) -> Param {
        self.0.max = Some(max);
        self
    }
    /// The only values taken.
    pub fn one_of<V: Into<ParamValue>>(mut self, values: impl IntoIterator<Item = V>) -> Param {
        self.0.one_of = Some(values.into_iter().map(Into::into).collect());
        self
    }
    /// One line for people.
    pub fn help(mut self, help: &str) -> Param {
        self.0.help = help.to_string();
        self
    }
}

/// A field of the part. One of `sum`, `min`, `max`, `or` and `once` says how its pieces merge.
pub struct Field {
    spec: FieldSpec,
    merge: Option<Merge>,
    shape_of: Option<ShapeOf>,
}

macro_rules! fields {
    ($($method:ident $dtype:ident;)*) => {$(
        #[doc = concat!("Numbers of dtype ", stringify!($method), ".")]
        pub fn $method(name: &str) -> Field { Field::new(name, Dtype::$dtype, None) }
    )*};
}
macro_rules! merges {
    ($($method:ident $merge:ident $what:literal;)*) => {$(
        #[doc = $what]
        pub fn $method(mut self) -> Field { self.merge = Some(Merge::$merge); self }
    )*};
}

impl Field {
    fields! { u1 U1; u2 U2; u4 U4; u8 U8; i4 I4; i8 I8; f4 F4; f8 F8; }
    merges! {
        sum Sum "Adds up.";
        min Min "The smaller one; NaN counts as nothing.";
        max Max "The greater one; NaN counts as nothing.";
        or Or "Bitwise.";
        once Once "One task computes a cell whole.";
    }

    fn new(name: &str, dtype: Dtype, merge: Option<Merge>) -> Field {
        let spec = FieldSpec {
            name: name.to_string(),
            dtype,
            shape: None,
            merge: merge.unwrap_or(Merge::Sum),
            cells: false,
            per_byte_max: None,
            form: None,
            gap: None,
            limit: None,
        };
        Field { spec, merge, shape_of: None }
    }

    /// Rows of [start, n, lead, trail, bestStart, bestLength]: the longest stretch of marked bytes.
    pub fn run(name: &str) -> Field {
        Field::new(name, Dtype::I8, Some(Merge::Run))
    }
    /// A list of rows of `width` numbers; of two or more they are intervals [start, end, …].
    pub fn concat(name: &str, dtype: Dtype, width: u64) -> Field {
        Field::new(name, dtype, Some(Merge::Concat)).shape([width])
    }
    /// Numbers of a row: how many, or the parameter that says so. Left out: one.
    pub fn shape<S: Into<Size>>(mut self, dims: impl IntoIterator<Item = S>) -> Field {
        self.spec.shape = Some(dims.into_iter().map(Into::into).collect());
        self
    }
    /// The same, as a function of the parameters.
    pub fn shape_of(mut self, shape_of: ShapeOf) -> Field {
        self.shape_of = Some(shape_of);
        self
    }
    /// A row a cell; left out: one for the whole range.
    pub fn cells(mut self) -> Field {
        self.spec.cells = true;
        self
    }
    /// What one byte of input adds to an unsigned sum at the most: lets small pieces travel in small numbers.
    pub fn per_byte_max(mut self, max: u64) -> Field {
        self.spec.per_byte_max = Some(max);
        self
    }
    /// Only in parts of that form.
    pub fn form(mut self, form: Form) -> Field {
        self.spec.form = Some(form);
        self
    }
    /// concat: intervals at most so many bytes apart are one.
    pub fn gap(mut self, gap: impl Into<Size>) -> Field {
        self.spec.gap = Some(gap.into());
        self
    }
    /// concat: so many rows are kept, the first by offset.
    pub fn limit(mut self, limit: u64) -> Field {
        self.spec.limit = Some(limit);
        self
    }
}

/// How compute's array of a field looks.
pub(crate) struct FieldPlan {
    pub spec: FieldSpec,
    /// Of compute's array; the column that it is folded into may be wider.
    pub out_dtype: Dtype,
    shape_of: Option<ShapeOf>,
}

impl FieldPlan {
    /// Numbers in a row.
    pub fn width(&self, params: &Params) -> Result<usize, Fault> {
        let width = match self.shape_of {
            Some(shape_of) if self.spec.merge != Merge::Run => {
                shape_of(params).into_iter().try_fold(1usize, usize::checked_mul)
            }
            _ if self.spec.merge == Merge::Run => Some(RUN_WIDTH),
            _ => Some(shape_width(&self.spec, params)),
        };
        let bad = || fail(ErrorCode::Service, format!("field {} has rows of no or too many numbers", self.spec.name));
        width.filter(|&width| width >= 1).ok_or_else(bad)
    }
}

/// E_USAGE names what the field lacks.
pub(crate) fn plan(service: &str, field: Field) -> Result<FieldPlan, Fault> {
    let Field { mut spec, merge, shape_of } = field;
    let bad = |what: String| Err(fail(ErrorCode::Usage, format!("{service}: field {} {what}", spec.name)));
    let Some(merge) = merge else { return bad("has no operator; say .sum(), .min(), .max(), .or() or .once()".into()) };
    if spec.name == "n" {
        return bad("is the number of bytes, which comes by itself; choose another name".into());
    }
    if spec.dtype.is_float() && matches!(merge, Merge::Sum | Merge::Or) {
        let (dtype, merge) = (spec.dtype.text(), merge.text());
        return bad(format!("is {dtype} and merges by {merge}; what adds up is whole numbers"));
    }
    let out_dtype = spec.dtype;
    spec.merge = merge;
    if merge == Merge::Sum && spec.per_byte_max.is_none() {
        spec.dtype = if out_dtype.is_unsigned() { Dtype::U8 } else { Dtype::I8 };
    }
    Ok(FieldPlan { spec, out_dtype, shape_of })
}
