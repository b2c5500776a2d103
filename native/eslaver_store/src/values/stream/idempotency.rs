//! What a stream of Redis 8.6 remembers of producers that may send an entry twice. Which entries are
//! new the master says. So what they were sent as is kept only to be saved again.

use std::sync::Arc;

use eslaver_core::rdb::{self, Idempotency, StreamId};

use super::named::{HasName, Named};
use super::sorted::{Keyed, Sorted};
use crate::collections::mover::Mover;

/// A server's own limits unless it is configured otherwise, which a replica is not told.
const SECONDS: u64 = 100;
const MAX_SIZE: u64 = 100;

/// What a stream remembers of its producers. A clone shares it.
#[derive(Clone, Default)]
pub(crate) struct Producers(Option<Arc<State>>);

/// Other than that of a stream that never had such a producer.
#[derive(Clone)]
pub(crate) struct State {
    /// How long an id is remembered.
    pub(crate) seconds: u64,
    /// How many are of each producer.
    pub(crate) max_size: u64,
    pub(crate) added: u64,
    pub(crate) duplicates: u64,
    producers: Named<Producer>,
    sent: Sorted<Sent>,
}

#[derive(Clone, Default)]
struct Producer {
    name: Box<[u8]>,
    ids: Sorted<StreamId>,
}

/// What a producer has sent.
#[derive(Clone)]
struct Sent {
    id: StreamId,
    producer: u32,
    /// What it was sent as, where that is known.
    iid: Option<Box<[u8]>>,
}

impl HasName for Producer {
    fn name(&self) -> &[u8] {
        &self.name
    }

    fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.bytes(&mut self.name);
        self.ids.compact(mover);
    }

    fn heap_bytes(&self) -> usize {
        self.name.len() + self.ids.heap_bytes()
    }
}

impl Keyed for Sent {
    type Key = (StreamId, u32);

    fn key(&self) -> Self::Key {
        (self.id, self.producer)
    }

    fn heap_bytes(&self) -> usize {
        self.iid.as_ref().map_or(0, |iid| iid.len())
    }

    fn compact(&mut self, mover: &mut Mover<'_>) {
        if let Some(iid) = &mut self.iid {
            mover.bytes(iid);
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            seconds: SECONDS,
            max_size: MAX_SIZE,
            added: 0,
            duplicates: 0,
            producers: Named::default(),
            sent: Sorted::default(),
        }
    }
}

impl Producers {
    /// What a snapshot has.
    pub(super) fn new(saved: Option<Idempotency>) -> Self {
        let Some(saved) = saved else { return Self::default() };
        let mut state = State {
            seconds: saved.duration,
            max_size: saved.max_size,
            duplicates: saved.duplicates,
            ..State::default()
        };
        for producer in &saved.producers {
            for (iid, id) in &producer.entries {
                state.record(&producer.id, Some(iid), *id);
            }
        }
        state.added = saved.added;
        let is_default = state.sent.is_empty()
            && (state.seconds, state.max_size) == (SECONDS, MAX_SIZE)
            && (state.added, state.duplicates) == (0, 0);
        Self((!is_default).then(|| Arc::new(state)))
    }

    pub(crate) fn is_default(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn state(&self) -> Option<&State> {
        self.0.as_deref()
    }

    fn change(&mut self, change: impl FnOnce(&mut State)) {
        change(Arc::make_mut(self.0.get_or_insert_default()));
    }

    /// Sets other limits, with which all ids are forgotten.
    pub(crate) fn configure(&mut self, seconds: Option<u64>, max_size: Option<u64>) {
        self.change(|state| {
            state.seconds = seconds.unwrap_or(state.seconds);
            state.max_size = max_size.unwrap_or(state.max_size);
            state.producers = Named::default();
            state.sent = Sorted::default();
        });
    }

    /// Counts what was not new.
    pub(crate) fn count_duplicate(&mut self) {
        self.change(|state| state.duplicates += 1);
    }

    /// Remembers a new entry of this producer, and what it was sent as, where that is known.
    pub(crate) fn record(&mut self, producer: &[u8], iid: Option<&[u8]>, id: StreamId) {
        self.change(|state| state.record(producer, iid, id));
    }

    pub(super) fn compact(&mut self, mover: &mut Mover<'_>) {
        if let Some(state) = &mut self.0 {
            mover.shared(state, State::default, |state, mover| {
                state.producers.compact(mover);
                state.sent.compact(mover);
            });
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |state| {
            size_of::<State>() + state.producers.heap_bytes() + state.sent.heap_bytes()
        })
    }

    /// The same, to be saved. What it is not known what it was sent as is left out.
    pub(super) fn to_saved(&self) -> Idempotency {
        let state = self.0.as_deref().cloned().unwrap_or_default();
        let producers = state.producers.iter().map(|(number, producer)| {
            let sent = producer.ids.iter().filter_map(|id| {
                let iid = state.sent.get((*id, number))?.iid.as_deref()?;
                Some((iid.to_vec(), *id))
            });
            rdb::Producer { id: producer.name.to_vec(), entries: sent.collect() }
        });
        Idempotency {
            duration: state.seconds,
            max_size: state.max_size,
            producers: producers.filter(|producer| !producer.entries.is_empty()).collect(),
            added: state.added,
            duplicates: state.duplicates,
        }
    }
}

impl State {
    fn record(&mut self, name: &[u8], iid: Option<&[u8]>, id: StreamId) {
        let oldest = id.ms.saturating_sub(self.seconds.saturating_mul(1000));
        while let Some((first, producer)) = self.sent.first().map(Sent::key)
            && first.ms < oldest
        {
            self.forget(producer, first);
        }
        let new = || Producer { name: name.into(), ids: Sorted::default() };
        let producer = self.producers.ensure(name, new);
        if self.sent.get((id, producer)).is_some() {
            return;
        }
        self.sent.insert(Sent { id, producer, iid: iid.map(Box::from) });
        let surplus = self.producers.change(producer, |producer| {
            producer.ids.insert(id);
            let is_over = producer.ids.len() > self.max_size;
            producer.ids.first().copied().filter(|_| is_over)
        });
        if let Some(oldest) = surplus.flatten() {
            self.forget(producer, oldest);
        }
        self.added += 1;
    }

    fn forget(&mut self, number: u32, id: StreamId) {
        self.sent.remove((id, number));
        let gone = self.producers.change(number, |producer| {
            producer.ids.remove(id);
            producer.ids.is_empty().then(|| producer.name.clone())
        });
        if let Some(name) = gone.flatten() {
            self.producers.remove(&name);
        }
    }

    /// How many producers have ids that are still remembered at `now`, and how many ids that are.
    pub(crate) fn tracked(&self, now: i64) -> (u64, u64) {
        let seconds = i64::try_from(self.seconds).unwrap_or(i64::MAX);
        let oldest = now.saturating_sub(seconds.saturating_mul(1000));
        let oldest = StreamId { ms: u64::try_from(oldest).unwrap_or(0), seq: 0 };
        let producers = self
            .producers
            .iter()
            .filter(|(_, producer)| producer.ids.last().is_some_and(|last| *last >= oldest))
            .count();
        (producers as u64, self.sent.len() - self.sent.rank((oldest, 0)))
    }

    /// How many producers there are.
    pub(crate) fn producers(&self) -> usize {
        self.producers.len()
    }
}
