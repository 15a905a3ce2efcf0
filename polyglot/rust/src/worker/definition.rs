//! What an author writes: a `Service`, its `Definition`, parameters and fields. Definitions are data; what goes on the
//! wire is made of them here, once.
//!
//! Rules: compute sees batches of rows and fills `out`. It adds up nothing between calls. The engine folds rows into
//! cells, reads, cuts, checks, reports progress and cancels.
use std::error::Error;

use super::fields::{plan, Field, FieldPlan, Param};
use super::out::Out;
use super::rows::Rows;
use crate::protocol::descriptor::{Descriptor, FieldSpec, Form, Merge, OutputSpec, Scope, Size, Version};
use crate::protocol::errors::{fail, ErrorCode, Fault};
use crate::protocol::npy::NamedArray;
use crate::protocol::params::{ParamSpec, Params};

/// What compute ends in. Any error becomes E_SERVICE with its text; a panic does too, with file and line.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;
/// What finish makes: names, each with one number a row, or so many more (row by row).
pub type Outputs = Vec<(&'static str, Vec<f64>)>;
type Finish = fn(&FinishPart, &Params) -> Result<Outputs, Box<dyn Error + Send + Sync>>;

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
            return Err(super::state::cancelled());
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
        self.params.push(param.into_spec());
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
    /// One more output over the range, whose finisher takes fields beside `of`: serialCorrelation.
    pub fn output_with(mut self, name: &str, of: &str, with: &[&str], finish: &str) -> Definition {
        self = self.output(name, of, finish, Scope::Whole);
        let with = with.iter().map(ToString::to_string).collect();
        self.report
            .iter_mut()
            .flat_map(|report| report.last_mut())
            .for_each(|last| last.with = Some(Vec::clone(&with)));
        self
    }
    /// From merged rows to what a report shows beside the fields; once a report, never cached.
    pub fn finish(mut self, finish: Finish) -> Definition {
        self.finish = Some(finish);
        self
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
