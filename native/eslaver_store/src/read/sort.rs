//! `SORT` without `STORE`. All that it reads is of one moment.

use std::cell::RefCell;

use crate::collections::record::Fields;
use crate::keyspace::entry::Entry;
use crate::keyspace::store::ReadError;
use crate::keyspace::witness::Witness;
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::Type;
use crate::values::bag::Bag;
use crate::values::number::Dialect;
use crate::values::sort::{self, Failure, Options, Pattern, Source};
use crate::values::string::Str;

#[cfg(test)]
mod tests;

pub(crate) const QUERIES: &[(&str, Answer)] = &[("sort_ro", sort_ro)];

/// How often it is tried anew, where keys change meanwhile, before the reader is told to do so.
const TRIES: usize = 8;
/// Steps of some 10 ns that an element takes, and a value that is looked up for it.
const STEPS: usize = 30;
const LOOKUP_STEPS: usize = 30;

/// The arguments are key, what to sort by (a pattern, `nosort`, or `self`), a list of patterns to
/// get, `{Start, Count}`, `asc` or `desc`, and whether elements are texts.
fn sort_ro(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let key = args.bytes(0)?;
    let options = options(reader, args)?;
    for _ in 0..TRIES {
        let witness = RefCell::<Witness>::default();
        let sorted = sorted(&reader.noting(&witness), key, &options);
        let failed = match sorted {
            Err(Failure::Lookup(error)) => return Err(error),
            _ if !reader.store().is_as_seen(&witness.borrow()) => continue,
            Ok(elements) => {
                reply.begin();
                elements.iter().for_each(|element| match element {
                    Some(element) => reply.bytes(element),
                    None => reply.atom("undefined"),
                });
                reply.end_list();
                return Ok(());
            }
            Err(Failure::NotANumber) => "not_a_number",
            // Only where the result is to be certain.
            Err(Failure::OrderIsOpen) => return Err(ReadError::BadQuery),
        };
        reply.begin();
        reply.atom("error");
        reply.atom(failed);
        reply.end_tuple();
        return Ok(());
    }
    Err(ReadError::Busy)
}

fn options<'q>(reader: &Reader<'_>, args: Args<'q>) -> Result<Options<'q>, ReadError> {
    let by = match args.at(1)? {
        Arg::Atom("self") => Pattern::Element,
        Arg::Atom("nosort") => Pattern::Nothing,
        _ => Pattern::by(args.bytes(1)?),
    };
    let limit = args.list(3)?;
    Ok(Options {
        by,
        get: args.strings(2)?.into_iter().map(Pattern::of).collect(),
        limit: (limit.int(0)?, limit.int(1)?),
        descending: args.atom(4)? == "desc",
        alpha: args.atom(5)? == "true",
        certain: false,
        numbers: Dialect::of(reader.store().server()),
    })
}

fn sorted(
    reader: &Reader<'_>,
    key: &[u8],
    options: &Options<'_>,
) -> Result<Vec<Option<Vec<u8>>>, Failure<ReadError>> {
    let value = reader.entry(key, |entry| match entry {
        None => Ok(None),
        Some(entry) => {
            check(entry)?;
            match entry.kind() {
                Type::List | Type::Set | Type::Zset => Ok(Some(reader.keep(entry.value()))),
                _ => Err(ReadError::WrongType),
            }
        }
    });
    let value = value.and_then(|value| value).map_err(Failure::Lookup)?;
    let source = Source::of(value.as_ref().map(|value| value.as_ref()), reader.now());
    let source = source.ok_or(Failure::Lookup(ReadError::WrongType))?;
    let is_key = |pattern: &Pattern<'_>| matches!(pattern, Pattern::Key { .. });
    let lookups =
        usize::from(is_key(&options.by)) + options.get.iter().filter(|g| is_key(g)).count();
    let steps = source.len().saturating_mul(STEPS + LOOKUP_STEPS.saturating_mul(lookups));
    reader.check_steps(steps).map_err(Failure::Lookup)?;
    let mut lookup = |key: &[u8], field: Option<&[u8]>| {
        reader.entry(key, |entry| match entry {
            None => Ok(None),
            Some(entry) => found(reader, entry, field),
        })?
    };
    sort::run(source, options, &mut lookup)
}

fn check(entry: &Entry) -> Result<(), ReadError> {
    match entry.kind() {
        Type::Unknown | Type::Unsure => Err(ReadError::Unknown),
        _ => Ok(()),
    }
}

/// What a key has for a pattern. Values of other types count as missing.
fn found(
    reader: &Reader<'_>,
    entry: &Entry,
    field: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, ReadError> {
    check(entry)?;
    Ok(match (entry.kind(), field) {
        (Type::String, None) => Some(Str::of(Some(entry.value())).to_bytes().into_owned()),
        (Type::Hash, Some(field)) => Bag::<Fields>::of(entry.value())
            .and_then(|hash| hash.live(field, reader.now()))
            .map(|record| record.tail.to_bytes().into_owned()),
        _ => None,
    })
}
