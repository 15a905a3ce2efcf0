//! msgpack values as JSON and back, for people: what a service says of itself, and parameters on a command line.
use rmpv::Value;

use super::codec::{map_of, number};

/// One line of JSON; bytes become text.
pub fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Nil => serde_json::Value::Null,
        Value::Boolean(flag) => (*flag).into(),
        Value::String(text) => text.as_str().unwrap_or_default().into(),
        Value::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
        Value::Array(items) => items.iter().map(json_of).collect(),
        Value::Map(entries) => {
            let entry = |(key, item): &(Value, Value)| Some((key.as_str()?.to_string(), json_of(item)));
            serde_json::Value::Object(entries.iter().filter_map(entry).collect())
        }
        other => match (other.as_i64(), other.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, float) => float.into(),
        },
    }
}

/// The same the other way.
pub fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::Number(value) => number(value.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(value_of).collect()),
        serde_json::Value::Object(entries) => map_of(entries.iter().map(|(key, item)| (key.as_str(), value_of(item)))),
    }
}
