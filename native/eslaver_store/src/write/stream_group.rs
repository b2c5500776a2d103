//! Commands of the consumer groups of streams: `XGROUP`, `XACK`, `XACKDEL`, and `XREADGROUP`. Those
//! by which entries change hands are in `stream_claim`.
//!
//! Masters replicate what was read by `XREADGROUP` and claimed by `XAUTOCLAIM` as `XCLAIM`, one for
//! each entry.

use eslaver_core::rdb::StreamId;

use crate::keyspace::version::Version;
use crate::values::Type;
use crate::values::stream::group::Group;
use crate::values::stream::{Stream, id};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, is, rest, to_int};
use crate::write::context::Context;
use crate::write::refusal::Refusal;
use crate::write::stream::{change, update};
use crate::write::stream_args::{self, next, to_id, to_unsigned};

pub(crate) const COMMANDS: &[(&str, Apply)] =
    &[("xack", xack), ("xackdel", xackdel), ("xgroup", xgroup), ("xreadgroup", xreadgroup)];

fn xgroup(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (subcommand, key, name) = (arg(args, 0)?, arg(args, 1)?, arg(args, 2)?);
    let redis = context.redis();
    if is(subcommand, "CREATE") {
        let (last, options) = (arg(args, 3)?, rest(args, 4)?);
        change(context, key, |stream| {
            let last_id = last_id(last, stream)?;
            let read = entries_read(options, stream, redis)?;
            let is_new = stream.groups.insert(Group::new(name, last_id, read));
            if is_new { Ok(()) } else { Err(Refusal::Value) }
        })
    } else if is(subcommand, "SETID") {
        let (last, options) = (arg(args, 3)?, rest(args, 4)?);
        update(context, key, |stream| {
            let last_id = last_id(last, stream)?;
            let read = entries_read(options, stream, redis)?;
            with_group(stream, name, |group| {
                group.last_id = last_id;
                group.entries_read = read;
            })
        })
    } else if is(subcommand, "DESTROY") {
        let group = update(context, key, |stream| Ok(stream.groups.remove(name)))?;
        group.into_iter().for_each(|group| context.discard_part(Type::Stream, group));
        Ok(())
    } else if is(subcommand, "CREATECONSUMER") {
        let (consumer, now) = (arg(args, 3)?, context.now());
        update(context, key, |stream| {
            with_group(stream, name, |group| {
                group.consumer(consumer, now);
            })
        })
    } else if is(subcommand, "DELCONSUMER") {
        let consumer = arg(args, 3)?;
        update(context, key, |stream| {
            stream.groups.change(name, |group| group.remove_consumer(consumer));
            Ok(())
        })
    } else {
        Err(Refusal::Syntax)
    }
}

/// Changes a group that must be there.
pub(crate) fn with_group<R>(
    stream: &mut Stream,
    name: &[u8],
    change: impl FnOnce(&mut Group) -> R,
) -> Result<R, Refusal> {
    stream.groups.change(name, change).ok_or(Refusal::Missing)
}

fn last_id(arg: &[u8], stream: &Stream) -> Result<StreamId, Refusal> {
    if arg == b"$" { Ok(stream.last_id) } else { to_id(arg) }
}

/// Since Redis 8.4 no more than there have been.
fn entries_read(
    options: &Args<'_>,
    stream: &Stream,
    redis: Version,
) -> Result<Option<u64>, Refusal> {
    let mut left = options.iter();
    while let Some(name) = left.next() {
        if is(name, "ENTRIESREAD") {
            let read = to_int(next(&mut left)?)?;
            if read == -1 {
                continue;
            }
            let read = u64::try_from(read).map_err(|_| Refusal::Range)?;
            let is_bounded = redis >= Version::new(8, 4);
            return Ok(Some(if is_bounded { read.min(stream.entries_added) } else { read }));
        } else if !is(name, "MKSTREAM") {
            return Err(Refusal::Syntax);
        }
    }
    Ok(None)
}

fn xack(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (name, ids) = (arg(args, 1)?, stream_args::ids(rest(args, 2)?)?);
    update(context, arg(args, 0)?, |stream| {
        stream.groups.change(name, |group| {
            ids.iter().for_each(|id| {
                group.release(*id);
            });
        });
        Ok(())
    })
}

fn xackdel(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (name, (policy, mut ids)) = (arg(args, 1)?, stream_args::policy_and_ids(rest(args, 2)?)?);
    update(context, arg(args, 0)?, |stream| {
        // Only what was pending is removed.
        let is_known = stream.groups.change(name, |group| ids.retain(|id| group.release(*id)));
        if is_known.is_some() {
            stream.delete(&ids, policy);
        }
        Ok(())
    })
}

/// The options of `XREADGROUP`.
#[derive(Debug, Default)]
struct Read<'a> {
    group: &'a [u8],
    consumer: &'a [u8],
    /// The most entries; all where it is missing.
    count: Option<u64>,
    /// Whether nothing is to be acknowledged.
    is_acknowledged: bool,
}

fn xreadgroup(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let mut options = Read::default();
    let mut left = args.iter();
    loop {
        let name = next(&mut left)?;
        if is(name, "GROUP") {
            options.group = next(&mut left)?;
            options.consumer = next(&mut left)?;
        } else if is(name, "COUNT") {
            options.count = Some(to_unsigned(next(&mut left)?)?);
        } else if is(name, "BLOCK") {
            next(&mut left)?;
        } else if is(name, "NOACK") {
            options.is_acknowledged = true;
        } else if is(name, "STREAMS") {
            break;
        } else {
            return Err(Refusal::Syntax);
        }
    }
    let streams = left.as_slice();
    if streams.is_empty() || !streams.len().is_multiple_of(2) {
        return Err(Refusal::Syntax);
    }
    let (keys, starts) = streams.split_at(streams.len() / 2);
    let now = context.now();
    keys.iter().zip(starts).try_for_each(|(key, start)| {
        update(context, key, |stream| read(stream, &options, start, now))
    })
}

/// What has been delivered before is not delivered anew.
fn read(stream: &mut Stream, options: &Read<'_>, start: &[u8], now: i64) -> Result<(), Refusal> {
    let mut ids = Vec::new();
    if start == b">" {
        let last_id = stream.groups.get(options.group).ok_or(Refusal::Missing)?.last_id;
        if let Some(from) = id::next(last_id) {
            let mut ranks = stream.entries().ranks(from, id::LAST);
            if let Some(count) = options.count {
                ranks.end = ranks.end.min(ranks.start.saturating_add(count));
            }
            ids.extend(stream.entries().iter(ranks).map(|entry| entry.id()));
        }
    }
    // What the group has read depends on the entries, which do not change meanwhile.
    let mut group = stream.groups.get(options.group).ok_or(Refusal::Missing)?.clone();
    let consumer = group.consumer(options.consumer, now);
    for &id in &ids {
        group.entries_read = stream.entries_read_with(&group, id);
        group.last_id = id;
        if !options.is_acknowledged {
            group.claim(id, consumer, now, 1);
        }
    }
    group.see(consumer, now, !ids.is_empty());
    with_group(stream, options.group, |old| *old = group)
}
