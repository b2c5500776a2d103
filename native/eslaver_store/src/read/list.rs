//! Reads of lists.

use std::ops::ControlFlow;

use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::list::{End, List};
use crate::values::{Type, ValueRef};

pub(crate) const QUERIES: &[(&str, Answer)] =
    &[("lindex", lindex), ("llen", llen), ("lpos", lpos), ("lrange", lrange)];

/// Steps of some 10 ns that an element takes.
const STEPS: usize = 5;
/// The most elements of an answer under the lock: a clone of the list costs more.
const SHORT: usize = 100;

fn llen(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.point(args.bytes(0)?, Type::List, |value| {
        reply.unsigned(value.and_then(List::of).map_or(0, List::len) as u64);
        Ok(())
    })
}

fn lindex(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let index = args.int(1)?;
    reader.point(args.bytes(0)?, Type::List, |value| {
        let list = value.and_then(List::of);
        match list.and_then(|list| list.get(list.index(index)?)) {
            Some(element) => element.with_bytes(|bytes| reply.bytes(bytes)),
            None => reply.missing(),
        }
        Ok(())
    })
}

fn lrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (key, start, stop) = (args.bytes(0)?, args.int(1)?, args.int(2)?);
    let done = reader.point(key, Type::List, |value| {
        let list = value.and_then(List::of);
        let len = list.map_or(0, |list| list.range(start, stop).len());
        if len > SHORT {
            Ok(false)
        } else {
            give_range(reader, list, (start, stop), reply).map(|()| true)
        }
    })?;
    if done {
        return Ok(());
    }
    reader.walk(key, Type::List, |value| {
        give_range(reader, value.and_then(List::of), (start, stop), reply)
    })
}

fn give_range(
    reader: &Reader<'_>,
    list: Option<List<'_>>,
    (start, stop): (i64, i64),
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let range = list.map_or(0..0, |list| list.range(start, stop));
    reader.check_steps(range.len().saturating_mul(STEPS))?;
    reply.begin();
    if let Some(list) = list {
        let _: ControlFlow<()> = list.try_for_each(range, |element| {
            element.with_bytes(|bytes| reply.bytes(bytes));
            ControlFlow::Continue(())
        });
    }
    reply.end_list();
    Ok(())
}

/// All elements, as of `LRANGE`.
pub(crate) fn give_whole(
    reader: &Reader<'_>,
    value: ValueRef<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    give_range(reader, List::of(value), (0, -1), reply)
}

/// The arguments behind the element are its rank, a count or `undefined`, and how many elements to look
/// at, 0 for all. With a count a list of indexes is answered, all of them for 0.
fn lpos(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (wanted, rank) = (args.bytes(1)?, args.int(2)?);
    let count = match args.at(3)? {
        Arg::Int(count) => Some(usize::try_from(*count).map_err(|_| ReadError::BadQuery)?),
        _ => None,
    };
    let limit = |limit: usize| if limit == 0 { usize::MAX } else { limit };
    let maxlen = limit(usize::try_from(args.int(4)?).map_err(|_| ReadError::BadQuery)?);
    let from = if rank < 0 { End::Back } else { End::Front };
    let skip = usize::try_from(rank.unsigned_abs()).unwrap_or(usize::MAX).saturating_sub(1);
    reader.walk(args.bytes(0)?, Type::List, |value| {
        let found = match value.and_then(List::of) {
            None => Vec::new(),
            Some(list) => {
                reader.check_steps(list.len().min(maxlen).saturating_mul(2))?;
                let most = skip.saturating_add(limit(count.unwrap_or(1)));
                list.find(wanted, from, most, maxlen)
            }
        };
        let mut indexes = found.into_iter().skip(skip);
        match count {
            Some(_) => {
                reply.begin();
                indexes.for_each(|index| reply.unsigned(index as u64));
                reply.end_list();
            }
            None => match indexes.next() {
                Some(index) => reply.unsigned(index as u64),
                None => reply.missing(),
            },
        }
        Ok(())
    })
}
