//! Commands of sets, and of the times of their members.

use eslaver_core::rdb::Family;

use crate::collections::record::Expiry;
use crate::keyspace::entry::Entry;
use crate::values::set::{self, Set};
use crate::values::{NewValue, Type};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, is, rest, to_size, weight};
use crate::write::context::Context;
use crate::write::refusal::Refusal;
use crate::write::timed::{self, Condition, EX, EXAT, Options, PX, PXAT, Unit};

pub(crate) const COMMANDS: &[(&str, Apply)] = &[
    ("sadd", sadd),
    ("saddex", saddex),
    ("sdiffstore", sdiffstore),
    ("sexpire", |context, args| sexpire(context, args, EX)),
    ("sexpireat", |context, args| sexpire(context, args, EXAT)),
    ("sinterstore", sinterstore),
    ("smove", smove),
    ("spersist", spersist),
    ("spexpire", |context, args| sexpire(context, args, PX)),
    ("spexpireat", |context, args| sexpire(context, args, PXAT)),
    ("spop", spop),
    ("srem", srem),
    ("sunionstore", sunionstore),
];

/// How far the clocks of a master and of its replica may differ, in ms: of a member that expires
/// within this time the master may have decided either way.
const SKEW: i64 = 1000;

#[inline]
fn sadd(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    add(context, arg(args, 0)?, rest(args, 1)?, Expiry::Keep)
}

fn add(
    context: &mut Context<'_, '_>,
    key: &[u8],
    members: &Args<'_>,
    expiry: Expiry,
) -> Result<(), Refusal> {
    let seed = context.seed();
    let add = |set: &mut Entry| {
        members.iter().try_for_each(|member| set::insert(set, seed, member, expiry).map(|_| ()))
    };
    Ok(context.change_elements(key, Type::Set, weight(members), set::new, add)??)
}

fn srem(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    remove(context, arg(args, 0)?, rest(args, 1)?)
}

fn remove(context: &mut Context<'_, '_>, key: &[u8], members: &Args<'_>) -> Result<(), Refusal> {
    context.edit_elements(key, Type::Set, members.len(), |set| {
        for member in members {
            set::remove(set, member);
        }
    })?;
    Ok(())
}

/// On Valkey a member's time to live moves with it. What Redis does is not known.
fn smove(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (from, to, member) = (arg(args, 0)?, arg(args, 1)?, arg(args, 2)?);
    let expire_at = |key: &[u8]| {
        context.view(key, Type::Set, |value| {
            value.and_then(Set::of).and_then(|set| set.expire_at(member)).flatten()
        })
    };
    let (own, old) = (expire_at(from)?, expire_at(to)?);
    if from == to {
        return Ok(());
    }
    let expiry = match own {
        None if old.is_none() => Expiry::Keep,
        _ if context.family() != Family::Valkey => return Err(Refusal::Value),
        None => Expiry::Never,
        Some(at) => Expiry::At(at),
    };
    remove(context, from, &[member])?;
    add(context, to, &[member], expiry)
}

/// A master tells by `SREM` which members it has popped; only of all of them there is no doubt.
fn spop(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (key, count) = (arg(args, 0)?, to_size(arg(args, 1)?)?);
    let set = source(context, key)?.ok_or(Refusal::Missing)?;
    let len = Set::of(set.as_ref()).map_or(0, |set| set.live_len(context.now()));
    if count < len {
        return Err(Refusal::Value);
    }
    context.remove(key);
    Ok(())
}

/// The set of a key, if there is no doubt which of its members have expired on the master.
pub(crate) fn source(context: &Context<'_, '_>, key: &[u8]) -> Result<Option<NewValue>, Refusal> {
    let value = context.copy(key, Type::Set)?;
    let set = value.as_ref().and_then(|value| Set::of(value.as_ref()));
    let is_certain = |set: Set<'_>| set.live_len(context.now().saturating_add(SKEW)) == set.len();
    if set.is_none_or(is_certain) { Ok(value) } else { Err(Refusal::Value) }
}

/// The set stops at the first key that is missing: servers before 7.0 do not look at those behind it,
/// which may be of another type.
fn sinterstore(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let mut values = Vec::new();
    for key in rest(args, 1)? {
        match source(context, key)? {
            Some(value) => values.push(value),
            None => return store(context, arg(args, 0)?, Vec::new()),
        }
    }
    let mut sets = set::views(&values);
    sets.sort_by_key(|set| set.len());
    let members = context.aside(|| set::intersection(&sets, context.now(), usize::MAX));
    store(context, arg(args, 0)?, members)
}

fn sunionstore(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let values = sources(context, rest(args, 1)?)?;
    let values: Vec<_> = values.into_iter().flatten().collect();
    let members = context.aside(|| set::union(&set::views(&values), context.now()));
    store(context, arg(args, 0)?, members)
}

fn sdiffstore(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let mut values = sources(context, rest(args, 1)?)?.into_iter();
    let first = values.next().flatten();
    let others: Vec<_> = values.flatten().collect();
    let members = match first.as_ref().and_then(|first| Set::of(first.as_ref())) {
        Some(first) => {
            context.aside(|| set::difference(first, &set::views(&others), context.now()))
        }
        None => Vec::new(),
    };
    store(context, arg(args, 0)?, members)
}

fn sources(context: &Context<'_, '_>, keys: &Args<'_>) -> Result<Vec<Option<NewValue>>, Refusal> {
    keys.iter().map(|key| source(context, key)).collect()
}

fn store(context: &mut Context<'_, '_>, key: &[u8], members: Vec<Vec<u8>>) -> Result<(), Refusal> {
    let value = context.aside(|| set::collect(members, context.seed()))?;
    context.put(key, value, None);
    Ok(())
}

fn saddex(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (options, members) = options(context, rest(args, 1)?)?;
    add(context, arg(args, 0)?, members, options.expiry.unwrap_or(Expiry::Never))
}

fn sexpire(context: &mut Context<'_, '_>, args: &Args<'_>, unit: Unit) -> Result<(), Refusal> {
    let at = timed::at(context, arg(args, 1)?, unit)?;
    let (options, members) = options(context, rest(args, 2)?)?;
    expire(context, arg(args, 0)?, Some(at), members, options.condition)
}

fn spersist(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (options, members) = options(context, rest(args, 1)?)?;
    expire(context, arg(args, 0)?, None, members, options.condition)
}

fn expire(
    context: &mut Context<'_, '_>,
    key: &[u8],
    expire_at: Option<i64>,
    members: &Args<'_>,
    condition: Condition,
) -> Result<(), Refusal> {
    let seed = context.seed();
    let expired = context.edit_elements(key, Type::Set, members.len(), |set| {
        members.iter().try_for_each(|member| {
            match Set::of(set.value()).and_then(|set| set.expire_at(member)) {
                Some(old) if condition.is_met(old, expire_at) => {
                    set::set_expiry(set, seed, member, expire_at).map(|_| ())
                }
                _ => Ok(()),
            }
        })
    })?;
    Ok(expired.unwrap_or(Ok(()))?)
}

/// What stands before and behind `MEMBERS`, and what it has.
fn options<'a, 'b>(
    context: &Context<'_, '_>,
    args: &'b Args<'a>,
) -> Result<(Options, &'b Args<'a>), Refusal> {
    let mut options = Options::default();
    let mut members: &Args<'_> = &[];
    let mut left = args.iter();
    while let Some(name) = left.next() {
        if is(name, "MEMBERS") {
            let count = to_size(left.next().ok_or(Refusal::Syntax)?)?;
            let (given, others) = left.as_slice().split_at_checked(count).ok_or(Refusal::Syntax)?;
            members = given;
            left = others.iter();
        } else if !is(name, "MNX") && !is(name, "MXX") {
            options.read(context, name, &mut left)?;
        }
    }
    Ok((options, members))
}
