//! Commands of lists, as masters send them: those that block, or take of the first of several keys,
//! arrive rewritten or verbatim.

use crate::collections::record::Refused;
use crate::keyspace::entry::Entry;
use crate::values::Type;
use crate::values::list::{self, End, List};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, int, is, rest, to_size};
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
fn push<E: AsRef<[u8]>>(
    context: &mut Context<'_, '_>,
    key: &[u8],
    end: End,
    elements: &[E],
) -> Result<(), Refusal> {
    Ok(context.change(key, Type::List, list::new, |list| push_all(list, end, elements))??)
}

fn push_all<E: AsRef<[u8]>>(list: &mut Entry, end: End, elements: &[E]) -> Result<(), Refused> {
    elements.iter().try_for_each(|element| list::push(list, end, element.as_ref()))
}

fn pushx(context: &mut Context<'_, '_>, args: &Args<'_>, end: End) -> Result<(), Refusal> {
    let elements = rest(args, 1)?;
    edit(context, arg(args, 0)?, |list| Ok(push_all(list, end, elements)?))
}

/// Changes a list that must exist.
fn edit<R>(
    context: &mut Context<'_, '_>,
    key: &[u8],
    edit: impl FnOnce(&mut Entry) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    context.edit(key, Type::List, edit)?.ok_or(Refusal::Missing)?
}

fn len(list: &Entry) -> usize {
    List::of(list.value()).map_or(0, List::len)
}

/// Removes up to `count` elements from an end. The first one taken comes first.
fn take(list: &mut Entry, end: End, count: usize) -> Vec<Vec<u8>> {
    let len = len(list);
    let range = match end {
        End::Front => 0..count.min(len),
        End::Back => len.saturating_sub(count)..len,
    };
    let mut taken = List::of(list.value()).map_or(Vec::new(), |list| list.to_vec(range.clone()));
    list::remove(list, range);
    if end == End::Back {
        taken.reverse();
    }
    taken
}

fn pop(context: &mut Context<'_, '_>, key: &[u8], end: End, count: usize) -> Result<(), Refusal> {
    edit(context, key, |list| {
        let len = len(list);
        list::remove(
            list,
            match end {
                End::Front => 0..count.min(len),
                End::Back => len.saturating_sub(count)..len,
            },
        );
        Ok(())
    })
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
    edit(context, arg(args, 0)?, |list| {
        let found = List::of(list.value())
            .and_then(|list| list.find(pivot, End::Front, 1, usize::MAX).first().copied());
        Ok(list::insert(list, found.ok_or(Refusal::Value)? + behind, element)?)
    })
}

fn lset(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (index, element) = (int(args, 1)?, arg(args, 2)?);
    edit(context, arg(args, 0)?, |list| {
        let index = List::of(list.value()).and_then(|list| list.index(index));
        Ok(list::set(list, index.ok_or(Refusal::Range)?, element)?)
    })
}

/// Removes the first `count` equal elements, the last ones with a negative count, all with 0.
fn lrem(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (count, element) = (int(args, 1)?, arg(args, 2)?);
    let most = match count.unsigned_abs() {
        0 => usize::MAX,
        count => usize::try_from(count).unwrap_or(usize::MAX),
    };
    edit(context, arg(args, 0)?, |list| {
        let from = if count < 0 { End::Back } else { End::Front };
        let mut found = List::of(list.value())
            .map_or(Vec::new(), |list| list.find(element, from, most, usize::MAX));
        // From the last to the first: what is removed moves no index before it.
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.into_iter().for_each(|index| list::remove(list, index..index + 1));
        Ok(())
    })
}

fn ltrim(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (start, stop) = (int(args, 1)?, int(args, 2)?);
    edit(context, arg(args, 0)?, |list| {
        let kept = List::of(list.value()).map_or(0..0, |list| list.range(start, stop));
        let len = len(list);
        list::remove(list, kept.end..len);
        list::remove(list, 0..kept.start);
        Ok(())
    })
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
        return edit(context, from, |list| {
            let taken = in_order(take(list, from_end, count));
            Ok(push_all(list, to_end, &taken)?)
        });
    }
    let taken = edit(context, from, |list| Ok(take(list, from_end, count)))?;
    push(context, to, to_end, &in_order(taken))
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
