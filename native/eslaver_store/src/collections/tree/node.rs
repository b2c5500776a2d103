//! The nodes of a tree, and how changes go through them.
//!
//! All leaves are at the same depth. A node that gets too large is split, its new siblings handed
//! to its parent. A node that shrinks below half is merged with a neighbour under the same parent,
//! if the two make no more than three quarters. No more is promised of a node's size.

use super::Leaf;
use crate::collections::mover::Mover;
use std::mem::size_of;
use std::ops::Range;
use std::sync::Arc;

/// The most children of an inner node.
pub(super) const FANOUT: usize = 32;
/// The two reference counts of an `Arc`.
const ARC: usize = 2 * size_of::<usize>();

/// A way down from the root to one index of one leaf.
pub(super) trait Seek<L: Leaf> {
    /// Whether it ends between records, where one may be inserted.
    const GAP: bool;

    /// The index of the child to go to. There is at least one child.
    fn child(&mut self, inner: &Inner<L>) -> usize;

    /// The index within the leaf that was reached.
    fn index(&mut self, leaf: &L) -> usize;
}

pub(super) enum Node<L: Leaf> {
    Leaf(Arc<L>),
    Inner(Arc<Inner<L>>),
}

/// A node, as its parent has it.
#[derive(Clone)]
pub(super) struct Child<L: Leaf> {
    pub(super) node: Node<L>,
    /// The number of records.
    pub(super) count: u64,
}

/// An inner node. It has at least one child, except within a change.
#[derive(Clone)]
pub(super) struct Inner<L: Leaf> {
    pub(super) children: Vec<Child<L>>,
    /// The mark of each child's first record. They lie side by side, so that a search reads little
    /// memory.
    pub(super) marks: Vec<L::Mark>,
    /// The number of records.
    len: u64,
    /// The bytes allocated for all children.
    below: usize,
}

/// The nodes that come behind one that had to be split.
pub(super) type Siblings<L> = Option<Vec<Node<L>>>;

/// Whether a node is the first, or the last, of all nodes at its depth.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    first: bool,
    last: bool,
}

impl Edge {
    /// The root.
    pub(super) const BOTH: Self = Self { first: true, last: true };

    /// Where a split gives the new record a node of its own, rather than half of the old node. So
    /// nodes that are filled from one end are left full.
    fn split(self, changed: Range<usize>, len: usize, middle: usize, most: usize) -> usize {
        if self.last && changed.end == len {
            most
        } else if self.first && changed.start == 0 {
            len - most
        } else {
            middle
        }
    }

    fn of_child(self, index: usize, len: usize) -> Self {
        Self { first: self.first && index == 0, last: self.last && index + 1 == len }
    }
}

impl<L: Leaf> Clone for Node<L> {
    fn clone(&self) -> Self {
        match self {
            Node::Leaf(leaf) => Node::Leaf(Arc::clone(leaf)),
            Node::Inner(inner) => Node::Inner(Arc::clone(inner)),
        }
    }
}

impl<L: Leaf> Node<L> {
    pub(super) fn leaf(leaf: L) -> Self {
        Node::Leaf(Arc::new(leaf))
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Node::Leaf(leaf) => leaf.len() as u64,
            Node::Inner(inner) => inner.len,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Node::Leaf(leaf) => ARC + size_of::<L>() + leaf.heap_bytes(),
            Node::Inner(inner) => ARC + size_of::<Inner<L>>() + inner.own_bytes() + inner.below,
        }
    }

    pub(super) fn first_leaf(&self) -> &L {
        let mut node = self;
        loop {
            match node {
                Node::Leaf(leaf) => return leaf,
                // An inner node has a child.
                Node::Inner(inner) => node = &inner.children[0].node,
            }
        }
    }

    fn mark(&self) -> L::Mark {
        match self {
            Node::Leaf(leaf) => leaf.mark(),
            Node::Inner(inner) => match inner.marks.first() {
                Some(mark) => *mark,
                None => L::default().mark(),
            },
        }
    }

    /// Its size, and the largest size that it may have.
    fn fill(&self) -> (usize, usize) {
        match self {
            Node::Leaf(leaf) => (leaf.fill(), L::FULL),
            Node::Inner(inner) => (inner.children.len(), FANOUT),
        }
    }

    fn is_small(&self) -> bool {
        let (fill, full) = self.fill();
        fill < full / 2
    }

    /// Calls `edit` on one leaf.
    pub(super) fn edit<R>(
        &mut self,
        seek: &mut impl Seek<L>,
        edge: Edge,
        edit: impl FnOnce(&mut L, usize) -> R,
    ) -> (R, Siblings<L>) {
        match self {
            Node::Inner(inner) => Arc::make_mut(inner).edit(seek, edge, edit),
            Node::Leaf(leaf) => edit_leaf(leaf, seek, edge, edit),
        }
    }

    /// Has `mover` see to all parts from the record of a rank on, until it is tired: the rank to go on
    /// at.
    pub(super) fn compact(&mut self, from: u64, mover: &mut Mover<'_>) -> u64 {
        let len = self.len();
        let next = match self {
            Node::Leaf(leaf) => {
                mover.shared(leaf, L::default, |leaf, mover| leaf.compact(mover));
                None
            }
            Node::Inner(inner) => mover.shared(
                inner,
                || Inner::new(Vec::new()),
                |inner, mover| inner.compact(from, mover),
            ),
        };
        next.unwrap_or(len)
    }

    /// Removes records, but not all. Children that lose all are put into `removed`.
    pub(super) fn cut(&mut self, range: Range<u64>, removed: &mut Vec<Child<L>>) {
        match self {
            Node::Leaf(leaf) => {
                Arc::make_mut(leaf).remove(range.start as usize..range.end as usize);
            }
            Node::Inner(inner) => Arc::make_mut(inner).cut(range, removed),
        }
    }
}

fn edit_leaf<L: Leaf, S: Seek<L>, R>(
    shared: &mut Arc<L>,
    seek: &mut S,
    edge: Edge,
    edit: impl FnOnce(&mut L, usize) -> R,
) -> (R, Siblings<L>) {
    let index = seek.index(shared);
    let is_end = index == 0 || index == shared.len();
    if S::GAP && is_end && shared.fill() > L::FULL {
        // The large record is neither moved nor copied.
        let mut new = Arc::new(L::default());
        let result = edit(Arc::make_mut(&mut new), 0);
        if new.is_empty() {
            return (result, None);
        }
        if index == 0 {
            std::mem::swap(shared, &mut new);
        }
        return (result, Some(vec![Node::Leaf(new)]));
    }
    let leaf = Arc::make_mut(shared);
    let result = edit(leaf, index);
    if !is_over(leaf) {
        return (result, None);
    }
    let mut siblings = Vec::new();
    let len = leaf.len();
    let at = edge.split(index..index + 1, len, leaf.middle(), len - 1);
    split_leaf(leaf, at, &mut siblings);
    (result, Some(siblings))
}

fn is_over<L: Leaf>(leaf: &L) -> bool {
    leaf.fill() > L::FULL && leaf.len() > 1
}

/// Splits a leaf at `index`, and on until no part is too large. Appends the other parts to
/// `siblings`.
fn split_leaf<L: Leaf>(leaf: &mut L, index: usize, siblings: &mut Vec<Node<L>>) {
    let mut tail = leaf.split_off(index);
    leaf.settle();
    tail.settle();
    if is_over(leaf) {
        let middle = leaf.middle();
        split_leaf(leaf, middle, siblings);
    }
    let mut behind = Vec::new();
    if is_over(&tail) {
        let middle = tail.middle();
        split_leaf(&mut tail, middle, &mut behind);
    }
    siblings.push(Node::leaf(tail));
    siblings.append(&mut behind);
}

impl<L: Leaf> Child<L> {
    pub(super) fn new(node: Node<L>) -> Self {
        let count = node.len();
        Self { node, count }
    }
}

impl<L: Leaf> Inner<L> {
    pub(super) fn new(children: Vec<Child<L>>) -> Self {
        let marks = children.iter().map(|child| child.node.mark()).collect();
        let len = children.iter().map(|child| child.count).sum();
        let below = children.iter().map(|child| child.node.bytes()).sum();
        Self { children, marks, len, below }
    }

    fn own_bytes(&self) -> usize {
        self.children.capacity() * size_of::<Child<L>>()
            + self.marks.capacity() * size_of::<L::Mark>()
    }

    fn edit<R>(
        &mut self,
        seek: &mut impl Seek<L>,
        edge: Edge,
        edit: impl FnOnce(&mut L, usize) -> R,
    ) -> (R, Siblings<L>) {
        let index = seek.child(self);
        let edge_below = edge.of_child(index, self.children.len());
        let mut fill_before = 0;
        let (result, siblings) = self.change(index, |node| {
            fill_before = node.fill().0;
            node.edit(seek, edge_below, edit)
        });
        let mut end = index + 1;
        if let Some(siblings) = siblings {
            end += siblings.len();
            self.insert_all(index + 1, siblings);
        }
        let child = &self.children[index];
        if child.count == 0 {
            self.take(index);
        } else if child.node.fill().0 < fill_before {
            self.mend(index);
        }
        let len = self.children.len();
        if len <= FANOUT {
            return (result, None);
        }
        let at = edge.split(index..end, len, len / 2, FANOUT);
        (result, Some(vec![self.split_off(at)]))
    }

    fn split_off(&mut self, at: usize) -> Node<L> {
        let tail = Inner::new(self.children.split_off(at));
        self.children.shrink_to_fit();
        self.marks.truncate(at);
        self.marks.shrink_to_fit();
        self.len -= tail.len;
        self.below -= tail.below;
        Node::Inner(Arc::new(tail))
    }

    fn compact(&mut self, from: u64, mover: &mut Mover<'_>) -> u64 {
        mover.vec(&mut self.children);
        mover.vec(&mut self.marks);
        let mut start = 0;
        for child in &mut self.children {
            let end = start + child.count;
            if from < end {
                if start > from && mover.is_tired() {
                    return start;
                }
                let next = start + child.node.compact(from.saturating_sub(start), mover);
                if next < end {
                    return next;
                }
            }
            start = end;
        }
        start
    }

    fn cut(&mut self, range: Range<u64>, removed: &mut Vec<Child<L>>) {
        let mut start = 0;
        let mut whole = 0..0;
        for index in 0..self.children.len() {
            if start >= range.end {
                break;
            }
            let count = self.children[index].count;
            let from = range.start.saturating_sub(start);
            let to = (range.end - start).min(count);
            if from == 0 && to == count {
                // Children that lose all lie side by side.
                whole = if whole.is_empty() { index..index + 1 } else { whole.start..index + 1 };
            } else if from < to {
                self.change(index, |node| node.cut(from..to, removed));
                if whole.is_empty() {
                    whole = index + 1..index + 1;
                }
            }
            start += count;
        }
        for child in &self.children[whole.clone()] {
            self.len -= child.count;
            self.below -= child.node.bytes();
        }
        removed.extend(self.children.drain(whole.clone()));
        self.marks.drain(whole.clone());
        for back in 0..3 {
            let index = whole.start.wrapping_sub(back);
            if index < self.children.len() {
                self.mend(index);
            }
        }
    }

    /// Merges a small child with a neighbour, where the two are not too large together.
    fn mend(&mut self, index: usize) {
        if !self.children[index].node.is_small() {
            return;
        }
        for left in [index.wrapping_sub(1), index] {
            if let (Some(a), Some(b)) =
                (self.children.get(left), self.children.get(left.wrapping_add(1)))
            {
                let ((fill, full), (more, _)) = (a.node.fill(), b.node.fill());
                if fill + more <= full / 4 * 3 {
                    return self.merge(left);
                }
            }
        }
    }

    /// Appends the records of the next child to those of the child at `left`.
    fn merge(&mut self, left: usize) {
        let right = self.take(left + 1);
        self.change(left, |node| match (node, right.node) {
            (Node::Leaf(leaf), Node::Leaf(right)) => Arc::make_mut(leaf).append(&right),
            (Node::Inner(inner), Node::Inner(right)) => {
                let inner = Arc::make_mut(inner);
                inner.len += right.len;
                inner.below += right.below;
                inner.marks.reserve_exact(right.marks.len());
                inner.marks.extend_from_slice(&right.marks);
                inner.children.reserve_exact(right.children.len());
                match Arc::try_unwrap(right) {
                    Ok(right) => inner.children.extend(right.children),
                    Err(right) => inner.children.extend(right.children.iter().cloned()),
                }
            }
            // Leaves are all at the same depth.
            _ => debug_assert!(false, "a leaf beside an inner node"),
        });
    }

    /// Changes a child, and what is counted of it.
    fn change<R>(&mut self, index: usize, change: impl FnOnce(&mut Node<L>) -> R) -> R {
        let child = &mut self.children[index];
        self.len -= child.count;
        self.below -= child.node.bytes();
        let result = change(&mut child.node);
        child.count = child.node.len();
        self.marks[index] = child.node.mark();
        self.len += child.count;
        self.below += child.node.bytes();
        result
    }

    #[cold]
    fn insert_all(&mut self, index: usize, nodes: Vec<Node<L>>) {
        for (node, at) in nodes.into_iter().zip(index..) {
            let child = Child::new(node);
            self.len += child.count;
            self.below += child.node.bytes();
            self.marks.insert(at, child.node.mark());
            self.children.insert(at, child);
        }
    }

    fn take(&mut self, index: usize) -> Child<L> {
        let child = self.children.remove(index);
        self.marks.remove(index);
        self.len -= child.count;
        self.below -= child.node.bytes();
        child
    }
}

#[cfg(test)]
impl<L: Leaf> Node<L> {
    /// Checks all counts and sizes, and returns the depth.
    pub(super) fn check(&self) -> usize {
        match self {
            Node::Leaf(leaf) => {
                assert!(leaf.fill() <= L::FULL || leaf.len() == 1, "a leaf too full");
                0
            }
            Node::Inner(inner) => {
                assert!((1..=FANOUT).contains(&inner.children.len()));
                assert_eq!(inner.marks.len(), inner.children.len());
                let mut depths = Vec::new();
                for child in &inner.children {
                    assert!(child.count > 0 && child.count == child.node.len());
                    depths.push(child.node.check());
                }
                assert!(depths.windows(2).all(|pair| pair[0] == pair[1]), "leaves at two depths");
                let sums = Inner::new(inner.children.clone());
                assert_eq!((inner.len, inner.below), (sums.len, sums.below));
                1 + depths[0]
            }
        }
    }

    pub(super) fn leaf_count(&self) -> usize {
        match self {
            Node::Leaf(_) => 1,
            Node::Inner(inner) => inner.children.iter().map(|child| child.node.leaf_count()).sum(),
        }
    }
}
