//! How a reader looks for keys, and what it finds.

use std::ops::Deref;

use crate::keyspace::account::Account;
use crate::keyspace::entry::Entry;
use crate::keyspace::kept::Kept;
use crate::keyspace::sync::{spin_loop, yield_now};
use crate::keyspace::witness::Note;

/// How often a reader tries to get its locks before it says that the store is busy.
const TRIES: usize = 32;
const MORE_TRIES: usize = 100_000;

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
            Self::Long => MORE_TRIES,
        }
    }

    /// After a try that failed.
    pub(super) fn pause(self) {
        match self {
            Self::Short => spin_loop(),
            Self::Long => yield_now(),
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
