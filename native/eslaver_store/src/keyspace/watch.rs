//! Reads of several keys of a database, one after the other, that are to be of one moment: whether
//! they were is known afterwards. Unlike reads under all locks at once they hold up nobody.

use hashbrown::HashMap;

use crate::keyspace::entry::Entry;
use crate::keyspace::store::{ReadError, Store, TRIES};

/// What was seen of the keyspace by reads so far.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    generation: Option<u64>,
    /// The versions of the stripes that were looked at.
    stripes: HashMap<usize, u64, foldhash::fast::RandomState>,
    /// Whether there was no such database.
    db_missing: bool,
    /// Whether two of the reads were not of one moment.
    changed: bool,
}

impl Watch {
    fn see_generation(&mut self, generation: u64) {
        self.changed |= *self.generation.get_or_insert(generation) != generation;
    }

    fn see_stripe(&mut self, stripe: usize, version: u64) {
        self.changed |= *self.stripes.entry(stripe).or_insert(version) != version;
    }
}

impl Store {
    /// As [`Store::with_key`], of a key that is watched from now on.
    pub(crate) fn with_key_watched<R>(
        &self,
        db: u32,
        key: &[u8],
        now: i64,
        watch: &mut Watch,
        with: impl FnOnce(Option<&Entry>) -> R,
    ) -> Result<R, ReadError> {
        for _ in 0..TRIES {
            let Some(generation) = self.even_generation() else {
                std::hint::spin_loop();
                continue;
            };
            let dbs = self.dbs();
            let Some(db) = dbs.get(db) else {
                if self.is_generation(generation) {
                    watch.see_generation(generation);
                    watch.db_missing = true;
                    return Ok(with(None));
                }
                continue;
            };
            let hash = db.hash(key);
            let Some(keys) = db.stripe(hash.stripe()).try_read() else {
                std::hint::spin_loop();
                continue;
            };
            if self.is_generation(generation) {
                watch.see_generation(generation);
                watch.see_stripe(hash.stripe(), keys.version());
                return Ok(with(keys.get(hash, key).filter(|entry| entry.is_live(now))));
            }
        }
        Err(self.busy())
    }

    /// Whether all that was seen was so at one moment: it was when the last of it was read, if
    /// nothing has changed since the first.
    pub(crate) fn was_one_moment(&self, db: u32, watch: &Watch) -> bool {
        let dbs = self.dbs();
        let is_same = match dbs.get(db) {
            None => watch.stripes.is_empty(),
            Some(db) => {
                let is_same = |(stripe, version): (&usize, &u64)| {
                    db.stripe(*stripe).try_read().is_some_and(|keys| keys.version() == *version)
                };
                !watch.db_missing && watch.stripes.iter().all(is_same)
            }
        };
        is_same
            && !watch.changed
            && watch.generation.is_none_or(|generation| self.is_generation(generation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Mirror, NOW};

    fn see(mirror: &Mirror, watch: &mut Watch, key: &str) -> bool {
        mirror
            .store
            .with_key_watched(0, key.as_bytes(), NOW, watch, |entry| entry.is_some())
            .unwrap()
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
                let mut watch = Watch::default();
                assert!(see(&mirror, &mut watch, "a"));
                assert!(see(&mirror, &mut watch, "c"));
                between.into_iter().for_each(|line| mirror.run(line));
                see(&mirror, &mut watch, "b");
                see(&mirror, &mut watch, "a");
                after.into_iter().for_each(|line| mirror.run(line));
                let found = mirror.store.was_one_moment(0, &watch);
                // A key that was not read again may have been changed before the last was read.
                let wanted = one_moment && still || between == Some("set b 2") && after.is_none();
                assert_eq!(found, wanted, "{between:?} {after:?}");
            }
        }
    }

    #[test]
    fn a_database_that_comes_between_is_a_change() {
        let mut mirror = Mirror::redis("8.0.0");
        let mut watch = Watch::default();
        assert!(!see(&mirror, &mut watch, "a"));
        assert!(mirror.store.was_one_moment(0, &watch));
        mirror.run("set b 1");
        assert!(!mirror.store.was_one_moment(0, &watch));
    }
}
