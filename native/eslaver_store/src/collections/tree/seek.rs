//! Ways down a tree.

use super::node::{Child, Seek};
use super::{Leaf, Probe};

/// To the record of this rank.
pub(super) struct At(pub(super) u64);

impl<L: Leaf> Seek<L> for At {
    const GAP: bool = false;

    fn child(&mut self, children: &[Child<L>]) -> usize {
        let last = children.len() - 1;
        for (index, child) in children.iter().take(last).enumerate() {
            if self.0 < child.count {
                return index;
            }
            self.0 -= child.count;
        }
        last
    }

    fn index(&mut self, _: &L) -> usize {
        self.0 as usize
    }
}

/// To where a record of this rank can be inserted: behind the record before it, in the same leaf.
pub(super) struct Gap(pub(super) u64);

impl<L: Leaf> Seek<L> for Gap {
    const GAP: bool = true;

    fn child(&mut self, children: &[Child<L>]) -> usize {
        let last = children.len() - 1;
        for (index, child) in children.iter().take(last).enumerate() {
            if self.0 <= child.count {
                return index;
            }
            self.0 -= child.count;
        }
        last
    }

    fn index(&mut self, _: &L) -> usize {
        self.0 as usize
    }
}

/// Behind the last record.
pub(super) struct End;

impl<L: Leaf> Seek<L> for End {
    const GAP: bool = true;

    fn child(&mut self, children: &[Child<L>]) -> usize {
        children.len() - 1
    }

    fn index(&mut self, leaf: &L) -> usize {
        leaf.len()
    }
}

/// To the place that a probe tells, counting the records of the children passed by.
pub(super) struct By<'p, P> {
    pub(super) probe: &'p P,
    pub(super) passed: u64,
}

impl<L: Leaf, P: Probe<L>> Seek<L> for By<'_, P> {
    const GAP: bool = true;

    fn child(&mut self, children: &[Child<L>]) -> usize {
        // The last child whose first record comes before the place; else the first child. One after
        // another is faster than a binary search as long as the marks tell: memory is read ahead.
        let mut index = 0;
        while let Some(next) = children.get(index + 1) {
            match self.probe.after_mark(next.mark) {
                Some(true) => self.passed += children[index].count,
                Some(false) => return index,
                None => return self.child_by_records(children, index),
            }
            index += 1;
        }
        index
    }

    fn index(&mut self, leaf: &L) -> usize {
        self.probe.index(leaf)
    }
}

impl<P> By<'_, P> {
    /// As [`Seek::child`], where the mark of the child behind `index` does not tell.
    fn child_by_records<L: Leaf>(&mut self, children: &[Child<L>], index: usize) -> usize
    where
        P: Probe<L>,
    {
        let more = children[index + 1..].partition_point(|child| {
            self.probe
                .after_mark(child.mark)
                .unwrap_or_else(|| self.probe.after_first(child.node.first_leaf()))
        });
        let passed = &children[index..index + more];
        self.passed += passed.iter().map(|child| child.count).sum::<u64>();
        index + more
    }
}
