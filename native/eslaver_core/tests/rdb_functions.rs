//! Payloads of `FUNCTION DUMP`, and the names of libraries.
#![allow(clippy::unwrap_used)]

mod support;

use crc_fast::{CrcAlgorithm, checksum};
use eslaver_core::rdb::{self, DumpError, ErrorKind, Limits};
use support::build::{lzf, string};

const REDIS: u16 = 11;
const VALKEY: u16 = 80;

fn payload(version: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend(checksum(CrcAlgorithm::Crc64Redis, &bytes).to_le_bytes());
    bytes
}

fn library(code: Vec<u8>) -> Vec<u8> {
    [vec![245], code].concat()
}

fn decode(payload: &[u8]) -> Result<Vec<String>, DumpError> {
    decode_within(Limits::NONE, payload)
}

fn decode_within(limits: Limits, payload: &[u8]) -> Result<Vec<String>, DumpError> {
    let mut found = Vec::new();
    rdb::decode_functions(payload, limits, |code| {
        found.push(String::from_utf8(code.to_vec()).unwrap());
    })?;
    Ok(found)
}

#[test]
fn whole() {
    let one = library(string("#!lua name=one\nreturn 1"));
    let packed = library(lzf(&[1, b'x', b'y'], 2));
    let rows: [(Vec<u8>, &[&str]); 3] = [
        (vec![], &[]),
        (one.clone(), &["#!lua name=one\nreturn 1"]),
        ([one, packed].concat(), &["#!lua name=one\nreturn 1", "xy"]),
    ];
    for (body, expected) in rows {
        for version in [REDIS, VALKEY] {
            assert_eq!(decode(&payload(version, &body)).unwrap(), expected);
        }
        let not_computed = [&body[..], &REDIS.to_le_bytes(), &[0; 8]].concat();
        assert_eq!(decode(&not_computed).unwrap(), expected);
    }
}

#[test]
fn errors() {
    let rows: [(Vec<u8>, &str); 8] = [
        (vec![], "the payload ends too early at byte 0 of the payload"),
        (vec![0; 9], "the payload ends too early at byte 9 of the payload"),
        (payload(0, &[]), "RDB version 0 of Redis is not supported at byte 0 of the payload"),
        (payload(82, &[]), "RDB version 82 of Valkey is not supported at byte 0 of the payload"),
        (payload(REDIS, &[246, 0]), "unknown RDB type or opcode 246 at byte 0 of the payload"),
        (payload(REDIS, &[245, 0, 0, 1]), "unknown RDB type or opcode 0 at byte 2 of the payload"),
        (payload(REDIS, &[245, 5, b'a']), "the payload ends too early at byte 0 of the payload"),
        (payload(REDIS, &[245, 0xc7]), "unknown string encoding 7 at byte 0 of the payload"),
    ];
    for (bytes, expected) in rows {
        let error = decode(&bytes).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error} instead of {expected}");
    }
    let limits = Limits { max_element: 4, ..Limits::NONE };
    let sized = |size: usize| payload(REDIS, &library(string(vec![b'x'; size])));
    assert_eq!(decode_within(limits, &sized(4)), Ok(vec!["xxxx".to_owned()]));
    let error = decode_within(limits, &sized(5)).unwrap_err();
    assert_eq!((error.offset, error.kind), (0, ErrorKind::ElementTooLong { found: 5, max: 4 }));
}

/// Cut anywhere, also with a checksum that is right, and with any bit flipped.
#[test]
fn damage() {
    let library = library(string("#!lua name=one\nreturn 1"));
    let body = [library.clone(), library.clone()].concat();
    let good = payload(REDIS, &body);
    assert_eq!(decode(&good).unwrap().len(), 2);
    for end in 0..good.len() {
        assert!(decode(&good[..end]).is_err(), "at {end}");
    }
    for end in (0..body.len()).filter(|end| end % library.len() != 0) {
        let error = decode(&payload(REDIS, &body[..end])).unwrap_err();
        assert_eq!(error.kind, ErrorKind::PayloadTruncated, "at {end}");
        assert_eq!(error.offset, end - end % library.len());
    }
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&bad).is_err(), "bit {bit}");
    }
}

#[test]
fn names() {
    let rows: [(&str, Option<&str>); 12] = [
        ("#!lua name=one\nreturn 1", Some("one")),
        ("#!js engine=x name=two", Some("two")),
        ("#!lua name=one\r\nreturn 1", Some("one")),
        ("#!lua\tname=one name=two", Some("one")),
        ("#!lua NAME=one\nreturn 1", Some("one")),
        ("#!lua name=\"one\"\nreturn 1", Some("one")),
        ("#!lua \"name=one\" 'engine=x'", Some("one")),
        ("#!lua name='one\nreturn 1", None),
        ("", None),
        ("#!lua", None),
        ("#!lua name=", None),
        ("#!lua\nname=one", None),
    ];
    for (code, expected) in rows {
        let expected = expected.map(str::as_bytes);
        assert_eq!(rdb::library_name(code.as_bytes()).as_deref(), expected, "{code}");
    }
}
