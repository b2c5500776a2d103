//! Keys that were seen to come to a shard, one by one.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::routes::Shard;

/// The keys, by slot.
#[derive(Debug, Default)]
pub(crate) struct Restored(HashMap<u16, Keys, RandomState>);

/// The keys of a slot.
#[derive(Debug, Default)]
struct Keys {
    /// As hashes: there may be millions.
    hashes: HashSet<u64, RandomState>,
    /// The shard that they come from, while it is not known that all has been handled which that wrote
    /// to them.
    from: Option<Shard>,
}

impl Restored {
    /// A key has come from this shard.
    pub(crate) fn add(&mut self, slot: u16, hash: u64, from: Option<Shard>) {
        let keys = self.0.entry(slot).or_default();
        keys.hashes.insert(hash);
        keys.from = from;
    }

    /// A key has come with an import.
    pub(crate) fn bring(&mut self, slot: u16, hash: u64) {
        self.0.entry(slot).or_default().hashes.insert(hash);
    }

    /// Whether keys of a slot were seen to come, though all may be gone.
    pub(crate) fn has_seen(&self, slot: u16) -> bool {
        self.0.contains_key(&slot)
    }

    pub(crate) fn has(&self, slot: u16, hash: u64) -> bool {
        self.0.get(&slot).is_some_and(|keys| keys.hashes.contains(&hash))
    }

    /// Forgets a key, and tells whether it was there.
    pub(crate) fn take(&mut self, slot: u16, hash: u64) -> bool {
        self.0.get_mut(&slot).is_some_and(|keys| keys.hashes.remove(&hash))
    }

    /// The shard that may have written to the keys of a slot what has not been handled yet.
    pub(crate) fn from(&self, slot: u16) -> Option<Shard> {
        self.0.get(&slot)?.from
    }

    /// All has been handled that was written to keys before they came.
    pub(crate) fn settle(&mut self) {
        self.0.values_mut().for_each(|keys| keys.from = None);
    }

    pub(crate) fn forget(&mut self, slot: u16) {
        self.0.remove(&slot);
    }

    /// Whether something may not have been handled yet.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.0.values().any(|keys| keys.from.is_some())
    }
}
