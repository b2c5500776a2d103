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
    /// By number.
    dbs: Vec<(u32, SeenDb)>,
    stripes: HashMap<(u32, usize), u64, foldhash::fast::RandomState>,
    has_changed: bool,
}

/// Which database has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SeenDb {
    Id(u64),
    /// None, which a key was looked for in.
    Missing,
    /// None, at this generation: one that is made for its first key does not replace any keys.
    Empty(u64),
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

    /// Whether the reads have found one moment, which is still so at this generation, with these
    /// databases and these versions of their stripes.
    pub(crate) fn holds(
        &self,
        generation: u64,
        db: impl Fn(u32) -> Option<u64>,
        version: impl Fn(u32, usize) -> Option<u64>,
    ) -> bool {
        let is_db = |&(number, seen): &(u32, SeenDb)| seen.is(generation, db(number));
        !self.has_changed
            && self.dbs.iter().all(is_db)
            && self.stripes.iter().all(|(&(db, stripe), &seen)| version(db, stripe) == Some(seen))
    }

    fn db(&mut self, number: u32, seen: SeenDb) {
        match self.dbs.iter_mut().find(|(other, _)| *other == number) {
            None => self.dbs.push((number, seen)),
            Some((_, before)) if *before == seen => {}
            Some((_, before)) => match (*before, seen) {
                (SeenDb::Empty(_), SeenDb::Missing | SeenDb::Empty(_)) => *before = seen,
                (SeenDb::Missing, SeenDb::Empty(_)) => {}
                _ => self.has_changed = true,
            },
        }
    }
}

impl SeenDb {
    fn is(self, generation: u64, id: Option<u64>) -> bool {
        match self {
            Self::Id(seen) => id == Some(seen),
            Self::Missing => id.is_none(),
            Self::Empty(seen) => id.is_none() || generation == seen,
        }
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

    /// A database as a whole, or that there is none at this generation.
    #[inline]
    pub(crate) fn db(self, generation: u64, number: u32, id: Option<u64>) {
        let seen = id.map_or(SeenDb::Empty(generation), SeenDb::Id);
        self.with(|witness| witness.db(number, seen));
    }

    /// A stripe of the database with this number.
    #[inline]
    pub(crate) fn stripe(self, number: u32, id: u64, stripe: usize, version: u64) {
        self.with(|witness| {
            witness.db(number, SeenDb::Id(id));
            match witness.stripes.entry((number, stripe)) {
                Entry::Occupied(known) => witness.has_changed |= *known.get() != version,
                Entry::Vacant(free) => {
                    free.insert(version);
                }
            }
        });
    }

    #[inline]
    pub(crate) fn db_missing(self, number: u32) {
        self.with(|witness| witness.db(number, SeenDb::Missing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::store::Patience;
    use crate::read::reader::Reader;
    use crate::testing::{Mirror, NOW};
    use crate::write::command::Command;

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
            (Some("swapdb 1 2"), true),
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
                let found = mirror.store.is_as_seen(&witness.borrow()).unwrap();
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
        assert_eq!(mirror.store.is_as_seen(&witness.borrow()), Some(true));
        mirror.run("set b 1");
        assert_eq!(mirror.store.is_as_seen(&witness.borrow()), Some(false));
    }

    /// What is seen of a database as a whole stays so whatever becomes of single keys and of others.
    #[test]
    fn another_database_is_no_matter() {
        for (seen, db, line, same) in [
            (0, 0, "set b 1", true),
            (0, 0, "del a", true),
            (0, 0, "flushdb", false),
            (0, 0, "flushall", false),
            (0, 0, "swapdb 1 2", true),
            (0, 0, "swapdb 0 2", false),
            (0, 1, "flushdb", true),
            (0, 1, "flushall", false),
            (3, 3, "set a 1", true),
            (3, 3, "flushall", true),
            (3, 3, "swapdb 0 3", false),
        ] {
            let mut mirror = Mirror::redis("8.0.0");
            mirror.run("set a 1");
            let witness = RefCell::default();
            let reader = Reader::new(&mirror.store, seen, NOW, Patience::Short).noting(&witness);
            reader.stripe(0, |_| ()).unwrap();
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let (name, args) = words.split_first().unwrap();
            mirror.writer.apply(&[Command { db, name, args }], NOW, |_, _| unreachable!());
            let found = mirror.store.is_as_seen(&witness.borrow());
            assert_eq!(found, Some(same), "{seen}: {line} in {db}");
        }
    }

    #[test]
    fn a_change_of_databases_is_waited_for() {
        let mut mirror = Mirror::redis("8.0.0");
        mirror.run("set a 1");
        let witness = RefCell::default();
        assert!(see(&mirror, &witness, "a"));
        mirror.store.begin_exclusive();
        assert_eq!(mirror.store.is_as_seen(&witness.borrow()), None);
        mirror.store.end_exclusive();
        assert_eq!(mirror.store.is_as_seen(&witness.borrow()), Some(true));
    }
}
