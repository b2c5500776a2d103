//! Records by their keys, in a vector while they are few, else in the leaves of a tree: what is pending, for a group and for
//! each consumer, and what producers have sent.

use std::fmt::Debug;
use std::ops::Range;

use eslaver_core::rdb::StreamId;

use crate::collections::mover::Mover;
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

    /// Has `mover` see to all that it owns.
    fn compact(&mut self, _mover: &mut Mover<'_>) {}
}

impl Keyed for StreamId {
    type Key = Self;

    fn key(&self) -> Self {
        *self
    }
}

/// Records in order.
#[derive(Debug, Clone)]
pub(crate) struct SortedLeaf<T>(Vec<T>);

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
        heap_bytes(&self.0)
    }

    fn compact(&mut self, mover: &mut Mover<'_>) {
        self.0.iter_mut().for_each(|record| record.compact(mover));
        mover.vec(&mut self.0);
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

/// With more records they lie in a tree, and with less than half as many in a vector again.
const FEW: usize = 32;

/// Records by key. A clone costs little.
#[derive(Clone)]
pub(crate) enum Sorted<T: Keyed> {
    Few(Vec<T>),
    Many(Tree<SortedLeaf<T>>),
}

impl<T: Keyed> Default for Sorted<T> {
    fn default() -> Self {
        Self::Few(Vec::new())
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
        let mut sorted = Self::Many(builder.finish());
        sorted.shrink(FEW);
        sorted
    }

    /// Has `mover` see to the parts, until it is tired.
    pub(crate) fn compact(&mut self, mover: &mut Mover<'_>) {
        match self {
            Self::Few(records) => {
                records.iter_mut().for_each(|record| record.compact(mover));
                mover.vec(records);
            }
            Self::Many(tree) => {
                let _ = tree.compact(0, mover);
            }
        }
    }

    /// Gives the tree up if it has few records.
    fn shrink(&mut self, most: usize) {
        if matches!(self, Self::Many(tree) if tree.len() <= most as u64) {
            *self = Self::Few(self.iter().cloned().collect());
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Few(records) => records.len() as u64,
            Self::Many(tree) => tree.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Few(records) => heap_bytes(records),
            Self::Many(tree) => tree.heap_bytes(),
        }
    }

    /// The record of this key.
    pub(crate) fn get(&self, key: T::Key) -> Option<&T> {
        self.from(key).filter(|record| record.key() == key)
    }

    /// The first record whose key is not less than this.
    pub(crate) fn from(&self, key: T::Key) -> Option<&T> {
        match self {
            Self::Few(records) => records.get(place(records, key)),
            Self::Many(tree) => {
                let (_, place) = tree.find(&Place { key, behind: false });
                let (leaf, index) = place?;
                leaf.0.get(index)
            }
        }
    }

    /// The first record.
    pub(crate) fn first(&self) -> Option<&T> {
        self.ranks(0..1).next()
    }

    /// The last record.
    pub(crate) fn last(&self) -> Option<&T> {
        self.ranks(self.len().checked_sub(1)?..self.len()).next()
    }

    /// Puts a record in the place of the one with its key, which is returned.
    pub(crate) fn insert(&mut self, record: T) -> Option<T> {
        let tree = match self {
            Self::Many(tree) => return insert(tree, record),
            Self::Few(records) => {
                let key = record.key();
                let place = place(records, key);
                if let Some(old) = records.get_mut(place).filter(|old| old.key() == key) {
                    return Some(std::mem::replace(old, record));
                }
                if records.len() < FEW {
                    spare::reserve(records, 1);
                    records.insert(place, record);
                    return None;
                }
                let mut tree = Tree::new();
                for old in records.drain(..) {
                    insert(&mut tree, old);
                }
                insert(&mut tree, record);
                tree
            }
        };
        *self = Self::Many(tree);
        None
    }

    /// Removes the record of this key: what it was.
    pub(crate) fn remove(&mut self, key: T::Key) -> Option<T> {
        match self {
            Self::Few(records) => {
                let place = place(records, key);
                records.get(place).filter(|record| record.key() == key)?;
                let record = records.remove(place);
                spare::trim(records);
                Some(record)
            }
            Self::Many(tree) => {
                let (rank, place) = tree.find(&Place { key, behind: false });
                let (leaf, index) = place?;
                let record = leaf.0.get(index).filter(|record| record.key() == key)?.clone();
                drop(tree.remove_range(rank..rank + 1));
                self.shrink(FEW / 2);
                Some(record)
            }
        }
    }

    /// The records.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.ranks(0..self.len())
    }

    /// The number of records whose keys are less than this.
    pub(crate) fn rank(&self, key: T::Key) -> u64 {
        match self {
            Self::Few(records) => place(records, key) as u64,
            Self::Many(tree) => tree.rank(&Place { key, behind: false }),
        }
    }

    /// The number of records whose keys are not greater than this.
    pub(crate) fn rank_behind(&self, key: T::Key) -> u64 {
        match self {
            Self::Few(records) => records.partition_point(|record| record.key() <= key) as u64,
            Self::Many(tree) => tree.rank(&Place { key, behind: true }),
        }
    }

    /// The records of a range of ranks.
    pub(crate) fn ranks(&self, range: Range<u64>) -> impl Iterator<Item = &T> {
        let (few, many) = match self {
            Self::Few(records) => {
                let to = range.end.min(records.len() as u64);
                let range = range.start.min(to) as usize..to as usize;
                (records.get(range).unwrap_or_default(), None)
            }
            Self::Many(tree) => (&[][..], Some(tree.leaves(range))),
        };
        let many = many.into_iter().flatten();
        few.iter().chain(many.flat_map(|(leaf, range)| leaf.0.get(range).unwrap_or_default()))
    }
}

/// Where the record of a key is, or would be.
fn place<T: Keyed>(records: &[T], key: T::Key) -> usize {
    records.partition_point(|record| record.key() < key)
}

fn heap_bytes<T: Keyed>(records: &Vec<T>) -> usize {
    let own: usize = records.iter().map(T::heap_bytes).sum();
    records.capacity() * size_of::<T>() + own
}

fn insert<T: Keyed>(tree: &mut Tree<SortedLeaf<T>>, record: T) -> Option<T> {
    let key = record.key();
    let (rank, place) = tree.find(&Place { key, behind: false });
    let is_there =
        place.and_then(|(leaf, index)| leaf.0.get(index)).is_some_and(|record| record.key() == key);
    if is_there {
        let put = |leaf: &mut SortedLeaf<T>, index: usize| {
            leaf.0.get_mut(index).map(|old| std::mem::replace(old, record))
        };
        return tree.edit_at(rank, put).flatten();
    }
    tree.insert_at(rank, |leaf, index| {
        spare::reserve(&mut leaf.0, 1);
        leaf.0.insert(index, record);
    });
    None
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
            most in 20u16..600,
            edits in proptest::collection::vec((any::<u16>(), any::<u32>(), 0u8..5), 0..2000),
        ) {
            let mut model: BTreeMap<u16, Record> = BTreeMap::new();
            let mut sorted = Sorted::default();
            for (key, value, edit) in edits {
                let key = key % most;
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
