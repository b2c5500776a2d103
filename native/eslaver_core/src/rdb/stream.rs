//! Streams: listpacks of entries, then the stream's counters, groups and producers.

use std::collections::HashSet;

use super::cursor::{Cursor, Read};
use super::error::ErrorKind;
use super::listpack::Listpack;
use super::sink::{
    Consumer, Group, Idempotency, Item, Pending, Producer, Sink, StreamId, StreamMeta,
};
use super::value::check_room;

const ENTRY_DELETED: i64 = 1;
const ENTRY_SAME_FIELDS: i64 = 2;
/// What a group's count of entries read holds where the server does not know it.
const ENTRIES_READ_UNKNOWN: u64 = u64::MAX;

/// Which of the formats, each of which adds to the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    /// RDB type 15 (Redis 5.0).
    Listpacks,
    /// RDB type 19 (Redis 7.0): first id, greatest deleted id, entries added and read.
    Offsets,
    /// RDB type 21 (Redis 7.2): a consumer's active time.
    ActiveTime,
    /// RDB type 26 (Redis 8.6): idempotent producers.
    Idempotency,
}

/// What is read next.
enum State {
    NodeCount,
    Node { left: u64 },
    Totals,
    GroupCount,
    Group { left: u64 },
    Pending { groups: u64, left: u64 },
    ConsumerCount { groups: u64 },
    Consumer { groups: u64, left: u64 },
    Owned { groups: u64, consumers: u64, left: u64 },
    Idempotency,
    Producer { left: u64 },
    IdempotentId { producers: u64, left: u64 },
    IdempotencyTotals,
}

/// A stream being read.
pub(crate) struct StreamReader {
    format: Format,
    /// Whether the entries are passed over.
    skips: bool,
    state: State,
    /// That were there, the deleted ones not counted.
    entries: u64,
    last_node: Option<StreamId>,
    meta: StreamMeta,
    group_names: HashSet<Vec<u8>>,
    /// Of the group that is being read.
    consumer_names: HashSet<Vec<u8>>,
    producer_ids: HashSet<Vec<u8>>,
}

impl StreamReader {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            skips: false,
            state: State::NodeCount,
            entries: 0,
            last_node: None,
            meta: StreamMeta::default(),
            group_names: HashSet::new(),
            consumer_names: HashSet::new(),
            producer_ids: HashSet::new(),
        }
    }

    /// From here on entries are passed over.
    pub(crate) fn skip_entries(&mut self) {
        self.skips = true;
    }

    /// Reads one element; true when it was the last.
    pub(crate) fn step<S: Sink>(&mut self, cursor: &mut Cursor<'_>, sink: &mut S) -> Read<bool> {
        let next = match self.state {
            State::NodeCount => {
                let nodes = cursor.length()?;
                Some(Self::after_node(nodes))
            }
            State::Node { left } => {
                self.node(cursor, sink)?;
                Some(Self::after_node(left - 1))
            }
            State::Totals => self.totals(cursor).map(Some)?,
            State::GroupCount => self.after_group(cursor.length()?),
            State::Group { left } => Some(self.group(cursor, left)?),
            State::Pending { groups, left } => {
                self.pending(cursor)?;
                Some(Self::after_pending(groups, left - 1))
            }
            State::ConsumerCount { groups } => {
                let left = cursor.length()?;
                self.after_consumer(groups, left)?
            }
            State::Consumer { groups, left } => self.consumer(cursor, groups, left)?,
            State::Owned { groups, consumers, left } => {
                self.owned(cursor)?;
                self.after_owned(groups, consumers, left - 1)?
            }
            State::Idempotency => Some(self.idempotency(cursor)?),
            State::Producer { left } => Some(self.producer(cursor, left)?),
            State::IdempotentId { producers, left } => {
                self.idempotent_id(cursor)?;
                Some(Self::after_idempotent_id(producers, left - 1))
            }
            State::IdempotencyTotals => {
                self.idempotency_totals(cursor)?;
                None
            }
        };
        match next {
            Some(state) => {
                self.state = state;
                Ok(false)
            }
            None => {
                sink.stream(std::mem::take(&mut self.meta));
                Ok(true)
            }
        }
    }

    fn after_node(left: u64) -> State {
        if left == 0 { State::Totals } else { State::Node { left } }
    }

    fn node<S: Sink>(&mut self, cursor: &mut Cursor<'_>, sink: &mut S) -> Read<()> {
        let id = cursor.string()?;
        let listpack = cursor.packed()?;
        if self.skips {
            return Ok(());
        }
        let id: [u8; 16] = id
            .to_bytes()?
            .try_into()
            .map_err(|_| ErrorKind::Stream("a node's id is not 16 bytes long"))?;
        let id = raw_id(&id);
        if self.last_node.is_some_and(|last| last >= id) {
            return Err(ErrorKind::Stream("its nodes are not in order").into());
        }
        let listpack = listpack.decode()?;
        self.entries += entries(listpack.bytes(&mut itoa::Buffer::new()), id, sink)?;
        self.last_node = Some(id);
        Ok(())
    }

    fn totals(&mut self, cursor: &mut Cursor<'_>) -> Read<State> {
        let length = cursor.length()?;
        let last_id = stream_id(cursor)?;
        if self.format >= Format::Offsets {
            let first_id = stream_id(cursor)?;
            let max_deleted_id = stream_id(cursor)?;
            let entries_added = cursor.length()?;
            self.meta.first_id = Some(first_id);
            self.meta.max_deleted_id = Some(max_deleted_id);
            self.meta.entries_added = Some(entries_added);
        }
        if length != self.entries && !self.skips {
            return Err(ErrorKind::Stream("its length is not the number of its entries").into());
        }
        self.meta.last_id = last_id;
        Ok(State::GroupCount)
    }

    fn after_group(&mut self, left: u64) -> Option<State> {
        match left {
            0 if self.format >= Format::Idempotency => Some(State::Idempotency),
            0 => None,
            left => Some(State::Group { left }),
        }
    }

    fn group(&mut self, cursor: &mut Cursor<'_>, left: u64) -> Read<State> {
        let name = cursor.string()?;
        let last_id = stream_id(cursor)?;
        let entries_read =
            if self.format >= Format::Offsets { Some(cursor.length()?) } else { None };
        let pending = cursor.length()?;
        let name = name.to_bytes()?;
        self.consumer_names.clear();
        if !self.group_names.insert(name.clone()) {
            return Err(ErrorKind::Stream("two groups of one name").into());
        }
        self.meta.groups.push(Group {
            name,
            last_id,
            entries_read: entries_read.filter(|&count| count != ENTRIES_READ_UNKNOWN),
            ..Group::default()
        });
        Ok(Self::after_pending(left - 1, pending))
    }

    fn after_pending(groups: u64, left: u64) -> State {
        if left == 0 { State::ConsumerCount { groups } } else { State::Pending { groups, left } }
    }

    fn pending(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let id = raw_id(&cursor.array()?);
        let delivered_at = cursor.i64_le()?;
        let deliveries = cursor.length()?;
        let pending = &mut self.current_group()?.pending;
        if pending.last().is_some_and(|last| last.id >= id) {
            return Err(ErrorKind::Stream("its pending entries are not in order").into());
        }
        pending.push(Pending { id, consumer: None, delivered_at, deliveries });
        Ok(())
    }

    fn after_consumer(&mut self, groups: u64, left: u64) -> Result<Option<State>, ErrorKind> {
        if left > 0 {
            return Ok(Some(State::Consumer { groups, left }));
        }
        if self.current_group()?.pending.iter().any(|pending| pending.consumer.is_none()) {
            return Err(ErrorKind::Stream("a pending entry of no consumer"));
        }
        Ok(self.after_group(groups))
    }

    fn consumer(&mut self, cursor: &mut Cursor<'_>, groups: u64, left: u64) -> Read<Option<State>> {
        let name = cursor.string()?;
        let seen_at = cursor.i64_le()?;
        let active_at =
            if self.format >= Format::ActiveTime { Some(cursor.i64_le()?) } else { None };
        let owned = cursor.length()?;
        let name = name.to_bytes()?;
        if !self.consumer_names.insert(name.clone()) {
            return Err(ErrorKind::Stream("two consumers of one name in a group").into());
        }
        self.current_group()?.consumers.push(Consumer { name, seen_at, active_at });
        Ok(self.after_owned(groups, left - 1, owned)?)
    }

    fn after_owned(
        &mut self,
        groups: u64,
        consumers: u64,
        left: u64,
    ) -> Result<Option<State>, ErrorKind> {
        if left == 0 {
            self.after_consumer(groups, consumers)
        } else {
            Ok(Some(State::Owned { groups, consumers, left }))
        }
    }

    fn owned(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let id = raw_id(&cursor.array()?);
        let group = self.current_group()?;
        let index = group
            .pending
            .binary_search_by_key(&id, |pending| pending.id)
            .map_err(|_| ErrorKind::Stream("a consumer has an entry that is not pending"))?;
        let owner = group.consumers.len().checked_sub(1);
        if group.pending[index].consumer.is_some() {
            return Err(ErrorKind::Stream("two consumers have the same pending entry").into());
        }
        group.pending[index].consumer = owner;
        Ok(())
    }

    fn current_group(&mut self) -> Result<&mut Group, ErrorKind> {
        self.meta.groups.last_mut().ok_or(ErrorKind::Stream("it has no group"))
    }

    fn idempotency(&mut self, cursor: &mut Cursor<'_>) -> Read<State> {
        let duration = cursor.length()?;
        let max_size = cursor.length()?;
        let producers = cursor.length()?;
        self.meta.idempotency = Some(Idempotency { duration, max_size, ..Idempotency::default() });
        Ok(Self::after_producer(producers))
    }

    fn after_producer(left: u64) -> State {
        if left == 0 { State::IdempotencyTotals } else { State::Producer { left } }
    }

    fn producer(&mut self, cursor: &mut Cursor<'_>, left: u64) -> Read<State> {
        let id = cursor.string()?;
        let entries = cursor.length()?;
        let id = id.to_bytes()?;
        if !self.producer_ids.insert(id.clone()) {
            return Err(ErrorKind::Stream("two producers of one id").into());
        }
        self.current_idempotency()?.producers.push(Producer { id, entries: Vec::new() });
        Ok(Self::after_idempotent_id(left - 1, entries))
    }

    fn after_idempotent_id(producers: u64, left: u64) -> State {
        if left == 0 {
            Self::after_producer(producers)
        } else {
            State::IdempotentId { producers, left }
        }
    }

    fn idempotent_id(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let id = cursor.string()?;
        let entry = stream_id(cursor)?;
        let id = id.to_bytes()?;
        let producers = &mut self.current_idempotency()?.producers;
        let producer = producers.last_mut().ok_or(ErrorKind::Stream("it has no producer"))?;
        producer.entries.push((id, entry));
        Ok(())
    }

    fn idempotency_totals(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let added = cursor.length()?;
        let duplicates = cursor.length()?;
        let idempotency = self.current_idempotency()?;
        idempotency.added = added;
        idempotency.duplicates = duplicates;
        Ok(())
    }

    fn current_idempotency(&mut self) -> Result<&mut Idempotency, ErrorKind> {
        self.meta.idempotency.as_mut().ok_or(ErrorKind::Stream("it has no producers"))
    }
}

fn stream_id(cursor: &mut Cursor<'_>) -> Read<StreamId> {
    Ok(StreamId { ms: cursor.length()?, seq: cursor.length()? })
}

/// An id as it is kept in keys of the server's radix trees: big-endian.
fn raw_id(raw: &[u8; 16]) -> StreamId {
    let id = u128::from_be_bytes(*raw);
    StreamId { ms: (id >> 64) as u64, seq: id as u64 }
}

/// A node's listpack: a master entry with counts and field names, then entries relative to it. Gives
/// how many of these are not deleted.
fn entries<S: Sink>(listpack: &[u8], base: StreamId, sink: &mut S) -> Result<u64, ErrorKind> {
    let mut listpack = Listpack::open(listpack)?;
    let live = listpack.integer()?;
    let deleted = listpack.integer()?;
    let total = live
        .checked_add(deleted)
        .filter(|_| live >= 0 && deleted >= 0)
        .ok_or(ErrorKind::Stream("a node's counts of entries"))?;
    let fields = master_fields(&mut listpack)?;
    let mut found = 0;
    for _ in 0..total {
        found += u64::from(entry(&mut listpack, base, &fields, sink)?);
    }
    if listpack.next()?.is_some() {
        return Err(ErrorKind::Stream("a node has more entries than it counts"));
    }
    if found != live.unsigned_abs() {
        return Err(ErrorKind::Stream("a node's number of deleted entries"));
    }
    Ok(found)
}

fn master_fields<'a>(listpack: &mut Listpack<'a>) -> Result<Vec<Item<'a>>, ErrorKind> {
    let count = field_count(listpack)?;
    let mut fields = Vec::new();
    for _ in 0..count {
        fields.push(listpack.required()?);
    }
    match listpack.integer()? {
        0 => Ok(fields),
        _ => Err(ErrorKind::Stream("a node's master entry does not end")),
    }
}

fn field_count(listpack: &mut Listpack<'_>) -> Result<i64, ErrorKind> {
    let count = listpack.integer()?;
    if count < 0 { Err(ErrorKind::Stream("an entry's number of fields")) } else { Ok(count) }
}

/// Whether the entry counts: it may be deleted.
fn entry<S: Sink>(
    listpack: &mut Listpack<'_>,
    base: StreamId,
    master: &[Item<'_>],
    sink: &mut S,
) -> Result<bool, ErrorKind> {
    let flags = listpack.integer()?;
    let ms = listpack.integer()?;
    let seq = listpack.integer()?;
    let same_fields = flags & ENTRY_SAME_FIELDS != 0;
    let deleted = flags & ENTRY_DELETED != 0;
    let count = if same_fields { master.len() as i64 } else { field_count(listpack)? };
    if !deleted {
        sink.entry(StreamId {
            ms: base.ms.wrapping_add_signed(ms),
            seq: base.seq.wrapping_add_signed(seq),
        });
    }
    for index in 0..count {
        let field = if same_fields { master[index as usize] } else { listpack.required()? };
        let value = listpack.required()?;
        if !deleted {
            sink.item(field);
            sink.item(value);
            check_room(sink)?;
        }
    }
    check_room(sink)?;
    let size = if same_fields { count + 3 } else { 2 * count + 4 };
    if listpack.integer()? != size {
        return Err(ErrorKind::Stream("an entry's number of elements"));
    }
    Ok(!deleted)
}
