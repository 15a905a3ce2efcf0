//! Readers of a header map's entries. Each gives E_PROTOCOL naming the entry and what it takes.
use rmpv::Value;

use super::codec::{entry, SAFE_MAX};
use super::descriptor::Form;
use super::errors::{fail, wrong, ErrorCode, Fault};
use super::ids::{is_token, parse_job_id};
use super::messages::{ReadTask, Scalar, StatIdentity, TaskInput, TaskWork};
use super::params::{ParamValue, Params};

/// Texts of errors are cut to so many characters.
const MESSAGE_CHARS_MAX: usize = 4096;

/// Any integer form, and a float whose value is whole, within ±(2^53−1) (G-10).
pub fn whole(value: &Value) -> Option<i64> {
    let whole = match value {
        Value::Integer(_) => value.as_i64()?,
        other => other.as_f64().filter(|n| n.trunc() == *n && n.abs() <= SAFE_MAX as f64)? as i64,
    };
    (whole.abs() <= SAFE_MAX).then_some(whole)
}

/// A whole number from `min` on.
pub fn int(map: &Value, name: &str, min: u64) -> Result<u64, Fault> {
    int_of(entry(map, name), name, min)
}

fn int_of(value: Option<&Value>, name: &str, min: u64) -> Result<u64, Fault> {
    let value = value.and_then(whole).and_then(|value| u64::try_from(value).ok()).filter(|value| *value >= min);
    value.ok_or_else(|| wrong(name, &format!("a whole number from {min}")))
}

/// A finite number.
pub fn num(map: &Value, name: &str) -> Result<f64, Fault> {
    entry(map, name).and_then(Value::as_f64).filter(|n| n.is_finite()).ok_or_else(|| wrong(name, "a number"))
}

/// A text.
pub fn text(map: &Value, name: &str) -> Result<String, Fault> {
    entry(map, name).and_then(Value::as_str).map(ToString::to_string).ok_or_else(|| wrong(name, "a text"))
}

/// True or false; absent is false.
pub fn flag(map: &Value, name: &str) -> Result<bool, Fault> {
    match entry(map, name) {
        None => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| wrong(name, "true or false")),
    }
}

/// A list.
pub fn list<'a>(map: &'a Value, name: &str) -> Result<&'a [Value], Fault> {
    entry(map, name).and_then(Value::as_array).map(Vec::as_slice).ok_or_else(|| wrong(name, "a list"))
}

/// A map.
pub fn map<'a>(map: &'a Value, name: &str) -> Result<&'a Value, Fault> {
    entry(map, name).filter(|value| value.is_map()).ok_or_else(|| wrong(name, "a map"))
}

/// A short name in printable ASCII: slots, epochs.
pub fn token(map: &Value, name: &str) -> Result<String, Fault> {
    let value = text(map, name)?;
    if is_token(value.as_bytes()) {
        Ok(value)
    } else {
        Err(wrong(name, "1 to 255 printable ASCII characters"))
    }
}

/// A job id.
pub fn job_id(map: &Value) -> Result<String, Fault> {
    let value = text(map, "jobId")?;
    if parse_job_id(&value).is_some() {
        Ok(value)
    } else {
        Err(wrong("jobId", "a job id"))
    }
}

/// Numbers from 1 on: attempts.
pub fn attempts(it: &Value) -> Result<Vec<u64>, Fault> {
    list(it, "attempts")?.iter().map(|value| int_of(Some(value), "attempt", 1)).collect()
}

/// The names of the `frames` arrays behind a map: none twice, each of letters, digits, `_` and `.`.
pub fn names(it: &Value, frames: usize) -> Result<Vec<String>, Fault> {
    let text =
        |value: &Value| value.as_str().map(ToString::to_string).ok_or_else(|| wrong("arrays", "a list of texts"));
    let names: Vec<String> = list(it, "arrays")?.iter().map(text).collect::<Result<_, _>>()?;
    if names.len() != frames {
        return Err(wrong("arrays", &format!("the names of {frames} frames")));
    }
    for (i, name) in names.iter().enumerate() {
        let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        let all = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
        if !begins || !all || name.len() > 128 || names[..i].contains(name) {
            return Err(wrong(&format!("arrays[{i}]"), "a name, and another one each"));
        }
    }
    Ok(names)
}

/// The fault of an ERROR message; a code that is not in the catalogue counts as E_SERVICE.
pub fn fault(it: &Value) -> Result<Fault, Fault> {
    let code = entry(it, "code").and_then(Value::as_str).and_then(ErrorCode::of).unwrap_or(ErrorCode::Service);
    let optional = |name| entry(it, name).and_then(Value::as_str).map(ToString::to_string);
    Ok(Fault {
        job_id: optional("jobId"),
        service: optional("service"),
        range: entry(it, "range").map(|value| pair(value, "range")).transpose()?,
        ..fail(code, text(it, "message")?.chars().take(MESSAGE_CHARS_MAX).collect::<String>())
    })
}

/// `[start, end]`, end not before start.
pub fn pair(value: &Value, name: &str) -> Result<(u64, u64), Fault> {
    let Some([start, end]) = value.as_array().map(Vec::as_slice) else { return Err(wrong(name, "a pair")) };
    let start = int_of(Some(start), name, 0)?;
    Ok((start, int_of(Some(end), name, start)?))
}

/// What a task cost.
pub fn work(it: &Value) -> Result<TaskWork, Fault> {
    let it = map(it, "work")?;
    let seek_ms = entry(it, "seekMs").map(|_| num(it, "seekMs")).transpose()?;
    Ok(TaskWork { bytes_read: int(it, "bytesRead", 0)?, ms: num(it, "ms")?.max(0.0), seek_ms })
}

/// Complete parameters of a task.
pub fn params(it: &Value) -> Result<Params, Fault> {
    let bad = || wrong("params", "a map of numbers, texts and booleans");
    let entries = map(it, "params")?.as_map().expect("it is a map");
    let entry = |(key, value): &(Value, Value)| Some((key.as_str()?.to_string(), ParamValue::from_value(value)?));
    entries.iter().map(entry).collect::<Option<Vec<_>>>().map(Params).ok_or_else(bad)
}

/// An exact or a sample task.
pub fn read_task(it: &Value) -> Result<ReadTask, Fault> {
    let kind = text(it, "kind").unwrap_or_default();
    if kind != "exact" && kind != "sample" {
        return Err(wrong("task.kind", "exact, sample or finish"));
    }
    let form = entry(it, "form").and_then(Value::as_str).and_then(Form::of);
    let form = form.ok_or_else(|| wrong("task.form", "summed or whole"))?;
    let inputs = list(it, "inputs")?;
    if !(1..=2).contains(&inputs.len()) {
        return Err(wrong("inputs", "a list of one or two"));
    }
    let runs = list(it, "runs")?.iter().map(|run| pair(run, "run")).collect::<Result<Vec<_>, _>>()?;
    if runs.is_empty() || (kind == "exact" && runs.len() > 1) {
        return Err(wrong("runs", "one run, or several of a sample"));
    }
    if runs.windows(2).any(|pair| pair[1].0 < pair[0].1) {
        return Err(wrong("runs", "ascending and apart"));
    }
    Ok(ReadTask {
        sampled: kind == "sample",
        inputs: inputs.iter().map(task_input).collect::<Result<_, _>>()?,
        runs,
        cell_bytes: int(it, "cellBytes", 0)?,
        form,
        params: params(it)?,
        read_ms_max: entry(it, "readMsMax").map(|_| num(it, "readMsMax")).transpose()?,
    })
}

/// bin, or text and then its UTF-8 bytes (G-11).
pub fn bytes(it: &Value, name: &str) -> Result<Vec<u8>, Fault> {
    match entry(it, name) {
        Some(Value::Binary(bytes)) => Ok(bytes.clone()),
        Some(Value::String(text)) => Ok(text.as_bytes().to_vec()),
        _ => Err(wrong(name, "bytes")),
    }
}

fn task_input(it: &Value) -> Result<TaskInput, Fault> {
    if !it.is_map() {
        return Err(wrong("input", "a map"));
    }
    let identity = map(it, "identity")?;
    Ok(TaskInput {
        path: bytes(it, "path")?,
        identity: StatIdentity {
            dev: text(identity, "dev")?,
            ino: text(identity, "ino")?,
            size: int(identity, "size", 0)?,
            mtime_ns: text(identity, "mtimeNs")?,
            ctime_ns: text(identity, "ctimeNs")?,
        },
    })
}

/// A value over the whole range.
pub fn scalar(name: &str, value: &Value) -> Result<Scalar, Fault> {
    match value {
        Value::Nil => Ok(Scalar::Unknown),
        Value::Boolean(flag) => Ok(Scalar::Flag(*flag)),
        Value::Map(_) => Ok(Scalar::Stretch { start: int(value, "start", 0)?, length: int(value, "length", 0)? }),
        other => match other.as_f64().filter(|n| n.is_finite()) {
            Some(n) => Ok(Scalar::Number(n)),
            None => Err(wrong(name, "a number, a stretch, true, false or nil")),
        },
    }
}
