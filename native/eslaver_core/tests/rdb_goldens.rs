//! Snapshots of real servers, compared with what those servers answered.
//!
//! `tools/goldens.py` makes the files in `tests/data`, and says what is in them.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use eslaver_core::rdb::{Decoder, Error, ErrorKind, Nothing, Status};
use serde_json::Value;
use support::compare::{digest_long, sorted};
use support::counter::Counter;
use support::{Json, random};

struct Golden {
    name: String,
    bytes: Vec<u8>,
    functions: Value,
    keys: Vec<Value>,
}

fn goldens() -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rdb"));
    assert_eq!(paths.len(), 13, "one for each server that goldens.py names");
    paths.into_iter().map(golden).collect()
}

fn golden(path: PathBuf) -> Golden {
    let expected = std::fs::read(path.with_extension("json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    Golden {
        name: path.file_stem().unwrap().to_str().unwrap().into(),
        bytes: std::fs::read(path).unwrap(),
        functions: expected["functions"].clone(),
        keys: sorted(&expected["keys"]),
    }
}

impl Golden {
    fn compare(&self, (found, end): (Json, Result<(), Error>)) {
        assert_eq!(end, Ok(()), "{}", self.name);
        assert_eq!(Value::from(found.functions), self.functions, "{}: functions", self.name);
        let mut keys = Value::Array(found.keys);
        digest_long(&mut keys);
        let keys = sorted(&keys);
        assert_eq!(keys.len(), self.keys.len(), "{}: number of keys", self.name);
        for (mut found, expected) in keys.into_iter().zip(&self.keys) {
            forget_untold(&mut found, expected);
            assert_eq!(&found, expected, "{}", self.name);
        }
    }
}

/// The server does not tell what is null, nor what most modules' values hold.
fn forget_untold(found: &mut Value, expected: &Value) {
    match (found, expected) {
        (found, Value::Null) => *found = Value::Null,
        (Value::Array(found), Value::Array(expected)) => {
            found.iter_mut().zip(expected).for_each(|(found, told)| forget_untold(found, told));
        }
        (Value::Object(found), Value::Object(expected)) => {
            if found.contains_key("encver") {
                found.retain(|field, _| expected.contains_key(field));
            }
            for (field, found) in found {
                forget_untold(found, expected.get(field).unwrap_or(&Value::Bool(false)));
            }
        }
        _ => {}
    }
}

#[test]
fn whole() {
    for golden in goldens() {
        golden.compare(support::decode([golden.bytes.as_slice()]));
    }
}

#[test]
fn byte_by_byte() {
    for golden in goldens() {
        golden.compare(support::decode(golden.bytes.chunks(1)));
    }
}

#[test]
fn at_any_split() {
    let mut random = random(1);
    for golden in goldens() {
        for _ in 0..50 {
            let (first, rest) = golden.bytes.split_at(random() as usize % golden.bytes.len());
            let (second, third) = rest.split_at(random() as usize % rest.len());
            golden.compare(support::decode([first, second, third]));
        }
    }
}

/// Servers do not look at it.
#[test]
fn followed_by_more() {
    for golden in goldens() {
        for more in [1, 9] {
            let bytes = [golden.bytes.as_slice(), &vec![0; more]].concat();
            golden.compare(support::decode([bytes.as_slice()]));
            golden.compare(support::decode(bytes.chunks(1)));
            let mut decoder = Decoder::new().exact();
            decoder.feed(&bytes);
            let end = loop {
                match decoder.next(&mut Nothing) {
                    Ok(Status::Event) => {}
                    end => break end.unwrap_err(),
                }
            };
            assert_eq!((end.kind, end.offset), (ErrorKind::Trailing, golden.bytes.len() as u64));
        }
    }
}

#[test]
fn cut_at_any_byte() {
    for golden in goldens() {
        let digests = digests(&golden.bytes);
        for length in 0..golden.bytes.len() {
            let (cut, end) = support::decode_to(Counter::default(), [&golden.bytes[..length]]);
            assert_eq!(end.unwrap_err().kind, ErrorKind::Truncated, "{} at {length}", golden.name);
            assert_eq!(digests[cut.events as usize], cut.digest, "{} at {length}", golden.name);
        }
    }
}

/// Of all that is told up to the end of each key or field, from none on.
fn digests(bytes: &[u8]) -> Vec<u64> {
    let (mut decoder, mut sink) = (Decoder::new(), Counter::default());
    let mut digests = vec![sink.digest];
    decoder.feed(bytes);
    while let Status::Event = decoder.next(&mut sink).unwrap() {
        digests.push(sink.digest);
    }
    digests
}

#[test]
fn with_a_bit_of_any_byte_flipped() {
    for mut golden in goldens() {
        for byte in 0..golden.bytes.len() {
            let bit = byte * 8 + byte % 7; // each byte once, and in time each of its bits
            golden.bytes[bit / 8] ^= 1 << (bit % 8);
            let (_, end) = support::decode_to(Nothing, [golden.bytes.as_slice()]);
            // a version that had no checksum yet, nor has it one behind the end
            let unchecked = golden.bytes.starts_with(b"REDIS000") && golden.bytes[8] < b'5';
            assert!(end.is_err() || unchecked, "{}: bit {bit}", golden.name);
            golden.bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
