//! What the writer has locked, until its change is whole.
//!
//! Only the writer holds more than one lock while it waits for another, so the order of its locks
//! does not matter.

use std::thread::panicking;

use smallvec::SmallVec;

use crate::heap::Meter;
use crate::keyspace::db::{Db, Keys};
use crate::keyspace::dbs::Dbs;
use crate::keyspace::entry::Entry;
use crate::keyspace::layout::KeyHash;
use crate::keyspace::store::Store;
use crate::keyspace::sync::{RwLock, RwLockWriteGuard, spin_loop, yield_now};
use crate::values::Type;

/// A writer that sleeps keeps readers out, so it does not before it has tried this often.
const SPINS: usize = 64;
const YIELDS: usize = 10_000;

/// The locks of one change.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    store: &'a Store,
    dbs: &'a Dbs,
    /// By ascending db and stripe.
    held: SmallVec<[Held<'a>; 2]>,
    /// What has been allocated and not charged to a type of keys yet.
    meter: Meter,
    /// The type that was charged last.
    kind: Option<Type>,
}

#[derive(Debug)]
struct Held<'a> {
    at: (u32, usize),
    keys: RwLockWriteGuard<'a, Keys>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(store: &'a Store, dbs: &'a Dbs) -> Self {
        Self { store, dbs, held: SmallVec::new(), meter: Meter::start(), kind: None }
    }

    pub(crate) fn store(&self) -> &'a Store {
        self.store
    }

    pub(crate) fn db(&self, number: u32) -> Option<&'a Db> {
        self.dbs.get(number)
    }

    pub(crate) fn dbs(&self) -> &'a Dbs {
        self.dbs
    }

    /// Whether readers have to wait, of some keys or of all.
    pub(crate) fn keeps_readers_out(&self) -> bool {
        !self.held.is_empty() || self.store.is_exclusive()
    }

    /// The keys of a stripe, from now on locked for changes.
    #[inline]
    pub(crate) fn lock(&mut self, number: u32, db: &'a Db, hash: KeyHash) -> &mut Keys {
        self.lock_stripe(number, db, hash.stripe())
    }

    #[inline]
    fn lock_stripe(&mut self, number: u32, db: &'a Db, stripe: usize) -> &mut Keys {
        let at = (number, stripe);
        let index = match self.held.binary_search_by_key(&at, |held| held.at) {
            Ok(index) => index,
            Err(index) => {
                // A shared lock keeps no readers out.
                let copy = || db.copy(&db.stripe(stripe).read_recursive());
                db.capture().before_change(stripe, copy);
                let mut keys = write(db.stripe(stripe));
                keys.changing();
                let Self { meter, held, .. } = self;
                meter.except(|| held.insert(index, Held { at, keys }));
                index
            }
        };
        &mut self.held[index].keys
    }

    /// What has been allocated and freed since this was called last is of this type.
    #[inline]
    pub(crate) fn charge(&mut self, kind: Type) {
        self.kind = Some(kind);
        self.store.account().charge_kind(kind, self.meter.lap());
    }

    /// It is of no type.
    #[inline]
    pub(crate) fn charge_none(&mut self) {
        self.meter.lap();
    }

    /// A command is whole: what it has freed at last is of the type that it has charged last.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if let Some(kind) = self.kind {
            self.charge(kind);
        }
    }

    /// Removes all entries of these stripes of a database that `is_gone` names. Only the stripes that
    /// have such are locked.
    pub(crate) fn remove_where(
        &mut self,
        number: u32,
        db: &'a Db,
        stripes: impl IntoIterator<Item = usize>,
        is_gone: impl Fn(&Entry) -> bool,
    ) -> Vec<Entry> {
        let mut removed = Vec::new();
        for stripe in stripes {
            let has_any = |keys: &Keys| keys.iter().any(&is_gone);
            if self.read_stripe(number, db, stripe, has_any).unwrap_or_default() {
                removed.extend(self.lock_stripe(number, db, stripe).remove_where(&is_gone, db));
            }
        }
        for entry in &removed {
            db.usage().remove(entry.kind());
        }
        removed
    }

    /// Hands the keys of a stripe to `with`, which does not change them.
    pub(crate) fn read<R>(
        &self,
        number: u32,
        db: &Db,
        hash: KeyHash,
        with: impl FnOnce(&Keys) -> R,
    ) -> R {
        let at = (number, hash.stripe());
        match self.held.binary_search_by_key(&at, |held| held.at) {
            Ok(index) => with(&self.held[index].keys),
            Err(_) => with(&db.readable(at.1).read_recursive()),
        }
    }

    /// The same for a stripe. `None` where it was never made.
    fn read_stripe<R>(
        &self,
        number: u32,
        db: &Db,
        stripe: usize,
        with: impl FnOnce(&Keys) -> R,
    ) -> Option<R> {
        match self.held.binary_search_by_key(&(number, stripe), |held| held.at) {
            Ok(index) => Some(with(&self.held[index].keys)),
            Err(_) => db.made_stripe(stripe).map(|keys| with(&keys.read_recursive())),
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if panicking() {
            return self.store.break_off();
        }
        let mut last = None;
        for Held { at: (number, _), .. } in &self.held {
            if last.replace(*number) != Some(*number)
                && let Some(db) = self.dbs.get(*number)
            {
                db.usage().settle();
            }
        }
    }
}

fn write(lock: &RwLock<Keys>) -> RwLockWriteGuard<'_, Keys> {
    for attempt in 0..SPINS + YIELDS {
        if let Some(keys) = lock.try_write() {
            return keys;
        }
        if attempt < SPINS { spin_loop() } else { yield_now() }
    }
    lock.write()
}
