//! Ways down a tree.

use super::node::{Inner, Seek};
use super::{Leaf, Probe};

/// To the record of this rank.
pub(super) struct At(pub(super) u64);

impl<L: Leaf> Seek<L> for At {
    const GAP: bool = false;

    fn child(&mut self, Inner { children, .. }: &Inner<L>) -> usize {
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

    fn child(&mut self, Inner { children, .. }: &Inner<L>) -> usize {
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

    fn child(&mut self, inner: &Inner<L>) -> usize {
        inner.children.len() - 1
    }

    fn index(&mut self, leaf: &L) -> usize {
        leaf.len()
    }
}

/// To the place that a probe tells.
pub(super) struct By<'p, P> {
    probe: &'p P,
}

/// The same, and counts the records of the children that are passed.
pub(super) struct Counted<'p, P> {
    by: By<'p, P>,
    pub(super) passed: u64,
}

impl<'p, P> By<'p, P> {
    pub(super) fn new(probe: &'p P) -> Self {
        Self { probe }
    }

    pub(super) fn counted(self) -> Counted<'p, P> {
        Counted { by: self, passed: 0 }
    }
}

impl<L: Leaf, P: Probe<L>> Seek<L> for By<'_, P> {
    const GAP: bool = true;

    fn child(&mut self, inner: &Inner<L>) -> usize {
        // The last child whose first record comes before the place; else the first child.
        let marks = inner.marks.get(1..).unwrap_or_default();
        let index = self.probe.passed(marks);
        match marks.get(index).map(|mark| self.probe.after_mark(*mark)) {
            Some(None) => index + self.passed_by_records(inner, index + 1),
            _ => index,
        }
    }

    fn index(&mut self, leaf: &L) -> usize {
        self.probe.index(leaf)
    }
}

/// How many of these marks the place of a probe is surely after.
///
/// All are looked at: no step depends on what the one before has found, so the processor need not guess
/// where the search ends, and can compare several at once.
pub(super) fn passed<L: Leaf, P: Probe<L> + ?Sized>(probe: &P, marks: &[L::Mark]) -> usize {
    marks.iter().map(|mark| usize::from(probe.after_mark(*mark) == Some(true))).sum()
}

impl<P> By<'_, P> {
    /// How many of the children from `index` on have marks that do not tell, and are passed.
    fn passed_by_records<L: Leaf>(&self, inner: &Inner<L>, index: usize) -> usize
    where
        P: Probe<L>,
    {
        let unsure =
            inner.marks[index..].partition_point(|mark| self.probe.after_mark(*mark).is_none());
        inner.children[index..index + unsure]
            .partition_point(|child| self.probe.after_first(child.node.first_leaf()))
    }
}

impl<L: Leaf, P: Probe<L>> Seek<L> for Counted<'_, P> {
    const GAP: bool = true;

    fn child(&mut self, inner: &Inner<L>) -> usize {
        let index = self.by.child(inner);
        self.passed += inner.children.iter().take(index).map(|child| child.count).sum::<u64>();
        index
    }

    fn index(&mut self, leaf: &L) -> usize {
        self.by.index(leaf)
    }
}
