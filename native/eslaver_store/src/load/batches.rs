//! Entries on their way into a database.
//!
//! What a snapshot brings goes anywhere in memory, and each place would have to be waited for. So
//! entries are gathered by where they go: those that are put at one time lie close together.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::heap::Meter;
use crate::keyspace::db::Db;
use crate::keyspace::entry::Entry;
use crate::keyspace::layout::KeyHash;

/// How many batches are filled at a time, and how many entries one has when it is put.
const BATCHES: usize = 256;
const FULL: usize = 128;

/// Entries by the stripes that they go to.
#[derive(Debug)]
pub(super) struct Batches {
    db: Arc<Db>,
    batches: Vec<Vec<(KeyHash, Entry)>>,
    /// How many keys a stripe will have, at least.
    expected: usize,
}

impl Batches {
    /// None yet, for a database that nobody reads, and that is to have about this number of keys.
    pub(super) fn new(db: Arc<Db>, keys: u64) -> Self {
        let mean = usize::try_from(keys / db.stripe_count() as u64).unwrap_or(usize::MAX);
        // Few stripes get fewer keys than this: no room is left over.
        let expected = mean.saturating_sub(2 * mean.isqrt());
        Self { db, batches: (0..BATCHES).map(|_| Vec::new()).collect(), expected }
    }

    /// Puts an entry, sooner or later. The last one of a key counts.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        let hash = self.db.hash(entry.key());
        self.db.usage().add(entry.kind());
        let batch = hash.stripe() * BATCHES / self.db.stripe_count();
        let Some(batch) = self.batches.get_mut(batch) else { return };
        batch.push((hash, entry));
        if batch.len() >= FULL {
            put(&self.db, batch, self.expected);
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.batches.iter_mut().for_each(|batch| put(&self.db, batch, self.expected));
        self.db.usage().settle();
    }
}

/// Puts the entries of a batch, which is empty then.
fn put(db: &Db, batch: &mut Vec<(KeyHash, Entry)>, expected: usize) {
    batch.sort_by_key(|(hash, _)| hash.stripe());
    let ends = batch.chunk_by(|(one, _), (other, _)| one.stripe() == other.stripe());
    let counts: SmallVec<[usize; FULL]> = ends.map(<[_]>::len).collect();
    let mut entries = batch.drain(..);
    for count in counts {
        let mut entries = entries.by_ref().take(count).peekable();
        let Some((hash, _)) = entries.peek() else { continue };
        let mut keys = db.stripe(hash.stripe()).write();
        keys.make_room(count, expected, db);
        for (hash, entry) in entries {
            if let Some(old) = keys.put(hash, entry, db) {
                let (kind, mut meter) = (old.kind(), Meter::start());
                db.usage().remove(kind);
                drop(old);
                db.account().charge_kind(kind, meter.lap());
            }
        }
    }
}
