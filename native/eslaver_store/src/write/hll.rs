//! Commands of HyperLogLogs. They are strings, and small ones.

use crate::values::string::{self, Str};
use crate::values::{Type, hll};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, is, rest};
use crate::write::context::Context;
use crate::write::refusal::Refusal;

pub(crate) const COMMANDS: &[(&str, Apply)] =
    &[("pfadd", pfadd), ("pfcount", pfcount), ("pfdebug", pfdebug), ("pfmerge", pfmerge)];

fn pfadd(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (key, elements) = (arg(args, 0)?, rest(args, 1)?);
    let mut hll = value(context, key)?.unwrap_or_else(hll::fresh);
    hll::add(&mut hll, elements).ok_or(Refusal::Value)?;
    put(context, key, &hll);
    Ok(())
}

fn pfmerge(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let target = arg(args, 0)?;
    let mut others = Vec::new();
    for key in rest(args, 1)? {
        others.extend(value(context, key)?);
    }
    let mut merged = value(context, target)?.unwrap_or_else(hll::new);
    hll::merge(context.redis(), &mut merged, &others).ok_or(Refusal::Value)?;
    put(context, target, &merged);
    Ok(())
}

/// Of one key it comes when the server has put the count into the value.
fn pfcount(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let [key] = args else {
        return Ok(());
    };
    let mut hll = value(context, key)?.ok_or(Refusal::Missing)?;
    hll::cache(context.redis(), &mut hll).ok_or(Refusal::Value)?;
    put(context, key, &hll);
    Ok(())
}

fn pfdebug(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (operation, key) = (arg(args, 0)?, arg(args, 1)?);
    if is(operation, "TODENSE") || is(operation, "GETREG") {
        let mut hll = value(context, key)?.ok_or(Refusal::Missing)?;
        hll::make_dense(&mut hll).ok_or(Refusal::Value)?;
        put(context, key, &hll);
    }
    Ok(())
}

fn value(context: &Context<'_, '_>, key: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
    context.view(key, Type::String, |value| {
        value.map(|value| Str::of(Some(value)).to_bytes().into_owned())
    })
}

fn put(context: &mut Context<'_, '_>, key: &[u8], hll: &[u8]) {
    let expire_at = context.read(key, |entry| entry.and_then(|entry| entry.expire_at()));
    context.put(key, string::new(hll), expire_at);
}
