use std::collections::BTreeSet;

use eslaver_core::rdb::{Item, ModuleField};

use super::*;
use crate::read::reply::Answer;
use crate::testing::{Mirror, UNDEFINED, bytes, pair, text, texts};
use crate::values::NewValue;
use crate::values::vectorset::VectorSetBuilder;
use crate::write::refusal::Refusal;

const K: Arg<'static> = Arg::Bytes(b"k");
const LOW: Arg<'static> = Arg::Atom("-");
const HIGH: Arg<'static> = Arg::Atom("+");
const ALL: Arg<'static> = Arg::Atom("infinity");

fn number(number: u64) -> ModuleField<'static> {
    ModuleField::Unsigned(number)
}

fn string(bytes: &[u8]) -> ModuleField<'_> {
    ModuleField::String(Item::Bytes(bytes))
}

fn built(fields: &[ModuleField<'_>]) -> Option<NewValue> {
    let mut set = VectorSetBuilder::default();
    fields.iter().for_each(|field| set.field(*field));
    set.finish()
}

fn field(info: &Answer, name: &'static str) -> Answer {
    let Answer::Map(fields) = info else { panic!("{info:?}") };
    let found = fields.iter().find(|(other, _)| *other == Answer::Atom(name));
    found.unwrap().1.clone()
}

/// As Redis 8.6 has written them: of 8 bits with an attribute and one link, and with a projection.
#[test]
fn a_vector_set_of_a_snapshot() {
    let mut mirror = Mirror::redis("8.10.0");
    let links = [number(16_777_216), number(1), number(32)];
    let floats = [number(4_545_018_561_101_299_712), number(4_561_374_231_437_211_473)];
    let mut fields = vec![number(3), number(2), number(4097), number(2)];
    fields.extend([string(b"b"), string(b""), string(&[42, 171, 127]), number(7), number(2)]);
    fields.extend(links);
    fields.extend([number(1), floats[0], floats[1]]);
    fields.extend([string(b"a"), string(b"zz"), string(&[42, 85, 127]), number(7), number(1)]);
    fields.extend(links);
    fields.extend([number(2), floats[0], floats[1]]);
    mirror.load("k", built(&fields).unwrap());
    let vgetattr = |mirror: &Mirror, element| mirror.read("vgetattr", &[K, text(element)]);
    assert_eq!(mirror.read("vrange", &[K, LOW, HIGH, ALL]), texts("a b"));
    assert_eq!(vgetattr(&mirror, "a"), bytes("zz"));
    assert_eq!(vgetattr(&mirror, "b"), UNDEFINED);
    // The same as of the vectors themselves.
    mirror.run("vadd v VALUES 3 1 2 3 a SETATTR zz");
    mirror.run("vadd v VALUES 3 1 -2 3 b");
    for (query, element) in [("vemb_raw", "a"), ("vemb", "b"), ("vinfo", "")] {
        let [loaded, added] = [K, text("v")].map(|key| mirror.read(query, &[key, text(element)]));
        assert_eq!(loaded, added, "{query}");
    }

    let [row, minus] = [[58, 205, 19, 63], [58, 205, 19, 191]];
    let matrix = [row, row, row, row, minus, row].concat();
    let reduced = [
        number(2),
        number(1),
        number(4096),
        number(1),
        number(3),
        string(&matrix),
        string(b"b"),
        string(&[155, 232, 161, 62, 232, 220, 114, 63]),
        number(2),
        number(1),
        number(1_080_668_649),
    ];
    mirror.load("r", built(&reduced).unwrap());
    mirror.run("vadd r REDUCE 2 VALUES 3 1 -2 3 c NOQUANT");
    mirror.run("vadd s REDUCE 2 VALUES 3 1 -2 3 b NOQUANT");
    let vector = mirror.read("vemb", &[text("s"), text("b")]);
    for element in ["b", "c"] {
        assert_eq!(mirror.read("vemb", &[text("r"), text(element)]), vector, "{element}");
    }
    let info = mirror.read("vinfo", &[text("r")]);
    for (name, value) in [
        ("projection_input_dim", Answer::Int(3)),
        ("vector_dim", Answer::Int(2)),
        ("quant_type", Answer::Atom("f32")),
        ("hnsw_m", Answer::Int(16)),
    ] {
        assert_eq!(field(&info, name), value, "{name}");
    }
}

#[test]
fn a_vector_set_that_is_damaged() {
    let element = [string(b"b"), string(&[1, 2, 3]), number(1), number(0)];
    let head = |count, config, flags| vec![number(3), number(count), number(config), number(flags)];
    let with = |head: Vec<ModuleField<'static>>, others: &[ModuleField<'static>]| {
        head.into_iter().chain(others.iter().copied()).collect::<Vec<_>>()
    };
    assert!(built(&with(head(1, 4097, 0), &element)).is_some());
    assert!(built(&head(0, 4097, 0)).unwrap().as_ref().is_empty());
    let twice = [element, element].concat();
    let short = [string(b"b"), string(&[1, 2]), number(1), number(0)];
    let projection = [number(5), string(&[1])];
    for (why, fields) in [
        ("nothing", vec![]),
        ("no element", head(1, 4097, 0)),
        ("one too many", with(head(1, 4097, 0), &twice)),
        ("the same twice", with(head(2, 4097, 0), &twice)),
        ("another quantization", with(head(1, 4099, 0), &element)),
        ("a short matrix", with(head(1, 4097, 1), &[&projection[..], &element].concat())),
        ("a short vector", with(head(1, 4097, 0), &short)),
        ("no end", with(head(1, 4097, 0), &element[..3])),
        ("a float", with(head(1, 4097, 0), &[ModuleField::Float(1.0)])),
    ] {
        assert!(built(&fields).is_none(), "{why}");
    }
}

fn l2(mirror: &Mirror) -> Answer {
    let Answer::Tuple(parts) = mirror.read("vemb_raw", &[K, text("a")]) else { panic!() };
    assert_eq!(parts[0], Answer::Atom("f32"));
    parts[2].clone()
}

/// A master sends no new vector of an element; if one comes, it is taken, as a replica does.
#[test]
fn a_vector_that_is_replaced() {
    let mut mirror = Mirror::redis("8.10.0");
    let counts = |mirror: &Mirror| {
        let info = mirror.read("vinfo", &[K]);
        (field(&info, "size"), field(&info, "attributes_count"))
    };
    mirror.run("vadd k VALUES 2 3 4 a NOQUANT SETATTR x");
    mirror.run("vadd k VALUES 2 6 8 a NOQUANT");
    assert_eq!(l2(&mirror), Answer::Float(10.0));
    assert_eq!(mirror.read("vgetattr", &[K, text("a")]), bytes("x"));
    mirror.run("vadd k VALUES 2 3 4 a NOQUANT SETATTR ''");
    assert_eq!(l2(&mirror), Answer::Float(5.0));
    assert_eq!(counts(&mirror), (Answer::Int(1), Answer::Int(0)));
    // To a new element a master gives an empty attribute, if it is told to.
    mirror.run("vadd k VALUES 2 3 4 b NOQUANT SETATTR ''");
    assert_eq!(mirror.read("vgetattr", &[K, text("b")]), bytes(""));
    assert_eq!(counts(&mirror), (Answer::Int(2), Answer::Int(1)));
    mirror.run("vsetattr k a y");
    assert_eq!(counts(&mirror), (Answer::Int(2), Answer::Int(2)));
    mirror.run("vsetattr k a ''");
    assert_eq!(mirror.read("vgetattr", &[K, text("a")]), UNDEFINED);
    mirror.run("vrem k b");
    assert_eq!(counts(&mirror), (Answer::Int(1), Answer::Int(0)));
    mirror.run("vrem k a");
    assert!(mirror.store.is_empty());
    for (query, args, answer) in [
        ("vcard", vec![K], Answer::Int(0)),
        ("vdim", vec![K], UNDEFINED),
        ("vinfo", vec![K], UNDEFINED),
        ("vismember", vec![K, text("a")], Answer::Atom("false")),
        ("vgetattr", vec![K, text("a")], UNDEFINED),
        ("vemb", vec![K, text("a")], UNDEFINED),
        ("vemb_raw", vec![K, text("a")], UNDEFINED),
        ("vrange", vec![K, LOW, HIGH, ALL], texts("")),
        ("vrandmember", vec![K], UNDEFINED),
        ("vrandmember_count", vec![K, Arg::Int(3)], texts("")),
    ] {
        assert_eq!(mirror.read(query, &args), answer, "{query}");
    }
}

#[test]
fn what_is_refused() {
    for (line, refusal) in [
        ("vadd k VALUES 3 3 4 5 b NOQUANT", Refusal::Value),
        ("vadd k FP32 123 b NOQUANT", Refusal::Value),
        ("vadd k VALUES 2 1e39 5 b", Refusal::Value),
        ("vadd k VALUES 2 3 4", Refusal::Syntax),
        ("vadd k VALUES 9 3 4 b", Refusal::Syntax),
        ("vadd k VALUES 2 3 4 b NOSUCH", Refusal::Syntax),
        ("vadd new REDUCE 1000000000 VALUES 2 3 4 b", Refusal::Range),
        ("vrem k none", Refusal::Missing),
        ("vrem none a", Refusal::Missing),
        ("vsetattr k none x", Refusal::Missing),
    ] {
        let mut mirror = Mirror::redis("8.10.0");
        mirror.run("vadd k VALUES 2 3 4 a NOQUANT CAS EF 100 M 8");
        assert_eq!(mirror.refusal(line), Some(refusal), "{line}");
    }
}

#[test]
fn ranges_and_random_elements() {
    let mut mirror = Mirror::redis("8.10.0");
    for number in 1..=300 {
        mirror.run(&format!("vadd k VALUES 2 {number} 1 e{number}"));
    }
    mirror.run("copy k v2");
    mirror.run("vrem v2 e1");
    assert_eq!(mirror.read("vcard", &[K]), Answer::Int(300));
    let inclusive = |element| pair(Arg::Atom("inclusive"), text(element));
    let exclusive = |element| pair(Arg::Atom("exclusive"), text(element));
    for (low, high, count, found) in [
        (inclusive("e10"), exclusive("e102"), ALL, "e10 e100 e101"),
        (exclusive("e10"), inclusive("e102"), ALL, "e100 e101 e102"),
        (exclusive("e10"), inclusive("e102"), Arg::Int(2), "e100 e101"),
        (inclusive("e98x"), HIGH, ALL, "e99"),
        (LOW, exclusive("e10"), ALL, "e1"),
        (HIGH, LOW, ALL, ""),
        (inclusive("e5"), exclusive("e5"), ALL, ""),
        (LOW, HIGH, Arg::Int(0), ""),
    ] {
        let answer = mirror.read("vrange", &[K, low.clone(), high.clone(), count]);
        assert_eq!(answer, texts(found), "{low:?} {high:?}");
    }
    let random = |count| {
        let Answer::List(all) = mirror.read("vrandmember_count", &[K, Arg::Int(count)]) else {
            panic!("no list")
        };
        let different: BTreeSet<_> = all.iter().map(|element| format!("{element:?}")).collect();
        (all.len(), different.len())
    };
    assert_eq!((random(1000), random(7), random(0)), ((300, 300), (7, 7), (0, 0)));
    assert_eq!(random(-1000).0, 1000);
    assert!(matches!(mirror.read("vrandmember", &[K]), Answer::Bytes(_)));
}
