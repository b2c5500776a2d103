//! `SORT … STORE`, which a master sends as it was given.

use crate::collections::element::Element;
use crate::collections::record::Fields;
use crate::keyspace::entry::Entry;
use crate::keyspace::version::Version;
use crate::values::bag::Bag;
use crate::values::list::ListBuilder;
use crate::values::sort::{self, Failure, Options, Pattern, Source};
use crate::values::string::Str;
use crate::values::{NewValue, Type};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, is, rest, to_int};
use crate::write::context::Context;
use crate::write::refusal::Refusal;
use crate::write::set;

pub(crate) const COMMANDS: &[(&str, Apply)] = &[("sort", sort)];

fn sort(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (options, target) = options(rest(args, 1)?)?;
    let Some(target) = target else { return Ok(()) };
    let value = source(context, arg(args, 0)?)?;
    let source = Source::of(value.as_ref().map(NewValue::as_ref), context.now());
    let source = source.ok_or(Refusal::Value)?;
    // Masters that do not tell their version each have another idea of what is not to be sorted.
    if options.by == Pattern::Nothing && context.redis() == Version::UNKNOWN && !source.is_set() {
        return Err(Refusal::Value);
    }
    let mut lookup = |key: &[u8], field: Option<&[u8]>| {
        context.read(key, |entry| entry.map_or(Ok(None), |entry| found(entry, field)))
    };
    let list = context.aside(|| {
        let sorted = sort::run(source, &options, &mut lookup).map_err(|failure| match failure {
            Failure::NotANumber | Failure::OrderIsOpen => Refusal::Value,
            Failure::Lookup(refusal) => refusal,
        })?;
        let mut list = ListBuilder::default();
        for element in &sorted {
            list.push(Element::Bytes(element.as_deref().unwrap_or_default()))?;
        }
        Ok::<_, Refusal>(list.finish())
    })?;
    context.put(target, list, None);
    Ok(())
}

/// What is to be sorted. Of a set it must be certain which members have expired on the master.
fn source(context: &Context<'_, '_>, key: &[u8]) -> Result<Option<NewValue>, Refusal> {
    match context.read(key, |entry| entry.map(Entry::kind)) {
        None => Ok(None),
        Some(Type::Set) => set::source(context, key),
        Some(kind @ (Type::List | Type::Zset)) => context.copy(key, kind),
        Some(kind) => Err(Refusal::WrongType(kind)),
    }
}

/// What a key has for a pattern. Values of other types count as missing.
fn found(entry: &Entry, field: Option<&[u8]>) -> Result<Option<Vec<u8>>, Refusal> {
    Ok(match (entry.kind(), field) {
        (kind @ (Type::Unknown | Type::Unsure), _) => return Err(Refusal::WrongType(kind)),
        (Type::String, None) => Some(Str::of(Some(entry.value())).to_bytes().into_owned()),
        (Type::Hash, Some(field)) => Bag::<Fields>::of(entry.value())
            .and_then(|hash| hash.get(field))
            .map(|record| record.tail.to_bytes().into_owned()),
        _ => None,
    })
}

/// The options, and the key to store to.
fn options<'a>(args: &Args<'a>) -> Result<(Options<'a>, Option<&'a [u8]>), Refusal> {
    let mut options = Options { certain: true, ..Options::default() };
    let mut target = None;
    let mut args = args.iter().copied();
    while let Some(word) = args.next() {
        let mut value = || args.next().ok_or(Refusal::Syntax);
        if is(word, "ASC") {
            options.descending = false;
        } else if is(word, "DESC") {
            options.descending = true;
        } else if is(word, "ALPHA") {
            options.alpha = true;
        } else if is(word, "LIMIT") {
            options.limit = (to_int(value()?)?, to_int(value()?)?);
        } else if is(word, "BY") {
            options.by = Pattern::by(value()?);
        } else if is(word, "GET") {
            options.get.push(Pattern::of(value()?));
        } else if is(word, "STORE") {
            target = Some(value()?);
        } else {
            return Err(Refusal::Syntax);
        }
    }
    Ok((options, target))
}
