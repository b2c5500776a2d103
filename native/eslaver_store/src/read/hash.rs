//! Reads of hashes. Fields that have expired are missing.

use smallvec::SmallVec;

use crate::collections::element::Element;
use crate::collections::record::{Fields, Record};
use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::bag::{self, TimeOf};
use crate::read::query::Args;
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::bag::Bag;
use crate::values::{Type, ValueRef};

pub(crate) const QUERIES: &[(&str, Answer)] = &[
    ("hexists", hexists),
    ("hexpiretime", |reader, args, reply| times(reader, args, TimeOf::AtSecond, reply)),
    ("hget", hget),
    ("hgetall", hgetall),
    ("hkeys", |reader, args, reply| all(reader, args, reply, field)),
    ("hlen", hlen),
    ("hmget", hmget),
    ("hpexpiretime", |reader, args, reply| times(reader, args, TimeOf::AtMs, reply)),
    ("hpttl", |reader, args, reply| times(reader, args, TimeOf::Ms, reply)),
    ("hrandfield", hrandfield),
    ("hrandfield_count", |reader, args, reply| random(reader, args, reply, field)),
    ("hrandfield_withvalues", |reader, args, reply| random(reader, args, reply, pair)),
    ("hscan", hscan),
    ("hstrlen", hstrlen),
    ("httl", |reader, args, reply| times(reader, args, TimeOf::Seconds, reply)),
    ("hvals", |reader, args, reply| all(reader, args, reply, value)),
];

/// Steps of some 10 ns that a record takes, in a list and in a map.
const STEPS: usize = 8;
const MAP_STEPS: usize = 20;

/// The most keys of a small map.
const FLAT: usize = 32;

type Hash<'a> = Bag<'a, Fields>;

fn field(reply: &mut dyn Reply, record: Record<'_, Fields>) {
    record.element.with_bytes(|bytes| reply.bytes(bytes));
}

fn value(reply: &mut dyn Reply, record: Record<'_, Fields>) {
    record.tail.with_bytes(|bytes| reply.bytes(bytes));
}

fn both(reply: &mut dyn Reply, record: Record<'_, Fields>) {
    field(reply, record);
    value(reply, record);
}

fn pair(reply: &mut dyn Reply, record: Record<'_, Fields>) {
    reply.begin();
    both(reply, record);
    reply.end_tuple();
}

/// Answers from a field that has not expired.
fn one<R>(
    reader: &Reader<'_>,
    args: Args<'_>,
    with: impl FnOnce(Option<Record<'_, Fields>>) -> R,
) -> Result<R, ReadError> {
    let field = args.bytes(1)?;
    reader.point(args.bytes(0)?, Type::Hash, |found| {
        Ok(with(found.and_then(Hash::of).and_then(|hash| hash.live(field, reader.now()))))
    })
}

fn hget(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    one(reader, args, |record| give(record, reply))
}

fn give(record: Option<Record<'_, Fields>>, reply: &mut dyn Reply) {
    match record {
        Some(record) => value(reply, record),
        None => reply.missing(),
    }
}

fn hexists(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    one(reader, args, |record| reply.atom(if record.is_some() { "true" } else { "false" }))
}

fn hstrlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    one(reader, args, |record| {
        reply.unsigned(record.map_or(0, |record| record.tail.len()) as u64);
    })
}

fn hmget(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let fields = args.strings(1)?;
    reader.check_steps(fields.len().saturating_mul(STEPS))?;
    reader.walk(args.bytes(0)?, Type::Hash, |found| {
        let hash = found.and_then(Hash::of);
        reply.begin();
        for field in fields {
            give(hash.and_then(|hash| hash.live(field, reader.now())), reply);
        }
        reply.end_list();
        Ok(())
    })
}

fn hlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::Hash, |found| {
        let hash = found.and_then(Hash::of);
        reader.check_steps(hash.map_or(0, |hash| hash.live_len_steps(reader.now())))?;
        reply.unsigned(hash.map_or(0, |hash| hash.live_len(reader.now())) as u64);
        Ok(())
    })
}

fn hgetall(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::Hash, |found| give_map(reader, found, reply))
}

/// All fields with their values, as of `HGETALL`.
pub(crate) fn give_whole(
    reader: &Reader<'_>,
    value: ValueRef<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    give_map(reader, Some(value), reply)
}

fn give_map(
    reader: &Reader<'_>,
    found: Option<ValueRef<'_>>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let hash = found.and_then(Hash::of);
    reader.check_steps(hash.map_or(0, Hash::len).saturating_mul(MAP_STEPS))?;
    reply.begin();
    match hash {
        Some(hash) if hash.len() <= FLAT => give_sorted(reader, hash, reply),
        Some(hash) => hash.for_each(|record| {
            if !record.is_expired(reader.now()) {
                both(reply, record);
            }
        }),
        None => {}
    }
    reply.end_map();
    Ok(())
}

/// In the order of their names: the VM sorts those of a small map, and more slowly.
fn give_sorted(reader: &Reader<'_>, hash: Hash<'_>, reply: &mut dyn Reply) {
    let mut records = SmallVec::<[Record<'_, Fields>; FLAT]>::new();
    hash.for_each(|record| {
        if !record.is_expired(reader.now()) {
            records.push(record);
        }
    });
    let order =
        |one: &Record<'_, Fields>, other: &Record<'_, Fields>| match (one.element, other.element) {
            (Element::Bytes(one), Element::Bytes(other)) => one.cmp(other),
            (one, other) => one.with_bytes(|one| other.with_bytes(|other| one.cmp(other))),
        };
    records.sort_unstable_by(order);
    records.into_iter().for_each(|record| both(reply, record));
}

fn all(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
    give: fn(&mut dyn Reply, Record<'_, Fields>),
) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::Hash, |found| {
        let hash = found.and_then(Hash::of);
        reader.check_steps(hash.map_or(0, Hash::len).saturating_mul(STEPS))?;
        reply.begin();
        if let Some(hash) = hash {
            hash.for_each(|record| {
                if !record.is_expired(reader.now()) {
                    give(reply, record);
                }
            });
        }
        reply.end_list();
        Ok(())
    })
}

fn hrandfield(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::Hash, |found| {
        let mut none = true;
        if let Some(hash) = found.and_then(Hash::of) {
            bag::random(reader, hash, 1, |record| {
                none = false;
                field(reply, record);
            })?;
        }
        if none {
            reply.missing();
        }
        Ok(())
    })
}

fn random(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
    give: fn(&mut dyn Reply, Record<'_, Fields>),
) -> Result<(), ReadError> {
    let count = args.int(1)?;
    reader.walk(args.bytes(0)?, Type::Hash, |found| {
        reply.begin();
        if let Some(hash) = found.and_then(Hash::of) {
            bag::random(reader, hash, count, |record| give(reply, record))?;
        }
        reply.end_list();
        Ok(())
    })
}

fn hscan(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::Hash, |found| {
        bag::scan(reader, found.and_then(Hash::of), args, 1, reply, pair)
    })
}

fn times(
    reader: &Reader<'_>,
    args: Args<'_>,
    of: TimeOf,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let fields = args.strings(1)?;
    reader.check_steps(fields.len().saturating_mul(STEPS))?;
    reader.walk(args.bytes(0)?, Type::Hash, |found| {
        let hash = found.and_then(Hash::of);
        let expiry =
            |field: &[u8]| hash.and_then(|hash| hash.get(field)).map(|record| record.expire_at);
        bag::give_times(reader, fields.iter().map(|field| expiry(field)), of, reply);
        Ok(())
    })
}
