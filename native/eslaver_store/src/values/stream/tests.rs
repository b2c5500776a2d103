//! Entries against a map, whether they are packed, in one leaf or in many; and what a snapshot holds.

use std::collections::BTreeMap;

use eslaver_core::rdb::{self, Idempotency, StreamMeta};
use proptest::prelude::*;

use super::builder::Builder;
use super::*;
use crate::keyspace::entry::Entry as KeyEntry;
use crate::values::{Large, NewValue, ValueRef};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;
type Model = BTreeMap<StreamId, Fields>;

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId { ms, seq }
}

fn found(stream: &Stream) -> Vec<(StreamId, Fields)> {
    let bytes = |element: Element<'_>| element.to_bytes().into_owned();
    let entry = |entry: entry::Entry<'_>| {
        (entry.id(), entry.fields().map(|(name, value)| (bytes(name), bytes(value))).collect())
    };
    stream.entries.iter(0..stream.len()).map(entry).collect()
}

fn add(stream: &mut Stream, id: StreamId, fields: &Fields) -> bool {
    let fields = fields.iter().map(|(name, value)| (Element::Bytes(name), Element::Bytes(value)));
    stream.add(id, fields) == Some(Ok(()))
}

fn stream(entry: &KeyEntry) -> Stream {
    packed::of(entry.value()).unwrap().into_owned()
}

#[derive(Debug, Clone)]
enum Edit {
    /// How much more the id is, and the fields.
    Add(u64, u64, Fields),
    /// The how manieth of a hundred.
    Delete(u64),
    MaxLen(u64),
    MinId(u64),
    /// A reader takes a clone.
    Share,
}

fn fields() -> impl Strategy<Value = Fields> {
    let text = |len: std::ops::Range<usize>| proptest::collection::vec(any::<u8>(), len);
    let value = prop_oneof![
        4 => any::<i32>().prop_map(|value| value.to_string().into_bytes()),
        4 => text(0..12),
        1 => text(60..300),
    ];
    prop_oneof![
        // Mostly the same names.
        6 => proptest::collection::vec(value.clone(), 3).prop_map(|values| {
            [&b"temperature"[..], b"place", b"7"].map(<[u8]>::to_vec).into_iter().zip(values)
                .collect::<Fields>()
        }),
        1 => proptest::collection::vec((text(0..5), value), 0..4),
        1 => (2000usize..6000).prop_map(|len| vec![(b"place".to_vec(), vec![b'x'; len])]),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let more = || prop_oneof![Just(0u64), Just(1), 0u64..2000, Just(1 << 40)];
    prop_oneof![
        30 => (more(), more(), fields()).prop_map(|(ms, seq, fields)| Edit::Add(ms, seq, fields)),
        8 => (0u64..100).prop_map(Edit::Delete),
        1 => (0u64..300).prop_map(Edit::MaxLen),
        1 => (0u64..20).prop_map(Edit::MinId),
        1 => Just(Edit::Share),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn entries_are_a_map(edits in proptest::collection::vec(edit(), 0..700)) {
        let mut model = Model::new();
        let mut last = id(0, 0);
        let mut deleted = id(0, 0);
        let mut added = 0;
        let mut shared = Vec::new();
        let mut entry = KeyEntry::new(b"key", None, packed::new());
        for edit in edits {
            match edit {
                Edit::Add(ms, seq, fields) => {
                    let next = id(last.ms + ms, if ms == 0 { last.seq + seq } else { seq });
                    let pairs = fields.iter().map(|(name, value)| {
                        (Element::Bytes(name), Element::Bytes(value))
                    });
                    let is_new = packed::append(&mut entry, next, pairs)
                        || packed::change(&mut entry, |stream| add(stream, next, &fields));
                    prop_assert_eq!(is_new, next > last);
                    if is_new {
                        model.insert(next, fields);
                        last = next;
                        added += 1;
                    }
                }
                Edit::Delete(part) => {
                    let place = (model.len() as u64 * part / 100) as usize;
                    let gone = model.keys().nth(place).copied().unwrap_or(id(9, 9));
                    packed::change(&mut entry, |stream| stream.delete(&[gone], Policy::KeepRef));
                    if model.remove(&gone).is_some() {
                        deleted = deleted.max(gone);
                    }
                }
                Edit::MaxLen(most) => {
                    let limit = Limit::MaxLen(most);
                    packed::change(&mut entry, |stream| stream.trim(limit, Policy::Acked));
                    while model.len() as u64 > most {
                        model.pop_first();
                    }
                }
                Edit::MinId(part) => {
                    let place = (model.len() as u64 * part / 100) as usize;
                    let least = model.keys().nth(place).map_or(id(0, 0), |id| *id);
                    let limit = Limit::MinId(least);
                    packed::change(&mut entry, |stream| stream.trim(limit, Policy::KeepRef));
                    model = model.split_off(&least);
                }
                Edit::Share => shared.push((entry.clone(), model.clone())),
            }
        }
        shared.push((entry, model));
        for (entry, model) in &shared {
            let stream = stream(entry);
            let expected: Vec<(StreamId, Fields)> = model.clone().into_iter().collect();
            prop_assert_eq!(found(&stream), expected);
            for (rank, id) in (0..).zip(model.keys()) {
                prop_assert_eq!(stream.entries.rank_of(*id), Some(rank));
                prop_assert_eq!(stream.entries.rank_from(*id), rank);
                let behind = super::id::next(*id).unwrap();
                prop_assert_eq!(stream.entries.rank_from(behind), rank + 1);
                if !model.contains_key(&behind) {
                    prop_assert_eq!(stream.entries.rank_of(behind), None);
                }
            }
        }
        let (entry, _) = shared.pop().unwrap();
        let stream = stream(&entry);
        prop_assert_eq!(
            (stream.last_id, stream.max_deleted_id, stream.entries_added),
            (last, deleted, added)
        );
    }

    /// Runs of entries that go from anywhere.
    #[test]
    fn ranges_are_removed(
        entries in proptest::collection::vec(fields(), 1..120),
        ranges in proptest::collection::vec((0usize..120, 0usize..60), 0..12),
    ) {
        let mut stream = Stream::default();
        let mut model: Vec<(StreamId, Fields)> = Vec::new();
        for (fields, ms) in entries.into_iter().zip(1..) {
            prop_assert!(add(&mut stream, id(ms * 3, ms % 3), &fields));
            model.push((id(ms * 3, ms % 3), fields));
        }
        for (from, len) in ranges {
            let (from, to) = (from.min(model.len()), (from + len).min(model.len()));
            model.drain(from..to);
            drop(stream.entries.remove_range(from as u64..to as u64));
            prop_assert_eq!(&found(&stream), &model);
        }
    }
}

/// A stream of 10 entries is packed, one of 1,000 is not, nor one with groups; and the reverse.
#[test]
fn small_streams_are_packed() {
    let mut entry = KeyEntry::new(b"key", Some(7), packed::new());
    let is_packed = |entry: &KeyEntry| matches!(entry.value(), ValueRef::Packed { .. });
    let fields: Fields = [b"a", b"b", b"c"].map(|name| (name.to_vec(), b"value".to_vec())).into();
    for ms in 1..=1000 {
        packed::change(&mut entry, |stream| assert!(add(stream, id(ms, 0), &fields)));
        if ms <= 20 {
            assert!(is_packed(&entry), "{ms}");
        }
    }
    assert!(!is_packed(&entry));
    packed::change(&mut entry, |stream| stream.trim(Limit::MaxLen(5), Policy::KeepRef));
    assert!(is_packed(&entry));
    packed::change(&mut entry, |stream| {
        assert!(stream.groups.insert(Group::new(b"g", id(1, 0), None)));
    });
    assert!(!is_packed(&entry));
    packed::change(&mut entry, |stream| assert!(stream.groups.remove(b"g").is_some()));
    assert!(is_packed(&entry));
    assert_eq!((entry.key(), entry.expire_at()), (&b"key"[..], Some(7)));
    let stream = stream(&entry);
    assert_eq!((stream.len(), stream.last_id, stream.entries_added), (5, id(1000, 0), 1000));
}

/// Entries of the same fields take little more than their values.
#[test]
fn names_are_shared() {
    let mut stream = Stream::default();
    for ms in 0..1000 {
        let value = (100_000 + ms).to_string().into_bytes();
        let fields: Fields = ["temperature", "humidity", "pressure"]
            .map(|name| (name.as_bytes().to_vec(), value.clone()))
            .into();
        assert!(add(&mut stream, id(1_700_000_000_000 + 3 * ms, 0), &fields));
    }
    // Size, head, time and three integers of 4 bytes.
    assert!(stream.heap_bytes() < 1000 * 18, "{}", stream.heap_bytes());
}

fn build(entries: &[(StreamId, &[&str])], meta: StreamMeta) -> Result<NewValue, Refused> {
    let mut builder = Builder::new();
    for (id, items) in entries {
        builder.entry(*id)?;
        for item in *items {
            builder.item(Element::Bytes(item.as_bytes()))?;
        }
    }
    builder.finish(meta)
}

/// What a snapshot holds comes back as it was.
#[test]
fn snapshots_come_back() {
    let pending = |ms, consumer, delivered_at, deliveries| rdb::Pending {
        id: id(ms, 0),
        consumer,
        delivered_at,
        deliveries,
    };
    let consumer = |name: &str, active_at| rdb::Consumer {
        name: name.into(),
        seen_at: 40,
        active_at: Some(active_at),
    };
    let group = rdb::Group {
        name: b"g".to_vec(),
        last_id: id(5, 0),
        entries_read: Some(4),
        pending: vec![
            pending(1, Some(1), 10, 1),
            pending(2, None, 0, 2),
            pending(3, Some(0), 30, u64::MAX),
            pending(4, None, 0, 4),
        ],
        consumers: vec![consumer("c", -1), consumer("d", 41)],
        nack: Some(vec![id(4, 0), id(2, 0)]),
    };
    let other = rdb::Group { name: b"h".to_vec(), nack: Some(Vec::new()), ..rdb::Group::default() };
    let meta = StreamMeta {
        last_id: id(9, 9),
        first_id: Some(id(2, 0)),
        max_deleted_id: Some(id(1, 0)),
        entries_added: Some(7),
        groups: vec![group, other],
        idempotency: Some(Idempotency {
            duration: 60,
            max_size: 5,
            producers: vec![rdb::Producer {
                id: b"p".to_vec(),
                entries: vec![(b"i".to_vec(), id(2, 0)), (b"j".to_vec(), id(5, 1))],
            }],
            added: 3,
            duplicates: 2,
        }),
    };
    let entries: [(StreamId, &[&str]); 2] =
        [(id(2, 0), &["a", "1", "b", "2"]), (id(5, 1), &["a", "3", "b", "4"])];
    let NewValue::Large(Large::Stream(stream)) = build(&entries, meta.clone()).unwrap() else {
        panic!("packed");
    };
    assert_eq!(stream.to_meta(), meta);
    assert_eq!(found(&stream)[1].1[0], (b"a".to_vec(), b"3".to_vec()));
    let group = stream.groups.get(b"g").unwrap();
    assert_eq!(group.nacked(), 2);
}

/// Before Redis 7.0 nothing is counted.
#[test]
fn old_snapshots_are_counted() {
    let group = |name: &str, ms| rdb::Group {
        name: name.into(),
        last_id: id(ms, 0),
        ..rdb::Group::default()
    };
    let groups = vec![group("a", 0), group("b", 1), group("c", 2), group("d", 3)];
    let meta = StreamMeta { last_id: id(3, 0), groups, ..StreamMeta::default() };
    let entries: [(StreamId, &[&str]); 3] =
        [(id(1, 0), &["a", "1"]), (id(2, 0), &["a", "1"]), (id(3, 0), &["a", "1"])];
    let value = build(&entries, meta).unwrap();
    let stream = packed::of(value.as_ref()).unwrap();
    let read: Vec<Option<u64>> = stream.groups.iter().map(|group| group.entries_read).collect();
    assert_eq!(read, [Some(0), Some(1), None, Some(3)]);
    assert_eq!(stream.entries_added, 3);
}

#[test]
fn damaged_snapshots_are_refused() {
    for (entries, refused) in [
        ([(id(2, 0), &["a", "1"][..]), (id(2, 0), &["a", "1"][..])], Refused::Disorder),
        ([(id(1, 0), &["a"][..]), (id(2, 0), &["a", "1"][..])], Refused::Disorder),
    ] {
        assert_eq!(build(&entries, StreamMeta::default()).err(), Some(refused));
    }
}
