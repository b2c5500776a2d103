//! Types and opcodes of Redis from 8.8 on, of Valkey 9.2, of Redis Enterprise and of KeyDB. The
//! snapshot of Redis 8.10.2 in `data` has those up to 32 as a real server writes them; here is what
//! servers refuse, and what no server at hand writes: types 33 to 35, and all of Valkey's, as their
//! sources have them.
#![allow(clippy::unwrap_used)]

mod support;

use eslaver_core::rdb::{Decoder, Error, ErrorKind, Limits, Status};
use serde_json::{Value, json};
use support::Json;
use support::build::{check, key, length, listpack, lp_int, lp_text, lzf, string};

const REDIS: &str = "REDIS0017";
const VALKEY: &str = "VALKEY081";

fn one(kind: &str, value: &Value) -> Value {
    json!([{"db": 0, "key": "k", "type": kind, "value": value}])
}

fn keys(name: &str, magic: &str, body: &[u8], expected: Value) {
    let snapshot = support::snapshot(magic, body);
    check(name, &snapshot, &Ok(expected));
    // what is passed over ends where it does when it is not
    let all: fn(&[u8]) -> bool = |_| true;
    let behind = [body, &key(0, string("v"))].concat();
    for size in [behind.len() + 20, 1] {
        let mut sink = Json::default();
        sink.unwanted = Some(all);
        let snapshot = support::snapshot(magic, &behind);
        let (found, end) = support::decode_to(sink, snapshot.chunks(size));
        assert_eq!((found.keys.len(), end), (0, Ok(())), "{name}, passed over");
    }
}

fn good(name: &str, kind: &str, magic: &str, body: &[u8], value: Value) {
    keys(name, magic, body, one(kind, &value));
}

/// Decodes it whole and byte by byte, and gives the error.
fn wrong(magic: &str, body: &[u8]) -> Error {
    let snapshot = support::snapshot(magic, body);
    let (_, whole) = support::decode([snapshot.as_slice()]);
    let (_, pieces) = support::decode(snapshot.chunks(1));
    let error = whole.unwrap_err();
    assert_eq!(pieces.unwrap_err(), error);
    error
}

fn bad(magic: &str, body: &[u8], what: &str) {
    let error = wrong(magic, body).to_string();
    assert!(error.starts_with(what), "\"{error}\" instead of \"{what}\"");
}

fn raw(id: u64) -> Vec<u8> {
    [[0; 8], id.to_be_bytes()].concat()
}

/// A group with three pending entries, of which one has a consumer, and those that were given back.
fn group(given_back: &[u64]) -> Vec<u8> {
    let pending = |id| [raw(id), vec![1, 0, 0, 0, 0, 0, 0, 0, 3]].concat();
    let ids: Vec<u8> = given_back.iter().flat_map(|&id| raw(id)).collect();
    [
        string("g"),
        vec![0, 5, 0, 3],
        [pending(1), pending(2), pending(4)].concat(),
        vec![1],
        [string("c"), vec![7; 16], vec![1], raw(2)].concat(),
        vec![given_back.len() as u8],
        ids,
    ]
    .concat()
}

fn stream(groups: &[Vec<u8>], producers: &[u8]) -> Vec<u8> {
    let head = vec![0, 0, 7, 8, 0, 0, 0, 0, 9, groups.len() as u8];
    key(27, [head, groups.concat(), vec![10, 20], producers.to_vec()].concat())
}

fn stream_value(given_back: &[&str]) -> Value {
    let time = i64::from_le_bytes([7; 8]);
    json!({
        "entries": [], "last_id": "7-8", "first_id": "0-0", "max_deleted_id": "0-0",
        "entries_added": 9,
        "groups": [{
            "name": "g", "last_id": "0-5", "entries_read": 0,
            "pending": [["0-1", null, 1, 3], ["0-2", "c", 1, 3], ["0-4", null, 1, 3]],
            "consumers": [["c", time, time]],
            "nack": given_back,
        }],
        "idempotency": {
            "duration": 10, "max_size": 20, "producers": [["p", [["i", "1-2"]]]], "added": 3,
            "duplicates": 4,
        },
    })
}

#[test]
fn streams_with_entries_given_back() {
    let producer = [string("p"), vec![1], string("i"), vec![1, 2]].concat();
    let producers = [vec![1], producer.clone(), vec![3, 4]].concat();
    let body = |ids: &[u64]| stream(&[group(ids)], &producers);
    good("in their order", "stream", REDIS, &body(&[4, 1]), stream_value(&["0-4", "0-1"]));
    good("some of no consumer", "stream", REDIS, &body(&[4]), stream_value(&["0-4"]));
    good("none", "stream", REDIS, &body(&[]), stream_value(&[]));
    let empty = [string("q"), vec![0]].concat();
    let two = [vec![2], empty, producer, vec![3, 4]].concat();
    let body = stream(&[group(&[1])], &two);
    good("a producer without ids", "stream", REDIS, &body, stream_value(&["0-1"]));
    let what = "corrupt stream: an entry was given back that is not pending, or has a consumer";
    for id in [2, 3] {
        bad(REDIS, &stream(&[group(&[id])], &producers), what);
    }
}

#[test]
fn arrays() {
    let element =
        |index: u64, tag: u8, element: &[u8]| [length(index), vec![tag], element.to_vec()].concat();
    let array = |count: u64, elements: &[Vec<u8>]| {
        key(28, [length(count), vec![0], elements.concat()].concat())
    };
    let last = u64::MAX - 1;
    let elements = [
        element(0, 0, &string("a long string")),
        element(5, 1, &(-7_i64).to_le_bytes()),
        element(300, 2, &1.5_f64.to_le_bytes()),
        element(1 << 40, 3, &string("small")),
        element(last, 0, &lzf(&[0, b'a', 0x20, 0], 4)),
        element(5, 0, &[0xc0, 7]),
    ];
    let value = json!([
        [0, "a long string"],
        [5, "-7"],
        [300, "1.5"],
        [1_u64 << 40, "small"],
        [last, "aaaa"],
        [5, "7"]
    ]);
    good("each kind of element", "array", REDIS, &array(6, &elements), value);
    for (next, body) in [(1, vec![0]), (1 << 63, length((1 << 63) - 1)), (u64::MAX, length(last))] {
        let body = key(28, [vec![1, 1], body, elements[0].clone()].concat());
        let mut expected = one("array", &json!([[0, "a long string"]]));
        expected[0]["next_index"] = next.into();
        keys("where the next one goes", REDIS, &body, expected);
    }
    let rows: [(Vec<u8>, &str); 8] = [
        (key(28, [0, 0]), "it holds nothing"),
        (key(28, [1, 2]), "whether it has an insert cursor"),
        (key(28, [vec![1, 1], length(u64::MAX)].concat()), "its insert cursor"),
        (array(1, &[element(u64::MAX, 0, &string("a"))]), "an element's index"),
        (array(1, &[element(0, 4, &string("a"))]), "an element of an unknown form"),
        (
            array(1, &[element(0, 3, &string("12345678"))]),
            "a long element that claims to be a short one",
        ),
        (
            array(1, &[element(0, 3, &[0xc2, 0, 0, 0, 0x80])]),
            "a long element that claims to be a short one",
        ),
        (
            array(1, &[element(0, 3, &lzf(&[0, b'a', 0xe0, 0, 0], 10))]),
            "a long element that claims",
        ),
    ];
    for (body, what) in rows {
        bad(REDIS, &body, &format!("corrupt array: {what}"));
    }
    bad(REDIS, &array(1, &[[vec![0xc0, 1, 0], string("a")].concat()]), "an encoded string where");
}

/// As `ARGET` of Redis 8.10.2 answers them.
#[test]
fn floats_of_arrays() {
    let rows: [(u64, &str); 19] = [
        (0x401d_9e3b_c9e4_3154, "7.4045249505546344"),
        (0x4155_e0b4_35ab_f208, "5.7351208386197165e+6"),
        (0x3e78_2687_a465_f1ec, "8.996765030704849e-8"),
        (0x43d0_0000_0000_0000, "4611686018427387904.0"),
        (0x0000_0020_0000_0000, "6.7903865311e-313"),
        (0x7204_e52d_b222_1a58, "1.7416210662938164e+241"),
        (0x42da_dff2_7a71_8580, "118196592559638.0"),
        (0x440f_9ea7_388a_c028, "72910154329084985000.0"),
        (0x3f91_4399_2cd4_22a0, "0.016859429703830586"),
        (0x405d_7acb_fb15_b574, "117.9187"),
        (0x0000_0000_0000_0004, "2e-323"),
        (0xa9ec_0806_705f_ca14, "-9.548508409040581e-107"),
        (0x0000_0000_0000_0000, "0.0"),
        (0x8000_0000_0000_0000, "-0.0"),
        (0x7ff0_0000_0000_0000, "inf"),
        (0xfff0_0000_0000_0000, "-inf"),
        (0xc3d0_0000_0000_0000, "-4611686018427387904.0"),
        (0x7ff8_0000_0000_0000, "nan"),
        // the two last bits are not its own
        (0x3ff8_0000_0000_0003, "1.5"),
    ];
    for (bits, text) in rows {
        let element = [vec![28, 1, b'k', 1, 0, 0, 2], bits.to_le_bytes().to_vec()].concat();
        good("a float", "array", REDIS, &element, json!([[0, text]]));
    }
}

fn template(id: u8, names: &[&str]) -> Vec<u8> {
    let strings: Vec<u8> = names.iter().flat_map(string).collect();
    [vec![242, id, names.len() as u8], strings].concat()
}

#[test]
fn hashes_by_template() {
    let names = [template(5, &["a", "b", "cc"]), template(0, &[""])].concat();
    let with = |body: Vec<u8>| [names.clone(), body].concat();
    let value = json!([["a", "1"], ["b", "two"], ["cc", ""]]);
    let values = [lp_int(1), lp_text(b"two"), lp_text(b"")];
    let packed = |first: Vec<u8>| string(listpack(&[&[first], values.as_slice()].concat()));
    let listed = [string("1"), string("two"), string("")].concat();
    let list = string(listpack(&[lp_text(b"a"), lp_text(b"b"), lp_text(b"cc")]));
    let count = [vec![3], string("a"), string("b"), string("cc")].concat();
    let rows = [
        ("packed, by number", with(key(30, packed(lp_int(5))))),
        ("listed, by number", with(key(32, [vec![5], listed.clone()].concat()))),
        ("packed, packed names", key(29, [vec![0], list.clone(), packed(lp_int(9))].concat())),
        ("packed, listed names", key(29, [vec![1], count.clone(), packed(lp_int(-1))].concat())),
        ("listed, packed names", key(31, [vec![0], list.clone(), listed.clone()].concat())),
        ("listed, listed names", key(31, [vec![1], count, listed.clone()].concat())),
    ];
    for (name, body) in rows {
        good(name, "hash", REDIS, &body, value.clone());
    }
    let integers = string(listpack(&[lp_int(7), lp_int(12), lp_int(100)]));
    let listed_three = key(31, [vec![0], integers, listed.clone()].concat());
    let value = json!([["7", "1"], ["12", "two"], ["100", ""]]);
    good("names that are integers", "hash", REDIS, &listed_three, value);
    let of_nothing = with(key(32, [vec![0], string("v")].concat()));
    good("a field without a name", "hash", REDIS, &of_nothing, json!([["", "v"]]));

    let short = string(listpack(&[lp_int(5), lp_int(1), lp_int(2)]));
    let long = string(listpack(&[lp_int(0), lp_int(1), lp_int(2)]));
    let none = string(listpack(&[]));
    let missing = "a hash names a missing one";
    let count = "a hash has more or fewer values than fields";
    let order = "its field names are not in order";
    let rows = [
        (with(template(5, &["a"])), "two have the same number"),
        (vec![242, 1, 0], "one has no fields"),
        (template(1, &["b", "a"]), order),
        (template(1, &["a", "a"]), order),
        (template(1, &["aa", "b"]), order),
        (key(30, packed(lp_int(5))), missing),
        (with(key(30, packed(lp_int(6)))), missing),
        (with(key(30, packed(lp_int(-1)))), "a hash names one with a negative number"),
        (with(key(30, short)), count),
        (with(key(30, long)), count),
        (with(key(32, [6])), missing),
        (key(29, [2]), "its names have an unknown form"),
        (key(31, [1, 0]), "one has no fields"),
        (key(31, [vec![0], none.clone()].concat()), "one has no fields"),
        (key(31, [vec![1, 2], string("b"), string("a")].concat()), order),
        (key(29, [vec![0], list, packed(lp_text(b"x"))].concat()), ""),
    ];
    for (body, what) in rows {
        let error = wrong(REDIS, &body).to_string();
        let text = format!("corrupt hash template: {what} at byte ");
        assert!(error.starts_with(&text) || what.is_empty(), "{error} instead of {text}");
    }
    bad(REDIS, &with(key(30, none)), "corrupt listpack: it ends where an integer was expected");
}

/// Were there no bound, a snapshot could fill the memory with templates that no key uses.
#[test]
fn templates_have_a_limit() {
    let limits = Limits { max_templates: 1000, ..Limits::default() };
    let decode = |body: &[u8]| {
        let mut decoder = Decoder::with_limits(limits);
        decoder.feed(&support::snapshot(REDIS, body));
        let mut sink = Json::default();
        while decoder.next(&mut sink)? == Status::Event {}
        decoder.finish()
    };
    let few: Vec<u8> = (0..7).flat_map(|id| template(id, &["a"])).collect();
    assert_eq!(decode(&few), Ok(()));
    let kind = ErrorKind::TemplatesTooLarge { max: 1000 };
    assert!(kind.to_string().contains("1000 bytes that the option max_value allows"));
    let many: Vec<u8> = (0..9).flat_map(|id| template(id, &["a"])).collect();
    let name = "n".repeat(1000);
    let of_one = key(31, [vec![1, 2], string(&name), string("a")].concat());
    let names: Vec<_> = (0..120).map(|n| lp_text(format!("{n:03}").as_bytes())).collect();
    let packed = |names: &[Vec<u8>]| [vec![0], string(listpack(names))].concat();
    let values = |count| string("v").repeat(count);
    assert_eq!(decode(&key(31, [packed(&names[..50]), values(50)].concat())), Ok(()));
    let packed_names = [29, 31].map(|value_type| key(value_type, packed(&names)));
    for body in [many, template(0, &[&name]), of_one].into_iter().chain(packed_names) {
        assert_eq!(decode(&body).map_err(|error| error.kind), Err(kind.clone()));
    }
    // counted, and not kept, where nobody wants the hash
    let unwanted = key(31, [packed(&names), values(120)].concat());
    let mut sink = Json::default();
    sink.unwanted = Some(|_| true);
    let mut decoder = Decoder::with_limits(limits);
    decoder.feed(&support::snapshot(REDIS, &unwanted));
    while decoder.next(&mut sink) == Ok(Status::Event) {}
    assert_eq!(decoder.finish(), Ok(()));
}

/// Built by the source of Redis alone: no server at hand has this type enabled.
#[test]
fn rate_limiters() {
    for at in [0, 1_700_000_000_000_000, i64::MAX as u64] {
        good("a time", "gcra", REDIS, &key(33, length(at)), json!(at.to_string()));
    }
    bad(REDIS, &key(33, length(1 << 63)), "invalid time of a rate limiter at byte 12");
}

/// Built by the source of Redis alone: no server at hand has members that expire.
#[test]
fn sets_whose_members_expire() {
    let min = 1_700_000_000_000_u64;
    let packed = |entries: &[Vec<u8>]| key(34, [vec![0; 8], string(listpack(entries))].concat());
    let body = packed(&[lp_text(b"a"), lp_int(7), lp_int(12), lp_int(0)]);
    good("packed", "set", REDIS, &body, json!([["a", 7], "12"]));
    let members =
        [length(1), string("a"), vec![0], string("b"), length(1001), string("c")].concat();
    let listed = |min: u64, members: &[u8]| {
        key(35, [min.to_le_bytes().to_vec(), vec![3], members.to_vec()].concat())
    };
    let value = json!([["a", min], "b", ["c", min + 1000]]);
    good("listed", "set", REDIS, &listed(min, &members), value);
    let expiry = "invalid time to live of a field or member";
    bad(REDIS, &packed(&[lp_text(b"a"), lp_int(-1)]), expiry);
    bad(REDIS, &packed(&[lp_text(b"a"), lp_int(1 << 48)]), expiry);
    bad(REDIS, &listed((1 << 48) + 1, &members), expiry);
    bad(REDIS, &listed(1 << 48, &[1, 1, b'a']), expiry);
    let twice = packed(&[lp_text(b"a"), lp_int(7), lp_text(b"a"), lp_int(0)]);
    bad(REDIS, &twice, "a duplicate field or member");
    let twice = listed(min, &[1, 1, b'a', 0, 1, b'a']);
    bad(REDIS, &twice, "a duplicate field or member");
    bad(REDIS, &packed(&[lp_text(b"a")]), "corrupt listpack: it ends where an integer");
    keys("nothing in it: left out", REDIS, &packed(&[]), json!([]));
}

/// Built by the source of Valkey alone: no server at hand has this type.
#[test]
fn path_hashes() {
    let fields = |name: &str, pairs: &[(&str, &str)]| {
        let mut bytes = [string(name), length(pairs.len() as u64)].concat();
        for (field, value) in pairs {
            bytes.extend([string(field), string(value)].concat());
        }
        bytes
    };
    let two = [fields("a", &[("f", "1"), ("g", "2")]), fields("b", &[("f", "")])].concat();
    let body = key(23, [vec![2], two].concat());
    let value = json!([["a", [["f", "1"], ["g", "2"]]], ["b", [["f", ""]]]]);
    good("two paths", "pathhash", VALKEY, &body, value);
    good("none", "pathhash", VALKEY, &key(23, [0]), json!([]));
    let before = "a duplicate field or member";
    let twice = [fields("a", &[("f", "1")]), fields("a", &[("g", "1")])].concat();
    bad(VALKEY, &key(23, [vec![2], twice].concat()), before);
    let twice = fields("a", &[("f", "1"), ("f", "2")]);
    bad(VALKEY, &key(23, [vec![1], twice].concat()), before);
    bad(VALKEY, &key(23, [1, 1, b'a', 0]), "a path without fields");
    bad(REDIS, &key(23, [0]), "corrupt listpack");
}

/// Redis Enterprise and RDB version 17 of Redis: what says nothing to a replica.
#[test]
fn opcodes_that_are_read_past() {
    let value = one("string", &json!("v"));
    for before in [vec![107, 3], vec![107, 0x40, 100], vec![121, 0x7f, 0xff], vec![241]] {
        let body = [before, key(0, string("v"))].concat();
        keys("before a key", REDIS, &body, value.clone());
    }
    for opcode in [107, 121, 241] {
        let kind = ErrorKind::UnknownType(opcode);
        assert_eq!(wrong(VALKEY, &[opcode, 1]).kind, kind, "these are none of Valkey");
    }
}

#[test]
fn scheduled_scripts_of_keydb() {
    let lists = [vec![2], string("key"), string(""), vec![1], string("argument")].concat();
    let cron = [vec![64], string("name"), string("return 1"), vec![9; 16], lists].concat();
    let none = [vec![64], string("name"), string([b'x'; 100]), vec![9; 16], vec![0, 0]].concat();
    let expires = [252, 1, 0, 0, 0, 0, 0, 0, 0];
    let body = [expires.as_slice(), &cron, &none, &key(0, string("v"))].concat();
    keys("between others", REDIS, &body, one("string", &json!("v")));
    let snapshot = support::snapshot(REDIS, &body);
    for size in [snapshot.len(), 1] {
        let (found, _) = support::decode(snapshot.chunks(size));
        let what = "a script that KeyDB runs on a schedule (KEYDB.CRON)";
        assert_eq!(found.left_out, [what, what]);
    }
    for end in 0..cron.len() {
        let (_, error) = support::decode([[REDIS.as_bytes(), &cron[..end]].concat().as_slice()]);
        assert_eq!(error.unwrap_err().kind, ErrorKind::Truncated, "at {end}");
    }
}
