//! Keys that were seen to come to a shard, one by one.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

/// The keys, by slot, as hashes: there may be millions.
#[derive(Debug, Default)]
pub(crate) struct Restored(HashMap<u16, HashSet<u64, RandomState>, RandomState>);

impl Restored {
    pub(crate) fn add(&mut self, slot: u16, hash: u64) {
        self.0.entry(slot).or_default().insert(hash);
    }

    pub(crate) fn has(&self, slot: u16, hash: u64) -> bool {
        self.0.get(&slot).is_some_and(|hashes| hashes.contains(&hash))
    }

    /// Forgets a key, and tells whether it was there.
    pub(crate) fn take(&mut self, slot: u16, hash: u64) -> bool {
        self.0.get_mut(&slot).is_some_and(|hashes| hashes.remove(&hash))
    }

    pub(crate) fn forget(&mut self, slot: u16) {
        self.0.remove(&slot);
    }
}
