//! The checks that a descriptor passes, off the wire or from an author (D-1 to D-7). E_PROTOCOL names the first thing
//! that is wrong.
use std::collections::{HashMap, HashSet};

use rmpv::Value;

use super::codec::raw_entry;
use super::descriptor::{Descriptor, FieldSpec, Form, Merge, OutputSpec, Scope, Size, Version, FINISHERS};
use super::errors::{fail, ErrorCode, Fault};
use super::fields::whole;
use super::npy::Dtype;
use super::params::{check_param, ParamSpec, ParamType, ParamValue};

/// Numbers in one row of all fields together at the most.
const ROW_NUMBERS_MAX: f64 = (1 << 24) as f64;
/// What reports say of every service beside its outputs.
pub(crate) const RESERVED_OUTPUTS: [&str; 5] = ["n", "start", "state", "onlyA", "onlyB"];
const OF_NEIGHBOURS: [&str; 4] = ["longest", "intervals", "intervalCount", "intervalsTruncated"];

fn need(ok: bool, what: impl AsRef<str>) -> Result<(), Fault> {
    if ok {
        Ok(())
    } else {
        Err(fail(ErrorCode::Protocol, format!("descriptor: {}", what.as_ref())))
    }
}

fn needed<T>(value: Option<T>, what: &str) -> Result<T, Fault> {
    value.ok_or_else(|| fail(ErrorCode::Protocol, format!("descriptor: {what}")))
}

/// The least and the greatest value that a size may have.
type Bounds = (f64, f64);

impl Descriptor {
    /// Reads one off the wire and checks it.
    pub fn from_value(value: &Value) -> Result<Descriptor, Fault> {
        need(value.is_map(), "is not a map")?;
        let it = |name| raw_entry(value, name);
        let name = needed(text(it("name")).filter(|name| is_service_name(name)), "name is not [A-Z][A-Z0-9]*")?;
        let version = needed(it("version").and_then(version), "version is neither a number nor a text of 1 to 128")?;
        let inputs = needed(count(it("inputs")).filter(|n| (1..=2).contains(n)), "inputs is neither 1 nor 2")?;
        let help = needed(text(it("help")), "help is not a text")?;
        let cached = needed(it("cached").and_then(Value::as_bool), "cached is not true or false")?;
        let range_bytes_max = optional(it("rangeBytesMax"), |v| count(Some(v)), "rangeBytesMax is no number of bytes")?;
        let params = entries(it("params"), "params", 0, 64)?.into_iter().map(param).collect::<Result<Vec<_>, _>>()?;
        let overlap = needed(it("overlap").and_then(size), "overlap is neither bytes nor an int parameter")?;
        let block = optional(it("block"), |v| text(Some(v)), "block names no int parameter")?;
        let shift = optional(it("shift"), |v| text(Some(v)), "shift names no int parameter of two inputs")?;
        let fields = entries(it("fields"), "fields", 1, 64)?.into_iter().map(field).collect::<Result<Vec<_>, _>>()?;
        let report = needed(it("report").and_then(Value::as_array), "report is not a list of at most 128")?;
        let report = report.iter().map(output).collect::<Result<Vec<_>, _>>()?;
        let only_true = |value: &Value| value.as_bool().filter(|finish| *finish);
        let finish = optional(it("finish"), only_true, "finish is not true")?.unwrap_or(false);
        let descriptor = Descriptor {
            name,
            version,
            inputs: inputs as usize,
            help,
            params,
            overlap,
            block,
            shift,
            cached,
            range_bytes_max,
            fields,
            report,
            finish,
        };
        descriptor.check()?;
        Ok(descriptor)
    }

    /// Everything that its parts' types do not say already.
    pub fn check(&self) -> Result<(), Fault> {
        need(is_service_name(&self.name), "name is not [A-Z][A-Z0-9]*")?;
        need(self.inputs == 1 || self.inputs == 2, "inputs is neither 1 nor 2")?;
        for spec in &self.params {
            let taken = check_param(&self.name, spec, &spec.default).is_ok();
            need(taken, format!("parameter {}: its default is none that it takes", spec.name))?;
        }
        let ints = int_bounds(&self.params);
        let bounds_of = |size: &Size| match size {
            Size::Fixed(size) => Some((*size as f64, *size as f64)),
            Size::Param(name) => ints.get(name.as_str()).copied(),
        };
        let is_int = |name: &Option<String>| name.as_ref().map_or(true, |name| ints.contains_key(name.as_str()));
        need(bounds_of(&self.overlap).is_some(), "overlap is neither bytes nor an int parameter")?;
        need(is_int(&self.block), "block names no int parameter")?;
        let pairs = self.shift.is_none() || self.inputs == 2;
        need(is_int(&self.shift) && pairs, "shift names no int parameter of two inputs")?;
        check_fields(&self.fields, &bounds_of)?;
        let merges = |field: &FieldSpec| matches!(field.merge, Merge::Sum | Merge::Min | Merge::Max | Merge::Or);
        need(!self.finish || self.fields.iter().any(merges), "finish has no field of sum, min, max or or")?;
        check_report(&self.report, &self.fields)
    }
}

/// `[A-Z][A-Z0-9]{0,31}`.
pub fn is_service_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|byte| byte.is_ascii_uppercase());
    begins && name.len() <= 32 && bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// `[A-Za-z][A-Za-z0-9_]{0,63}`: parameters, fields, outputs.
pub fn is_name(name: &str) -> bool {
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    begins && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(ToString::to_string)
}

fn count(value: Option<&Value>) -> Option<u64> {
    whole(value?).and_then(|value| u64::try_from(value).ok())
}

fn size(value: &Value) -> Option<Size> {
    count(Some(value)).map(Size::Fixed).or_else(|| text(Some(value)).map(Size::Param))
}

fn version(value: &Value) -> Option<Version> {
    match value.as_str() {
        Some(text) => {
            let length = text.encode_utf16().count();
            let lines = text.contains(['\n', '\r', '\u{2028}', '\u{2029}']);
            ((1..=128).contains(&length) && !lines).then(|| Version::Text(text.to_string()))
        }
        None => whole(value).map(Version::Number),
    }
}

/// Absent is none; nil and anything of another type is refused.
fn optional<T>(value: Option<&Value>, read: impl Fn(&Value) -> Option<T>, what: &str) -> Result<Option<T>, Fault> {
    value.map(|value| needed(read(value), what)).transpose()
}

/// A list of maps with names that differ.
fn entries<'a>(value: Option<&'a Value>, what: &str, min: usize, max: usize) -> Result<Vec<&'a Value>, Fault> {
    let wanted = format!("{what} is not a list of {min} to {max} entries");
    let list = needed(value.and_then(Value::as_array).filter(|list| (min..=max).contains(&list.len())), &wanted)?;
    let mut names = HashSet::new();
    for item in list {
        let name = text(raw_entry(item, "name")).filter(|name| is_name(name));
        let name = needed(name, &format!("an entry of {what} has no name"))?;
        need(names.insert(name), format!("{what} has a name twice"))?;
    }
    Ok(list.iter().collect())
}

fn param(value: &Value) -> Result<ParamSpec, Fault> {
    let it = |name| raw_entry(value, name);
    let name = text(it("name")).unwrap_or_default();
    let bad = |what: &str| format!("parameter {name}: {what}");
    let kinds = [ParamType::Int, ParamType::Float, ParamType::String, ParamType::Bool];
    let kind = it("type").and_then(Value::as_str).and_then(|text| kinds.into_iter().find(|kind| kind.text() == text));
    let list = |value: &Value| value.as_array()?.iter().map(ParamValue::from_value).collect::<Option<Vec<_>>>();
    let bound = |name| optional(it(name), |v| v.as_f64().filter(|n| !n.is_nan()), &bad("min or max is no number"));
    Ok(ParamSpec {
        kind: needed(kind, &bad("has no type"))?,
        default: needed(it("default").and_then(ParamValue::from_value), &bad("its default is none that it takes"))?,
        min: bound("min")?,
        max: bound("max")?,
        one_of: optional(it("oneOf"), list, &bad("oneOf is not a list of numbers, texts and booleans"))?,
        help: needed(text(it("help")), &bad("help is not a text"))?,
        name,
    })
}

fn field(value: &Value) -> Result<FieldSpec, Fault> {
    let it = |name| raw_entry(value, name);
    let name = text(it("name")).unwrap_or_default();
    let bad = |what: &str| format!("field {name}: {what}");
    let merge = it("merge").and_then(Value::as_str);
    let merge = merge.and_then(|text| Merge::ALL.into_iter().find(|merge| merge.text() == text));
    let shape = |value: &Value| value.as_array()?.iter().map(size).collect::<Option<Vec<_>>>();
    Ok(FieldSpec {
        dtype: needed(it("dtype").and_then(Value::as_str).and_then(Dtype::of), &bad("has no dtype"))?,
        shape: optional(it("shape"), shape, &bad("shape"))?,
        merge: needed(merge, &bad("has no merge operator"))?,
        cells: needed(it("cells").and_then(Value::as_bool), &bad("cells is not true or false"))?,
        per_byte_max: optional(it("perByteMax"), |v| count(Some(v)), &bad("perByteMax is for unsigned sums"))?,
        form: optional(it("form"), |v| Form::of(v.as_str()?), &bad("form"))?,
        gap: optional(it("gap"), size, &bad("gap"))?,
        limit: optional(it("limit"), |v| count(Some(v)), &bad("limit"))?,
        name,
    })
}

fn output(value: &Value) -> Result<OutputSpec, Fault> {
    let it = |name| text(raw_entry(value, name));
    let scopes = [Scope::Cell, Scope::Whole, Scope::Both];
    let scope = it("scope").and_then(|text| scopes.into_iter().find(|scope| scope.text() == text));
    let names = |value: &Value| value.as_array()?.iter().map(|item| text(Some(item))).collect::<Option<Vec<String>>>();
    Ok(OutputSpec {
        name: needed(it("name"), "an output has no name")?,
        of: needed(it("of"), "an output is of no field")?,
        with: optional(raw_entry(value, "with"), names, "an output is with no field that it could take")?,
        finish: needed(it("finish"), "an output has no finisher")?,
        scope: needed(scope, "an output has no scope")?,
    })
}

/// What each int parameter may be: clients choose its value, and rows must not grow with it without bound.
fn int_bounds(params: &[ParamSpec]) -> HashMap<&str, Bounds> {
    let bounds = |spec: &ParamSpec| {
        let (min, max) = (spec.min.unwrap_or(f64::NEG_INFINITY), spec.max.unwrap_or(f64::INFINITY));
        let Some(values) = &spec.one_of else { return (min, max) };
        let numbers = || values.iter().map(|value| if let ParamValue::Number(n) = value { *n } else { f64::NAN });
        (min.max(numbers().fold(f64::INFINITY, f64::min)), max.min(numbers().fold(f64::NEG_INFINITY, f64::max)))
    };
    let ints = params.iter().filter(|spec| spec.kind == ParamType::Int);
    ints.map(|spec| (spec.name.as_str(), bounds(spec))).collect()
}

fn check_fields(fields: &[FieldSpec], bounds_of: &dyn Fn(&Size) -> Option<Bounds>) -> Result<(), Fault> {
    need((1..=64).contains(&fields.len()), "fields is not a list of 1 to 64 entries")?;
    let mut numbers = 0.0;
    for field in fields {
        let must = |ok: bool, what: &str| need(ok, format!("field {}: {what}", field.name));
        let shape = field.shape.as_deref().unwrap_or(&[]);
        must(shape.len() <= 8, "shape")?;
        let dims: Option<Vec<Bounds>> = shape.iter().map(bounds_of).collect();
        let dims = dims.filter(|dims| dims.iter().all(|(least, _)| *least >= 0.0));
        must(dims.is_some(), "shape holds neither numbers nor int parameters from 0")?;
        numbers += dims.unwrap_or_default().iter().fold(1.0, |n, (_, most)| n * most);
        must(numbers <= ROW_NUMBERS_MAX, "a row may have more than 2^24 numbers")?;
        let concat = field.merge == Merge::Concat;
        must(field.gap.as_ref().map_or(true, |gap| concat && bounds_of(gap).is_some()), "gap")?;
        must(field.limit.is_none() || concat, "limit")?;
        let sums = field.merge == Merge::Sum && field.dtype.is_unsigned();
        must(field.per_byte_max.map_or(true, |max| sums && max >= 1), "perByteMax is for unsigned sums")?;
        check_merge(field, must)?;
    }
    Ok(())
}

/// What each operator can work on (D-3); the laws hold only there.
fn check_merge(field: &FieldSpec, must: impl Fn(bool, &str) -> Result<(), Fault>) -> Result<(), Fault> {
    let FieldSpec { dtype, shape, cells, form, gap, .. } = field;
    match field.merge {
        Merge::Min | Merge::Max => Ok(()),
        Merge::Sum => must(!dtype.is_float(), "sums are whole numbers"),
        Merge::Or => must(dtype.is_unsigned(), "or is for unsigned numbers"),
        Merge::Once => must(*cells && *form == Some(Form::Whole), "once is for cells of form whole"),
        Merge::Run => {
            must(matches!(dtype, Dtype::I8 | Dtype::U8), "run rests in i8 or u8")?;
            must(shape.is_none(), "run has a shape of its own")
        }
        Merge::Concat => {
            let width = match shape.as_deref() {
                Some([Size::Fixed(width)]) => *width,
                _ => 0,
            };
            must(width >= 1, "concat states the length of its rows")?;
            must(gap.is_none() || width >= 2, "intervals have a start and an end")
        }
    }
}

fn check_report(report: &[OutputSpec], fields: &[FieldSpec]) -> Result<(), Fault> {
    need(report.len() <= 128, "report is not a list of at most 128")?;
    let mut seen = HashSet::new();
    for output in report {
        let OutputSpec { name, of, finish, scope, .. } = output;
        need(is_name(name), "an output has no name")?;
        need(!RESERVED_OUTPUTS.contains(&name.as_str()), format!("output {name}: the name is taken"))?;
        let field = needed(fields.iter().find(|field| field.name == *of), &format!("output {name} is of no field"))?;
        let goes = FINISHERS.contains(&finish.as_str()) && goes_with(finish, field.merge);
        need(goes, format!("output {name}: {finish} is not for {}", field.merge.text()))?;
        check_more(output, fields)?;
        need(*scope == Scope::Whole || field.cells, format!("output {name}: field {of} has no cells"))?;
        let whole = *scope == Scope::Whole || field.merge != Merge::Concat;
        need(whole, format!("output {name}: intervals are of the whole"))?;
        // One output may come from one field in summed parts and from another in whole ones, but not twice in one part.
        for place in [Scope::Cell, Scope::Whole] {
            for form in [Form::Summed, Form::Whole] {
                let here = (*scope == place || *scope == Scope::Both) && field.form.map_or(true, |own| own == form);
                let free = !here || seen.insert((name, place.text(), form.text()));
                need(free, format!("output {name} stands there twice"))?;
            }
        }
    }
    Ok(())
}

fn check_more(output: &OutputSpec, fields: &[FieldSpec]) -> Result<(), Fault> {
    let OutputSpec { name, finish, scope, with, .. } = output;
    let wanted = if finish == "serialCorrelation" { 2 } else { 0 };
    let given = with.as_deref().unwrap_or(&[]);
    need(given.len() == wanted, format!("output {name}: {finish} takes {wanted} more fields"))?;
    need(wanted == 0 || *scope == Scope::Whole, format!("output {name}: {finish} is of the whole"))?;
    let takes = |name: &String| {
        let field = fields.iter().find(|field| field.name == *name);
        field.is_some_and(|field| !matches!(field.merge, Merge::Concat | Merge::Run | Merge::Once))
    };
    need(given.iter().all(takes), format!("output {name} is with no field that it could take"))
}

/// Finishers go with operators (D-5).
fn goes_with(finish: &str, merge: Merge) -> bool {
    match merge {
        Merge::Run => finish == "longest",
        Merge::Concat => ["intervals", "intervalCount", "intervalsTruncated"].contains(&finish),
        _ => !OF_NEIGHBOURS.contains(&finish),
    }
}
