//! Commands applied to a store: those that a naive model knows, and any at all.

use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_core::rdb::write::{Dialect, WriteError, Writer as RdbWriter};
use eslaver_core::rdb::{Decoder, Family, Status};
use eslaver_store::{
    Answer, Arg, Command, Feed, Loader, Patience, Queries, Reader, Save, Saved, Store, Tree, Writer,
};

use crate::model::commands::Choices;
use crate::model::compare::Reads;
use crate::model::{self, Model, NOW};

/// More choices make no more of a case, but a slow one.
const LONGEST: usize = 2000;
/// How many units are applied between two looks at everything.
const EVERY: usize = 64;

/// Choices of commands. A store that has applied them all, and one that was saved and loaded on the
/// way, both hold what the model does: so a value that has become large and small again is compared
/// with one that is packed.
pub(crate) fn check(bytes: &[u8]) {
    let (mode, bytes) = crate::mode(bytes);
    let mut choices = Choices(&bytes[..bytes.len().min(LONGEST)]);
    let reload_at = usize::from(mode);
    let mut model = Model::default();
    let mut stores = vec![Kept::new(Arc::new(Store::new()))];
    let mut count = 0;
    while !choices.is_empty() {
        let mut unit = choices.unit();
        unit.retain(|command| model.apply(command));
        stores.iter_mut().for_each(|store| store.apply(&unit));
        count += 1;
        if count == reload_at {
            let (snapshot, _) = saved(&stores[0].store).expect("a version that has all types");
            stores.push(Kept::new(loaded(&snapshot)));
        }
        if count % EVERY == 0 {
            stores.iter().for_each(|store| store.assert(&model));
        }
    }
    for kept in &stores {
        kept.assert(&model);
        let (snapshot, counted) = saved(&kept.store).expect("a version that has all types");
        assert_eq!((counted.keys, counted.unknown), (kept.store.len() as u64, Vec::new()));
        Reads::new(&loaded(&snapshot)).assert_all(&model);
    }
}

/// A store and its writer.
struct Kept {
    store: Arc<Store>,
    writer: Writer,
}

impl Kept {
    fn new(store: Arc<Store>) -> Self {
        let writer = Writer::new(Arc::clone(&store), Learned::default(), None);
        Self { store, writer }
    }

    fn apply(&mut self, unit: &[model::Command]) {
        let args: Vec<Vec<&[u8]>> =
            unit.iter().map(|command| command.args.iter().map(Vec::as_slice).collect()).collect();
        let unit: Vec<_> = unit
            .iter()
            .zip(&args)
            .map(|(command, args)| Command { db: command.db, name: command.name.as_bytes(), args })
            .collect();
        self.writer.apply(&unit, NOW, |command, refusal| panic!("{command:?}: {refusal}"));
        drop(self.writer.take_trash());
    }

    fn assert(&self, model: &Model) {
        Reads::new(&self.store).assert_all(model);
        assert_eq!(self.store.len(), model.keys.len());
    }
}

/// Any commands, as a master might send that is out of its mind, and any queries among them. What can
/// be saved is loaded as it was.
pub(crate) fn any(bytes: &[u8]) {
    let (mode, bytes) = crate::mode(bytes);
    let store = Arc::new(Store::new());
    if let Some(version) = VERSIONS.get(usize::from(mode)) {
        let mut loader = Loader::new(Arc::clone(&store), None);
        eslaver_core::rdb::Sink::aux(&mut loader, version.0, version.1);
    }
    let mut feed = Feed::new(Writer::new(Arc::clone(&store), Learned::default(), None));
    let (commands, queries) = (commands(&mut feed), queries());
    let mut choices = Choices(&bytes[..bytes.len().min(LONGEST)]);
    while !choices.is_empty() {
        let db = choices.below(2) as u32;
        if choices.below(4) == 0 {
            let name = queries[chosen(&mut choices, queries.len())];
            let args: Vec<_> = (0..choices.below(9)).map(|_| arg(&mut choices, 2)).collect();
            // only that it comes to an end
            let _ = ask(&store, db, name, &args);
        } else {
            let name = commands[chosen(&mut choices, commands.len())];
            let key = KEYS[choices.below(KEYS.len())];
            let rest = (0..choices.below(12)).map(|_| word(&mut choices));
            let args: Vec<&[u8]> = std::iter::once(key).chain(rest).collect();
            feed.command(db, name, &args, NOW, |_, _| {}, |_| {});
            drop(feed.writer().take_trash());
        }
    }
    let Some((snapshot, _)) = saved(&store) else { return };
    let again = loaded(&snapshot);
    for db in 0..2 {
        for key in KEYS {
            let told = told(&store, db, key);
            assert!(told.is_none() || told == self::told(&again, db, key), "{told:?}");
        }
    }
}

const VERSIONS: &[(&[u8], &[u8])] = &[
    (b"redis-ver", b"2.8.17"),
    (b"redis-ver", b"6.2.14"),
    (b"redis-ver", b"7.4.0"),
    (b"redis-ver", b"8.10.0"),
    (b"valkey-ver", b"9.1.0"),
];

const KEYS: &[&[u8]] = &[b"a", b"b", b"c", b"d"];

const WORDS: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"d",
    b"e",
    b"",
    b"0",
    b"1",
    b"2",
    b"3",
    b"-1",
    b"-3",
    b"10",
    b"200",
    b"007",
    b"-0",
    b"0.5",
    b"1e30",
    b"-1.5e-7",
    b"inf",
    b"-inf",
    b"nan",
    b"(1",
    b"(0.5",
    b"[a",
    b"(b",
    b"+",
    b"-",
    b"*",
    b"$",
    b">",
    b"=",
    b"~",
    b"!",
    b"#",
    b"?",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551615",
    b"0-1",
    b"1-1",
    b"1-2",
    b"2-*",
    b"5-0",
    b"18446744073709551615-18446744073709551615",
    b"1000000",
    b"1000001",
    b"999999",
    b"5000000",
    b"nx",
    b"xx",
    b"gt",
    b"lt",
    b"ch",
    b"incr",
    b"ex",
    b"px",
    b"exat",
    b"pxat",
    b"persist",
    b"keepttl",
    b"get",
    b"set",
    b"incrby",
    b"overflow",
    b"wrap",
    b"sat",
    b"fail",
    b"u8",
    b"i5",
    b"u63",
    b"i64",
    b"count",
    b"limit",
    b"weights",
    b"aggregate",
    b"min",
    b"max",
    b"sum",
    b"withscores",
    b"by",
    b"bylex",
    b"byscore",
    b"rev",
    b"desc",
    b"asc",
    b"alpha",
    b"store",
    b"storedist",
    b"fromlonlat",
    b"frommember",
    b"byradius",
    b"bybox",
    b"m",
    b"km",
    b"left",
    b"right",
    b"before",
    b"after",
    b"db",
    b"replace",
    b"maxlen",
    b"minid",
    b"nomkstream",
    b"keepref",
    b"delref",
    b"acked",
    b"create",
    b"setid",
    b"destroy",
    b"createconsumer",
    b"delconsumer",
    b"mkstream",
    b"entriesread",
    b"idle",
    b"time",
    b"retrycount",
    b"force",
    b"justid",
    b"lastid",
    b"group",
    b"streams",
    b"noack",
    b"fields",
    b"members",
    b"fnx",
    b"fxx",
    b"and",
    b"or",
    b"xor",
    b"not",
    b"diff",
    b"andor",
    b"one",
    b"values",
    b"fp32",
    b"\0\0\x80\x3f\0\0\0\x40",
    b"noquant",
    b"bin",
    b"q8",
    b"reduce",
    b"setattr",
    b"{\"a\":1}",
    b"ef",
    b"cas",
    b"load",
    b"delete",
    b"flush",
    b"restore",
    b"\xe0\0\0",
    b"\xff",
    &[b'x'; 70],
    &[b'y'; 9000],
    &[b'z'; 33_000],
];

const ATOMS: &[&str] = &[
    "any",
    "infinity",
    "undefined",
    "true",
    "false",
    "inf",
    "-inf",
    "none",
    "index",
    "score",
    "lex",
    "withscores",
    "asc",
    "desc",
    "m",
    "km",
    "min",
    "max",
    "sum",
    "-",
    "+",
    "exclusive",
    "unit",
    "string",
    "left",
    "right",
    "byte",
    "bit",
    "u",
    "i",
];

/// One of up to 65,536.
fn chosen(choices: &mut Choices<'_>, limit: usize) -> usize {
    (choices.below(256) << 8 | choices.below(256)) % limit
}

/// The names of all commands, by their order.
fn commands(feed: &mut Feed) -> Vec<&'static [u8]> {
    let others: [&[u8]; 9] = [
        b"multi",
        b"exec",
        b"discard",
        b"flushall",
        b"flushdb",
        b"swapdb",
        b"function",
        b"unheard",
        b"cluster",
    ];
    let mut names: Vec<_> = feed.writer().commands().chain(others).collect();
    names.sort_unstable();
    names
}

/// The names of all queries but the one that panics.
fn queries() -> Vec<&'static str> {
    let all = Queries::default();
    let mut names: Vec<_> =
        all.iter().map(|(name, _)| name).filter(|&name| name != "fault").collect();
    names.sort_unstable();
    names
}

fn word(choices: &mut Choices<'_>) -> &'static [u8] {
    WORDS[choices.below(WORDS.len())]
}

fn arg(choices: &mut Choices<'_>, depth: usize) -> Arg<'static> {
    let several = |choices: &mut Choices<'_>| {
        (0..choices.below(5)).map(|_| arg(choices, depth - 1)).collect()
    };
    match choices.below(12) {
        0..4 => Arg::Bytes(KEYS[choices.below(KEYS.len())]),
        4 | 5 => Arg::Bytes(word(choices)),
        6 => Arg::Int([0, 1, -1, 3, -3, 1000, i64::MAX, i64::MIN][choices.below(8)]),
        7 => Arg::Atom(ATOMS[choices.below(ATOMS.len())]),
        8 => Arg::Float([0.0, -0.0, 1.5, -1e300, 1e300][choices.below(5)]),
        9 => Arg::Unsigned(u64::MAX),
        10 if depth > 0 => Arg::Tuple(several(choices)),
        _ if depth > 0 => Arg::List(several(choices)),
        _ => Arg::Int(2),
    }
}

fn ask(store: &Store, db: u32, name: &str, args: &[Arg<'_>]) -> Option<Answer> {
    let mut tree = Tree::default();
    let reader = Reader::new(store, db, NOW, Patience::Long);
    Queries::default().answer(&reader, name, args, &mut tree).ok()?;
    Some(tree.into_answer().expect("a whole answer"))
}

/// What is read of a key, if that is known.
fn told(store: &Store, db: u32, key: &[u8]) -> Option<Vec<Option<Answer>>> {
    let ask = |name: &str, more: &[Arg<'_>]| {
        ask(store, db, name, &[&[Arg::Bytes(key)], more].concat()).map(sorted)
    };
    let all = [Arg::Int(0), Arg::Int(-1)];
    let scored = [all.as_slice(), &RANGE].concat();
    let entries = [Arg::Atom("-"), Arg::Atom("+"), Arg::Atom("infinity")];
    let kind = ask("type", &[])?;
    let (query, args) = match &kind {
        Answer::Atom("none") => ("exists", &[][..]),
        Answer::Atom("string") => ("get", &[][..]),
        Answer::Atom("list") => ("lrange", &all[..]),
        Answer::Atom("set") => ("smembers", &[][..]),
        Answer::Atom("zset") => ("zrange", &scored[..]),
        Answer::Atom("hash") => ("hgetall", &[][..]),
        Answer::Atom("stream") => ("xrange", &entries[..]),
        Answer::Atom("array") => ("arinfo", &[][..]),
        Answer::Atom("vectorset") => ("vinfo", &[][..]),
        _ => ("type", &[][..]),
    };
    let value = ask(query, args);
    assert!(value.is_some(), "no answer to {query} of {kind:?}");
    Some(vec![Some(kind), ask("pexpiretime", &[]), value, ask("xinfo_groups", &[])])
}

/// A range of a sorted set by index, from the lowest on, with scores.
const RANGE: [Arg<'static>; 4] =
    [Arg::Atom("index"), Arg::Atom("false"), Arg::Atom("none"), Arg::Atom("true")];

/// Sets and hashes have no order.
fn sorted(answer: Answer) -> Answer {
    match answer {
        Answer::List(mut parts) => {
            parts.sort_by_key(|part| format!("{part:?}"));
            Answer::List(parts)
        }
        Answer::Map(mut pairs) => {
            pairs.sort_by_key(|pair| format!("{pair:?}"));
            Answer::Map(pairs)
        }
        other => other,
    }
}

/// The file of the first version that has all of the store's types, if one has.
fn saved(store: &Store) -> Option<(Vec<u8>, Saved)> {
    [(Family::Redis, 17), (Family::Valkey, 81)].into_iter().find_map(|(family, version)| {
        let dialect = Dialect::new(family, version).expect("a version that is known");
        let mut rdb = RdbWriter::new(dialect, Vec::new());
        let save = Save::begin(store).expect("a store that nobody else saves");
        match save.write_all(&mut rdb) {
            Ok(saved) => Some((rdb.finish().expect("it is written to memory"), saved)),
            Err(WriteError::Unsupported { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    })
}

fn loaded(snapshot: &[u8]) -> Arc<Store> {
    let store = Arc::new(Store::new());
    let mut loader = Loader::new(Arc::clone(&store), None);
    let mut decoder = Decoder::new();
    decoder.feed(snapshot);
    while decoder.next(&mut loader).expect("a snapshot that is right") != Status::Done {}
    assert_eq!(loader.problems(), []);
    store
}
