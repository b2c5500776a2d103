//! What is written decodes to the same: snapshots of real servers, whole and damaged, and random
//! values. tests/rdb_write_forms.rs has the exact bytes.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use eslaver_core::rdb::write::{Dialect, WriteError, Writer};
use eslaver_core::rdb::{Decoder, Family, Nothing, Sink, Status};
use serde_json::Value;
use support::Json;
use support::rewrite::Rewriter;

fn dialect(family: Family, version: u32) -> Dialect {
    Dialect::new(family, version).unwrap()
}

/// Snapshots of real servers, and the corpus where it is at hand, without those that no server reads.
fn snapshots() -> Vec<(String, Vec<u8>)> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let corpus = PathBuf::from(std::env::var("ESLAVER_CORPUS").unwrap_or(beside.into()));
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut found = Vec::new();
    for folder in [own, corpus] {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rdb") {
                let bytes = std::fs::read(&path).unwrap();
                if support::decode([bytes.as_slice()]).1.is_ok() {
                    found.push((path.file_stem().unwrap().to_str().unwrap().into(), bytes));
                }
            }
        }
    }
    assert!(found.len() >= 13);
    found
}

/// The version of the file itself, or the oldest that can be written.
fn own_dialect(snapshot: &[u8]) -> Dialect {
    let mut decoder = Decoder::new();
    assert_eq!(decoder.dialect(), None);
    decoder.feed(snapshot);
    decoder.next(&mut Nothing).unwrap();
    decoder.dialect().unwrap_or(dialect(Family::Redis, 6))
}

fn rewritten(snapshot: &[u8], dialect: Dialect) -> (Vec<u8>, Vec<(Vec<u8>, WriteError)>) {
    let rewriter = Rewriter::new(Writer::new(dialect, Vec::new()));
    let (mut rewriter, end) = support::decode_to(rewriter, [snapshot]);
    assert_eq!(end, Ok(()));
    let lacking = std::mem::take(&mut rewriter.lacking);
    (rewriter.finish().unwrap(), lacking)
}

/// What the file holds, read whole with nothing behind its end, and byte by byte, or in small pieces
/// where bytes would take long.
fn read(file: &[u8]) -> Json {
    assert_ne!(file[file.len() - 8..], [0; 8], "it has a checksum");
    let mut decoder = Decoder::new().exact();
    let mut whole = Json::default();
    decoder.feed(file);
    while decoder.next(&mut whole).unwrap() != Status::Done {}
    let piece = if file.len() < 20_000 { 1 } else { 509 };
    let (pieces, end) = support::decode(file.chunks(piece));
    assert_eq!(end, Ok(()));
    assert_eq!((&whole.keys, &whole.aux), (&pieces.keys, &pieces.aux));
    whole
}

#[test]
fn snapshots_for_their_own_servers() {
    for (name, snapshot) in snapshots() {
        let (expected, _) = support::decode([snapshot.as_slice()]);
        let (file, lacking) = rewritten(&snapshot, own_dialect(&snapshot));
        assert_eq!(lacking, [], "{name}");
        let found = read(&file);
        assert_eq!(found.keys.len(), expected.keys.len(), "{name}");
        for (found, expected) in found.keys.iter().zip(&expected.keys) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!((found.aux, found.functions), (expected.aux, expected.functions), "{name}");
    }
}

#[test]
fn snapshots_for_newer_servers() {
    for (name, snapshot) in snapshots() {
        let own = own_dialect(&snapshot);
        let newer = if own.family() == Family::Valkey { 81 } else { 17 };
        let (mut expected, _) = support::decode([snapshot.as_slice()]);
        let (file, lacking) = rewritten(&snapshot, dialect(own.family(), newer));
        assert_eq!(lacking, [], "{name}");
        let mut found = read(&file);
        for key in found.keys.iter_mut().chain(&mut expected.keys) {
            forget_what_streams_gain(key);
        }
        assert_eq!(found.keys, expected.keys, "{name}");
    }
}

/// Older versions of a stream do not have all that newer ones do.
fn forget_what_streams_gain(key: &mut Value) {
    if key["type"] != "stream" {
        return;
    }
    let stream = key["value"].as_object_mut().unwrap();
    for gained in ["first_id", "max_deleted_id", "entries_added", "idempotency"] {
        stream.remove(gained);
    }
    for group in stream["groups"].as_array_mut().unwrap() {
        let fields = group.as_object_mut().unwrap();
        fields.remove("nack");
        for consumer in group["consumers"].as_array_mut().unwrap() {
            consumer.as_array_mut().unwrap().truncate(2);
        }
    }
}

/// What the version has no form for is named, and the file holds all else.
#[test]
fn a_snapshot_for_an_older_server() {
    let (_, snapshot) = snapshots().into_iter().find(|(name, _)| name == "redis-8.10.2").unwrap();
    let (mut expected, _) = support::decode([snapshot.as_slice()]);
    let (file, lacking) = rewritten(&snapshot, dialect(Family::Redis, 6));
    let is_lacking = |key: &Value| {
        let value = &key["value"];
        let with_expiries = || value.as_array().unwrap().iter().any(|field| field[2].is_u64());
        match key["type"].as_str().unwrap() {
            "stream" | "array" | "module" => true,
            "hash" => with_expiries(),
            _ => false,
        }
    };
    let functions = expected.functions.len();
    let (left_out, mut kept): (Vec<_>, Vec<_>) =
        expected.keys.drain(..).partition(|key| is_lacking(key));
    assert!(functions > 0 && left_out.len() > 5);
    assert_eq!(lacking.len(), left_out.len() + functions);
    for key in &mut kept {
        let key = key.as_object_mut().unwrap();
        key.remove("freq");
        key.remove("idle");
    }
    let found = read(&file);
    assert_eq!(found.keys, kept);
    assert_eq!((found.aux, found.functions), (Vec::new(), Vec::new()));
    let messages: Vec<String> = lacking.iter().map(|(_, error)| error.to_string()).collect();
    for what in
        ["stream", "array", "module's value", "hash whose fields expire", "function library"]
    {
        let message = format!("RDB version 6 of Redis has no {what}");
        assert!(messages.contains(&message), "{message}");
    }
}

/// Snapshots with some bytes changed, if they can still be read. The writer refuses a stream whose entries
/// are not in order.
mod changed {
    use proptest::prelude::*;

    use super::*;

    const DISORDERED: &str =
        "out of place in the file: an entry, as those before it have greater ids";

    fn changed(mut bytes: Vec<u8>, changes: Vec<(prop::sample::Index, u8)>) -> Vec<u8> {
        let end = bytes.len().saturating_sub(8).max(10);
        for (index, value) in changes {
            bytes[9 + index.index(end - 9)] = value;
        }
        bytes[end..].fill(0);
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 500, failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn snapshots(
            which in any::<prop::sample::Index>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            thread_local!(static SNAPSHOTS: Vec<Vec<u8>> = {
                super::snapshots().into_iter().map(|(_, bytes)| bytes).collect()
            });
            let snapshot = SNAPSHOTS.with(|all| all[which.index(all.len())].clone());
            let snapshot = changed(snapshot, changes);
            let (expected, end) = support::decode([snapshot.as_slice()]);
            if end.is_ok() && expected.left_out.is_empty() {
                let rewriter = Rewriter::new(Writer::new(own_dialect(&snapshot), Vec::new()));
                let (rewriter, _) = support::decode_to(rewriter, [snapshot.as_slice()]);
                prop_assert_eq!(&rewriter.lacking, &[]);
                match rewriter.finish() {
                    Ok(file) => prop_assert_eq!(read(&file).keys, expected.keys),
                    Err(error) => prop_assert_eq!(error.to_string(), DISORDERED),
                }
            }
        }
    }
}

mod any {
    use eslaver_core::rdb::{
        Consumer, Group, Idempotency, Kind, Meta, Pending, Producer, StreamId, StreamMeta,
    };
    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::prelude::*;

    use super::support::rewrite::{Part, Text};
    use super::*;

    #[derive(Debug, Clone)]
    struct Key {
        name: Vec<u8>,
        kind: Kind,
        meta: Meta,
        parts: Vec<Part>,
    }

    fn text() -> impl Strategy<Value = Text> {
        let integer = (any::<i64>(), 0..64u32).prop_map(|(value, bits)| value >> bits);
        let size = prop_oneof![
            40 => 0..70usize,
            4 => prop_oneof![120..135usize, 250..260usize, 4090..4100usize],
            1 => prop_oneof![16_370..16_390usize, 65_530..65_545usize, Just(150_000)],
        ];
        let bytes = size.prop_flat_map(|size| (any::<u8>(), any::<bool>(), Just(size)));
        prop_oneof![
            3 => integer.clone().prop_map(Text::Int),
            1 => integer.prop_map(|value| Text::Bytes(value.to_string().into_bytes())),
            1 => prop_oneof!["-?0?[0-9]{1,3}", "[0-9]{18,20}", "-?[0-9]{1,3}\\.[0-9]{1,3}"]
                .prop_map(|text| Text::Bytes(text.into_bytes())),
            4 => bytes.prop_map(|(first, counts, size)| {
                let byte = |index: usize| if counts { first.wrapping_add(index as u8) } else { first };
                Text::Bytes((0..size).map(byte).collect())
            }),
        ]
    }

    fn names() -> impl Strategy<Value = Vec<Text>> {
        btree_map(vec(any::<u8>(), 0..6), Just(()), 1..30)
            .prop_map(|names| names.into_keys().map(Text::Bytes).collect())
    }

    fn pairs() -> impl Strategy<Value = Vec<(Text, Text)>> {
        names().prop_flat_map(|names| {
            let values = vec(text(), names.len());
            values.prop_map(move |values| names.clone().into_iter().zip(values).collect())
        })
    }

    fn expiry() -> impl Strategy<Value = Option<u64>> {
        prop::option::of(prop_oneof![Just(0), Just((1 << 48) - 1), 1_u64 << 40..1 << 41])
    }

    fn score() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>().prop_filter("a number", |score| !score.is_nan()),
            prop::sample::select(vec![
                0.0,
                -0.0,
                1.5,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::MAX,
                f64::MIN_POSITIVE,
                5e-324,
                1e21,
                1e22,
                0.1,
                -3.0,
            ]),
        ]
    }

    fn id() -> impl Strategy<Value = StreamId> {
        let number = || prop_oneof![3 => 0..20u64, 1 => any::<u64>()];
        (number(), number()).prop_map(|(ms, seq)| StreamId { ms, seq })
    }

    fn group() -> impl Strategy<Value = Group> {
        let pending = (any::<prop::sample::Index>(), any::<i64>(), 0..100_000u64, 0..4u8);
        let consumer = (prop::option::of(any::<i64>()), any::<i64>());
        (
            (vec(any::<u8>(), 0..5), id(), prop::option::of(0..1000u64)),
            btree_map(id(), pending, 0..30),
            btree_map(vec(any::<u8>(), 0..5), consumer, 0..5),
        )
            .prop_map(|((name, last_id, entries_read), pending, consumers)| {
                let consumers: Vec<Consumer> = consumers
                    .into_iter()
                    .map(|(name, (active_at, seen_at))| Consumer { name, seen_at, active_at })
                    .collect();
                let pending = pending
                    .into_iter()
                    .map(|(id, (owner, delivered_at, deliveries, given_back))| {
                        let owned = given_back > 0 && !consumers.is_empty();
                        let consumer = owned.then(|| owner.index(consumers.len()));
                        Pending { id, consumer, delivered_at, deliveries }
                    })
                    .collect();
                Group { name, last_id, entries_read, pending, consumers, nack: None }
            })
    }

    fn idempotency() -> impl Strategy<Value = Idempotency> {
        let producer = vec((vec(any::<u8>(), 0..5), id()), 1..4);
        let producers = btree_map(vec(any::<u8>(), 0..5), producer, 0..4);
        (any::<[u64; 4]>(), producers).prop_map(
            |([duration, max_size, added, duplicates], found)| {
                let producers =
                    found.into_iter().map(|(id, entries)| Producer { id, entries }).collect();
                Idempotency { duration, max_size, producers, added, duplicates }
            },
        )
    }

    fn stream_meta() -> impl Strategy<Value = StreamMeta> {
        (any::<u64>(), [id(), id(), id()], btree_map(any::<u8>(), group(), 0..3), idempotency())
            .prop_map(|(added, [last_id, first_id, deleted], groups, idempotency)| StreamMeta {
                last_id,
                first_id: Some(first_id),
                max_deleted_id: Some(deleted),
                entries_added: Some(added),
                groups: groups
                    .into_iter()
                    .map(|(number, group)| {
                        let name = [&[number], group.name.as_slice()].concat();
                        Group { name, ..group }
                    })
                    .collect(),
                idempotency: Some(idempotency),
            })
    }

    fn stream() -> impl Strategy<Value = Vec<Part>> {
        // names that are often those of the entry before
        let shared = prop_oneof![
            Just(vec!["temperature", "humidity"]),
            Just(vec!["temperature", "12"]),
            Just(vec!["temperature"]),
        ];
        let same = shared.prop_flat_map(|names| {
            vec(text(), names.len()).prop_map(move |values| {
                let names = names.iter().map(|name| Text::Bytes(name.as_bytes().to_vec()));
                names.zip(values).collect::<Vec<_>>()
            })
        });
        let other = vec((text(), text()), 1..5);
        let entry = prop_oneof![3 => same, 1 => other];
        (prop_oneof![4 => btree_map(id(), entry.clone(), 0..20), 1 => btree_map(id(), entry, 120..260)], stream_meta()).prop_map(|(entries, meta)| {
            let mut parts = Vec::new();
            for (id, pairs) in entries {
                parts.push(Part::Entry(id));
                parts.extend(flat(pairs));
            }
            parts.push(Part::Stream(meta));
            parts
        })
    }

    fn flat(pairs: Vec<(Text, Text)>) -> impl Iterator<Item = Part> {
        pairs.into_iter().flat_map(|(field, value)| [Part::Item(field), Part::Item(value)])
    }

    fn module() -> impl Strategy<Value = Vec<Part>> {
        let field = prop_oneof![
            any::<i64>().prop_map(Part::Signed),
            any::<u64>().prop_map(Part::Unsigned),
            any::<f32>().prop_map(Part::Float),
            any::<f64>().prop_map(Part::Double),
            text().prop_map(Part::String),
        ];
        (vec(field, 0..20), 0..1024u16).prop_map(|(fields, version)| {
            let mut parts = vec![Part::Module(*b"ReJSON-_9", version)];
            parts.extend(fields);
            parts
        })
    }

    fn array() -> impl Strategy<Value = Vec<Part>> {
        let next = prop::option::of(1..=u64::MAX);
        let elements = btree_map(prop_oneof![0..50u64, 0..u64::MAX], text(), 1..30);
        (next, elements).prop_map(|(next, elements)| {
            let mut parts: Vec<Part> = next.map(Part::NextIndex).into_iter().collect();
            for (index, element) in elements {
                parts.extend([Part::Index(index), Part::Item(element)]);
            }
            parts
        })
    }

    fn value() -> impl Strategy<Value = (Kind, Vec<Part>)> {
        let items = |texts: Vec<Text>| texts.into_iter().map(Part::Item).collect();
        let some = |part: Option<u64>| part.map(Part::Expiry);
        let expiries = || vec(expiry(), 30);
        prop_oneof![
            text().prop_map(|text| (Kind::String, vec![Part::Item(text)])),
            vec(text(), 1..40).prop_map(move |texts| (Kind::List, items(texts))),
            names().prop_map(move |names| (Kind::Set, items(names))),
            pairs().prop_map(|pairs| (Kind::Hash, flat(pairs).collect())),
            (pairs(), vec(score(), 30)).prop_map(|(pairs, scores)| {
                let scored = pairs.into_iter().zip(scores);
                let parts =
                    scored.flat_map(|((name, _), score)| [Part::Item(name), Part::Score(score)]);
                (Kind::Zset, parts.collect())
            }),
            (names(), expiries()).prop_map(move |(names, expiries)| {
                let expiring = names.into_iter().zip(expiries);
                let parts =
                    expiring.flat_map(|(name, at)| [Some(Part::Item(name)), some(at)]).flatten();
                (Kind::Set, parts.collect())
            }),
            (pairs(), expiries()).prop_map(move |(pairs, expiries)| {
                let expiring = pairs.into_iter().zip(expiries);
                let parts = expiring.flat_map(|((field, value), at)| {
                    [Some(Part::Item(field)), Some(Part::Item(value)), some(at)]
                });
                (Kind::Hash, parts.flatten().collect())
            }),
            stream().prop_map(|parts| (Kind::Stream, parts)),
            module().prop_map(|parts| (Kind::Module, parts)),
            array().prop_map(|parts| (Kind::Array, parts)),
            (0..=i64::MAX).prop_map(|at| (Kind::Gcra, vec![Part::Item(Text::Int(at))])),
            btree_set(vec(any::<u8>(), 0..5), 1..5)
                .prop_flat_map(|paths| {
                    let fields = vec(pairs(), paths.len());
                    fields.prop_map(move |fields| (paths.clone(), fields))
                })
                .prop_map(|(paths, fields)| {
                    let mut parts = Vec::new();
                    for (path, fields) in paths.into_iter().zip(fields) {
                        parts.push(Part::Path(Text::Bytes(path)));
                        parts.extend(flat(fields));
                    }
                    (Kind::PathHash, parts)
                }),
        ]
    }

    fn key() -> impl Strategy<Value = Key> {
        let time = prop_oneof![Just(0), any::<i64>()].prop_filter("no time", |at| *at != -1);
        let meta = (
            prop_oneof![Just(0), Just(1), Just(70_000), Just(i32::MAX as u32)],
            prop::option::of(time),
            prop::option::of(any::<u64>()),
            prop::option::of(any::<u8>()),
        );
        let meta = meta.prop_map(|(db, expire_at, idle, freq)| Meta { db, expire_at, idle, freq });
        (vec(any::<u8>(), 0..20), meta, value()).prop_map(|(name, meta, (kind, parts))| Key {
            name,
            kind,
            meta,
            parts,
        })
    }

    impl Key {
        fn tell(&self, sink: &mut impl Sink) {
            assert!(sink.begin(&self.name, self.kind, &self.meta));
            self.parts.iter().for_each(|part| part.tell(sink));
            sink.end();
        }

        /// The key as the version has it, if it can hold such.
        fn of(mut self, dialect: Dialect) -> Option<Self> {
            let version = dialect.version();
            let redis = dialect.family() == Family::Redis;
            let expires = self.parts.iter().any(|part| matches!(part, Part::Expiry(_)));
            let has = match self.kind {
                Kind::Hash if expires => version >= 12,
                Kind::Set if expires => redis && version >= 17,
                Kind::Stream => version >= 9,
                Kind::Module => version >= 8,
                Kind::Array => redis && version >= 14,
                Kind::Gcra => redis && version >= 15,
                Kind::PathHash => version >= 81,
                _ => true,
            };
            if version < 9 {
                self.meta.idle = None;
                self.meta.freq = None;
            }
            if let Some(Part::Stream(meta)) = self.parts.last_mut() {
                of_version(meta, redis, version);
            }
            has.then_some(self)
        }
    }

    fn of_version(meta: &mut StreamMeta, redis: bool, version: u32) {
        if version < 10 {
            meta.first_id = None;
            meta.max_deleted_id = None;
            meta.entries_added = None;
        }
        if !redis || version < 13 {
            meta.idempotency = None;
        }
        for group in &mut meta.groups {
            if version < 10 {
                group.entries_read = None;
            }
            for consumer in &mut group.consumers {
                let active_at = consumer.active_at.unwrap_or(consumer.seen_at);
                consumer.active_at = (version >= 11).then_some(active_at);
            }
            if redis && version >= 14 {
                let free = group.pending.iter().filter(|pending| pending.consumer.is_none());
                // in no order of theirs
                group.nack = Some(free.map(|pending| pending.id).rev().collect());
            } else {
                group.pending.retain(|pending| pending.consumer.is_some());
            }
        }
    }

    fn dialects() -> impl Strategy<Value = Dialect> {
        let mut all: Vec<_> = (6..=17).map(|version| dialect(Family::Redis, version)).collect();
        all.extend([80, 81].map(|version| dialect(Family::Valkey, version)));
        prop::sample::select(all)
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn values(
            dialect in dialects(),
            aux in vec((text(), text()), 0..3),
            keys in vec(key(), 0..6),
        ) {
            let mut rewriter = Rewriter::new(Writer::new(dialect, Vec::new()));
            let mut expected = Json::default();
            for (name, value) in &aux {
                let bytes = |text: &Text| match text {
                    Text::Bytes(bytes) => bytes.clone(),
                    Text::Int(value) => value.to_string().into_bytes(),
                };
                rewriter.aux(&bytes(name), &bytes(value));
                if dialect.version() >= 7 {
                    expected.aux(&bytes(name), &bytes(value));
                }
            }
            let mut lacking = Vec::new();
            for key in keys {
                match key.clone().of(dialect) {
                    Some(key) => {
                        key.tell(&mut rewriter);
                        key.tell(&mut expected);
                    }
                    None => {
                        key.tell(&mut rewriter);
                        lacking.push(key.name);
                    }
                }
            }
            let found: Vec<_> = rewriter.lacking.iter().map(|(name, _)| name.clone()).collect();
            prop_assert_eq!(found, lacking);
            let file = rewriter.finish().unwrap();
            let found = read(&file);
            prop_assert_eq!(found.keys.len(), expected.keys.len());
            for (found, expected) in found.keys.iter().zip(&expected.keys) {
                prop_assert_eq!(found, expected);
            }
            prop_assert_eq!(found.aux, expected.aux);
        }
    }
}
