//! The leaf of an array: elements by their indexes, with gaps between them that cost nothing.

use super::super::element::Element;
use super::run::Run;
use super::{Leaf, Probe, Tree};
use crate::collections::mover::Mover;
use indexes::Indexes;
use std::ops::Range;

mod indexes;

const GROUP: usize = 16;

/// Elements of an array, in the order of their indexes.
#[derive(Debug, Default, Clone)]
pub struct ArrayLeaf {
    indexes: Indexes,
    elements: Run<GROUP>,
}

impl ArrayLeaf {
    /// The elements of a range of ranks, each with its index.
    pub fn iter(&self, range: Range<usize>) -> impl Iterator<Item = (u64, Element<'_>)> {
        range.clone().map(|rank| self.indexes.get(rank)).zip(self.elements.iter(range))
    }

    /// The elements of a range of ranks, from the last to the first.
    pub fn iter_back(&self, range: Range<usize>) -> impl Iterator<Item = (u64, Element<'_>)> {
        range.clone().rev().map(|rank| self.indexes.get(rank)).zip(self.elements.iter_back(range))
    }

    /// `false` where the element is too long.
    fn insert(&mut self, rank: usize, index: u64, element: &[u8]) -> bool {
        let inserted = self.elements.insert(rank, element);
        if inserted {
            self.indexes.insert(rank, index);
        }
        inserted
    }
}

impl Leaf for ArrayLeaf {
    type Mark = u64;
    const FULL: usize = 4096;

    fn len(&self) -> usize {
        self.elements.len()
    }

    fn mark(&self) -> u64 {
        self.indexes.get(0)
    }

    fn fill(&self) -> usize {
        self.elements.bytes() + self.indexes.bytes()
    }

    fn middle(&self) -> usize {
        self.elements.middle()
    }

    fn split_off(&mut self, rank: usize) -> Self {
        Self { indexes: self.indexes.split_off(rank), elements: self.elements.split_off(rank) }
    }

    fn append(&mut self, other: &Self) {
        self.indexes.append(&other.indexes);
        self.elements.append(&other.elements);
    }

    fn remove(&mut self, range: Range<usize>) {
        self.indexes.remove(range.clone());
        self.elements.remove(range);
    }

    fn settle(&mut self) {
        self.indexes.settle();
        self.elements.settle();
    }

    fn heap_bytes(&self) -> usize {
        self.indexes.heap_bytes() + self.elements.heap_bytes()
    }

    fn compact(&mut self, mover: &mut Mover<'_>) {
        self.indexes.compact(mover);
        self.elements.compact(mover);
    }
}

/// The place before an index.
#[derive(Debug, Clone, Copy)]
struct Before(u64);

impl Probe<ArrayLeaf> for Before {
    fn after_mark(&self, mark: u64) -> Option<bool> {
        Some(mark < self.0)
    }

    fn after_first(&self, leaf: &ArrayLeaf) -> bool {
        leaf.mark() < self.0
    }

    fn index(&self, leaf: &ArrayLeaf) -> usize {
        leaf.indexes.below(self.0)
    }
}

/// The elements of an array. `u64::MAX` is no index.
pub type ArrayTree = Tree<ArrayLeaf>;

impl Tree<ArrayLeaf> {
    /// The element at `index`.
    pub fn get(&self, index: u64) -> Option<Element<'_>> {
        let (leaf, rank) = self.place(index)?.1;
        leaf.elements.get(rank)
    }

    /// Puts an element at `index`: whether there was none. `None` where it is longer than can be
    /// packed.
    pub fn set(&mut self, index: u64, element: &[u8]) -> Option<bool> {
        let old = self.place(index).map(|(rank, _)| rank);
        let done = match old {
            Some(rank) => self.edit_at(rank, |leaf, rank| leaf.elements.replace(rank, element)),
            None => {
                Some(self.insert_by(&Before(index), |leaf, rank| leaf.insert(rank, index, element)))
            }
        };
        (done == Some(true)).then_some(old.is_none())
    }

    /// Removes the element at `index`: whether there was one.
    pub fn remove(&mut self, index: u64) -> bool {
        let rank = self.place(index).map(|(rank, _)| rank);
        if let Some(rank) = rank {
            drop(self.remove_range(rank..rank + 1));
        }
        rank.is_some()
    }

    /// The ranks of the elements from the index `low` to `high`.
    pub fn ranks(&self, low: u64, high: u64) -> Range<u64> {
        let from = self.rank(&Before(low));
        from..self.rank(&Before(high.saturating_add(1))).max(from)
    }

    /// The greatest index that has an element.
    pub fn last_index(&self) -> Option<u64> {
        let (leaf, rank) = self.leaf_at(self.len().checked_sub(1)?)?;
        Some(leaf.indexes.get(rank))
    }

    /// The elements of a range of ranks, each with its index.
    pub fn iter(&self, ranks: Range<u64>) -> impl Iterator<Item = (u64, Element<'_>)> {
        self.leaves(ranks).flat_map(|(leaf, range)| leaf.iter(range))
    }

    /// The elements of a range of ranks, from the last to the first.
    pub fn iter_back(&self, ranks: Range<u64>) -> impl Iterator<Item = (u64, Element<'_>)> {
        self.leaves(ranks).rev().flat_map(|(leaf, range)| leaf.iter_back(range))
    }

    /// The rank of the element at `index`, and its leaf and rank there.
    fn place(&self, index: u64) -> Option<(u64, (&ArrayLeaf, usize))> {
        let (rank, found) = self.find(&Before(index));
        let (leaf, at) = found?;
        (leaf.indexes.get(at) == index).then_some((rank, (leaf, at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone)]
    enum Edit {
        Set(u64, Vec<u8>),
        Append(usize),
        Remove(u64),
        RemoveRange(u64, u64),
        Clone,
    }

    fn index() -> impl Strategy<Value = u64> {
        prop_oneof![
            4 => 0u64..3000,
            2 => (0u64..60).prop_map(|n| n * 3000),
            1 => (0u64..40).prop_map(|n| n << 31),
            1 => (0u64..40).prop_map(|n| u64::MAX - 1 - n),
        ]
    }

    fn edit() -> impl Strategy<Value = Edit> {
        prop_oneof![
            6 => (index(), 0usize..90).prop_map(|(at, len)| Edit::Set(at, vec![b'x'; len])),
            2 => (0usize..600).prop_map(Edit::Append),
            3 => index().prop_map(Edit::Remove),
            1 => (index(), 0u64..500).prop_map(|(at, len)| Edit::RemoveRange(at, at.saturating_add(len))),
            1 => Just(Edit::Clone),
        ]
    }

    fn assert_same(tree: &ArrayTree, model: &BTreeMap<u64, Vec<u8>>) {
        assert_eq!(tree.len(), model.len() as u64);
        let owned = |(index, element): (u64, Element<'_>)| (index, element.to_bytes().into_owned());
        let all: Vec<_> = tree.iter(0..tree.len()).map(owned).collect();
        let wanted: Vec<_> =
            model.iter().map(|(index, element)| (*index, element.clone())).collect();
        assert_eq!(all, wanted);
        let mut back: Vec<_> = tree.iter_back(0..tree.len()).map(owned).collect();
        back.reverse();
        assert_eq!(back, wanted);
        assert_eq!(tree.last_index(), model.keys().next_back().copied());
        for probe in [0, 1, 2999, 1 << 31, u64::MAX - 1] {
            let found = tree.get(probe).map(|element| element.to_bytes().into_owned());
            assert_eq!(found.as_ref(), model.get(&probe));
            let ranks = tree.ranks(probe / 2, probe);
            assert_eq!(ranks.end - ranks.start, model.range(probe / 2..=probe).count() as u64);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn an_array_is_a_map(edits in vec(edit(), 1..120)) {
            let (mut tree, mut model) = (ArrayTree::new(), BTreeMap::new());
            let mut clones = Vec::new();
            for edit in edits {
                match edit {
                    Edit::Set(index, element) => {
                        prop_assert_eq!(tree.set(index, &element), Some(!model.contains_key(&index)));
                        model.insert(index, element);
                    }
                    Edit::Append(count) => {
                        for number in 0..count {
                            let index = tree.last_index().map_or(0, |last| last.saturating_add(1));
                            if index < u64::MAX {
                                let element = number.to_string().into_bytes();
                                tree.set(index, &element);
                                model.insert(index, element);
                            }
                        }
                    }
                    Edit::Remove(index) => {
                        prop_assert_eq!(tree.remove(index), model.remove(&index).is_some());
                    }
                    Edit::RemoveRange(low, high) => {
                        let ranks = tree.ranks(low, high);
                        drop(tree.remove_range(ranks));
                        model.retain(|index, _| !(low..=high).contains(index));
                    }
                    Edit::Clone => clones.push((tree.clone(), model.clone())),
                }
            }
            for (tree, model) in clones.iter().chain([&(tree, model)]) {
                assert_same(tree, model);
            }
        }
    }

    #[test]
    fn consecutive_indexes_take_no_memory() {
        let mut tree = ArrayTree::new();
        for index in 0..100_000u64 {
            tree.set(7 + index, b"12");
        }
        assert!(tree.heap_bytes() < 150_000, "{}", tree.heap_bytes());
        let (mut spread, mut model) = (ArrayTree::new(), 0);
        for index in (0..200_000u64).rev().step_by(20) {
            spread.set(index, b"12");
            model += 1;
        }
        assert!(spread.heap_bytes() < 6 * model, "{}", spread.heap_bytes());
    }
}
