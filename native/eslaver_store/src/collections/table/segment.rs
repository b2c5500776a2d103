//! A part of a table: some hundred records whose hashes have the same first bits.

use std::marker::PhantomData;
use std::sync::Arc;

use super::hash::Hash;
use crate::collections::element::Parts;
use crate::collections::record::{Expiry, Kind, MARK_LEN, Record, Refused, pack_mark, read_mark};

/// More records than that are divided among two segments.
pub(super) const MAX_RECORDS: usize = 512;
/// So are records of more bytes than that.
const MAX_BYTES: usize = 64 * 1024;
/// Two segments with no more than that together become one.
const MERGED_RECORDS: usize = MAX_RECORDS / 2;
const MERGED_BYTES: usize = MAX_BYTES / 2;
/// A record of more bytes than that stands beside.
const MAX_INLINE: usize = 1024;
/// An index entry: some bits of the hash, then the record's offset.
const OFFSET_BITS: u32 = 17;
const OFFSETS: usize = 1 << OFFSET_BITS;
pub(super) const TAG_BITS: u32 = 32 - OFFSET_BITS;
/// Begins what stands for a record beside: its number follows, in 4 bytes. No element begins with it.
const BESIDE: u8 = 0xf0;
const BESIDE_LEN: usize = 5;
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

/// Records that would make a segment large. Copies of the segment share them.
#[derive(Debug, Clone, Default)]
struct Beside {
    records: Vec<Option<Arc<Vec<u8>>>>,
    bytes: usize,
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
        let beside = self.beside.as_ref().map_or(0, |beside| {
            let slots = beside.records.capacity() * size_of::<Option<Arc<Vec<u8>>>>();
            size_of::<Beside>() + slots + beside.bytes
        });
        let index = self.index.capacity() * size_of::<u32>();
        2 * size_of::<usize>() + size_of::<Self>() + index + self.data.capacity() + beside
    }

    // Reading.

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
        low + self.index[low..high].partition_point(|&entry| entry < least)
    }

    /// The time of the record at an offset, and what follows that.
    #[inline]
    fn body(&self, offset: usize) -> (Option<i64>, &[u8]) {
        let record = self.data.get(offset..).unwrap_or_default();
        let (expire_at, start) = read_mark(record);
        let body = &record[start..];
        let body = match number_beside(body) {
            Some(number) => self.beside(number),
            None => body,
        };
        (expire_at, body)
    }

    fn beside(&self, number: usize) -> &[u8] {
        let record = self.beside.as_ref().and_then(|beside| beside.records.get(number)?.as_ref());
        record.map_or(&[], |bytes| bytes.as_slice())
    }

    /// How many bytes the record at an offset takes in `data`.
    fn stored_len(&self, offset: usize) -> usize {
        let record = self.data.get(offset..).unwrap_or_default();
        let (_, start) = read_mark(record);
        match number_beside(&record[start..]) {
            Some(_) => start + BESIDE_LEN,
            None => Record::<K>::read(record).map_or(0, |(_, len)| len),
        }
    }

    // Writing.

    /// Adds a record, whose element must be missing.
    pub(super) fn add(
        &mut self,
        hash: u64,
        key: &Parts<'_>,
        tail: &Parts<'_>,
        expire_at: Option<i64>,
    ) -> Result<(), Refused> {
        let offset = self.append(key, tail, expire_at)?;
        let new = entry(self.tag(hash), offset);
        let position = self.first_not_before(new);
        grow(&mut self.index, 1, 8);
        self.index.insert(position, new);
        self.count_time(None, expire_at);
        Ok(())
    }

    /// Replaces the record at a position, of the same element.
    pub(super) fn replace(
        &mut self,
        position: usize,
        key: &Parts<'_>,
        tail: &Parts<'_>,
        expiry: Expiry,
    ) -> Result<(), Refused> {
        let old = self.index[position];
        let at = offset(old);
        let old_time = read_mark(&self.data[at..]).0;
        let time = expiry.over(old_time);
        let mark = pack_mark(time);
        let len = key.len() + tail.len();
        let old_len = self.stored_len(at);
        let is_inline = number_beside(&self.data[at + pack_mark(old_time).len()..]).is_none();
        if is_inline && len <= MAX_INLINE && old_len == mark.len() + len {
            write(&mut self.data[at..], [&mark, key, tail]);
        } else {
            let new = self.append(key, tail, time)?;
            self.index[position] = entry(old >> OFFSET_BITS, new);
            self.discard(at, old_len);
            self.restore_order(position);
        }
        self.count_time(old_time, time);
        self.compact();
        Ok(())
    }

    /// Removes the record at a position.
    pub(super) fn remove(&mut self, position: usize) {
        let at = offset(self.index.remove(position));
        let time = read_mark(&self.data[at..]).0;
        self.discard(at, self.stored_len(at));
        self.count_time(time, None);
        self.compact();
        if self.index.len() + 16 < self.index.capacity() / 8 * 7 {
            self.index.shrink_to(self.index.len() + 4);
        }
    }

    /// Gives the record at a position another time, or none.
    pub(super) fn set_expiry(
        &mut self,
        position: usize,
        expire_at: Option<i64>,
    ) -> Result<(), Refused> {
        let old = self.index[position];
        let at = offset(old);
        let len = self.stored_len(at);
        let old_time = read_mark(&self.data[at..]).0;
        let (mark, old_mark) = (pack_mark(expire_at), pack_mark(old_time).len());
        if mark.len() == old_mark {
            write(&mut self.data[at..], [&mark]);
        } else {
            let body_len = len - old_mark;
            let new = self.reserve(mark.len() + body_len)?;
            mark.write(&mut self.data);
            self.data.extend_from_within(at + old_mark..at + len);
            self.index[position] = entry(old >> OFFSET_BITS, new);
            self.garbage += len as u32;
            self.restore_order(position);
        }
        self.count_time(old_time, expire_at);
        self.compact();
        Ok(())
    }

    /// Appends a record, or what stands for it: where.
    fn append(
        &mut self,
        key: &Parts<'_>,
        tail: &Parts<'_>,
        expire_at: Option<i64>,
    ) -> Result<usize, Refused> {
        let mark = pack_mark(expire_at);
        let len = key.len() + tail.len();
        if len <= MAX_INLINE {
            let at = self.reserve(mark.len() + len)?;
            mark.write(&mut self.data);
            key.write(&mut self.data);
            tail.write(&mut self.data);
            return Ok(at);
        }
        let at = self.reserve(mark.len() + BESIDE_LEN)?;
        let mut record = Vec::with_capacity(len);
        key.write(&mut record);
        tail.write(&mut record);
        mark.write(&mut self.data);
        let number = self.beside.get_or_insert_default().add(Arc::new(record));
        self.data.push(BESIDE);
        self.data.extend_from_slice(&number.to_le_bytes());
        Ok(at)
    }

    /// Makes room for so many bytes at the end of `data`: where that is.
    fn reserve(&mut self, len: usize) -> Result<usize, Refused> {
        let at = self.data.len();
        if at >= OFFSETS {
            return Err(Refused::Full);
        }
        grow(&mut self.data, len, 32);
        Ok(at)
    }

    /// Forgets the bytes of a record.
    fn discard(&mut self, at: usize, len: usize) {
        let start = at + read_mark(&self.data[at..]).1;
        if let (Some(number), Some(beside)) =
            (number_beside(&self.data[start..]), self.beside.as_mut())
        {
            beside.remove(number);
            if beside.records.is_empty() {
                self.beside = None;
            }
        }
        if at + len == self.data.len() {
            self.data.truncate(at);
        } else {
            self.garbage += len as u32;
        }
    }

    /// Puts a changed entry of the index where it belongs among those of the same tag.
    fn restore_order(&mut self, position: usize) {
        let mut position = position;
        while position + 1 < self.index.len() && self.index[position] > self.index[position + 1] {
            self.index.swap(position, position + 1);
            position += 1;
        }
    }

    /// Counts a record's time, which was `old` and is `new`.
    fn count_time(&mut self, old: Option<i64>, new: Option<i64>) {
        if old == new {
            return;
        }
        self.timed += u32::from(new.is_some());
        self.timed -= u32::from(old.is_some());
        if old == Some(self.soonest) {
            let times = self.records().filter_map(|record| record.expire_at);
            self.soonest = times.min().unwrap_or(NEVER);
        } else if let Some(new) = new {
            self.soonest = self.soonest.min(new);
        }
    }

    /// Rids itself of garbage where there is much.
    fn compact(&mut self) {
        let garbage = self.garbage as usize;
        let unused = self.data.capacity() - self.data.len();
        if garbage * 4 > self.data.len() || unused > 64 + self.data.len() / 4 {
            let mut data = Vec::with_capacity(self.data.len() - garbage);
            for position in 0..self.index.len() {
                let at = offset(self.index[position]);
                let new = data.len();
                data.extend_from_slice(&self.data[at..at + self.stored_len(at)]);
                self.index[position] = entry(self.index[position] >> OFFSET_BITS, new);
            }
            self.data = data;
            self.garbage = 0;
        }
    }

    // Dividing and merging.

    /// Whether its records should be divided among two.
    pub(super) fn is_large(&self) -> bool {
        self.len() > MAX_RECORDS || self.live_bytes() > MAX_BYTES
    }

    /// Whether it and this other one should be one.
    pub(super) fn can_merge(&self, other: &Self) -> bool {
        self.len() + other.len() <= MERGED_RECORDS
            && self.live_bytes() + other.live_bytes() <= MERGED_BYTES
    }

    fn live_bytes(&self) -> usize {
        self.data.len() - self.garbage as usize
    }

    /// Two with its records, by the bit behind the first ones.
    pub(super) fn divide(&self, hash: Hash) -> (Self, Self) {
        let middle = self.position(1 << (TAG_BITS - 1));
        let mut low = Self::new(self.depth + 1);
        let mut high = Self::new(self.depth + 1);
        let (low_entries, high_entries) = self.index.split_at(middle);
        for (part, entries) in [(&mut low, low_entries), (&mut high, high_entries)] {
            part.take(self, entries, |part, record| part.tag(hash.of_packed(record)));
            // Those of the same tag may have others now, in any order.
            part.index.sort_unstable();
        }
        (low, high)
    }

    /// One with the records of two that [`Segment::divide`] could have made.
    pub(super) fn merge(&self, high: &Self) -> Self {
        let mut merged = Self::new(self.depth - 1);
        for (segment, bit) in [(self, 0), (high, 1 << (TAG_BITS - 1))] {
            let mut entries = segment.index.iter();
            merged.take(segment, &segment.index, |_, _| {
                entries.next().map_or(0, |entry| (entry >> OFFSET_BITS) >> 1) | bit
            });
        }
        merged.index.sort_unstable();
        merged
    }

    /// Adds records of another one, `tag` of each.
    fn take(&mut self, from: &Self, entries: &[u32], mut tag: impl FnMut(&Self, &[u8]) -> u32) {
        let bytes = entries.iter().map(|&entry| from.stored_len(offset(entry))).sum::<usize>();
        self.index.reserve_exact(entries.len() + 1);
        self.data.reserve_exact(bytes + 32);
        for &old in entries {
            let at = offset(old);
            let stored = &from.data[at..at + from.stored_len(at)];
            let (expire_at, body) = from.body(at);
            let (_, start) = read_mark(stored);
            let new = self.data.len();
            match number_beside(&stored[start..]).and_then(|number| from.arc_beside(number)) {
                Some(record) => {
                    self.data.extend_from_slice(&stored[..start]);
                    let number = self.beside.get_or_insert_default().add(record);
                    self.data.push(BESIDE);
                    self.data.extend_from_slice(&number.to_le_bytes());
                }
                None => self.data.extend_from_slice(stored),
            }
            let tag = tag(self, body);
            self.index.push(entry(tag, new));
            if let Some(at) = expire_at {
                self.timed += 1;
                self.soonest = self.soonest.min(at);
            }
        }
    }

    fn arc_beside(&self, number: usize) -> Option<Arc<Vec<u8>>> {
        self.beside.as_ref()?.records.get(number)?.clone()
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
        let slots = self.beside.iter().flat_map(|beside| &beside.records);
        assert_eq!(slots.flatten().count(), numbers.len());
        let bytes: usize =
            self.beside.iter().flat_map(|beside| &beside.records).flatten().map(heap_bytes).sum();
        assert_eq!(self.beside.as_ref().map_or(0, |beside| beside.bytes), bytes);
        assert!(self.data.capacity() <= 128 + self.data.len() / 2 * 3);
    }
}

impl Beside {
    fn add(&mut self, record: Arc<Vec<u8>>) -> u32 {
        self.bytes += heap_bytes(&record);
        match self.records.iter().position(Option::is_none) {
            Some(number) => {
                self.records[number] = Some(record);
                number as u32
            }
            None => {
                self.records.reserve_exact(1);
                self.records.push(Some(record));
                self.records.len() as u32 - 1
            }
        }
    }

    fn remove(&mut self, number: usize) {
        if let Some(record) = self.records.get_mut(number).and_then(Option::take) {
            self.bytes -= heap_bytes(&record);
        }
        while self.records.last().is_some_and(Option::is_none) {
            self.records.pop();
        }
    }
}

fn heap_bytes(record: &Arc<Vec<u8>>) -> usize {
    2 * size_of::<usize>() + size_of::<Vec<u8>>() + record.capacity()
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

/// The number of the record beside that these bytes stand for.
#[inline]
fn number_beside(body: &[u8]) -> Option<usize> {
    match body.split_first() {
        Some((&BESIDE, number)) => {
            number.first_chunk().map(|number| u32::from_le_bytes(*number) as usize)
        }
        _ => None,
    }
}

/// Makes room for `more`, with a spare of an eighth at most, or of `least`.
#[inline]
fn grow<T>(items: &mut Vec<T>, more: usize, least: usize) {
    if items.capacity() - items.len() < more {
        items.reserve_exact(more + (items.len() / 12).max(least));
    }
}

fn write<const N: usize>(to: &mut [u8], parts: [&Parts<'_>; N]) {
    let mut at = 0;
    for part in parts {
        let written = part.write_at(&mut to[at..]);
        debug_assert!(written);
        at += part.len();
    }
}

const _: () = assert!(MAX_BYTES / 3 * 4 + 2 * (MAX_INLINE + MARK_LEN) < OFFSETS);
