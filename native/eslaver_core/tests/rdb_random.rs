//! What was encoded is decoded; and any bytes at all are read without a panic, and mean the same in
//! any pieces.
#![allow(clippy::unwrap_used)]

mod support;

use eslaver_core::rdb::Error;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::build::{
    intset, key, length, listpack, lp_int, lp_text, lzf, packed, string, ziplist, zl_int, zl_text,
};
use support::counter::Counter;

#[derive(Debug, Clone)]
enum Element {
    Int(i64),
    Text(Vec<u8>),
}

impl Element {
    fn shown(&self) -> Value {
        match self {
            Element::Int(value) => json!(value.to_string()),
            Element::Text(text) => json!(support::escape(text)),
        }
    }
}

fn element() -> impl Strategy<Value = Element> {
    let integer = (any::<i64>(), 0..64u32).prop_map(|(value, bits)| value >> bits);
    let size =
        prop_oneof![4 => 0..70usize, 1 => 120..135usize, 1 => 250..260usize, 1 => 4090..4100usize];
    let text = size.prop_flat_map(|size| prop::collection::vec(any::<u8>(), size));
    prop_oneof![integer.prop_map(Element::Int), text.prop_map(Element::Text)]
}

fn elements() -> impl Strategy<Value = Vec<Element>> {
    prop::collection::vec(element(), 1..30)
}

fn values(body: &[u8]) -> Result<Value, Error> {
    let (found, end) = support::decode([support::snapshot("REDIS0012", body).as_slice()]);
    end.map(|()| found.keys[0]["value"].clone())
}

/// What pieces of these sizes in turn come to.
fn in_pieces(bytes: &[u8], sizes: &[usize]) -> (u64, u64, Result<(), Error>) {
    let mut rest = bytes;
    let pieces = sizes.iter().cycle().map_while(|&size| {
        let (piece, left) = rest.split_at(size.clamp(1, rest.len().max(1)).min(rest.len()));
        rest = left;
        (!piece.is_empty()).then_some(piece)
    });
    let (found, end) = support::decode_to(Counter::default(), pieces);
    (found.events + found.discarded, found.digest, end)
}

fn means_the_same_in_pieces(bytes: &[u8], sizes: &[usize]) -> Result<(), TestCaseError> {
    let whole = in_pieces(bytes, &[bytes.len()]);
    prop_assert_eq!(&whole, &in_pieces(bytes, sizes));
    prop_assert_eq!(&whole, &in_pieces(bytes, &[1]));
    Ok(())
}

fn goldens() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "rdb")).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 8;
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Redis, &bytes[..end]);
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn listpacks(elements in elements()) {
        let encoded: Vec<_> = elements.iter().map(|element| match element {
            Element::Int(value) => lp_int(*value),
            Element::Text(text) => lp_text(text),
        }).collect();
        let shown: Value = elements.iter().map(Element::shown).collect();
        let list = key(18, [vec![1, 2], string(listpack(&encoded))].concat());
        prop_assert_eq!(values(&list), Ok(shown));
    }

    #[test]
    fn ziplists(elements in elements()) {
        let encoded: Vec<_> = elements.iter().map(|element| match element {
            Element::Int(value) => zl_int(*value),
            Element::Text(text) => zl_text(text),
        }).collect();
        let shown: Value = elements.iter().map(Element::shown).collect();
        prop_assert_eq!(values(&packed(10, &ziplist(&encoded))), Ok(shown));
    }

    #[test]
    fn intsets(values in prop::collection::btree_set(any::<i64>(), 1..40), narrower in 0..3u32) {
        let values: std::collections::BTreeSet<i64> =
            values.into_iter().map(|value| value >> [0, 32, 48][narrower as usize]).collect();
        let values: Vec<i64> = values.into_iter().collect();
        let body = packed(11, &intset(8 >> narrower, &values));
        let shown: Value = values.iter().map(|value| value.to_string()).collect();
        prop_assert_eq!(self::values(&body), Ok(shown));
    }

    /// Instructions of any kind, next to an obvious way to follow them.
    #[test]
    fn compressed(instructions in prop::collection::vec((any::<u8>(), any::<u16>(), any::<u8>()), 0..60)) {
        let (mut compressed, mut plain) = (vec![0, b'x'], vec![b'x']);
        for (literal, distance, size) in instructions {
            let distance = 1 + usize::from(distance) % plain.len().min(0x2000);
            let (high, low) = (((distance - 1) >> 8) as u8, (distance - 1) as u8);
            let repeated = match size {
                0..6 => {
                    compressed.extend([(size + 1) << 5 | high, low]);
                    usize::from(size) + 3
                }
                6..=200 => {
                    compressed.extend([7 << 5 | high, size, low]);
                    usize::from(size) + 9
                }
                201.. => {
                    compressed.extend([0, literal]);
                    plain.push(literal);
                    0
                }
            };
            for _ in 0..repeated {
                plain.push(plain[plain.len() - distance]);
            }
        }
        let body = key(0, lzf(&compressed, plain.len() as u64));
        prop_assert_eq!(values(&body), Ok(json!(support::escape(&plain))));
    }

    #[test]
    fn any_body(
        valkey in any::<bool>(),
        body in prop::collection::vec(prop_oneof![0..40u8, 240..=255u8, any::<u8>()], 0..400),
        sizes in prop::collection::vec(1..50usize, 1..5),
    ) {
        let magic = if valkey { "VALKEY080" } else { "REDIS0013" };
        means_the_same_in_pieces(&support::snapshot(magic, &body), &sizes)?;
    }

    #[test]
    fn any_value(
        value_type in 0..36u8,
        count in 0..4u64,
        body in prop::collection::vec(prop_oneof![0..8u8, any::<u8>()], 0..200),
        sizes in prop::collection::vec(1..50usize, 1..5),
    ) {
        let counted = key(value_type, [length(count), body.clone()].concat());
        means_the_same_in_pieces(&support::snapshot("REDIS0013", &counted), &sizes)?;
        let packed = key(value_type, [vec![0; 8], string(&body)].concat());
        means_the_same_in_pieces(&support::snapshot("REDIS0013", &packed), &sizes)?;
        let mut listpack = [&[0; 6], body.as_slice(), &[0xff]].concat();
        let size = listpack.len() as u32;
        listpack[..4].copy_from_slice(&size.to_le_bytes());
        listpack[4..6].copy_from_slice(&[0xff; 2]);
        let packed = key(value_type, string(&listpack));
        means_the_same_in_pieces(&support::snapshot("REDIS0013", &packed), &sizes)?;
    }

    #[test]
    fn changed_goldens(
        which in 0..12usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..6),
        sizes in prop::collection::vec(1..5000usize, 1..5),
    ) {
        thread_local!(static GOLDENS: Vec<Vec<u8>> = goldens());
        let mut bytes = GOLDENS.with(|goldens| goldens[which].clone());
        for (index, value, how) in changes {
            let at = 9 + index.index(bytes.len() - 9);
            match how {
                0 => drop(bytes.remove(at)),
                1 => bytes.insert(at, value),
                2 => bytes[at] = value,
                _ => bytes[at] ^= 1 << (value % 8),
            }
        }
        let bytes = with_checksum(bytes);
        means_the_same_in_pieces(&bytes, &sizes)?;
    }
}
