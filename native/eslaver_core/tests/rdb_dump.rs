//! Payloads of `DUMP`: what stands around the value, and all that can be wrong with it. The values
//! themselves are those of a snapshot, and tested there.
#![allow(clippy::unwrap_used)]

mod support;

use crc_fast::{CrcAlgorithm, checksum};
use eslaver_core::rdb::write::{Contents, Dialect, Writer};
use eslaver_core::rdb::{DumpError, ErrorKind, Family, Item, Limits, Meta, Nothing, Sink};
use serde_json::{Value, json};
use support::Json;
use support::build::{lzf, string};

const REDIS: u16 = 12;
const VALKEY: u16 = 80;

fn payload(version: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend(checksum(CrcAlgorithm::Crc64Redis, &bytes).to_le_bytes());
    bytes
}

fn typed(value_type: u8, value: Vec<u8>) -> Vec<u8> {
    [vec![value_type], value].concat()
}

fn decode_dump<S: Sink>(payload: &[u8], sink: &mut S) -> Result<(), DumpError> {
    eslaver_core::rdb::decode_dump(payload, Limits::NONE, sink)
}

fn decode(payload: &[u8]) -> Result<Vec<Value>, String> {
    let mut sink = Json::default();
    decode_dump(payload, &mut sink).map_err(|error| error.to_string())?;
    Ok(sink.keys)
}

fn value(kind: &str, value: Value) -> Result<Vec<Value>, String> {
    Ok(vec![json!({"db": 0, "key": "", "type": kind, "value": value})])
}

/// Redis 8.6: one class of key metadata, which has one unsigned field.
fn with_key_metadata() -> Vec<u8> {
    [vec![243, 1, 1, 2, 3, 4, 2, 7, 0, 0], string("v")].concat()
}

/// Field, value, and when it expires: type 22 of Valkey, which is another one in Redis.
fn expiring() -> Vec<u8> {
    [vec![22, 1], string("f"), string("v"), 1000i64.to_le_bytes().to_vec()].concat()
}

#[test]
fn values() {
    let text = typed(0, string("v"));
    for version in [1, 6, REDIS, 15, 17, VALKEY, 81] {
        assert_eq!(decode(&payload(version, &text)), value("string", json!("v")), "{version}");
    }
    assert_eq!(decode(&payload(REDIS, &with_key_metadata())), value("string", json!("v")));
    let expected = value("hash", json!([["f", "v", 1000]]));
    assert_eq!(decode(&payload(VALKEY, &expiring())), expected);
    let list = typed(1, [vec![2], string("a"), string("b")].concat());
    assert_eq!(decode(&payload(REDIS, &list)), value("list", json!(["a", "b"])));
    let sum = payload(REDIS, &text).len() - 8;
    let mut not_computed = payload(REDIS, &text);
    not_computed[sum..].fill(0);
    assert_eq!(decode(&not_computed), value("string", json!("v")));
    // KeyDB: when its own replicas merge the value
    let mvcc = [vec![0], string("v"), vec![250], string("mvcc-tstamp"), string("9")].concat();
    assert_eq!(decode(&payload(REDIS, &mvcc)), value("string", json!("v")));
    let packed = typed(0, lzf(&[1, b'x', b'y'], 2));
    assert_eq!(decode(&payload(REDIS, &packed)), value("string", json!("xy")));
}

#[test]
fn errors() {
    let good = payload(REDIS, &typed(0, string("v")));
    let (summed, _) = good.split_last_chunk::<8>().unwrap();
    let one = [summed, &[1, 0, 0, 0, 0, 0, 0, 0]].concat();
    let rows: [(Vec<u8>, &str); 11] = [
        (vec![], "the payload ends too early at byte 0 of the payload"),
        (vec![0; 9], "the payload ends too early at byte 9 of the payload"),
        (payload(REDIS, &[]), "the payload ends too early at byte 0 of the payload"),
        (payload(0, &[0, 0]), "RDB version 0 of Redis is not supported at byte 2 of the payload"),
        (payload(18, &[0, 0]), "RDB version 18 of Redis is not supported at byte 2 of the payload"),
        (payload(82, &[0]), "RDB version 82 of Valkey is not supported at byte 1 of the payload"),
        (one, "wrong checksum: computed"),
        (payload(REDIS, &[200, 0]), "unknown RDB type or opcode 200 at byte 0 of the payload"),
        (
            payload(REDIS, &[0, 5, b'a']),
            "the payload ends too early at byte 1 of the payload (type 0)",
        ),
        (
            payload(REDIS, &[1, 0]),
            "a container that holds nothing at byte 2 of the payload (type 1)",
        ),
        (
            payload(REDIS, &[30, 9, 9, 0, 0, 0, 1, 0, 0, 1, 0xff]),
            "corrupt hash template: a hash names a missing one at byte 1 of the payload",
        ),
    ];
    for (bytes, expected) in rows {
        let error = decode(&bytes).unwrap_err();
        assert!(error.starts_with(expected), "{error} instead of {expected}");
    }
    assert!(decode(&payload(REDIS, &expiring())).is_err(), "the type is one of Valkey's");
}

#[test]
fn limits() {
    let limits = Limits { proto_max_bulk_len: 10, max_element: 4, ..Limits::NONE };
    let decode = |body: &[u8]| {
        let end = eslaver_core::rdb::decode_dump(&payload(REDIS, body), limits, &mut Nothing);
        end.map_err(|error| (error.offset, error.kind))
    };
    let list = |size: usize| typed(1, [vec![1], string(vec![b'x'; size])].concat());
    let whole = |size: usize| typed(0, string(vec![b'x'; size]));
    assert_eq!((decode(&list(4)), decode(&whole(10))), (Ok(()), Ok(())));
    assert_eq!(decode(&list(5)), Err((2, ErrorKind::ElementTooLong { found: 5, max: 4 })));
    assert_eq!(decode(&whole(11)), Err((1, ErrorKind::StringTooLong { found: 11, max: 10 })));
}

/// Cut anywhere, also with a checksum that is right, and with any bit flipped.
#[test]
fn damage() {
    let list = typed(1, [vec![3], string("a"), string("bcd"), lzf(&[1, b'x', b'y'], 2)].concat());
    for body in [list, with_key_metadata(), typed(0, string("v"))] {
        let good = payload(REDIS, &body);
        assert_eq!(decode_dump(&good, &mut Nothing), Ok(()));
        for end in 0..good.len() {
            assert!(decode_dump(&good[..end], &mut Nothing).is_err());
        }
        for end in 0..body.len() {
            let error = decode_dump(&payload(REDIS, &body[..end]), &mut Nothing).unwrap_err();
            assert_eq!(error.kind, ErrorKind::PayloadTruncated, "at {end}");
            assert!(error.offset <= end);
        }
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let error: DumpError = decode_dump(&bad, &mut Nothing).unwrap_err();
            assert!(error.offset <= bad.len());
        }
    }
}

/// A payload of Redis 7.4 that is being written.
fn written() -> Writer<Vec<u8>> {
    Writer::payload(Dialect::new(Family::Redis, u32::from(REDIS)).unwrap(), Vec::new())
}

#[test]
fn a_payload_that_is_written_is_read() {
    let mut writer = written();
    let meta = Meta { db: 3, expire_at: Some(1), ..Meta::default() };
    writer.begin(b"left out", &meta, Contents::List { count: 2 }).unwrap();
    writer.item(Item::Bytes(b"one")).unwrap();
    writer.item(Item::Int(2)).unwrap();
    writer.end().unwrap();
    let found = writer.finish().unwrap();
    assert_eq!(found, payload(REDIS, &typed(1, [vec![2], string("one"), vec![0xc0, 2]].concat())));
    assert_eq!(decode(&found), value("list", json!(["one", "2"])));
}

#[test]
fn a_payload_has_one_value_and_nothing_else() {
    let one = |writer: &mut Writer<Vec<u8>>| {
        writer.begin(b"", &Meta::default(), Contents::Set { count: 1 }).unwrap();
        writer.item(Item::Int(1)).unwrap();
        writer.end().unwrap();
    };
    assert!(written().finish().is_err());
    assert!(written().end().is_err());
    assert!(written().aux(b"redis-ver", b"7.4.0").is_err());
    assert!(written().function(b"#!lua name=f").is_err());
    assert!(written().database(0, 1, 0).is_err());
    let mut writer = written();
    one(&mut writer);
    assert!(writer.begin(b"", &Meta::default(), Contents::Set { count: 1 }).is_err());
    assert!(writer.aux(b"redis-ver", b"7.4.0").is_err());
    assert!(writer.end().is_err());
    assert!(writer.finish().is_ok());
}
