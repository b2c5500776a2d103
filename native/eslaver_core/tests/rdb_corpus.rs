//! Real files, compared with what a real server read in them.
//!
//! The files are not part of the repository: `ESLAVER_CORPUS` names their folder, or they stand
//! beside the checkout.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::PathBuf;

use eslaver_core::rdb::{Decoder, Nothing, Status};
use serde_json::Value;
use support::compare::{digest_long, sorted};

struct File {
    name: String,
    class: String,
    bytes: Vec<u8>,
    expected: Option<Value>,
}

impl File {
    /// The snapshot without the bytes behind its end; all bytes if it is damaged.
    fn snapshot(&self) -> &[u8] {
        let mut decoder = Decoder::new();
        decoder.feed(&self.bytes);
        while decoder.next(&mut Nothing) == Ok(Status::Event) {}
        match decoder.finish() {
            Ok(()) => &self.bytes[..decoder.offset() as usize],
            Err(_) => &self.bytes,
        }
    }

    /// Whether a checksum of these bytes is compared.
    fn has_checksum(bytes: &[u8]) -> bool {
        let is_older = bytes.starts_with(b"REDIS000") && bytes[8] < b'5';
        !is_older && bytes[bytes.len() - 8..] != [0; 8]
    }
}

fn corpus() -> Vec<File> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let folder = PathBuf::from(std::env::var("ESLAVER_CORPUS").unwrap_or(beside.into()));
    let Ok(manifest) = std::fs::read_to_string(folder.join("manifest.tsv")) else {
        eprintln!("no corpus at {}: nothing compared", folder.display());
        return Vec::new();
    };
    let rows = manifest.lines().skip(1);
    rows.map(|row| {
        let columns: Vec<&str> = row.split('\t').collect();
        let path = folder.join(columns[0]);
        let expected = std::fs::read(path.with_extension("json")).ok();
        File {
            name: columns[0].into(),
            class: columns[3].into(),
            bytes: std::fs::read(&path).unwrap(),
            expected: expected.map(|json| serde_json::from_slice(&json).unwrap()),
        }
    })
    .collect()
}

/// In one order, and without what the file's version does not hold.
fn comparable(keys: &Value, with: &[Value]) -> Vec<Value> {
    let mut keys = sorted(keys);
    for (key, other) in keys.iter_mut().zip(with) {
        let (Some(stream), Some(other)) =
            (key["value"].as_object_mut(), other["value"].as_object())
        else {
            continue;
        };
        stream.retain(|field, _| other.contains_key(field));
        for (group, other) in groups(stream).into_iter().zip(groups(&mut other.clone())) {
            let group = group.as_object_mut().unwrap();
            group.retain(|field, _| other.get(field).is_some());
            group.remove("consumers");
        }
    }
    keys
}

fn groups(stream: &mut serde_json::Map<String, Value>) -> Vec<&mut Value> {
    let groups = stream.get_mut("groups").and_then(Value::as_array_mut);
    groups.map(|groups| groups.iter_mut().collect()).unwrap_or_default()
}

#[test]
fn agrees_with_the_server_that_read_it() {
    for file in corpus() {
        let (found, end) = support::decode([file.bytes.as_slice()]);
        if file.class == "corrupt" {
            assert!(end.is_err(), "{}: a real server refuses it", file.name);
            continue;
        }
        assert_eq!(end, Ok(()), "{}", file.name);
        let Some(expected) = file.expected else { continue };
        let mut found = Value::Array(found.keys);
        digest_long(&mut found);
        let mut found_keys = comparable(&found, &sorted(&expected));
        let mut expected_keys = comparable(&expected, &sorted(&found));
        if file.class == "needs-module" {
            // the module that read the value wrote it anew, in a later form of its own
            found_keys.retain(|key| key["type"] != "module");
            expected_keys.retain(|key| key["type"] != "module");
        }
        assert_eq!(found_keys.len(), expected_keys.len(), "{}: number of keys", file.name);
        for (found, expected) in found_keys.iter().zip(&expected_keys) {
            assert_eq!(found, expected, "{}", file.name);
        }
    }
}

#[test]
fn means_the_same_byte_by_byte() {
    for file in corpus() {
        let (whole, whole_end) = support::decode([file.bytes.as_slice()]);
        let (bytes, bytes_end) = support::decode(file.bytes.chunks(1));
        assert_eq!(whole.keys, bytes.keys, "{}", file.name);
        assert_eq!(whole_end, bytes_end, "{}", file.name);
    }
}

#[test]
fn every_truncation_is_noticed() {
    for file in corpus().into_iter().filter(|file| file.bytes.len() < 4096) {
        let (whole, _) = support::decode([file.bytes.as_slice()]);
        let snapshot = file.snapshot();
        for length in 0..snapshot.len() {
            let (cut, end) = support::decode([&snapshot[..length]]);
            assert!(end.is_err(), "{} cut at {length}", file.name);
            assert!(whole.keys.starts_with(&cut.keys), "{} cut at {length}", file.name);
        }
    }
}

#[test]
fn every_flipped_bit_is_noticed_where_there_is_a_checksum() {
    for file in corpus().into_iter().filter(|file| file.bytes.len() < 700) {
        let snapshot = file.snapshot();
        let (_, end) = support::decode([snapshot]);
        if end.is_err() || !File::has_checksum(snapshot) {
            continue;
        }
        for bit in 0..snapshot.len() * 8 {
            let mut bytes = snapshot.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (_, end) = support::decode([bytes.as_slice()]);
            // as an older version, the snapshot ends before its checksum
            assert!(end.is_err() || !File::has_checksum(&bytes), "{}: bit {bit}", file.name);
        }
    }
}
