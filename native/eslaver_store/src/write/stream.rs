//! Commands of streams and their entries. Those of consumer groups are in `stream_group`.

use crate::collections::element::Element;
use crate::values::Type;
use crate::values::stream::{Gone, Limit, Stream, packed};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, is, pairs, rest};
use crate::write::context::Context;
use crate::write::refusal::Refusal;
use crate::write::stream_args::{self, Trim, to_id, to_unsigned};

pub(crate) const COMMANDS: &[(&str, Apply)] = &[
    ("xadd", xadd),
    ("xcfgset", xcfgset),
    ("xdel", xdel),
    ("xdelex", xdelex),
    ("xidmprecord", xidmprecord),
    ("xsetid", xsetid),
    ("xtrim", xtrim),
];

/// Changes a stream that must be there.
pub(crate) fn update<R>(
    context: &mut Context<'_, '_>,
    key: &[u8],
    change: impl FnOnce(&mut Stream) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    context
        .edit(key, Type::Stream, |entry| packed::change(entry, change))?
        .unwrap_or(Err(Refusal::Missing))
}

/// Changes a stream, which is made if it is missing.
pub(crate) fn change(
    context: &mut Context<'_, '_>,
    key: &[u8],
    change: impl FnOnce(&mut Stream) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    context.change(key, Type::Stream, packed::new, |entry| packed::change(entry, change))?
}

fn xadd(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let key = arg(args, 0)?;
    let (options, behind) = stream_args::trim(rest(args, 1)?)?;
    let (id, fields) = (arg(behind, 0)?, rest(behind, 1)?);
    if id == b"*" && options.producer.is_some() {
        // What was not new has no id of its own.
        return update(context, key, |stream| {
            stream.producers.count_duplicate();
            Ok(())
        });
    }
    let id = to_id(id)?;
    let (fields, []) = fields.as_chunks::<2>() else { return Err(Refusal::Syntax) };
    let fields = fields.iter().map(|&[name, value]| (Element::Bytes(name), Element::Bytes(value)));
    let is_plain = options.producer.is_none() && options.limit.is_none();
    let gone = context.change(key, Type::Stream, packed::new, |entry| {
        if is_plain && packed::append(entry, id, fields.clone()) {
            return Ok(None);
        }
        packed::change(entry, |stream| {
            stream.add(id, fields).ok_or(Refusal::Value)??;
            if let Some((producer, iid)) = options.producer {
                stream.producers.record(producer, iid, id);
            }
            trim(stream, options)
        })
    })??;
    discard(context, gone);
    Ok(())
}

fn discard(context: &mut Context<'_, '_>, gone: Option<Gone>) {
    gone.into_iter().for_each(|gone| context.discard_part(Type::Stream, gone));
}

fn xtrim(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (options, behind) = stream_args::trim(rest(args, 1)?)?;
    if !behind.is_empty() {
        return Err(Refusal::Syntax);
    }
    let gone = update(context, arg(args, 0)?, |stream| trim(stream, options))?;
    discard(context, gone);
    Ok(())
}

fn trim(stream: &mut Stream, options: Trim<'_>) -> Result<Option<Gone>, Refusal> {
    match options.limit {
        None => Ok(None),
        Some(limit) if options.is_exact => Ok(stream.trim(limit, options.policy)),
        Some(Limit::MaxLen(most)) if stream.len() <= most => Ok(None),
        // How much of what may go is removed by a limit with `~` only the master knows; it says `=`.
        Some(_) => Err(Refusal::Value),
    }
}

fn xdel(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let ids = stream_args::ids(rest(args, 1)?)?;
    update(context, arg(args, 0)?, |stream| {
        stream.delete(&ids, Default::default());
        Ok(())
    })
}

fn xdelex(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (policy, ids) = stream_args::policy_and_ids(rest(args, 1)?)?;
    update(context, arg(args, 0)?, |stream| {
        stream.delete(&ids, policy);
        Ok(())
    })
}

fn xsetid(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let last_id = to_id(arg(args, 1)?)?;
    let (mut added, mut deleted) = (None, None);
    for (name, value) in pairs(rest(args, 2)?)? {
        if is(name, "ENTRIESADDED") {
            added = Some(to_unsigned(value)?);
        } else if is(name, "MAXDELETEDID") {
            deleted = Some(to_id(value)?).filter(|id| *id != Default::default());
        } else {
            return Err(Refusal::Syntax);
        }
    }
    update(context, arg(args, 0)?, |stream| {
        stream.last_id = last_id;
        stream.entries_added = added.unwrap_or(stream.entries_added);
        stream.max_deleted_id = deleted.unwrap_or(stream.max_deleted_id);
        Ok(())
    })
}

fn xcfgset(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (mut seconds, mut max_size) = (None, None);
    for (name, value) in pairs(rest(args, 1)?)? {
        if is(name, "IDMP-DURATION") {
            seconds = Some(to_unsigned(value)?);
        } else if is(name, "IDMP-MAXSIZE") {
            max_size = Some(to_unsigned(value)?);
        } else {
            return Err(Refusal::Syntax);
        }
    }
    update(context, arg(args, 0)?, |stream| {
        stream.producers.configure(seconds, max_size);
        Ok(())
    })
}

fn xidmprecord(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (producer, iid, id) = (arg(args, 1)?, arg(args, 2)?, to_id(arg(args, 3)?)?);
    update(context, arg(args, 0)?, |stream| {
        stream.producers.record(producer, Some(iid), id);
        Ok(())
    })
}

#[cfg(test)]
mod tests;
