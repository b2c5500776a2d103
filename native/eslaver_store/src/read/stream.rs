//! Reads of the entries of streams. What `XINFO` and `XPENDING` say is in `stream_info`.

use std::borrow::Cow;
use std::ops::Range;

use eslaver_core::rdb::StreamId;

use crate::collections::element::Element;
use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::stream::entries::Entries;
use crate::values::stream::entry::Entry;
use crate::values::stream::{Stream, id, packed};
use crate::values::{Type, ValueRef};
use crate::write::arguments::to_stream_id;

pub(crate) const QUERIES: &[(&str, Answer)] =
    &[("xlen", xlen), ("xrange", xrange), ("xread", xread), ("xrevrange", xrevrange)];

/// Steps of some 10 ns that an entry takes, apart from its fields, and how many of a leaf's bytes are
/// one.
const ENTRY: usize = 20;
const BYTES_A_STEP: usize = 4;

fn xlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.point(args.bytes(0)?, Type::Stream, |value| {
        reply.unsigned(value.map_or(0, packed::len));
        Ok(())
    })
}

/// Hands a stream, or `None` where the key is missing, to `with`.
pub(crate) fn walk(
    reader: &Reader<'_>,
    key: &[u8],
    with: impl FnOnce(Option<Cow<'_, Stream>>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    reader.walk(key, Type::Stream, |value| {
        with(value.and_then(|value: ValueRef<'_>| packed::of(value)))
    })
}

/// Which end of a range a bound is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    Lower,
    Upper,
}

/// A bound: `'-'`, `'+'`, an id or `{exclusive, Id}`. `None`: the range is empty.
pub(crate) fn bound(arg: &Arg<'_>, side: Side) -> Result<Option<StreamId>, ReadError> {
    let missing = match side {
        Side::Lower => 0,
        Side::Upper => u64::MAX,
    };
    match arg {
        Arg::Atom("-") => Ok(Some(id::FIRST)),
        Arg::Atom("+") => Ok(Some(id::LAST)),
        Arg::Bytes(text) => parse(text, missing).map(Some),
        Arg::Tuple(parts) => match parts.as_slice() {
            [Arg::Atom("exclusive"), Arg::Bytes(text)] => {
                let given = parse(text, missing)?;
                Ok(match side {
                    Side::Lower => id::next(given),
                    Side::Upper => id::previous(given),
                })
            }
            _ => Err(ReadError::BadQuery),
        },
        _ => Err(ReadError::BadQuery),
    }
}

fn parse(text: &[u8], missing: u64) -> Result<StreamId, ReadError> {
    to_stream_id(text, missing).map_err(|_| ReadError::BadQuery)
}

/// The most elements of an answer: an integer, less than 0 being none, or `infinity`, or nothing.
pub(crate) fn at_most(args: Args<'_>, index: usize) -> Result<u64, ReadError> {
    if index >= args.len() {
        return Ok(u64::MAX);
    }
    match args.at(index)? {
        Arg::Atom("infinity") => Ok(u64::MAX),
        Arg::Int(count) => Ok(u64::try_from(*count).unwrap_or(0)),
        _ => Err(ReadError::BadQuery),
    }
}

/// Key, start, end, and how many at most.
fn xrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (from, to) = (bound(args.at(1)?, Side::Lower)?, bound(args.at(2)?, Side::Upper)?);
    range(reader, args.bytes(0)?, (from, to), at_most(args, 3)?, false, reply)
}

/// Key, end, start, and how many at most.
fn xrevrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (from, to) = (bound(args.at(2)?, Side::Lower)?, bound(args.at(1)?, Side::Upper)?);
    range(reader, args.bytes(0)?, (from, to), at_most(args, 3)?, true, reply)
}

/// Keys, the id of each behind which it begins, and how many entries of each at most: all with 0 or
/// less. Streams without such entries are left out.
fn xread(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let keys = args.strings(0)?;
    let ids = args.strings(1)?.into_iter().map(|id| parse(id, 0).map(id::next));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let count = match at_most(args, 2)? {
        0 => u64::MAX,
        count => count,
    };
    let streams = reader.all(&keys, Type::Stream)?;
    let mut steps = 0;
    reply.begin();
    for ((key, from), value) in keys.into_iter().zip(ids).zip(&streams) {
        let stream = value.as_ref().and_then(|value| packed::of(value.as_ref()));
        let (Some(from), Some(stream)) = (from, stream) else {
            continue;
        };
        let entries = stream.entries();
        let mut ranks = entries.ranks(from, id::LAST);
        ranks.end = ranks.end.min(ranks.start.saturating_add(count));
        if ranks.is_empty() {
            continue;
        }
        add_steps(reader, &mut steps, entries, ranks.clone())?;
        reply.begin();
        reply.bytes(key);
        reply.begin();
        give(entries, ranks, false, reply);
        reply.end_list();
        reply.end_tuple();
    }
    reply.end_list();
    Ok(())
}

fn range(
    reader: &Reader<'_>,
    key: &[u8],
    bounds: (Option<StreamId>, Option<StreamId>),
    count: u64,
    is_reverse: bool,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    walk(reader, key, |stream| {
        reply.begin();
        if let (Some(stream), (Some(from), Some(to))) = (stream, bounds)
            && from <= to
        {
            let entries = stream.entries();
            let mut ranks = entries.ranks(from, to);
            if is_reverse {
                ranks.start = ranks.start.max(ranks.end.saturating_sub(count));
            } else {
                ranks.end = ranks.end.min(ranks.start.saturating_add(count));
            }
            add_steps(reader, &mut 0, entries, ranks.clone())?;
            give(entries, ranks, is_reverse, reply);
        }
        reply.end_list();
        Ok(())
    })
}

/// All entries, as of `XRANGE`.
pub(crate) fn give_whole(
    reader: &Reader<'_>,
    value: ValueRef<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let stream = packed::of(value);
    reply.begin();
    if let Some(stream) = &stream {
        let entries = stream.entries();
        let ranks = entries.ranks(id::FIRST, id::LAST);
        add_steps(reader, &mut 0, entries, ranks.clone())?;
        give(entries, ranks, false, reply);
    }
    reply.end_list();
    Ok(())
}

/// Adds what it takes to give these entries, and refuses what takes too long.
pub(crate) fn add_steps(
    reader: &Reader<'_>,
    steps: &mut usize,
    entries: &Entries,
    ranks: Range<u64>,
) -> Result<(), ReadError> {
    entries.leaves(ranks).try_for_each(|(leaf, range)| {
        *steps += range.len() * (ENTRY + leaf.mean() / BYTES_A_STEP);
        reader.check_steps(*steps)
    })
}

pub(crate) fn give(entries: &Entries, ranks: Range<u64>, is_reverse: bool, reply: &mut dyn Reply) {
    if is_reverse {
        for (leaf, range) in entries.leaves(ranks).rev() {
            let entries: Vec<Entry<'_>> = leaf.iter(range).collect();
            entries.iter().rev().for_each(|entry| give_entry(entry, reply));
        }
    } else {
        entries.iter(ranks).for_each(|entry| give_entry(&entry, reply));
    }
}

/// `{Id, [{Field, Value}]}`
pub(crate) fn give_entry(entry: &Entry<'_>, reply: &mut dyn Reply) {
    reply.begin();
    give_id(entry.id(), reply);
    reply.begin();
    for (name, value) in entry.fields() {
        reply.begin();
        give_element(name, reply);
        give_element(value, reply);
        reply.end_tuple();
    }
    reply.end_list();
    reply.end_tuple();
}

pub(crate) fn give_id(id: StreamId, reply: &mut dyn Reply) {
    id::with_text(id, |text| reply.bytes(text));
}

fn give_element(element: Element<'_>, reply: &mut dyn Reply) {
    element.with_bytes(|bytes| reply.bytes(bytes));
}
