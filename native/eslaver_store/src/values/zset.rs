//! Sorted sets: packed by score while they are small, else a table of scores and a tree of the members
//! in their order.

pub(crate) mod algebra;
mod builder;
pub(crate) mod range;

use std::cmp::Ordering;
use std::ops::{ControlFlow, Range};

use crate::collections::element::Element;
use crate::collections::mover::Mover;
use crate::collections::packed::{MOST_BYTES, Packed, PackedMut};
use crate::collections::record::{Refused, Scores};
use crate::collections::table::Table;
use crate::collections::tree::zset::{Bound, Member, Score, ZsetTree};
use crate::keyspace::entry::{Entry, ValueMut};
use crate::values::{Large, NewValue, Type, ValueRef};

pub(crate) use builder::ZsetBuilder;

/// A sorted set with more members, or bytes, is large.
const MOST_PACKED: usize = 128;
/// What servers have packed, if they are not told otherwise.
pub(crate) const SERVERS_MOST: usize = 128;
pub(crate) const SERVERS_LONGEST: usize = 64;
/// A place where a mover is to go on: within the scores, not in the order of the members.
const IN_SCORES: u64 = 1 << 63;
/// A large one with no more members is packed again.
const FEW: usize = 32;

/// A sorted set in parts of its own. Each member is in both parts, with the same score.
#[derive(Debug, Clone)]
pub(crate) struct LargeZset {
    scores: Table<Scores>,
    order: ZsetTree,
}

/// A sorted set that is only looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Zset<'a> {
    Packed(Packed<'a, Scores>),
    Large(&'a LargeZset),
}

impl<'a> Zset<'a> {
    /// The sorted set that a value is, where it is one.
    #[inline]
    pub(crate) fn of(value: ValueRef<'a>) -> Option<Self> {
        match value {
            ValueRef::Packed { kind: Type::Zset, payload, .. } => {
                Some(Self::Packed(Packed::new(payload)))
            }
            ValueRef::Large(Large::Zset(large)) => Some(Self::Large(large)),
            _ => None,
        }
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Large(large) => large.len(),
        }
    }

    /// The score of a member.
    #[inline]
    pub(crate) fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Packed(packed) => packed.get(Element::Bytes(member)).map(|record| record.tail),
            Self::Large(large) => large.score(Element::Bytes(member)),
        }
    }

    /// How many members precede this one, and its score.
    pub(crate) fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            Self::Packed(packed) => packed.rank(Element::Bytes(member)),
            Self::Large(large) => {
                let score = large.score(Element::Bytes(member))?;
                Some((large.order.rank_of(score, member)? as usize, score))
            }
        }
    }

    /// The member that `rank` others precede, and its score.
    pub(crate) fn get(self, rank: usize) -> Option<(f64, Element<'a>)> {
        match self {
            Self::Packed(packed) => packed.nth(rank).map(|record| (record.tail, record.element)),
            Self::Large(large) => large.order.get(rank as u64),
        }
    }

    /// How many members come before a place among scores.
    pub(crate) fn rank_of_score(self, place: Bound<Score>) -> usize {
        match self {
            Self::Packed(packed) => {
                packed.partition(|record| place.is_after(compare(record.tail, place.key.0)))
            }
            Self::Large(large) => large.order.rank(&place) as usize,
        }
    }

    /// How many members come before a place among names, where these are in order.
    pub(crate) fn rank_of_member(self, place: Bound<Member<'_>>) -> usize {
        match self {
            Self::Packed(packed) => {
                packed.partition(|record| place.is_after_member(record.element))
            }
            Self::Large(large) => large.order.rank(&place) as usize,
        }
    }

    /// How many members come before a place: before this member with this score, or behind it.
    pub(crate) fn rank_of_record(self, score: f64, member: &[u8], behind: bool) -> usize {
        match self {
            Self::Packed(packed) => packed.partition(|record| {
                let by_member = || record.element.with_bytes(|bytes| bytes.cmp(member));
                match compare(record.tail, score).then_with(by_member) {
                    Ordering::Less => true,
                    Ordering::Equal => behind,
                    Ordering::Greater => false,
                }
            }),
            Self::Large(large) => {
                let key = crate::collections::tree::zset::Record(score, member);
                large.order.rank(&Bound { key, behind }) as usize
            }
        }
    }

    /// Hands the members in a range of places to `each`, with their scores, until it breaks off.
    pub(crate) fn try_for_each<B>(
        self,
        range: Range<usize>,
        mut each: impl FnMut(f64, Element<'a>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::Packed(packed) => packed
                .range(range.start, range.end)
                .try_for_each(|record| each(record.tail, record.element)),
            Self::Large(large) => large
                .order
                .iter(range.start as u64..range.end as u64)
                .try_for_each(|(score, member)| each(score, member)),
        }
    }

    /// Hands the members in a range of places to `each`, with their scores.
    pub(crate) fn for_each(self, range: Range<usize>, mut each: impl FnMut(f64, Element<'a>)) {
        let _: ControlFlow<()> = self.try_for_each(range, |score, member| {
            each(score, member);
            ControlFlow::Continue(())
        });
    }

    /// The same from the last to the first.
    pub(crate) fn for_each_back(self, range: Range<usize>, mut each: impl FnMut(f64, Element<'a>)) {
        match self {
            Self::Packed(packed) => {
                let all: Vec<_> = packed.range(range.start, range.end).collect();
                all.into_iter().rev().for_each(|record| each(record.tail, record.element));
            }
            Self::Large(large) => large
                .order
                .iter_back(range.start as u64..range.end as u64)
                .for_each(|(score, member)| each(score, member)),
        }
    }
}

impl LargeZset {
    fn new(seed: u64) -> Self {
        Self { scores: Table::new(seed), order: ZsetTree::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.scores.is_shared() || self.order.is_shared()
    }

    /// See [`Large::compact`].
    pub(crate) fn compact(&mut self, from: u64, mover: &mut Mover<'_>) -> Option<u64> {
        let mut from = from;
        if from & IN_SCORES == 0 {
            from = self.order.compact(from, mover).unwrap_or(IN_SCORES);
            if from != IN_SCORES || mover.is_tired() {
                return Some(from);
            }
        }
        self.scores.compact(from & !IN_SCORES, mover).map(|next| next | IN_SCORES)
    }

    /// The bytes that it takes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.scores.heap_bytes() + self.order.heap_bytes()
    }

    #[inline]
    fn score(&self, member: Element<'_>) -> Option<f64> {
        self.scores.get(member).map(|record| record.tail)
    }

    /// Gives a member a score, whether it is new or not.
    fn put(&mut self, member: Element<'_>, score: f64) -> Result<(), Refused> {
        let old = self.scores.put(member, score)?;
        let done = member.with_bytes(|bytes| match old {
            None => self.order.insert(score, bytes),
            Some(old) => old == score || self.order.rescore(old, bytes, score),
        });
        if done {
            return Ok(());
        }
        self.scores.remove(member);
        Err(Refused::TooLong)
    }

    fn remove(&mut self, member: &[u8]) -> bool {
        match self.scores.take(Element::Bytes(member)) {
            Some(score) => self.order.remove(score, member),
            None => false,
        }
    }

    fn remove_range(&mut self, range: Range<usize>) {
        let range = range.start as u64..range.end as u64;
        for (_, member) in self.order.iter(range.clone()) {
            self.scores.remove(member);
        }
        drop(self.order.remove_range(range));
    }
}

/// Scores are never NaN.
fn compare(one: f64, other: f64) -> Ordering {
    one.partial_cmp(&other).unwrap_or(Ordering::Equal)
}

/// An empty sorted set.
pub(crate) fn new() -> NewValue {
    let mut payload = Vec::with_capacity(1);
    PackedMut::<Scores>::create(&mut payload);
    packed(payload)
}

fn packed(payload: Vec<u8>) -> NewValue {
    NewValue::Packed { kind: Type::Zset, form: 0, payload }
}

fn to_large(packed: Packed<'_, Scores>, seed: u64) -> Result<LargeZset, Refused> {
    let mut large = LargeZset::new(seed);
    for record in packed.iter() {
        large.put(record.element, record.tail)?;
    }
    Ok(large)
}

/// Gives a member of an entry's sorted set a score, whether it is new or not.
#[inline]
pub(crate) fn put(entry: &mut Entry, seed: u64, member: &[u8], score: f64) -> Result<(), Refused> {
    let element = Element::Bytes(member);
    let large = match entry.value_mut() {
        ValueMut::Large(Large::Zset(large)) => return large.put(element, score),
        ValueMut::Large(_) => return Ok(()),
        ValueMut::Packed(mut edit) => {
            let packed = Packed::<Scores>::new(edit.payload());
            let fits = packed.bytes() + member.len() <= MOST_BYTES
                && (packed.len() < MOST_PACKED || packed.contains(element));
            if fits {
                let base = edit.base();
                return PackedMut::<Scores>::new(edit.bytes(), base)
                    .put(element, score)
                    .map(|_| ());
            }
            let mut large = to_large(packed, seed)?;
            large.put(element, score)?;
            large
        }
    };
    drop(entry.set_value(NewValue::Large(Large::Zset(large))));
    Ok(())
}

/// Whether a server, with its usual settings, has a sorted set packed once this member is in it.
pub(crate) fn is_small(entry: &Entry, member: &[u8]) -> bool {
    match Zset::of(entry.value()) {
        Some(Zset::Packed(packed)) => {
            packed.len() < SERVERS_MOST
                && member.len() <= SERVERS_LONGEST
                && packed.iter().all(|record| record.element.len() <= SERVERS_LONGEST)
        }
        _ => false,
    }
}

/// Removes a member of an entry's sorted set: whether it was there.
pub(crate) fn remove(entry: &mut Entry, member: &[u8]) -> bool {
    let packed_again = match entry.value_mut() {
        ValueMut::Packed(mut edit) => {
            let base = edit.base();
            return PackedMut::<Scores>::new(edit.bytes(), base).remove(Element::Bytes(member));
        }
        ValueMut::Large(Large::Zset(large)) => {
            if !large.remove(member) {
                return false;
            }
            // Not at each removal: one with long members would be walked every time.
            if large.len().is_multiple_of(8) { to_packed(large) } else { None }
        }
        ValueMut::Large(_) => return false,
    };
    replace(entry, packed_again);
    true
}

/// Removes the members in a range of places.
pub(crate) fn remove_range(entry: &mut Entry, range: Range<usize>) {
    if range.is_empty() {
        return;
    }
    let packed_again = match entry.value_mut() {
        ValueMut::Packed(mut edit) => {
            let base = edit.base();
            PackedMut::<Scores>::new(edit.bytes(), base).remove_range(range.start, range.end);
            None
        }
        ValueMut::Large(Large::Zset(large)) => {
            large.remove_range(range);
            to_packed(large)
        }
        ValueMut::Large(_) => None,
    };
    replace(entry, packed_again);
}

fn replace(entry: &mut Entry, payload: Option<Vec<u8>>) {
    if let Some(payload) = payload {
        drop(entry.set_value(packed(payload)));
    }
}

/// The members of a large sorted set, packed, if they are few and small.
fn to_packed(large: &LargeZset) -> Option<Vec<u8>> {
    if large.len() > FEW {
        return None;
    }
    let mut bytes = Vec::new();
    let mut packed = PackedMut::<Scores>::create(&mut bytes);
    for (score, member) in large.order.iter(0..large.order.len()) {
        packed.push(member, score, None).ok()?;
        if packed.get().bytes() > MOST_BYTES / 2 {
            return None;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
