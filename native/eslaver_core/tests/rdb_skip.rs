//! Keys that the sink does not want: nothing of them comes, and all others are as they were.
#![allow(clippy::unwrap_used, clippy::field_reassign_with_default)]

mod support;

use std::path::Path;

use eslaver_core::rdb::{Decoder, ErrorKind, Status};
use serde_json::Value;
use support::build::{key, string};
use support::{Json, decode, decode_to};

/// The snapshots of real servers: every type in every encoding.
fn snapshots() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "rdb"))
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

fn all(_key: &[u8]) -> bool {
    true
}

/// So that a wanted key comes behind each kind of unwanted one, and the other way round.
fn some(key: &[u8]) -> bool {
    sum(key).is_multiple_of(2)
}

fn others(key: &[u8]) -> bool {
    !some(key)
}

fn sum(key: &[u8]) -> u64 {
    key.iter().map(|&byte| u64::from(byte)).sum()
}

fn without(unwanted: fn(&[u8]) -> bool) -> Json {
    let mut sink = Json::default();
    sink.unwanted = Some(unwanted);
    sink
}

/// The keys that are left, in their order.
fn kept(whole: &Json, unwanted: fn(&[u8]) -> bool) -> Vec<Value> {
    let is_kept = |key: &&Value| !unwanted(&unescape(key["key"].as_str().unwrap()));
    whole.keys.iter().filter(is_kept).cloned().collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let (mut bytes, mut left) = (Vec::new(), text.as_bytes());
    while let [first, rest @ ..] = left {
        if let [b'\\', b'x', high, low, rest @ ..] = left {
            let digits = [*high, *low];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            left = rest;
        } else {
            bytes.push(*first);
            left = rest;
        }
    }
    bytes
}

#[test]
fn whole() {
    for bytes in snapshots() {
        let (expected, end) = decode([bytes.as_slice()]);
        assert_eq!(end, Ok(()));
        for unwanted in [all, some, others] {
            let (found, end) = decode_to(without(unwanted), [bytes.as_slice()]);
            assert_eq!(end, Ok(()));
            assert_eq!(found.keys, kept(&expected, unwanted));
            assert_eq!((&found.aux, &found.functions), (&expected.aux, &expected.functions));
        }
    }
}

#[test]
fn byte_by_byte() {
    for bytes in snapshots() {
        let (expected, _) = decode([bytes.as_slice()]);
        let (found, end) = decode_to(without(some), bytes.chunks(1));
        assert_eq!(end, Ok(()));
        assert_eq!(found.keys, kept(&expected, some));
    }
}

#[test]
fn truncated() {
    for bytes in snapshots() {
        for length in (0..bytes.len()).step_by(997) {
            let (_, end) = decode_to(without(all), [&bytes[..length]]);
            assert!(end.is_err(), "of {} bytes, {length}", bytes.len());
        }
    }
}

/// What is passed over counts, and is not passed over again.
#[test]
fn damage_behind_unwanted_keys() {
    let unwanted = key(0, string([b'x'; 100])).repeat(3);
    let (_, end) = decode_to(
        without(all),
        [[b"REDIS0011", unwanted.as_slice(), &[200]].concat()].iter().map(Vec::as_slice),
    );
    let error = end.unwrap_err();
    assert_eq!(
        (error.offset, error.kind),
        (9 + unwanted.len() as u64, ErrorKind::UnknownType(200))
    );
}

#[test]
fn a_huge_value_takes_no_memory() {
    let mut decoder = Decoder::new();
    let mut sink = without(all);
    let header = [b"REDIS0011\x00\x01k\x80".as_slice(), &(1u32 << 29).to_be_bytes()].concat();
    decoder.feed(&header);
    let zeros = vec![0; 1 << 16];
    for _ in 0..1 << 13 {
        assert_eq!(decoder.next(&mut sink), Ok(Status::NeedMore));
        let used = decoder.offset();
        decoder.feed(&zeros);
        assert_eq!(decoder.next(&mut sink).map(|_| decoder.offset() - used), Ok(1 << 16));
    }
    decoder.feed(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    while decoder.next(&mut sink) == Ok(Status::Event) {}
    assert_eq!(decoder.next(&mut sink), Ok(Status::Done));
}
