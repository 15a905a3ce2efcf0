//! What several tests need: the vectors, and numbers at random.
#![allow(dead_code)]

pub mod messages;
pub mod place;

use std::path::PathBuf;

use rmpv::Value;
use serde_json::Value as Json;

/// The repository that this crate stands in.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// protocol/vectors/<name>.json.
pub fn vectors(name: &str) -> Json {
    let path = repository().join(format!("protocol/vectors/{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("the vectors are JSON")
}

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hex")).collect()
}

pub fn frames_of(json: &Json) -> Vec<Vec<u8>> {
    json.as_array().expect("a list").iter().map(|frame| unhex(frame.as_str().expect("hex"))).collect()
}

/// A number, or `{"float": "NaN"}`.
pub fn number(json: &Json) -> f64 {
    match json["float"].as_str() {
        Some(text) => text.replace("Infinity", "inf").parse().expect("a float"),
        None => json.as_f64().unwrap_or_else(|| panic!("{json} is no number")),
    }
}

pub fn numbers(json: &Json) -> Vec<f64> {
    json.as_array().expect("a list").iter().map(number).collect()
}

/// JSON as a msgpack value; `{"hex": "…"}` is bin.
pub fn value_of(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::F64(number.as_f64().expect("a number")),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::Array(items.iter().map(value_of).collect()),
        Json::Object(entries) => match entries.get("hex") {
            Some(hex) => Value::Binary(unhex(hex.as_str().expect("hex"))),
            None => Value::Map(entries.iter().map(|(key, item)| (Value::from(key.as_str()), value_of(item))).collect()),
        },
    }
}

/// Numbers at random, the same for the same seed (xorshift).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Stretches of noise, of text and of zeros.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let (stretch, kind) = (1 + self.next() as usize % 20_000, self.next() % 3);
            for _ in 0..stretch.min(length - bytes.len()) {
                let noise = (self.next() >> 32) as u8;
                bytes.push([noise, b'a' + noise % 26, 0][kind as usize]);
            }
        }
        bytes
    }
}
