//! Commands of arrays (Redis 8.8). Masters replicate them as they are.

use crate::keyspace::entry::Entry;
use crate::values::Type;
use crate::values::array::{self, MAX_INDEX};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, pairs, rest, weight};
use crate::write::context::Context;
use crate::write::refusal::Refusal;

pub(crate) const COMMANDS: &[(&str, Apply)] = &[
    ("ardel", ardel),
    ("ardelrange", ardelrange),
    ("arinsert", arinsert),
    ("armset", armset),
    ("arring", arring),
    ("arseek", arseek),
    ("arset", arset),
];

fn arset(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (first, elements) = (to_index(arg(args, 1)?)?, rest(args, 2)?);
    change(context, arg(args, 0)?, weight(elements), |array| {
        for (offset, element) in (0..).zip(elements) {
            let index = first.checked_add(offset).filter(|index| *index <= MAX_INDEX);
            array::set(array, index.ok_or(Refusal::Range)?, element)?;
        }
        Ok(())
    })
}

fn armset(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (weight, mut pairs) = (weight(rest(args, 1)?), pairs(rest(args, 1)?)?);
    change(context, arg(args, 0)?, weight, |array| {
        pairs.try_for_each(|(index, element)| Ok(array::set(array, to_index(index)?, element)?))
    })
}

fn arinsert(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let elements = rest(args, 1)?;
    change(context, arg(args, 0)?, weight(elements), |array| Ok(array::insert(array, elements)?))
}

fn arring(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (size, elements) = (to_unsigned(arg(args, 1)?)?, rest(args, 2)?);
    let ring = |array: &mut Entry| Ok(array::ring(array, size, elements)?);
    change(context, arg(args, 0)?, weight(elements), ring)
}

fn change(
    context: &mut Context<'_, '_>,
    key: &[u8],
    weight: usize,
    change: impl FnOnce(&mut Entry) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    context.change_elements(key, Type::Array, weight, array::new, change)?
}

fn ardel(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let indexes = rest(args, 1)?;
    edit(context, arg(args, 0)?, indexes.len(), |array| {
        for index in indexes {
            let index = to_index(index)?;
            drop(array::remove_between(array, index, index));
        }
        Ok(())
    })
}

fn ardelrange(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let bounds = pairs(rest(args, 1)?)?;
    let removed = edit(context, arg(args, 0)?, bounds.len(), |array| {
        let remove = |(one, other)| {
            let (one, other) = (to_index(one)?, to_index(other)?);
            Ok(array::remove_between(array, one.min(other), one.max(other)))
        };
        bounds.map(remove).collect::<Result<Vec<_>, _>>()
    })?;
    removed.into_iter().flatten().for_each(|part| context.discard_part(Type::Array, part));
    Ok(())
}

fn arseek(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let next = to_unsigned(arg(args, 1)?)?;
    edit(context, arg(args, 0)?, 1, |array| {
        array::set_cursor(array, next.checked_sub(1));
        Ok(())
    })
}

/// Changes this number of elements of an array that must exist.
fn edit<R>(
    context: &mut Context<'_, '_>,
    key: &[u8],
    elements: usize,
    edit: impl FnOnce(&mut Entry) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    context.edit_elements(key, Type::Array, elements, edit)?.ok_or(Refusal::Missing)?
}

fn to_index(arg: &[u8]) -> Result<u64, Refusal> {
    Some(to_unsigned(arg)?).filter(|index| *index <= MAX_INDEX).ok_or(Refusal::Range)
}

fn to_unsigned(arg: &[u8]) -> Result<u64, Refusal> {
    let digits = std::str::from_utf8(arg).map_err(|_| Refusal::Value)?;
    digits.parse().map_err(|_| Refusal::Value)
}
