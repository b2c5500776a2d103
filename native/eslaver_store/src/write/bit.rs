//! Commands of bits.

use crate::keyspace::version::Version;
use crate::values::Type;
use crate::values::bitfield::{Change, Field, Overflow};
use crate::values::bits::{self, Operation};
use crate::values::string::{self, Str};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, is, rest, to_int, to_size};
use crate::write::context::Context;
use crate::write::refusal::Refusal;
use crate::write::string::change;

pub(crate) const COMMANDS: &[(&str, Apply)] =
    &[("bitfield", bitfield), ("bitop", bitop), ("setbit", setbit)];

fn setbit(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let field = Field { signed: false, bits: 1, offset: to_size(arg(args, 1)?)? };
    let bit = to_int(arg(args, 2)?)?;
    change(context, arg(args, 0)?, field.end(), 1, |entry| {
        field.change(entry, Change::Set(bit), Overflow::Wrap);
    })
}

fn bitop(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let operation = Operation::from_name(arg(args, 0)?).ok_or(Refusal::Syntax)?;
    let target = arg(args, 1)?;
    let mut values = Vec::new();
    for key in rest(args, 2)? {
        values.push(context.copy(key, Type::String)?);
    }
    let strings: Vec<_> =
        values.iter().map(|value| Str::of(value.as_ref().map(|value| value.as_ref()))).collect();
    let combined = bits::combine(operation, &strings);
    if combined.is_empty() {
        context.remove(target);
    } else {
        let value = string::new(&combined);
        // Before the key is locked, as it may take long.
        drop(combined);
        context.put(target, value, None);
    }
    Ok(())
}

fn bitfield(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let changes = parse(rest(args, 1)?)?;
    // Before 6.0 a negative integer of 64 bits is read by a shift that C leaves undefined.
    let is_undefined = |(field, change, _): &(Field, Change, Overflow)| {
        field.bits == 64 && matches!(change, Change::IncrBy(_))
    };
    if context.redis() < Version::new(6, 0) && changes.iter().any(is_undefined) {
        return Err(Refusal::Value);
    }
    let Some(end) = changes.iter().map(|(field, ..)| field.end()).max() else {
        return Ok(());
    };
    change(context, arg(args, 0)?, end, changes.len(), |entry| {
        string::grow(entry, end);
        for (field, change, overflow) in changes {
            field.change(entry, change, overflow);
        }
    })
}

/// The operations that write; what a `GET` among them answers is of no use here.
fn parse(args: &Args<'_>) -> Result<Vec<(Field, Change, Overflow)>, Refusal> {
    let mut changes = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut args = args.iter();
    while let Some(operation) = args.next() {
        let mut next = || args.next().copied().ok_or(Refusal::Syntax);
        if is(operation, "OVERFLOW") {
            overflow = to_overflow(next()?)?;
            continue;
        }
        let field = to_field(next()?, next()?)?;
        if is(operation, "SET") {
            changes.push((field, Change::Set(to_int(next()?)?), overflow));
        } else if is(operation, "INCRBY") {
            changes.push((field, Change::IncrBy(to_int(next()?)?), overflow));
        } else if !is(operation, "GET") {
            return Err(Refusal::Syntax);
        }
    }
    Ok(changes)
}

fn to_overflow(arg: &[u8]) -> Result<Overflow, Refusal> {
    if is(arg, "WRAP") {
        Ok(Overflow::Wrap)
    } else if is(arg, "SAT") {
        Ok(Overflow::Sat)
    } else if is(arg, "FAIL") {
        Ok(Overflow::Fail)
    } else {
        Err(Refusal::Syntax)
    }
}

fn to_field(kind: &[u8], offset: &[u8]) -> Result<Field, Refusal> {
    let (sign, bits) = kind.split_first().ok_or(Refusal::Syntax)?;
    let signed = match sign {
        b'i' | b'I' => true,
        b'u' | b'U' => false,
        _ => return Err(Refusal::Syntax),
    };
    let bits = to_size(bits)?;
    if bits == 0 || bits > if signed { 64 } else { 63 } {
        return Err(Refusal::Range);
    }
    let offset = match offset.strip_prefix(b"#") {
        Some(index) => to_size(index)?.checked_mul(bits),
        None => Some(to_size(offset)?),
    };
    let offset = offset.filter(|offset| offset.checked_add(bits).is_some());
    Ok(Field { signed, bits: bits as u32, offset: offset.ok_or(Refusal::Range)? })
}
