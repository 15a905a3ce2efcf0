//! What a service says of itself: data only, so that the broker needs to know no service and every language can say it
//! (BXMDPv2.md section 8). The checks are in descriptor_check.rs.
use rmpv::Value;
use sha2::{Digest, Sha256};

use super::codec::{map_of, number};
use super::npy::Dtype;
use super::params::{ParamSpec, ParamValue, Params};

/// How two adjacent pieces' values become the whole's (section 9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Merge {
    Sum,
    Min,
    Max,
    Or,
    Once,
    Run,
    Concat,
}

impl Merge {
    /// All of them.
    pub const ALL: [Merge; 7] = [Merge::Sum, Merge::Min, Merge::Max, Merge::Or, Merge::Once, Merge::Run, Merge::Concat];

    /// As a descriptor says it.
    pub fn text(self) -> &'static str {
        ["sum", "min", "max", "or", "once", "run", "concat"][self as usize]
    }
}

/// Finishers of section 10.3; the broker computes them.
pub const FINISHERS: [&str; 15] = [
    "value",
    "entropy",
    "q24",
    "position",
    "longest",
    "intervals",
    "intervalCount",
    "intervalsTruncated",
    "chiSquare",
    "chiSquareP",
    "mean",
    "minEntropy",
    "indexOfCoincidence",
    "monteCarloPi",
    "serialCorrelation",
];

/// A number, or the name of the int parameter that says it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Size {
    Fixed(u64),
    Param(String),
}

impl Size {
    /// Its value under these parameters; below 0 only for `shift`.
    pub fn of(&self, params: &Params) -> i64 {
        match self {
            Size::Fixed(size) => *size as i64,
            Size::Param(name) => params.int(name),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Size::Fixed(size) => Value::from(*size),
            Size::Param(name) => Value::from(name.as_str()),
        }
    }
}

impl From<u64> for Size {
    fn from(size: u64) -> Size {
        Size::Fixed(size)
    }
}
/// A literal; one below 0 is no size.
impl From<i32> for Size {
    fn from(size: i32) -> Size {
        Size::Fixed(u64::try_from(size).expect("a size is not below 0"))
    }
}
impl From<&str> for Size {
    fn from(name: &str) -> Size {
        Size::Param(name.to_string())
    }
}

/// Whether a part's cells may be split between tasks and add up, or are computed whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Form {
    Summed,
    Whole,
}

impl Form {
    /// As it travels.
    pub fn text(self) -> &'static str {
        ["summed", "whole"][self as usize]
    }

    /// The form of that name.
    pub fn of(text: &str) -> Option<Form> {
        [Form::Summed, Form::Whole].into_iter().find(|form| form.text() == text)
    }
}

/// A field of a part, as its descriptor has it (section 8.1).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct FieldSpec {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Option<Vec<Size>>,
    pub merge: Merge,
    pub cells: bool,
    pub per_byte_max: Option<u64>,
    pub form: Option<Form>,
    pub gap: Option<Size>,
    pub limit: Option<u64>,
}

/// Where an output stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Scope {
    Cell,
    Whole,
    Both,
}

impl Scope {
    /// As a descriptor says it.
    pub fn text(self) -> &'static str {
        ["cell", "whole", "both"][self as usize]
    }
}

/// What is made of a field.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct OutputSpec {
    pub name: String,
    pub of: String,
    pub with: Option<Vec<String>>,
    pub finish: String,
    pub scope: Scope,
}

/// A version that the author raises, or the hash of the service's file.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Version {
    Number(i64),
    Text(String),
}

/// What a service says of itself.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Descriptor {
    pub name: String,
    pub version: Version,
    pub inputs: usize,
    pub help: String,
    pub params: Vec<ParamSpec>,
    pub overlap: Size,
    pub block: Option<String>,
    pub shift: Option<String>,
    pub cached: bool,
    pub range_bytes_max: Option<u64>,
    pub fields: Vec<FieldSpec>,
    pub report: Vec<OutputSpec>,
    /// The service has a `finish` of its own.
    pub finish: bool,
}

impl Descriptor {
    /// The fields that a part of this form carries.
    pub fn fields_of(&self, form: Form) -> impl Iterator<Item = &FieldSpec> {
        self.fields.iter().filter(move |field| field.form.is_none() || field.form == Some(form))
    }

    /// 16 hex digits that name it: equal digests mean equal parts (D-9). Help and the order of keys do not matter.
    pub fn digest(&self) -> String {
        hex16(canonical(&self.to_value()).as_bytes())
    }

    /// For the wire; keys without a value are absent (D-1).
    pub fn to_value(&self) -> Value {
        let version = match &self.version {
            Version::Number(version) => Value::from(*version),
            Version::Text(version) => Value::from(version.as_str()),
        };
        let text = |name: &Option<String>| name.as_deref().map(Value::from);
        map_of(present([
            ("name", Some(Value::from(self.name.as_str()))),
            ("version", Some(version)),
            ("inputs", Some(Value::from(self.inputs))),
            ("help", Some(Value::from(self.help.as_str()))),
            ("params", Some(self.params.iter().map(param_value).collect::<Vec<_>>().into())),
            ("overlap", Some(self.overlap.to_value())),
            ("block", text(&self.block)),
            ("shift", text(&self.shift)),
            ("cached", Some(Value::from(self.cached))),
            ("rangeBytesMax", self.range_bytes_max.map(Value::from)),
            ("fields", Some(self.fields.iter().map(field_value).collect::<Vec<_>>().into())),
            ("report", Some(self.report.iter().map(output_value).collect::<Vec<_>>().into())),
            ("finish", self.finish.then(|| Value::from(true))),
        ]))
    }
}

fn present<const N: usize>(entries: [(&'static str, Option<Value>); N]) -> Vec<(&'static str, Value)> {
    entries.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn param_value(spec: &ParamSpec) -> Value {
    let values = |values: &Vec<ParamValue>| values.iter().map(ParamValue::to_value).collect::<Vec<_>>().into();
    map_of(present([
        ("name", Some(Value::from(spec.name.as_str()))),
        ("type", Some(Value::from(spec.kind.text()))),
        ("default", Some(spec.default.to_value())),
        ("min", spec.min.map(number)),
        ("max", spec.max.map(number)),
        ("oneOf", spec.one_of.as_ref().map(values)),
        ("help", Some(Value::from(spec.help.as_str()))),
    ]))
}

fn field_value(field: &FieldSpec) -> Value {
    let shape = |shape: &Vec<Size>| shape.iter().map(Size::to_value).collect::<Vec<_>>().into();
    map_of(present([
        ("name", Some(Value::from(field.name.as_str()))),
        ("dtype", Some(Value::from(field.dtype.text()))),
        ("shape", field.shape.as_ref().map(shape)),
        ("merge", Some(Value::from(field.merge.text()))),
        ("cells", Some(Value::from(field.cells))),
        ("perByteMax", field.per_byte_max.map(Value::from)),
        ("form", field.form.map(|form| Value::from(form.text()))),
        ("gap", field.gap.as_ref().map(Size::to_value)),
        ("limit", field.limit.map(Value::from)),
    ]))
}

fn output_value(output: &OutputSpec) -> Value {
    let with = |names: &Vec<String>| names.iter().map(|name| Value::from(name.as_str())).collect::<Vec<_>>().into();
    map_of(present([
        ("name", Some(Value::from(output.name.as_str()))),
        ("of", Some(Value::from(output.of.as_str()))),
        ("with", output.with.as_ref().map(with)),
        ("finish", Some(Value::from(output.finish.as_str()))),
        ("scope", Some(Value::from(output.scope.text()))),
    ]))
}

/// The first 16 hex digits of SHA-256.
pub fn hex16(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 8785, every key `help` left out: keys sorted by UTF-16 code units, no white space.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Map(entries) => {
            let mut entries: Vec<(&str, &Value)> =
                entries.iter().filter_map(|(key, item)| Some((key.as_str()?, item))).collect();
            entries.retain(|(key, _)| *key != "help");
            entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            let entries: Vec<String> =
                entries.into_iter().map(|(key, item)| format!("{}:{}", quoted(key), canonical(item))).collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::String(text) => quoted(text.as_str().unwrap_or("")),
        Value::Boolean(flag) => flag.to_string(),
        other => other.as_f64().map_or("null".to_string(), ecma_number),
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON")
}

/// As ECMAScript writes a number: the shortest digits that read back, with an exponent below 1e-6 and from 1e21 on.
pub fn ecma_number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let shortest = format!("{:e}", value.abs());
    let (digits, exponent) = shortest.split_once('e').expect("it has an exponent");
    let digits = digits.replace('.', "");
    let point = exponent.parse::<i32>().expect("it is a number") + 1;
    let (sign, count) = (if value < 0.0 { "-" } else { "" }, digits.len() as i32);
    let body = if (1..=21).contains(&point) {
        if count <= point {
            format!("{digits}{}", "0".repeat((point - count) as usize))
        } else {
            format!("{}.{}", &digits[..point as usize], &digits[point as usize..])
        }
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", "0".repeat(-point as usize))
    } else {
        let fraction = if count > 1 { format!(".{}", &digits[1..]) } else { String::new() };
        format!("{}{fraction}e{}{}", &digits[..1], if point > 0 { "+" } else { "-" }, (point - 1).abs())
    };
    format!("{sign}{body}")
}
