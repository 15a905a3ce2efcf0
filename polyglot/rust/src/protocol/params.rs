//! Parameters of a service: their types, their values, and the check that every task's parameters pass.
use std::fmt;

use rmpv::Value;

use super::codec::{map_of, number, SAFE_MAX};
use super::errors::{fail, ErrorCode, Fault};

/// What a parameter holds. Numbers are f64, which holds every whole number that travels.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ParamValue {
    Number(f64),
    Text(String),
    Flag(bool),
}

impl ParamValue {
    /// From the wire; none for anything else.
    pub fn from_value(value: &Value) -> Option<ParamValue> {
        match value {
            Value::Boolean(flag) => Some(ParamValue::Flag(*flag)),
            Value::String(text) => text.as_str().map(|text| ParamValue::Text(text.to_string())),
            other => other.as_f64().map(ParamValue::Number),
        }
    }

    /// For the wire.
    pub fn to_value(&self) -> Value {
        match self {
            ParamValue::Number(value) => number(*value),
            ParamValue::Text(text) => Value::from(text.as_str()),
            ParamValue::Flag(flag) => Value::from(*flag),
        }
    }
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParamValue::Number(value) => write!(f, "{value}"),
            ParamValue::Text(text) => f.write_str(text),
            ParamValue::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

macro_rules! from {
    ($($type:ty: $value:ident => $made:expr;)*) => {
        $(impl From<$type> for ParamValue { fn from($value: $type) -> ParamValue { $made } })*
    };
}

from! {
    i32: value => ParamValue::Number(f64::from(value));
    u32: value => ParamValue::Number(f64::from(value));
    i64: value => ParamValue::Number(value as f64);
    f64: value => ParamValue::Number(value);
    bool: value => ParamValue::Flag(value);
    &str: value => ParamValue::Text(value.to_string());
    String: value => ParamValue::Text(value);
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ParamType {
    Int,
    Float,
    String,
    Bool,
}

impl ParamType {
    /// As a descriptor says it.
    pub fn text(self) -> &'static str {
        ["int", "float", "string", "bool"][self as usize]
    }
}

/// A parameter as its descriptor has it (section 8.1).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct ParamSpec {
    pub name: String,
    pub kind: ParamType,
    pub default: ParamValue,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub one_of: Option<Vec<ParamValue>>,
    pub help: String,
}

/// Values by name, complete, in the descriptor's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params(pub Vec<(String, ParamValue)>);

impl Params {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&ParamValue> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Of an int parameter. Panics where the service has none of that name: a fault of its author's.
    #[track_caller]
    pub fn int(&self, name: &str) -> i64 {
        self.float(name) as i64
    }

    /// Of an int parameter that cannot be below 0.
    #[track_caller]
    pub fn size(&self, name: &str) -> usize {
        self.float(name) as usize
    }

    /// Of a number.
    #[track_caller]
    pub fn float(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(ParamValue::Number(value)) => *value,
            other => panic!("parameter {name} is {other:?}, not a number"),
        }
    }

    /// Of a string.
    #[track_caller]
    pub fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(ParamValue::Text(text)) => text,
            other => panic!("parameter {name} is {other:?}, not a text"),
        }
    }

    /// Of a bool.
    #[track_caller]
    pub fn flag(&self, name: &str) -> bool {
        match self.get(name) {
            Some(ParamValue::Flag(flag)) => *flag,
            other => panic!("parameter {name} is {other:?}, neither true nor false"),
        }
    }

    /// For the wire.
    pub fn to_value(&self) -> Value {
        map_of(self.0.iter().map(|(name, value)| (name.as_str(), value.to_value())))
    }
}

const TEXT_CHARS_MAX: usize = 1024;

/// The parameters of a task, complete and in the descriptor's order; E_PARAM naming the parameter, what came and what
/// is taken.
pub fn check_params(service: &str, specs: &[ParamSpec], given: &Params) -> Result<Params, Fault> {
    if let Some((name, _)) = given.0.iter().find(|(name, _)| !specs.iter().any(|spec| spec.name == *name)) {
        let known: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
        return Err(fail(ErrorCode::Param, format!("{service} takes no parameter {name:.80}; it takes {known}")));
    }
    let value = |spec: &ParamSpec| {
        let value = given.get(&spec.name).unwrap_or(&spec.default);
        check_param(service, spec, value).map(|()| (spec.name.clone(), value.clone()))
    };
    specs.iter().map(value).collect::<Result<_, _>>().map(Params)
}

/// Is this a value that the parameter takes?
pub fn check_param(service: &str, spec: &ParamSpec, value: &ParamValue) -> Result<(), Fault> {
    let bad = |wanted: String| {
        Err(fail(ErrorCode::Param, format!("{service}: {} is {value:.80}; it takes {wanted}", spec.name)))
    };
    match (spec.kind, value) {
        (ParamType::Int, ParamValue::Number(n)) if n.trunc() == *n && n.abs() <= SAFE_MAX as f64 => {}
        (ParamType::Float, ParamValue::Number(n)) if n.is_finite() => {}
        (ParamType::Bool, ParamValue::Flag(_)) => {}
        (ParamType::String, ParamValue::Text(text)) if text.encode_utf16().count() <= TEXT_CHARS_MAX => {}
        (ParamType::Int, _) => return bad("a whole number".into()),
        (ParamType::Float, _) => return bad("a number".into()),
        (ParamType::Bool, _) => return bad("true or false".into()),
        (ParamType::String, _) => return bad(format!("a text of at most {TEXT_CHARS_MAX} characters")),
    }
    if let Some(values) = spec.one_of.as_ref().filter(|values| !values.contains(value)) {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        return bad(format!("one of {}", values.join(", ")));
    }
    if let ParamValue::Number(n) = value {
        if *n < spec.min.unwrap_or(f64::NEG_INFINITY) || *n > spec.max.unwrap_or(f64::INFINITY) {
            let end = |bound: Option<f64>, none: &str| bound.map_or(none.to_string(), |bound| bound.to_string());
            return bad(format!("a number from {} to {}", end(spec.min, "−∞"), end(spec.max, "∞")));
        }
    }
    Ok(())
}
