use super::*;
use crate::read::reply::Answer;
use crate::testing::{Mirror, UNDEFINED, error, ints, list, pair, text, texts};
use crate::values::array::{ArrayBuilder, MAX_INDEX};
use crate::write::refusal::Refusal;

const K: Arg<'static> = Arg::Bytes(b"k");
const LAST: Arg<'static> = Arg::Unsigned(MAX_INDEX);

fn int(value: i64) -> Arg<'static> {
    Arg::Int(value)
}

fn loaded(next: Option<u64>, elements: &[(u64, &str)]) -> crate::values::NewValue {
    let mut array = ArrayBuilder::default();
    next.into_iter().for_each(|next| array.set_next_index(next));
    for (index, element) in elements {
        array.set(*index, element.as_bytes()).unwrap();
    }
    array.finish()
}

fn scanned(elements: &[(u64, &str)]) -> Answer {
    let one = |(index, element): &(u64, &str)| {
        Answer::Tuple(vec![
            Answer::Int(i128::from(*index)),
            Answer::Bytes(element.as_bytes().to_vec()),
        ])
    };
    Answer::List(elements.iter().map(one).collect())
}

fn info(count: i128, length: i128, next: i128) -> Answer {
    let field = |name, value| (Answer::Atom(name), Answer::Int(value));
    Answer::Map(vec![
        field("count", count),
        field("length", length),
        field("next_insert_index", next),
    ])
}

#[test]
fn an_array_of_a_snapshot() {
    let mut mirror = Mirror::redis("8.10.0");
    let elements = [(0, "a"), (7, "1.5"), (MAX_INDEX, "z"), (7, "twice")];
    mirror.load("k", loaded(Some(8), &elements));
    assert_eq!(
        mirror.read("arscan", &[K, int(0), LAST, Arg::Atom("infinity")]),
        scanned(&[(0, "a"), (7, "twice"), (MAX_INDEX, "z")])
    );
    assert_eq!(mirror.read("arnext", &[K]), Answer::Int(8));
    assert_eq!(mirror.read("arinfo", &[K]), info(3, i128::from(u64::MAX), 8));
    mirror.run("arinsert k b");
    assert_eq!(mirror.read("arget", &[K, int(8)]), Answer::Bytes(b"b".to_vec()));
    mirror.load("k", loaded(None, &[(3, "a")]));
    assert_eq!(mirror.read("arnext", &[K]), Answer::Int(0));
    mirror.load("k", loaded(Some(u64::MAX), &[(3, "a")]));
    assert_eq!(mirror.read("arnext", &[K]), UNDEFINED);
    assert_eq!(mirror.read("arinfo", &[K]), info(1, 4, 0));
    assert_eq!(mirror.refusal("arinsert k b"), Some(Refusal::Range));
}

#[test]
fn commands_are_applied() {
    let mut mirror = Mirror::redis("8.10.0");
    mirror.run("arset k 3 a b c");
    mirror.run("armset k 1 one 9 nine");
    mirror.run("ardel k 4 100");
    assert_eq!(
        mirror.read("argetrange", &[K, int(0), int(10)]),
        texts("- one - a - c - - - nine -")
    );
    assert_eq!(mirror.read("argetrange", &[K, int(5), int(3)]), texts("c - a"));
    mirror.run("ardelrange k 9 8 0 2");
    assert_eq!(
        mirror.read("arscan", &[K, int(9), int(0), Arg::Atom("infinity")]),
        scanned(&[(5, "c"), (3, "a")])
    );
    assert_eq!(mirror.read("arscan", &[K, int(9), int(0), int(1)]), scanned(&[(5, "c")]));
    mirror.run("arseek k 7");
    mirror.run("arinsert k x y");
    assert_eq!(mirror.read("armget", &[K, list([int(8), int(9), int(7)])]), texts("y - x"));
    mirror.run("ardelrange k 0 100");
    assert_eq!(mirror.read("arlen", &[K]), Answer::Int(0));
    assert!(mirror.store.is_empty());
    for line in ["ardel n1 1", "ardelrange n2 0 1", "arseek n3 1"] {
        assert_eq!(mirror.refusal(line), Some(Refusal::Missing), "{line}");
    }
    for line in ["arset n4 18446744073709551614 a b", "armset n5 18446744073709551615 a"] {
        assert_eq!(mirror.refusal(line), Some(Refusal::Range), "{line}");
    }
}

#[test]
fn a_ring_and_copies() {
    let mut mirror = Mirror::redis("8.10.0");
    let numbers: Vec<String> = (1..=300).map(|number| number.to_string()).collect();
    mirror.run(&format!("arset a 5 {}", numbers.join(" ")));
    mirror.run("arring a 50 x");
    assert_eq!(mirror.read("arcount", &[text("a")]), Answer::Int(50));
    mirror.run("copy a a2");
    let all = |mirror: &Mirror, key| {
        mirror.read("arscan", &[text(key), int(0), LAST, Arg::Atom("infinity")])
    };
    assert_eq!(all(&mirror, "a"), all(&mirror, "a2"));
    mirror.run("ardel a 0");
    assert_ne!(all(&mirror, "a"), all(&mirror, "a2"));
    mirror.run("del a a2");
    assert!(mirror.store.is_empty());
}

/// Of indexes 0, 1 and 5, with the cursor behind.
fn tail(mirror: &mut Mirror) -> Vec<Answer> {
    mirror.run("armset k 0 a 1 b 5 c");
    mirror.run("arseek k 10");
    [(2, "false"), (100, "true"), (0, "false"), (-1, "false")]
        .map(|(count, rev)| mirror.read("arlastitems", &[K, int(count), Arg::Atom(rev)]))
        .to_vec()
}

#[test]
fn the_last_of_an_array() {
    let mut mirror = Mirror::redis("8.10.0");
    assert_eq!(tail(&mut mirror), [texts("- -"), texts("- - -"), texts(""), texts("")]);
    mirror.run("arseek k 0");
    let last =
        |mirror: &Mirror, count| mirror.read("arlastitems", &[K, int(count), Arg::Atom("false")]);
    assert_eq!(last(&mirror, 100), texts("- - c"));
    let mut mirror = Mirror::redis("8.12.0");
    assert_eq!(tail(&mut mirror), [texts("- c"), texts("c - - - b a"), texts(""), texts("")]);
    mirror.run("arseek k 2");
    assert_eq!(last(&mirror, 3), texts("c a b"));
    mirror.run("arset k 18446744073709551614 z");
    assert_eq!(last(&mirror, 1_000_001), error("range_too_large"));
}

#[test]
fn ranges_that_are_too_large_and_keys_that_are_missing() {
    let mut mirror = Mirror::redis("8.10.0");
    mirror.run("set string x");
    let none = text("none");
    for (name, args, answer) in [
        ("argetrange", vec![none.clone(), int(0), int(1_000_000)], error("range_too_large")),
        ("arget", vec![none.clone(), int(1)], UNDEFINED),
        ("arlen", vec![none.clone()], Answer::Int(0)),
        ("arnext", vec![none.clone()], Answer::Int(0)),
        ("arinfo", vec![none.clone()], UNDEFINED),
        ("arlastitems", vec![none.clone(), int(3), Arg::Atom("false")], texts("")),
        ("armget", vec![none.clone(), list([int(0)])], texts("-")),
        ("arop", vec![none.clone(), int(0), int(1), Arg::Atom("sum")], UNDEFINED),
        ("arop", vec![none.clone(), int(0), int(1), Arg::Atom("used")], Answer::Int(0)),
    ] {
        assert_eq!(mirror.read(name, &args), answer, "{name}");
    }
    let Answer::List(all) = mirror.read("argetrange", &[none, int(1), int(1_000_000)]) else {
        panic!("no list");
    };
    assert_eq!(all.len(), 1_000_000);
    let wrong = mirror.try_read("arget", &[text("string"), int(1)]);
    assert_eq!(wrong, Err(ReadError::WrongType));
}

#[test]
fn elements_that_match() {
    let mut mirror = Mirror::redis("8.10.0");
    mirror.run("arset k 0 Ab b 3 4.5");
    for (tests, combine, no_case, found) in [
        (vec![("exact", "AB"), ("match", "B")], "and", "true", &[0][..]),
        (vec![("exact", "AB"), ("match", "b")], "or", "false", &[0, 1]),
        (vec![("exact", "AB")], "or", "false", &[]),
        (vec![("match", "")], "or", "false", &[0, 1, 2, 3]),
        (vec![("glob", "*B")], "or", "true", &[0, 1]),
    ] {
        let tests =
            list(tests.into_iter().map(|(kind, wanted)| pair(Arg::Atom(kind), text(wanted))));
        let grep = |from, to, limit, with_values| {
            let how = [Arg::Atom(combine), Arg::Atom(no_case), limit, Arg::Atom(with_values)];
            let args: Vec<_> = [K, from, to, tests.clone()].into_iter().chain(how).collect();
            mirror.read("argrep", &args)
        };
        let (low, high, all) = (Arg::Atom("-"), Arg::Atom("+"), Arg::Atom("infinity"));
        assert_eq!(grep(low.clone(), high.clone(), all.clone(), "false"), ints(found), "{tests:?}");
        let mut back: Vec<i128> = found.to_vec();
        back.reverse();
        back.truncate(1);
        assert_eq!(grep(high, low, int(1), "false"), ints(&back), "{tests:?}");
        let first = if found.contains(&0) { &[(0, "Ab")][..] } else { &[] };
        assert_eq!(grep(int(0), int(0), all, "true"), scanned(first), "{tests:?}");
    }
}

#[test]
fn operations() {
    let mut mirror = Mirror::redis("8.10.0");
    mirror.run("arset k 0 Ab b 3 4.5 inf -inf 9223372036854775807 1e300");
    for (from, to, operation, answer) in [
        (0, 3, "sum", Answer::Float(7.5)),
        (2, 3, "min", Answer::Float(3.0)),
        (0, 3, "max", Answer::Float(4.5)),
        (0, 3, "used", Answer::Int(4)),
        (0, 3, "or", Answer::Int(7)),
        (0, 3, "and", Answer::Int(0)),
        (3, 2, "xor", Answer::Int(7)),
        (2, 0, "sum", Answer::Int(3)),
        (0, 1, "sum", UNDEFINED),
        (0, 1, "or", UNDEFINED),
        (2, 4, "sum", Answer::Atom("inf")),
        (2, 5, "sum", UNDEFINED),
        (2, 5, "min", Answer::Atom("-inf")),
        (4, 7, "or", Answer::Int(i128::from(i64::MAX))),
    ] {
        let found = mirror.read("arop", &[K, int(from), int(to), Arg::Atom(operation)]);
        assert_eq!(found, answer, "{from} {to} {operation}");
    }
    let matching = pair(Arg::Atom("match"), text("b"));
    assert_eq!(mirror.read("arop", &[K, int(0), int(9), matching]), Answer::Int(1));
    mirror.run("arset k 3 9223372036854775807");
    let sum = mirror.read("arop", &[K, int(2), int(3), Arg::Atom("sum")]);
    assert_eq!(sum, Answer::Int(i128::from(i64::MAX) + 3));
}
