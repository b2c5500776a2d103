//! A small collection as one byte string: how many records there are, in one byte, then the records
//! ([`super::record`]).
//!
//! [`Packed`] reads one, [`PackedMut`] edits one where it stands: at the end of a longer byte string,
//! from a given offset on. Each edit moves bytes once, and the string grows to exactly what it needs.
//!
//! | type | kind | order | more in |
//! |---|---|---|---|
//! | list | [`super::record::Members`] | as pushed | `list` |
//! | set | `Members`, or [`Ints`] if all members are integers | as added | |
//! | hash | [`super::record::Fields`] | as added | |
//! | sorted set | [`super::record::Scores`] | by score, then by member's bytes | `zset` |
//!
//! An array has a form of its own: [`PackedArray`].

mod array;
mod edit;
mod fill;
mod ints;
mod list;
#[cfg(test)]
mod tests;
mod zset;

use std::marker::PhantomData;
use std::ops::Range;

use super::element::{Element, Parts, packed_len};
use super::record::{Kind, Record, read_mark};

pub use array::{ArrayPlace, PackedArray, PackedArrayMut};
pub use edit::PackedMut;
pub use ints::{Ints, IntsMut};

/// A packed collection of more bytes is better made a table or a tree: its edits move them.
pub const MOST_BYTES: usize = 10_240;
/// How many records a packed collection can have.
pub const MAX_RECORDS: usize = 255;

/// A packed collection, to be read.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'a, K> {
    bytes: &'a [u8],
    kind: PhantomData<fn() -> K>,
}

/// A record and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Place<'a, K: Kind> {
    /// How many records precede it.
    pub index: usize,
    /// Its bytes within the collection's.
    pub at: Range<usize>,
    /// The record.
    pub record: Record<'a, K>,
}

impl<'a, K: Kind> Packed<'a, K> {
    /// The collection that `bytes` are.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Packed { bytes, kind: PhantomData }
    }

    /// How many records there are, be they expired or not.
    #[inline]
    pub fn len(self) -> usize {
        self.bytes.first().map_or(0, |&count| usize::from(count))
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes that it takes.
    #[inline]
    pub fn bytes(self) -> usize {
        self.bytes.len()
    }

    /// The records in their order.
    #[inline]
    pub fn iter(self) -> Iter<'a, K> {
        Iter { bytes: self.bytes, at: 1, kind: PhantomData }
    }

    /// The records with their places.
    #[inline]
    pub fn places(self) -> impl Iterator<Item = Place<'a, K>> {
        let mut iter = self.iter();
        let mut index = 0;
        std::iter::from_fn(move || {
            let start = iter.at;
            let record = iter.next()?;
            index += 1;
            Some(Place { index: index - 1, at: start..iter.at, record })
        })
    }

    /// The record of `element`, the first if it is there more than once.
    #[inline]
    pub fn get(self, element: Element<'_>) -> Option<Record<'a, K>> {
        let parts = Parts::of_element(element)?;
        let mut rest = self.bytes.get(1..)?;
        while !rest.is_empty() {
            let (_, start) = read_mark(rest);
            if parts.begins(rest.get(start..)?) {
                return Record::read(rest).map(|(record, _)| record);
            }
            rest = rest.get(skip::<K>(rest, start)?..)?;
        }
        None
    }

    /// Whether there is a record of `element`.
    #[inline]
    pub fn contains(self, element: Element<'_>) -> bool {
        self.get(element).is_some()
    }

    /// The record of `element` and its place.
    pub fn find(self, element: Element<'_>) -> Option<Place<'a, K>> {
        Parts::of_element(element).and_then(|parts| self.find_packed(&parts))
    }

    pub(super) fn find_packed(self, parts: &Parts<'_>) -> Option<Place<'a, K>> {
        let mut at = 1;
        for index in 0..self.len() {
            let rest = self.bytes.get(at..)?;
            let (_, start) = read_mark(rest);
            let len = skip::<K>(rest, start)?;
            if parts.begins(rest.get(start..)?) {
                let (record, _) = Record::read(rest)?;
                return Some(Place { index, at: at..at + len, record });
            }
            at += len;
        }
        None
    }

    /// The record that `index` others precede.
    #[inline]
    pub fn nth(self, index: usize) -> Option<Record<'a, K>> {
        let at = self.offset(index)?;
        Record::read(self.bytes.get(at..)?).map(|(record, _)| record)
    }

    /// The records from `start` to before `end`.
    pub fn range(self, start: usize, end: usize) -> impl Iterator<Item = Record<'a, K>> {
        let at = self.offset(start).unwrap_or(self.bytes.len());
        Iter { bytes: self.bytes, at, kind: PhantomData }.take(end.saturating_sub(start))
    }

    /// How many records have a time of their own to live.
    pub fn timed(self) -> usize {
        self.iter().filter(|record| record.expire_at.is_some()).count()
    }

    /// How many records have expired at `now`, in ms since the epoch.
    pub fn expired(self, now: i64) -> usize {
        self.iter().filter(|record| record.is_expired(now)).count()
    }

    /// Where the record that `index` others precede begins, or for the number of them the end.
    fn offset(self, index: usize) -> Option<usize> {
        let mut at = 1;
        for _ in 0..index {
            let rest = self.bytes.get(at..)?;
            let (_, start) = read_mark(rest);
            at += skip::<K>(rest, start)?;
        }
        Some(at)
    }
}

impl<'a, K: Kind> IntoIterator for Packed<'a, K> {
    type Item = Record<'a, K>;
    type IntoIter = Iter<'a, K>;

    fn into_iter(self) -> Iter<'a, K> {
        self.iter()
    }
}

/// How long the record at the start of `packed` is, whose element is at `start`.
#[inline(always)]
fn skip<K: Kind>(packed: &[u8], start: usize) -> Option<usize> {
    let tail_at = start + packed_len(packed.get(start..)?)?;
    let (_, tail_len) = K::read(packed.get(tail_at..)?)?;
    Some(tail_at + tail_len)
}

/// The records of a packed collection in their order.
#[derive(Debug, Clone)]
pub struct Iter<'a, K> {
    bytes: &'a [u8],
    at: usize,
    kind: PhantomData<fn() -> K>,
}

impl<'a, K: Kind> Iterator for Iter<'a, K> {
    type Item = Record<'a, K>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a, K>> {
        let (record, len) = Record::read(self.bytes.get(self.at..)?)?;
        self.at += len;
        Some(record)
    }
}
