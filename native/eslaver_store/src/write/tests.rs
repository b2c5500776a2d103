//! What commands do, apart from what those of one family have tests for: counts of keys and bytes,
//! what databases take, many elements at once.

use std::sync::Arc;

use eslaver_core::commands::Learned;

use crate::heap;
use crate::keyspace::entry::Entry;
use crate::keyspace::latest::LatestDbs;
use crate::keyspace::session::Session;
use crate::keyspace::store::Store;
use crate::keyspace::trash::Trash;
use crate::testing::{Mirror, bytes, text};
use crate::values::Type;
use crate::write::command::Command;
use crate::write::context::Context;
use crate::write::refusal::Refusal;
use crate::write::writer::Writer;
use crate::{Answer, Arg};

/// Of each: the name, the kind of its keys, the number of keys, and how many arguments come behind.
const COMMANDS: &[(&str, char, usize, usize)] = &[
    ("append", 's', 1, 1),
    ("set", 's', 1, 1),
    ("getdel", 's', 1, 0),
    ("rpush", 'l', 1, 300),
    ("lpush", 'l', 1, 3),
    ("lpop", 'l', 1, 1),
    ("lrem", 'l', 1, 2),
    ("rpoplpush", 'l', 2, 0),
    ("sadd", 't', 1, 300),
    ("srem", 't', 1, 60),
    ("sunionstore", 't', 3, 0),
    ("sinterstore", 't', 3, 0),
    ("hset", 'h', 1, 300),
    ("hdel", 'h', 1, 60),
    ("zadd", 'z', 1, 300),
    ("zrem", 'z', 1, 60),
    ("rename", '*', 2, 0),
    ("copy", '*', 2, 0),
    ("del", '*', 2, 0),
    ("pexpireat", '*', 1, 1),
    ("persist", '*', 1, 0),
    ("move", '*', 1, 1),
    // Nobody knows this one: it leaves keys that are unknown, and keys that perhaps are none.
    ("no-command", '*', 2, 0),
    ("swapdb", '#', 2, 0),
    ("flushdb", '#', 0, 0),
];

/// A number is a name of a database, a time, a score and an element.
fn number(rng: &mut fastrand::Rng, wide: bool) -> Vec<u8> {
    let number = rng.u32(..if wide { 400 } else { 3 }).to_string();
    if wide && rng.u32(..200) == 0 { number.repeat(40).into_bytes() } else { number.into_bytes() }
}

fn arguments(rng: &mut fastrand::Rng, kind: char, keys: usize, others: usize) -> Vec<Vec<u8>> {
    let mut key = || {
        let kind =
            if kind == '*' { rng.choice(['s', 'l', 't', 'h', 'z']).unwrap_or('s') } else { kind };
        let number = rng.u32(..3);
        if kind == '#' { number.to_string() } else { format!("{kind}{number}") }.into_bytes()
    };
    let mut arguments: Vec<_> = (0..keys).map(|_| key()).collect();
    let few = rng.bool();
    let others = if others > 3 && few { 2 } else { others };
    arguments.extend((0..others).map(|_| number(rng, others > 1)));
    arguments
}

fn assert_counted(store: &Store) {
    for (number, db) in store.dbs().iter() {
        let mut counted = [0; Type::ALL.len()];
        for keys in db.stripes() {
            for entry in keys.read().iter() {
                counted[entry.kind() as usize] += 1;
            }
        }
        let usage = db.usage();
        let told = Type::ALL.map(|kind| usage.count(kind));
        assert_eq!(told, counted, "db {number}");
        let sure = Type::ALL.iter().filter(|kind| **kind != Type::Unsure);
        assert_eq!(db.len(), sure.map(|kind| usage.count(*kind)).sum::<usize>(), "db {number}");
    }
}

#[test]
fn keys_are_counted() {
    let mut rng = fastrand::Rng::with_seed(7);
    let store = Arc::new(Store::new());
    let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
    for round in 0..4000 {
        let unit: Vec<_> = (0..1 + rng.usize(..3))
            .map(|_| {
                let at = rng.usize(..COMMANDS.len());
                // A whole database goes seldom.
                let at = if at == COMMANDS.len() - 1 && rng.u32(..20) > 0 { 0 } else { at };
                let (name, kind, keys, others) = COMMANDS[at];
                (rng.u32(..2), name, arguments(&mut rng, kind, keys, others))
            })
            .collect();
        let args: Vec<Vec<&[u8]>> =
            unit.iter().map(|(_, _, args)| args.iter().map(Vec::as_slice).collect()).collect();
        let commands = unit.iter().zip(&args);
        let commands: Vec<_> = commands
            .map(|((db, name, _), args)| Command { db: *db, name: name.as_bytes(), args })
            .collect();
        writer.apply(&commands, 0, |_, _| {});
        drop(writer.take_trash());
        if round % 16 == 0 {
            assert_counted(&store);
        }
    }
    assert_counted(&store);
}

/// When the keys are gone, so are the tables that held them.
#[test]
fn memory_comes_back() {
    let store = Arc::new(Store::new());
    let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
    let mut each = |name: &[u8], keep: usize| {
        for number in (0..50_000).filter(|number| keep == 0 || number % keep != 0) {
            let (key, value) = (format!("key:{number}"), b"a value".as_slice());
            let args = [key.as_bytes(), value];
            let args = if name == b"set" { &args[..] } else { &args[..1] };
            writer.apply(&[Command { db: 0, name, args }], 0, |_, refusal| panic!("{refusal}"));
        }
    };
    let slots = || store.table_bytes();
    each(b"set", 0);
    let full = slots();
    each(b"del", 50);
    assert_eq!(store.len(), 1000);
    assert!(slots() * 2 < full, "{} of {full}", slots());
    each(b"del", 0);
    assert_counted(&store);
    assert_eq!(store.len(), 0);
    // A stripe keeps the smallest table that there is.
    assert!(slots() <= 4096 * (64 + 128), "{} are left", slots());
}

/// Databases cost what they hold: one with a key little, and one that is only selected nothing.
#[test]
fn many_databases_cost_little() {
    const DBS: u32 = 2000;
    let store = Arc::new(Store::new());
    let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
    let mut each = |name: &[u8], args: &[&[u8]]| {
        for db in 0..DBS {
            writer.apply(&[Command { db, name, args }], 0, |_, refusal| panic!("{refusal}"));
            let unit = [Command { db, name: b"ping", args: &[] }, Command { db, name, args }];
            writer.apply(&unit, 0, |_, refusal| panic!("{refusal}"));
        }
        store.table_bytes()
    };
    assert_eq!(each(b"ping", &[]), 0);
    let bytes = each(b"set", &[b"key", b"value"]);
    assert_eq!(store.len(), DBS as usize);
    assert!(bytes < DBS as usize * 8192, "{} for each", bytes / DBS as usize);
    // Nor do they become more by being read.
    for db in 0..DBS {
        let reader = crate::Reader::new(&store, db, 0, crate::Patience::Long);
        reader.each_stripe(0, usize::MAX, |_| {}).unwrap();
    }
    assert_eq!(store.table_bytes(), bytes);
}

/// The tables of the keys that are gone with their slots are gone, too.
#[test]
fn slots_take_their_tables_with_them() {
    let store = Arc::new(Store::new());
    let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
    for number in 0..50_000 {
        let key = format!("key:{number}");
        let args = [key.as_bytes(), b"value"];
        writer.apply(&[Command { db: 0, name: b"set", args: &args }], 0, |_, _| panic!());
    }
    let full = store.table_bytes();
    let args: [&[u8]; 4] = [b"RANGES", b"1", b"0", b"16000"];
    writer.apply(&[Command { db: 0, name: b"trimslots", args: &args }], 0, |_, _| panic!());
    assert_counted(&store);
    assert!((1..5000).contains(&store.len()), "{} keys", store.len());
    assert!(store.table_bytes() * 2 < full, "{} of {full}", store.table_bytes());
}

/// The sign of a zero is what servers make of it: from 7.0 on, a small sorted set loses it. What was
/// seen with all of them.
#[test]
fn zeros_have_the_signs_that_servers_give_them() {
    for (version, small) in [("2.8.17", -0.0), ("6.2.14", -0.0), ("7.0.15", 0.0), ("8.10.2", 0.0)] {
        let mut mirror = Mirror::redis(version);
        mirror.run("zadd z -0 a");
        mirror.run("zadd z 0 a 0 b");
        mirror.run("zadd z -0 b");
        mirror.run("zincrby z -0 c");
        mirror.run("zunionstore u 1 z WEIGHTS -1");
        for number in 1..200 {
            mirror.run(&format!("zadd big {number} m{number}"));
        }
        mirror.run("zadd big -0 a 0 b");
        mirror.run("zadd big 0 a -0 b");
        mirror.run("zunionstore ubig 1 big WEIGHTS -1");
        mirror.run("zrangestore part big 0 1");
        mirror.run("zrangestore all big 0 -1");
        for (key, member, score) in [
            ("z", "a", small),
            ("z", "b", 0.0),
            ("z", "c", small),
            ("u", "b", small),
            ("big", "a", -0.0),
            ("big", "b", 0.0),
            ("ubig", "a", 0.0),
            ("ubig", "b", -0.0),
            ("part", "a", small),
            ("all", "a", -0.0),
        ] {
            let found = mirror.read("zscore", &[text(key), text(member)]);
            let Answer::Float(found) = found else { panic!("{found:?}") };
            assert_eq!(found.to_bits(), f64::to_bits(score), "{version} {key} {member}");
        }
    }
}

/// Zeros that nobody wrote are not held, and none are beyond what is bounded.
#[test]
fn strings_with_gaps_cost_little() {
    let mut mirror = Mirror::redis("8.0.0");
    mirror.run("setbit far 34359738360 1");
    mirror.run("setrange far 4000000000 x");
    let far = mirror
        .store
        .dbs()
        .iter()
        .flat_map(|(_, db)| db.stripes())
        .fold(0, |bytes, keys| bytes + keys.read().iter().map(Entry::size).sum::<usize>());
    assert!((1..300_000).contains(&far), "{far} bytes");
    for (line, refusal) in [
        ("setbit far 34359738368 1", Refusal::Range),
        ("setrange far 4294967296 x", Refusal::Range),
        ("setbit far 9223372036854775807 1", Refusal::Range),
        ("setrange new 9223372036854775807 x", Refusal::Range),
        ("bitfield far SET u8 9223372036854775000 1", Refusal::Range),
    ] {
        let mut mirror = Mirror::redis("8.0.0");
        mirror.run("set far x");
        assert_eq!(mirror.refusal(line), Some(refusal), "{line}");
    }
}

/// Many elements at once, as few: what is changed aside comes to be in its place.
#[test]
fn many_elements_change_as_few_do() {
    let mut mirror = Mirror::redis("8.0.0");
    let names: Vec<String> = (0..2000).map(|number| format!("e{number}")).collect();
    let command = |name: &str, key: &str, each: &dyn Fn(&str) -> String| {
        let words: Vec<String> = names.iter().map(|name| each(name)).collect();
        format!("{name} {key} {}", words.join(" "))
    };
    let plain = |name: &str| name.to_owned();
    mirror.run("hset h keep 1");
    mirror.run("pexpireat h 1900000000000");
    mirror.run(&command("hset", "h", &|name| format!("{name} v")));
    mirror.run(&command("sadd", "s", &plain));
    mirror.run(&command("rpush", "l", &plain));
    mirror.run(&command("zadd", "z", &|name| format!("1 {name}")));
    for (query, key, len) in
        [("hlen", "h", 2001), ("scard", "s", 2000), ("llen", "l", 2000), ("zcard", "z", 2000)]
    {
        assert_eq!(mirror.read(query, &[text(key)]), Answer::Int(len), "{query}");
    }
    assert_counted(&mirror.store);
    mirror.run(&command("hdel", "h", &plain));
    mirror.run(&command("srem", "s", &plain));
    mirror.run(&command("zrem", "z", &plain));
    mirror.run("lrem l 0 e7");
    mirror.run("ltrim l 500 1500");
    mirror.run("lpop l 600");
    assert_eq!(mirror.read("hlen", &[text("h")]), Answer::Int(1));
    assert_eq!(mirror.read("pexpiretime", &[text("h")]), Answer::Int(1_900_000_000_000));
    assert_eq!(mirror.read("exists", &[text("s")]), Answer::Atom("false"));
    assert_eq!(mirror.read("exists", &[text("z")]), Answer::Atom("false"));
    assert_eq!(mirror.read("llen", &[text("l")]), Answer::Int(401));
    assert_eq!(mirror.read("lindex", &[text("l"), Arg::Int(0)]), bytes("e1101"));
    assert_counted(&mirror.store);
    assert!(!mirror.writer.take_trash().is_empty());
}

/// The writer looks at the databases before each command, and must not keep those that are gone.
#[test]
fn databases_that_are_gone_are_kept_by_nobody() {
    for line in ["flushall", "flushdb"] {
        let mut mirror = Mirror::redis("8.0.0");
        mirror.run("set a 1");
        mirror.run(line);
        let trash = mirror.writer.take_trash();
        assert!(trash.has_dbs(), "{line}");
        assert!(trash.sweep().is_none(), "{line}");
    }
}

/// A counter stays where it is while its digits are as many, and keeps its time to live.
#[test]
fn counters_are_counted() {
    let mut mirror = Mirror::redis("8.0.0");
    mirror.run("set a 8");
    mirror.run("pexpireat a 9999999999999");
    for (line, value) in [
        ("incr a", "9"),
        ("incr a", "10"),
        ("incrby a 89", "99"),
        ("decrby a 100", "-1"),
        ("incr a", "0"),
        ("incrby a 9223372036854775807", "9223372036854775807"),
        ("incrbyfloat a 0.5", "9223372036854775807.5"),
        ("set a 1.5", "1.5"),
        ("incrbyfloat a 1", "2.5"),
    ] {
        mirror.run(line);
        assert_eq!(mirror.read("get", &[text("a")]), bytes(value), "{line}");
        let ttl = mirror.read("pexpiretime", &[text("a")]);
        let is_kept = !line.starts_with("set") && value != "2.5";
        let wanted =
            if is_kept { Answer::Int(9_999_999_999_999) } else { Answer::Atom("infinity") };
        assert_eq!(ttl, wanted, "{line}");
    }
}

#[test]
fn work_is_gentle_while_no_reader_waits_for_its_end() {
    let store = Arc::new(Store::new());
    store.ensure_db(0);
    let mut dbs = LatestDbs::new(Arc::clone(&store));
    let mut trash = Trash::new(Arc::clone(store.account()));
    let mut session = Session::new(&store, dbs.latest());
    let mut context = Context::new(&mut session, &mut trash, 0, 0).unwrap();
    assert!(context.aside(heap::is_gentle));
    assert!(!heap::is_gentle());
    store.begin_exclusive();
    assert!(!context.aside(heap::is_gentle));
    store.end_exclusive();
    context.remove(b"key");
    assert!(!context.aside(heap::is_gentle));
}
