//! A database: its keys in stripes, each of which has a lock of its own.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;
use parking_lot::RwLock;

use crate::keyspace::account::Account;
use crate::keyspace::entry::Entry;
use crate::keyspace::usage::Usage;

/// How many stripes a database has.
pub(crate) const STRIPES: usize = 4096;
/// A table is made smaller when fewer than one slot of this number is taken.
const SPARSE: usize = 6;

/// A database.
#[derive(Debug)]
pub(crate) struct Db {
    stripes: Box<[Stripe]>,
    hasher: RandomState,
    usage: Usage,
}

/// Readers and the writer of other stripes must not wait for this one's cache line.
#[repr(align(64))]
#[derive(Debug, Default)]
pub(crate) struct Stripe(RwLock<Keys>);

/// The keys of a stripe.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    table: HashTable<Entry>,
    /// How often this has been locked for changes.
    version: u64,
}

/// The hash of a key, which also says in which stripe it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyHash(u64);

impl KeyHash {
    /// A table takes its lowest bits and its highest seven.
    #[inline]
    pub(crate) fn stripe(self) -> usize {
        (self.0 >> 40) as usize % STRIPES
    }
}

impl Db {
    pub(crate) fn new(hasher: RandomState) -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| Stripe::default()).collect(),
            hasher,
            usage: Usage::default(),
        }
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> KeyHash {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        KeyHash(hasher.finish())
    }

    #[inline]
    pub(crate) fn stripe(&self, index: usize) -> &RwLock<Keys> {
        &self.stripes[index % STRIPES].0
    }

    pub(crate) fn usage(&self) -> &Usage {
        &self.usage
    }

    pub(crate) fn stripes(&self) -> impl Iterator<Item = &RwLock<Keys>> {
        self.stripes.iter().map(|stripe| &stripe.0)
    }

    /// The number of keys, also of those that have expired.
    pub(crate) fn len(&self) -> usize {
        self.usage.whole()
    }

    /// Drops it, and tells `account` of what types the keys were.
    pub(crate) fn dismantle(self, account: &Account) {
        for Stripe(keys) in self.stripes {
            for entry in keys.into_inner().table {
                account.freeing_kind(entry.kind(), || drop(entry));
            }
        }
    }
}

impl Keys {
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn changing(&mut self) {
        self.version += 1;
    }

    #[inline]
    pub(crate) fn get(&self, hash: KeyHash, key: &[u8]) -> Option<&Entry> {
        self.table.find(hash.0, |entry| entry.key() == key)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, hash: KeyHash, key: &[u8]) -> Option<&mut Entry> {
        self.table.find_mut(hash.0, |entry| entry.key() == key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.table.iter()
    }

    /// Puts `entry` in the place of what its key had, which is given back.
    pub(crate) fn put(&mut self, hash: KeyHash, entry: Entry, of: &Db) -> Option<Entry> {
        let found = self.table.entry(
            hash.0,
            |other| other.key() == entry.key(),
            |other| of.hash(other.key()).0,
        );
        match found {
            TableEntry::Vacant(free) => {
                free.insert(entry);
                None
            }
            TableEntry::Occupied(mut taken) => Some(std::mem::replace(taken.get_mut(), entry)),
        }
    }

    pub(crate) fn remove(&mut self, hash: KeyHash, key: &[u8], of: &Db) -> Option<Entry> {
        let found = self.table.find_entry(hash.0, |entry| entry.key() == key).ok()?;
        let (old, _) = found.remove();
        if self.table.len() < self.table.capacity() / SPARSE {
            self.table.shrink_to(self.table.len() * 2, |entry| of.hash(entry.key()).0);
        }
        Some(old)
    }

    /// Removes all entries that `is_gone` names.
    pub(crate) fn remove_where(&mut self, is_gone: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.table.extract_if(|entry| is_gone(entry)).collect()
    }
}
