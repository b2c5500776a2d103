//! Commands of lists, as masters send them: those that block, or take of the first of several keys,
//! arrive rewritten or verbatim.

use std::ops::Range;

use crate::collections::record::Refused;
use crate::keyspace::entry::Entry;
use crate::values::Type;
use crate::values::list::{self, End, List};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, int, is, rest, to_size, weight};
use crate::write::context::Context;
use crate::write::refusal::Refusal;

pub(crate) const COMMANDS: &[(&str, Apply)] = &[
    ("blmove", lmove),
    ("blmovem", |context, args| lmovem(context, args, rest(args, 5)?)),
    ("blmpop", |context, args| lmpop(context, rest(args, 1)?)),
    ("blpop", |context, args| blocking_pop(context, args, End::Front)),
    ("brpop", |context, args| blocking_pop(context, args, End::Back)),
    ("brpoplpush", rpoplpush),
    ("linsert", linsert),
    ("lmove", lmove),
    ("lmovem", |context, args| lmovem(context, args, rest(args, 4)?)),
    ("lmpop", lmpop),
    ("lpop", |context, args| pop_of(context, args, End::Front)),
    ("lpush", |context, args| push(context, arg(args, 0)?, End::Front, rest(args, 1)?)),
    ("lpushx", |context, args| pushx(context, args, End::Front)),
    ("lrem", lrem),
    ("lset", lset),
    ("ltrim", ltrim),
    ("rpop", |context, args| pop_of(context, args, End::Back)),
    ("rpoplpush", rpoplpush),
    ("rpush", |context, args| push(context, arg(args, 0)?, End::Back, rest(args, 1)?)),
    ("rpushx", |context, args| pushx(context, args, End::Back)),
];

#[inline]
fn push(
    context: &mut Context<'_, '_>,
    key: &[u8],
    end: End,
    elements: &Args<'_>,
) -> Result<(), Refusal> {
    let push = |list: &mut Entry| push_all(list, end, elements);
    Ok(context.change_elements(key, Type::List, weight(elements), list::new, push)??)
}

fn push_all<E: AsRef<[u8]>>(list: &mut Entry, end: End, elements: &[E]) -> Result<(), Refused> {
    elements.iter().try_for_each(|element| list::push(list, end, element.as_ref()))
}

fn pushx(context: &mut Context<'_, '_>, args: &Args<'_>, end: End) -> Result<(), Refusal> {
    let elements = rest(args, 1)?;
    edit(context, arg(args, 0)?, weight(elements), |list| Ok(push_all(list, end, elements)?))
}

/// Changes this number of elements of a list that must exist.
fn edit<R>(
    context: &mut Context<'_, '_>,
    key: &[u8],
    elements: usize,
    edit: impl FnOnce(&mut Entry) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    context.edit_elements(key, Type::List, elements, edit)?.ok_or(Refusal::Missing)?
}

/// Removes elements of a list that must exist. Most of what this frees is freed outside the lock.
fn remove(
    context: &mut Context<'_, '_>,
    key: &[u8],
    range: impl FnOnce(&Entry) -> Range<usize>,
) -> Result<(), Refusal> {
    let removed = edit(context, key, 1, |list| {
        let range = range(list);
        Ok(list::remove(list, range))
    })?;
    removed.into_iter().for_each(|part| context.discard_part(Type::List, part));
    Ok(())
}

fn len(list: &Entry) -> usize {
    List::of(list.value()).map_or(0, List::len)
}

/// The indexes of up to `count` elements at an end.
fn at_end(list: &Entry, end: End, count: usize) -> Range<usize> {
    let len = len(list);
    match end {
        End::Front => 0..count.min(len),
        End::Back => len.saturating_sub(count)..len,
    }
}

/// Removes up to `count` elements from an end. The first one taken comes first.
fn take(list: &mut Entry, end: End, count: usize) -> Vec<Vec<u8>> {
    let range = at_end(list, end, count);
    let mut taken = List::of(list.value()).map_or(Vec::new(), |list| list.to_vec(range.clone()));
    drop(list::remove(list, range));
    if end == End::Back {
        taken.reverse();
    }
    taken
}

fn pop(context: &mut Context<'_, '_>, key: &[u8], end: End, count: usize) -> Result<(), Refusal> {
    remove(context, key, |list| at_end(list, end, count))
}

fn pop_of(context: &mut Context<'_, '_>, args: &Args<'_>, end: End) -> Result<(), Refusal> {
    let count = args.get(1).map_or(Ok(1), |count| to_size(count))?;
    pop(context, arg(args, 0)?, end, count)
}

fn lmpop(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let keys = to_size(arg(args, 0)?)?;
    let (keys, options) = rest(args, 1)?.split_at_checked(keys).ok_or(Refusal::Syntax)?;
    let count = options.get(2).map_or(Ok(1), |count| to_size(count))?;
    pop_first(context, keys, to_end(arg(options, 0)?)?, count)
}

fn blocking_pop(context: &mut Context<'_, '_>, args: &Args<'_>, end: End) -> Result<(), Refusal> {
    let (_timeout, keys) = args.split_last().ok_or(Refusal::Syntax)?;
    pop_first(context, keys, end, 1)
}

fn pop_first(
    context: &mut Context<'_, '_>,
    keys: &Args<'_>,
    end: End,
    count: usize,
) -> Result<(), Refusal> {
    for key in keys {
        if context.view(key, Type::List, |value| value.is_some())? {
            return pop(context, key, end, count);
        }
    }
    Err(Refusal::Missing)
}

fn linsert(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (side, pivot, element) = (arg(args, 1)?, arg(args, 2)?, arg(args, 3)?);
    let behind = match side {
        side if is(side, "BEFORE") => 0,
        side if is(side, "AFTER") => 1,
        _ => return Err(Refusal::Syntax),
    };
    let key = arg(args, 0)?;
    let found = find(context, key, pivot, End::Front, 1)?.first().copied();
    let index = found.ok_or(Refusal::Value)? + behind;
    edit(context, key, weight(&[element]), |list| Ok(list::insert(list, index, element)?))
}

fn lset(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (index, element) = (int(args, 1)?, arg(args, 2)?);
    edit(context, arg(args, 0)?, weight(&[element]), |list| {
        let index = List::of(list.value()).and_then(|list| list.index(index));
        Ok(list::set(list, index.ok_or(Refusal::Range)?, element)?)
    })
}

/// Removes the first `count` equal elements, the last ones with a negative count, all with 0.
fn lrem(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (key, count, element) = (arg(args, 0)?, int(args, 1)?, arg(args, 2)?);
    let most = match count.unsigned_abs() {
        0 => usize::MAX,
        count => usize::try_from(count).unwrap_or(usize::MAX),
    };
    let from = if count < 0 { End::Back } else { End::Front };
    let mut found = find(context, key, element, from, most)?;
    found.sort_unstable();
    edit(context, key, found.len(), |list| Ok(list::remove_all(list, &found)?))
}

/// The indexes of equal elements. The list, which must exist, is walked outside the lock.
fn find(
    context: &Context<'_, '_>,
    key: &[u8],
    element: &[u8],
    from: End,
    most: usize,
) -> Result<Vec<usize>, Refusal> {
    let value = context.copy(key, Type::List)?.ok_or(Refusal::Missing)?;
    let list = List::of(value.as_ref()).ok_or(Refusal::Missing)?;
    Ok(list.find(element, from, most, usize::MAX))
}

fn ltrim(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (start, stop) = (int(args, 1)?, int(args, 2)?);
    let kept = |list: &Entry| List::of(list.value()).map_or(0..0, |list| list.range(start, stop));
    let mut first = 0;
    remove(context, arg(args, 0)?, |list| {
        let kept = kept(list);
        first = kept.start;
        kept.end..len(list)
    })?;
    if first > 0 {
        remove(context, arg(args, 0)?, |_| 0..first)?;
    }
    Ok(())
}

fn rpoplpush(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    transfer(context, args, End::Back, End::Front, 1, false)
}

fn lmove(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (from, to) = (to_end(arg(args, 2)?)?, to_end(arg(args, 3)?)?);
    transfer(context, args, from, to, 1, false)
}

/// One by one, or so that they stay in the order that they had in their list (`BULK`).
fn lmovem(
    context: &mut Context<'_, '_>,
    args: &Args<'_>,
    options: &Args<'_>,
) -> Result<(), Refusal> {
    let (from, to) = (to_end(arg(args, 2)?)?, to_end(arg(args, 3)?)?);
    let (count, in_bulk) = match options {
        [] => (1, false),
        [selector, count, order @ ..] if is(selector, "COUNT") || is(selector, "EXACTLY") => {
            let in_bulk = match order {
                [] => false,
                [order] if is(order, "OBO") => false,
                [order] if is(order, "BULK") => true,
                _ => return Err(Refusal::Syntax),
            };
            (to_size(count)?, in_bulk)
        }
        _ => return Err(Refusal::Syntax),
    };
    transfer(context, args, from, to, count, in_bulk)
}

/// Moves up to `count` elements from one list to another. A list that is rotated keeps its key, and when
/// that expires, also if it has one element only.
fn transfer(
    context: &mut Context<'_, '_>,
    args: &Args<'_>,
    from_end: End,
    to_end: End,
    count: usize,
    in_bulk: bool,
) -> Result<(), Refusal> {
    let (from, to) = (arg(args, 0)?, arg(args, 1)?);
    context.view(to, Type::List, |_| ())?;
    let in_order = |mut taken: Vec<Vec<u8>>| {
        if in_bulk && from_end == to_end {
            taken.reverse();
        }
        taken
    };
    if from == to {
        return edit(context, from, count, |list| {
            let taken = in_order(take(list, from_end, count));
            Ok(push_all(list, to_end, &taken)?)
        });
    }
    let taken = in_order(edit(context, from, count, |list| Ok(take(list, from_end, count)))?);
    let taken: Vec<&[u8]> = taken.iter().map(Vec::as_slice).collect();
    push(context, to, to_end, &taken)
}

fn to_end(arg: &[u8]) -> Result<End, Refusal> {
    if is(arg, "LEFT") {
        Ok(End::Front)
    } else if is(arg, "RIGHT") {
        Ok(End::Back)
    } else {
        Err(Refusal::Syntax)
    }
}
