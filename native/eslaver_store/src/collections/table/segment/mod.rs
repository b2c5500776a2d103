//! A part of a table: some hundred records whose hashes have the same first bits.
//!
//! | module | what |
//! |---|---|
//! | `beside` | records that are too long to stand with the others |
//! | `edit` | one record added, replaced or removed |
//! | `divide` | one segment made of two, and two of one |

mod beside;
mod divide;
mod edit;

use std::marker::PhantomData;
use std::sync::Arc;

use super::hash::Hash;
use crate::collections::element::Parts;
use crate::collections::mover::Mover;
use crate::collections::record::{Kind, Record, read_mark};
use beside::{Beside, STUB_LEN, number_beside};
pub(super) use divide::MAX_RECORDS;

/// An index entry: some bits of the hash, then the record's offset.
const OFFSET_BITS: u32 = 16;
const OFFSETS: usize = 1 << OFFSET_BITS;
pub(super) const TAG_BITS: u32 = 32 - OFFSET_BITS;
/// How far from the suggested place an entry is looked for first: twice the usual distance.
const NEAR: usize = 24;
const NEVER: i64 = i64::MAX;

/// Records, and an index of them by hash.
#[derive(Debug, Clone)]
pub(super) struct Segment<K> {
    /// How many first bits of their hashes are the same.
    depth: u32,
    /// How many bytes of `data` are of no record any more.
    garbage: u32,
    /// How many records expire on their own, and when the first does.
    timed: u32,
    soonest: i64,
    /// An entry for each record, in ascending order: the bits of its hash behind the first, and where
    /// it begins in `data`. So the order is that of the hashes, as far as the bits go.
    index: Vec<u32>,
    data: Vec<u8>,
    beside: Option<Box<Beside>>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Segment<K> {
    pub(super) fn new(depth: u32) -> Self {
        Segment {
            depth,
            garbage: 0,
            timed: 0,
            soonest: NEVER,
            index: Vec::new(),
            data: Vec::new(),
            beside: None,
            kind: PhantomData,
        }
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn timed(&self) -> usize {
        self.timed as usize
    }

    /// The bytes that it takes on the heap, its own with the counters of its `Arc` too.
    pub(super) fn heap_bytes(&self) -> usize {
        let beside = self.beside.as_ref().map_or(0, |beside| beside.heap_bytes());
        let index = self.index.capacity() * size_of::<u32>();
        2 * size_of::<usize>() + size_of::<Self>() + index + self.data.capacity() + beside
    }

    #[inline]
    pub(super) fn find(&self, key: &Parts<'_>, hash: u64) -> Option<usize> {
        let tag = self.tag(hash);
        let mut position = self.position(tag);
        loop {
            let entry = *self.index.get(position)?;
            if entry >> OFFSET_BITS != tag {
                return None;
            }
            if key.begins(self.body(offset(entry)).1) {
                return Some(position);
            }
            position += 1;
        }
    }

    /// The record at a position of the index.
    #[inline]
    pub(super) fn record(&self, position: usize) -> Option<Record<'_, K>> {
        let (expire_at, body) = self.body(offset(*self.index.get(position)?));
        let (record, _) = Record::read(body)?;
        Some(Record { expire_at, ..record })
    }

    pub(super) fn records(&self) -> impl Iterator<Item = Record<'_, K>> {
        (0..self.len()).map_while(|position| self.record(position))
    }

    /// How many records have expired at `now`.
    pub(super) fn expired(&self, now: i64) -> usize {
        match self.soonest <= now {
            true => self.records().filter(|record| record.is_expired(now)).count(),
            false => 0,
        }
    }

    /// Steps of some 10 ns that [`Segment::expired`] takes.
    pub(super) fn expired_steps(&self, now: i64) -> usize {
        if self.soonest <= now { 1 + self.len() } else { 1 }
    }

    /// Gives back memory that is not used.
    pub(super) fn settle(&mut self) {
        self.index.shrink_to_fit();
        self.data.shrink_to_fit();
    }

    /// Has `mover` see to all parts.
    pub(super) fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.vec(&mut self.index);
        mover.vec(&mut self.data);
        if let Some(beside) = &mut self.beside {
            mover.boxed(beside, Beside::compact);
        }
    }

    /// The first position of a record whose tag is not less than that of `hash`.
    pub(super) fn first_from(&self, hash: u64) -> usize {
        self.position(self.tag(hash))
    }

    /// The least hash that the tag of a position stands for, where `hash` is any of the segment.
    pub(super) fn hash_at(&self, position: usize, hash: u64) -> Option<u64> {
        let tag = u64::from(self.index.get(position)? >> OFFSET_BITS);
        let prefix = hash & !(u64::MAX.checked_shr(self.depth).unwrap_or(0));
        Some(prefix | (tag << (64 - TAG_BITS - self.depth)))
    }

    #[inline]
    fn tag(&self, hash: u64) -> u32 {
        ((hash << self.depth) >> (64 - TAG_BITS)) as u32
    }

    #[inline]
    fn position(&self, tag: u32) -> usize {
        self.first_not_before(tag << OFFSET_BITS)
    }

    /// The first position of an entry that is not less than this one. Hashes are even, so it is near
    /// the place that the entry's value suggests.
    #[inline]
    fn first_not_before(&self, least: u32) -> usize {
        let len = self.index.len();
        let guess = ((u64::from(least) * len as u64) >> u32::BITS) as usize;
        let mut low = guess.saturating_sub(NEAR);
        let mut high = (guess + NEAR).min(len);
        if low > 0 && self.index[low - 1] >= least {
            low = 0;
        }
        if high < len && self.index[high] < least {
            high = len;
        }
        // To compare with all is faster than a search, which must guess at each step.
        low + self.index[low..high].iter().map(|&entry| u32::from(entry < least)).sum::<u32>()
            as usize
    }

    /// The time of the record at an offset, and what follows that.
    #[inline]
    fn body(&self, offset: usize) -> (Option<i64>, &[u8]) {
        let record = self.data.get(offset..).unwrap_or_default();
        let (expire_at, start) = read_mark(record);
        let body = &record[start..];
        let body = match number_beside(body) {
            Some(number) => self.beside(number).map_or(&[][..], |record| record.as_slice()),
            None => body,
        };
        (expire_at, body)
    }

    fn beside(&self, number: usize) -> Option<&Arc<Vec<u8>>> {
        self.beside.as_ref()?.get(number)
    }

    /// How many bytes the record at an offset takes in `data`.
    fn stored_len(&self, offset: usize) -> usize {
        let record = self.data.get(offset..).unwrap_or_default();
        let (_, start) = read_mark(record);
        match number_beside(&record[start..]) {
            Some(_) => start + STUB_LEN,
            None => Record::<K>::read(record).map_or(0, |(_, len)| len),
        }
    }
}

#[cfg(test)]
impl<K: Kind> Segment<K> {
    /// Checks all that is to hold within a segment.
    pub(super) fn check(&self, hash: Hash) {
        assert!(self.index.is_sorted());
        assert!(!self.is_large());
        let mut live = 0;
        let mut numbers = std::collections::BTreeSet::new();
        for &entry in &self.index {
            let (_, body) = self.body(offset(entry));
            assert_eq!(self.tag(hash.of_packed(body)), entry >> OFFSET_BITS);
            live += self.stored_len(offset(entry));
            let start = offset(entry) + read_mark(&self.data[offset(entry)..]).1;
            if let Some(number) = number_beside(&self.data[start..]) {
                assert!(numbers.insert(number));
            }
        }
        assert_eq!(live, self.live_bytes());
        let times = || self.records().filter_map(|record| record.expire_at);
        assert_eq!(times().count(), self.timed());
        assert_eq!(times().min().unwrap_or(NEVER), self.soonest);
        if let Some(beside) = &self.beside {
            beside.check(numbers.len());
        }
        assert!(self.data.capacity() <= 128 + self.data.len() / 2 * 3);
    }
}

#[inline]
fn entry(tag: u32, offset: usize) -> u32 {
    debug_assert!(offset < OFFSETS);
    (tag << OFFSET_BITS) | offset as u32
}

#[inline]
fn offset(entry: u32) -> usize {
    entry as usize & (OFFSETS - 1)
}
