//! What `XINFO STREAM FULL` says of streams.

use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::query::Args;
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::read::stream::{add_steps, give, give_id};
use crate::read::stream_info::{
    Lag, give_known, give_named_id, give_producers, give_unsigned, steps_of_producers, with_stream,
};
use crate::values::stream::Stream;
use crate::values::stream::group::{Consumer, Group};
use crate::values::stream::id;
use crate::values::stream::named::HasName;

pub(crate) const QUERIES: &[(&str, Answer)] = &[("xinfo_stream_full", xinfo_stream_full)];

/// Steps of some 10 ns that a group, a consumer or a pending entry takes.
const GIVEN: usize = 50;

/// How many of each list are given, and the steps that these take.
struct Extent {
    most: u64,
    steps: usize,
}

impl Extent {
    /// How many there are of a list of this length.
    fn of(&mut self, len: u64) -> u64 {
        let given = len.min(self.most);
        let given_steps = usize::try_from(given).unwrap_or(usize::MAX).saturating_mul(GIVEN);
        self.steps = self.steps.saturating_add(given_steps);
        given
    }
}

/// Key, and how many entries and pending entries of each list at most: all with 0.
fn xinfo_stream_full(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let most = match args.unsigned(1)? {
        0 => u64::MAX,
        most => most,
    };
    let lag = Lag::of(reader.server());
    with_stream(reader, args.bytes(0)?, reply, |stream, reply| {
        let mut extent = Extent { most, steps: steps_of_producers(stream) };
        let entries = stream.entries();
        let ranks = 0..stream.len().min(most);
        add_steps(reader, &mut extent.steps, entries, ranks.clone())?;
        reply.begin();
        give_unsigned("length", stream.len(), reply);
        give_named_id("last_generated_id", stream.last_id, reply);
        give_named_id("max_deleted_entry_id", stream.max_deleted_id, reply);
        give_unsigned("entries_added", stream.entries_added, reply);
        give_named_id("recorded_first_entry_id", entries.first_id().unwrap_or(id::FIRST), reply);
        give_producers(reader, stream, reply);
        reply.atom("entries");
        reply.begin();
        give(entries, ranks, false, reply);
        reply.end_list();
        reply.atom("groups");
        reply.begin();
        for group in stream.groups.iter() {
            extent.of(1);
            give_group(reader, (stream, lag), group, &mut extent, reply)?;
        }
        reply.end_list();
        reply.end_map();
        Ok(())
    })
}

fn give_group(
    reader: &Reader<'_>,
    (stream, lag): (&Stream, Lag),
    group: &Group,
    extent: &mut Extent,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let pending = group.pending();
    reply.begin();
    reply.atom("name");
    reply.bytes(group.name());
    give_named_id("last_delivered_id", group.last_id, reply);
    reply.atom("entries_read");
    give_known(group.entries_read.map(u64::cast_signed), reply);
    reply.atom("lag");
    give_known(lag.count(stream, group), reply);
    give_unsigned("pel_count", pending.len(), reply);
    give_unsigned("nacked_count", group.nacked(), reply);
    let given = extent.of(pending.len());
    reader.check_steps(extent.steps)?;
    reply.atom("pending");
    reply.begin();
    for entry in pending.ranks(0..given) {
        let consumer = entry.consumer().and_then(|number| group.consumers().get(number));
        reply.begin();
        give_id(entry.id, reply);
        reply.bytes(consumer.map_or(&[], HasName::name));
        reply.int(entry.delivered_at());
        reply.unsigned(entry.deliveries);
        reply.end_tuple();
    }
    reply.end_list();
    reply.atom("consumers");
    reply.begin();
    for (_, consumer) in group.consumers().iter() {
        extent.of(1);
        give_consumer(reader, group, consumer, extent, reply)?;
    }
    reply.end_list();
    reply.end_map();
    Ok(())
}

fn give_consumer(
    reader: &Reader<'_>,
    group: &Group,
    consumer: &Consumer,
    extent: &mut Extent,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let owned = consumer.owned();
    reply.begin();
    reply.atom("name");
    reply.bytes(consumer.name());
    reply.atom("seen_time");
    reply.int(consumer.seen_at);
    reply.atom("active_time");
    give_known(consumer.active_at, reply);
    give_unsigned("pel_count", owned.len(), reply);
    let given = extent.of(owned.len());
    reader.check_steps(extent.steps)?;
    reply.atom("pending");
    reply.begin();
    for entry in owned.ranks(0..given).filter_map(|id| group.pending().get(*id)) {
        reply.begin();
        give_id(entry.id, reply);
        reply.int(entry.delivered_at());
        reply.unsigned(entry.deliveries);
        reply.end_tuple();
    }
    reply.end_list();
    reply.end_map();
    Ok(())
}
