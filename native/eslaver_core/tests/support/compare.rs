//! Comparing what was decoded with what a server answered.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use serde_json::Value;

/// Keys by db and name; the elements of what has no order, in one order.
pub fn sorted(keys: &Value) -> Vec<Value> {
    let mut keys = keys.as_array().unwrap().clone();
    for key in &mut keys {
        if let ("set" | "hash" | "zset", Some(elements)) =
            (key["type"].clone().as_str().unwrap(), key["value"].as_array_mut())
        {
            elements.sort_by_key(Value::to_string);
        }
    }
    keys.sort_by_key(|key| (key["db"].as_u64(), key["key"].to_string()));
    keys
}

/// A string of more than 256 bytes stands in the expectations as its digest.
pub fn digest_long(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(digest_long),
        Value::Object(fields) => fields.values_mut().for_each(digest_long),
        Value::String(text) => {
            if let Some(bytes) = unescape(text).filter(|bytes| bytes.len() > 256) {
                *text = format!("#md5 {:x} {}", md5::compute(&bytes), bytes.len());
            }
        }
        _ => {}
    }
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        if first == b'\\' {
            let digits = std::str::from_utf8(more.get(1..3)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &more[3..];
        } else {
            bytes.push(first);
            rest = more;
        }
    }
    Some(bytes)
}
