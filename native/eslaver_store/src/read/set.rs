//! Reads of sets. Members that have expired are missing.

use eslaver_core::glob::Glob;

use crate::collections::element::Element;
use crate::keyspace::error::ReadError;
use crate::keyspace::kept::Kept;
use crate::read::answer::Answer;
use crate::read::bag::{self, TimeOf};
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::set::{self, Set};
use crate::values::{Type, ValueRef};

pub(crate) const QUERIES: &[(&str, Answer)] = &[
    ("scard", scard),
    ("sdiff", |reader, args, reply| give_all(&difference(reader, args)?, reply)),
    ("sdiffcard", |reader, args, reply| give_len(difference(reader, args)?.len(), args, reply)),
    ("sexpiretime", |reader, args, reply| times(reader, args, TimeOf::AtSecond, reply)),
    ("sinter", |reader, args, reply| give_all(&intersection(reader, args, usize::MAX)?, reply)),
    ("sintercard", sintercard),
    ("sismember", sismember),
    ("smembers", smembers),
    ("smismember", smismember),
    ("spexpiretime", |reader, args, reply| times(reader, args, TimeOf::AtMs, reply)),
    ("spttl", |reader, args, reply| times(reader, args, TimeOf::Ms, reply)),
    ("srandmember", srandmember),
    ("srandmember_count", srandmember_count),
    ("sscan", sscan),
    ("sttl", |reader, args, reply| times(reader, args, TimeOf::Seconds, reply)),
    ("sunion", |reader, args, reply| give_all(&union(reader, args)?, reply)),
    ("sunioncard", |reader, args, reply| give_len(union(reader, args)?.len(), args, reply)),
];

/// Steps of some 10 ns that a member takes: to be given, and to be looked for in other sets.
const STEPS: usize = 6;
const STEPS_OF_ALGEBRA: usize = 20;

fn give(member: Element<'_>, reply: &mut dyn Reply) {
    member.with_bytes(|bytes| reply.bytes(bytes));
}

fn truth(value: bool, reply: &mut dyn Reply) {
    reply.atom(if value { "true" } else { "false" });
}

fn scard(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::Set, |value| {
        let set = value.and_then(Set::of);
        reader.check_steps(set.map_or(0, |set| set.live_len_steps(reader.now())))?;
        reply.unsigned(set.map_or(0, |set| set.live_len(reader.now())) as u64);
        Ok(())
    })
}

fn sismember(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let member = args.bytes(1)?;
    reader.point(args.bytes(0)?, Type::Set, |value| {
        let set = value.and_then(Set::of);
        truth(set.is_some_and(|set| set.contains(member, reader.now())), reply);
        Ok(())
    })
}

fn smismember(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let members = args.strings(1)?;
    reader.check_steps(members.len().saturating_mul(STEPS_OF_ALGEBRA))?;
    reader.walk(args.bytes(0)?, Type::Set, |value| {
        let set = value.and_then(Set::of);
        reply.begin();
        for member in members {
            truth(set.is_some_and(|set| set.contains(member, reader.now())), reply);
        }
        reply.end_list();
        Ok(())
    })
}

fn smembers(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::Set, |value| {
        give_members(reader, value.and_then(Set::of), reply)
    })
}

fn give_members(
    reader: &Reader<'_>,
    set: Option<Set<'_>>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    reader.check_steps(set.map_or(0, Set::len).saturating_mul(STEPS))?;
    reply.begin();
    if let Some(set) = set {
        set.for_each(reader.now(), |member| give(member, reply));
    }
    reply.end_list();
    Ok(())
}

/// All members, as of `SMEMBERS`.
pub(crate) fn give_whole(
    reader: &Reader<'_>,
    value: ValueRef<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    give_members(reader, Set::of(value), reply)
}

fn srandmember(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::Set, |value| {
        let mut none = true;
        if let Some(set) = value.and_then(Set::of) {
            random(reader, set, 1, |member| {
                none = false;
                give(member, reply);
            })?;
        }
        if none {
            reply.missing();
        }
        Ok(())
    })
}

fn srandmember_count(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let count = args.int(1)?;
    reader.walk(args.bytes(0)?, Type::Set, |value| {
        reply.begin();
        if let Some(set) = value.and_then(Set::of) {
            random(reader, set, count, |member| give(member, reply))?;
        }
        reply.end_list();
        Ok(())
    })
}

fn random<'a>(
    reader: &Reader<'_>,
    set: Set<'a>,
    count: i64,
    mut each: impl FnMut(Element<'a>),
) -> Result<(), ReadError> {
    let ints = match set {
        Set::Bag(bag) => return bag::random(reader, bag, count, |record| each(record.element)),
        Set::Ints(ints) => ints,
    };
    let mut rng = fastrand::Rng::new();
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 && !ints.is_empty() {
        reader.check_steps(wanted)?;
        for _ in 0..wanted {
            ints.nth(rng.usize(..ints.len())).into_iter().for_each(|int| each(Element::Int(int)));
        }
    } else {
        let mut all: Vec<_> = ints.iter().collect();
        rng.shuffle(&mut all);
        all.into_iter().take(wanted).for_each(|value| each(Element::Int(value)));
    }
    Ok(())
}

fn sscan(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::Set, |value| match value.and_then(Set::of) {
        Some(Set::Ints(_)) if args.int(1)? == 0 => {
            let glob = match args.at(2)? {
                Arg::Bytes(pattern) => Some(Glob::new(*pattern)),
                _ => None,
            };
            reply.begin();
            reply.unsigned(0);
            reply.begin();
            if let Some(set) = value.and_then(Set::of) {
                set.for_each(reader.now(), |member| {
                    member.with_bytes(|bytes| {
                        if glob.as_ref().is_none_or(|glob| glob.matches(bytes)) {
                            reply.bytes(bytes);
                        }
                    });
                });
            }
            reply.end_list();
            reply.end_tuple();
            Ok(())
        }
        Some(Set::Bag(bag)) => bag::scan(reader, Some(bag), args, 1, reply, |reply, record| {
            give(record.element, reply)
        }),
        // A scan that began in a table goes on in the order of hashes; integers have come by then.
        _ => {
            reply.begin();
            reply.unsigned(0);
            reply.begin();
            reply.end_list();
            reply.end_tuple();
            Ok(())
        }
    })
}

fn times(
    reader: &Reader<'_>,
    args: Args<'_>,
    of: TimeOf,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let members = args.strings(1)?;
    reader.check_steps(members.len().saturating_mul(STEPS_OF_ALGEBRA))?;
    reader.walk(args.bytes(0)?, Type::Set, |value| {
        let set = value.and_then(Set::of);
        let expiry = |member: &[u8]| set.and_then(|set| set.expire_at(member));
        bag::give_times(reader, members.iter().map(|member| expiry(member)), of, reply);
        Ok(())
    })
}

/// The sets of some keys, as they are at one moment.
fn all<'a>(reader: &Reader<'a>, args: Args<'_>) -> Result<Vec<Option<Kept<'a>>>, ReadError> {
    let values = reader.all(&args.strings(0)?, Type::Set)?;
    let lens = values.iter().flatten().filter_map(|value| Set::of(value.as_ref())).map(Set::len);
    reader.check_steps(lens.sum::<usize>().saturating_mul(STEPS_OF_ALGEBRA))?;
    Ok(values)
}

fn intersection(
    reader: &Reader<'_>,
    args: Args<'_>,
    limit: usize,
) -> Result<Vec<Vec<u8>>, ReadError> {
    let values: Option<Vec<_>> = all(reader, args)?.into_iter().collect();
    let Some(values) = values else {
        return Ok(Vec::new());
    };
    let mut sets = set::views(&values);
    sets.sort_by_key(|set| set.len());
    Ok(set::intersection(&sets, reader.now(), limit))
}

fn union(reader: &Reader<'_>, args: Args<'_>) -> Result<Vec<Vec<u8>>, ReadError> {
    let values: Vec<_> = all(reader, args)?.into_iter().flatten().collect();
    Ok(set::union(&set::views(&values), reader.now()))
}

fn difference(reader: &Reader<'_>, args: Args<'_>) -> Result<Vec<Vec<u8>>, ReadError> {
    let mut values = all(reader, args)?.into_iter();
    let first = values.next().flatten();
    let others: Vec<_> = values.flatten().collect();
    let first = first.as_ref().and_then(|first| Set::of(first.as_ref()));
    Ok(first.map_or(Vec::new(), |first| set::difference(first, &set::views(&others), reader.now())))
}

fn give_all(members: &[Vec<u8>], reply: &mut dyn Reply) -> Result<(), ReadError> {
    reply.begin();
    members.iter().for_each(|member| reply.bytes(member));
    reply.end_list();
    Ok(())
}

/// The second argument is a limit, 0 for none.
fn limit(args: Args<'_>) -> Result<usize, ReadError> {
    match args.int(1)? {
        0 => Ok(usize::MAX),
        limit => usize::try_from(limit).map_err(|_| ReadError::BadQuery),
    }
}

fn give_len(len: usize, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reply.unsigned(len.min(limit(args)?) as u64);
    Ok(())
}

fn sintercard(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    give_len(intersection(reader, args, limit(args)?)?.len(), args, reply)
}
