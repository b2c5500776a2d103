//! Records of one size by their keys, in the leaves of a tree: what is pending, for a group and for
//! each consumer, and what producers have sent.

use std::fmt::Debug;
use std::ops::Range;

use eslaver_core::rdb::StreamId;

use crate::collections::tree::build::Builder;
use crate::collections::tree::{Leaf, Probe, Tree, spare};

/// A record that is found by a key of its own.
pub(crate) trait Keyed: Clone {
    /// What orders records.
    type Key: Copy + Debug + Default + Ord;

    fn key(&self) -> Self::Key;

    /// The bytes that it takes on the heap.
    fn heap_bytes(&self) -> usize {
        0
    }
}

impl Keyed for StreamId {
    type Key = Self;

    fn key(&self) -> Self {
        *self
    }
}

/// Records in order.
#[derive(Debug, Clone)]
struct SortedLeaf<T>(Vec<T>);

impl<T> Default for SortedLeaf<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Keyed> Leaf for SortedLeaf<T> {
    type Mark = T::Key;
    const FULL: usize = 128;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn mark(&self) -> T::Key {
        self.0.first().map(T::key).unwrap_or_default()
    }

    fn fill(&self) -> usize {
        self.0.len()
    }

    fn middle(&self) -> usize {
        self.0.len() / 2
    }

    fn split_off(&mut self, index: usize) -> Self {
        Self(self.0.split_off(index))
    }

    fn append(&mut self, other: &Self) {
        self.0.reserve_exact(other.0.len());
        self.0.extend_from_slice(&other.0);
    }

    fn remove(&mut self, range: Range<usize>) {
        let to = range.end.min(self.0.len());
        self.0.drain(range.start.min(to)..to);
        spare::trim(&mut self.0);
    }

    fn settle(&mut self) {
        self.0.shrink_to_fit();
    }

    fn heap_bytes(&self) -> usize {
        let own: usize = self.0.iter().map(T::heap_bytes).sum();
        self.0.capacity() * size_of::<T>() + own
    }
}

/// The place before the record with this key, or behind it.
#[derive(Debug, Clone, Copy)]
struct Place<K> {
    key: K,
    behind: bool,
}

impl<K: Ord> Place<K> {
    fn is_after(&self, key: K) -> bool {
        key < self.key || (self.behind && key == self.key)
    }
}

impl<T: Keyed> Probe<SortedLeaf<T>> for Place<T::Key> {
    fn after_mark(&self, mark: T::Key) -> Option<bool> {
        Some(self.is_after(mark))
    }

    fn after_first(&self, leaf: &SortedLeaf<T>) -> bool {
        self.is_after(leaf.mark())
    }

    fn index(&self, leaf: &SortedLeaf<T>) -> usize {
        leaf.0.partition_point(|record| self.is_after(record.key()))
    }
}

/// Records by key. A clone costs nothing.
#[derive(Clone)]
pub(crate) struct Sorted<T: Keyed>(Tree<SortedLeaf<T>>);

impl<T: Keyed> Default for Sorted<T> {
    fn default() -> Self {
        Self(Tree::new())
    }
}

impl<T: Keyed> Sorted<T> {
    /// Records that come in order.
    pub(crate) fn from_sorted(records: impl IntoIterator<Item = T>) -> Self {
        let mut builder = Builder::new();
        for record in records {
            builder.push(|leaf: &mut SortedLeaf<T>, _| {
                spare::reserve(&mut leaf.0, 1);
                leaf.0.push(record);
            });
        }
        Self(builder.finish())
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// The record of this key.
    pub(crate) fn get(&self, key: T::Key) -> Option<&T> {
        self.from(key).filter(|record| record.key() == key)
    }

    /// The first record whose key is not less than this.
    pub(crate) fn from(&self, key: T::Key) -> Option<&T> {
        let (_, place) = self.0.find(&Place { key, behind: false });
        let (leaf, index) = place?;
        leaf.0.get(index)
    }

    /// The first record.
    pub(crate) fn first(&self) -> Option<&T> {
        self.nth(0)
    }

    /// The last record.
    pub(crate) fn last(&self) -> Option<&T> {
        self.nth(self.len().checked_sub(1)?)
    }

    fn nth(&self, rank: u64) -> Option<&T> {
        let (leaf, index) = self.0.leaf_at(rank)?;
        leaf.0.get(index)
    }

    /// Puts a record in the place of the one with its key, which is returned.
    pub(crate) fn insert(&mut self, record: T) -> Option<T> {
        let key = record.key();
        let (rank, place) = self.0.find(&Place { key, behind: false });
        let is_there = place
            .and_then(|(leaf, index)| leaf.0.get(index))
            .is_some_and(|record| record.key() == key);
        if is_there {
            let put = |leaf: &mut SortedLeaf<T>, index: usize| {
                leaf.0.get_mut(index).map(|old| std::mem::replace(old, record))
            };
            return self.0.edit_at(rank, put).flatten();
        }
        self.0.insert_at(rank, |leaf, index| {
            spare::reserve(&mut leaf.0, 1);
            leaf.0.insert(index, record);
        });
        None
    }

    /// Removes the record of this key: what it was.
    pub(crate) fn remove(&mut self, key: T::Key) -> Option<T> {
        let (rank, place) = self.0.find(&Place { key, behind: false });
        let (leaf, index) = place?;
        let record = leaf.0.get(index).filter(|record| record.key() == key)?.clone();
        drop(self.0.remove_range(rank..rank + 1));
        Some(record)
    }

    /// The records.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.ranks(0..self.len())
    }

    /// The number of records whose keys are less than this.
    pub(crate) fn rank(&self, key: T::Key) -> u64 {
        self.0.rank(&Place { key, behind: false })
    }

    /// The number of records whose keys are not greater than this.
    pub(crate) fn rank_behind(&self, key: T::Key) -> u64 {
        self.0.rank(&Place { key, behind: true })
    }

    /// The records of a range of ranks.
    pub(crate) fn ranks(&self, range: Range<u64>) -> impl Iterator<Item = &T> {
        self.0.leaves(range).flat_map(|(leaf, range)| leaf.0.get(range).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Record(u16, u32);

    impl Keyed for Record {
        type Key = u16;
        fn key(&self) -> u16 {
            self.0
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn records_are_a_map(
            edits in proptest::collection::vec((0u16..600, any::<u32>(), 0u8..5), 0..2000),
        ) {
            let mut model: BTreeMap<u16, Record> = BTreeMap::new();
            let mut sorted = Sorted::default();
            for (key, value, edit) in edits {
                if edit < 3 {
                    let record = Record(key, value);
                    prop_assert_eq!(sorted.insert(record), model.insert(key, record));
                } else {
                    prop_assert_eq!(sorted.remove(key), model.remove(&key));
                }
                prop_assert_eq!(sorted.get(key), model.get(&key));
                prop_assert_eq!(sorted.from(key), model.range(key..).next().map(|(_, r)| r));
            }
            prop_assert!(sorted.iter().eq(model.values()));
            prop_assert!(Sorted::from_sorted(model.values().copied()).iter().eq(model.values()));
            prop_assert_eq!(sorted.len(), model.len() as u64);
            prop_assert_eq!(sorted.first(), model.values().next());
            prop_assert_eq!(sorted.last(), model.values().last());
            for key in [0, 100, 599] {
                prop_assert_eq!(sorted.rank(key), model.range(..key).count() as u64);
                prop_assert_eq!(sorted.rank_behind(key), model.range(..=key).count() as u64);
            }
        }
    }
}
