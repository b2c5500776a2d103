//! Who wants to know of which changes of keys, however many they are.
//!
//! Somebody is an id with a [`Filter`]. What a command costs is a lookup, and what of it somebody wants:
//! first by its name, for each key by its db, and then by the key itself. Types do not count, as a
//! command does not tell them.
//!
//! | module | has |
//! |---|---|
//! | `scopes` | by a command's name, and by a db |
//! | `patterns` | by a key |
//! | `ids` | sets of ids |

mod ids;
mod patterns;
mod scopes;

use std::collections::BTreeMap;

use crate::commands::{self, Arguments, Effect, Learned};
use crate::filter::Filter;
use ids::Ids;
use scopes::{Commands, OfCommand};

/// What a command changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// A key.
    Key {
        /// Which argument it is. The first after the command's name has the index 0.
        index: usize,
        /// The key itself.
        key: &'a [u8],
        /// Its db.
        db: u32,
    },
    /// All keys of all dbs.
    All,
    /// All keys of the command's db.
    Db,
    /// All keys of two dbs.
    Swap(u32, u32),
    /// All keys of these slots, in all dbs.
    Slots(Vec<(u16, u16)>),
    /// Keys of the command's db that it does not name.
    Unnamed,
}

/// The interests of many.
#[derive(Debug, Default)]
pub struct Interests<I> {
    filters: BTreeMap<I, Filter>,
    commands: Commands<I>,
}

impl<I: Copy + Ord> Interests<I> {
    /// Nobody is interested in anything.
    pub fn new() -> Self {
        Self { filters: BTreeMap::new(), commands: Commands::default() }
    }

    /// Whether nobody is interested in anything.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// All who are interested in anything.
    pub fn all(&self) -> impl Iterator<Item = I> {
        self.filters.keys().copied()
    }

    /// From now on `id` wants this, and nothing else.
    pub fn add(&mut self, id: I, filter: Filter) {
        self.remove(id);
        self.commands.add(id, &filter);
        self.filters.insert(id, filter);
    }

    /// `id` wants nothing any more. False: it did not want anything.
    pub fn remove(&mut self, id: I) -> bool {
        let Some(filter) = self.filters.remove(&id) else {
            return false;
        };
        self.commands.remove(id, &filter);
        true
    }

    /// An upper bound of the steps that a byte of a key takes beside the lookups: patterns that begin
    /// alike, or with anything, are tried one by one.
    pub fn steps(&self) -> usize {
        self.commands.steps()
    }

    /// Hands the changes of a command that anybody wants to `each`, in their order, with those who want
    /// them, each of them once. The command's name may be in any case; `db` is its db.
    ///
    /// What changes keys without naming them is wanted whatever the keys of a filter: by those who want
    /// the command, and one of its dbs. What changes keys in all dbs is wanted whatever the dbs.
    pub fn each<'a, A: Arguments + ?Sized>(
        &self,
        learned: &Learned,
        name: &[u8],
        args: &'a A,
        db: u32,
        mut each: impl FnMut(Change<'a>, &[I]),
    ) {
        let Some(found) = self.commands.of(name) else { return };
        let mut ids = Ids::default();
        let effect = commands::keys(learned, name, args, |key| {
            let Some(bytes) = args.argument(key.index).filter(|_| key.changed) else { return };
            let db = key.db.unwrap_or(db);
            found.key(db, bytes, &mut ids);
            if let Some(ids) = ids.take() {
                each(Change::Key { index: key.index, key: bytes, db }, ids);
            }
        });
        let change = match effect {
            Effect::Keys | Effect::NotAWrite => return,
            Effect::AllDbs => Change::All,
            Effect::Db => Change::Db,
            Effect::Swap(one, other) => Change::Swap(one, other),
            Effect::Slots => commands::slots(name, args).map_or(Change::Unnamed, Change::Slots),
            Effect::Unnamed | Effect::Unknown => Change::Unnamed,
        };
        wanting(&found, &change, db, &mut ids);
        if let Some(ids) = ids.take() {
            each(change, ids);
        }
    }
}

/// Adds those who want a change of keys that are not named.
fn wanting<I: Copy + Ord>(
    found: &OfCommand<'_, I>,
    change: &Change<'_>,
    db: u32,
    ids: &mut Ids<I>,
) {
    match *change {
        Change::Key { .. } => {}
        Change::All | Change::Slots(_) => found.all(ids),
        Change::Swap(one, other) => {
            found.db(one, ids);
            found.db(other, ids);
        }
        Change::Db | Change::Unnamed => found.db(db, ids),
    }
}
