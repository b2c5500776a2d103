//! Reads of path hashes.

use crate::collections::record::{Fields, Record};
use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::bag::Bag;
use crate::values::path_hash::PathHash;
use crate::values::{Type, ValueRef};

#[cfg(test)]
mod tests;

pub(crate) const QUERIES: &[(&str, Answer)] = &[
    ("phcard", phcard),
    ("phexists", phexists),
    ("phget", phget),
    ("phgetall", phgetall),
    ("phlongest", phlongest),
    ("phmget", phmget),
    ("phprefixes", phprefixes),
    ("phscan", phscan),
];

/// Steps of some 10 ns that a field or a path takes.
const STEPS: usize = 10;

fn point(
    reader: &Reader<'_>,
    args: Args<'_>,
    give: impl FnOnce(Option<PathHash<'_>>),
) -> Result<(), ReadError> {
    reader.point(args.bytes(0)?, Type::PathHash, |value| {
        give(value.and_then(PathHash::of));
        Ok(())
    })
}

fn phcard(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    point(reader, args, |hash| reply.unsigned(hash.map_or(0, PathHash::len)))
}

fn phexists(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let path = args.bytes(1)?;
    point(reader, args, |hash| {
        let fields = hash.and_then(|hash| hash.fields(path)).map_or(0, Bag::len);
        reply.atom(if fields > 0 { "true" } else { "false" });
    })
}

fn phget(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (path, field) = (args.bytes(1)?, args.bytes(2)?);
    point(reader, args, |hash| {
        give(hash.and_then(|hash| hash.fields(path)).and_then(|fields| fields.get(field)), reply);
    })
}

fn give(record: Option<Record<'_, Fields>>, reply: &mut dyn Reply) {
    match record {
        Some(record) => record.tail.with_bytes(|bytes| reply.bytes(bytes)),
        None => reply.missing(),
    }
}

fn phmget(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (path, names) = (args.bytes(1)?, args.strings(2)?);
    reader.check_steps(names.len().saturating_mul(STEPS))?;
    reader.walk(args.bytes(0)?, Type::PathHash, |value| {
        let fields = value.and_then(PathHash::of).and_then(|hash| hash.fields(path));
        reply.begin();
        for name in names {
            give(fields.and_then(|fields| fields.get(name)), reply);
        }
        reply.end_list();
        Ok(())
    })
}

fn phgetall(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let path = args.bytes(1)?;
    reader.walk(args.bytes(0)?, Type::PathHash, |value| {
        let fields = value.and_then(PathHash::of).and_then(|hash| hash.fields(path));
        reader.check_steps(fields.map_or(0, Bag::len).saturating_mul(STEPS))?;
        give_fields(fields, reply);
        Ok(())
    })
}

fn give_fields(fields: Option<Bag<'_, Fields>>, reply: &mut dyn Reply) {
    reply.begin();
    if let Some(fields) = fields {
        fields.for_each(|record| {
            record.element.with_bytes(|bytes| reply.bytes(bytes));
            give(Some(record), reply);
        });
    }
    reply.end_map();
}

/// All paths, each with its fields as of `PHGETALL`.
pub(crate) fn give_whole(
    reader: &Reader<'_>,
    value: ValueRef<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let hash = PathHash::of(value);
    let mut steps = 0usize;
    reply.begin();
    for (path, fields) in hash.into_iter().flat_map(PathHash::iter) {
        steps = steps.saturating_add((fields.len() + 1).saturating_mul(STEPS));
        reader.check_steps(steps)?;
        reply.begin();
        reply.bytes(path);
        give_fields(Some(fields), reply);
        reply.end_tuple();
    }
    reply.end_list();
    Ok(())
}

fn phlongest(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let text = args.bytes(1)?;
    reader.walk(args.bytes(0)?, Type::PathHash, |value| {
        match value.and_then(PathHash::of).and_then(|hash| hash.prefixes(text).next()) {
            Some(path) => reply.bytes(path),
            None => reply.missing(),
        }
        Ok(())
    })
}

/// The arguments are key, text, the greatest length or `infinity`, and a count or `infinity`.
fn phprefixes(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (text, longest, count) = (args.bytes(1)?, size(args, 2)?, size(args, 3)?);
    let text = text.get(..longest).unwrap_or(text);
    reader.walk(args.bytes(0)?, Type::PathHash, |value| {
        let hash = value.and_then(PathHash::of);
        let most = hash.map_or(0, |hash| usize::try_from(hash.len()).unwrap_or(usize::MAX));
        reader.check_steps(most.min(text.len() + 1).min(count).saturating_mul(2 * STEPS))?;
        let mut found = Vec::new();
        if let Some(hash) = hash {
            found.extend(hash.prefixes(text).take(count));
        }
        reply.begin();
        found.into_iter().rev().for_each(|path| reply.bytes(path));
        reply.end_list();
        Ok(())
    })
}

/// `{Next, Paths}`. The arguments are key, cursor (0, or the path given last), prefix, and count.
fn phscan(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let behind = match args.at(1)? {
        Arg::Bytes(path) => Some(*path),
        _ => None,
    };
    let (prefix, count) = (args.bytes(2)?, size(args, 3)?);
    reader.walk(args.bytes(0)?, Type::PathHash, |value| {
        let mut found = Vec::new();
        let mut has_more = false;
        if let Some(hash) = value.and_then(PathHash::of) {
            let most = usize::try_from(hash.len()).unwrap_or(usize::MAX);
            reader.check_steps(most.min(count).saturating_mul(STEPS))?;
            let mut paths = hash.scan(behind, prefix);
            found.extend(paths.by_ref().take(count));
            has_more = paths.next().is_some();
        }
        reply.begin();
        match found.last() {
            Some(last) if has_more => reply.bytes(last),
            _ => reply.int(0),
        }
        reply.begin();
        found.iter().for_each(|path| reply.bytes(path));
        reply.end_list();
        reply.end_tuple();
        Ok(())
    })
}

fn size(args: Args<'_>, index: usize) -> Result<usize, ReadError> {
    match args.at(index)? {
        Arg::Atom("infinity") => Ok(usize::MAX),
        _ => usize::try_from(args.unsigned(index)?).map_err(|_| ReadError::BadQuery),
    }
}
