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
    /// Those of them that were deleted since where they come from. A stream that goes on after a cut may
    /// tell of that again.
    left: HashSet<u64, RandomState>,
    /// The shard that they come from, and the offset at which the last one has come.
    source: Option<Shard>,
    at: u64,
    /// Whether something may not have been handled yet which that shard wrote to them.
    is_unsettled: bool,
    /// Whether they have come all at once, from where the slot is emptied then: who deletes one of them
    /// there is a user.
    is_emptied: bool,
}

impl Restored {
    /// A key has come from this shard, at this offset.
    pub(crate) fn add(&mut self, slot: u16, hash: u64, source: Option<Shard>, at: u64) {
        let keys = self.come(slot, hash, source, at);
        (keys.is_unsettled, keys.is_emptied) = (source.is_some(), false);
    }

    /// All keys of a slot are about to come with an import from this shard, where it is emptied then. If
    /// it had keys before, they count until others come.
    pub(crate) fn begin(&mut self, slot: u16, source: Shard) {
        let keys = Keys { source: Some(source), is_emptied: true, ..Keys::default() };
        self.0.entry(slot).or_insert(keys);
    }

    /// A key has come with an import. `is_emptied`: where it comes from, the slot is emptied then.
    pub(crate) fn bring(
        &mut self,
        slot: u16,
        hash: u64,
        source: Option<Shard>,
        at: u64,
        is_emptied: bool,
    ) {
        self.come(slot, hash, source, at).is_emptied = is_emptied;
    }

    fn come(&mut self, slot: u16, hash: u64, source: Option<Shard>, at: u64) -> &mut Keys {
        let keys = self.0.entry(slot).or_default();
        keys.hashes.insert(hash);
        keys.left.remove(&hash);
        (keys.source, keys.at) = (source, at);
        keys
    }

    /// Whether keys of a slot were seen to come, though all may be gone.
    pub(crate) fn has_seen(&self, slot: u16) -> bool {
        self.0.contains_key(&slot)
    }

    pub(crate) fn has(&self, slot: u16, hash: u64) -> bool {
        self.0.get(&slot).is_some_and(|keys| keys.hashes.contains(&hash))
    }

    /// A key is deleted where it comes from. Whether that is because it has come.
    pub(crate) fn leave(&mut self, slot: u16, hash: u64) -> bool {
        self.0.get_mut(&slot).filter(|keys| !keys.is_emptied).is_some_and(|keys| {
            if keys.hashes.remove(&hash) {
                keys.left.insert(hash);
            }
            keys.left.contains(&hash)
        })
    }

    /// Whether a key has come, perhaps long ago.
    pub(crate) fn has_come(&self, slot: u16, hash: u64) -> bool {
        let has = |keys: &Keys| keys.hashes.contains(&hash) || keys.left.contains(&hash);
        self.0.get(&slot).is_some_and(has)
    }

    /// A key has been deleted here.
    pub(crate) fn drop(&mut self, slot: u16, hash: u64) {
        if let Some(keys) = self.0.get_mut(&slot) {
            keys.hashes.remove(&hash);
        }
    }

    /// The shard that may have written to the keys of a slot what has not been handled yet.
    pub(crate) fn from(&self, slot: u16) -> Option<Shard> {
        self.0.get(&slot).filter(|keys| keys.is_unsettled)?.source
    }

    /// Something may not have been handled yet that this shard wrote to the keys of a slot, which come
    /// from there.
    pub(crate) fn unsettle(&mut self, slot: u16, source: Shard) {
        if let Some(keys) = self.0.get_mut(&slot).filter(|keys| keys.source == Some(source)) {
            keys.is_unsettled = true;
        }
    }

    /// All has been handled that this shard wrote to keys before they came from there.
    pub(crate) fn settle(&mut self, source: Shard) {
        let from_there = self.0.values_mut().filter(|keys| keys.source == Some(source));
        from_there.for_each(|keys| keys.is_unsettled = false);
    }

    pub(crate) fn forget(&mut self, slot: u16) {
        self.0.remove(&slot);
    }

    /// Forgets the keys of a slot that come from this shard.
    pub(crate) fn forget_from(&mut self, slot: u16, source: Shard) {
        if self.0.get(&slot).is_some_and(|keys| keys.source == Some(source)) {
            self.forget(slot);
        }
    }

    /// Forgets the keys of a slot, if all came before this offset.
    pub(crate) fn forget_before(&mut self, slot: u16, offset: u64) {
        if self.0.get(&slot).is_some_and(|keys| keys.at < offset) {
            self.forget(slot);
        }
    }

    /// Whether something may not have been handled yet.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.0.values().any(|keys| keys.is_unsettled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: Option<Shard> = Some(Shard(2));

    #[test]
    fn keys_that_have_come_are_settled_together() {
        let mut keys = Restored::default();
        assert!(!keys.is_unsettled());
        keys.add(7, 1, FROM, 10);
        keys.add(8, 2, FROM, 11);
        keys.add(9, 3, None, 12);
        assert_eq!([7, 8, 9, 10].map(|slot| keys.from(slot)), [FROM, FROM, None, None]);
        assert!(keys.is_unsettled());
        keys.settle(Shard(1));
        assert_eq!(keys.from(7), FROM);
        keys.settle(Shard(2));
        assert!(!keys.is_unsettled() && keys.from(7).is_none());
        assert!(keys.has(7, 1) && keys.has(8, 2) && keys.has(9, 3));
        // the next one from there
        keys.add(7, 4, FROM, 13);
        assert_eq!((keys.from(7), keys.from(8)), (FROM, None));
    }

    #[test]
    fn a_key_that_comes_with_an_import_is_not_waited_for() {
        let mut keys = Restored::default();
        keys.bring(7, 1, FROM, 10, false);
        assert!(keys.has(7, 1) && !keys.is_unsettled());
        // nor does it settle others
        keys.add(8, 2, FROM, 11);
        keys.bring(8, 3, FROM, 12, false);
        assert_eq!(keys.from(8), FROM);
    }

    #[test]
    fn a_slot_was_seen_until_it_is_forgotten() {
        let mut keys = Restored::default();
        keys.bring(7, 1, FROM, 10, false);
        assert!(!keys.leave(7, 2) && !keys.leave(8, 1));
        assert!(keys.leave(7, 1) && !keys.has(7, 1));
        assert!(keys.has_seen(7) && !keys.has_seen(8));
        keys.add(8, 1, FROM, 11);
        keys.forget(8);
        assert!(!keys.has_seen(8) && !keys.has(8, 1) && !keys.is_unsettled());
        assert!(keys.has_seen(7));
    }

    #[test]
    fn what_is_deleted_where_slots_are_emptied_was_not_moved() {
        let mut keys = Restored::default();
        keys.begin(7, Shard(2));
        assert!(keys.has_seen(7) && !keys.leave(7, 1));
        keys.bring(7, 1, FROM, 10, true);
        assert!(keys.has_come(7, 1) && !keys.leave(7, 1) && keys.has(7, 1));
        // it moves once more, by itself
        keys.add(7, 1, FROM, 20);
        keys.begin(7, Shard(2));
        assert!(keys.leave(7, 1));
        // or with an import after which keys are deleted one by one
        keys.bring(7, 1, FROM, 30, true);
        keys.bring(7, 1, FROM, 40, false);
        assert!(keys.leave(7, 1));
    }

    #[test]
    fn a_key_may_be_told_to_have_left_again() {
        let mut keys = Restored::default();
        keys.add(7, 1, FROM, 10);
        assert!(keys.has(7, 1) && keys.has_come(7, 1));
        assert!(keys.leave(7, 1) && keys.leave(7, 1));
        assert!(!keys.has(7, 1) && keys.has_come(7, 1));
        // it comes once more
        keys.add(7, 1, FROM, 20);
        assert!(keys.has(7, 1));
        // what is deleted here was not moved
        keys.drop(7, 1);
        assert!(!keys.has_come(7, 1) && !keys.leave(7, 1));
    }

    #[test]
    fn keys_are_forgotten_by_where_they_come_from_and_by_when() {
        let mut keys = Restored::default();
        keys.add(7, 1, FROM, 10);
        // that of a move before, from the shard that they come to now
        keys.forget_from(7, Shard(3));
        assert!(keys.has_seen(7));
        keys.forget_before(7, 10);
        assert!(keys.has_seen(7));
        keys.forget_before(7, 11);
        assert!(!keys.has_seen(7));
        keys.add(7, 1, FROM, 10);
        keys.forget_from(7, Shard(2));
        assert!(!keys.has_seen(7));
    }
}
