//! Commands of strings, except those of bits and HyperLogLogs.
//!
//! Conditions, as those of `SET ... NX` and `DELEX ... IFEQ`, do not matter: such a command comes only
//! when they were met.

use smallvec::SmallVec;

use crate::keyspace::entry::Entry;
use crate::values::string::{self, Str};
use crate::values::{Type, long_double};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, int, is, pairs, rest, to_int, to_size, weight};
use crate::write::context::Context;
use crate::write::refusal::Refusal;

pub(crate) const COMMANDS: &[(&str, Apply)] = &[
    ("append", append),
    ("decr", |context, args| add(context, args, -1)),
    ("decrby", |context, args| {
        add(context, args, int(args, 1)?.checked_neg().ok_or(Refusal::Range)?)
    }),
    ("delex", delete),
    ("delifeq", delete),
    ("getdel", delete),
    ("getex", getex),
    ("getset", set),
    ("incr", |context, args| add(context, args, 1)),
    ("incrby", |context, args| add(context, args, int(args, 1)?)),
    ("incrbyfloat", incrbyfloat),
    ("mset", |context, args| put_all(context, args, Time::At(None))),
    ("msetex", msetex),
    ("msetnx", |context, args| put_all(context, args, Time::At(None))),
    ("psetex", |context, args| setex(context, args, 1)),
    ("set", set),
    ("setex", |context, args| setex(context, args, 1000)),
    ("setnx", set),
    ("setrange", setrange),
];

/// A number in decimal.
type Text = SmallVec<[u8; 24]>;

/// What a command says of a key's time.
#[derive(Debug, Clone, Copy)]
enum Time {
    /// It is as it was.
    Kept,
    /// When the key expires, in ms since the epoch.
    At(Option<i64>),
}

#[inline]
fn set(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let time = match rest(args, 2)? {
        [] => Time::At(None),
        options => time(context, options)?,
    };
    put(context, arg(args, 0)?, arg(args, 1)?, time);
    Ok(())
}

fn setex(context: &mut Context<'_, '_>, args: &Args<'_>, unit: i64) -> Result<(), Refusal> {
    let at = from_now(context, arg(args, 1)?, unit)?;
    put(context, arg(args, 0)?, arg(args, 2)?, Time::At(Some(at)));
    Ok(())
}

fn msetex(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let count = to_size(arg(args, 0)?)?;
    let end = count.checked_mul(2).and_then(|pairs| pairs.checked_add(1)).ok_or(Refusal::Range)?;
    let time = time(context, rest(args, end)?)?;
    put_all(context, args.get(1..end).ok_or(Refusal::Syntax)?, time)
}

fn put_all(context: &mut Context<'_, '_>, args: &Args<'_>, time: Time) -> Result<(), Refusal> {
    for (key, value) in pairs(args)? {
        put(context, key, value, time);
    }
    Ok(())
}

#[inline]
fn put(context: &mut Context<'_, '_>, key: &[u8], value: &[u8], time: Time) {
    let expire_at = match time {
        Time::At(at) => at,
        Time::Kept => context.read(key, |entry| entry.and_then(Entry::expire_at)),
    };
    if string::is_flat(value.len()) {
        context.put_packed(key, Type::String, value, expire_at);
    } else {
        context.put(key, string::new(value), expire_at);
    }
}

/// What the options of `SET`, `MSETEX` or `GETEX` say of the time.
fn time(context: &Context<'_, '_>, options: &Args<'_>) -> Result<Time, Refusal> {
    let mut time = Time::At(None);
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut value = || options.next().copied().ok_or(Refusal::Syntax);
        let is_option = |word| is(option, word);
        if is_option("PXAT") {
            time = Time::At(Some(to_int(value()?)?));
        } else if is_option("EXAT") {
            time = Time::At(Some(to_int(value()?)?.checked_mul(1000).ok_or(Refusal::Range)?));
        } else if is_option("PX") {
            time = Time::At(Some(from_now(context, value()?, 1)?));
        } else if is_option("EX") {
            time = Time::At(Some(from_now(context, value()?, 1000)?));
        } else if is_option("KEEPTTL") {
            time = Time::Kept;
        } else if is_option("PERSIST") {
            time = Time::At(None);
        } else if option.get(..2).is_some_and(|start| is(start, "IF")) {
            value()?;
        } else if !["NX", "XX", "GET"].into_iter().any(is_option) {
            return Err(Refusal::Syntax);
        }
    }
    Ok(time)
}

fn from_now(context: &Context<'_, '_>, time: &[u8], unit: i64) -> Result<i64, Refusal> {
    let ms = to_int(time)?.checked_mul(unit);
    ms.and_then(|ms| ms.checked_add(context.now())).ok_or(Refusal::Range)
}

fn getex(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let at = match rest(args, 1)? {
        [] => return Ok(()),
        options => match time(context, options)? {
            Time::Kept => return Ok(()),
            Time::At(at) => at,
        },
    };
    if context.set_expire_at(arg(args, 0)?, at) { Ok(()) } else { Err(Refusal::Missing) }
}

fn delete(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    context.remove(arg(args, 0)?);
    Ok(())
}

fn append(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let tail = arg(args, 1)?;
    let append = |entry: &mut Entry| {
        string::write(entry, Str::of(Some(entry.value())).len(), tail);
    };
    let new = || string::new(b"");
    context.change_elements(arg(args, 0)?, Type::String, weight(&[tail]), new, append)
}

fn setrange(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (index, bytes) = (to_size(arg(args, 1)?)?, arg(args, 2)?);
    if bytes.is_empty() {
        return Ok(());
    }
    let end = index.checked_add(bytes.len()).ok_or(Refusal::Range)?;
    let write = |entry: &mut Entry| string::write(entry, index, bytes);
    change(context, arg(args, 0)?, end, weight(&[bytes]), write)
}

/// Changes a string, which is empty where the key is missing, up to `end`.
pub(crate) fn change<R>(
    context: &mut Context<'_, '_>,
    key: &[u8],
    end: usize,
    weight: usize,
    change: impl FnOnce(&mut Entry) -> R,
) -> Result<R, Refusal> {
    let len = context.view(key, Type::String, |value| Str::of(value).len())?;
    if !string::can_reach(end, len) {
        return Err(Refusal::Range);
    }
    context.change_elements(key, Type::String, weight, || string::new(b""), change)
}

fn add(context: &mut Context<'_, '_>, args: &Args<'_>, by: i64) -> Result<(), Refusal> {
    number(context, arg(args, 0)?, |old| {
        let sum = to_old_int(old)?.checked_add(by).ok_or(Refusal::Range)?;
        Ok(Text::from_slice(itoa::Buffer::new().format(sum).as_bytes()))
    })
}

/// Masters before 3.2 read up to a byte that is 0, and nothing as 0; later ones let no such value
/// pass.
pub(crate) fn to_old_int(text: &[u8]) -> Result<i64, Refusal> {
    match text.split(|&byte| byte == 0).next() {
        None | Some([]) => Ok(0),
        Some(digits) => to_int(digits),
    }
}

fn incrbyfloat(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let by = arg(args, 1)?;
    number(context, arg(args, 0)?, |old| {
        long_double::add(old, by).map(Text::from_vec).ok_or(Refusal::Value)
    })
}

/// Has a number, which is 0 where the key is missing, become another.
fn number(
    context: &mut Context<'_, '_>,
    key: &[u8],
    next: impl Fn(&[u8]) -> Result<Text, Refusal>,
) -> Result<(), Refusal> {
    let changed = context.edit(key, Type::String, |entry| {
        let new = next(&Str::of(Some(entry.value())).to_bytes())?;
        string::replace(entry, &new);
        Ok(())
    })?;
    match changed {
        Some(result) => result,
        None => {
            put(context, key, &next(b"0")?, Time::At(None));
            Ok(())
        }
    }
}
