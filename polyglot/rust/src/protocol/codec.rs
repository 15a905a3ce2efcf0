//! The only user of msgpack: maps in, maps out, with the caps that keep a hostile frame from costing anything (G-8 to
//! G-12).
//!
//! Numeric arrays never stand in here (they travel as .npy frames); offsets are safe integers; nanoseconds and inode
//! numbers are texts.
use std::collections::HashSet;

use rmpv::Value;

use super::errors::{fail, ErrorCode, Fault};

/// A header frame longer than this is refused before it is decoded.
pub const HEADER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Maps and lists inside each other, the outermost included.
pub const NESTING_MAX: usize = 32;
/// Values in one header frame, keys and containers counted too.
pub const VALUES_MAX: usize = 1 << 18;
/// 2^53 − 1: whole numbers lie within ± this.
pub const SAFE_MAX: i64 = (1 << 53) - 1;

/// One value as msgpack; infallible, since it writes to memory.
pub fn pack(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).expect("memory takes all that is written");
    bytes
}

/// The map in one frame; E_PROTOCOL on anything else.
pub fn unpack_map(frame: &[u8]) -> Result<Value, Fault> {
    let bad = |what: String| fail(ErrorCode::Protocol, format!("header is not msgpack: {what}"));
    if frame.len() > HEADER_BYTES_MAX {
        let what = format!("header of {} bytes is over the limit of {HEADER_BYTES_MAX}", frame.len());
        return Err(fail(ErrorCode::Protocol, what));
    }
    if let Some(fault) = fault_of(frame) {
        return Err(bad(fault));
    }
    let value = rmpv::decode::read_value(&mut &frame[..]).map_err(|error| bad(error.to_string()))?;
    check_keys(&value).map_err(bad)?;
    match value {
        Value::Map(_) => Ok(value),
        _ => Err(fail(ErrorCode::Protocol, "header is not a msgpack map")),
    }
}

/// The entry of that name; nil and absent are the same (G-12).
pub fn entry<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    raw_entry(map, name).filter(|value| !value.is_nil())
}

/// The entry of that name, nil as it stands: descriptors do not take nil (D-1).
pub fn raw_entry<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    map.as_map()?.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

/// A map of these entries, in this order.
pub fn map_of<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Map(entries.into_iter().map(|(name, value)| (Value::from(name), value)).collect())
}

/// A number in the form that G-10 asks for: whole ones as integers.
pub fn number(value: f64) -> Value {
    let whole = value.fract() == 0.0 && value.abs() <= SAFE_MAX as f64;
    if whole {
        Value::from(value as i64)
    } else {
        Value::F64(value)
    }
}

/// Keys are texts, none twice in its map, and never `__proto__`.
fn check_keys(value: &Value) -> Result<(), String> {
    match value {
        Value::Map(entries) => {
            let mut seen = HashSet::with_capacity(entries.len());
            for (key, item) in entries {
                let key = key.as_str().ok_or("a key is not a text")?;
                if key == "__proto__" || !seen.insert(key) {
                    return Err(format!("the key {key:.80} is not taken, or stands there twice"));
                }
                check_keys(item)?;
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(check_keys),
        Value::String(text) if text.is_err() => Err("a text is not UTF-8".into()),
        _ => Ok(()),
    }
}

/// What is wrong with the frame as one msgpack value, without building any of it: five bytes can announce megabytes.
/// Here every announced item must be there, and depth and number are counted.
fn fault_of(frame: &[u8]) -> Option<String> {
    // Values still to come, by level.
    let mut open = vec![1usize];
    let (mut at, mut values) = (0, 0);
    while let Some(rest) = open.last_mut() {
        if *rest == 0 {
            open.pop();
            continue;
        }
        *rest -= 1;
        values += 1;
        if values > VALUES_MAX {
            return Some(format!("more than {VALUES_MAX} values"));
        }
        let early = || Some("it ends too early".to_string());
        let Some(&tag) = frame.get(at) else { return early() };
        at += 1;
        let Some(length_bytes) = length_bytes_of(tag) else { return Some(format!("type byte {tag:#x} is not taken")) };
        let Some(length) = frame.get(at..at + length_bytes) else { return early() };
        let announced = length.iter().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte));
        let (body, items) = size_of_value(tag, announced);
        at += length_bytes + body;
        if at > frame.len() || items > frame.len() - at {
            return early();
        }
        if items > 0 {
            open.push(items);
            if open.len() > NESTING_MAX + 1 {
                return Some(format!("deeper than {NESTING_MAX}"));
            }
        }
    }
    (at < frame.len()).then(|| format!("{} bytes too many", frame.len() - at))
}

/// Bytes of the length after the type byte; none: a type that no header has (0xc1 and all extensions).
fn length_bytes_of(tag: u8) -> Option<usize> {
    match tag {
        0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => None,
        0xc4 | 0xd9 => Some(1),
        0xc5 | 0xda | 0xdc | 0xde => Some(2),
        0xc6 | 0xdb | 0xdd | 0xdf => Some(4),
        _ => Some(0),
    }
}

/// Bytes of the value's own body, and how many values stand inside it.
fn size_of_value(tag: u8, length: usize) -> (usize, usize) {
    match tag {
        0x80..=0x8f => (0, 2 * usize::from(tag & 15)),
        0x90..=0x9f => (0, usize::from(tag & 15)),
        0xa0..=0xbf => (usize::from(tag & 31), 0),
        0xdc | 0xdd => (0, length),
        0xde | 0xdf => (0, 2 * length),
        0xcc | 0xd0 => (1, 0),
        0xcd | 0xd1 => (2, 0),
        0xca | 0xce | 0xd2 => (4, 0),
        0xcb | 0xcf | 0xd3 => (8, 0),
        _ => (length, 0),
    }
}
