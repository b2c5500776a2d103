//! Reads of keys of any type, and of all keys of a database.

use eslaver_core::glob::Glob;

use crate::keyspace::entry::Entry;
use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::kind::{self, Wanted};
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::Type;

pub(crate) const QUERIES: &[(&str, Answer)] = &[
    ("dbsize", dbsize),
    ("exists", exists),
    ("exists_count", exists_count),
    ("expiretime", |reader, args, reply| time(reader, args, reply, |_, at| seconds(at))),
    ("keys", keys),
    ("pexpiretime", |reader, args, reply| time(reader, args, reply, |_, at| at)),
    ("pttl", |reader, args, reply| time(reader, args, reply, left)),
    ("randomkey", randomkey),
    ("scan", scan),
    ("ttl", |reader, args, reply| time(reader, args, reply, |now, at| seconds(left(now, at)))),
    ("type", r#type),
];

/// Steps of some 10 ns that a key takes.
const STEPS: usize = 6;
/// Tries to find a key that has not expired before all are looked at.
const TRIES: usize = 200;

/// Answers from the entry of a key. What it holds must be known.
pub(crate) fn known<R>(
    reader: &Reader<'_>,
    args: Args<'_>,
    with: impl FnOnce(Option<&Entry>) -> R,
) -> Result<R, ReadError> {
    reader.entry(args.bytes(0)?, |entry| {
        if entry.is_none_or(is_known) { Ok(with(entry)) } else { Err(ReadError::Unknown) }
    })?
}

fn is_known(entry: &Entry) -> bool {
    !matches!(entry.kind(), Type::Unknown | Type::Unsure)
}

fn exists(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    known(reader, args, |entry| reply.atom(if entry.is_some() { "true" } else { "false" }))
}

/// How many of these keys exist. One that is named twice counts twice.
fn exists_count(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let keys = args.strings(0)?;
    reader.check_steps(keys.len().saturating_mul(STEPS))?;
    reader.entries(&keys, |entries| {
        let found = || entries.iter().flatten();
        if !found().all(|entry| is_known(entry)) {
            return Err(ReadError::Unknown);
        }
        reply.unsigned(found().count() as u64);
        Ok(())
    })
}

fn r#type(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    known(reader, args, |entry| match entry {
        Some(entry) => kind::give(entry.value(), reply),
        None => reply.atom("none"),
    })
}

/// Answers from the time at which a key expires, and the reader's.
fn time(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
    of: fn(i64, i64) -> i64,
) -> Result<(), ReadError> {
    known(reader, args, |entry| match entry.map(Entry::expire_at) {
        None => reply.missing(),
        Some(None) => reply.atom("infinity"),
        Some(Some(at)) => reply.int(of(reader.now(), at)),
    })
}

fn left(now: i64, at: i64) -> i64 {
    at.saturating_sub(now).max(0)
}

/// To the nearest second.
fn seconds(ms: i64) -> i64 {
    ms.saturating_add(500) / 1000
}

/// Also keys that have expired count until the master removes them.
fn dbsize(reader: &Reader<'_>, _args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reply.unsigned(reader.db_len()? as u64);
    Ok(())
}

/// All keys that match a pattern.
fn keys(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let glob = Glob::new(args.bytes(0)?);
    reader.check_steps(reader.about_db_len()?.saturating_mul(STEPS))?;
    reply.begin();
    reader.each_stripe(0, usize::MAX, |entry| {
        if is_listed(entry) && glob.matches(entry.key()) {
            reply.bytes(entry.key());
        }
    })?;
    reply.end_list();
    Ok(())
}

/// Whether a key is among those of a database: one of which it is not known whether it exists is not.
fn is_listed(entry: &Entry) -> bool {
    entry.kind() != Type::Unsure
}

/// `{Next, Keys}`: about `count` keys from a cursor on, of those only the ones that match a pattern
/// or `any`, and are of a type or `any`. What exists all the while is found, and once: where a key is
/// found goes by its hash, which is the same in every store.
fn scan(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let cursor = usize::try_from(args.int(0)?).map_err(|_| ReadError::BadQuery)?;
    let glob = match args.at(1)? {
        Arg::Bytes(pattern) => Some(Glob::new(*pattern)),
        _ => None,
    };
    let wanted = Wanted::read(args, 2)?;
    let count = usize::try_from(args.int(3)?).map_err(|_| ReadError::BadQuery)?;
    reader.check_steps(count.min(reader.about_db_len()?).saturating_mul(STEPS))?;
    let mut found = Vec::new();
    let next = reader.each_stripe(cursor, count, |entry| {
        if is_listed(entry)
            && wanted.has(entry.value())
            && glob.as_ref().is_none_or(|glob| glob.matches(entry.key()))
        {
            found.push(entry.key().to_vec());
        }
    })?;
    reply.begin();
    reply.unsigned(next as u64);
    reply.begin();
    found.iter().for_each(|key| reply.bytes(key));
    reply.end_list();
    reply.end_tuple();
    Ok(())
}

fn randomkey(reader: &Reader<'_>, _args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let mut rng = fastrand::Rng::new();
    for _ in 0..TRIES {
        let mut found = None;
        let mut seen = 0;
        let stripe = rng.usize(..reader.stripe_count());
        let walked = reader.stripe(stripe, |entry| {
            if is_listed(entry) {
                seen += 1;
                if rng.usize(..seen) == 0 {
                    found = Some(entry.key().to_vec());
                }
            }
        });
        match walked {
            Err(ReadError::NotServed) | Ok(()) => {}
            Err(error) => return Err(error),
        }
        if let Some(key) = found {
            reply.bytes(&key);
            return Ok(());
        }
    }
    reader.check_steps(reader.about_db_len()?.saturating_mul(STEPS))?;
    let (mut found, mut seen) = (None, 0);
    reader.each_stripe(0, usize::MAX, |entry| {
        if is_listed(entry) {
            seen += 1;
            if rng.usize(..seen) == 0 {
                found = Some(entry.key().to_vec());
            }
        }
    })?;
    match found {
        Some(key) => reply.bytes(&key),
        None => reply.missing(),
    }
    Ok(())
}
