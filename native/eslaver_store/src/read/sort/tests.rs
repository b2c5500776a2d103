use super::*;
use crate::read::reply;
use crate::testing::{Mirror, error, list, pair, text, texts};
use crate::write::refusal::Refusal;

fn sort_ro(
    mirror: &Mirror,
    key: &str,
    by: Arg<'_>,
    get: &[&str],
    limit: (i64, i64),
    how: &str,
) -> Result<reply::Answer, ReadError> {
    mirror.try_read("sort_ro", &args(key, by, get, limit, how))
}

fn args<'a>(
    key: &'a str,
    by: Arg<'a>,
    get: &[&'a str],
    limit: (i64, i64),
    how: &str,
) -> [Arg<'a>; 6] {
    let flag = |word| how.split(' ').any(|other| other == word);
    [
        text(key),
        by,
        list(get.iter().map(|pattern| text(pattern))),
        pair(Arg::Int(limit.0), Arg::Int(limit.1)),
        Arg::Atom(if flag("desc") { "desc" } else { "asc" }),
        Arg::Atom(if flag("alpha") { "true" } else { "false" }),
    ]
}

const SELF: Arg<'static> = Arg::Atom("self");
const ALL: (i64, i64) = (0, -1);

fn filled() -> Mirror {
    let mut mirror = Mirror::redis("7.0.0");
    for line in [
        "rpush list 10 9 2.5 9",
        "sadd set 3 1 2",
        "zadd zset 1 c 2 b 3 a",
        "mset w_1 30 w_2 20 w_3 10 w_9 -1 w_2.5 x",
        "hset h_1 f 1 g one",
        "hset h_2 f 3 g two",
        "rpush text x",
    ] {
        mirror.run(line);
    }
    mirror
}

#[test]
fn reads_are_sorted() {
    let mirror = filled();
    let nosort = || Arg::Atom("nosort");
    for (key, by, get, limit, how, wanted) in [
        ("list", SELF, &[][..], ALL, "", texts("2.5 9 9 10")),
        ("list", SELF, &[], ALL, "desc", texts("10 9 9 2.5")),
        ("list", nosort(), &[], (1, 2), "desc", texts("2.5 9")),
        ("set", SELF, &["#", "w_*"], ALL, "", texts("1 30 2 20 3 10")),
        ("set", text("w_*"), &[], ALL, "", texts("3 2 1")),
        ("set", text("h_*->f"), &["h_*->g"], ALL, "desc", texts("two one -")),
        ("zset", nosort(), &[], (1, 5), "", texts("b a")),
        ("zset", nosort(), &[], (1, 5), "desc", texts("b c")),
        ("zset", SELF, &[], ALL, "alpha", texts("a b c")),
        ("none", SELF, &[], ALL, "", texts("")),
        ("text", SELF, &[], ALL, "", error("not_a_number")),
        ("list", text("w_*"), &[], ALL, "", error("not_a_number")),
    ] {
        let found = sort_ro(&mirror, key, by.clone(), get, limit, how);
        assert_eq!(found, Ok(wanted.clone()), "{key} {by:?} {how}");
        let args = args(key, by.clone(), get, limit, how);
        let reader = Reader::new(&mirror.store, 0, crate::testing::NOW, crate::Patience::Long);
        let options = options(&reader, Args(&args)).unwrap();
        let copied = copied(&reader, key.as_bytes(), &options).unwrap();
        let mut tree = crate::Tree::default();
        give(copied, &mut tree).unwrap();
        assert_eq!(tree.into_answer(), Some(wanted), "{key} {by:?} {how}");
    }
    let wrong = sort_ro(&mirror, "w_1", SELF, &[], ALL, "");
    assert_eq!(wrong, Err(ReadError::WrongType));
}

#[test]
fn an_unknown_key_is_no_missing_one() {
    let mut mirror = filled();
    mirror.run("json.del w_2 $.a");
    let found = sort_ro(&mirror, "set", text("w_*"), &[], ALL, "");
    assert_eq!(found, Err(ReadError::Unknown));
}

#[test]
fn what_is_stored() {
    for (line, stored) in [
        ("sort list STORE to", "2.5 9 9 10"),
        ("sort list DESC LIMIT 1 2 STORE to", "9 9"),
        ("sort set BY w_* GET # GET h_*->g STORE to", "3 '' 2 two 1 one"),
        ("sort set by nosort store to", "1 2 3"),
        ("sort zset alpha asc store to", "a b c"),
        ("sort none STORE to", ""),
        ("sort list", "old"),
    ] {
        let mut mirror = filled();
        mirror.run("rpush to old");
        mirror.run(line);
        let stored: Vec<_> = stored
            .split_whitespace()
            .map(|word| crate::testing::bytes(if word == "''" { "" } else { word }))
            .collect();
        let found = mirror.read("lrange", &[text("to"), Arg::Int(0), Arg::Int(-1)]);
        assert_eq!(found, reply::Answer::List(stored), "{line}");
    }
}

#[test]
fn what_is_not_stored() {
    for (line, refusal) in [
        ("sort text STORE to", Refusal::Value),
        ("sort w_1 STORE to", Refusal::WrongType(Type::String)),
        ("sort set ALPHA BY none_* STORE to", Refusal::Value),
        ("sort list NOSUCH STORE to", Refusal::Syntax),
    ] {
        let mut mirror = filled();
        assert_eq!(mirror.refusal(line), Some(refusal), "{line}");
        let found = mirror.try_read("lrange", &[text("to"), Arg::Int(0), Arg::Int(-1)]);
        assert_eq!(found, Err(ReadError::Unknown), "{line}");
    }
}
