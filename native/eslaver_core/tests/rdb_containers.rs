//! Packed values and streams, written by hand: every form of an entry, and every kind of damage.
#![allow(clippy::unwrap_used)]

mod support;

use eslaver_core::rdb::Nothing;
use serde_json::{Value, json};
use support::build::{
    Expected, check, intset, key, length, listpack, lp_int, lp_text, packed, string, ziplist,
    zl_int, zl_text,
};

const REDIS: &str = "REDIS0013";

fn one(kind: &str, value: Value) -> Expected {
    Ok(json!([{"db": 0, "key": "k", "type": kind, "value": value}]))
}

fn good(name: &str, body: &[u8], kind: &str, value: Value) {
    check(name, &support::snapshot(REDIS, body), &one(kind, value));
}

/// Damage of a container that is the whole value, or a stream's.
fn bad(value_type: u8, body: &[u8], what: &str) {
    let offset = match body {
        [24..=25, ..] => 20,
        [15..=26, ..] if what.contains("stream") || value_type == 15 => 13,
        [14 | 18, ..] => 13,
        _ => 12,
    };
    let error = format!("{what} at byte {offset} of the snapshot (key \"k\", type {value_type})");
    let error: &'static str = Box::leak(error.into_boxed_str());
    check(error, &support::snapshot(REDIS, body), &Err(error));
}

fn bad_packed(value_type: u8, container: &[u8], what: &str) {
    bad(value_type, &packed(value_type, container), what);
}

/// The container with these bytes in place of those at `at`.
fn patched(container: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut container = container.to_vec();
    container[at..at + bytes.len()].copy_from_slice(bytes);
    container
}

#[test]
fn intsets() {
    good("16", &packed(11, &intset(2, &[-32768, 5])), "set", json!(["-32768", "5"]));
    good("32", &packed(11, &intset(4, &[-5, 1 << 20])), "set", json!(["-5", "1048576"]));
    good("64", &packed(11, &intset(8, &[i64::MIN])), "set", json!(["-9223372036854775808"]));
    let count = "corrupt intset: its count does not match its length (byte 4 within it)";
    let width = "corrupt intset: its integers are neither 2, 4 nor 8 bytes wide (byte 0 within it)";
    bad_packed(
        11,
        &[2, 0, 0, 0, 1, 0, 0],
        "corrupt intset: it is shorter than its header (byte 0 within it)",
    );
    bad_packed(11, &patched(&intset(2, &[1]), 0, &[3]), width);
    bad_packed(11, &patched(&intset(2, &[1]), 0, &[0]), width);
    bad_packed(11, &intset(2, &[]), count);
    bad_packed(11, &patched(&intset(2, &[1]), 4, &[2]), count);
    bad_packed(11, &patched(&intset(2, &[1]), 4, &[255; 4]), count);
    let order = "corrupt intset: its integers are not ascending (byte 10 within it)";
    bad_packed(11, &intset(2, &[2, 1]), order);
    bad_packed(11, &intset(2, &[2, 2]), order);
}

#[test]
fn zipmaps() {
    let long = [&[254, 3, 0, 0, 0], b"abc".as_slice(), &[254, 1, 0, 0, 0, 2], b"v..", &[255]];
    let long = [&[1], long.concat().as_slice()].concat();
    good("long lengths, unused bytes", &packed(9, &long), "hash", json!([["abc", "v"]]));
    let many = patched(&long, 0, &[254]);
    good("an unknown count", &packed(9, &many), "hash", json!([["abc", "v"]]));
    let bad = |bytes: &[u8], what: &str, at: usize| {
        bad_packed(9, bytes, &format!("corrupt zipmap: {what} (byte {at} within it)"));
    };
    bad(&[], "it is empty", 0);
    bad(&[0, 255], "it holds nothing", 1);
    bad(&[0], "it ends within an entry", 1);
    bad(&[1, 1, b'f', 1, 0, b'v'], "it ends within an entry", 6);
    bad(&[1, 1, b'f', 255], "it ends within an entry", 3);
    bad(&[1, 1, b'f', 1], "it ends within an entry", 3);
    bad(&[1, 1, b'f', 1, 3, b'v', 255], "it ends within an entry", 3);
    bad(&[1, 254, 255, 255, 255, 255, b'f', 255], "it ends within an entry", 1);
    bad(&[1, 1, b'f', 1, 0, b'v', 255, 255], "0xff before its end", 6);
    bad(&[2, 1, b'f', 1, 0, b'v', 255], "its count is not the one in its header", 0);
    bad(&[255, 1, b'f', 1, 0, b'v', 255], "its count is not the one in its header", 0);
}

#[test]
fn ziplists() {
    let texts: [&[u8]; 4] = [b"", &[b'a'; 63], &[b'b'; 64], &[b'c'; 300]];
    let mut entries: Vec<Vec<u8>> = texts.iter().map(|text| zl_text(text)).collect();
    entries.push([&[0x80, 0, 0, 0, 1], b"x".as_slice()].concat());
    entries.extend([0, 12, 13, -128, -129, 32768, -(1 << 23), 1 << 23, i64::MIN].map(zl_int));
    let mut found: Vec<String> =
        texts.iter().map(|text| String::from_utf8(text.to_vec()).unwrap()).collect();
    found.extend(
        ["x", "0", "12", "13", "-128", "-129", "32768", "-8388608", "8388608"].map(Into::into),
    );
    found.push(i64::MIN.to_string());
    good("every form", &packed(10, &ziplist(&entries)), "list", json!(found));
    let two = ziplist(&[zl_text(b"ab"), zl_int(1)]); // entries at 10 and 14, end at 16
    good(
        "a long length before",
        &packed(10, &[20, 0, 0, 0, 13, 0, 0, 0, 2, 0, 0, 1, b'a', 254, 3, 0, 0, 0, 0xf2, 255]),
        "list",
        json!(["a", "1"]),
    );
    good(
        "an unknown count",
        &packed(10, &patched(&two, 8, &[255, 255])),
        "list",
        json!(["ab", "1"]),
    );
    let bad = |bytes: &[u8], what: &str, at: usize| {
        bad_packed(10, bytes, &format!("corrupt ziplist: {what} (byte {at} within it)"));
    };
    bad(&two[..9], "it is shorter than its header", 0);
    bad(&two[..16], "its length is not the one in its header", 0);
    bad(&patched(&two[..10], 0, &[10]), "it does not end with 0xff", 9);
    bad(&patched(&two, 16, &[0]), "it does not end with 0xff", 16);
    bad(&patched(&two, 14, &[255]), "0xff before its end", 14);
    bad(&patched(&two, 4, &[10]), "its last entry is not where its header says", 4);
    bad(&patched(&two, 8, &[3]), "its count is not the one in its header", 8);
    bad(&patched(&two, 14, &[3]), "an entry's length of the one before it", 14);
    bad(&patched(&two, 10, &[1]), "an entry's length of the one before it", 10);
    bad(&patched(&two, 14, &[254]), "it ends within an entry", 14);
    for first in [0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc1, 0xd0, 0xe0, 0xef, 0xf0, 0xff] {
        bad(&patched(&two, 15, &[first]), "an invalid entry", 14);
    }
    let ends = patched(&ziplist(&[zl_text(b"abc")]), 11, &[4]);
    bad(&ends, "it ends within an entry", 16);
    let odd = ziplist(&[zl_text(b"f")]);
    let half = "a field without a value, or a member without a score";
    bad_packed(12, &odd, half);
    bad_packed(13, &odd, half);
    scores_as_text(12, |text| ziplist(&[zl_text(b"m"), zl_text(text)]));
    good("pairs", &packed(13, &two), "hash", json!([["ab", "1"]]));
    good("scores", &packed(12, &two), "zset", json!([["ab", "3ff0000000000000"]]));
    for value_type in [10, 12, 13] {
        let empty = support::snapshot(REDIS, &packed(value_type, &ziplist(&[])));
        check("nothing in it: left out", &empty, &Ok(json!([])));
    }
}

#[test]
fn listpacks() {
    // Up to where an entry's length behind it takes one byte more: 127, 16382, 2097150.
    let sizes = [0, 63, 64, 125, 126, 4095, 4096, 16_377, 16_378, 2_097_145, 2_097_146];
    let texts = sizes.map(|size| vec![b'a'; size]);
    let mut entries: Vec<Vec<u8>> = texts.iter().map(|text| lp_text(text)).collect();
    let ints = [
        0,
        127,
        128,
        -1,
        4095,
        -4096,
        4096,
        -32768,
        32768,
        -(1 << 23),
        1 << 23,
        -(1 << 31),
        1 << 31,
        i64::MIN,
        i64::MAX,
    ];
    entries.extend(ints.map(lp_int));
    let mut found: Vec<String> =
        texts.into_iter().map(|text| String::from_utf8(text).unwrap()).collect();
    found.extend(ints.map(|value| value.to_string()));
    good("every form", &packed(20, &listpack(&entries)), "set", json!(found));
    let two = listpack(&[lp_text(b"ab"), lp_int(1)]); // entries at 6 and 10, end at 12
    good(
        "an unknown count",
        &packed(20, &patched(&two, 4, &[255, 255])),
        "set",
        json!(["ab", "1"]),
    );
    let bad = |bytes: &[u8], what: &str, at: usize| {
        bad_packed(20, bytes, &format!("corrupt listpack: {what} (byte {at} within it)"));
    };
    bad(&two[..5], "it is shorter than its header", 0);
    bad(&two[..12], "its length is not the one in its header", 0);
    bad(&patched(&two[..6], 0, &[6]), "it does not end with 0xff", 5);
    bad(&patched(&two, 12, &[1]), "it does not end with 0xff", 12);
    bad(&patched(&two, 6, &[255]), "0xff before its end", 6);
    bad(&patched(&two, 4, &[1]), "its count is not the one in its header", 4);
    bad(&patched(&two, 9, &[2]), "an entry's length from its end", 9);
    bad(&patched(&two, 11, &[2]), "an entry's length from its end", 11);
    for first in [0xbf, 0xef, 0xf0, 0xf2, 0xf3, 0xf4, 0xf5, 0xfe] {
        bad(&patched(&two, 10, &[first]), "an invalid entry", 10);
    }
    bad(&patched(&two, 10, &[0xf1]), "an entry's length from its end", 13);
    bad(&patched(&two, 10, &[0xc1]), "an entry's length from its end", 12);
    bad(&patched(&two, 10, &[0x81]), "an entry's length from its end", 12);
    let eats_its_end = patched(&listpack(&[lp_text(b"abc")]), 6, &[0x84]);
    bad(&eats_its_end, "an entry's length from its end", 11);
    let long = listpack(&[lp_text(&[b'x'; 126])]); // 128 bytes: two of length behind it
    bad(&patched(&long, 6 + 128, &[0x81]), "an entry's length from its end", 6 + 128);
    bad(&patched(&long, 6 + 129, &[0x00]), "an entry's length from its end", 6 + 128);
    let half = "a field without a value, or a member without a score";
    bad_packed(16, &listpack(&[lp_int(1)]), half);
    bad_packed(17, &listpack(&[lp_int(1)]), half);
    good("pairs", &packed(16, &two), "hash", json!([["ab", "1"]]));
    good("scores", &packed(17, &two), "zset", json!([["ab", "3ff0000000000000"]]));
    for value_type in [16, 17, 20] {
        let empty = support::snapshot(REDIS, &packed(value_type, &listpack(&[])));
        check("nothing in it: left out", &empty, &Ok(json!([])));
    }
}

/// Servers read the number at the start of such a text, and take one without for 0.
fn scores_as_text(value_type: u8, container: impl Fn(&[u8]) -> Vec<u8>) {
    let rows: [(&[u8], f64); 7] = [
        (b"x", 0.0),
        (b"", 0.0),
        (b" 1.5", 1.5),
        (b"-2e3 and more", -2000.0),
        (b"1.5x", 1.5),
        (b"inf", f64::INFINITY),
        (b"-inf", f64::NEG_INFINITY),
    ];
    for (text, score) in rows {
        let scores = json!([["m", format!("{:016x}", score.to_bits())]]);
        good("a score", &packed(value_type, &container(text)), "zset", scores);
    }
    for text in ["nan", "0x10"] {
        let scores = container(text.as_bytes());
        bad_packed(value_type, &scores, "a sorted set's score is not a number");
    }
}

#[test]
fn listpacks_of_fields_that_expire() {
    let with = |entries: &[Vec<u8>]| key(25, [vec![0; 8], string(listpack(entries))].concat());
    let pair = [lp_text(b"f"), lp_text(b"v")];
    let at = |at: Vec<u8>| with(&[pair[0].clone(), pair[1].clone(), at]);
    good("a field", &at(lp_int(5)), "hash", json!([["f", "v", 5]]));
    good("none", &at(lp_int(0)), "hash", json!([["f", "v"]]));
    good("a time as text", &at(lp_text(b"7")), "hash", json!([["f", "v", 7]]));
    let before = packed(23, &listpack(&[pair[0].clone(), pair[1].clone(), lp_int(5)]));
    good("of a release candidate", &before, "hash", json!([["f", "v", 5]]));
    bad(25, &at(lp_int(-1)), "invalid time to live of a field or member");
    bad(25, &at(lp_int(1 << 48)), "invalid time to live of a field or member");
    bad(
        25,
        &at(lp_text(b"x")),
        "corrupt listpack: a string where an integer was expected (byte 12 within it)",
    );
    bad(
        25,
        &with(&pair),
        "corrupt listpack: it ends where an integer was expected (byte 12 within it)",
    );
    bad(
        25,
        &with(&pair[..1]),
        "corrupt listpack: it ends where an entry was expected (byte 9 within it)",
    );
    let empty = support::snapshot(REDIS, &with(&[]));
    check("nothing in it: left out", &empty, &Ok(json!([])));
}

/// In each encoding, whether the two are written the same way or not.
#[test]
fn duplicates() {
    let bad = |value_type: u8, body: Vec<u8>, offset: usize| {
        let error = format!(
            "a duplicate field or member at byte {offset} of the snapshot (key \"k\", type {value_type})"
        );
        let error: &'static str = Box::leak(error.into_boxed_str());
        check(error, &support::snapshot(REDIS, &key(value_type, body)), &Err(error));
    };
    let (a, seven, one) = (string("a"), string("7"), string("1"));
    bad(2, [&[2], a.as_slice(), &a].concat(), 15);
    bad(2, [&[2, 0xc0, 7], seven.as_slice()].concat(), 15);
    bad(3, [&[2], a.as_slice(), &[1, b'1'], &a, &[1, b'2']].concat(), 17);
    bad(4, [&[2], a.as_slice(), &one, &a, &seven].concat(), 17);
    bad(5, [&[2], a.as_slice(), &[0; 8], &a, &[0; 8]].concat(), 23);
    bad(22, [&[2, 0], a.as_slice(), &one, &[0], &a, &seven].concat(), 18);
    bad(9, string(b"\x02\x01a\x01\x00b\x01a\x01\x00c\xff"), 12);
    let pairs = [zl_text(b"a"), zl_int(1), zl_text(b"a"), zl_int(2)];
    bad(12, string(ziplist(&pairs)), 12);
    bad(13, string(ziplist(&pairs)), 12);
    bad(13, string(ziplist(&[zl_text(b"7"), zl_int(1), zl_int(7), zl_int(2)])), 12);
    let pairs = [lp_text(b"a"), lp_int(1), lp_text(b"a"), lp_int(2)];
    bad(16, string(listpack(&pairs)), 12);
    bad(17, string(listpack(&pairs)), 12);
    bad(20, string(listpack(&[lp_text(b"7"), lp_int(7)])), 12);
    let fields = [lp_text(b"a"), lp_int(1), lp_int(0), lp_text(b"a"), lp_int(1), lp_int(0)];
    bad(23, string(listpack(&fields)), 12);
    let many: Vec<u8> = (0..1000).flat_map(|n: u32| string(n.to_string())).collect();
    bad(2, [length(1001), many.clone(), string("0")].concat(), 13 + 1 + many.len());
}

/// The same fields in another key, and the same elements and values, are not.
#[test]
fn no_duplicates() {
    let hash = key(16, string(listpack(&[lp_text(b"a"), lp_int(1), lp_text(b"b"), lp_int(1)])));
    let list = key(1, [&[2], string("a").as_slice(), &string("a")].concat());
    let node = string(listpack(&[lp_text(b"a"), lp_text(b"a")]));
    let quicklist = key(18, [&[2, 2], node.as_slice(), &[2], &node].concat());
    let body = [hash.clone(), hash, list, quicklist].concat();
    let (found, end) = support::decode([support::snapshot(REDIS, &body).as_slice()]);
    assert_eq!((found.keys.len(), end), (4, Ok(())));
}

#[test]
fn quicklists() {
    let node = |container: u64, node: &[u8]| [length(container), string(node)].concat();
    let packed = node(2, &listpack(&[lp_int(1), lp_text(b"b")]));
    let nodes = [vec![2], node(1, b"a"), packed].concat();
    good("both", &key(18, nodes), "list", json!(["a", "1", "b"]));
    let nodes = [vec![2], string(ziplist(&[zl_int(1)])), string(ziplist(&[zl_int(2)]))].concat();
    good("of ziplists", &key(14, nodes), "list", json!(["1", "2"]));
    bad(18, &key(18, [1, 3]), "unknown quicklist container 3");
    bad(18, &key(18, [1, 0]), "unknown quicklist container 0");
    bad(18, &key(18, [1, 1, 0]), "an empty quicklist node");
    bad(
        18,
        &key(18, [1, 2, 1, 0]),
        "corrupt listpack: it is shorter than its header (byte 0 within it)",
    );
    bad(
        14,
        &key(14, [1, 1, 0]),
        "corrupt ziplist: it is shorter than its header (byte 0 within it)",
    );
    let empty = key(14, [vec![1], string(ziplist(&[]))].concat());
    check("nothing in it: left out", &support::snapshot(REDIS, &empty), &Ok(json!([])));
}

/// A node of one entry with fields of its own, of one with the master's, and one deleted.
fn node() -> Vec<Vec<u8>> {
    let ints = |values: &[i64]| values.iter().map(|&value| lp_int(value)).collect::<Vec<_>>();
    [
        ints(&[2, 1, 1]), // live, deleted, fields
        vec![lp_text(b"f")],
        ints(&[0, 2, 0, 0, 10, 4]), // same fields: id, value
        ints(&[0, 5, -1, 1]),       // fields of its own
        vec![lp_text(b"g"), lp_text(b"v")],
        ints(&[6, 3, 6, 0, 11, 4]), // deleted
    ]
    .concat()
}

fn stream_node(ms: u64, seq: u64, entries: &[Vec<u8>]) -> Vec<u8> {
    let id = [ms.to_be_bytes(), seq.to_be_bytes()].concat();
    [string(id), string(listpack(entries))].concat()
}

#[test]
fn streams() {
    let body = key(15, [vec![1], stream_node(100, 1, &node()), vec![2, 0x40, 105, 0, 0]].concat());
    let value = json!({
        "entries": [["100-1", [["f", "10"]]], ["105-0", [["g", "v"]]]],
        "last_id": "105-0",
        "groups": [],
    });
    good("a node", &body, "stream", value.clone());
    let none = json!({"entries": [], "last_id": "7-8", "groups": []});
    let stream = |body: &[u8], what: &str, offset: usize| {
        let error =
            format!("corrupt stream: {what} at byte {offset} of the snapshot (key \"k\", type 15)");
        let error: &'static str = Box::leak(error.into_boxed_str());
        check(error, &support::snapshot(REDIS, &key(15, body)), &Err(error));
    };
    for count in [0, 1, 3, 9] {
        let nodes = [vec![1], stream_node(100, 1, &node())].concat();
        let other = key(15, [nodes, vec![count, 0x40, 105, 0, 0]].concat());
        good("a length that is none", &other, "stream", value.clone());
        let other = key(15, [0, count, 7, 8, 0]);
        good("no node, but a length", &other, "stream", none.clone());
    }
    stream(&[1, 1, b'x', 0], "a node's id is not 16 bytes long", 13);
    let two = |second| [vec![2], stream_node(100, 1, &node()), second].concat();
    let at = two(Vec::new()).len() + 12;
    stream(&two(stream_node(100, 1, &node())), "its nodes are not in order", at);
    stream(&two(stream_node(99, 9, &node())), "its nodes are not in order", at);
    let with = |index: usize, value: i64| {
        let mut node = node();
        node[index] = lp_int(value);
        [vec![1], stream_node(1, 1, &node)].concat()
    };
    stream(&with(2, -1), "an entry's number of fields", 13);
    stream(&with(13, -1), "an entry's number of fields", 13);
    // of entries, live and deleted, behind the master's fields, and of an entry's elements: servers do
    // not go by these as they read
    let numbers = [(0, -1), (1, -1), (0, i64::MAX), (0, 1), (1, 3), (4, 1), (9, 5), (16, 5)];
    for (index, number) in numbers {
        let mut node = node();
        node[index] = lp_int(number);
        let nodes = [vec![1], stream_node(100, 1, &node)].concat();
        let body = key(15, [nodes, vec![2, 0x40, 105, 0, 0]].concat());
        good("a number that is none", &body, "stream", value.clone());
    }
    let short = [vec![1], stream_node(1, 1, &node()[..8])].concat();
    bad(
        15,
        &key(15, short),
        "corrupt listpack: it ends where an entry was expected (byte 23 within it)",
    );
    let text = [vec![1], stream_node(1, 1, &[lp_text(b"x")])].concat();
    bad(
        15,
        &key(15, text),
        "corrupt listpack: a string where an integer was expected (byte 6 within it)",
    );
}

#[test]
fn groups() {
    let raw = |id: u64| [[0; 8], id.to_be_bytes()].concat();
    let pending = |id: u64| [raw(id), vec![1, 0, 0, 0, 0, 0, 0, 0, 3]].concat();
    let group = |name: &str, list: &[u64]| {
        let list: Vec<u8> = list.iter().flat_map(|&id| pending(id)).collect();
        [string(name), vec![0, 5, list.len() as u8 / 25], list].concat()
    };
    let consumer = |name: &str, owned: &[u64]| {
        let ids: Vec<u8> = owned.iter().flat_map(|&id| raw(id)).collect();
        [string(name), vec![2, 0, 0, 0, 0, 0, 0, 0, owned.len() as u8], ids].concat()
    };
    let stream = |parts: &[Vec<u8>]| key(15, [vec![0, 0, 7, 8], parts.concat()].concat());
    let body = stream(&[
        vec![2],
        group("a", &[2, 1]),
        vec![2],
        consumer("x", &[2]),
        consumer("y", &[1]),
        group("b", &[]),
        vec![1],
        consumer("x", &[]),
    ]);
    good(
        "groups",
        &body,
        "stream",
        json!({"entries": [], "last_id": "7-8", "groups": [
            {"name": "a", "last_id": "0-5", "pending": [["0-1", "y", 1, 3], ["0-2", "x", 1, 3]],
             "consumers": [["x", 2], ["y", 2]]},
            {"name": "b", "last_id": "0-5", "pending": [], "consumers": [["x", 2]]},
        ]}),
    );
    let bad = |parts: &[Vec<u8>], what: &str| {
        let offset = 9 + stream(&parts[..parts.len() - 1]).len();
        let error =
            format!("corrupt stream: {what} at byte {offset} of the snapshot (key \"k\", type 15)");
        let error: &'static str = Box::leak(error.into_boxed_str());
        check(error, &support::snapshot(REDIS, &stream(parts)), &Err(error));
    };
    bad(&[vec![2], group("a", &[]), vec![0], group("a", &[])], "two groups have the same name");
    bad(
        &[vec![1], group("a", &[]), vec![2], consumer("x", &[]), consumer("x", &[])],
        "two consumers of a group have the same name",
    );
    let twice = "an entry that is pending twice";
    bad(&[vec![1], string("a"), vec![0, 5, 2], pending(2), pending(2)], twice);
    bad(&[vec![1], string("a"), vec![0, 5, 3], pending(2), pending(1), pending(2)], twice);
    let owner = |name: &str| [string(name), vec![0, 0, 0, 0, 0, 0, 0, 0, 1]].concat();
    bad(
        &[vec![1], group("a", &[1]), vec![1], owner("x"), raw(2)],
        "a consumer has an entry that is not pending",
    );
    bad(
        &[vec![1], group("a", &[1]), vec![2], consumer("x", &[1]), owner("y"), raw(1)],
        "two consumers have the same pending entry",
    );
    let nobody = "a pending entry without a consumer";
    bad(&[vec![1], group("a", &[1]), vec![0]], nobody);
    bad(&[vec![1], group("a", &[1]), vec![1], consumer("x", &[])], nobody);
}

/// To look for each among all others would take minutes.
#[test]
fn many_groups_and_consumers() {
    let mut body = vec![0, 0, 7, 8];
    body.extend(length(200_000));
    for group in 0..200_000 {
        body.extend([string(group.to_string()), vec![0, 5, 0, 0]].concat());
    }
    let one = [vec![0, 0, 7, 8, 1], string("g"), vec![0, 5, 0], length(200_000)].concat();
    let consumers = (0..200_000).flat_map(|n: u32| [string(n.to_string()), vec![0; 9]].concat());
    for body in [key(15, body), key(15, one.into_iter().chain(consumers).collect::<Vec<_>>())] {
        let snapshot = support::snapshot(REDIS, &body);
        let (_, end) = support::decode_to(Nothing, [snapshot.as_slice()]);
        assert_eq!(end, Ok(()));
    }
}
