//! What `XINFO` and `XPENDING` say of streams.

use eslaver_core::rdb::{Family, StreamId};

use crate::keyspace::error::ReadError;
use crate::keyspace::version::{Server, Version};
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::read::stream::{Side, at_most, bound, give_entry, give_id, walk};
use crate::values::stream::Stream;
use crate::values::stream::entry::Entry;
use crate::values::stream::group::{Group, Pending};
use crate::values::stream::id;
use crate::values::stream::idempotency::State;
use crate::values::stream::named::HasName;

pub(crate) const QUERIES: &[(&str, Answer)] = &[
    ("xinfo_consumers", xinfo_consumers),
    ("xinfo_groups", xinfo_groups),
    ("xinfo_stream", xinfo_stream),
    ("xpending", xpending),
];

/// Steps of some 10 ns that a group, a consumer or a pending entry takes in an answer, and that a
/// consumer or a pending entry takes to be looked at.
const GIVEN: usize = 50;
const SEEN: usize = 3;

/// How servers count what a group has still to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lag {
    /// Entries deleted before the first one do not matter.
    FromFirst,
    /// Those deleted behind what the group has read leave it open.
    UnlessDeleted,
    /// The same, but it is right where entries were trimmed.
    Exact,
}

impl Lag {
    pub(crate) fn of(server: Server) -> Self {
        match server.family {
            Family::Redis if server.version >= Version::new(8, 0) => Self::Exact,
            Family::Valkey if server.version >= Version::new(8, 1) => Self::UnlessDeleted,
            _ => Self::FromFirst,
        }
    }

    /// How many entries a group has still to read, where that is known.
    pub(crate) fn count(self, stream: &Stream, group: &Group) -> Option<i64> {
        if stream.entries_added == 0 {
            return Some(0);
        }
        let first = stream.entries().first_id();
        let is_first_behind = |id| first.is_some_and(|first| id < first);
        if self == Self::Exact {
            if first.is_none() {
                return Some(0);
            }
            if is_first_behind(group.last_id) && is_first_behind(stream.max_deleted_id) {
                return Some(stream.len().cast_signed());
            }
        }
        let deleted_before = self == Self::FromFirst && is_first_behind(stream.max_deleted_id);
        let read = match group.entries_read {
            Some(read) if deleted_before || !stream.has_deleted_from(group.last_id) => read,
            _ if self == Self::FromFirst => stream.entries_counted_to(group.last_id)?,
            _ => stream.entries_read_to(group.last_id)?,
        };
        Some(stream.entries_added.cast_signed().wrapping_sub(read.cast_signed()))
    }
}

/// Hands a stream to `with`. That of a missing key is `undefined`.
pub(crate) fn with_stream(
    reader: &Reader<'_>,
    key: &[u8],
    reply: &mut dyn Reply,
    with: impl FnOnce(&Stream, &mut dyn Reply) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    walk(reader, key, |stream| match stream {
        Some(stream) => with(&stream, reply),
        None => {
            reply.missing();
            Ok(())
        }
    })
}

/// The same for a group of the stream.
fn with_group(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
    with: impl FnOnce(&Group, &mut dyn Reply) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let name = args.bytes(1)?;
    with_stream(reader, args.bytes(0)?, reply, |stream, reply| match stream.groups.get(name) {
        Some(group) => with(group, reply),
        None => {
            reply.missing();
            Ok(())
        }
    })
}

pub(crate) fn give_unsigned(name: &'static str, value: u64, reply: &mut dyn Reply) {
    reply.atom(name);
    reply.unsigned(value);
}

pub(crate) fn give_named_id(name: &'static str, id: StreamId, reply: &mut dyn Reply) {
    reply.atom(name);
    give_id(id, reply);
}

pub(crate) fn give_known(value: Option<i64>, reply: &mut dyn Reply) {
    match value {
        Some(value) => reply.int(value),
        None => reply.missing(),
    }
}

fn xinfo_stream(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    with_stream(reader, args.bytes(0)?, reply, |stream, reply| {
        reader.check_steps(steps_of_producers(stream))?;
        let entries = stream.entries();
        let first = entries.get(0);
        let last = stream.len().checked_sub(1).and_then(|rank| entries.get(rank));
        reply.begin();
        give_unsigned("length", stream.len(), reply);
        give_named_id("last_generated_id", stream.last_id, reply);
        give_named_id("max_deleted_entry_id", stream.max_deleted_id, reply);
        give_unsigned("entries_added", stream.entries_added, reply);
        let first_id = first.as_ref().map_or(id::FIRST, Entry::id);
        give_named_id("recorded_first_entry_id", first_id, reply);
        give_unsigned("groups", stream.groups.len() as u64, reply);
        give_edge("first_entry", first, reply);
        give_edge("last_entry", last, reply);
        give_producers(reader, stream, reply);
        reply.end_map();
        Ok(())
    })
}

fn give_edge(name: &'static str, entry: Option<Entry<'_>>, reply: &mut dyn Reply) {
    reply.atom(name);
    match entry {
        Some(entry) => give_entry(&entry, reply),
        None => reply.missing(),
    }
}

pub(crate) fn steps_of_producers(stream: &Stream) -> usize {
    stream.producers.state().map_or(0, State::producers) * SEEN
}

/// What has been kept for too long is left out, when a master may still have it.
pub(crate) fn give_producers(reader: &Reader<'_>, stream: &Stream, reply: &mut dyn Reply) {
    let none = State::default();
    let state = stream.producers.state().unwrap_or(&none);
    let (producers, ids) = state.tracked(reader.now());
    give_unsigned("idmp_duration", state.seconds, reply);
    give_unsigned("idmp_maxsize", state.max_size, reply);
    give_unsigned("pids_tracked", producers, reply);
    give_unsigned("iids_tracked", ids, reply);
    give_unsigned("iids_added", state.added, reply);
    give_unsigned("iids_duplicates", state.duplicates, reply);
}

fn xinfo_groups(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let lag = Lag::of(reader.server());
    with_stream(reader, args.bytes(0)?, reply, |stream, reply| {
        let consumers: usize = stream.groups.iter().map(|group| group.consumers().len()).sum();
        reader.check_steps(stream.groups.len() * 2 * GIVEN + consumers * SEEN)?;
        reply.begin();
        for group in stream.groups.iter() {
            reply.begin();
            reply.atom("name");
            reply.bytes(group.name());
            give_unsigned("consumers", group.consumers().len() as u64, reply);
            give_unsigned("pending", group.pending().len(), reply);
            give_unsigned("nacked", group.nacked(), reply);
            give_named_id("last_delivered_id", group.last_id, reply);
            reply.atom("entries_read");
            give_known(group.entries_read.map(u64::cast_signed), reply);
            reply.atom("lag");
            give_known(lag.count(stream, group), reply);
            reply.end_map();
        }
        reply.end_list();
        Ok(())
    })
}

fn xinfo_consumers(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let since = |at: i64| reader.now().saturating_sub(at).max(0);
    with_group(reader, args, reply, |group, reply| {
        reader.check_steps(group.consumers().len() * GIVEN)?;
        reply.begin();
        for (_, consumer) in group.consumers().iter() {
            reply.begin();
            reply.atom("name");
            reply.bytes(consumer.name());
            give_unsigned("pending", consumer.owned().len(), reply);
            reply.atom("idle");
            reply.int(since(consumer.seen_at));
            reply.atom("inactive");
            give_known(consumer.active_at.map(since), reply);
            reply.end_map();
        }
        reply.end_list();
        Ok(())
    })
}

/// Key and group; or these, start, end, how many at most, and a list of `{consumer, Name}` and
/// `{idle, Ms}`.
fn xpending(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    if args.len() == 2 {
        return with_group(reader, args, reply, |group, reply| summary(reader, group, reply));
    }
    let (from, to) = (bound(args.at(2)?, Side::Lower)?, bound(args.at(3)?, Side::Upper)?);
    let (most, filter) = (at_most(args, 4)?, Filter::read(args)?);
    let (Some(from), Some(to)) = (from, to) else {
        // Whether there is such a group does not matter then.
        return with_stream(reader, args.bytes(0)?, reply, |_, reply| {
            reply.begin();
            reply.end_list();
            Ok(())
        });
    };
    with_group(reader, args, reply, |group, reply| {
        reply.begin();
        if from <= to {
            filter.pending(reader, group, (from, to), most, reply)?;
        }
        reply.end_list();
        Ok(())
    })
}

fn summary(reader: &Reader<'_>, group: &Group, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.check_steps(group.consumers().len() * GIVEN)?;
    let pending = group.pending();
    reply.begin();
    reply.unsigned(pending.len());
    for edge in [pending.first(), pending.last()] {
        match edge {
            Some(edge) => give_id(edge.id, reply),
            None => reply.missing(),
        }
    }
    reply.begin();
    for (_, consumer) in group.consumers().iter().filter(|(_, one)| !one.owned().is_empty()) {
        reply.begin();
        reply.bytes(consumer.name());
        reply.unsigned(consumer.owned().len());
        reply.end_tuple();
    }
    reply.end_list();
    reply.end_tuple();
    Ok(())
}

/// Which pending entries are asked for.
#[derive(Debug, Default)]
struct Filter<'q> {
    consumer: Option<&'q [u8]>,
    min_idle: i64,
}

impl<'q> Filter<'q> {
    fn read(args: Args<'q>) -> Result<Self, ReadError> {
        let mut filter = Self::default();
        if args.len() > 5 {
            let options = args.list(5)?;
            for index in 0..options.len() {
                let option = options.list(index)?;
                match (option.atom(0)?, option.at(1)?) {
                    ("consumer", Arg::Bytes(name)) => filter.consumer = Some(name),
                    ("idle", Arg::Int(ms)) => filter.min_idle = *ms,
                    _ => return Err(ReadError::BadQuery),
                }
            }
        }
        Ok(filter)
    }

    fn pending(
        &self,
        reader: &Reader<'_>,
        group: &Group,
        (from, to): (StreamId, StreamId),
        most: u64,
        reply: &mut dyn Reply,
    ) -> Result<(), ReadError> {
        let pending = group.pending();
        match self.consumer {
            None => {
                let ranks = pending.rank(from)..pending.rank_behind(to);
                self.give(reader, group, pending.ranks(ranks), most, reply)
            }
            Some(name) => {
                let consumers = group.consumers();
                let number = consumers.number(name);
                let Some(consumer) = number.and_then(|number| consumers.get(number)) else {
                    return Ok(());
                };
                let owned = consumer.owned();
                let ids = owned.ranks(owned.rank(from)..owned.rank_behind(to));
                let found = ids.filter_map(|id| pending.get(*id));
                self.give(reader, group, found, most, reply)
            }
        }
    }

    /// `{Id, Consumer, Idle, Deliveries}` for each.
    fn give<'g>(
        &self,
        reader: &Reader<'_>,
        group: &Group,
        pending: impl Iterator<Item = &'g Pending>,
        most: u64,
        reply: &mut dyn Reply,
    ) -> Result<(), ReadError> {
        let (mut left, mut steps) = (most, 0);
        for entry in pending {
            if left == 0 {
                break;
            }
            let idle = reader.now().saturating_sub(entry.delivered_at());
            steps += if self.consumer.is_some() { GIVEN } else { SEEN };
            if self.min_idle <= 0 || idle >= self.min_idle {
                left -= 1;
                steps += GIVEN;
                reply.begin();
                give_id(entry.id, reply);
                // As a server shows what is pending for nobody.
                let consumer = entry.consumer().and_then(|number| group.consumers().get(number));
                reply.bytes(consumer.map_or(&[], HasName::name));
                reply.int(if consumer.is_some() { idle.max(0) } else { -1 });
                reply.unsigned(entry.deliveries);
                reply.end_tuple();
            }
            reader.check_steps(steps)?;
        }
        Ok(())
    }
}
