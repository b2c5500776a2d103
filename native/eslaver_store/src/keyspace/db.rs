//! A database: its keys in stripes, each of which has a lock of its own.

use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use eslaver_core::resp::AHEAD;
use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;
use smallvec::SmallVec;

use crate::collections::mover::Mover;
use crate::keyspace::account::Account;
use crate::keyspace::capture::Capture;
use crate::keyspace::copies::Copies;
use crate::keyspace::entry::Entry;
use crate::keyspace::layout::{HASHED, KeyHash, Layout};
use crate::keyspace::sync::{RwLock, RwLockReadGuard};
use crate::keyspace::usage::Usage;

/// How many stripes are made together. A database with few keys has few of them.
const GROUP: usize = if HASHED < 64 { HASHED } else { 64 };
/// A table is made smaller when fewer than one slot of this number is taken.
const SPARSE: usize = 6;

/// How many times as large a table that is filled becomes at once, at most: who says how many keys it
/// will have may be wrong.
const GROWTH: usize = 32;

/// The databases made so far.
static MADE: AtomicU64 = AtomicU64::new(0);

/// A database.
#[derive(Debug)]
pub(crate) struct Db {
    id: u64,
    layout: Layout,
    groups: Box<[OnceLock<Group>]>,
    /// What is read of stripes that were never made.
    empty: Stripe,
    hasher: RandomState,
    usage: Usage,
    capture: Capture,
    account: Arc<Account>,
}

/// Readers and the writer of other stripes must not wait for this one's cache line.
#[repr(align(64))]
#[derive(Debug, Default)]
pub(crate) struct Stripe(RwLock<Keys>);

type Group = Box<[Stripe; GROUP]>;

/// The keys of a stripe.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    table: HashTable<Entry>,
    /// How often this has been locked for changes.
    version: u64,
}

/// Where the entries of a stripe are seen to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    slot: usize,
    /// Where within the value of the entry.
    within: u64,
}

impl Db {
    pub(crate) fn new(layout: Layout, hasher: RandomState, account: Arc<Account>) -> Self {
        Self {
            id: MADE.fetch_add(1, Ordering::Relaxed),
            layout,
            groups: (0..layout.stripes() / GROUP).map(|_| OnceLock::new()).collect(),
            empty: Stripe::default(),
            hasher,
            usage: Usage::default(),
            capture: Capture::default(),
            account,
        }
    }

    /// No other database has it, whatever their numbers become.
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> KeyHash {
        self.layout.place(key, self.hash_in_table(key))
    }

    /// What a table goes by that is made anew: see [`KeyHash::in_table`].
    #[inline]
    fn hash_in_table(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    /// The hash of a key that is in this stripe.
    #[inline]
    pub(crate) fn hash_at(&self, key: &[u8], stripe: usize) -> KeyHash {
        KeyHash::at(stripe, self.hash_in_table(key))
    }

    /// How its keys are laid out in stripes.
    #[inline]
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// How many stripes it has.
    #[inline]
    pub(crate) fn stripe_count(&self) -> usize {
        self.layout.stripes()
    }

    /// A stripe, which is made if it is missing.
    #[inline]
    pub(crate) fn stripe(&self, index: usize) -> &RwLock<Keys> {
        let group = &self.groups[index / GROUP];
        &group.get_or_init(|| self.account.apart(new_group))[index % GROUP].0
    }

    /// A stripe to be read. Instead of one that was never made it is an empty one, which keeps no writer
    /// out.
    #[inline]
    pub(crate) fn readable(&self, index: usize) -> &RwLock<Keys> {
        self.made_stripe(index).unwrap_or(&self.empty.0)
    }

    /// A stripe. One that was never made has no keys, nor has one beyond the last.
    #[inline]
    pub(crate) fn made_stripe(&self, index: usize) -> Option<&RwLock<Keys>> {
        let group = self.groups.get(index / GROUP)?.get();
        group.map(|group| &group[index % GROUP].0)
    }

    /// Looks at all that will be needed of these keys. A lock is waited for, so the looks are made before
    /// the locks are taken, and then while all are held.
    #[inline]
    pub(crate) fn warm(&self, keys: &[&[u8]]) {
        let hashes: SmallVec<[KeyHash; AHEAD]> = keys.iter().map(|key| self.hash(key)).collect();
        let stripes = || hashes.iter().map(|hash| self.made_stripe(hash.stripe()));
        black_box(stripes().flatten().filter(|stripe| stripe.is_locked()).count());
        let held: SmallVec<[_; AHEAD]> =
            stripes().map(|stripe| stripe.and_then(RwLock::try_read)).collect();
        let look = |((stripe, hash), key): ((&Option<RwLockReadGuard<'_, Keys>>, _), &&[u8])| {
            stripe.as_ref().and_then(|keys| keys.get(hash, key)).map_or(0, Entry::look)
        };
        black_box(held.iter().zip(hashes.iter().copied()).zip(keys).map(look).sum::<usize>());
    }

    pub(crate) fn usage(&self) -> &Usage {
        &self.usage
    }

    /// What is being saved of it.
    #[inline]
    pub(crate) fn capture(&self) -> &Capture {
        &self.capture
    }

    /// The stripes that may have keys.
    pub(crate) fn stripes(&self) -> impl Iterator<Item = &RwLock<Keys>> {
        (0..self.stripe_count()).filter_map(|index| self.made_stripe(index))
    }

    /// The bytes that it takes, apart from its keys and their values.
    #[cfg(test)]
    pub(crate) fn table_bytes(&self) -> usize {
        let stripe =
            |keys: &RwLock<Keys>| size_of::<Stripe>() + keys.read().table.allocation_size();
        let groups = size_of_val(&*self.groups);
        size_of::<Self>() + groups + self.stripes().map(stripe).sum::<usize>()
    }

    /// The number of keys, also of those that have expired.
    pub(crate) fn len(&self) -> usize {
        self.usage.whole()
    }

    /// What its keys take.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Copies of all entries of a stripe.
    pub(crate) fn copy(&self, keys: &Keys) -> Copies {
        Copies::of(keys.iter(), &self.account)
    }

    /// Drops it, and tells its account of what types the keys were.
    pub(crate) fn dismantle(self) {
        for keys in self.stripes() {
            for entry in std::mem::take(&mut keys.write().table) {
                self.account.of_kind(entry.kind(), || drop(entry));
            }
        }
    }
}

#[cold]
fn new_group() -> Group {
    Box::new(std::array::from_fn(|_| Stripe::default()))
}

impl Keys {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn changing(&mut self) {
        self.version += 1;
    }

    #[inline]
    pub(crate) fn get(&self, hash: KeyHash, key: &[u8]) -> Option<&Entry> {
        self.table.find(hash.in_table(), |entry| entry.key() == key)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, hash: KeyHash, key: &[u8]) -> Option<&mut Entry> {
        self.table.find_mut(hash.in_table(), |entry| entry.key() == key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.table.iter()
    }

    /// Puts `entry` in the place of what its key had, which is given back.
    pub(crate) fn put(&mut self, hash: KeyHash, entry: Entry, of: &Db) -> Option<Entry> {
        let found = self.table.entry(
            hash.in_table(),
            |other| other.key() == entry.key(),
            |other| of.hash_in_table(other.key()),
        );
        match found {
            TableEntry::Vacant(free) => {
                free.insert(entry);
                None
            }
            TableEntry::Occupied(mut taken) => Some(std::mem::replace(taken.get_mut(), entry)),
        }
    }

    /// Makes room for `more` keys that are to be put. There will be about `expected` in the end: a table
    /// that is full grows up to them in few steps, as each step looks at all of its keys.
    pub(crate) fn make_room(&mut self, more: usize, expected: usize, of: &Db) {
        let needed = self.table.len() + more;
        if needed > self.table.capacity() {
            let room = expected.min(GROWTH * needed).max(needed);
            self.table.reserve(room - self.table.len(), |entry| of.hash_in_table(entry.key()));
        }
    }

    pub(crate) fn remove(&mut self, hash: KeyHash, key: &[u8], of: &Db) -> Option<Entry> {
        let found = self.table.find_entry(hash.in_table(), |entry| entry.key() == key).ok()?;
        let (old, _) = found.remove();
        self.shrink(of);
        Some(old)
    }

    /// Has `mover` see to all entries from a place on, until it is tired: the place to go on at. What
    /// they hold stays the same.
    pub(crate) fn compact(
        &mut self,
        from: Place,
        mover: &mut Mover<'_>,
        account: &Account,
    ) -> Option<Place> {
        for slot in from.slot..self.table.num_buckets() {
            if slot > from.slot && mover.is_tired() {
                return Some(Place { slot, within: 0 });
            }
            let Some(entry) = self.table.get_bucket_mut(slot) else { continue };
            let within = if slot == from.slot { from.within } else { 0 };
            let next = account.of_kind(entry.kind(), || entry.compact(within, mover));
            if let Some(within) = next {
                return Some(Place { slot, within });
            }
        }
        None
    }

    /// Removes all entries that `is_gone` names.
    pub(crate) fn remove_where(&mut self, is_gone: impl Fn(&Entry) -> bool, of: &Db) -> Vec<Entry> {
        let removed = self.table.extract_if(|entry| is_gone(entry)).collect();
        self.shrink(of);
        removed
    }

    fn shrink(&mut self, of: &Db) {
        if self.table.len() < self.table.capacity() / SPARSE {
            self.table.shrink_to(self.table.len() * 2, |entry| of.hash_in_table(entry.key()));
        }
    }
}
