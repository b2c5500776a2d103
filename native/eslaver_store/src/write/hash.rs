//! Commands of hashes, and of the times of their fields.
//!
//! As a replica does it, these also set times that have passed, and do not ask whether a field's has: of
//! what is gone the master tells by `HDEL`. `NX`, `XX`, `GT` and `LT` count, since some masters name
//! fields for which they did not hold; those that hold for a command as a whole (`FNX`, `FXX`) held.

use crate::collections::element::Element;
use crate::collections::record::{Expiry, Fields, Refused};
use crate::keyspace::entry::Entry;
use crate::values::bag::{self, Bag};
use crate::values::{Type, long_double};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, int, is, pairs, rest, to_size, weight};
use crate::write::context::Context;
use crate::write::refusal::Refusal;
use crate::write::string::to_old_int;
use crate::write::timed::{self, Condition, EX, EXAT, Options, PX, PXAT, Unit};

pub(crate) const COMMANDS: &[(&str, Apply)] = &[
    ("hdel", hdel),
    ("hexpire", |context, args| hexpire(context, args, EX)),
    ("hexpireat", |context, args| hexpire(context, args, EXAT)),
    ("hgetdel", hgetdel),
    ("hgetex", hgetex),
    ("hincrby", hincrby),
    ("hincrbyfloat", hincrbyfloat),
    ("hmset", hset),
    ("hpersist", hpersist),
    ("hpexpire", |context, args| hexpire(context, args, PX)),
    ("hpexpireat", |context, args| hexpire(context, args, PXAT)),
    ("hset", hset),
    ("hsetex", hsetex),
    ("hsetnx", hset),
];

#[inline]
fn hset(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    set(context, arg(args, 0)?, rest(args, 1)?, Expiry::Never)
}

fn set(
    context: &mut Context<'_, '_>,
    key: &[u8],
    fields: &Args<'_>,
    expiry: Expiry,
) -> Result<(), Refusal> {
    let (seed, weight, mut fields) = (context.seed(), weight(fields), pairs(fields)?);
    change(context, key, weight, |hash| {
        fields.try_for_each(|(field, value)| {
            bag::insert::<Fields>(hash, seed, field, Element::Bytes(value), expiry).map(|_| ())
        })
    })
}

fn change(
    context: &mut Context<'_, '_>,
    key: &[u8],
    weight: usize,
    change: impl FnOnce(&mut Entry) -> Result<(), Refused>,
) -> Result<(), Refusal> {
    Ok(context.change_elements(key, Type::Hash, weight, bag::new::<Fields>, change)??)
}

fn hdel(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    remove(context, arg(args, 0)?, rest(args, 1)?)
}

fn remove(context: &mut Context<'_, '_>, key: &[u8], fields: &Args<'_>) -> Result<(), Refusal> {
    context.edit_elements(key, Type::Hash, fields.len(), |hash| {
        for field in fields {
            bag::remove::<Fields>(hash, field);
        }
    })?;
    Ok(())
}

fn hincrby(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let by = int(args, 2)?;
    increment(context, args, |old| {
        let sum = to_old_int(old)?.checked_add(by).ok_or(Refusal::Range)?;
        Ok(itoa::Buffer::new().format(sum).as_bytes().to_vec())
    })
}

fn hincrbyfloat(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let by = arg(args, 2)?;
    increment(context, args, |old| long_double::add(old, by).ok_or(Refusal::Value))
}

/// Has the number of a field, which is 0 where it is missing, become another.
fn increment(
    context: &mut Context<'_, '_>,
    args: &Args<'_>,
    next: impl FnOnce(&[u8]) -> Result<Vec<u8>, Refusal>,
) -> Result<(), Refusal> {
    let (key, field) = (arg(args, 0)?, arg(args, 1)?);
    let value = context.view(key, Type::Hash, |value| {
        match value.and_then(Bag::<Fields>::of).and_then(|hash| hash.get(field)) {
            None => next(b"0"),
            Some(record) => record.tail.with_bytes(next),
        }
    })??;
    let seed = context.seed();
    change(context, key, 1, |hash| {
        bag::insert::<Fields>(hash, seed, field, Element::Bytes(&value), Expiry::Keep).map(|_| ())
    })
}

fn hexpire(context: &mut Context<'_, '_>, args: &Args<'_>, unit: Unit) -> Result<(), Refusal> {
    let at = timed::at(context, arg(args, 1)?, unit)?;
    let (options, fields) = options(context, rest(args, 2)?)?;
    expire(context, arg(args, 0)?, Some(at), fields, options.condition)
}

fn hpersist(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (options, fields) = options(context, rest(args, 1)?)?;
    expire(context, arg(args, 0)?, None, fields, options.condition)
}

fn hgetex(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (options, fields) = options(context, rest(args, 1)?)?;
    let expire_at = match options.expiry {
        None | Some(Expiry::Keep) => return Ok(()),
        Some(Expiry::Never) => None,
        Some(Expiry::At(at)) => Some(at),
    };
    expire(context, arg(args, 0)?, expire_at, fields, Condition::Always)
}

fn expire(
    context: &mut Context<'_, '_>,
    key: &[u8],
    expire_at: Option<i64>,
    fields: &Args<'_>,
    condition: Condition,
) -> Result<(), Refusal> {
    let expired = context.edit_elements(key, Type::Hash, fields.len(), |hash| {
        fields.iter().try_for_each(|field| {
            let old = Bag::<Fields>::of(hash.value())
                .and_then(|bag| bag.get(field))
                .map(|record| record.expire_at);
            match old {
                Some(old) if condition.is_met(old, expire_at) => {
                    bag::set_expiry::<Fields>(hash, field, expire_at).map(|_| ())
                }
                _ => Ok(()),
            }
        })
    })?;
    Ok(expired.unwrap_or(Ok(()))?)
}

fn hgetdel(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (_, fields) = options(context, rest(args, 1)?)?;
    remove(context, arg(args, 0)?, fields)
}

fn hsetex(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (options, fields) = options(context, rest(args, 1)?)?;
    set(context, arg(args, 0)?, fields, options.expiry.unwrap_or(Expiry::Never))
}

/// What stands before `FIELDS`, and what it has.
fn options<'a, 'b>(
    context: &Context<'_, '_>,
    args: &'b Args<'a>,
) -> Result<(Options, &'b Args<'a>), Refusal> {
    let mut options = Options::default();
    let mut left = args.iter();
    while let Some(name) = left.next() {
        if is(name, "FIELDS") {
            let count = to_size(left.next().ok_or(Refusal::Syntax)?)?;
            let fields = left.as_slice();
            let fits = count > 0 && fields.len().is_multiple_of(count);
            return if fits { Ok((options, fields)) } else { Err(Refusal::Syntax) };
        }
        if !is(name, "FNX") && !is(name, "FXX") {
            options.read(context, name, &mut left)?;
        }
    }
    Err(Refusal::Syntax)
}
