//! A stream of what a snapshot holds, and what a snapshot is to hold of a stream.

use std::fmt;

use eslaver_core::rdb::{self, StreamId, StreamMeta};

use super::entries::EntryLeaf;
use super::group::Group;
use super::idempotency::Producers;
use super::named::HasName;
use super::{Stream, id, packed};
use crate::collections::element::{Element, Parts};
use crate::collections::record::Refused;
use crate::collections::tree::build;
use crate::values::NewValue;

/// Builds a stream: `entry`, `item` for each of its names and values in turn, …, `finish`.
#[derive(Default)]
pub(crate) struct Builder {
    entries: build::Builder<EntryLeaf>,
    last: Option<StreamId>,
    /// The entry that is not complete yet, and its names and values, packed.
    id: Option<StreamId>,
    items: Vec<u8>,
    count: usize,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("last", &self.last).finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// An entry begins.
    pub(crate) fn entry(&mut self, id: StreamId) -> Result<(), Refused> {
        self.end_entry()?;
        if self.last.is_some_and(|last| last >= id) {
            return Err(Refused::Disorder);
        }
        self.last = Some(id);
        self.id = Some(id);
        Ok(())
    }

    /// A name or a value.
    pub(crate) fn item(&mut self, element: Element<'_>) -> Result<(), Refused> {
        Parts::of_element(element).ok_or(Refused::TooLong)?.write(&mut self.items);
        self.count += 1;
        Ok(())
    }

    fn end_entry(&mut self) -> Result<(), Refused> {
        const KEPT: usize = 65_536;
        if let Some(id) = self.id.take() {
            if !self.count.is_multiple_of(2) {
                return Err(Refused::Disorder);
            }
            let pairs = Pairs { items: &self.items, left: self.count / 2 };
            self.entries.push(|leaf, _| leaf.push(id, pairs.clone()))?;
            self.items.clear();
            self.items.shrink_to(KEPT);
            self.count = 0;
        }
        Ok(())
    }

    /// The stream, with all that is not its entries.
    pub(crate) fn finish(mut self, meta: StreamMeta) -> Result<NewValue, Refused> {
        self.end_entry()?;
        let entries = self.entries.finish();
        let entries_added = meta.entries_added.unwrap_or(entries.len());
        let mut stream = Stream {
            entries,
            last_id: meta.last_id,
            max_deleted_id: meta.max_deleted_id.unwrap_or(id::FIRST),
            entries_added,
            producers: Producers::new(meta.idempotency),
            ..Stream::default()
        };
        // Before Redis 7.0 nothing is counted; since then nothing is known where no count stands.
        let is_counted = meta.entries_added.is_some();
        for group in meta.groups {
            let read = match group.entries_read {
                None if !is_counted => stream.entries_read_to(group.last_id),
                read => read,
            };
            let group = load(group, read);
            stream.groups.insert(group);
        }
        Ok(packed::to_value(stream))
    }
}

/// Names and values that were packed one behind the other.
#[derive(Clone)]
struct Pairs<'a> {
    items: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Element<'a>, Element<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (name, len) = Element::read(self.items)?;
        let items = self.items.get(len..)?;
        let (value, len) = Element::read(items)?;
        self.items = items.get(len..)?;
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Pairs<'_> {}

fn load(saved: rdb::Group, entries_read: Option<u64>) -> Group {
    let mut group = Group::new(&saved.name, saved.last_id, entries_read);
    let mut numbers = Vec::with_capacity(saved.consumers.len());
    for consumer in &saved.consumers {
        let number = group.consumer(&consumer.name, consumer.seen_at);
        group.set_active_at(number, consumer.active_at.filter(|at| *at >= 0));
        numbers.push(number);
    }
    let mut pending = Vec::with_capacity(saved.pending.len());
    let mut nacked = Vec::new();
    for entry in &saved.pending {
        match entry.consumer.and_then(|index| numbers.get(index)) {
            Some(&number) => {
                pending.push((entry.id, number, entry.delivered_at, entry.deliveries));
            }
            None => nacked.push((entry.id, entry.deliveries)),
        }
    }
    group.set_pending(pending);
    // In the order in which they were given back, where that is known.
    if let Some(order) = saved.nack.filter(|_| !nacked.is_empty()) {
        let places: std::collections::BTreeMap<_, _> = order.into_iter().zip(0u64..).collect();
        nacked.sort_by_key(|(id, _)| places.get(id).copied().unwrap_or(u64::MAX));
    }
    nacked.into_iter().for_each(|(id, deliveries)| group.give_back(id, deliveries));
    group
}

impl Stream {
    /// All that is not its entries, to be saved.
    pub(crate) fn to_meta(&self) -> StreamMeta {
        StreamMeta {
            last_id: self.last_id,
            first_id: Some(self.entries.first_id().unwrap_or(id::FIRST)),
            max_deleted_id: Some(self.max_deleted_id),
            entries_added: Some(self.entries_added),
            groups: self.groups.iter().map(save).collect(),
            idempotency: Some(self.producers.to_saved()),
        }
    }
}

fn save(group: &Group) -> rdb::Group {
    let mut indexes = std::collections::BTreeMap::new();
    let mut consumers = Vec::with_capacity(group.consumers().len());
    for (number, consumer) in group.consumers().iter() {
        indexes.insert(number, consumers.len());
        consumers.push(rdb::Consumer {
            name: consumer.name().to_vec(),
            seen_at: consumer.seen_at,
            active_at: Some(consumer.active_at.unwrap_or(-1)),
        });
    }
    let pending = group.pending().iter().map(|pending| rdb::Pending {
        id: pending.id,
        consumer: pending.consumer().and_then(|number| indexes.get(&number).copied()),
        delivered_at: pending.delivered_at(),
        deliveries: pending.deliveries,
    });
    rdb::Group {
        name: group.name().to_vec(),
        last_id: group.last_id,
        entries_read: group.entries_read,
        pending: pending.collect(),
        consumers,
        nack: Some(group.given_back()),
    }
}
