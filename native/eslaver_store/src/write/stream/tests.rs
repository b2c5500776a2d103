//! Streams: commands as masters replicate them, and those they do not, by what reads give. What they
//! gave was seen with real masters.

use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_core::rdb::Family;

use crate::keyspace::version::{Server, Version};
use crate::{Answer, Arg, Command, Patience, Queries, Reader, Store, Tree, Writer};

const NOW: i64 = 1_700_000_000_000;

struct Mirror {
    store: Arc<Store>,
    writer: Writer,
}

impl Mirror {
    /// A mirror of a master of this version of Redis.
    fn new(major: u32, minor: u32) -> Self {
        let version = Version::new(major, minor);
        Self::of(Server { family: Family::Redis, version, redis: version })
    }

    fn of(server: Server) -> Self {
        let store = Arc::new(Store::new());
        store.set_server(server);
        Self { writer: Writer::new(Arc::clone(&store), Learned::default(), None), store }
    }

    /// With entries 1-1, 1-2, 5-0 and 7-0.
    fn filled(major: u32, minor: u32) -> Self {
        let mut mirror = Self::new(major, minor);
        mirror.run(&["xadd s 1-1 a 1 b 2", "xadd s 1-2 a 3", "xadd s 5 a 4", "xadd s 7-0 a 5"]);
        mirror
    }

    /// Whether a command is applied.
    fn apply(&mut self, command: &str) -> bool {
        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        let mut applied = true;
        let command = Command { db: 0, name: words[0], args: &words[1..] };
        self.writer.apply(&[command], NOW, |_, _| applied = false);
        applied
    }

    fn run(&mut self, commands: &[&str]) {
        for command in commands {
            assert!(self.apply(command), "{command}");
        }
    }

    fn ask(&self, name: &str, args: &[Arg<'_>]) -> Answer {
        let mut tree = Tree::default();
        let reader = Reader::new(&self.store, 0, NOW, Patience::Short);
        Queries::default().answer(&reader, name, args, &mut tree).unwrap();
        tree.into_answer().unwrap()
    }

    /// The ids of a range of entries.
    fn range(&self, from: Arg<'_>, to: Arg<'_>) -> Vec<String> {
        ids(&self.ask("xrange", &[S, from, to]))
    }

    fn all(&self) -> Vec<String> {
        self.range(Arg::Atom("-"), Arg::Atom("+"))
    }

    /// What is pending in a group: id, consumer, and how many deliveries.
    fn pending(&self, group: &str) -> Vec<(String, String, i128)> {
        let all = [S, bytes(group), Arg::Atom("-"), Arg::Atom("+"), Arg::Atom("infinity")];
        let answer = self.ask("xpending", &all);
        let entry = |entry: &Answer| match entry {
            Answer::Tuple(parts) => match parts.as_slice() {
                [id, consumer, _, Answer::Int(count)] => (text(id), text(consumer), *count),
                _ => panic!("{parts:?}"),
            },
            _ => panic!("{entry:?}"),
        };
        list(&answer).iter().map(entry).collect()
    }

    /// A field of what is said of the first group of a stream.
    fn group(&self, stream: &str, field: &str) -> Answer {
        field_of(&list(&self.ask("xinfo_groups", &[bytes(stream)]))[0], field)
    }
}

const S: Arg<'static> = Arg::Bytes(b"s");
const UNDEFINED: Answer = Answer::Atom("undefined");

fn bytes(text: &str) -> Arg<'_> {
    Arg::Bytes(text.as_bytes())
}

fn behind(text: &str) -> Arg<'_> {
    Arg::Tuple(vec![Arg::Atom("exclusive"), bytes(text)])
}

fn text(answer: &Answer) -> String {
    match answer {
        Answer::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        _ => panic!("{answer:?}"),
    }
}

fn string(text: &str) -> Answer {
    Answer::Bytes(text.as_bytes().to_vec())
}

fn list(answer: &Answer) -> &[Answer] {
    match answer {
        Answer::List(items) | Answer::Tuple(items) => items,
        _ => panic!("{answer:?}"),
    }
}

fn ids(answer: &Answer) -> Vec<String> {
    list(answer).iter().map(|entry| text(&list(entry)[0])).collect()
}

fn field_of(answer: &Answer, field: &str) -> Answer {
    let Answer::Map(pairs) = answer else { panic!("{answer:?}") };
    let found = pairs.iter().find(|(key, _)| matches!(key, Answer::Atom(name) if *name == field));
    found.unwrap_or_else(|| panic!("{field}")).1.clone()
}

#[test]
fn entries_are_read() {
    let mut mirror = Mirror::filled(8, 6);
    let pair = |name, value| Answer::Tuple(vec![string(name), string(value)]);
    let entry = |id, fields| Answer::Tuple(vec![string(id), Answer::List(fields)]);
    let expected = Answer::List(vec![
        entry("1-1", vec![pair("a", "1"), pair("b", "2")]),
        entry("1-2", vec![pair("a", "3")]),
    ]);
    assert_eq!(mirror.ask("xrange", &[S, Arg::Atom("-"), bytes("1")]), expected);
    for (start, end, ids) in [
        (Arg::Atom("-"), Arg::Atom("+"), &["1-1", "1-2", "5-0", "7-0"][..]),
        (behind("1-1"), behind("7"), &["1-2", "5-0", "7-0"]),
        (behind("1-1"), behind("7-0"), &["1-2", "5-0"]),
        (bytes("5"), bytes("1"), &[]),
        (Arg::Atom("-"), behind("0-0"), &[]),
        (behind("18446744073709551615-18446744073709551615"), Arg::Atom("+"), &[]),
        (bytes("8"), Arg::Atom("+"), &[]),
    ] {
        assert_eq!(mirror.range(start.clone(), end.clone()), ids, "{start:?} {end:?}");
    }
    for (name, args, expected) in [
        ("xrevrange", &[S, Arg::Atom("+"), Arg::Atom("-"), Arg::Int(2)][..], &["7-0", "5-0"][..]),
        ("xrevrange", &[S, bytes("5"), bytes("1-2")], &["5-0", "1-2"]),
        ("xrange", &[S, Arg::Atom("-"), Arg::Atom("+"), Arg::Int(-1)], &[]),
    ] {
        assert_eq!(ids(&mirror.ask(name, args)), expected, "{name} {args:?}");
    }
    let all = ["1-1", "1-2", "5-0", "7-0"];
    for (keys, after, count, expected) in [
        (["s", "none"], ["1-2", "0"], 1, &[("s", &["5-0"][..])][..]),
        (["none", "s"], ["0", "1-2"], 0, &[("s", &["5-0", "7-0"])]),
        (["s", "s"], ["0", "7"], -1, &[("s", &all)]),
        (["s", "s"], ["0", "5"], 9, &[("s", &all), ("s", &["7-0"])]),
        (["s", "none"], ["7-0", "0"], 9, &[]),
    ] {
        let args = [Arg::List(keys.map(bytes).to_vec()), Arg::List(after.map(bytes).to_vec())];
        let args = [&args[..], &[Arg::Int(count)]].concat();
        let answer = mirror.ask("xread", &args);
        let found: Vec<_> = list(&answer)
            .iter()
            .map(|stream| match stream {
                Answer::Tuple(parts) => (parts[0].clone(), ids(&parts[1])),
                other => panic!("{other:?}"),
            })
            .collect();
        let texts = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected: Vec<_> =
            expected.iter().map(|(key, ids)| (string(key), texts(ids))).collect();
        assert_eq!(found, expected, "{args:?}");
    }
    let mut tree = Tree::default();
    let reader = Reader::new(&mirror.store, 0, NOW, Patience::Short);
    let bad = [S, bytes("x"), Arg::Atom("+")];
    assert!(Queries::default().answer(&reader, "xrange", &bad, &mut tree).is_err());
    // What a master cannot have done, or has not said how.
    for command in [
        "xadd s 7-0 a 1",
        "xadd s * a 1",
        "xadd s 8-0 a",
        "xadd s maxlen ~ 1 8-0 a 1",
        "xtrim s minid ~ 9",
        "xtrim n maxlen 1",
        "xclaim n g c 0 1-1",
        "xgroup setid n g 0",
    ] {
        let mut mirror = Mirror::filled(8, 6);
        assert!(!mirror.apply(command), "{command}");
    }
    mirror.run(&["set t 1"]);
    assert!(!mirror.apply("xadd t 1-1 a 1"));
}

#[test]
fn streams_are_trimmed() {
    for (command, ids) in [
        ("xtrim s MAXLEN 2", &["5-0", "7-0"][..]),
        ("xtrim s maxlen = 1 LIMIT 100", &["7-0"]),
        ("xtrim s MAXLEN ~ 4", &["1-1", "1-2", "5-0", "7-0"]),
        ("xtrim s MINID 1-2", &["1-2", "5-0", "7-0"]),
        ("xtrim s MAXLEN 0", &[]),
        ("xadd s NOMKSTREAM MAXLEN = 2 8-0 a 1", &["7-0", "8-0"]),
        ("xadd s MINID = 9 8-0 a 1", &[]),
        ("xdel s 1-1 5-0 6-0", &["1-2", "7-0"]),
    ] {
        let mut mirror = Mirror::filled(8, 6);
        mirror.run(&[command]);
        assert_eq!(mirror.all(), ids, "{command}");
        assert_eq!(mirror.ask("xlen", &[S]), Answer::Int(ids.len() as i128), "{command}");
    }
}

/// In one group the first two are pending and the third was acknowledged, another has read the first.
#[test]
fn what_is_pending_ends_with_an_entry_or_not() {
    for (command, left, pending) in [
        ("xdelex s IDS 2 1-1 5-0", &["1-2", "7-0"][..], &["1-1", "1-2"][..]),
        ("xdelex s DELREF IDS 1 1-1", &["1-2", "5-0", "7-0"], &["1-2"]),
        ("xdelex s ACKED IDS 3 1-1 5-0 7-0", &["1-1", "1-2", "7-0"], &["1-1", "1-2"]),
        ("xackdel s g ACKED IDS 2 1-1 5-0", &["1-2", "5-0", "7-0"], &["1-2"]),
        ("xackdel s g KEEPREF IDS 1 1-2", &["1-1", "5-0", "7-0"], &["1-1"]),
        ("xtrim s MAXLEN 0 ACKED", &["1-1", "1-2", "7-0"], &["1-1", "1-2"]),
        ("xtrim s MINID 7 ACKED", &["1-1", "1-2", "7-0"], &["1-1", "1-2"]),
        ("xtrim s MAXLEN 1 DELREF", &["7-0"], &[]),
        ("xack s g 1-1 9-9", &["1-1", "1-2", "5-0", "7-0"], &["1-2"]),
    ] {
        let mut mirror = Mirror::filled(8, 6);
        mirror.run(&[
            "xgroup create s g 0",
            "xclaim s g c 0 1-1 TIME 1000 RETRYCOUNT 1 FORCE JUSTID LASTID 7-0",
            "xclaim s g c 0 1-2 TIME 1000 RETRYCOUNT 1 FORCE JUSTID LASTID 7-0",
            "xgroup create s h 5-0",
            command,
        ]);
        assert_eq!(mirror.all(), left, "{command}");
        let found: Vec<String> = mirror.pending("g").into_iter().map(|(id, ..)| id).collect();
        assert_eq!(found, pending, "{command}");
    }
}

#[test]
fn groups_are_kept() {
    let mut mirror = Mirror::filled(8, 6);
    mirror.run(&[
        "xgroup CREATE s g $ ENTRIESREAD 99",
        "xgroup create n g 0 mkstream",
        "xgroup SETID s g 1-2 ENTRIESREAD 2",
        "xgroup CREATECONSUMER s g idle",
        "xclaim s g c 0 1-1 TIME 1000 RETRYCOUNT 3 FORCE JUSTID LASTID 5-0",
        "xclaim s g d 0 1-2 TIME 2000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-0",
        "xclaim s g d 0 1-1 TIME 3000 RETRYCOUNT 4 FORCE JUSTID LASTID 1-0",
    ]);
    assert_eq!(mirror.ask("xlen", &[bytes("n")]), Answer::Int(0));
    for (field, value) in [
        ("name", string("g")),
        ("consumers", Answer::Int(3)),
        ("pending", Answer::Int(2)),
        ("nacked", Answer::Int(0)),
        ("last_delivered_id", string("5-0")),
        ("entries_read", Answer::Int(2)),
    ] {
        assert_eq!(mirror.group("s", field), value, "{field}");
    }
    let whose = Answer::List(vec![Answer::Tuple(vec![string("d"), Answer::Int(2)])]);
    let summary = Answer::Tuple(vec![Answer::Int(2), string("1-1"), string("1-2"), whose]);
    assert_eq!(mirror.ask("xpending", &[S, bytes("g")]), summary);
    let of = |name, idle| {
        let options = vec![
            Arg::Tuple(vec![Arg::Atom("consumer"), bytes(name)]),
            Arg::Tuple(vec![Arg::Atom("idle"), Arg::Int(idle)]),
        ];
        [S, bytes("g"), Arg::Atom("-"), Arg::Atom("+"), Arg::Int(1), Arg::List(options)]
    };
    let first = Answer::Tuple(vec![
        string("1-1"),
        string("d"),
        Answer::Int(i128::from(NOW) - 3000),
        Answer::Int(4),
    ]);
    assert_eq!(mirror.ask("xpending", &of("d", 0)), Answer::List(vec![first]));
    assert_eq!(ids(&mirror.ask("xpending", &of("d", NOW - 2500))), ["1-2"]);
    for (name, idle) in [("c", 0), ("d", NOW), ("nobody", 0)] {
        assert_eq!(mirror.ask("xpending", &of(name, idle)), Answer::List(vec![]), "{name}");
    }
    let consumers = mirror.ask("xinfo_consumers", &[S, bytes("g")]);
    for (consumer, (name, pending, inactive)) in list(&consumers).iter().zip([
        ("c", 0, Answer::Int(0)),
        ("d", 2, Answer::Int(0)),
        ("idle", 0, UNDEFINED),
    ]) {
        assert_eq!(field_of(consumer, "name"), string(name));
        assert_eq!(field_of(consumer, "pending"), Answer::Int(pending), "{name}");
        assert_eq!(field_of(consumer, "inactive"), inactive, "{name}");
    }
    assert_eq!(list(&consumers).len(), 3);
    mirror.run(&["xgroup DELCONSUMER s g d"]);
    let empty = vec![Answer::Int(0), UNDEFINED, UNDEFINED, Answer::List(vec![])];
    assert_eq!(mirror.ask("xpending", &[S, bytes("g")]), Answer::Tuple(empty));
    mirror.run(&["xgroup DESTROY s g", "xgroup destroy s g", "xack s g 1-1"]);
    assert_eq!(mirror.ask("xpending", &[S, bytes("g")]), UNDEFINED);
    assert_eq!(mirror.ask("xinfo_consumers", &[S, bytes("g")]), UNDEFINED);
    assert_eq!(mirror.ask("xinfo_groups", &[S]), Answer::List(vec![]));
    assert_eq!(mirror.ask("xinfo_groups", &[bytes("none")]), UNDEFINED);
}

/// Masters before 7.0 claim an entry that is gone, later ones release it.
#[test]
fn entries_that_are_gone_are_claimed() {
    for ((major, minor), left) in [((6, 2), 1), ((7, 0), 0)] {
        let mut mirror = Mirror::filled(major, minor);
        mirror.run(&[
            "xgroup create s g 0",
            "xclaim s g c 0 1-1 TIME 1000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1",
            "xdel s 1-1",
            "xclaim s g d 0 1-1 TIME 2000 RETRYCOUNT 2 FORCE JUSTID LASTID 1-1",
        ]);
        let expected = [("1-1".to_owned(), "d".to_owned(), 2)];
        assert_eq!(mirror.pending("g"), expected[..left]);
    }
}

#[test]
fn clients_commands_are_applied_too() {
    let mut mirror = Mirror::filled(8, 6);
    mirror.run(&[
        "xgroup create s g 0",
        "xreadgroup GROUP g c COUNT 2 BLOCK 5 STREAMS s >",
        "xreadgroup GROUP g d NOACK STREAMS s >",
        "xreadgroup GROUP g e STREAMS s 0",
        "xdel s 1-1",
        "xautoclaim s g f 0 0 COUNT 10",
        "xclaim s g c 99999999 1-2",
    ]);
    assert_eq!(mirror.pending("g"), [("1-2".to_owned(), "f".to_owned(), 2)]);
    for (field, value) in [
        ("consumers", Answer::Int(4)),
        ("entries_read", Answer::Int(4)),
        ("lag", Answer::Int(0)),
        ("last_delivered_id", string("7-0")),
    ] {
        assert_eq!(mirror.group("s", field), value, "{field}");
    }
}

/// What is given back is pending for nobody, and goes to whoever claims it.
#[test]
fn entries_are_given_back() {
    let mut mirror = Mirror::filled(8, 8);
    mirror.run(&[
        "xgroup create s g 0",
        "xreadgroup GROUP g c COUNT 3 STREAMS s >",
        "xclaim s g c 0 1-2 JUSTID RETRYCOUNT 5",
        "xnack s g SILENT IDS 2 1-1 1-2",
        "xnack s g FAIL IDS 1 5-0 RETRYCOUNT 9",
        "xnack s g FATAL IDS 2 7-0 9-9 FORCE",
        "xnack s g FAIL IDS 1 8-0",
    ]);
    let entry = |id: &str, consumer: &str, count: i64| {
        (id.to_owned(), consumer.to_owned(), i128::from(count))
    };
    assert_eq!(
        mirror.pending("g"),
        [entry("1-1", "", 0), entry("1-2", "", 4), entry("5-0", "", 9), entry("7-0", "", i64::MAX),]
    );
    assert_eq!(mirror.group("s", "nacked"), Answer::Int(4));
    mirror.run(&["xclaim s g d 0 1-2 5-0", "xack s g 7-0"]);
    assert_eq!(
        mirror.pending("g"),
        [entry("1-1", "", 0), entry("1-2", "d", 5), entry("5-0", "d", 10),]
    );
    assert_eq!(mirror.group("s", "nacked"), Answer::Int(1));
}

/// Of four entries a group has read two, then three; from the middle on nobody knows how many. What a
/// group has read that is said to be before all entries counts only for some.
#[test]
fn lag_is_known_or_not() {
    for ((major, minor), before) in [((8, 0), 4), ((7, 2), 3)] {
        let mut mirror = Mirror::filled(major, minor);
        for (command, lag) in [
            ("xgroup create s g 1-2 ENTRIESREAD 2", Answer::Int(2)),
            ("xgroup setid s g 5-0 ENTRIESREAD 3", Answer::Int(1)),
            ("xgroup setid s g 1-2", UNDEFINED),
            ("xgroup setid s g 0", Answer::Int(4)),
            ("xgroup setid s g 0 ENTRIESREAD 1", Answer::Int(before)),
            ("xgroup setid s g 5-0 ENTRIESREAD -1", UNDEFINED),
        ] {
            mirror.run(&[command]);
            assert_eq!(mirror.group("s", "lag"), lag, "{command}");
        }
    }
}

/// Servers differ where entries were deleted before the first one.
#[test]
fn lag_after_deletions_depends_on_the_server() {
    let server =
        |name: &str, version: &str| Server::from_aux(name.as_bytes(), version.as_bytes()).unwrap();
    for (name, version, unread, overread) in [
        ("redis-ver", "7.0.15", Answer::Int(1), -1),
        ("redis-ver", "7.4.1", Answer::Int(1), -1),
        ("valkey-ver", "8.0.1", Answer::Int(1), -1),
        ("valkey-ver", "8.1.1", UNDEFINED, 1),
        ("valkey-ver", "9.1.2", UNDEFINED, 1),
        ("redis-ver", "8.0.2", Answer::Int(1), 1),
        ("redis-ver", "8.10.2", Answer::Int(1), 1),
    ] {
        let mut mirror = Mirror::of(server(name, version));
        mirror.run(&[
            "xgroup create s g 1-0 MKSTREAM",
            "xadd s 2-0 a 1",
            "xdel s 2-0",
            "xadd s 4-0 a 1",
            "xgroup create t g 1-0 MKSTREAM ENTRIESREAD 3",
            "xadd t 1-0 a 1",
            "xdel t 1-0",
            "xadd t 2-0 a 1",
        ]);
        assert_eq!(mirror.group("s", "lag"), unread, "{name} {version}");
        assert_eq!(mirror.group("t", "lag"), Answer::Int(overread), "{name} {version}");
    }
}

#[test]
fn more_read_than_added_is_bounded_since_8_4() {
    for ((major, minor), read) in [((8, 4), 4), ((8, 2), 99)] {
        let mut mirror = Mirror::filled(major, minor);
        mirror.run(&["xgroup create s g $ ENTRIESREAD 99"]);
        assert_eq!(mirror.group("s", "entries_read"), Answer::Int(read));
    }
}

#[test]
fn streams_are_set() {
    let mut mirror = Mirror::filled(7, 0);
    mirror
        .run(&["xsetid s 9-9 ENTRIESADDED 20 MAXDELETEDID 3-3", "xsetid s 10-0 maxdeletedid 0-0"]);
    let info = mirror.ask("xinfo_stream", &[S]);
    let pair = |name, value| Answer::Tuple(vec![string(name), string(value)]);
    for (field, value) in [
        ("length", Answer::Int(4)),
        ("last_generated_id", string("10-0")),
        ("max_deleted_entry_id", string("3-3")),
        ("entries_added", Answer::Int(20)),
        ("recorded_first_entry_id", string("1-1")),
        ("groups", Answer::Int(0)),
        ("last_entry", Answer::Tuple(vec![string("7-0"), Answer::List(vec![pair("a", "5")])])),
        ("idmp_duration", Answer::Int(100)),
        ("pids_tracked", Answer::Int(0)),
    ] {
        assert_eq!(field_of(&info, field), value, "{field}");
    }
    mirror.run(&["xtrim s maxlen 0"]);
    let info = mirror.ask("xinfo_stream", &[S]);
    assert_eq!(field_of(&info, "recorded_first_entry_id"), string("0-0"));
    assert_eq!(field_of(&info, "first_entry"), UNDEFINED);
}

#[test]
fn producers_are_counted() {
    let mut mirror = Mirror::new(8, 6);
    for command in [
        "xadd s IDMP p a ID-1 x 1",
        "xcfgset s IDMP-DURATION 60 IDMP-MAXSIZE 2",
        "xadd s IDMP p a ID-2 x 1",
        "xadd s IDMP p b ID-3 x 1",
        "xadd s IDMPAUTO p ID-4 x 1",
        "xadd s IDMPAUTO q ID-5 x 1",
        "xadd s IDMP p b * x 1",
        "xidmprecord s r c ID-1",
        "xidmprecord s r c ID-1",
    ] {
        mirror.run(&[&command
            .replace("ID-", &format!("{NOW}-"))
            .replace(&format!("{NOW}-DURATION"), "-")]);
    }
    let info = mirror.ask("xinfo_stream", &[S]);
    for (field, value) in [
        ("length", 5),
        ("idmp_duration", 60),
        ("idmp_maxsize", 2),
        ("pids_tracked", 3),
        ("iids_tracked", 4),
        ("iids_added", 6),
        ("iids_duplicates", 1),
    ] {
        assert_eq!(field_of(&info, field), Answer::Int(value), "{field}");
    }
    // A minute later they are forgotten.
    let mut tree = Tree::default();
    let reader = Reader::new(&mirror.store, 0, NOW + 60_001, Patience::Short);
    Queries::default().answer(&reader, "xinfo_stream", &[S], &mut tree).unwrap();
    let info = tree.into_answer().unwrap();
    assert_eq!(field_of(&info, "iids_tracked"), Answer::Int(0));
    assert_eq!(field_of(&info, "pids_tracked"), Answer::Int(0));
}

/// A copy is one of its own.
#[test]
fn copies_stay_as_they_are() {
    let mut mirror = Mirror::new(8, 6);
    for n in 1..=300 {
        mirror.run(&[&format!("xadd s {n} a 1")]);
    }
    mirror.run(&[
        "xadd s IDMP p a 301-0 x 1",
        "xgroup create s g 0",
        "xreadgroup GROUP g c STREAMS s >",
        "copy s t",
        "xdel t 5-0",
        "xack t g 6-0",
    ]);
    for (key, len, pending) in [("s", 301, 301), ("t", 300, 300)] {
        assert_eq!(mirror.ask("xlen", &[bytes(key)]), Answer::Int(len), "{key}");
        assert_eq!(mirror.group(key, "pending"), Answer::Int(pending), "{key}");
    }
}
