//! Filters, and what passes the gate of a stream.
#![allow(clippy::unwrap_used)]

use eslaver_core::commands::Learned;
use eslaver_core::filter::{Filter, Gate};
use eslaver_core::glob::Glob;
use eslaver_core::position::Tracker;
use eslaver_core::rdb::Kind;
use eslaver_core::resp::{Commands, Limits};

fn all() -> Filter {
    Filter::default()
}

fn keys(globs: &[&str]) -> Filter {
    Filter { keys: Some(globs.iter().map(|&glob| Glob::new(glob)).collect()), ..all() }
}

fn commands(names: &[&str]) -> Filter {
    Filter { commands: Some(names.iter().map(|name| name.as_bytes().to_vec()).collect()), ..all() }
}

fn dbs(dbs: &[u32]) -> Filter {
    Filter { dbs: Some(dbs.to_vec()), ..all() }
}

#[test]
fn keys_of_a_snapshot() {
    let types = Filter { types: Some(vec![Kind::Hash, Kind::Module]), ..all() };
    let nothing = Filter { types: Some(vec![]), ..all() };
    for (filter, key, kind, db, expected) in [
        (all(), "a", Kind::String, 3, true),
        (keys(&["a*", "b"]), "abc", Kind::String, 0, true),
        (keys(&["a*", "b"]), "b", Kind::String, 0, true),
        (keys(&["a*", "b"]), "bc", Kind::String, 0, false),
        (keys(&[]), "a", Kind::String, 0, false),
        (types.clone(), "a", Kind::Hash, 0, true),
        (types, "a", Kind::Set, 0, false),
        (nothing, "a", Kind::Set, 0, false),
        (dbs(&[1, 3]), "a", Kind::Set, 3, true),
        (dbs(&[1, 3]), "a", Kind::Set, 0, false),
        (commands(&[]), "a", Kind::Set, 0, true),
    ] {
        assert_eq!(filter.wants_key(key.as_bytes(), kind, db), expected, "{filter:?} {key}");
    }
}

#[test]
fn single_commands() {
    let both = Filter { dbs: Some(vec![1]), ..keys(&["a"]) };
    for (filter, db, line, expected) in [
        (all(), 0, "set a 1", true),
        (keys(&["a"]), 0, "SET a 1", true),
        (keys(&["a"]), 0, "SET b a", false),
        (keys(&["a"]), 0, "MSET b 1 a 2", true),
        (keys(&["a"]), 0, "SUNIONSTORE d b a", true),
        (keys(&["a"]), 0, "BITOP a d b", false),
        (keys(&["a"]), 0, "FLUSHDB", true),
        (keys(&["a"]), 0, "PING", true),
        (keys(&["a"]), 0, "FUNCTION LOAD x", true),
        (keys(&["a"]), 0, "EVAL x 0 a", true),
        (keys(&["a"]), 0, "EVAL x 1 b", false),
        (keys(&["a"]), 0, "module.set a 1", true),
        (keys(&["a"]), 0, "module.set b a", true),
        (keys(&["a"]), 0, "module.set b c", false),
        (keys(&["a"]), 0, "CLUSTER FLUSHSLOT 1", true),
        (dbs(&[1]), 0, "CLUSTER FLUSHSLOT 1", true),
        (dbs(&[1]), 0, "CLUSTER SETSLOT 1 STABLE", false),
        (keys(&["a"]), 0, "module.reset", true),
        (commands(&["set"]), 0, "SET a 1", true),
        (commands(&["set"]), 0, "del a", false),
        (commands(&["set"]), 0, "PING", false),
        (commands(&["set"]), 0, "FLUSHALL", false),
        (commands(&["module.set"]), 0, "MODULE.set a", true),
        (dbs(&[1]), 1, "SET a 1", true),
        (dbs(&[1]), 0, "SET a 1", false),
        (dbs(&[1]), 0, "PING", false),
        (dbs(&[1]), 0, "FLUSHDB", false),
        (dbs(&[1]), 0, "FLUSHALL", true),
        (dbs(&[1]), 0, "SWAPDB 0 1", true),
        (dbs(&[1]), 0, "SWAPDB 0 2", false),
        (dbs(&[1]), 0, "MOVE a 1", true),
        (dbs(&[1]), 0, "MOVE a 2", false),
        (dbs(&[1]), 0, "COPY a b DB 1", true),
        (dbs(&[1]), 0, "module.set a 1", false),
        (both.clone(), 1, "SET a 1", true),
        (both.clone(), 1, "SET b 1", false),
        (both, 0, "SET a 1", false),
    ] {
        let words: Vec<&str> = line.split_whitespace().collect();
        let wanted = filter
            .wants_command(&Learned::default(), words[0].as_bytes(), &words[1..], db)
            .is_some();
        assert_eq!(wanted, expected, "{filter:?} {db} {line}");
    }
}

/// What passes of a stream, with what is put before it.
fn passed(filter: &Filter, selects: bool, stream: &str) -> String {
    let mut parser = Commands::new(Limits::default());
    let mut tracker = Tracker::new(0, 0);
    let mut gate = Gate::new(selects, false);
    let mut passed = Vec::new();
    for line in stream.split(", ") {
        parser.feed(format!("{line}\r\n").as_bytes());
        let command = parser.next().unwrap().unwrap();
        let before = tracker.position();
        tracker.apply(&command).unwrap();
        if let Some(frame) = gate.pass(filter, &Learned::default(), &command, before) {
            passed.extend(frame.multi.then(|| "(multi)".to_owned()));
            passed.extend(frame.select.map(|db| format!("(select {db})")));
            passed.push(line.to_owned());
        }
        assert!(!gate.is_open() || tracker.position().in_transaction);
    }
    passed.join(", ")
}

#[test]
fn streams() {
    let a = &keys(&["a"]);
    for (filter, stream, expected) in [
        (&all(), "ping, set a 1", "ping, (select 0), set a 1"),
        (a, "select 0, set b 1, ping, set a 1, set a 2", "ping, (select 0), set a 1, set a 2"),
        (
            a,
            "select 0, set a 1, select 3, set b 1, select 0, set a 2",
            "(select 0), set a 1, set a 2",
        ),
        (a, "select 3, set a 1, select 0, set a 2", "(select 3), set a 1, (select 0), set a 2"),
        (a, "multi, set b 1, exec, set b 2", ""),
        (a, "multi, exec", ""),
        (a, "exec, discard", ""),
        (
            a,
            "multi, set b 1, set a 1, set b 2, set a 2, exec, set b 3",
            "(multi), (select 0), set a 1, set a 2, exec",
        ),
        (
            a,
            "multi, set a 1, select 2, set b 1, set a 2, exec, multi, set b 1, exec, set a 3",
            "(multi), (select 0), set a 1, (select 2), set a 2, exec, set a 3",
        ),
        // Redis 3.2 writes a script within a transaction so.
        (
            a,
            "multi, set a 1, multi, set b 1, exec, set a 2, multi, set a 3, exec, exec, set a 4",
            "(multi), (select 0), set a 1, exec, set a 2, (multi), set a 3, exec, set a 4",
        ),
        (
            a,
            "multi, set a 1, multi, set a 2, exec, exec",
            "(multi), (select 0), set a 1, set a 2, exec",
        ),
        (
            &commands(&["set"]),
            "multi, del a, set a 1, exec, ping",
            "(multi), (select 0), set a 1, exec",
        ),
        (&dbs(&[3]), "set a 1, select 3, set a 2, flushall", "(select 3), set a 2, flushall"),
        (&dbs(&[3]), "set a 1, flushall, swapdb 1 3, swapdb 1 2", "flushall, swapdb 1 3"),
    ] {
        assert_eq!(passed(filter, true, stream), expected, "{stream}");
        let without = expected.split(", ").filter(|line| !line.starts_with("(select"));
        let without = without.collect::<Vec<_>>().join(", ");
        assert_eq!(passed(filter, false, stream), without, "{stream}");
    }
}

#[test]
fn a_transaction_that_goes_on() {
    let filter = keys(&["a"]);
    for open in [true, false] {
        let mut parser = Commands::new(Limits::default());
        let mut tracker = Tracker::new(0, 0);
        parser.feed(b"MULTI\r\n");
        tracker.apply(&parser.next().unwrap().unwrap()).unwrap();
        let mut gate = Gate::new(false, open);
        let mut count = 0;
        for line in [&b"SET b 1\r\n"[..], b"SET a 1\r\n", b"EXEC\r\n"] {
            parser.feed(line);
            let command = parser.next().unwrap().unwrap();
            let before = tracker.position();
            tracker.apply(&command).unwrap();
            if let Some(frame) = gate.pass(&filter, &Learned::default(), &command, before) {
                assert_eq!(frame.multi, !open && count == 0);
                count += 1;
            }
        }
        assert_eq!(count, 2, "open: {open}");
    }
}
