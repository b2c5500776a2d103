//! Commands of path hashes (Valkey 9.2). Conditions (`FNX`, `FXX`) are not looked at: such a command
//! comes only when they were met.

use crate::keyspace::entry::Entry;
use crate::values::{Type, path_hash};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, is, pairs, rest, to_size};
use crate::write::context::Context;
use crate::write::refusal::Refusal;

pub(crate) const COMMANDS: &[(&str, Apply)] =
    &[("phdel", phdel), ("phdelprefix", phdelprefix), ("phmset", phset), ("phset", phset)];

fn phset(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (seed, paths) = (context.seed(), rest(args, 1)?);
    context.change(arg(args, 0)?, Type::PathHash, path_hash::new, |hash| {
        let mut left = paths;
        while let Some((path, args)) = left.split_first() {
            let (fields, others) = fields(args)?;
            path_hash::set(hash, seed, path, pairs(fields)?)?;
            left = others;
        }
        Ok(())
    })?
}

/// The fields of a path with their values, and what is behind them.
fn fields<'a, 'b>(args: &'b Args<'a>) -> Result<(&'b Args<'a>, &'b Args<'a>), Refusal> {
    let mut left = args.iter();
    for word in left.by_ref() {
        if is(word, "FIELDS") {
            let count = to_size(left.next().ok_or(Refusal::Syntax)?)?;
            let len = count.checked_mul(2).ok_or(Refusal::Range)?;
            return left.as_slice().split_at_checked(len).ok_or(Refusal::Syntax);
        }
        if !is(word, "FNX") && !is(word, "FXX") {
            break;
        }
    }
    Err(Refusal::Syntax)
}

fn phdel(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (path, fields) = (arg(args, 1)?, rest(args, 2)?);
    edit(context, arg(args, 0)?, |hash| match fields {
        [] => path_hash::remove_path(hash, path),
        fields => path_hash::remove_fields(hash, path, fields),
    })
}

fn phdelprefix(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let prefix = arg(args, 1)?;
    let removed = edit(context, arg(args, 0)?, |hash| path_hash::remove_prefix(hash, prefix))?;
    removed.into_iter().for_each(|part| context.discard_part(Type::PathHash, part));
    Ok(())
}

/// Changes a path hash that must exist.
fn edit<R>(
    context: &mut Context<'_, '_>,
    key: &[u8],
    edit: impl FnOnce(&mut Entry) -> R,
) -> Result<R, Refusal> {
    context.edit(key, Type::PathHash, edit)?.ok_or(Refusal::Missing)
}
