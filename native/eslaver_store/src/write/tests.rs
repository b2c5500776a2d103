//! What commands do to the counts of keys and bytes.

use std::sync::Arc;

use eslaver_core::commands::Learned;

use crate::keyspace::store::Store;
use crate::values::Type;
use crate::write::command::Command;
use crate::write::writer::Writer;

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
