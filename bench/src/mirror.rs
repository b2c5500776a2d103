//! Data and commands for the mirror's benchmark: keys of one type and size, and keys of all types
//! that are read and written.

use crate::Outcome;
use crate::workload::{Random, Take, command};

/// How many arguments one command has at most.
const ARGUMENTS: u64 = 1000;

/// How many keys of each kind [`all`] writes, and the elements of each but `z`.
const STRINGS: u64 = 100_000;
const OTHERS: u64 = 10_000;
const ELEMENTS: u64 = 10;
const MEMBERS: u64 = 100_000;
/// How many keys the commands write that make values grow.
const GROWING: u64 = 1000;
/// A later time than that of any entry of [`all`].
const LATER: u64 = 1_000_000_000;

/// Writes `count` keys of one type; all but strings have `size` elements, and those `size` bytes.
pub(crate) fn keys(kind: &str, size: u64, count: u64, take: Take<'_>) -> Outcome<()> {
    let mut random = Random::new();
    for key in 1..=count {
        value(kind, &format!("k:{key}"), size, &mut random, take)?;
    }
    Ok(())
}

/// Writes keys of all types: those that the benchmark of reads asks for.
pub(crate) fn all(take: Take<'_>) -> Outcome<()> {
    let mut random = Random::new();
    for key in 1..=STRINGS {
        value("string", &format!("s:{key}"), 20, &mut random, take)?;
    }
    for key in 1..=OTHERS {
        for (kind, prefix) in [("hash", 'h'), ("set", 't'), ("list", 'l'), ("stream", 'x')] {
            value(kind, &format!("{prefix}:{key}"), ELEMENTS, &mut random, take)?;
        }
    }
    value("zset", "z", MEMBERS, &mut random, take)
}

/// The same, and a sorted set of a million members, for [`commands`] of the kind `union`.
pub(crate) fn all_and_huge(take: Take<'_>) -> Outcome<()> {
    all(take)?;
    value("zset", "huge", 1_000_000, &mut Random::new(), take)
}

fn value(kind: &str, key: &str, size: u64, random: &mut Random, take: Take<'_>) -> Outcome<()> {
    if kind == "string" {
        let value: Vec<u8> = (0..size).map(|_| random.letter()).collect();
        return take(&[b"SET", key.as_bytes(), &value]);
    }
    let (name, arguments): (&[u8], u64) = match kind {
        "hash" => (b"HSET", 2),
        "list" => (b"RPUSH", 1),
        "set" | "intset" => (b"SADD", 1),
        "zset" => (b"ZADD", 2),
        "stream" => (b"XADD", ARGUMENTS),
        _ => return Err(format!("no such type: {kind}").into()),
    };
    let at_once = ARGUMENTS / arguments;
    for first in (1..=size).step_by(usize::try_from(at_once)?) {
        let mut words = Vec::new();
        for number in first..=size.min(first + at_once - 1) {
            match kind {
                "hash" => words.extend([format!("f:{number}"), random.word(20)]),
                "list" | "set" => words.push(format!("element:{number}")),
                "intset" => words.push(random.below(1 << 31).to_string()),
                "zset" => words.extend([number.to_string(), format!("m:{number}")]),
                _ => words.extend([format!("{number}-0"), "f".into(), random.word(20)]),
            }
        }
        command(name, key, words.iter().map(String::as_bytes), take)?;
    }
    Ok(())
}

/// Commands of one kind, on the keys of [`all`] and on others.
pub(crate) fn commands(kind: &str, count: u64, take: Take<'_>) -> Outcome<()> {
    let mut random = Random::new();
    for number in 1..=count {
        let kind = match kind {
            "mixed" => ["set", "hset", "zadd", "incr", "queue"][(number % 5) as usize],
            kind => kind,
        };
        one(kind, number, &mut random, take)?;
    }
    Ok(())
}

fn one(kind: &str, number: u64, random: &mut Random, take: Take<'_>) -> Outcome<()> {
    let value = random.text::<20>();
    let text = number.to_string();
    let (name, key, words): (&[u8], _, Vec<&[u8]>) = match kind {
        "set" => (b"SET", format!("s:{}", random.up_to(STRINGS)), vec![&value]),
        "incr" => (b"INCR", format!("c:{}", random.up_to(GROWING)), vec![]),
        "hset" => {
            let field = format!("f:{}", random.up_to(ELEMENTS));
            let key = format!("h:{}", random.up_to(OTHERS));
            return command(b"HSET", &key, [field.as_bytes(), &value].into_iter(), take);
        }
        "zadd" => {
            let member = format!("m:{}", random.up_to(MEMBERS));
            let score = format!("{}.5", random.below(MEMBERS));
            return command(b"ZADD", "z", [score.as_bytes(), member.as_bytes()].into_iter(), take);
        }
        "sadd" => {
            let member = format!("element:{}", random.up_to(100));
            let key = format!("t:{}", random.up_to(OTHERS));
            return command(b"SADD", &key, [member.as_bytes()].into_iter(), take);
        }
        "union" if number % 2 == 1 => {
            return take(&[b"ZUNIONSTORE", b"union", b"1", b"huge"]);
        }
        "union" => return take(&[b"DEL", b"union"]),
        "flushall" => return take(&[b"FLUSHALL"]),
        "lpush" => (b"LPUSH", format!("lpush:{}", random.up_to(GROWING)), vec![&value]),
        // each pair of a push and a pop has a key of its own
        "queue" => {
            let key = format!("queue:{}", number / 10 % GROWING);
            match number / 5 % 2 {
                0 => (b"RPUSH", key, vec![&value[..]]),
                _ => (b"LPOP", key, vec![]),
            }
        }
        "xadd" => {
            let id = format!("{}-0", LATER + number);
            let key = format!("x:{}", random.up_to(GROWING));
            let words = [id.as_bytes(), b"f", &value, b"n", text.as_bytes()];
            return command(b"XADD", &key, words.into_iter(), take);
        }
        _ => return Err(format!("no such commands: {kind}").into()),
    };
    command(name, &key, words.into_iter(), take)
}
