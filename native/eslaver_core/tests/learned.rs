//! What is learned of commands from a master's reply to `COMMAND`.
#![allow(clippy::unwrap_used)]

use eslaver_core::commands::{Effect, Key, Learned, keys};
use eslaver_core::lines::Lines;
use eslaver_core::reply::Replies;
use proptest::prelude::*;

/// A part of a reply.
enum Part {
    Text(&'static str),
    Int(i64),
    List(Vec<Part>),
}

use Part::{Int, List, Text};

impl Part {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Text(text) => out.extend(format!("${}\r\n{text}\r\n", text.len()).into_bytes()),
            Int(number) => out.extend(format!(":{number}\r\n").into_bytes()),
            List(parts) => {
                out.extend(format!("*{}\r\n", parts.len()).into_bytes());
                parts.iter().for_each(|part| part.encode(out));
            }
        }
    }
}

fn texts(words: &'static str) -> Part {
    List(words.split_whitespace().map(Text).collect())
}

/// A command as servers before 6.0 describe it.
fn old(name: &'static str, flags: &'static str, first: i64, last: i64, step: i64) -> Part {
    List(vec![Text(name), Int(-1), texts(flags), Int(first), Int(last), Int(step)])
}

/// A command as servers from 7.0 on describe it.
fn new(name: &'static str, flags: &'static str, specs: Vec<Part>, subs: Vec<Part>) -> Part {
    let Part::List(mut parts) = old(name, flags, 1, 1, 1) else { unreachable!() };
    parts.extend([texts("@x"), List(vec![]), List(specs), List(subs)]);
    List(parts)
}

fn spec(flags: &'static str, begin: Part, find: Part) -> Part {
    List(vec![Text("flags"), texts(flags), Text("begin_search"), begin, Text("find_keys"), find])
}

fn index(index: i64) -> Part {
    List(vec![Text("type"), Text("index"), Text("spec"), List(vec![Text("index"), Int(index)])])
}

fn keyword(word: &'static str, from: i64) -> Part {
    let spec = vec![Text("keyword"), Text(word), Text("startfrom"), Int(from)];
    List(vec![Text("type"), Text("keyword"), Text("spec"), List(spec)])
}

fn range(last: i64, step: i64, limit: i64) -> Part {
    let spec =
        vec![Text("lastkey"), Int(last), Text("keystep"), Int(step), Text("limit"), Int(limit)];
    List(vec![Text("type"), Text("range"), Text("spec"), List(spec)])
}

fn keynum(at: i64, first: i64, step: i64) -> Part {
    let spec =
        vec![Text("keynumidx"), Int(at), Text("firstkey"), Int(first), Text("keystep"), Int(step)];
    List(vec![Text("type"), Text("keynum"), Text("spec"), List(spec)])
}

fn unknown() -> Part {
    List(vec![Text("type"), Text("unknown"), Text("spec"), List(vec![])])
}

fn reply() -> Vec<u8> {
    let mut out = Vec::new();
    List(vec![
        old("OLD1", "write", 1, 1, 1),
        old("old2", "write denyoom", 1, -1, 2),
        old("old3", "write", 2, 3, 1),
        old("oldnone", "write", 0, 0, 0),
        old("oldmodule", "write module", 0, 0, 0),
        old("oldsecret", "write movablekeys", 0, 0, 0),
        old("oldtells", "may_replicate", 0, 0, 0),
        old("oldmove", "write movablekeys", 1, 1, 1),
        old("oldread", "readonly", 1, 1, 1),
        old("set", "readonly", 2, 2, 1),
        old("oldbad", "write", 2, 1, 0),
        new(
            "move2",
            "write",
            vec![
                spec("RW access delete", index(1), range(0, 1, 0)),
                spec("RW insert", index(2), range(0, 1, 0)),
            ],
            vec![],
        ),
        new(
            "store",
            "write movablekeys",
            vec![
                spec("OW update", index(1), range(0, 1, 0)),
                spec("RO access", index(2), keynum(0, 1, 1)),
            ],
            vec![],
        ),
        new(
            "words",
            "write movablekeys",
            vec![spec("RM delete", keyword("KEYS", 1), range(-1, 1, 0))],
            vec![],
        ),
        new(
            "back",
            "write movablekeys",
            vec![spec("RW", keyword("to", -2), range(0, 1, 0))],
            vec![],
        ),
        new(
            "half",
            "write movablekeys",
            vec![spec("RO", keyword("STREAMS", 1), range(-1, 1, 2))],
            vec![],
        ),
        new("none", "write", vec![], vec![]),
        new("nonemodule", "write module", vec![], vec![]),
        new("nonetells", "may_replicate", vec![], vec![]),
        new("secret", "write movablekeys", vec![], vec![]),
        new(
            "getkeys",
            "write movablekeys module",
            vec![spec("RW", index(1), range(0, 1, 0))],
            vec![],
        ),
        new("unsaid", "write", vec![spec("RW", unknown(), range(0, 1, 0))], vec![]),
        new("partly", "write", vec![spec("RW incomplete", index(1), range(0, 1, 0))], vec![]),
        new("channel", "write", vec![spec("RW not_key", index(1), range(0, 1, 0))], vec![]),
        new("tells", "may_replicate", vec![spec("RW", index(1), range(0, 1, 0))], vec![]),
        new("reads", "readonly", vec![spec("RO", index(1), range(0, 1, 0))], vec![]),
        new(
            "box",
            "",
            vec![],
            vec![
                new("box|put", "write", vec![spec("RW", index(2), range(0, 1, 0))], vec![]),
                new("box|empty", "write", vec![], vec![]),
                new("box|see", "readonly", vec![spec("RO", index(2), range(0, 1, 0))], vec![]),
            ],
        ),
        List(vec![]),
        Int(7),
        Text("strange"),
        new("last", "write", vec![spec("RW", index(1), range(-1, 3, 0))], vec![]),
    ])
    .encode(&mut out);
    out
}

const EXPECTED: &[(&str, Effect, &str, &str)] = &[
    ("OLD1 a b", Effect::Keys, "a", ""),
    ("old2 a 1 b 2", Effect::Keys, "a b", ""),
    ("old3 x a b c", Effect::Keys, "a b", ""),
    ("oldnone a", Effect::Unnamed, "", ""),
    ("oldmodule a", Effect::Keys, "", ""),
    ("oldsecret a", Effect::Unknown, "", ""),
    ("oldtells a", Effect::Keys, "", ""),
    ("oldmove a", Effect::Unknown, "", ""),
    ("oldread a", Effect::NotAWrite, "", ""),
    ("oldbad a b", Effect::Unknown, "", ""),
    ("set a b", Effect::Keys, "a", ""),
    ("MOVE2 a b x", Effect::Keys, "a b", ""),
    ("move2 a", Effect::Keys, "a", ""),
    ("store a 2 b c WEIGHTS 1", Effect::Keys, "a", "b c"),
    ("store a x b c", Effect::Keys, "a", ""),
    ("words x keys a b", Effect::Keys, "a b", ""),
    ("words x", Effect::Keys, "", ""),
    ("back to x to a", Effect::Keys, "a", ""),
    ("half STREAMS a b 0 0", Effect::Keys, "", "a b"),
    ("none a", Effect::Unnamed, "", ""),
    ("nonemodule a", Effect::Keys, "", ""),
    ("nonetells a", Effect::Keys, "", ""),
    ("secret a", Effect::Unknown, "", ""),
    ("getkeys a b", Effect::Unknown, "", ""),
    ("unsaid a", Effect::Unknown, "", ""),
    ("partly a", Effect::Unknown, "", ""),
    ("channel a", Effect::Keys, "", ""),
    ("tells a", Effect::Keys, "a", ""),
    ("reads a", Effect::NotAWrite, "", ""),
    ("box PUT a b", Effect::Keys, "a", ""),
    ("box see a", Effect::NotAWrite, "", ""),
    ("box empty a", Effect::Unnamed, "", ""),
    ("box new a", Effect::Unknown, "", ""),
    ("box", Effect::Unknown, "", ""),
    ("last a $ 1 b $ 2", Effect::Keys, "a b", ""),
    ("nobody a", Effect::Unknown, "", ""),
];

fn check(learned: &Learned) {
    for &(line, effect, changed, read) in EXPECTED {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (mut found, mut only_read) = (Vec::new(), Vec::new());
        let is = keys(learned, words[0].as_bytes(), &words[1..], |key: Key| {
            (if key.changed { &mut found } else { &mut only_read }).push(words[1 + key.index]);
        });
        assert_eq!(
            (is, found.join(" "), only_read.join(" ")),
            (effect, changed.into(), read.into()),
            "{line}"
        );
    }
}

fn read(mut learned: Learned, reply: &[u8]) -> Option<Learned> {
    let mut lines = Lines::new();
    lines.feed(reply);
    learned.take(&Replies::default().next(&mut lines).ok()??);
    Some(learned)
}

#[test]
fn a_reply() {
    check(&read(Learned::default(), &reply()).unwrap());
}

#[test]
fn names_that_are_hidden() {
    let learned = read(Learned::hiding([b"set".to_vec(), b"del".to_vec()]), &reply()).unwrap();
    let key = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut found = Vec::new();
        let effect = keys(&learned, words[0].as_bytes(), &words[1..], |key| found.push(key.index));
        (effect, found)
    };
    assert_eq!(key("SET a b"), (Effect::NotAWrite, vec![]));
    assert_eq!(key("del a b"), (Effect::Unknown, vec![]));
    assert_eq!(key("unlink a b"), (Effect::Keys, vec![0, 1]));
}

#[test]
fn what_tells_nothing() {
    for nothing in ["*0\r\n", "*-1\r\n", "*1\r\n-ERR x\r\n", "+OK\r\n", ":1\r\n", "*1\r\n*0\r\n"] {
        assert!(read(Learned::default(), nothing.as_bytes()).unwrap().is_empty(), "{nothing}");
    }
}

proptest! {
    /// Whatever values come, taking them and looking up what was learned ends without a panic.
    #[test]
    fn any_values(pieces in prop::collection::vec(r"\*[0-9]\r\n|:-?[0-9]{1,3}\r\n|\$1\r\na\r\n|\$5\r\nwrite\r\n", 0..60)) {
        let pieces = pieces.concat().replace(r"\r\n", "\r\n");
        if let Some(learned) = read(Learned::default(), pieces.as_bytes()) {
            keys(&learned, b"a", &["a", "b"][..], |key| assert!(key.index < 2));
        }
    }

    /// Any numbers in a spec give arguments that are there.
    #[test]
    fn any_spec(numbers in prop::collection::vec(-3i64..9, 7), args in prop::collection::vec("[a-c1-3]", 0..6)) {
        let [first, last, step, limit, at, from, begin] = numbers[..] else { unreachable!() };
        let mut out = Vec::new();
        List(vec![
            new("a", "write", vec![spec("RW", index(begin), range(last, step, limit))], vec![]),
            new("b", "write", vec![spec("RW", keyword("a", from), keynum(at, first, step))], vec![]),
            old("c", "write", first, last, step),
        ])
        .encode(&mut out);
        let learned = read(Learned::default(), &out).unwrap();
        for name in ["a", "b", "c"] {
            let args = args.as_slice();
            keys(&learned, name.as_bytes(), args, |key| assert!(key.index < args.len()));
        }
    }
}
