//! The leaf of a list: elements by position.

use super::super::element::Element;
use super::run::{self, Run};
use super::{Leaf, Tree};
use crate::collections::mover::Mover;
use std::ops::Range;

const GROUP: usize = 64;

/// Elements of a list, in order.
#[derive(Debug, Default, Clone)]
pub struct ListLeaf {
    run: Run<GROUP>,
}

impl ListLeaf {
    /// The elements of a range of indexes.
    pub fn iter(&self, range: Range<usize>) -> run::Iter<'_> {
        self.run.iter(range)
    }

    /// The elements of a range of indexes, from the last to the first.
    pub fn iter_back(&self, range: Range<usize>) -> run::IterBack<'_, GROUP> {
        self.run.iter_back(range)
    }

    /// Looks at what changes at an end need: see [`Db::warm`](crate::keyspace::db::Db::warm).
    #[inline]
    pub(crate) fn look(&self) -> usize {
        let bytes = self.run.ends();
        bytes.into_iter().flatten().map(usize::from).sum()
    }

    /// Inserts an element before the one at `index`: `false` where it is too long.
    pub fn insert(&mut self, index: usize, string: &[u8]) -> bool {
        self.run.insert(index, string)
    }
}

impl Leaf for ListLeaf {
    type Mark = ();
    // What an allocator has a size for.
    const FULL: usize = 8192;

    fn len(&self) -> usize {
        self.run.len()
    }

    fn mark(&self) {}

    fn fill(&self) -> usize {
        self.run.bytes()
    }

    fn middle(&self) -> usize {
        self.run.middle()
    }

    fn split_off(&mut self, index: usize) -> Self {
        Self { run: self.run.split_off(index) }
    }

    fn append(&mut self, other: &Self) {
        self.run.append(&other.run);
    }

    fn remove(&mut self, range: Range<usize>) {
        self.run.remove(range);
    }

    fn settle(&mut self) {
        self.run.settle();
    }

    fn heap_bytes(&self) -> usize {
        self.run.heap_bytes()
    }

    fn compact(&mut self, mover: &mut Mover<'_>) {
        self.run.compact(mover);
    }
}

/// A list.
pub type ListTree = Tree<ListLeaf>;

impl Tree<ListLeaf> {
    /// The element at `index`.
    pub fn get(&self, index: u64) -> Option<Element<'_>> {
        let (leaf, index) = self.leaf_at(index)?;
        leaf.run.get(index)
    }

    /// Inserts an element before the one at `index`. `false` where there is no such place, or the
    /// element is longer than can be packed.
    pub fn insert(&mut self, index: u64, string: &[u8]) -> bool {
        self.insert_at(index, |leaf, index| leaf.run.insert(index, string)).unwrap_or(false)
    }

    /// Inserts an element before all others.
    pub fn push_front(&mut self, string: &[u8]) -> bool {
        self.insert(0, string)
    }

    /// Inserts an element behind all others.
    pub fn push_back(&mut self, string: &[u8]) -> bool {
        self.append(|leaf, index| leaf.run.insert(index, string))
    }

    /// Replaces the element at `index`: `false` where there is none, or the new one is too long.
    pub fn set(&mut self, index: u64, string: &[u8]) -> bool {
        self.edit_at(index, |leaf, index| leaf.run.replace(index, string)).unwrap_or(false)
    }

    /// The elements of a range of indexes.
    pub fn iter(&self, range: Range<u64>) -> impl Iterator<Item = Element<'_>> {
        self.leaves(range).flat_map(|(leaf, range)| leaf.run.iter(range))
    }

    /// The elements of a range of indexes, from the last to the first.
    pub fn iter_back(&self, range: Range<u64>) -> impl Iterator<Item = Element<'_>> {
        self.leaves(range).rev().flat_map(|(leaf, range)| leaf.run.iter_back(range))
    }
}
