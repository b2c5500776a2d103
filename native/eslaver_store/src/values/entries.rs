//! Entries in the order of their keys' bytes, in a tree: the paths of a path hash with their fields,
//! and the elements of a vector set with their vectors.
//!
//! An entry here is what a key of the keyspace is there, so it is one block while it is small.

use std::ops::Range;

use crate::collections::mover::Mover;
use crate::collections::tree::{Leaf, Probe, Tree, spare};
use crate::keyspace::entry::Entry;

/// Entries by ascending key.
#[derive(Debug, Default, Clone)]
pub(crate) struct EntryLeaf {
    entries: Vec<Entry>,
    /// The bytes that are the entries' own.
    below: usize,
}

impl EntryLeaf {
    fn insert(&mut self, index: usize, entry: Entry) {
        spare::reserve(&mut self.entries, 1);
        self.below += entry.size();
        self.entries.insert(index, entry);
    }

    /// Changes an entry, and what is counted of it. Its key stays.
    fn edit<R>(&mut self, index: usize, edit: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let entry = self.entries.get_mut(index)?;
        let before = entry.size();
        let result = edit(entry);
        self.below = self.below - before + entry.size();
        Some(result)
    }

    fn count(entries: &[Entry]) -> usize {
        entries.iter().map(Entry::size).sum()
    }
}

impl Leaf for EntryLeaf {
    /// The first bytes of the key.
    type Mark = u64;
    const FULL: usize = 64;

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn mark(&self) -> u64 {
        self.entries.first().map_or(0, |entry| mark(entry.key()))
    }

    fn fill(&self) -> usize {
        self.entries.len()
    }

    fn middle(&self) -> usize {
        self.entries.len() / 2
    }

    fn split_off(&mut self, index: usize) -> Self {
        let entries = self.entries.split_off(index);
        let below = Self::count(&entries);
        self.below -= below;
        Self { entries, below }
    }

    fn append(&mut self, other: &Self) {
        self.entries.reserve_exact(other.entries.len());
        self.entries.extend_from_slice(&other.entries);
        self.below += other.below;
    }

    fn remove(&mut self, range: Range<usize>) {
        let removed = self.entries.drain(range);
        self.below -= Self::count(removed.as_slice());
        drop(removed);
        spare::trim(&mut self.entries);
    }

    fn settle(&mut self) {
        self.entries.shrink_to_fit();
    }

    fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.below
    }

    fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.vec(&mut self.entries);
        for entry in &mut self.entries {
            // Of a large one only the first parts, as all of the leaf is locked meanwhile.
            let _ = entry.compact(0, mover);
        }
    }
}

fn mark(key: &[u8]) -> u64 {
    let mut first = [0; 8];
    first.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(first)
}

/// A place among entries, before or behind that of a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    key: &'a [u8],
    behind: bool,
}

impl<'a> Place<'a> {
    pub(crate) fn before(key: &'a [u8]) -> Self {
        Self { key, behind: false }
    }

    pub(crate) fn behind(key: &'a [u8]) -> Self {
        Self { key, behind: true }
    }

    fn is_after(&self, entry: &Entry) -> bool {
        if self.behind { entry.key() <= self.key } else { entry.key() < self.key }
    }
}

impl Probe<EntryLeaf> for Place<'_> {
    fn after_mark(&self, other: u64) -> Option<bool> {
        let own = mark(self.key);
        (own != other).then_some(other < own)
    }

    fn after_first(&self, leaf: &EntryLeaf) -> bool {
        leaf.entries.first().is_some_and(|entry| self.is_after(entry))
    }

    fn index(&self, leaf: &EntryLeaf) -> usize {
        leaf.entries.partition_point(|entry| self.is_after(entry))
    }
}

/// Entries, each with another key.
pub(crate) type EntryTree = Tree<EntryLeaf>;

impl Tree<EntryLeaf> {
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Entry> {
        let (_, found) = self.find(&Place::before(key));
        let (leaf, index) = found?;
        leaf.entries.get(index).filter(|entry| entry.key() == key)
    }

    /// The entry that `rank` others precede.
    pub(crate) fn nth(&self, rank: u64) -> Option<&Entry> {
        let (leaf, index) = self.leaf_at(rank)?;
        leaf.entries.get(index)
    }

    fn rank_of(&self, key: &[u8]) -> Option<u64> {
        let (rank, found) = self.find(&Place::before(key));
        let (leaf, index) = found?;
        leaf.entries.get(index).filter(|entry| entry.key() == key).map(|_| rank)
    }

    /// Puts an entry in the place of what its key had.
    pub(crate) fn insert(&mut self, entry: Entry) {
        if let Some(rank) = self.rank_of(entry.key()) {
            drop(self.remove_range(rank..rank + 1));
        }
        let rank = self.rank(&Place::before(entry.key()));
        self.insert_at(rank, |leaf, index| leaf.insert(index, entry));
    }

    /// Changes the entry of a key, which stays; `None` where there is none.
    pub(crate) fn change<R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Option<R> {
        let rank = self.rank_of(key)?;
        self.edit_at(rank, |leaf, index| leaf.edit(index, change))?
    }

    /// Removes the entry of a key: whether there was one.
    pub(crate) fn remove(&mut self, key: &[u8]) -> bool {
        let rank = self.rank_of(key);
        if let Some(rank) = rank {
            drop(self.remove_range(rank..rank + 1));
        }
        rank.is_some()
    }

    /// The entry with the greatest key that is not greater than this one.
    pub(crate) fn floor(&self, key: &[u8]) -> Option<&Entry> {
        self.nth(self.rank(&Place::behind(key)).checked_sub(1)?)
    }

    /// The ranks of the entries whose keys begin so.
    pub(crate) fn begin_with(&self, prefix: &[u8]) -> Range<u64> {
        let from = self.rank(&Place::before(prefix));
        // The first bytes that are greater than all that begin so.
        let to = match prefix.iter().rposition(|byte| *byte != u8::MAX) {
            None => self.len(),
            Some(last) => {
                let mut next = prefix.get(..=last).unwrap_or_default().to_vec();
                next.iter_mut().last().into_iter().for_each(|byte| *byte += 1);
                self.rank(&Place::before(&next))
            }
        };
        from..to
    }

    /// The entries of a range of ranks.
    pub(crate) fn entries(&self, ranks: Range<u64>) -> impl Iterator<Item = &Entry> {
        self.leaves(ranks).flat_map(|(leaf, range)| leaf.entries.get(range).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::string;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            vec(prop_oneof![Just(0u8), Just(b'a'), Just(b'b'), Just(255u8)], 0..4),
            (0u32..300).prop_map(|number| format!("element:{number}").into_bytes()),
        ]
    }

    fn entry(key: &[u8], value: u8) -> Entry {
        Entry::new(key, None, string::new(&[value]))
    }

    fn value(entry: &Entry) -> u8 {
        string::Str::of(Some(entry.value())).byte(0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn entries_are_a_map(edits in vec((0u8..12, key(), any::<u8>()), 1..900)) {
            let (mut tree, mut model) = (EntryTree::new(), BTreeMap::new());
            let mut clones = Vec::new();
            for (number, (what, key, byte)) in edits.into_iter().enumerate() {
                match what {
                    0 | 1 => prop_assert_eq!(tree.remove(&key), model.remove(&key).is_some()),
                    2 => {
                        let changed = tree.change(&key, |entry| {
                            string::write(entry, 0, &[byte; 9]);
                        });
                        prop_assert_eq!(changed.is_some(), model.contains_key(&key));
                        model.entry(key).and_modify(|value| *value = byte);
                    }
                    3 if number % 16 == 0 => {
                        let ranks = tree.begin_with(&key);
                        drop(tree.remove_range(ranks));
                        model.retain(|other, _| !other.starts_with(&key));
                    }
                    4 if number % 16 == 0 => clones.push((tree.clone(), model.clone())),
                    _ => {
                        tree.insert(entry(&key, byte));
                        model.insert(key, byte);
                    }
                }
            }
            for (tree, model) in clones.iter().chain([&(tree, model)]) {
                prop_assert_eq!(tree.len(), model.len() as u64);
                let all: Vec<_> = tree
                    .entries(0..tree.len())
                    .map(|entry| (entry.key().to_vec(), value(entry)))
                    .collect();
                prop_assert_eq!(all, model.clone().into_iter().collect::<Vec<_>>());
                for key in [&b""[..], b"a", b"ab", b"\xff", b"a\xff", b"element:2", b"zz"] {
                    let ranks = tree.begin_with(key);
                    let begin = model.keys().filter(|other| other.starts_with(key)).count();
                    prop_assert_eq!(ranks.end - ranks.start, begin as u64);
                    prop_assert_eq!(tree.get(key).map(value), model.get(key).copied());
                    let floor = model.range(..=key.to_vec()).next_back().map(|(key, _)| &key[..]);
                    prop_assert_eq!(tree.floor(key).map(Entry::key), floor);
                }
                let counted: usize = tree
                    .leaves(0..tree.len())
                    .map(|(leaf, _)| EntryLeaf::count(&leaf.entries).abs_diff(leaf.below))
                    .sum();
                prop_assert_eq!(counted, 0);
            }
        }
    }
}
