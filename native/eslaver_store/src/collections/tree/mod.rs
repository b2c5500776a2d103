//! A counted B+-tree with shared nodes: what large lists, sorted sets and streams lie in.
//!
//! Records lie in leaves, packed as the leaf's type has it. An inner node knows how many records
//! each child has, so a record is found by its rank as well as by its key. A key is found by a
//! [`Probe`]: it says of a record whether it comes before the place that is looked for. Its rank,
//! [`Tree::rank`], is all that ranges, lookups and removals need.
//!
//! A clone shares all nodes and costs one reference count. A change copies the nodes on one path
//! that a clone still holds, and changes all others in place.
//!
//! | module | holds |
//! |---|---|
//! | [`list`] | the leaf of a list: elements by position |
//! | [`array`] | the leaf of an array: elements by their indexes |
//! | [`zset`] | the leaf of a sorted set: members by score, then by their bytes |
//! | `node` | nodes, and the changes that go down and come up through them |
//! | `seek` | ways down: by rank, by gap, by probe |
//! | [`build`] | a tree from records that come in order, its leaves full |
//! | [`run`] | packed elements one after another, the stuff of leaves |
//! | [`bytes`] | bytes with room at both ends, the stuff of runs |
//! | [`spare`] | how much memory vectors keep for what will come |

pub mod array;
pub mod build;
pub mod bytes;
pub mod list;
mod node;
pub mod run;
mod seek;
pub mod spare;
#[cfg(test)]
mod tests;
pub mod zset;

use super::mover::Mover;
use node::{Child, Edge, Inner, Node, Seek};
use seek::{At, By, End, Gap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The records of one leaf.
///
/// A leaf grows until [`Leaf::fill`] passes [`Leaf::FULL`]; then the tree splits it. A single record
/// may be of any size.
pub trait Leaf: Clone + Default {
    /// What inner nodes keep of the first record of each child, so that most searches need not
    /// look at the record: see [`Probe::after_mark`].
    type Mark: Copy;
    /// The largest fill.
    const FULL: usize;

    /// The number of records.
    fn len(&self) -> usize;

    /// Whether there are no records.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The mark of the first record. For an empty leaf, any.
    fn mark(&self) -> Self::Mark;

    /// The size of the records, in the units of [`Leaf::FULL`].
    fn fill(&self) -> usize;

    /// The index that splits the records into two parts of about equal fill: at least 1, and less
    /// than the number of records. Only asked of a leaf of two or more.
    fn middle(&self) -> usize;

    /// Removes the records from `index` on, and returns them.
    fn split_off(&mut self, index: usize) -> Self;

    /// Appends the records of `other`, which all come after the own ones.
    fn append(&mut self, other: &Self);

    /// Removes a range of records.
    fn remove(&mut self, range: Range<usize>);

    /// Gives back memory that a leaf that is full, or was split, will not need.
    fn settle(&mut self);

    /// The bytes allocated for the records, without the leaf itself.
    fn heap_bytes(&self) -> usize;

    /// Has `mover` see to all that the leaf owns.
    fn compact(&mut self, mover: &mut Mover<'_>);
}

/// A place in the order of the records: behind all records that it is "after", before all others.
pub trait Probe<L: Leaf> {
    /// Whether the place is after a record with this mark, where the mark tells.
    fn after_mark(&self, mark: L::Mark) -> Option<bool>;

    /// How many of these marks, which are in order, the place is surely after.
    fn passed(&self, marks: &[L::Mark]) -> usize {
        seek::passed(self, marks)
    }

    /// Whether the place is after the first record of the leaf.
    fn after_first(&self, leaf: &L) -> bool;

    /// How many records of the leaf the place is after.
    fn index(&self, leaf: &L) -> usize;
}

/// Records in order, counted.
#[derive(Clone)]
pub struct Tree<L: Leaf> {
    root: Node<L>,
}

/// Parts of a tree that were removed from it, to be dropped where nobody waits.
pub struct Removed<L: Leaf> {
    /// Dropping them is all that they are for.
    children: Vec<Child<L>>,
}

impl<L: Leaf> Removed<L> {
    /// Whether there is nothing to drop.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }
}

impl<L: Leaf> Default for Tree<L> {
    fn default() -> Self {
        Self { root: Node::leaf(L::default()) }
    }
}

impl<L: Leaf> fmt::Debug for Tree<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<L: Leaf> Tree<L> {
    /// A tree without records.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of records.
    pub fn len(&self) -> u64 {
        self.root.len()
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes allocated for the records and nodes, shared ones included; from a count that is kept.
    pub fn heap_bytes(&self) -> usize {
        self.root.bytes()
    }

    /// Whether a copy has its root: the parts of the two may still differ further down.
    pub fn is_shared(&self) -> bool {
        match &self.root {
            Node::Leaf(leaf) => Arc::strong_count(leaf) > 1,
            Node::Inner(inner) => Arc::strong_count(inner) > 1,
        }
    }

    /// The leaf that holds the record of this rank, and its index there.
    pub fn leaf_at(&self, rank: u64) -> Option<(&L, usize)> {
        (rank < self.len()).then(|| self.descend(&mut At(rank)))
    }

    /// The first leaf, and the last: those that most changes of lists and streams are made to.
    pub fn ends(&self) -> [&L; 2] {
        [self.descend(&mut Gap(0)).0, self.descend(&mut End).0]
    }

    /// The number of records that the place is after: the rank of the first record behind it.
    pub fn rank(&self, probe: &impl Probe<L>) -> u64 {
        let mut by = By::new(probe).counted();
        let (_, index) = self.descend(&mut by);
        by.passed + index as u64
    }

    /// [`Tree::rank`], and the first record behind the place: its leaf, and its index there.
    pub fn find(&self, probe: &impl Probe<L>) -> (u64, Option<(&L, usize)>) {
        let mut by = By::new(probe).counted();
        let (leaf, index) = self.descend(&mut by);
        let rank = by.passed + index as u64;
        (rank, if index < leaf.len() { Some((leaf, index)) } else { self.leaf_at(rank) })
    }

    /// The leaves that hold the records of these ranks, each with the range that belongs to them.
    /// Each step goes down from the root, so that it can go on with a clone, or from any rank.
    pub fn leaves(&self, range: Range<u64>) -> Leaves<'_, L> {
        let to = range.end.min(self.len());
        Leaves { tree: self, from: range.start.min(to), to }
    }

    /// Inserts: `insert` puts one record at the index of the leaf that it is given, so that it will
    /// have this rank. `None` where the rank is greater than the length; `insert` is not called then.
    pub fn insert_at<R>(
        &mut self,
        rank: u64,
        insert: impl FnOnce(&mut L, usize) -> R,
    ) -> Option<R> {
        (rank <= self.len()).then(|| self.edit(&mut Gap(rank), insert))
    }

    /// Inserts behind all records: `insert` puts one record at the index of the leaf that it is given.
    pub fn append<R>(&mut self, insert: impl FnOnce(&mut L, usize) -> R) -> R {
        self.edit(&mut End, insert)
    }

    /// Inserts at the place of `probe`: `insert` puts one record at the index of the leaf that it
    /// is given.
    pub fn insert_by<R>(
        &mut self,
        probe: &impl Probe<L>,
        insert: impl FnOnce(&mut L, usize) -> R,
    ) -> R {
        self.edit(&mut By::new(probe), insert)
    }

    /// Changes the record of this rank: `edit` is given its leaf and its index there. It may replace
    /// or remove the record, as long as the leaf stays in order. `None` where there is no such
    /// record; `edit` is not called then.
    pub fn edit_at<R>(&mut self, rank: u64, edit: impl FnOnce(&mut L, usize) -> R) -> Option<R> {
        (rank < self.len()).then(|| self.edit(&mut At(rank), edit))
    }

    /// Removes the records of these ranks. Nodes that hold nothing else are returned whole; this
    /// takes O(log n), and dropping them takes as long as there are leaves.
    pub fn remove_range(&mut self, range: Range<u64>) -> Removed<L> {
        let to = range.end.min(self.len());
        let from = range.start;
        let mut removed = Vec::new();
        if from == 0 && to == self.len() {
            removed.push(Child::new(std::mem::replace(&mut self.root, Node::leaf(L::default()))));
        } else if from < to {
            self.root.cut(from..to, &mut removed);
            self.lower();
        }
        Removed { children: removed }
    }

    /// Has `mover` see to all parts from the record of a rank on, until it is tired: the rank to go on
    /// at.
    pub fn compact(&mut self, from: u64, mover: &mut Mover<'_>) -> Option<u64> {
        let next = self.root.compact(from, mover);
        (next < self.len()).then_some(next)
    }

    fn descend(&self, seek: &mut impl Seek<L>) -> (&L, usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, seek.index(leaf)),
                // `child` is the index of a child.
                Node::Inner(inner) => node = &inner.children[seek.child(inner)].node,
            }
        }
    }

    fn edit<R>(&mut self, seek: &mut impl Seek<L>, edit: impl FnOnce(&mut L, usize) -> R) -> R {
        let (result, siblings) = self.root.edit(seek, Edge::BOTH, edit);
        if let Some(siblings) = siblings {
            let old = std::mem::replace(&mut self.root, Node::leaf(L::default()));
            let children = std::iter::once(old).chain(siblings).map(Child::new).collect();
            self.root = Node::Inner(Arc::new(Inner::new(children)));
        } else {
            self.lower();
        }
        result
    }

    /// Takes away roots of one child.
    fn lower(&mut self) {
        while let Node::Inner(inner) = &self.root {
            self.root = match inner.children.as_slice() {
                [] => Node::leaf(L::default()),
                [only] => only.node.clone(),
                _ => return,
            };
        }
    }
}

/// The leaves of a range of ranks: see [`Tree::leaves`].
pub struct Leaves<'a, L: Leaf> {
    tree: &'a Tree<L>,
    from: u64,
    to: u64,
}

impl<L: Leaf> Clone for Leaves<'_, L> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<'a, L: Leaf> Iterator for Leaves<'a, L> {
    type Item = (&'a L, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.from >= self.to {
            return None;
        }
        let (leaf, index) = self.tree.leaf_at(self.from)?;
        let count = ((leaf.len() - index) as u64).min(self.to - self.from);
        self.from += count;
        Some((leaf, index..index + count as usize))
    }
}

impl<L: Leaf> DoubleEndedIterator for Leaves<'_, L> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.from >= self.to {
            return None;
        }
        let (leaf, index) = self.tree.leaf_at(self.to - 1)?;
        let count = (index as u64 + 1).min(self.to - self.from);
        self.to -= count;
        Some((leaf, index + 1 - count as usize..index + 1))
    }
}
