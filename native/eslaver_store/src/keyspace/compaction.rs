//! Moves what a store holds away from sparse places of the heap, a little at a time, so that memory can
//! be given back. Readers and the writer find the same before and after.

use std::thread::panicking;

use crate::collections::mover::Mover;
use crate::heap::ForStore;
use crate::keyspace::db::Place;
use crate::keyspace::store::Store;

/// How many bytes are moved at a time: some 50 µs.
const MOST: usize = 64 << 10;

/// How far a store has been seen to. What comes into the heap meanwhile is in no sparse place.
#[derive(Debug, Default)]
pub struct Compaction {
    db: u32,
    stripe: usize,
    place: Place,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It was taken.
    Taken,
    /// Somebody has the keys: try again.
    Busy,
    /// There is nothing left.
    Done,
}

impl Store {
    /// Moves blocks at addresses of which `is_sparse` is true, up to some 64 KB, with one stripe locked.
    /// What is shared with a reader stays where it is. Any thread may do this.
    pub fn compact(&self, at: &mut Compaction, is_sparse: &dyn Fn(usize) -> bool) -> Step {
        let dbs = self.dbs();
        let Some((number, db)) = dbs.iter().find(|(number, _)| *number >= at.db) else {
            return Step::Done;
        };
        if number > at.db {
            *at = Compaction { db: number, ..Compaction::default() };
        }
        let Some((stripe, keys)) = (at.stripe..db.stripe_count())
            .find_map(|stripe| Some((stripe, db.made_stripe(stripe)?)))
        else {
            let Some(next) = number.checked_add(1) else { return Step::Done };
            *at = Compaction { db: next, ..Compaction::default() };
            return Step::Taken;
        };
        if stripe > at.stripe {
            (at.stripe, at.place) = (stripe, Place::default());
        }
        let Some(mut keys) = keys.try_write() else { return Step::Busy };
        // It is dropped before the lock.
        let _whole = Whole(self);
        let _for_store = ForStore::begin();
        let account = self.account();
        let mut mover = Mover::new(is_sparse, MOST);
        match account.apart(|| keys.compact(at.place, &mut mover, account)) {
            Some(next) => at.place = next,
            None => (at.stripe, at.place) = (stripe + 1, Place::default()),
        }
        Step::Taken
    }
}

/// Marks the store as broken where a panic cuts a step short.
struct Whole<'a>(&'a Store);

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        if panicking() {
            self.0.break_off();
        }
    }
}
