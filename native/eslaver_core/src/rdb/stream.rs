//! Streams: listpacks of entries, then the stream's counters, groups and producers.

use std::collections::HashSet;

use super::cursor::{Cursor, Read};
use super::entries::{self, Repeated};
use super::error::ErrorKind;
use super::sink::{Consumer, Group, Idempotency, Pending, Producer, Sink, StreamId, StreamMeta};

/// A group's count of entries read, if the server does not know it.
pub(super) const ENTRIES_READ_UNKNOWN: u64 = u64::MAX;

/// The formats of streams. Each adds to the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    /// Redis 5.0.
    Listpacks,
    /// Redis 7.0: first id, greatest deleted id, entries added and read.
    Offsets,
    /// Redis 7.2: a consumer's active time.
    ActiveTime,
    /// Redis 8.6: idempotent producers.
    Idempotency,
    /// Redis 8.8: pending entries that were given back.
    Nack,
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
    NackCount { groups: u64 },
    Nack { groups: u64, left: u64 },
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
    last_node: Option<StreamId>,
    repeated: Repeated,
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
            last_node: None,
            repeated: Repeated::new(),
            meta: StreamMeta::default(),
            group_names: HashSet::new(),
            consumer_names: HashSet::new(),
            producer_ids: HashSet::new(),
        }
    }

    /// Passes over entries from here on.
    pub(crate) fn skip_entries(&mut self) {
        self.skips = true;
    }

    /// Reads one element. Returns whether it was the last.
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
                Some(self.after_pending(groups, left - 1)?)
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
            State::NackCount { groups } => {
                self.current_group()?.nack = Some(Vec::new());
                self.after_nack(groups, cursor.length()?)
            }
            State::Nack { groups, left } => {
                self.nack(cursor)?;
                self.after_nack(groups, left - 1)
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
        let mut buffer = itoa::Buffer::new();
        let listpack = listpack.bytes(&mut buffer);
        entries::read(listpack, id, &mut self.repeated, sink)?;
        self.last_node = Some(id);
        Ok(())
    }

    fn totals(&mut self, cursor: &mut Cursor<'_>) -> Read<State> {
        // servers, too, accept a length that is not the number of entries
        cursor.length()?;
        let last_id = stream_id(cursor)?;
        if self.format >= Format::Offsets {
            let first_id = stream_id(cursor)?;
            let max_deleted_id = stream_id(cursor)?;
            let entries_added = cursor.length()?;
            self.meta.first_id = Some(first_id);
            self.meta.max_deleted_id = Some(max_deleted_id);
            self.meta.entries_added = Some(entries_added);
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
            return Err(ErrorKind::Stream("two groups have the same name").into());
        }
        self.meta.groups.push(Group {
            name,
            last_id,
            entries_read: entries_read.filter(|&count| count != ENTRIES_READ_UNKNOWN),
            ..Group::default()
        });
        Ok(self.after_pending(left - 1, pending)?)
    }

    fn after_pending(&mut self, groups: u64, left: u64) -> Result<State, ErrorKind> {
        if left > 0 {
            return Ok(State::Pending { groups, left });
        }
        let pending = &mut self.current_group()?.pending;
        pending.sort_by_key(|entry| entry.id);
        if pending.windows(2).any(|two| two[0].id == two[1].id) {
            return Err(ErrorKind::Stream("an entry that is pending twice"));
        }
        Ok(State::ConsumerCount { groups })
    }

    fn pending(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let id = raw_id(&cursor.array()?);
        let delivered_at = cursor.i64_le()?;
        let deliveries = cursor.length()?;
        let entry = Pending { id, consumer: None, delivered_at, deliveries };
        self.current_group()?.pending.push(entry);
        Ok(())
    }

    fn after_consumer(&mut self, groups: u64, left: u64) -> Result<Option<State>, ErrorKind> {
        if left > 0 {
            return Ok(Some(State::Consumer { groups, left }));
        }
        if self.format >= Format::Nack {
            return Ok(Some(State::NackCount { groups }));
        }
        if self.current_group()?.pending.iter().any(|pending| pending.consumer.is_none()) {
            return Err(ErrorKind::Stream("a pending entry without a consumer"));
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
            return Err(ErrorKind::Stream("two consumers of a group have the same name").into());
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
        let raw = cursor.array()?;
        let id = raw_id(&raw);
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
        let name = group.consumers.last().map_or(0, |consumer| consumer.name.len());
        self.repeated.read(raw.len());
        Ok(self.repeated.add(name)?)
    }

    fn after_nack(&mut self, groups: u64, left: u64) -> Option<State> {
        if left == 0 { self.after_group(groups) } else { Some(State::Nack { groups, left }) }
    }

    fn nack(&mut self, cursor: &mut Cursor<'_>) -> Read<()> {
        let id = raw_id(&cursor.array()?);
        let group = self.current_group()?;
        let entry = group.pending.binary_search_by_key(&id, |pending| pending.id);
        if entry.map_or(true, |index| group.pending[index].consumer.is_some()) {
            let what = "an entry was given back that is not pending, or has a consumer";
            return Err(ErrorKind::Stream(what).into());
        }
        group.nack.get_or_insert_default().push(id);
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
            return Err(ErrorKind::Stream("two producers have the same id").into());
        }
        // servers forget a producer without entries
        if entries > 0 {
            self.current_idempotency()?.producers.push(Producer { id, entries: Vec::new() });
        }
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
