//! Entries on their way into a database.
//!
//! What a snapshot brings goes anywhere in memory, and each place would have to be waited for. So
//! entries are gathered by where they go: those that are put at one time lie close together.

use std::sync::Arc;

use crate::heap::Meter;
use crate::keyspace::db::{Db, KeyHash, STRIPES};
use crate::keyspace::entry::Entry;

/// How many batches are filled at a time, and how many entries one has when it is put.
const BATCHES: usize = 256;
const FULL: usize = 128;

/// Entries by the stripes that they go to.
#[derive(Debug)]
pub(super) struct Batches {
    db: Arc<Db>,
    batches: Vec<Vec<(KeyHash, Entry)>>,
}

impl Batches {
    /// None yet, for a database that nobody reads.
    pub(super) fn new(db: Arc<Db>) -> Self {
        Self { db, batches: (0..BATCHES).map(|_| Vec::new()).collect() }
    }

    /// Puts an entry, sooner or later. The last one of a key counts.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        let hash = self.db.hash(entry.key());
        self.db.usage().add(entry.kind());
        let Some(batch) = self.batches.get_mut(hash.stripe() * BATCHES / STRIPES) else { return };
        batch.push((hash, entry));
        if batch.len() >= FULL {
            put(&self.db, batch);
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.batches.iter_mut().for_each(|batch| put(&self.db, batch));
        self.db.usage().settle();
    }
}

/// Puts the entries of a batch, which is empty then.
fn put(db: &Db, batch: &mut Vec<(KeyHash, Entry)>) {
    batch.sort_by_key(|(hash, _)| hash.stripe());
    let mut entries = batch.drain(..).peekable();
    while let Some((hash, entry)) = entries.next() {
        let stripe = hash.stripe();
        let mut keys = db.stripe(stripe).write();
        let mut next = Some((hash, entry));
        while let Some((hash, entry)) = next {
            if let Some(old) = keys.put(hash, entry, db) {
                let (kind, mut meter) = (old.kind(), Meter::start());
                db.usage().remove(kind);
                drop(old);
                db.account().charge_kind(kind, meter.lap());
            }
            next = entries.next_if(|(hash, _)| hash.stripe() == stripe);
        }
    }
}
