//! The leaf of a sorted set: members by score, then by their bytes.

use super::super::element::Element;
use super::run::Run;
use super::{Leaf, Probe, Tree};
use crate::collections::mover::Mover;
use scores::{Scores, count_below};
use std::cmp::Ordering;
use std::ops::Range;

mod scores;

const GROUP: usize = 8;

/// Members of a sorted set, in order.
#[derive(Debug, Default, Clone)]
pub struct ZsetLeaf {
    scores: Scores,
    members: Run<GROUP>,
}

impl ZsetLeaf {
    /// The records of a range of indexes.
    pub fn iter(&self, range: Range<usize>) -> impl Iterator<Item = (f64, Element<'_>)> {
        range.clone().map(|index| self.scores.get(index)).zip(self.members.iter(range))
    }

    /// The records of a range of indexes, from the last to the first.
    pub fn iter_back(&self, range: Range<usize>) -> impl Iterator<Item = (f64, Element<'_>)> {
        range.clone().rev().map(|index| self.scores.get(index)).zip(self.members.iter_back(range))
    }

    /// Inserts a record at `index`: `false` where the member is too long.
    pub fn insert(&mut self, index: usize, score: f64, member: &[u8]) -> bool {
        let inserted = self.members.insert(index, member);
        if inserted {
            self.scores.insert(index, score);
        }
        inserted
    }

    /// Whether this is the record at `index`.
    fn is(&self, index: usize, score: f64, member: &[u8]) -> bool {
        let found = self.members.get(index);
        self.scores.get(index) == score
            && found.is_some_and(|found| found.with_bytes(|bytes| bytes == member))
    }

    fn first_member(&self) -> Option<Element<'_>> {
        self.members.get(0)
    }
}

impl Leaf for ZsetLeaf {
    type Mark = f64;
    const FULL: usize = 1024;

    fn len(&self) -> usize {
        self.members.len()
    }

    fn mark(&self) -> f64 {
        self.scores.get(0)
    }

    fn fill(&self) -> usize {
        self.members.bytes() + self.scores.bytes()
    }

    fn middle(&self) -> usize {
        self.members.middle()
    }

    fn split_off(&mut self, index: usize) -> Self {
        Self { scores: self.scores.split_off(index), members: self.members.split_off(index) }
    }

    fn append(&mut self, other: &Self) {
        self.scores.append(&other.scores);
        self.members.append(&other.members);
    }

    fn remove(&mut self, range: Range<usize>) {
        self.scores.remove(range.clone());
        self.members.remove(range);
    }

    fn settle(&mut self) {
        self.scores.settle();
        self.members.settle();
    }

    fn heap_bytes(&self) -> usize {
        self.scores.heap_bytes() + self.members.heap_bytes()
    }

    fn compact(&mut self, mover: &mut Mover<'_>) {
        self.scores.compact(mover);
        self.members.compact(mover);
    }
}

/// A place in a sorted set, before or behind what it names.
#[derive(Debug, Clone, Copy)]
pub struct Bound<K> {
    /// What it names.
    pub key: K,
    /// Whether records equal to the key come before the place.
    pub behind: bool,
}

impl<K> Bound<K> {
    /// The place before records equal to `key`.
    pub fn before(key: K) -> Self {
        Self { key, behind: false }
    }

    /// The place behind records equal to `key`.
    pub fn behind(key: K) -> Self {
        Self { key, behind: true }
    }

    /// Whether the place is after a record that compares so with the key.
    pub(crate) fn is_after(&self, record: Ordering) -> bool {
        record == Ordering::Less || (self.behind && record == Ordering::Equal)
    }
}

/// All records of a score.
#[derive(Debug, Clone, Copy)]
pub struct Score(pub f64);

/// A member, among records that all have the same score.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a>(pub &'a [u8]);

/// The one record of a score and a member.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a>(pub f64, pub &'a [u8]);

impl Probe<ZsetLeaf> for Bound<Score> {
    fn after_mark(&self, mark: f64) -> Option<bool> {
        Some(self.is_after(compare(mark, self.key.0)))
    }

    fn passed(&self, marks: &[f64]) -> usize {
        count_below(marks, self.key.0, self.behind)
    }

    fn after_first(&self, leaf: &ZsetLeaf) -> bool {
        self.is_after(compare(leaf.mark(), self.key.0))
    }

    fn index(&self, leaf: &ZsetLeaf) -> usize {
        leaf.scores.count_below(self.key.0, self.behind)
    }
}

impl Bound<Member<'_>> {
    /// Whether the place is after this member.
    pub(crate) fn is_after_member(&self, member: Element<'_>) -> bool {
        self.is_after(member.with_bytes(|bytes| bytes.cmp(self.key.0)))
    }
}

impl Probe<ZsetLeaf> for Bound<Member<'_>> {
    fn after_mark(&self, _: f64) -> Option<bool> {
        None
    }

    fn after_first(&self, leaf: &ZsetLeaf) -> bool {
        leaf.first_member().is_some_and(|member| self.is_after_member(member))
    }

    fn index(&self, leaf: &ZsetLeaf) -> usize {
        leaf.members.partition_point(0..leaf.len(), |member| self.is_after_member(member))
    }
}

impl<'a> Bound<Record<'a>> {
    fn member(&self) -> Bound<Member<'a>> {
        Bound { key: Member(self.key.1), behind: self.behind }
    }
}

impl Probe<ZsetLeaf> for Bound<Record<'_>> {
    fn after_mark(&self, mark: f64) -> Option<bool> {
        match compare(mark, self.key.0) {
            Ordering::Less => Some(true),
            Ordering::Greater => Some(false),
            Ordering::Equal => None,
        }
    }

    fn passed(&self, marks: &[f64]) -> usize {
        count_below(marks, self.key.0, false)
    }

    fn after_first(&self, leaf: &ZsetLeaf) -> bool {
        self.after_mark(leaf.mark()).unwrap_or_else(|| self.member().after_first(leaf))
    }

    fn index(&self, leaf: &ZsetLeaf) -> usize {
        let Record(key, _) = self.key;
        let from = leaf.scores.count_below(key, false);
        if from == leaf.len() || leaf.scores.get(from) != key {
            return from;
        }
        // Few records share a score.
        let to = match from + 1 < leaf.len() && leaf.scores.get(from + 1) == key {
            true => leaf.scores.count_below(key, true),
            false => from + 1,
        };
        let bound = self.member();
        leaf.members.partition_point(from..to, |member| bound.is_after_member(member))
    }
}

/// Scores are never NaN.
fn compare(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// The records of a sorted set.
pub type ZsetTree = Tree<ZsetLeaf>;

impl Tree<ZsetLeaf> {
    /// The record of this rank.
    pub fn get(&self, rank: u64) -> Option<(f64, Element<'_>)> {
        let (leaf, index) = self.leaf_at(rank)?;
        Some((leaf.scores.get(index), leaf.members.get(index)?))
    }

    /// Inserts a new record. `false` where the member is longer than can be packed.
    pub fn insert(&mut self, score: f64, member: &[u8]) -> bool {
        let bound = Bound::before(Record(score, member));
        self.insert_by(&bound, |leaf, index| leaf.insert(index, score, member))
    }

    /// The rank of a record, if it exists.
    pub fn rank_of(&self, score: f64, member: &[u8]) -> Option<u64> {
        Some(self.record(score, member)?.0)
    }

    /// Removes a record. `false` where it does not exist.
    pub fn remove(&mut self, score: f64, member: &[u8]) -> bool {
        self.edit_record(score, member, |leaf, index| leaf.remove(index..index + 1)).is_some()
    }

    /// Gives a record another score. `false` where the record does not exist.
    pub fn rescore(&mut self, old: f64, member: &[u8], new: f64) -> bool {
        let stayed = self.edit_record(old, member, |leaf, index| {
            let stays = (1..leaf.len().saturating_sub(1)).contains(&index)
                && leaf.scores.get(index - 1) < new
                && new < leaf.scores.get(index + 1);
            if stays {
                leaf.scores.set(index, new);
            } else {
                leaf.remove(index..index + 1);
            }
            stays
        });
        match stayed {
            Some(false) => self.insert(new, member),
            Some(true) => true,
            None => false,
        }
    }

    /// Changes a record, if it exists: `edit` is given its leaf and its index there.
    fn edit_record<R>(
        &mut self,
        score: f64,
        member: &[u8],
        edit: impl FnOnce(&mut ZsetLeaf, usize) -> R,
    ) -> Option<R> {
        let mut edit = Some(edit);
        let mut once =
            |leaf: &mut ZsetLeaf, index: usize| edit.take().map(|edit| edit(leaf, index));
        // The place behind the record is in its leaf, unless that is one record of a leaf's size.
        let behind = Bound::behind(Record(score, member));
        let result = self.insert_by(&behind, |leaf, index| {
            let index = index.checked_sub(1).filter(|index| leaf.is(*index, score, member))?;
            once(leaf, index)
        });
        result.or_else(|| {
            let (rank, ..) = self.record(score, member)?;
            self.edit_at(rank, once)?
        })
    }

    /// The rank, leaf and index of a record, if it exists.
    fn record(&self, score: f64, member: &[u8]) -> Option<(u64, &ZsetLeaf, usize)> {
        let (rank, record) = self.find(&Bound::before(Record(score, member)));
        let (leaf, index) = record?;
        leaf.is(index, score, member).then_some((rank, leaf, index))
    }

    /// The records of a range of ranks.
    pub fn iter(&self, range: Range<u64>) -> impl Iterator<Item = (f64, Element<'_>)> {
        self.leaves(range).flat_map(|(leaf, range)| leaf.iter(range))
    }

    /// The records of a range of ranks, from the last to the first.
    pub fn iter_back(&self, range: Range<u64>) -> impl Iterator<Item = (f64, Element<'_>)> {
        self.leaves(range).rev().flat_map(|(leaf, range)| leaf.iter_back(range))
    }
}
