//! Commands for keys of any type.

use eslaver_core::commands::{self, Learned};

use crate::keyspace::entry::Entry;
use crate::keyspace::version::Version;
use crate::load;
use crate::values::Type;
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, int, is, rest, to_int};
use crate::write::context::Context;
use crate::write::refusal::Refusal;

pub(crate) const COMMANDS: &[(&str, Apply)] = &[
    ("copy", copy),
    ("del", del),
    ("expire", |context, args| expire(context, args, 1000, context.now())),
    ("expireat", |context, args| expire(context, args, 1000, 0)),
    ("migrate", migrate),
    ("move", r#move),
    ("persist", persist),
    ("pexpire", |context, args| expire(context, args, 1, context.now())),
    ("pexpireat", |context, args| expire(context, args, 1, 0)),
    ("rename", rename),
    ("renamenx", rename),
    ("restore", restore),
    ("restore-asking", restore),
    ("unlink", del),
];

fn del(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    args.iter().for_each(|key| {
        context.remove(key);
    });
    Ok(())
}

/// Sets a time that is given in units of `unit` ms, from `base` on.
fn expire(
    context: &mut Context<'_, '_>,
    args: &Args<'_>,
    unit: i64,
    base: i64,
) -> Result<(), Refusal> {
    let key = arg(args, 0)?;
    let time = int(args, 1)?.checked_mul(unit).and_then(|time| time.checked_add(base));
    let at = time.ok_or(Refusal::Range)?;
    resolve_doubt(context, key);
    let old = context.read(key, |entry| entry.map(Entry::expire_at)).ok_or(Refusal::Missing)?;
    for option in rest(args, 2)? {
        if !holds(option, at, old)? {
            return Ok(());
        }
    }
    context.set_expire_at(key, Some(at));
    Ok(())
}

/// Whether a condition on the time holds. Without a time to live, a key lives for ever.
fn holds(option: &[u8], at: i64, old: Option<i64>) -> Result<bool, Refusal> {
    if is(option, "NX") {
        Ok(old.is_none())
    } else if is(option, "XX") {
        Ok(old.is_some())
    } else if is(option, "GT") {
        Ok(old.is_some_and(|old| at > old))
    } else if is(option, "LT") {
        Ok(old.is_none_or(|old| at < old))
    } else {
        Err(Refusal::Syntax)
    }
}

fn persist(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    if context.set_expire_at(arg(args, 0)?, None) { Ok(()) } else { Err(Refusal::Missing) }
}

fn rename(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (from, to) = (arg(args, 0)?, arg(args, 1)?);
    resolve_doubt(context, from);
    let entry = context.take(from).ok_or(Refusal::Missing)?;
    context.insert(entry.renamed(to));
    Ok(())
}

/// What a command that has succeeded has read.
fn source(context: &mut Context<'_, '_>, key: &[u8]) -> Result<Entry, Refusal> {
    resolve_doubt(context, key);
    context.read(key, |entry| entry.cloned()).ok_or(Refusal::Missing)
}

/// A command that has succeeded on this key shows that it exists.
fn resolve_doubt(context: &mut Context<'_, '_>, key: &[u8]) {
    if context.read(key, |entry| entry.is_some_and(|entry| entry.kind() == Type::Unsure)) {
        context.forget(key);
    }
}

/// Before 3.0 the time was left behind, and servers before 3.2 do not tell their version.
fn r#move(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (key, target) = (arg(args, 0)?, number(arg(args, 1)?)?);
    resolve_doubt(context, key);
    let expire_at = context.read(key, |entry| entry.map(Entry::expire_at));
    if expire_at.ok_or(Refusal::Missing)?.is_some() && context.redis() == Version::UNKNOWN {
        return Err(Refusal::Value);
    }
    context.in_db(target)?;
    let entry = context.take(key).ok_or(Refusal::Missing)?;
    context.in_db(target)?.insert(entry);
    Ok(())
}

fn copy(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let entry = source(context, arg(args, 0)?)?.renamed(arg(args, 1)?);
    let mut db = context.number();
    let mut options = rest(args, 2)?.iter();
    while let Some(option) = options.next() {
        if is(option, "DB") {
            db = number(options.next().ok_or(Refusal::Syntax)?)?;
        } else if !is(option, "REPLACE") {
            return Err(Refusal::Syntax);
        }
    }
    context.in_db(db)?.insert(entry);
    Ok(())
}

fn number(arg: &[u8]) -> Result<u32, Refusal> {
    u32::try_from(to_int(arg)?).map_err(|_| Refusal::Range)
}

fn restore(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let value = load::payload(arg(args, 2)?, context.seed()).ok_or(Refusal::Value)?;
    let absolute = rest(args, 3)?.iter().any(|option| is(option, "ABSTTL"));
    let expire_at = match int(args, 1)? {
        0 => None,
        ttl if absolute => Some(ttl),
        ttl => Some(context.now().checked_add(ttl).ok_or(Refusal::Range)?),
    };
    context.put(arg(args, 0)?, value, expire_at);
    Ok(())
}

/// Masters tell it as `DEL`. This is what it does itself: with `COPY` it writes no key.
fn migrate(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    commands::keys(&Learned::default(), b"migrate", args, |key| {
        if let Some(name) = args.get(key.index).filter(|_| key.changed) {
            context.remove(name);
        }
    });
    Ok(())
}
