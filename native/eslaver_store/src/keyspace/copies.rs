//! Entries as they were at some moment, for whoever saves them.

use std::sync::Arc;

use crate::keyspace::account::Account;
use crate::keyspace::entry::Entry;

/// Copies of entries. Those of large values share their parts with the store's own, and are the last to
/// have what the writer has replaced meanwhile.
#[derive(Debug)]
pub(crate) struct Copies {
    entries: Vec<Entry>,
    account: Arc<Account>,
}

impl Copies {
    pub(crate) fn of<'a>(entries: impl Iterator<Item = &'a Entry>, account: &Arc<Account>) -> Self {
        let copy = |entry: &Entry| account.of_kind(entry.kind(), || entry.clone());
        let entries = account.apart(|| entries.map(copy).collect());
        Self { entries, account: Arc::clone(account) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        let Self { entries, account } = self;
        account.apart(|| {
            for entry in std::mem::take(entries) {
                account.of_kind(entry.kind(), || drop(entry));
            }
        });
    }
}
