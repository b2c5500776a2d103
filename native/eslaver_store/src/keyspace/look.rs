//! How a reader looks for keys, and what it finds.

use std::ops::Deref;
use std::time::Duration;

use crate::keyspace::account::Account;
use crate::keyspace::entry::Entry;
use crate::keyspace::kept::Kept;
use crate::keyspace::sync::{sleep, spin_loop, yield_now};
use crate::keyspace::witness::Note;

/// How often a reader tries to get its locks before it says that the store is busy.
const TRIES: usize = 32;
/// The same for a patient one, which yields at first and then sleeps: a writer that got no
/// processor while it had the locks gets one then, whatever its priority. About two seconds in all.
const YIELDS: usize = 1_000;
const SLEEPS: usize = 10_000;
const SLEEP: Duration = Duration::from_micros(100);

/// How long a read may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// About a millisecond. What would take longer is not begun:
    /// [`ReadError::TakesLong`](crate::ReadError::TakesLong). While the writer has the keys, the
    /// answer is [`ReadError::Busy`](crate::ReadError::Busy).
    Short,
    /// As long as it takes.
    Long,
}

impl Patience {
    pub(super) fn is_short(self) -> bool {
        self == Self::Short
    }

    pub(super) fn tries(self) -> usize {
        match self {
            Self::Short => TRIES,
            Self::Long => YIELDS + SLEEPS,
        }
    }

    /// After a try that failed, the first of which has the number 0.
    pub(super) fn pause(self, tried: usize) {
        match self {
            Self::Short => spin_loop(),
            Self::Long if tried < YIELDS => yield_now(),
            Self::Long => sleep(SLEEP),
        }
    }
}

/// What a reader looks with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'n> {
    pub(crate) db: u32,
    pub(crate) now: i64,
    pub(crate) patience: Patience,
    pub(crate) note: Note<'n>,
}

/// An entry, and whose memory it is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located<'e, 'a> {
    entry: &'e Entry,
    account: &'a Account,
}

impl<'e, 'a> Located<'e, 'a> {
    #[inline]
    pub(crate) fn new(entry: &'e Entry, account: &'a Account) -> Self {
        Self { entry, account }
    }

    #[inline]
    pub(crate) fn entry(self) -> &'e Entry {
        self.entry
    }

    #[inline]
    pub(crate) fn account(self) -> &'a Account {
        self.account
    }

    /// A copy of its value, for when it is not locked.
    pub(crate) fn keep(self) -> Kept<'a> {
        Kept::new(self.entry.value(), self.account)
    }
}

impl Deref for Located<'_, '_> {
    type Target = Entry;

    #[inline]
    fn deref(&self) -> &Entry {
        self.entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReadError;
    use crate::keyspace::sync::RwLock;
    use crate::read::reader::Reader;
    use crate::testing::{Mirror, NOW};

    /// A writer may get no processor for long while it has the locks.
    const HELD: Duration = Duration::from_millis(300);

    #[test]
    fn a_patient_reader_outlasts_a_writer_that_has_the_keys() {
        let mut mirror = Mirror::redis("8.0.0");
        mirror.run("set key value");
        let store = &mirror.store;
        let dbs = store.dbs();
        let read =
            |patience| Reader::new(store, 0, NOW, patience).entry(b"key", |entry| entry.is_some());
        std::thread::scope(|scope| {
            let locks: Vec<_> = dbs.get(0).unwrap().stripes().map(RwLock::write).collect();
            let hasty = scope.spawn(|| read(Patience::Short));
            assert_eq!(hasty.join().unwrap(), Err(ReadError::Busy));
            let patient = scope.spawn(|| read(Patience::Long));
            sleep(HELD);
            drop(locks);
            assert_eq!(patient.join().unwrap(), Ok(true));
        });
    }
}
