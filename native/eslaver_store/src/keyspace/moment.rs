//! The keys of a store at one moment, while its writer goes on.

use std::sync::Arc;
use std::thread::yield_now;

use crate::keyspace::capture::Next;
use crate::keyspace::copies::Copies;
use crate::keyspace::db::Db;
use crate::keyspace::store::Store;

/// What is still to be taken of the keys at one moment.
#[derive(Debug)]
pub(crate) struct Moment {
    /// Those that have keys to be taken, by ascending number.
    dbs: Vec<(u32, Arc<Db>)>,
}

impl Moment {
    /// This moment, in which the writer must not be within a change. `None` while another is taken.
    pub(crate) fn of(store: &Store) -> Option<Self> {
        let mut moment = Self { dbs: Vec::new() };
        for (number, db) in store.dbs().iter() {
            if !db.capture().begin(db.stripe_count()) {
                return None;
            }
            moment.dbs.push((number, Arc::clone(db)));
        }
        Some(moment)
    }

    /// The next keys, and their database. What the writer has changed comes first: until then its
    /// copy takes memory.
    pub(crate) fn next(&mut self) -> Option<(u32, Copies)> {
        loop {
            let copy = self.dbs.iter().find_map(|(number, db)| {
                let copy = db.capture().take_copy()?;
                Some((*number, copy))
            });
            let (number, entries) = match copy {
                Some(copy) => copy,
                None => {
                    let (number, db) = self.dbs.first()?;
                    match take(db) {
                        Some(entries) => (*number, entries),
                        None => {
                            self.dbs.remove(0).1.capture().end();
                            continue;
                        }
                    }
                }
            };
            if !entries.is_empty() {
                return Some((number, entries));
            }
        }
    }
}

/// What some stripe held, perhaps nothing. `None` at the end.
fn take(db: &Db) -> Option<Copies> {
    let lock = |stripe| match db.made_stripe(stripe) {
        Some(keys) => keys.try_read().map(Some),
        None => Some(None),
    };
    let none = || Copies::of(std::iter::empty(), db.account());
    match db.capture().take(lock) {
        Next::Copy(entries) => Some(entries),
        // Large values are shared, so that the writer does not wait for long.
        Next::Stripe(Some(keys)) => Some(db.copy(&keys)),
        Next::Stripe(None) => Some(none()),
        Next::Locked => {
            yield_now();
            Some(none())
        }
        Next::End => None,
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        self.dbs.iter().for_each(|(_, db)| db.capture().end());
    }
}
