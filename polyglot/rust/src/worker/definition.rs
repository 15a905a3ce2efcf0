//! What an author writes: a `Service`, its `Definition`, parameters and fields. Definitions are data; what goes on the
//! wire is made of them here, once.
//!
//! Rules: compute sees batches of rows and fills `out`. It adds up nothing between calls. The engine folds rows into
//! cells, reads, cuts, checks, reports progress and cancels.
use std::error::Error;

use super::out::Out;
use super::rows::Rows;
use crate::protocol::algebra::{shape_width, RUN_WIDTH};
use crate::protocol::descriptor::{Descriptor, FieldSpec, Form, Merge, OutputSpec, Scope, Size, Version};
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::npy::{Dtype, NamedArray};
use crate::protocol::params::{ParamSpec, ParamType, ParamValue, Params};

/// What compute ends in. Any error becomes E_SERVICE with its text; a panic does too, with file and line.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;
/// What finish makes: names, each with one number a row, or so many more (row by row).
pub type Outputs = Vec<(&'static str, Vec<f64>)>;
type Finish = fn(&FinishPart, &Params) -> Result<Outputs, Box<dyn Error + Send + Sync>>;
type ShapeOf = fn(&Params) -> Vec<usize>;

/// One analysis.
pub trait Service: Send + Sync + 'static {
    /// What the service is; asked once.
    fn definition(&self) -> Definition;

    /// Makes what every task needs and takes a while; called before the first task comes.
    fn prepare(&self) {}

    /// Fills `out` from one batch of rows. A loop that takes longer than 50 ms calls `task.check()?` now and then.
    fn compute(&self, input: &Rows, out: &Out, task: &TaskView) -> Outcome;
}

/// What the engine tells compute of its task, and hears of it.
pub(crate) trait Watch {
    fn is_cancelled(&self) -> bool;
    /// Bytes of the task done so far.
    fn progressed(&self, bytes_done: u64);
}

/// What compute knows of its task beside the rows.
pub struct TaskView<'a> {
    /// Complete, and checked.
    pub params: &'a Params,
    /// Which fields the part has.
    pub form: Form,
    /// The files' sizes in bytes; both for a pair.
    pub input_sizes: &'a [u64],
    pub(crate) watch: &'a dyn Watch,
    pub(crate) rows: &'a Rows,
    pub(crate) bytes_done: u64,
}

impl TaskView<'_> {
    /// Fails when the task is cancelled; also tells the progress, up to the row that was asked for last.
    pub fn check(&self) -> Result<(), Fault> {
        if self.watch.is_cancelled() {
            return Err(super::core::cancelled());
        }
        let row = self.rows.current.get();
        self.watch.progressed(self.bytes_done + self.rows.offset(row) - self.rows.start());
        Ok(())
    }
}

/// Merged rows as `finish` gets them: those of the report's cells that have bytes and, last, that of the whole range.
pub struct FinishPart {
    /// Rows of every array.
    pub rows: usize,
    pub(crate) arrays: Vec<(String, NamedArray)>,
}

impl FinishPart {
    /// A field's numbers, row by row. Panics where there is none of that name: a fault of the author's.
    #[track_caller]
    pub fn get(&self, name: &str) -> &[f64] {
        match self.arrays.iter().find(|(other, _)| other == name) {
            Some((_, array)) => &array.data,
            None => panic!("there is no field {name} here"),
        }
    }

    /// The bytes of each row.
    pub fn n(&self) -> &[f64] {
        self.get("n")
    }
}

/// A parameter.
pub struct Param(ParamSpec);

impl Param {
    fn new(name: &str, kind: ParamType, default: ParamValue) -> Param {
        let (name, help) = (name.to_string(), String::new());
        Param(ParamSpec { name, kind, default, min: None, max: None, one_of: None, help })
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

/// What a service is. Everything that is left out has the default that the method names.
pub struct Definition {
    name: String,
    version: Option<Version>,
    help: String,
    inputs: usize,
    row_bytes: Option<u64>,
    overlap: Size,
    block: Option<String>,
    shift: Option<String>,
    cached: bool,
    range_bytes_max: Option<u64>,
    params: Vec<ParamSpec>,
    fields: Vec<Field>,
    report: Option<Vec<OutputSpec>>,
    finish: Option<Finish>,
}

impl Definition {
    /// `[A-Z][A-Z0-9]*`, at most 32 characters.
    pub fn new(name: &str) -> Definition {
        Definition {
            name: name.to_string(),
            version: None,
            help: String::new(),
            inputs: 1,
            row_bytes: None,
            overlap: Size::Fixed(0),
            block: None,
            shift: None,
            cached: true,
            range_bytes_max: None,
            params: Vec::new(),
            fields: Vec::new(),
            report: None,
            finish: None,
        }
    }
    /// Raise it when results change; left out, it is the hash of the service's program.
    pub fn version(mut self, version: i64) -> Definition {
        self.version = Some(Version::Number(version));
        self
    }
    /// One line for people.
    pub fn help(mut self, help: &str) -> Definition {
        self.help = help.to_string();
        self
    }
    /// Two files are compared; left out: one.
    pub fn pairs(mut self) -> Definition {
        self.inputs = 2;
        self
    }
    /// Rows end on multiples of it; left out, a row is a cell or a long stretch of one.
    pub fn row_bytes(mut self, bytes: u64) -> Definition {
        self.row_bytes = Some(bytes);
        self
    }
    /// Bytes readable past a row's own (`input.ahead`): a number or an int parameter's name; left out: 0.
    pub fn overlap(mut self, overlap: impl Into<Size>) -> Definition {
        self.overlap = overlap.into();
        self
    }
    /// The int parameter that makes blocks the cells.
    pub fn block(mut self, param: &str) -> Definition {
        self.block = Some(param.to_string());
        self
    }
    /// The int parameter by which the second input is read further along.
    pub fn shift(mut self, param: &str) -> Definition {
        self.shift = Some(param.to_string());
        self
    }
    /// Parts are computed anew each time.
    pub fn uncached(mut self) -> Definition {
        self.cached = false;
        self
    }
    /// The longest range of one request in bytes; left out: any.
    pub fn range_bytes_max(mut self, bytes: u64) -> Definition {
        self.range_bytes_max = Some(bytes);
        self
    }
    /// One more parameter.
    pub fn param(mut self, param: Param) -> Definition {
        self.params.push(param.0);
        self
    }
    /// One more field.
    pub fn field(mut self, field: Field) -> Definition {
        self.fields.push(field);
        self
    }
    /// One more output of the report; without any, all fields are reported as they are.
    pub fn output(mut self, name: &str, of: &str, finish: &str, scope: Scope) -> Definition {
        let (name, of, finish) = (name.to_string(), of.to_string(), finish.to_string());
        self.report.get_or_insert_with(Vec::new).push(OutputSpec { name, of, with: None, finish, scope });
        self
    }
    /// From merged rows to what a report shows beside the fields; once a report, never cached.
    pub fn finish(mut self, finish: Finish) -> Definition {
        self.finish = Some(finish);
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

/// A service with what was made of its definition.
pub struct Loaded {
    pub(crate) service: Box<dyn Service>,
    pub(crate) row_bytes: Option<u64>,
    pub(crate) fields: Vec<FieldPlan>,
    pub(crate) finish: Option<Finish>,
    /// What the broker hears of it.
    pub descriptor: Descriptor,
    pub(crate) is_versioned: bool,
}

const ROW_BYTES_MAX: u64 = 64 << 20;

impl Loaded {
    /// E_USAGE or E_PROTOCOL where the definition is none.
    pub fn new(service: impl Service) -> Result<Loaded, Fault> {
        Loaded::of(Box::new(service))
    }

    /// The same of a boxed one.
    pub fn of(service: Box<dyn Service>) -> Result<Loaded, Fault> {
        let definition = service.definition();
        let name = definition.name.clone();
        if definition.row_bytes.is_some_and(|bytes| !(1..=ROW_BYTES_MAX).contains(&bytes)) {
            let bytes = definition.row_bytes.unwrap_or(0);
            let what = format!("{name}: row_bytes is {bytes}; it takes 1 to {ROW_BYTES_MAX}");
            return Err(fail(ErrorCode::Usage, what));
        }
        let fields = definition.fields.into_iter().map(|field| plan(&name, field)).collect::<Result<Vec<_>, _>>()?;
        let specs: Vec<FieldSpec> = fields.iter().map(|field| field.spec.clone()).collect();
        let descriptor = Descriptor {
            name,
            version: definition.version.clone().unwrap_or(Version::Text("unversioned".into())),
            inputs: definition.inputs,
            help: definition.help,
            params: definition.params,
            overlap: definition.overlap,
            block: definition.block,
            shift: definition.shift,
            cached: definition.cached,
            range_bytes_max: definition.range_bytes_max,
            report: definition.report.unwrap_or_else(|| specs.iter().map(default_output).collect()),
            fields: specs,
            finish: definition.finish.is_some(),
        };
        // What a broker would refuse is told to the author: from_value finds what check alone does not, names twice.
        let descriptor = Descriptor::from_value(&descriptor.to_value())?;
        let (row_bytes, finish, is_versioned) = (definition.row_bytes, definition.finish, definition.version.is_some());
        Ok(Loaded { service, row_bytes, fields, finish, descriptor, is_versioned })
    }

    /// Gives a service without a version one: the hash of its program.
    pub fn version_from(&mut self, hash: &str) {
        if !self.is_versioned {
            self.descriptor.version = Version::Text(hash.to_string());
        }
    }
}

fn plan(service: &str, field: Field) -> Result<FieldPlan, Fault> {
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

/// A field as it is: per cell, and folded over the range where that means anything.
fn default_output(field: &FieldSpec) -> OutputSpec {
    let both = if field.cells { Scope::Both } else { Scope::Whole };
    let (finish, scope) = match field.merge {
        Merge::Run => ("longest", both),
        Merge::Concat => ("intervals", Scope::Whole),
        Merge::Once => ("value", Scope::Cell),
        _ => ("value", both),
    };
    OutputSpec { name: field.name.clone(), of: field.name.clone(), with: None, finish: finish.into(), scope }
}
