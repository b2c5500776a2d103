//! What the reads of one moment have found, to see at their end whether it is still so.
//!
//! The writer counts up the version of a stripe when it locks it, and holds the lock until its change
//! is whole. So if all versions are the same at the end, there was a moment at which everything was as
//! it was read: the one at which the last read was made.

use std::cell::RefCell;

use eslaver_cluster::Shard;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::keyspace::error::ReadError;

/// What reads of one store, or of the shards of a cluster, have found.
#[derive(Debug, Default)]
pub struct Witness {
    dbs: Vec<(Of, SeenDb)>,
    stripes: HashMap<(Of, usize), u64, foldhash::fast::RandomState>,
    /// Of a cluster: the store of each shard, and the version of each slot's route.
    stores: Vec<(Shard, SeenStore)>,
    routes: HashMap<u16, u32, foldhash::fast::RandomState>,
    slots: Slots,
    has_changed: bool,
}

/// Where something was found: a database, by its number, of the only store or of that of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Of(Shard, u32);

/// The slots of a cluster that may be read.
#[derive(Debug, Clone, Copy, Default)]
enum Slots {
    #[default]
    Any,
    /// One: that which is read first.
    First,
    Only(u16),
}

/// What a shard had for readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeenStore {
    /// The store with this id.
    Id(u64),
    /// None.
    Missing,
    /// One that was too old for them.
    Stale,
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
pub(crate) struct Note<'a> {
    witnesses: [Option<&'a RefCell<Witness>>; 2],
    shard: Shard,
}

impl Witness {
    /// One of reads of a cluster that are to be of one slot.
    pub fn of_one_slot() -> Self {
        Self { slots: Slots::First, ..Self::default() }
    }

    /// Whether two reads have found different moments.
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Whether the reads of a shard's store, or of the only one, have found one moment, which is still
    /// so at this generation, with these databases and these versions of their stripes.
    pub(crate) fn holds(
        &self,
        shard: Shard,
        generation: u64,
        db: impl Fn(u32) -> Option<u64>,
        version: impl Fn(u32, usize) -> Option<u64>,
    ) -> bool {
        let is_db = |&(of, seen): &(Of, SeenDb)| of.0 != shard || seen.is(generation, db(of.1));
        let is_stripe = |(&(of, stripe), &seen): (&(Of, usize), &u64)| {
            of.0 != shard || version(of.1, stripe) == Some(seen)
        };
        !self.has_changed && self.dbs.iter().all(is_db) && self.stripes.iter().all(is_stripe)
    }

    /// The stores of the shards that were looked at.
    pub(crate) fn stores(&self) -> impl Iterator<Item = (Shard, SeenStore)> {
        self.stores.iter().copied()
    }

    /// The versions of the routes by which keys were looked for.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (u16, u32)> {
        self.routes.iter().map(|(&slot, &version)| (slot, version))
    }

    fn route(&mut self, slot: u16, version: u32) {
        self.has_changed |= *self.routes.entry(slot).or_insert(version) != version;
    }

    fn store(&mut self, shard: Shard, seen: SeenStore) {
        match self.stores.iter().find(|(other, _)| *other == shard) {
            None => self.stores.push((shard, seen)),
            Some((_, before)) => self.has_changed |= *before != seen,
        }
    }

    fn slot(&mut self, slot: u16) -> Result<(), ReadError> {
        match self.slots {
            Slots::First => self.slots = Slots::Only(slot),
            Slots::Only(only) if only != slot => return Err(ReadError::CrossSlot),
            Slots::Only(_) | Slots::Any => {}
        }
        Ok(())
    }

    fn all_slots(&self) -> Result<(), ReadError> {
        match self.slots {
            Slots::Any => Ok(()),
            Slots::First | Slots::Only(_) => Err(ReadError::CrossSlot),
        }
    }

    fn db(&mut self, of: Of, seen: SeenDb) {
        match self.dbs.iter_mut().find(|(other, _)| *other == of) {
            None => self.dbs.push((of, seen)),
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
        let [first, _] = self.witnesses;
        Self { witnesses: [Some(witness), first], ..self }
    }

    /// The same for what is found in the store of a shard.
    pub(crate) fn of(self, shard: Shard) -> Self {
        Self { shard, ..self }
    }

    #[inline]
    fn with(self, change: impl Fn(&mut Witness)) {
        for witness in self.witnesses.into_iter().flatten() {
            change(&mut witness.borrow_mut());
        }
    }

    /// A database as a whole, or that there is none at this generation.
    #[inline]
    pub(crate) fn db(self, generation: u64, number: u32, id: Option<u64>) {
        let seen = id.map_or(SeenDb::Empty(generation), SeenDb::Id);
        self.with(|witness| witness.db(Of(self.shard, number), seen));
    }

    /// A stripe of the database with this number.
    #[inline]
    pub(crate) fn stripe(self, number: u32, id: u64, stripe: usize, version: u64) {
        self.with(|witness| {
            let of = Of(self.shard, number);
            witness.db(of, SeenDb::Id(id));
            match witness.stripes.entry((of, stripe)) {
                Entry::Occupied(known) => witness.has_changed |= *known.get() != version,
                Entry::Vacant(free) => {
                    free.insert(version);
                }
            }
        });
    }

    #[inline]
    pub(crate) fn db_missing(self, number: u32) {
        self.with(|witness| witness.db(Of(self.shard, number), SeenDb::Missing));
    }

    /// The route by which keys of a slot are looked for.
    pub(crate) fn route(self, slot: u16, version: u32) {
        self.with(|witness| witness.route(slot, version));
    }

    /// What a shard has for readers.
    pub(crate) fn store(self, shard: Shard, seen: SeenStore) {
        self.with(|witness| witness.store(shard, seen));
    }

    /// Whether keys of this slot may be read.
    pub(crate) fn slot(self, slot: u16) -> Result<(), ReadError> {
        let mut witnesses = self.witnesses.into_iter().flatten();
        witnesses.try_for_each(|witness| witness.borrow_mut().slot(slot))
    }

    /// Whether keys of all slots may be read.
    pub(crate) fn all_slots(self) -> Result<(), ReadError> {
        let mut witnesses = self.witnesses.into_iter().flatten();
        witnesses.try_for_each(|witness| witness.borrow().all_slots())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::look::Patience;
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
