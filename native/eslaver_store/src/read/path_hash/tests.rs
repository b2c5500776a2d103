use super::*;
use crate::collections::element::Element;
use crate::read::reply::Answer;
use crate::testing::{Mirror, UNDEFINED, bytes, list, text, texts};
use crate::values::path_hash::PathHashBuilder;
use crate::write::refusal::Refusal;

const K: Arg<'static> = Arg::Bytes(b"tree");
const ALL: Arg<'static> = Arg::Atom("infinity");

fn mirror() -> Mirror {
    Mirror::new("valkey-ver", "9.2.0")
}

fn paths(mirror: &Mirror) -> Answer {
    let scanned = mirror.read("phscan", &[K, Arg::Int(0), text(""), Arg::Int(1000)]);
    let Answer::Tuple(parts) = scanned else { panic!("no tuple") };
    let [Answer::Int(0), Answer::List(paths)] = &parts[..] else { panic!("{parts:?}") };
    assert_eq!(mirror.read("phcard", &[K]), Answer::Int(paths.len() as i128));
    parts[1].clone()
}

#[test]
fn fields_of_a_path() {
    let mut mirror = mirror();
    for line in [
        "phset tree path FIELDS 2 f1 v1 f2 v2",
        "phset tree path fnx fields 1 f3 v3",
        "phset tree path FXX FIELDS 1 f1 new",
        "phset tree path FIELDS 2 twice first twice last",
        "phmset tree other FIELDS 2 f1 x fields y '' fields 1 f z",
    ] {
        mirror.run(line);
    }
    assert_eq!(mirror.read("phcard", &[K]), Answer::Int(3));
    let Answer::Map(mut all) = mirror.read("phgetall", &[K, text("path")]) else { panic!() };
    all.sort_by_key(|field| format!("{field:?}"));
    let pair = |(name, value)| (bytes(name), bytes(value));
    let wanted = [("f1", "new"), ("f2", "v2"), ("f3", "v3"), ("twice", "last")].map(pair);
    assert_eq!(all, wanted);
    for (path, field, value) in [
        ("other", "fields", bytes("y")),
        ("", "f", bytes("z")),
        ("none", "f", UNDEFINED),
        ("path", "none", UNDEFINED),
    ] {
        assert_eq!(mirror.read("phget", &[K, text(path), text(field)]), value, "{path} {field}");
    }
    let names = || list([text("f1"), text("f2")]);
    assert_eq!(mirror.read("phmget", &[K, text("other"), names()]), texts("x -"));
    assert_eq!(mirror.read("phmget", &[text("none"), text("p"), names()]), texts("- -"));
    assert_eq!(mirror.read("phgetall", &[K, text("none")]), Answer::Map(vec![]));
    for (path, exists) in [("path", "true"), ("pat", "false"), ("", "true")] {
        assert_eq!(mirror.read("phexists", &[K, text(path)]), Answer::Atom(exists), "{path}");
    }
    assert_eq!(mirror.read("phexists", &[text("none"), text("")]), Answer::Atom("false"));
    assert_eq!(mirror.read("phcard", &[text("none")]), Answer::Int(0));
}

/// Without its last path the key is still there.
#[test]
fn paths_that_end() {
    let mut mirror = mirror();
    for path in ["a", "ab", "abc", "ac", "b"] {
        mirror.run(&format!("phset tree {path} FIELDS 1 f {path}"));
    }
    mirror.run("phset tree a FIELDS 1 g 1");
    mirror.run("phdel tree a x f x");
    let left = Answer::Map(vec![(bytes("g"), bytes("1"))]);
    assert_eq!(mirror.read("phgetall", &[K, text("a")]), left);
    mirror.run("phdel tree a g");
    assert_eq!(paths(&mirror), texts("ab abc ac b"));
    mirror.run("phdelprefix tree ab");
    assert_eq!(paths(&mirror), texts("ac b"));
    for line in ["phdel tree b", "phdel tree b", "phdelprefix tree ''"] {
        mirror.run(line);
    }
    assert_eq!(paths(&mirror), texts(""));
    assert_eq!(mirror.store.len(), 1);
    // Of a key that is gone a master replicates none.
    assert_eq!(mirror.refusal("phdel none a"), Some(Refusal::Missing));
}

#[test]
fn prefixes_of_a_text() {
    let mut mirror = mirror();
    let all: [&[u8]; 9] = [b"", b"a", b"ab", b"abc", b"abcd", b"\0", b"\0a", b"\0a\0\xff", b"\0b"];
    for path in all {
        mirror.try_run(&[b"phset", b"tree", path, b"FIELDS", b"1", b"f", b"v"]).unwrap();
    }
    for (query, longest, count, found) in [
        (&b"abcde"[..], ALL, ALL, &[0, 1, 2, 3, 4][..]),
        (b"abcde", Arg::Int(3), Arg::Int(2), &[2, 3]),
        (b"zzz", Arg::Int(0), ALL, &[0]),
        (b"\0a\0\xffz", ALL, ALL, &[0, 1, 2, 4]),
        (b"abx", ALL, ALL, &[0, 1, 2]),
    ] {
        let Answer::List(prefixes) =
            mirror.read("phprefixes", &[K, Arg::Bytes(query), longest, count])
        else {
            panic!("no list");
        };
        let lens: Vec<usize> = prefixes
            .iter()
            .map(|path| match path {
                Answer::Bytes(path) if query.starts_with(path) => path.len(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(lens, found, "{}", query.escape_ascii());
    }
    let longest = |mirror: &Mirror, key, query| mirror.read("phlongest", &[key, text(query)]);
    assert_eq!(longest(&mirror, K, "abcdzz"), bytes("abcd"));
    assert_eq!(longest(&mirror, K, "zz"), bytes(""));
    mirror.run("phdel tree ''");
    assert_eq!(longest(&mirror, K, "zz"), UNDEFINED);
    assert_eq!(longest(&mirror, text("none"), "zz"), UNDEFINED);
    assert_eq!(mirror.read("phprefixes", &[text("none"), text("zz"), ALL, ALL]), texts(""));
}

#[test]
fn a_scan() {
    let mut mirror = mirror();
    let mut names: Vec<String> = (1..=50).map(|number| format!("p{number}")).collect();
    names.sort();
    for path in names.iter().map(String::as_str).chain(["q", "''"]) {
        mirror.run(&format!("phset tree {path} FIELDS 1 f v"));
    }
    let scanned = |prefix, count| {
        let (mut cursor, mut found) = (None::<Vec<u8>>, Vec::new());
        loop {
            let at = cursor.as_deref().map_or(Arg::Int(0), Arg::Bytes);
            let answer = mirror.read("phscan", &[K, at, text(prefix), Arg::Int(count)]);
            let Answer::Tuple(parts) = answer else { panic!("no tuple") };
            let Answer::List(paths) = &parts[1] else { panic!("no list") };
            assert!(paths.len() as i64 <= count);
            found.extend(paths.clone());
            match &parts[0] {
                Answer::Int(0) => return Answer::List(found),
                Answer::Bytes(next) => cursor = Some(next.clone()),
                other => panic!("{other:?}"),
            }
        }
    };
    let wanted = texts(&names.join(" "));
    assert_eq!(scanned("p", 7), wanted);
    assert_eq!(scanned("p", 50), wanted);
    assert_eq!(scanned("x", 10), texts(""));
    let Answer::List(all) = scanned("", 10) else { panic!("no list") };
    assert_eq!((all.len(), &all[0], &all[51]), (52, &bytes(""), &bytes("q")));
}

#[test]
fn a_snapshot_and_copies() {
    let mut mirror = mirror();
    let element = |text: &'static str| Element::Bytes(text.as_bytes());
    let mut hash = PathHashBuilder::new(1);
    hash.path(b"");
    hash.field(element("r"), Element::Int(0)).unwrap();
    hash.path(b"a");
    hash.field(element("f"), Element::Int(1)).unwrap();
    hash.field(element("g"), Element::Int(2)).unwrap();
    mirror.load("tree", hash.finish());
    assert_eq!(mirror.read("phget", &[K, text("a"), text("g")]), bytes("2"));
    assert_eq!(mirror.read("phcard", &[K]), Answer::Int(2));
    mirror.load("tree", PathHashBuilder::new(1).finish());
    assert_eq!(paths(&mirror), texts(""));
    for number in 0..300 {
        mirror.run(&format!("phset tree {number} FIELDS 1 f v"));
    }
    // A path with more fields than are packed.
    for number in 0..300 {
        mirror.run(&format!("phset tree large FIELDS 1 f{number} {number}"));
    }
    mirror.run("copy tree copy");
    mirror.run("phdelprefix tree ''");
    assert_eq!(paths(&mirror), texts(""));
    assert_eq!(mirror.read("phcard", &[text("copy")]), Answer::Int(301));
    let value = mirror.read("phget", &[text("copy"), text("large"), text("f299")]);
    assert_eq!(value, bytes("299"));
}

#[test]
fn another_type() {
    let mut mirror = mirror();
    mirror.run("set tree x");
    assert_eq!(mirror.try_read("phcard", &[K]), Err(ReadError::WrongType));
    assert_eq!(mirror.try_read("phgetall", &[K, text("")]), Err(ReadError::WrongType));
    let refusal = mirror.refusal("phset tree p FIELDS 1 f v");
    assert_eq!(refusal, Some(Refusal::WrongType(Type::String)));
}
