//! What real servers do not write, or only of a version that is not at hand: the file around the
//! values, lengths, strings, types, and values that are not packed.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::build::{Expected, check, key, length, lzf, string};

const REDIS: &str = "REDIS0012";
const VALKEY: &str = "VALKEY080";
const KNOWN: &str = "eslaver reads snapshots of Redis up to 8.12 (RDB version 17) and of Valkey up to \
                     9.2 (RDB version 81)";

fn one(kind: &str, value: Value) -> Expected {
    Ok(json!([{"db": 0, "key": "k", "type": kind, "value": value}]))
}

fn run(rows: Vec<(&str, &str, Vec<u8>, Expected)>) {
    for (name, magic, body, expected) in rows {
        check(name, &support::snapshot(magic, &body), &expected);
    }
}

#[test]
fn magic() {
    for magic in ["REDIS0001", "REDIS0004", "REDIS0005", "REDIS0017", "VALKEY080", "VALKEY081"] {
        let sum = magic > "REDIS0004";
        let mut bytes = support::snapshot(magic, &[]);
        bytes.truncate(if sum { 18 } else { 10 });
        check(magic, &bytes, &Ok(json!([])));
    }
    let rows: [(&[u8; 9], &str); 3] = [
        (b"REDIS 012", "not an RDB file: it starts with \"REDIS 012\" at byte 0 of the snapshot"),
        (b"VALKEY+80", "not an RDB file: it starts with \"VALKEY+80\" at byte 0 of the snapshot"),
        (
            b"\x00EDIS0012",
            "not an RDB file: it starts with \"\\x00EDIS0012\" at byte 0 of the snapshot",
        ),
    ];
    for (magic, error) in rows {
        check(error, magic, &Err(error));
    }
}

/// The fields at its start say whose it is, where they can be read.
#[test]
fn a_version_that_is_too_new() {
    let aux = |name, value| [&[250], string(name).as_slice(), &string(value)].concat();
    let named = [aux("redis-ver", "9.0.1"), vec![0, 1]].concat();
    let later = [aux("redis-bits", "64"), aux("valkey-ver", "9.9\n"), vec![1; 100]].concat();
    let long = aux("redis-ver", &"9".repeat(100));
    let unnamed = "a server that does not say its version";
    let rows: [(&str, &str, &[u8], &str); 9] = [
        ("REDIS0000", "0 of Redis", &[], unnamed),
        ("REDIS0018", "18 of Redis", &[], unnamed),
        ("REDIS0018", "18 of Redis", &[255], unnamed),
        ("REDIS0018", "18 of Redis", &[250, 0xc4], unnamed),
        ("REDIS9999", "9999 of Redis", &named, "Redis 9.0.1"),
        ("REDIS0018", "18 of Redis", &long, &format!("Redis {}", "9".repeat(32))),
        ("VALKEY079", "79 of Valkey", &[], unnamed),
        ("VALKEY082", "82 of Valkey", &later, "Valkey 9.9\\n"),
        ("VALKEY082", "82 of Valkey", &later[..later.len() - 110], unnamed),
    ];
    for (magic, version, body, server) in rows {
        let snapshot = [magic.as_bytes(), body].concat();
        for size in [snapshot.len(), 1] {
            let (_, end) = support::decode(snapshot.chunks(size));
            let error = end.unwrap_err();
            assert!(error.kind.is_unsupported());
            let text = format!(
                "RDB version {version} is not supported at byte 0 of the snapshot; {server} wrote it, \
                 and {KNOWN}"
            );
            assert_eq!(error.to_string(), text);
        }
    }
}

#[test]
fn end() {
    let body = key(0, string("v"));
    let value = || one("string", json!("v"));
    let good = support::snapshot(REDIS, &body);
    let mut zero = good.clone();
    zero.truncate(zero.len() - 8);
    zero.extend([0; 8]);
    check("a checksum of 0 was not computed", &zero, &value());
    let mut wrong = zero.clone();
    *wrong.last_mut().unwrap() = 1;
    let (_, end) = support::decode([wrong.as_slice()]);
    let text = end.unwrap_err().to_string();
    assert!(text.starts_with("wrong checksum: computed "), "{text}");
    assert!(text.ends_with(", found 0100000000000000 at byte 15 of the snapshot"), "{text}");
    let old = [b"REDIS0004".as_slice(), &body, &[0xff]].concat();
    check("no checksum before version 5", &old, &value());
    for whole in [&old, &good] {
        let more = [whole.as_slice(), b"xy"].concat();
        check("servers do not look at what follows", &more, &value());
    }
    let error = "the snapshot ends too early at byte 9 of the snapshot";
    check("no end", b"REDIS0012", &Err(error));
    let error = "the snapshot ends too early at byte 12 of the snapshot (key \"k\", type 0)";
    check("no end of a value", &good[..13], &Err(error));
}

#[test]
fn an_error_is_final() {
    use eslaver_core::rdb::Decoder;
    let mut bytes = support::snapshot(REDIS, &key(0, string("v")));
    *bytes.last_mut().unwrap() ^= 1;
    let mut decoder = Decoder::new();
    decoder.feed(&bytes);
    let mut sink = support::Json::default();
    decoder.next(&mut sink).unwrap();
    let error = decoder.next(&mut sink).unwrap_err();
    assert_eq!(decoder.next(&mut sink), Err(error.clone()));
    assert_eq!(decoder.finish(), Err(error));
}

#[test]
fn lengths() {
    let forms: [&[u8]; 4] =
        [&[3], &[0x40, 3], &[0x80, 0, 0, 0, 3], &[0x81, 0, 0, 0, 0, 0, 0, 0, 3]];
    for form in forms {
        let body = key(0, [form, b"abc"].concat());
        run(vec![("a length", REDIS, body, one("string", json!("abc")))]);
        let db = [&[0xfe], form, &key(0, string(""))].concat();
        let expected = json!([{"db": 3, "key": "k", "type": "string", "value": ""}]);
        run(vec![("a length", REDIS, db, Ok(expected))]);
    }
    let mut rows: Vec<(&str, &str, Vec<u8>, Expected)> = vec![
        (
            "an unknown length",
            REDIS,
            key(0, [0x82]),
            Err("invalid length byte 0x82 at byte 12 of the snapshot (key \"k\", type 0)"),
        ),
        (
            "an unknown length",
            REDIS,
            key(1, [0xbf]),
            Err("invalid length byte 0xbf at byte 12 of the snapshot (key \"k\", type 1)"),
        ),
        (
            "a string as a length",
            REDIS,
            key(1, [0xc0, 1]),
            Err("an encoded string where a length \
          was expected at byte 12 of the snapshot (key \"k\", type 1)"),
        ),
        (
            "an unknown encoding",
            REDIS,
            key(0, [0xc4]),
            Err("unknown string encoding 4 at byte 12 of the snapshot (key \"k\", type 0)"),
        ),
    ];
    for huge in [1 << 20, 1 << 29] {
        let error = "the snapshot ends too early at byte 12 of the snapshot (key \"k\", type 0)";
        rows.push(("a string that does not come", REDIS, key(0, length(huge)), Err(error)));
    }
    run(rows);
}

#[test]
fn huge_counts_reserve_nothing() {
    for value_type in [1, 2, 3, 4, 5, 14, 15, 18, 19, 21, 22, 26, 27, 28] {
        for huge in [1 << 31, 1 << 63, u64::MAX] {
            // an array's count is read with what says whether it has an insert cursor
            let behind: &[u8] = if value_type == 28 { &[0] } else { &[] };
            let value = [length(huge).as_slice(), behind].concat();
            let bytes = [REDIS.as_bytes(), &key(value_type, value)].concat();
            let (_, end) = support::decode([bytes.as_slice()]);
            let error = end.unwrap_err();
            assert_eq!(error.kind, eslaver_core::rdb::ErrorKind::Truncated);
            assert_eq!(error.offset, bytes.len() as u64, "type {value_type}");
        }
    }
}

#[test]
fn strings() {
    let claim = |body, error| ("an LZF claim", REDIS, key(0, body), Err(error));
    run(vec![
        ("8 bits", REDIS, key(0, [0xc0, 0x80]), one("string", json!("-128"))),
        ("16 bits", REDIS, key(0, [0xc1, 0, 0x80]), one("string", json!("-32768"))),
        ("32 bits", REDIS, key(0, [0xc2, 0, 0, 0, 0x80]), one("string", json!("-2147483648"))),
        (
            "an integer key",
            REDIS,
            vec![0, 0xc0, 0xff, 0],
            Ok(json!([{"db": 0, "key": "-1", "type": "string", "value": ""}])),
        ),
        ("plain LZF", REDIS, key(0, lzf(&[2, b'a', b'b', b'c'], 3)), one("string", json!("abc"))),
        ("a run", REDIS, key(0, lzf(&[0, b'a', 0x20, 0], 4)), one("string", json!("aaaa"))),
        (
            "a long run",
            REDIS,
            key(0, lzf(&[1, b'a', b'b', 0xe0, 3, 1], 14)),
            one("string", json!("ababababababab")),
        ),
        claim(
            lzf(&[0, b'a', 0x20, 0], 353),
            "a compressed string of 4 bytes cannot hold the 353 \
              it claims at byte 12 of the snapshot (key \"k\", type 0)",
        ),
        claim(
            lzf(&[0, b'a', 0x20, 0], u64::MAX),
            "a compressed string of 4 bytes cannot hold the \
              18446744073709551615 it claims at byte 12 of the snapshot (key \"k\", type 0)",
        ),
        ("nothing, whatever the data", REDIS, key(0, lzf(&[9], 0)), one("string", json!(""))),
    ]);
    let corrupt: [(&[u8], u64); 9] = [
        (&[0, b'a'], 2),          // shorter than it claims
        (&[1, b'a', b'b'], 1),    // longer
        (&[0, b'a', 0x20, 0], 3), // longer by its reference
        (&[1, b'a'], 2),          // ends within a run
        (&[0], 1),                // has none
        (&[0, b'a', 0x20], 4),    // ends within a reference
        (&[0, b'a', 0xe0], 10),   // ends before its length
        (&[0, b'a', 0x20, 1], 4), // refers to what is before the start
        (&[0x20, 0], 3),          // at its start
    ];
    let error = "corrupt compressed string at byte 12 of the snapshot (key \"k\", type 0)";
    run(corrupt.map(|(bytes, claimed)| claim(lzf(bytes, claimed), error)).into());
}

#[test]
fn types_that_cannot_be_read() {
    let names = |text: &str, value_type: u8| {
        let what = format!("{text} at byte 9 of the snapshot (key \"k\", type {value_type})");
        match text.strip_prefix("unknown") {
            Some(_) => {
                format!("{what}; a server that does not say its version wrote it, and {KNOWN}")
            }
            None => what,
        }
    };
    let all = |magic: &str, known: &dyn Fn(u8) -> Option<&'static str>| {
        for value_type in 0..=35 {
            let Some(what) = known(value_type) else { continue };
            let text = match what {
                "" => format!("unknown RDB type or opcode {value_type}"),
                what => format!("unsupported RDB type or opcode {value_type} ({what})"),
            };
            let bytes = support::snapshot(magic, &key(value_type, []));
            for size in [bytes.len(), 1] {
                let (_, end) = support::decode(bytes.chunks(size));
                assert_eq!(end.unwrap_err().to_string(), names(&text, value_type));
            }
        }
    };
    all(REDIS, &|value_type| match value_type {
        6 => Some("a module value of the 4.0 release candidates"),
        8 => Some(""),
        _ => None,
    });
    all(VALKEY, &|value_type| match value_type {
        6 => Some("a module value of the 4.0 release candidates"),
        8 | 24.. => Some(""),
        _ => None,
    });
    let others = (36..=240u8).filter(|opcode| ![64, 107, 121].contains(opcode));
    for opcode in others {
        let server = [b"\xfa\x09redis-ver\x059.0.1".as_slice(), &[opcode]].concat();
        let error = format!(
            "unknown RDB type or opcode {opcode} at byte 26 of the snapshot; Redis 9.0.1 wrote it, \
             and {KNOWN}"
        );
        let bytes = support::snapshot(REDIS, &server);
        for size in [bytes.len(), 1] {
            let (_, end) = support::decode(bytes.chunks(size));
            assert_eq!(end.unwrap_err().to_string(), error);
        }
    }
    let refused = [
        (REDIS, 246, "a function of the 7.0 release candidates"),
        (VALKEY, 242, "a command within the snapshot; the master has to fork for it"),
    ];
    for (magic, opcode, what) in refused {
        let (_, end) = support::decode([[magic.as_bytes(), &[opcode]].concat().as_slice()]);
        let (error, text) = (end.unwrap_err(), format!("opcode {opcode} ({what}) at byte 9"));
        assert!(error.to_string().contains(&text), "{error}");
    }
}

#[test]
fn opcodes() {
    let key_with = |name: &str, value: i64| {
        let mut keys = json!([{"db": 0, "key": "k", "type": "string", "value": ""}]);
        keys[0][name] = value.into();
        Ok(keys)
    };
    let then = |bytes: &[u8]| [bytes, &key(0, string(""))].concat();
    let plain = || one("string", json!(""));
    let module = [2, 7, 1, 9, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1, b'x', 0];
    let aux = [&[247, 0x40, 100, 2, 1], module.as_slice()].concat();
    let meta = [&[243, 2, 1, 2, 3, 4], module.as_slice(), &[5, 6, 7, 8, 0]].concat();
    let import = [&[243, 4], b"name".as_slice(), &[2, 0, 5, 0x40, 9, 0x7f, 0xff]].concat();
    run(vec![
        ("seconds", REDIS, then(&[253, 1, 0, 0, 0]), key_with("expire_at", 1000)),
        (
            "seconds before 1970",
            REDIS,
            then(&[253, 0, 0, 0, 0x80]),
            key_with("expire_at", -2_147_483_648_000),
        ),
        (
            "milliseconds",
            REDIS,
            then(&[252, 0xfe, 255, 255, 255, 255, 255, 255, 255]),
            key_with("expire_at", -2),
        ),
        ("no milliseconds", REDIS, then(&[252, 255, 255, 255, 255, 255, 255, 255, 255]), plain()),
        ("idle", REDIS, then(&[248, 0x40, 0x40]), key_with("idle", 64)),
        ("frequency", REDIS, then(&[249, 255]), key_with("freq", 255)),
        ("sizes of a db", REDIS, then(&[251, 0x40, 100, 1]), plain()),
        ("a slot", REDIS, then(&[244, 1, 0x40, 100, 3]), plain()),
        ("module aux", REDIS, then(&aux), plain()),
        (
            "module aux without when",
            REDIS,
            vec![247, 1, 1, 1],
            Err("corrupt module data: opcode 1 at byte 9 of the snapshot"),
        ),
        (
            "module aux of no kind",
            REDIS,
            vec![247, 1, 2, 1, 6],
            Err("corrupt module data: opcode 6 at byte 13 of the snapshot"),
        ),
        ("key meta", "REDIS0013", then(&meta), plain()),
        ("no key meta", "REDIS0013", then(&[243, 0]), plain()),
        (
            "key meta of no kind",
            "REDIS0013",
            then(&[243, 1, 1, 2, 3, 4, 9]),
            Err("corrupt module data: opcode 9 at byte 15 of the snapshot"),
        ),
        ("slot import", VALKEY, then(&import), plain()),
        (
            "slot import of too many",
            VALKEY,
            vec![243, 0, 0x80, 0, 0, 0x40, 1],
            Err("corrupt slot migration at byte 9 of the snapshot"),
        ),
        (
            "the greatest db",
            REDIS,
            [&[254, 0x80, 127, 255, 255, 255], key(0, [0]).as_slice()].concat(),
            Ok(json!([{"db": i32::MAX, "key": "k", "type": "string", "value": ""}])),
        ),
        (
            "too great a db",
            REDIS,
            vec![254, 0x80, 128, 0, 0, 0],
            Err("invalid database number 2147483648 at byte 9 of the snapshot"),
        ),
    ]);
    let twice = [then(&[253, 1, 0, 0, 0, 248, 9, 249, 9]), key(0, string(""))].concat();
    let (found, end) = support::decode([support::snapshot(REDIS, &twice).as_slice()]);
    assert_eq!(end, Ok(()));
    assert_eq!(found.keys[1], plain().unwrap()[0], "what belongs to one key, and no other");
    let function = support::snapshot(REDIS, &[250, 1, b'a', 0xc0, 5, 245, 1, b'f']);
    let (found, _) = support::decode(function.chunks(1));
    assert_eq!(found.aux, [("a".into(), "5".into())]);
    assert_eq!(found.functions, ["f"]);
}

#[test]
fn values() {
    let text_score = |bytes: &[u8]| key(3, [&[1, 1, b'm'], bytes].concat());
    let score = |score: f64| key(5, [&[1, 1, b'm'], score.to_le_bytes().as_slice()].concat());
    let found = |score: f64| one("zset", json!([["m", format!("{:016x}", score.to_bits())]]));
    let nan3 =
        "a sorted set's score is not a number at byte 13 of the snapshot (key \"k\", type 3)";
    let nan5 =
        "a sorted set's score is not a number at byte 13 of the snapshot (key \"k\", type 5)";
    let field = [1, b'f', 1, b'v'];
    let hash =
        |value_type, before: &[u8], after: &[u8]| key(value_type, [before, &field, after].concat());
    let at = |at: u64| one("hash", json!([["f", "v", at]]));
    let never = || one("hash", json!([["f", "v"]]));
    let bad = |offset, value_type| -> Expected {
        Err(Box::leak(format!(
        "invalid time to live of a field or member at byte {offset} of the snapshot (key \"k\", type \
         {value_type})").into_boxed_str()))
    };
    let min = |at: u64| [at.to_le_bytes().as_slice(), &[1]].concat();
    run(vec![
        ("text", REDIS, text_score(b"\x043.25"), found(3.25)),
        ("infinite", REDIS, text_score(&[254]), found(f64::INFINITY)),
        ("minus infinite", REDIS, text_score(&[255]), found(f64::NEG_INFINITY)),
        ("NaN", REDIS, text_score(&[253]), Err(nan3)),
        ("NaN as text", REDIS, text_score(b"\x03nan"), Err(nan3)),
        ("no number", REDIS, text_score(b"\x02.x"), Err(nan3)),
        ("no text", REDIS, text_score(&[0]), Err(nan3)),
        ("minus zero", REDIS, score(-0.0), found(-0.0)),
        ("binary NaN", REDIS, score(f64::NAN), Err(nan5)),
        ("release candidate", REDIS, hash(22, &[1, 0x40, 100], &[]), at(100)),
        ("release candidate, none", REDIS, hash(22, &[1, 0], &[]), never()),
        ("from a minimum", REDIS, hash(24, &[min(1000), vec![5]].concat(), &[]), at(1004)),
        ("from a minimum, none", REDIS, hash(24, &[min(1000), vec![0]].concat(), &[]), never()),
        (
            "the latest",
            REDIS,
            hash(24, &[min((1 << 48) - 1), vec![1]].concat(), &[]),
            at((1 << 48) - 1),
        ),
        ("too late", REDIS, hash(24, &[min((1 << 48) - 1), vec![2]].concat(), &[]), bad(21, 24)),
        ("a minimum too late", REDIS, key(24, min((1 << 48) + 1)), bad(12, 24)),
        (
            "far too late",
            REDIS,
            hash(24, &[min(1000), length(u64::MAX)].concat(), &[]),
            bad(21, 24),
        ),
        ("Valkey", VALKEY, hash(22, &[1], &7i64.to_le_bytes()), at(7)),
        ("Valkey, far", VALKEY, hash(22, &[1], &i64::MAX.to_le_bytes()), at(i64::MAX as u64)),
        ("Valkey, none", VALKEY, hash(22, &[1], &(-1i64).to_le_bytes()), never()),
        ("Valkey, negative", VALKEY, hash(22, &[1], &(-2i64).to_le_bytes()), bad(13, 22)),
    ]);
    for value_type in [1, 2, 3, 4, 5, 14, 18, 22] {
        let name = format!("type {value_type} with no elements is left out");
        check(&name, &support::snapshot(REDIS, &key(value_type, [0])), &Ok(json!([])));
    }
    let empty = key(24, [0; 9]);
    check("no fields", &support::snapshot(REDIS, &empty), &Ok(json!([])));
    check("no fields", &support::snapshot(VALKEY, &key(22, [0])), &Ok(json!([])));
}

#[test]
fn modules() {
    let id = (1u64 << 58 | 2 << 52 | 3 << 46 | 63 << 10) | 773;
    let fields =
        [1, 0x81, 255, 255, 255, 255, 255, 255, 255, 255, 2, 9, 3, 0, 0, 0, 0x3f, 5, 0xc0, 7, 0];
    let body = key(7, [length(id), fields.to_vec()].concat());
    let value = json!({"name": "BCDAAAAA_", "encver": 773, "fields":
        [["sint", -1], ["uint", 9], ["float", 0.5], ["string", "7"]]});
    let bad = key(7, [length(id), vec![6]].concat());
    let error = "corrupt module data: opcode 6 at byte 21 of the snapshot (key \"k\", type 7)";
    run(vec![
        ("a module's value", REDIS, body, one("module", value)),
        ("a field of no kind", REDIS, bad, Err(error)),
    ]);
}
