//! A sink may take a long string in parts, as its bytes come.
#![allow(clippy::unwrap_used)]

mod support;

use eslaver_core::rdb::{
    Decoder, Error, Item, Kind, LeftOut, Meta, ModuleField, Sink, Status, StreamId, StreamMeta,
};
use support::build::{key, lzf, string};

/// Keeps the strings that come, and how many parts each had: none if it came as one item.
#[derive(Default)]
struct Strings {
    takes: bool,
    asked: Vec<u64>,
    strings: Vec<(Vec<u8>, usize)>,
    begun: (Vec<u8>, usize),
}

impl Sink for Strings {
    fn aux(&mut self, _name: &[u8], _value: &[u8]) {}
    fn function(&mut self, _code: &[u8]) {}
    fn begin(&mut self, _key: &[u8], _kind: Kind, _meta: &Meta) -> bool {
        self.begun = Default::default();
        true
    }
    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Bytes(bytes) => self.begun.0.extend_from_slice(bytes),
            Item::Int(value) => self.begun.0.extend(value.to_string().bytes()),
        }
    }
    fn long(&mut self, len: u64) -> bool {
        self.asked.push(len);
        self.takes
    }
    fn part(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty());
        self.begun.0.extend_from_slice(bytes);
        self.begun.1 += 1;
    }
    fn score(&mut self, _score: f64) {}
    fn expiry(&mut self, _at_ms: u64) {}
    fn next_index(&mut self, _index: u64) {}
    fn index(&mut self, _index: u64) {}
    fn path(&mut self, _path: Item<'_>) {}
    fn entry(&mut self, _id: StreamId) {}
    fn stream(&mut self, _meta: StreamMeta) {}
    fn module(&mut self, _name: &[u8; 9], _version: u16) {}
    fn module_field(&mut self, _field: ModuleField<'_>) {}
    fn end(&mut self) {
        self.strings.push(std::mem::take(&mut self.begun));
    }
    fn discard(&mut self) {}
    fn left_out(&mut self, _what: LeftOut) {}
}

fn decode(snapshot: &[u8], size: usize, takes: bool) -> (Strings, Result<(), Error>) {
    let (mut sink, mut decoder) = (Strings { takes, ..Strings::default() }, Decoder::new());
    for piece in snapshot.chunks(size) {
        decoder.feed(piece);
        loop {
            match decoder.next(&mut sink) {
                Ok(Status::Event) => {}
                Ok(_) => break,
                Err(error) => return (sink, Err(error)),
            }
        }
        // what a sink takes in parts is not waited for
        assert!(!takes || decoder.pending() < 16_384 + 32, "{} bytes wait", decoder.pending());
    }
    let end = decoder.finish();
    (sink, end)
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 % 251) as u8).collect()
}

/// Long strings among short ones, another key behind each.
fn snapshot(lens: &[usize]) -> Vec<u8> {
    let keys: Vec<_> = lens.iter().map(|len| key(0, string(bytes(*len)))).collect();
    support::snapshot("REDIS0011", &keys.concat())
}

const LENS: [usize; 7] = [0, 3, 16_383, 16_384, 16_385, 70_000, 5];

#[test]
fn a_long_string_is_the_sum_of_its_parts() {
    let snapshot = snapshot(&LENS);
    let wanted: Vec<_> = LENS.iter().map(|len| bytes(*len)).collect();
    for takes in [false, true] {
        for size in [snapshot.len(), 1, 13, 1000, 20_000] {
            let (sink, end) = decode(&snapshot, size, takes);
            end.unwrap();
            let strings: Vec<_> = sink.strings.iter().map(|(string, _)| string.clone()).collect();
            assert!(strings == wanted, "{size} {takes}");
            for (string, parts) in &sink.strings {
                assert_eq!(*parts > 0, takes && string.len() >= 16_384, "{size}");
            }
        }
    }
}

#[test]
fn a_sink_is_asked_once_if_it_takes_the_string() {
    let (sink, end) = decode(&snapshot(&LENS), 1, true);
    end.unwrap();
    assert_eq!(sink.asked, [16_384, 16_385, 70_000]);
}

#[test]
fn a_compressed_string_comes_at_once() {
    // 100 times: one byte, then 263 copies of it
    let compressed = [0u8, b'x', 0xe0, 0xfe, 0].repeat(100);
    let body = key(0, lzf(&compressed, 264 * 100));
    let (sink, end) = decode(&support::snapshot("REDIS0011", &body), 10, true);
    end.unwrap();
    assert!(sink.asked.is_empty());
    assert_eq!(sink.strings, [(vec![b'x'; 26_400], 0)]);
}

#[test]
fn a_string_that_is_cut_off_has_no_end() {
    let snapshot = snapshot(&[70_000]);
    for takes in [false, true] {
        let (sink, end) = decode(&snapshot[..50_000], 1000, takes);
        assert!(end.unwrap_err().to_string().contains("ends too early"));
        assert!(sink.strings.is_empty());
    }
}

#[test]
fn one_that_is_too_long_is_refused_before_its_bytes_come() {
    let body = [&[0, 1, b'k', 0x80][..], &(600u32 << 20).to_be_bytes(), b"x"].concat();
    for takes in [false, true] {
        let (sink, end) = decode(&support::snapshot("REDIS0011", &body), 7, takes);
        assert_eq!(end.unwrap_err().offset, 12, "where its length is");
        assert!(sink.asked.is_empty());
    }
}
