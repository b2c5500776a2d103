//! Snapshots: the same in any pieces, with keys wanted and unwanted, at a bounded cost.

use eslaver_core::rdb::{Error, ErrorKind, Nothing};

use crate::pieces;
use crate::support;
use crate::told::Told;

/// LZF makes up to 88 bytes of one. Of groups, consumers and producers without names, which take a
/// few bytes each, collections that grow take up to 80 bytes for each byte.
const MEMORY: u64 = 100;

/// With an odd mode the last eight bytes become the checksum that the snapshot should have.
pub(crate) fn check(bytes: &[u8]) {
    let (mode, bytes) = crate::mode(bytes);
    let _ = match bytes.len().checked_sub(8) {
        Some(end) if mode % 2 == 1 => {
            let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Redis, &bytes[..end]);
            holds(&[&bytes[..end], &sum.to_le_bytes()].concat())
        }
        _ => holds(bytes),
    };
}

/// One value of this type, with a key and a file around it that are right.
pub(crate) fn value(value_type: u8, value: &[u8]) -> Vec<u8> {
    support::snapshot("REDIS0013", &support::build::key(value_type, value))
}

/// Panics where something does not hold for this snapshot; gives how it ends.
pub(crate) fn holds(snapshot: &[u8]) -> Result<(), Error> {
    let (told, end) = support::decode_to(Told::default(), [snapshot]);
    if let Err(error) = &end {
        assert!(error.offset <= snapshot.len() as u64, "{error} of {}", snapshot.len());
    }
    for pieces in pieces::ways(snapshot) {
        let (found, found_end) = support::decode_to(Told::default(), pieces);
        assert_eq!(end, found_end);
        assert_eq!(told.events, found.events);
        assert_eq!(told.discarded, found.discarded);
        assert_eq!(told.begun(), found.begun());
    }
    unwanted(snapshot, &told, &end, |_| true);
    unwanted(snapshot, &told, &end, |key| key % 2 == 0);
    pieces::bounded("a snapshot", snapshot.len(), MEMORY, || {
        drop(support::decode_to(Nothing, [snapshot]));
    });
    pieces::bounded("a snapshot in pieces", snapshot.len(), MEMORY, || {
        drop(support::decode_to(Nothing, snapshot.chunks(64)));
    });
    end
}

/// What is passed over is looked at less closely, so an error may be missed, but none be made up.
fn unwanted(snapshot: &[u8], all: &Told, all_end: &Result<(), Error>, unwanted: fn(u64) -> bool) {
    let (told, end) = support::decode_to(Told::without(unwanted), [snapshot]);
    let is_wanted = |key: &Option<u64>| key.is_none_or(|key| !unwanted(key));
    let mut left = told.events.iter();
    for event in all.events.iter().filter(|(key, _)| is_wanted(key)) {
        assert_eq!(left.next(), Some(event));
    }
    match (all_end, &end) {
        (Ok(()), _) => {
            assert_eq!(end, Ok(()));
            assert_eq!(left.next(), None);
        }
        (Err(error), Err(late)) => {
            assert!(error.offset <= late.offset, "{error} of all, but {late} of some")
        }
        (Err(error), Ok(())) => {
            let checksum = matches!(error.kind, ErrorKind::Checksum { .. });
            assert!(!checksum, "{error} of all, none of some");
        }
    }
    for pieces in pieces::ways(snapshot) {
        let (found, found_end) = support::decode_to(Told::without(unwanted), pieces);
        assert_eq!(told.events, found.events);
        match (&end, &found_end) {
            // how far a string has been passed over depends on the pieces
            (Err(one), Err(other)) => assert_eq!(one.kind, other.kind),
            _ => assert_eq!(end, found_end),
        }
    }
}
