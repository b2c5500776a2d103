//! Edits of a packed collection, and those of sets and hashes.

use std::marker::PhantomData;
use std::ops::Range;

use super::{MAX_RECORDS, Packed, Place};
use crate::collections::element::{Element, Parts};
use crate::collections::record::{Expiry, Kind, Record, Refused, pack_mark};

/// A packed collection, to be edited: the end of a byte string.
#[derive(Debug)]
pub struct PackedMut<'a, K> {
    pub(super) bytes: &'a mut Vec<u8>,
    base: usize,
    kind: PhantomData<fn() -> K>,
}

impl<'a, K: Kind> PackedMut<'a, K> {
    /// The collection that stands in `bytes` from `base` on.
    #[inline]
    pub fn new(bytes: &'a mut Vec<u8>, base: usize) -> Self {
        PackedMut { bytes, base, kind: PhantomData }
    }

    /// An empty collection, appended to `bytes`.
    pub fn create(bytes: &'a mut Vec<u8>) -> Self {
        let base = bytes.len();
        bytes.push(0);
        Self::new(bytes, base)
    }

    /// The collection, to be read.
    #[inline]
    pub fn get(&self) -> Packed<'_, K> {
        Packed::new(self.bytes.get(self.base..).unwrap_or_default())
    }

    /// Adds a record at the end, without a look whether its element is there.
    pub fn push(
        &mut self,
        element: Element<'_>,
        tail: K::Tail<'_>,
        expire_at: Option<i64>,
    ) -> Result<(), Refused> {
        let parts = pack::<K>(element, tail, expire_at)?;
        if self.get().len() >= MAX_RECORDS {
            return Err(Refused::Full);
        }
        self.bytes.reserve_exact(parts.iter().map(Parts::len).sum());
        parts.iter().for_each(|part| part.write(self.bytes));
        self.count(|count| count.saturating_add(1));
        Ok(())
    }

    /// Sets the record of `element`, which it adds at the end if it is missing: whether it is new.
    pub fn insert(
        &mut self,
        element: Element<'_>,
        tail: K::Tail<'_>,
        expiry: Expiry,
    ) -> Result<bool, Refused> {
        let parts = Parts::of_element(element).ok_or(Refused::TooLong)?;
        match self.get().find_packed(&parts) {
            Some(Place { at, record, .. }) => {
                let mark = pack_mark(expiry.over(record.expire_at));
                self.replace(at, [mark, parts, K::pack(tail).ok_or(Refused::TooLong)?]);
                Ok(false)
            }
            None => self.push(element, tail, expiry.over(None)).map(|()| true),
        }
    }

    /// Adds the record of `element` at the end if it is missing: whether it was.
    pub fn add(&mut self, element: Element<'_>, tail: K::Tail<'_>) -> Result<bool, Refused> {
        match self.get().contains(element) {
            true => Ok(false),
            false => self.push(element, tail, None).map(|()| true),
        }
    }

    /// Removes the record of `element`: whether it was there.
    pub fn remove(&mut self, element: Element<'_>) -> bool {
        let at = self.get().find(element).map(|place| place.at);
        at.is_some_and(|at| self.cut(at, 1))
    }

    /// Removes the records from `start` to before `end`: how many.
    pub fn remove_range(&mut self, start: usize, end: usize) -> usize {
        let packed = self.get();
        let end = end.min(packed.len());
        match (packed.offset(start), packed.offset(end)) {
            (Some(from), Some(to)) if start < end && self.cut(from..to, end - start) => end - start,
            _ => 0,
        }
    }

    /// Keeps only the records that `keep` is true of, in one pass.
    pub fn retain(&mut self, mut keep: impl FnMut(&Record<'_, K>) -> bool) {
        let mut kept = 0u8;
        let mut end = 1;
        let mut at = 1;
        let Some(bytes) = self.bytes.get_mut(self.base..) else { return };
        while let Some((record, len)) = bytes.get(at..).and_then(Record::<K>::read) {
            if keep(&record) {
                bytes.copy_within(at..at + len, end);
                end += len;
                kept += 1;
            }
            at += len;
        }
        if let Some(count) = bytes.first_mut() {
            *count = kept;
            self.bytes.truncate(self.base + end);
        }
    }

    /// Gives the record of `element` another time to live, or none of its own: whether it is there.
    pub fn set_expiry(&mut self, element: Element<'_>, expire_at: Option<i64>) -> bool {
        let Some(Place { at, record, .. }) = self.get().find(element) else { return false };
        let old = pack_mark(record.expire_at).len();
        self.replace(at.start..at.start + old, [pack_mark(expire_at)]);
        true
    }

    /// Puts a record before the one that stands at `at`, which `index` others precede.
    pub(super) fn insert_at(
        &mut self,
        index: usize,
        at: usize,
        parts: [Parts<'_>; 3],
    ) -> Result<(), Refused> {
        let count = self.get().len();
        debug_assert!(index <= count);
        if count >= MAX_RECORDS {
            return Err(Refused::Full);
        }
        self.replace(at..at, parts);
        self.count(|count| count.saturating_add(1));
        Ok(())
    }

    /// Puts `parts` where `range` of the collection's bytes is.
    pub(super) fn replace<const N: usize>(&mut self, range: Range<usize>, parts: [Parts<'_>; N]) {
        let added = parts.iter().map(Parts::len).sum();
        let start = self.base + range.start;
        resize(self.bytes, start..self.base + range.end, added);
        let mut at = start;
        for part in parts {
            let written = self.bytes.get_mut(at..).is_some_and(|to| part.write_at(to));
            debug_assert!(written);
            at += part.len();
        }
    }

    /// Removes a range of the collection's bytes, which hold `records` records.
    pub(super) fn cut(&mut self, range: Range<usize>, records: usize) -> bool {
        resize(self.bytes, self.base + range.start..self.base + range.end, 0);
        self.count(|count| {
            u8::try_from(usize::from(count).saturating_sub(records)).unwrap_or(count)
        });
        true
    }

    #[inline]
    pub(super) fn count(&mut self, change: impl FnOnce(u8) -> u8) {
        if let Some(count) = self.bytes.get_mut(self.base) {
            *count = change(*count);
        }
    }
}

/// How a record is packed: its time, element and tail.
pub(super) fn pack<'a, 'e: 'a, 't: 'a, K: Kind>(
    element: Element<'e>,
    tail: K::Tail<'t>,
    expire_at: Option<i64>,
) -> Result<[Parts<'a>; 3], Refused> {
    Ok([
        pack_mark(expire_at),
        Parts::of_element(element).ok_or(Refused::TooLong)?,
        K::pack(tail).ok_or(Refused::TooLong)?,
    ])
}

/// Makes `range` of `bytes` take `len` bytes, whose content is left open.
pub(super) fn resize(bytes: &mut Vec<u8>, range: Range<usize>, len: usize) {
    let old_end = bytes.len();
    debug_assert!(range.start <= range.end && range.end <= old_end);
    if range.len() == len {
        return;
    }
    let new_end = old_end - (range.end - range.start) + len;
    if new_end > old_end {
        bytes.reserve_exact(new_end - old_end);
        bytes.resize(new_end, 0);
    }
    bytes.copy_within(range.end..old_end, range.start + len);
    bytes.truncate(new_end);
}
