//! Consumer groups: what they have read, and what is pending for whom.

use std::sync::Arc;

use eslaver_core::rdb::StreamId;

use super::named::{HasName, Named};
use super::sorted::{Keyed, Sorted};
use crate::collections::mover::Mover;

/// The consumer of what consumers gave back (`XNACK`).
const NOBODY: u32 = u32::MAX;

/// A group.
#[derive(Clone, Default)]
pub(crate) struct Group {
    name: Box<[u8]>,
    pub(crate) last_id: StreamId,
    /// How many entries it has read, where that is known.
    pub(crate) entries_read: Option<u64>,
    pending: Sorted<Pending>,
    consumers: Named<Consumer>,
    /// How many entries have been given back so far.
    given_back: i64,
}

/// A consumer of a group.
#[derive(Clone, Default)]
pub(crate) struct Consumer {
    name: Box<[u8]>,
    /// When it was last seen, in ms since the epoch.
    pub(crate) seen_at: i64,
    /// When it last got an entry.
    pub(crate) active_at: Option<i64>,
    /// What is pending for it.
    owned: Sorted<StreamId>,
}

/// An entry that was delivered and not acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) id: StreamId,
    /// In ms since the epoch. Of what was given back, as the how manieth.
    time: i64,
    pub(crate) deliveries: u64,
    consumer: u32,
}

impl Pending {
    /// The number of its consumer, unless it was given back.
    pub(crate) fn consumer(&self) -> Option<u32> {
        (self.consumer != NOBODY).then_some(self.consumer)
    }

    /// When it was delivered, in ms since the epoch: 0 if it was given back.
    pub(crate) fn delivered_at(&self) -> i64 {
        if self.consumer == NOBODY { 0 } else { self.time }
    }
}

impl Keyed for Pending {
    type Key = StreamId;

    fn key(&self) -> StreamId {
        self.id
    }
}

impl HasName for Consumer {
    fn name(&self) -> &[u8] {
        &self.name
    }

    fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.bytes(&mut self.name);
        self.owned.compact(mover);
    }

    fn heap_bytes(&self) -> usize {
        self.name.len() + self.owned.heap_bytes()
    }
}

impl Consumer {
    pub(crate) fn owned(&self) -> &Sorted<StreamId> {
        &self.owned
    }
}

impl Group {
    pub(crate) fn new(name: &[u8], last_id: StreamId, entries_read: Option<u64>) -> Self {
        Self { name: name.into(), last_id, entries_read, ..Self::default() }
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn pending(&self) -> &Sorted<Pending> {
        &self.pending
    }

    pub(crate) fn consumers(&self) -> &Named<Consumer> {
        &self.consumers
    }

    /// Whether an entry is pending, or has still to be read.
    fn references(&self, id: StreamId) -> bool {
        self.last_id < id || self.pending.get(id).is_some()
    }

    /// The number of a consumer, which is made if it is missing.
    pub(crate) fn consumer(&mut self, name: &[u8], seen_at: i64) -> u32 {
        let new = || Consumer { name: name.into(), seen_at, ..Consumer::default() };
        self.consumers.ensure(name, new)
    }

    /// A consumer has come at `now`, and gone with something or not.
    pub(crate) fn see(&mut self, consumer: u32, now: i64, has_got: bool) {
        self.consumers.change(consumer, |consumer| {
            consumer.seen_at = now;
            if has_got {
                consumer.active_at = Some(now);
            }
        });
    }

    pub(super) fn set_active_at(&mut self, consumer: u32, at: Option<i64>) {
        self.consumers.change(consumer, |consumer| consumer.active_at = at);
    }

    /// Removes a consumer, and what is pending for it.
    pub(crate) fn remove_consumer(&mut self, name: &[u8]) {
        if let Some(consumer) = self.consumers.remove(name) {
            for id in consumer.owned.iter() {
                self.pending.remove(*id);
            }
        }
    }

    /// An entry is pending for this consumer, and for no other.
    pub(crate) fn claim(
        &mut self,
        id: StreamId,
        consumer: u32,
        delivered_at: i64,
        deliveries: u64,
    ) {
        self.pend(Pending { id, time: delivered_at, deliveries, consumer });
    }

    /// An entry is pending for nobody. What was given back before keeps its place.
    pub(crate) fn give_back(&mut self, id: StreamId, deliveries: u64) {
        let time = match self.pending.get(id) {
            Some(&Pending { time, consumer: NOBODY, .. }) => time,
            _ => {
                self.given_back += 1;
                self.given_back
            }
        };
        self.pend(Pending { id, time, deliveries, consumer: NOBODY });
    }

    fn pend(&mut self, pending: Pending) {
        let owner = self.pending.insert(pending).map(|old| old.consumer);
        if owner == Some(pending.consumer) {
            return;
        }
        owner.into_iter().for_each(|owner| self.disown(owner, pending.id));
        self.consumers.change(pending.consumer, |consumer| consumer.owned.insert(pending.id));
    }

    fn disown(&mut self, consumer: u32, id: StreamId) {
        self.consumers.change(consumer, |consumer| consumer.owned.remove(id));
    }

    /// An entry is not pending any more: whether it was.
    pub(crate) fn release(&mut self, id: StreamId) -> bool {
        let released = self.pending.remove(id);
        if let Some(pending) = released {
            self.disown(pending.consumer, id);
        }
        released.is_some()
    }

    /// How many entries are pending for nobody.
    pub(crate) fn nacked(&self) -> u64 {
        let owned: u64 = self.consumers.iter().map(|(_, consumer)| consumer.owned.len()).sum();
        self.pending.len().saturating_sub(owned)
    }

    /// The ids of what is pending for nobody, in the order in which it was given back.
    pub(super) fn given_back(&self) -> Vec<StreamId> {
        if self.nacked() == 0 {
            return Vec::new();
        }
        let mut nacked: Vec<&Pending> =
            self.pending.iter().filter(|pending| pending.consumer == NOBODY).collect();
        nacked.sort_by_key(|pending| pending.time);
        nacked.iter().map(|pending| pending.id).collect()
    }

    /// What is pending for consumers, by ascending id: the number of each one's, when it was delivered,
    /// and how often. The consumers are all that there ever were.
    pub(super) fn set_pending(&mut self, pending: Vec<(StreamId, u32, i64, u64)>) {
        let mut owned = vec![Vec::new(); self.consumers.len()];
        for (id, consumer, ..) in &pending {
            if let Some(owned) = owned.get_mut(*consumer as usize) {
                owned.push(*id);
            }
        }
        for (owned, number) in owned.into_iter().zip(0..) {
            self.consumers.change(number, |consumer| consumer.owned = Sorted::from_sorted(owned));
        }
        let records = pending.into_iter().map(|(id, consumer, time, deliveries)| Pending {
            id,
            time,
            deliveries,
            consumer,
        });
        self.pending = Sorted::from_sorted(records);
    }

    fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.bytes(&mut self.name);
        self.pending.compact(mover);
        self.consumers.compact(mover);
    }

    fn heap_bytes(&self) -> usize {
        self.name.len() + self.pending.heap_bytes() + self.consumers.heap_bytes()
    }
}

/// The groups of a stream, by name. A clone shares them.
#[derive(Clone, Default)]
pub(crate) struct Groups {
    list: Option<Arc<[Arc<Group>]>>,
    /// What the groups themselves take.
    bytes: usize,
}

impl Groups {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_none()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.as_ref().map_or(0, |list| list.len())
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.list.as_ref().map_or(0, |list| 2 * size_of::<usize>() + size_of_val(&**list))
            + self.bytes
    }

    /// Has `mover` see to the groups. The list of them stays where it is.
    pub(crate) fn compact(&mut self, mover: &mut Mover<'_>) {
        let groups = self.list.as_mut().and_then(Arc::get_mut).into_iter().flatten();
        groups.for_each(|group| {
            mover.shared(group, Group::default, Group::compact);
        });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.list.iter().flat_map(|list| list.iter()).map(|group| &**group)
    }

    fn place(&self, name: &[u8]) -> Result<usize, usize> {
        match &self.list {
            None => Err(0),
            Some(list) => list.binary_search_by(|group| (*group.name).cmp(name)),
        }
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<&Group> {
        let place = self.place(name).ok()?;
        self.list.as_ref()?.get(place).map(|group| &**group)
    }

    /// Adds a group: whether there was none of its name.
    pub(crate) fn insert(&mut self, group: Group) -> bool {
        let Err(place) = self.place(&group.name) else { return false };
        self.bytes += bytes(&group);
        let (before, behind) = match &self.list {
            Some(list) => list.split_at(place),
            None => (&[][..], &[][..]),
        };
        let new = [Arc::new(group)];
        self.list = Some(before.iter().chain(&new).chain(behind).cloned().collect());
        true
    }

    /// Removes a group, if it exists.
    pub(crate) fn remove(&mut self, name: &[u8]) -> Option<Arc<Group>> {
        let place = self.place(name).ok()?;
        let (before, [group, behind @ ..]) = self.list.as_ref()?.split_at(place) else {
            return None;
        };
        let group = Arc::clone(group);
        let is_last = before.is_empty() && behind.is_empty();
        let list = (!is_last).then(|| before.iter().chain(behind).cloned().collect());
        self.list = list;
        self.bytes -= bytes(&group);
        Some(group)
    }

    /// Changes a group, if it exists.
    pub(crate) fn change<R>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&mut Group) -> R,
    ) -> Option<R> {
        let place = self.place(name).ok()?;
        self.change_at(place, change)
    }

    fn change_at<R>(&mut self, place: usize, change: impl FnOnce(&mut Group) -> R) -> Option<R> {
        let group = Arc::make_mut(self.list.as_mut()?).get_mut(place)?;
        let group = Arc::make_mut(group);
        self.bytes -= bytes(group);
        let result = change(group);
        self.bytes += bytes(group);
        Some(result)
    }

    /// Whether an entry is pending in any group, or has still to be read by one.
    pub(super) fn reference(&self, id: StreamId) -> bool {
        self.iter().any(|group| group.references(id))
    }

    /// An entry is pending in no group any more.
    pub(super) fn unreference(&mut self, id: StreamId) {
        for place in 0..self.len() {
            let is_pending = self
                .list
                .as_ref()
                .and_then(|list| list.get(place))
                .is_some_and(|group| group.pending.get(id).is_some());
            if is_pending {
                self.change_at(place, |group| group.release(id));
            }
        }
    }
}

/// What a group takes, with its reference counts.
fn bytes(group: &Group) -> usize {
    2 * size_of::<usize>() + size_of::<Group>() + group.heap_bytes()
}
