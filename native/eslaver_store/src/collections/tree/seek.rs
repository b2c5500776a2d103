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

    fn child(&mut self, children: &[Child<L>]) -> usize {
        // The last child whose first record comes before the place; else the first child.
        let later = children.get(1..).unwrap_or_default();
        let index = self.passed_by_marks(later);
        match later.get(index).map(|child| self.probe.after_mark(child.mark)) {
            Some(None) => index + self.passed_by_records(&later[index..]),
            _ => index,
        }
    }

    fn index(&mut self, leaf: &L) -> usize {
        self.probe.index(leaf)
    }
}

impl<P> By<'_, P> {
    /// How many of some children the place is after, as far as their marks tell.
    ///
    /// Every fourth is looked at, then those between two of them: no step depends on what the one before
    /// has found, so the processor need not guess where a search ends.
    fn passed_by_marks<L: Leaf>(&self, children: &[Child<L>]) -> usize
    where
        P: Probe<L>,
    {
        const STEP: usize = 4;
        let is_passed =
            |child: &Child<L>| usize::from(self.probe.after_mark(child.mark) == Some(true));
        let steps: usize = children.iter().step_by(STEP).map(is_passed).sum();
        let Some(last) = steps.checked_sub(1) else { return 0 };
        let known = last * STEP + 1;
        known + children.iter().skip(known).take(STEP - 1).map(is_passed).sum::<usize>()
    }

    /// How many of some children are passed, the first of which has a mark that does not tell.
    fn passed_by_records<L: Leaf>(&self, children: &[Child<L>]) -> usize
    where
        P: Probe<L>,
    {
        children.partition_point(|child| {
            self.probe
                .after_mark(child.mark)
                .unwrap_or_else(|| self.probe.after_first(child.node.first_leaf()))
        })
    }
}

impl<L: Leaf, P: Probe<L>> Seek<L> for Counted<'_, P> {
    const GAP: bool = true;

    fn child(&mut self, children: &[Child<L>]) -> usize {
        let index = self.by.child(children);
        self.passed += children.iter().take(index).map(|child| child.count).sum::<u64>();
        index
    }

    fn index(&mut self, leaf: &L) -> usize {
        self.by.index(leaf)
    }
}
