//! Reads of arrays.

use std::ops::ControlFlow;

use crate::keyspace::error::ReadError;
use crate::keyspace::version::Version;
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::array::Array;
use crate::values::{Type, ValueRef};

mod aggregate;
mod grep;
#[cfg(test)]
mod tests;

pub(crate) const QUERIES: &[(&str, Answer)] = &[
    ("arcount", |reader, args, reply| number(reader, args, reply, |array| array.count())),
    ("arget", arget),
    ("argetrange", argetrange),
    ("argrep", grep::argrep),
    ("arinfo", arinfo),
    ("arlastitems", arlastitems),
    ("arlen", |reader, args, reply| number(reader, args, reply, |array| array.len())),
    ("armget", armget),
    ("arnext", arnext),
    ("arop", aggregate::arop),
    ("arscan", arscan),
];

/// The most positions that a server answers for.
const MOST: u64 = 1_000_000;
/// The Redis whose `ARLASTITEMS` goes back from the last element as far as it is asked to.
const WHOLE_TAIL: Version = Version::new(8, 12);
/// Steps of some 10 ns that an element takes.
const STEPS: usize = 5;

fn number(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
    of: fn(Array<'_>) -> u64,
) -> Result<(), ReadError> {
    reader.point(args.bytes(0)?, Type::Array, |value| {
        reply.unsigned(value.and_then(Array::of).map_or(0, of));
        Ok(())
    })
}

fn arget(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let index = args.unsigned(1)?;
    reader.point(args.bytes(0)?, Type::Array, |value| {
        give(value.and_then(Array::of), index, reply);
        Ok(())
    })
}

fn give(array: Option<Array<'_>>, index: u64, reply: &mut dyn Reply) {
    match array.and_then(|array| array.get(index)) {
        Some(element) => element.with_bytes(|bytes| reply.bytes(bytes)),
        None => reply.missing(),
    }
}

fn armget(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let indexes = args.list(1)?;
    reader.check_steps(indexes.len().saturating_mul(2 * STEPS))?;
    reader.walk(args.bytes(0)?, Type::Array, |value| {
        let array = value.and_then(Array::of);
        reply.begin();
        for at in 0..indexes.len() {
            give(array, indexes.unsigned(at)?, reply);
        }
        reply.end_list();
        Ok(())
    })
}

fn argetrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (from, to) = (args.unsigned(1)?, args.unsigned(2)?);
    let is_small = from.abs_diff(to) < MOST;
    if is_small {
        check_elements(reader, from.abs_diff(to))?;
    }
    reader.walk(args.bytes(0)?, Type::Array, |value| {
        if !is_small {
            give_error("range_too_large", reply);
            return Ok(());
        }
        reply.begin();
        give_positions(value.and_then(Array::of), from, to, reply);
        reply.end_list();
        Ok(())
    })
}

/// Every position from one index to the other, either way.
fn give_positions(array: Option<Array<'_>>, from: u64, to: u64, reply: &mut dyn Reply) {
    let mut given = 0;
    let mut gap_up_to = |position: u64, reply: &mut dyn Reply| {
        (given..position).for_each(|_| reply.missing());
        given = position + 1;
    };
    if let Some(array) = array {
        let _: ControlFlow<()> = array.try_for_each(from, to, |index, element| {
            gap_up_to(index.abs_diff(from), reply);
            element.with_bytes(|bytes| reply.bytes(bytes));
            ControlFlow::Continue(())
        });
    }
    gap_up_to(from.abs_diff(to).saturating_add(1), reply);
}

fn arnext(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.point(args.bytes(0)?, Type::Array, |value| {
        match value.and_then(Array::of).map_or(Some(0), Array::next_index) {
            Some(next) => reply.unsigned(next),
            None => reply.missing(),
        }
        Ok(())
    })
}

/// As on servers, the next index is 0 where no index is left.
fn arinfo(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.point(args.bytes(0)?, Type::Array, |value| {
        let Some(array) = value.and_then(Array::of) else {
            reply.missing();
            return Ok(());
        };
        reply.begin();
        for (name, number) in [
            ("count", array.count()),
            ("length", array.len()),
            ("next_insert_index", array.next_index().unwrap_or(0)),
        ] {
            reply.atom(name);
            reply.unsigned(number);
        }
        reply.end_map();
        Ok(())
    })
}

/// The arguments are key, from, to, and a limit or `infinity`.
fn arscan(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (from, to, limit) = (args.unsigned(1)?, args.unsigned(2)?, limit(args, 3)?);
    reader.walk(args.bytes(0)?, Type::Array, |value| {
        give_elements(reader, value.and_then(Array::of), (from, to), limit, reply)
    })
}

/// The elements from one index to the other with their indexes, up to a number of them.
fn give_elements(
    reader: &Reader<'_>,
    array: Option<Array<'_>>,
    (from, to): (u64, u64),
    limit: u64,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    check_elements(reader, array.map_or(0, |array| array.count_between(from, to)).min(limit))?;
    let mut left = limit;
    reply.begin();
    if let Some(array) = array {
        let _: ControlFlow<()> = array.try_for_each(from, to, |index, element| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            left -= 1;
            reply.begin();
            reply.unsigned(index);
            element.with_bytes(|bytes| reply.bytes(bytes));
            reply.end_tuple();
            ControlFlow::Continue(())
        });
    }
    reply.end_list();
    Ok(())
}

/// All elements with their indexes, as of `ARSCAN`.
pub(crate) fn give_whole(
    reader: &Reader<'_>,
    value: ValueRef<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    give_elements(reader, Array::of(value), (0, u64::MAX), u64::MAX, reply)
}

/// The arguments are key, count, and whether the newest comes first. Up to Redis 8.10 the positions
/// begin where the cursor is, also behind all elements, and are no more than there are elements.
fn arlastitems(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let (wanted, newest_first) = (args.int(1)?, args.atom(2)? == "true");
    reader.walk(args.bytes(0)?, Type::Array, |value| {
        let Some(array) = value.and_then(Array::of) else {
            reply.begin();
            reply.end_list();
            return Ok(());
        };
        let (len, elements) = (array.len(), array.count());
        let last = len.saturating_sub(1);
        let cursor = array.cursor().unwrap_or(last);
        let (newest, most) = match reader.server().redis >= WHOLE_TAIL {
            true => (cursor.min(last), len),
            false => (cursor, elements),
        };
        let count = u64::try_from(wanted).map_or(0, |wanted| wanted.min(most));
        if count > MOST && count > elements {
            give_error("range_too_large", reply);
            return Ok(());
        }
        check_elements(reader, count)?;
        // Those down to 0, then those from the end down.
        let behind = count.min(newest.saturating_add(1));
        let parts = [(newest, behind), (last, count - behind)]
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(newest, count)| (newest, newest.saturating_sub(count - 1)));
        reply.begin();
        match newest_first {
            true => parts.for_each(|(newest, oldest)| {
                give_positions(Some(array), newest, oldest, reply);
            }),
            false => parts.rev().for_each(|(newest, oldest)| {
                give_positions(Some(array), oldest, newest, reply);
            }),
        }
        reply.end_list();
        Ok(())
    })
}

fn limit(args: Args<'_>, index: usize) -> Result<u64, ReadError> {
    match args.at(index)? {
        Arg::Atom("infinity") => Ok(u64::MAX),
        _ => args.unsigned(index),
    }
}

fn check_elements(reader: &Reader<'_>, count: u64) -> Result<(), ReadError> {
    reader.check_steps(usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(STEPS))
}

fn give_error(why: &'static str, reply: &mut dyn Reply) {
    reply.begin();
    reply.atom("error");
    reply.atom(why);
    reply.end_tuple();
}
