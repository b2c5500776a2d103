//! Which bytes are written, in which version, and which calls are refused.
#![allow(clippy::unwrap_used)]

mod support;

use eslaver_core::rdb::write::{
    Contents, Dialect, Output, PIECE, Server, StreamNodes, WriteError, Writer,
};
use eslaver_core::rdb::{
    Consumer, Family, Group, Item, Meta, ModuleField, Pending, StreamId, StreamMeta,
};
use support::build::{key, length, listpack, lp_int, lp_text, string};

type Written = Result<(), WriteError>;
type Calls = fn(&mut Writer<Vec<u8>>) -> Written;

const REDIS_2_8: (Family, u32) = (Family::Redis, 6);
const REDIS_6: (Family, u32) = (Family::Redis, 9);
const REDIS_7_0: (Family, u32) = (Family::Redis, 10);
const REDIS_7_2: (Family, u32) = (Family::Redis, 11);
const REDIS_7_4: (Family, u32) = (Family::Redis, 12);
const REDIS_8_6: (Family, u32) = (Family::Redis, 13);
const REDIS_8_8: (Family, u32) = (Family::Redis, 14);
const REDIS_8_10: (Family, u32) = (Family::Redis, 15);
const REDIS_8_12: (Family, u32) = (Family::Redis, 17);
const VALKEY_9: (Family, u32) = (Family::Valkey, 80);
const VALKEY_9_2: (Family, u32) = (Family::Valkey, 81);

fn writer((family, version): (Family, u32)) -> Writer<Vec<u8>> {
    Writer::new(Dialect::new(family, version).unwrap(), Vec::new())
}

fn snapshot((family, version): (Family, u32), body: &[u8]) -> Vec<u8> {
    match family {
        Family::Redis => support::snapshot(&format!("REDIS{version:04}"), body),
        Family::Valkey => support::snapshot(&format!("VALKEY{version:03}"), body),
    }
}

/// The calls write the key `k` of db 0, with this type and value.
fn writes(name: &str, version: (Family, u32), value_type: u8, value: Vec<u8>, calls: Calls) {
    let body = [&[254, 0], key(value_type, value).as_slice()].concat();
    let mut writer = writer(version);
    calls(&mut writer).unwrap();
    assert_eq!(writer.finish().unwrap(), snapshot(version, &body), "{name}");
}

fn begin(writer: &mut Writer<impl Output>, contents: Contents) -> Written {
    writer.begin(b"k", &Meta::default(), contents)
}

fn bytes(text: &str) -> Item<'_> {
    Item::Bytes(text.as_bytes())
}

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId { ms, seq }
}

#[test]
fn strings() {
    let table: &[(&str, Item<'_>, Vec<u8>)] = &[
        ("none", Item::Bytes(b""), vec![0]),
        ("a text", Item::Bytes(b"text"), string("text")),
        ("8 bits", Item::Int(-128), vec![0xc0, 0x80]),
        ("a text of 8 bits", Item::Bytes(b"127"), vec![0xc0, 127]),
        ("16 bits", Item::Int(128), vec![0xc1, 128, 0]),
        ("a text of 16 bits", Item::Bytes(b"-32768"), vec![0xc1, 0, 0x80]),
        ("32 bits", Item::Int(32_768), vec![0xc2, 0, 0x80, 0, 0]),
        ("a text of 32 bits", Item::Bytes(b"-2147483648"), vec![0xc2, 0, 0, 0, 0x80]),
        ("64 bits", Item::Int(2_147_483_648), string("2147483648")),
        ("a text of 64 bits", Item::Bytes(b"2147483648"), string("2147483648")),
        ("no integer", Item::Bytes(b"007"), string("007")),
        ("63 bytes", Item::Bytes(&[b'x'; 63]), string([b'x'; 63])),
        ("64 bytes", Item::Bytes(&[b'x'; 64]), string([b'x'; 64])),
        ("16,384 bytes", Item::Bytes(&[b'x'; 16_384]), string([b'x'; 16_384])),
    ];
    for (name, item, expected) in table {
        let mut writer = writer(REDIS_7_0);
        begin(&mut writer, Contents::String).unwrap();
        writer.item(*item).unwrap();
        writer.end().unwrap();
        let body = [&[254, 0], key(0, expected).as_slice()].concat();
        assert_eq!(writer.finish().unwrap(), snapshot(REDIS_7_0, &body), "{name}");
    }
}

#[test]
fn collections() {
    let texts = |texts: &[&str]| texts.iter().flat_map(string).collect::<Vec<_>>();
    writes("a list", REDIS_8_12, 1, [vec![2], texts(&["a", "b"])].concat(), |writer| {
        begin(writer, Contents::List { count: 2 })?;
        writer.item(bytes("a"))?;
        writer.item(bytes("b"))?;
        writer.end()
    });
    writes("a set", VALKEY_9, 2, [vec![2], texts(&["a"]), vec![0xc0, 7]].concat(), |writer| {
        begin(writer, Contents::Set { count: 2 })?;
        writer.item(bytes("a"))?;
        writer.item(Item::Int(7))?;
        writer.end()
    });
    writes("a hash", REDIS_2_8, 4, [vec![1], texts(&["f", "v"])].concat(), |writer| {
        begin(writer, Contents::Hash { count: 1 })?;
        writer.pair(bytes("f"), bytes("v"))?;
        writer.end()
    });
    let score = [vec![1], texts(&["m"]), 1.5_f64.to_le_bytes().to_vec()].concat();
    writes("a sorted set", REDIS_6, 5, score, |writer| {
        begin(writer, Contents::Zset { count: 1 })?;
        writer.scored(bytes("m"), 1.5)?;
        writer.end()
    });
    let score = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let value = [
        vec![5],
        texts(&["a"]),
        score("1.5e0"),
        texts(&["b"]),
        vec![254],
        texts(&["c"]),
        vec![255],
        texts(&["d"]),
        score("-0e0"),
        texts(&["e"]),
        score("1.7976931348623157e308"),
    ];
    writes("a sorted set of old", REDIS_2_8, 3, value.concat(), |writer| {
        begin(writer, Contents::Zset { count: 5 })?;
        writer.scored(bytes("a"), 1.5)?;
        writer.scored(bytes("b"), f64::INFINITY)?;
        writer.scored(bytes("c"), f64::NEG_INFINITY)?;
        writer.scored(bytes("d"), -0.0)?;
        writer.scored(bytes("e"), f64::MAX)?;
        writer.end()
    });
}

#[test]
fn expiries() {
    let hash: Calls = |writer| {
        begin(writer, Contents::ExpiringHash { count: 3, least_expiry: 1000 })?;
        writer.expiring_pair(bytes("a"), bytes("1"), 1000)?;
        writer.pair(bytes("b"), bytes("x"))?;
        writer.expiring_pair(bytes("c"), bytes("y"), 1062)?;
        writer.end()
    };
    let (a, b, c) = (
        [string("a"), vec![0xc0, 1]].concat(),
        [string("b"), string("x")].concat(),
        [string("c"), string("y")].concat(),
    );
    let least = || 1000_u64.to_le_bytes().to_vec();
    let value =
        [least(), vec![3], vec![1], a.clone(), vec![0], b.clone(), vec![63], c.clone()].concat();
    writes("a hash of Redis", REDIS_7_4, 24, value, hash);
    let time = |at: i64| at.to_le_bytes().to_vec();
    let value = [vec![3], a, time(1000), b, time(-1), c, time(1062)].concat();
    writes("a hash of Valkey", VALKEY_9, 22, value, hash);
    let value = [least(), vec![2, 0], string("a"), vec![1], string("b")].concat();
    writes("a set", REDIS_8_12, 35, value, |writer| {
        begin(writer, Contents::ExpiringSet { count: 2, least_expiry: 1000 })?;
        writer.item(bytes("a"))?;
        writer.expiring_item(bytes("b"), 1000)?;
        writer.end()
    });
}

#[test]
fn newer_types() {
    let value = [vec![2, 1, 9, 5, 3], string("a"), vec![6, 1], 99_i64.to_le_bytes().to_vec()];
    let value = value.concat();
    writes("an array", REDIS_8_8, 28, value, |writer| {
        begin(writer, Contents::Array { count: 2, next_index: Some(10) })?;
        writer.indexed(5, bytes("a"))?;
        writer.indexed(6, bytes("99"))?;
        writer.end()
    });
    writes("a rate limiter", REDIS_8_10, 33, length(1 << 40), |writer| {
        begin(writer, Contents::Gcra)?;
        writer.item(Item::Int(1 << 40))?;
        writer.end()
    });
    let value = [vec![1], string("p"), vec![1], string("f"), string("v")].concat();
    writes("a path hash", VALKEY_9_2, 23, value, |writer| {
        begin(writer, Contents::PathHash { count: 1 })?;
        writer.path(bytes("p"), 1)?;
        writer.pair(bytes("f"), bytes("v"))?;
        writer.end()
    });
    let value =
        [length(1), vec![2, 7, 1], length(u64::MAX), vec![5], string("s"), vec![0]].concat();
    writes("a module's value", REDIS_6, 7, value, |writer| {
        begin(writer, Contents::Module { name: *b"AAAAAAAAA", version: 1 })?;
        writer.module_field(ModuleField::Unsigned(7))?;
        writer.module_field(ModuleField::Signed(-1))?;
        writer.module_field(ModuleField::String(bytes("s")))?;
        writer.end()
    });
}

/// Two entries of the same fields and one of others, and a group.
fn a_stream(writer: &mut Writer<Vec<u8>>) -> Written {
    let mut nodes = StreamNodes::new();
    for bytes in [2, 2, 4] {
        nodes.add(bytes);
    }
    begin(writer, Contents::Stream { nodes })?;
    writer.entry(id(5, 1), 1, 2)?;
    writer.pair(bytes("f"), bytes("1"))?;
    writer.entry(id(6, 0), 1, 2)?;
    writer.pair(bytes("f"), bytes("v"))?;
    writer.entry(id(6, 1), 2, 4)?;
    writer.pair(bytes("f"), bytes("x"))?;
    writer.pair(bytes("g"), bytes("y"))?;
    writer.stream(&StreamMeta {
        last_id: id(6, 1),
        groups: vec![Group {
            name: b"g".to_vec(),
            last_id: id(5, 1),
            pending: vec![Pending {
                id: id(5, 1),
                consumer: Some(0),
                delivered_at: 77,
                deliveries: 3,
            }],
            consumers: vec![Consumer { name: b"c".to_vec(), seen_at: 77, active_at: None }],
            ..Group::default()
        }],
        ..StreamMeta::default()
    })?;
    writer.end()
}

#[test]
fn streams() {
    let raw = |ms: u64, seq: u64| [ms.to_be_bytes(), seq.to_be_bytes()].concat();
    let (f, g, x, y, v) =
        (lp_text(b"f"), lp_text(b"g"), lp_text(b"x"), lp_text(b"y"), lp_text(b"v"));
    let int = |values: &[i64]| values.iter().map(|value| lp_int(*value)).collect::<Vec<_>>();
    let entries = [
        int(&[3, 0, 1]),
        vec![f.clone()],
        int(&[0]),
        int(&[2, 0, 0, 1, 4]),
        [int(&[2, 1, -1]), vec![v], int(&[4])].concat(),
        [int(&[0, 1, 0, 2]), vec![f, x, g, y], int(&[8])].concat(),
    ];
    let node = [vec![1, 16], raw(5, 1), string(listpack(&entries.concat()))].concat();
    let seen = 77_i64.to_le_bytes().to_vec();
    let pending = [vec![1], raw(5, 1), seen.clone(), vec![3]].concat();
    let (group, consumer) = ([string("g"), vec![5, 1]].concat(), [vec![1], string("c")].concat());
    let owned = [vec![1], raw(5, 1)].concat();
    let unknown = length(u64::MAX);
    let defaults = || vec![0x40, 100, 0x40, 100, 0, 0, 0];

    let parts = [&node, &vec![3, 6, 1, 1], &group, &pending, &consumer, &seen, &owned];
    writes("Redis 5 to 6", REDIS_6, 15, parts.map(Vec::as_slice).concat(), a_stream);

    let totals = vec![3, 6, 1, 5, 1, 0, 0, 3, 1];
    let parts = [&node, &totals, &group, &unknown, &pending, &consumer, &seen, &owned];
    writes("Redis 7.0", REDIS_7_0, 19, parts.map(Vec::as_slice).concat(), a_stream);

    let parts = [&node, &totals, &group, &unknown, &pending, &consumer, &seen, &seen, &owned];
    let redis_7_2 = parts.map(Vec::as_slice).concat();
    writes("Redis 7.2", REDIS_7_2, 21, redis_7_2.clone(), a_stream);
    writes("Redis 7.4", REDIS_7_4, 21, redis_7_2.clone(), a_stream);
    writes("Valkey 9", VALKEY_9, 21, redis_7_2.clone(), a_stream);
    writes("Redis 8.6", REDIS_8_6, 26, [redis_7_2.clone(), defaults()].concat(), a_stream);
    writes("Redis 8.8", REDIS_8_8, 27, [redis_7_2, vec![0], defaults()].concat(), a_stream);
}

#[test]
fn nodes_end_where_servers_end_them() {
    let first = |sizes: &[usize]| {
        let mut nodes = StreamNodes::new();
        sizes.iter().map(|size| nodes.add(*size)).collect::<Vec<_>>()
    };
    assert_eq!(first(&[10, 10]), [true, false]);
    assert_eq!(first(&[4000, 96, 1]), [true, false, true]);
    assert_eq!(first(&[5000, 5000, 1]), [true, true, true]);
    assert_eq!(first(&[usize::MAX, usize::MAX]), [true, true]);
    let many: Vec<usize> = first(&[1; 250])
        .iter()
        .enumerate()
        .filter_map(|(index, first)| first.then_some(index))
        .collect();
    assert_eq!(many, [0, 100, 200]);
}

#[test]
fn what_stands_beside_keys() {
    let calls = |writer: &mut Writer<Vec<u8>>| {
        writer.aux(b"redis-ver", b"1")?;
        writer.database(3, 2, 1)?;
        for (name, db) in [(b"a", 3), (b"b", 3), (b"c", 0)] {
            let meta = Meta { db, expire_at: Some(-1), idle: Some(64), freq: Some(5) };
            writer.begin(name, &meta, Contents::String)?;
            writer.item(Item::Int(1))?;
            writer.end()?;
        }
        Ok::<(), WriteError>(())
    };
    let time = [&[252], (-2_i64).to_le_bytes().as_slice()].concat();
    let aux = [vec![250], string("redis-ver"), vec![0xc0, 1]].concat();
    let key = |name: u8| vec![0, 1, name, 0xc0, 1];
    let usage = vec![248, 0x40, 64, 249, 5];
    let table = [
        (REDIS_2_8, vec![], vec![], vec![]),
        (REDIS_6, aux.clone(), vec![251, 2, 1], usage.clone()),
        (VALKEY_9, aux, vec![251, 2, 1], usage),
    ];
    for (version, aux, sizes, usage) in table {
        let mut writer = writer(version);
        calls(&mut writer).unwrap();
        let before = [aux, vec![254, 3], sizes].concat();
        let keys = [b'a', b'b', b'c'].map(|name| {
            let db = if name == b'c' { vec![254, 0] } else { vec![] };
            [db, time.clone(), usage.clone(), key(name)].concat()
        });
        let expected = snapshot(version, &[before, keys.concat()].concat());
        assert_eq!(writer.finish().unwrap(), expected, "{version:?}");
    }
    let mut writer = writer(VALKEY_9);
    writer.function(b"12").unwrap();
    assert_eq!(writer.finish().unwrap(), snapshot(VALKEY_9, &[245, 2, b'1', b'2']));
}

#[test]
fn pieces_are_bounded_and_long_strings_are_not_copied() {
    let large: Vec<u8> = (0..3 * PIECE + 5).map(|index| (index * 7) as u8).collect();
    let mut sizes = Vec::new();
    let mut file = Vec::new();
    let mut take = |bytes: &[u8]| {
        sizes.push(bytes.len());
        file.extend_from_slice(bytes);
    };
    let version = Dialect::of_server(Server::Redis, 7, 0).unwrap();
    let mut writer = Writer::new(version, &mut take);
    begin(&mut writer, Contents::Pieces { length: large.len() as u64 }).unwrap();
    writer.piece(&large[..10]).unwrap();
    writer.piece(&large[10..]).unwrap();
    writer.end().unwrap();
    begin(&mut writer, Contents::List { count: 100_000 }).unwrap();
    for _ in 0..100_000 {
        writer.item(bytes("abc")).unwrap();
    }
    writer.end().unwrap();
    writer.finish().unwrap();
    assert!(sizes.iter().all(|size| (1..=PIECE).contains(size)));
    assert!(sizes.len() < 20);
    let value = string(&large);
    let list = [length(100_000), string("abc").repeat(100_000)].concat();
    let body = [&[254, 0], key(0, value).as_slice(), &key(1, list)].concat();
    assert!(file == snapshot(REDIS_7_0, &body));
}

#[test]
fn what_a_version_lacks() {
    let least_expiry = 1;
    let table = [
        (REDIS_6, Contents::ExpiringHash { count: 1, least_expiry }, "hash whose fields expire"),
        (REDIS_8_10, Contents::ExpiringSet { count: 1, least_expiry }, "set whose members expire"),
        (VALKEY_9_2, Contents::ExpiringSet { count: 1, least_expiry }, "set whose members expire"),
        (REDIS_2_8, Contents::Stream { nodes: StreamNodes::new() }, "stream"),
        (REDIS_2_8, Contents::Module { name: *b"AAAAAAAAA", version: 0 }, "module's value"),
        (REDIS_8_6, Contents::Array { count: 1, next_index: None }, "array"),
        (VALKEY_9, Contents::Array { count: 1, next_index: None }, "array"),
        (REDIS_8_8, Contents::Gcra, "rate limiter"),
        (VALKEY_9, Contents::PathHash { count: 1 }, "path hash"),
        (REDIS_8_12, Contents::PathHash { count: 1 }, "path hash"),
    ];
    for (version, contents, what) in table {
        let mut writer = writer(version);
        let (family, number) = version;
        let expected = format!("RDB version {number} of {family} has no {what}");
        assert_eq!(begin(&mut writer, contents).unwrap_err().to_string(), expected);
        // and nothing of it was written
        assert_eq!(writer.finish().unwrap(), snapshot(version, &[]), "{what}");
    }
    assert!(writer(REDIS_6).function(b"code").is_err());
}

/// Each is refused, and the file cannot be finished as long as a value is not complete.
#[test]
fn out_of_place() {
    let table: &[(&str, Calls)] = &[
        ("an item between values", |writer| writer.item(bytes("a"))),
        ("an end between values", |writer| writer.end()),
        ("an empty list", |writer| begin(writer, Contents::List { count: 0 })),
        ("an empty hash", |writer| begin(writer, Contents::Hash { count: 0 })),
        ("a key within another", |writer| {
            begin(writer, Contents::String)?;
            begin(writer, Contents::String)
        }),
        ("an auxiliary field within a key", |writer| {
            begin(writer, Contents::String)?;
            writer.aux(b"a", b"b")
        }),
        ("too few elements", |writer| {
            begin(writer, Contents::List { count: 2 })?;
            writer.item(bytes("a"))?;
            writer.end()
        }),
        ("too many elements", |writer| {
            begin(writer, Contents::Set { count: 1 })?;
            writer.item(bytes("a"))?;
            writer.item(bytes("b"))
        }),
        ("a pair in a list", |writer| {
            begin(writer, Contents::List { count: 2 })?;
            writer.pair(bytes("a"), bytes("b"))
        }),
        ("an item in a hash", |writer| {
            begin(writer, Contents::Hash { count: 2 })?;
            writer.item(bytes("a"))
        }),
        ("an expiry in a plain hash", |writer| {
            begin(writer, Contents::Hash { count: 2 })?;
            writer.expiring_pair(bytes("a"), bytes("b"), 1)
        }),
        ("an expiry before the least", |writer| {
            begin(writer, Contents::ExpiringHash { count: 1, least_expiry: 10 })?;
            writer.expiring_pair(bytes("a"), bytes("b"), 9)
        }),
        ("an expiry beyond 48 bits", |writer| {
            begin(writer, Contents::ExpiringHash { count: 1, least_expiry: 10 })?;
            writer.expiring_pair(bytes("a"), bytes("b"), 1 << 48)
        }),
        ("a least expiry beyond 48 bits", |writer| {
            begin(writer, Contents::ExpiringSet { count: 1, least_expiry: 1 << 48 })
        }),
        ("no number as score", |writer| {
            begin(writer, Contents::Zset { count: 1 })?;
            writer.scored(bytes("a"), f64::NAN)
        }),
        ("a long piece", |writer| {
            begin(writer, Contents::Pieces { length: 3 })?;
            writer.piece(b"abcd")
        }),
        ("a short piece", |writer| {
            begin(writer, Contents::Pieces { length: 3 })?;
            writer.piece(b"ab")?;
            writer.end()
        }),
        ("a text as a rate limiter's time", |writer| {
            begin(writer, Contents::Gcra)?;
            writer.item(bytes("1"))
        }),
        ("a rate limiter's time below 0", |writer| {
            begin(writer, Contents::Gcra)?;
            writer.item(Item::Int(-1))
        }),
        ("an array's last index", |writer| {
            begin(writer, Contents::Array { count: 1, next_index: None })?;
            writer.indexed(u64::MAX, bytes("a"))
        }),
        ("an array's cursor of 0", |writer| {
            begin(writer, Contents::Array { count: 1, next_index: Some(0) })
        }),
        ("a module's name", |writer| {
            begin(writer, Contents::Module { name: *b"AAAA AAAA", version: 0 })
        }),
        ("a module's field in a string", |writer| {
            begin(writer, Contents::String)?;
            writer.module_field(ModuleField::Signed(1))
        }),
        ("entries that were not counted", |writer| {
            begin(writer, Contents::Stream { nodes: StreamNodes::new() })?;
            writer.entry(id(1, 1), 1, 2)?;
            writer.pair(bytes("a"), bytes("b"))?;
            writer.stream(&StreamMeta::default())
        }),
        ("an entry with a smaller id", |writer| {
            begin(writer, Contents::Stream { nodes: StreamNodes::new() })?;
            writer.entry(id(1, 1), 0, 0)?;
            writer.entry(id(1, 1), 0, 0)
        }),
        ("an entry within another", |writer| {
            begin(writer, Contents::Stream { nodes: StreamNodes::new() })?;
            writer.entry(id(1, 1), 1, 0)?;
            writer.entry(id(1, 2), 1, 0)
        }),
        ("a field too many", |writer| {
            begin(writer, Contents::Stream { nodes: StreamNodes::new() })?;
            writer.entry(id(1, 1), 0, 0)?;
            writer.pair(bytes("a"), bytes("b"))
        }),
        ("a stream's end before its groups", |writer| {
            begin(writer, Contents::Stream { nodes: StreamNodes::new() })?;
            writer.end()
        }),
        ("a pending entry of nobody", |writer| {
            begin(writer, Contents::Stream { nodes: StreamNodes::new() })?;
            let pending = vec![Pending { consumer: Some(0), ..Pending::default() }];
            let groups = vec![Group { pending, ..Group::default() }];
            writer.stream(&StreamMeta { groups, ..StreamMeta::default() })
        }),
    ];
    for (name, calls) in table {
        let mut writer = writer(REDIS_8_12);
        assert!(matches!(calls(&mut writer), Err(WriteError::OutOfPlace(_))), "{name}");
    }
}

#[test]
fn what_is_broken_off_is_no_file() {
    let mut cut = writer(REDIS_8_12);
    begin(&mut cut, Contents::List { count: 1 }).unwrap();
    assert!(cut.finish().is_err());

    let mut given_back = writer(REDIS_7_4);
    begin(&mut given_back, Contents::Stream { nodes: StreamNodes::new() }).unwrap();
    let groups = vec![Group { pending: vec![Pending::default()], ..Group::default() }];
    let meta = StreamMeta { groups, ..StreamMeta::default() };
    let error = given_back.stream(&meta).unwrap_err();
    assert!(matches!(error, WriteError::Unsupported { .. }));
    assert!(given_back.end().is_err());
    assert!(begin(&mut given_back, Contents::String).is_err());
    assert!(given_back.finish().is_err());
}
