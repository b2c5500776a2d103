//! What the reads of one moment have found, to see at their end whether it is still so.
//!
//! The writer counts up the version of a stripe when it locks it, and holds the lock until its change
//! is whole. So if all versions are the same at the end, there was a moment at which everything was as
//! it was read: the one at which the last read was made.

use std::cell::RefCell;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// What reads of one store have found.
#[derive(Debug, Default)]
pub struct Witness {
    generation: Option<u64>,
    stripes: HashMap<(u32, usize), u64, foldhash::fast::RandomState>,
    missing_dbs: Vec<u32>,
    has_changed: bool,
}

/// Where to note what a read finds, if anywhere: for a query that is of one moment, which may be one of
/// several that are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Note<'a>([Option<&'a RefCell<Witness>>; 2]);

impl Witness {
    /// Whether two reads have found different moments.
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Whether the reads have found one moment, which is still so as far as these tell: whether there
    /// is this generation, no such database, and this version of a stripe.
    pub(crate) fn holds(
        &self,
        is_generation: impl Fn(u64) -> bool,
        is_missing: impl Fn(u32) -> bool,
        is_version: impl Fn(u32, usize, u64) -> bool,
    ) -> bool {
        let is_generation = || self.generation.is_none_or(&is_generation);
        !self.has_changed
            && is_generation()
            && self.missing_dbs.iter().all(|&db| is_missing(db))
            && self.stripes.iter().all(|(&(db, stripe), &version)| is_version(db, stripe, version))
            && is_generation()
    }

    fn generation(&mut self, generation: u64) {
        let first = *self.generation.get_or_insert(generation);
        self.has_changed |= first != generation;
    }
}

impl<'a> Note<'a> {
    /// The same, where `witness` notes it, too. There may be two of them.
    pub(crate) fn and(self, witness: &'a RefCell<Witness>) -> Self {
        let [first, _] = self.0;
        Self([Some(witness), first])
    }

    #[inline]
    fn with(self, change: impl Fn(&mut Witness)) {
        for witness in self.0.into_iter().flatten() {
            change(&mut witness.borrow_mut());
        }
    }

    #[inline]
    pub(crate) fn generation(self, generation: u64) {
        self.with(|witness| witness.generation(generation));
    }

    #[inline]
    pub(crate) fn stripe(self, generation: u64, db: u32, stripe: usize, version: u64) {
        self.with(|witness| {
            witness.generation(generation);
            match witness.stripes.entry((db, stripe)) {
                Entry::Occupied(known) => witness.has_changed |= *known.get() != version,
                Entry::Vacant(free) => {
                    free.insert(version);
                }
            }
        });
    }

    #[inline]
    pub(crate) fn db_missing(self, generation: u64, db: u32) {
        self.with(|witness| {
            witness.generation(generation);
            if !witness.missing_dbs.contains(&db) {
                witness.missing_dbs.push(db);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::store::Patience;
    use crate::read::reader::Reader;
    use crate::testing::{Mirror, NOW};

    fn see(mirror: &Mirror, witness: &RefCell<Witness>, key: &str) -> bool {
        let reader = Reader::new(&mirror.store, 0, NOW, Patience::Short).noting(witness);
        reader.entry(key.as_bytes(), |entry| entry.is_some()).unwrap()
    }

    #[test]
    fn changes_between_reads_are_known() {
        for (between, one_moment) in [
            (None, true),
            (Some("set a 2"), false),
            (Some("set b 2"), false),
            (Some("flushall"), false),
            (Some("swapdb 0 1"), false),
        ] {
            for (after, still) in [(None, true), (Some("del a"), false), (Some("del c"), false)] {
                let mut mirror = Mirror::redis("8.0.0");
                mirror.run("mset a 1 b 1 c 1");
                let witness = RefCell::default();
                assert!(see(&mirror, &witness, "a"));
                assert!(see(&mirror, &witness, "c"));
                between.into_iter().for_each(|line| mirror.run(line));
                see(&mirror, &witness, "b");
                see(&mirror, &witness, "a");
                after.into_iter().for_each(|line| mirror.run(line));
                let found = mirror.store.is_as_seen(&witness.borrow());
                // A key that was not read again may have been changed before the last was read.
                let wanted = one_moment && still || between == Some("set b 2") && after.is_none();
                assert_eq!(found, wanted, "{between:?} {after:?}");
            }
        }
    }

    #[test]
    fn a_database_that_comes_between_is_a_change() {
        let mut mirror = Mirror::redis("8.0.0");
        let witness = RefCell::default();
        assert!(!see(&mirror, &witness, "a"));
        assert!(mirror.store.is_as_seen(&witness.borrow()));
        mirror.run("set b 1");
        assert!(!mirror.store.is_as_seen(&witness.borrow()));
    }
}
