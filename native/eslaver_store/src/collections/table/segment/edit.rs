//! Changes of single records of a segment.

use std::sync::Arc;

use super::beside::{MAX_INLINE, STUB_LEN, number_beside, write_stub};
use super::{NEVER, OFFSET_BITS, OFFSETS, Segment, entry, offset};
use crate::collections::element::Parts;
use crate::collections::record::{Expiry, Kind, Refused, pack_mark, read_mark};

impl<K: Kind> Segment<K> {
    /// Adds a record, whose element must be missing.
    pub(in super::super) fn add(
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
    pub(in super::super) fn replace(
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
        self.collect_garbage();
        Ok(())
    }

    /// Removes the record at a position.
    pub(in super::super) fn remove(&mut self, position: usize) {
        let at = offset(self.index.remove(position));
        let time = read_mark(&self.data[at..]).0;
        self.discard(at, self.stored_len(at));
        self.count_time(time, None);
        self.collect_garbage();
        if self.index.len() + 16 < self.index.capacity() / 8 * 7 {
            self.index.shrink_to(self.index.len() + 4);
        }
    }

    /// Gives the record at a position another time, or none.
    pub(in super::super) fn set_expiry(
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
        self.collect_garbage();
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
        let at = self.reserve(mark.len() + STUB_LEN)?;
        let mut record = Vec::with_capacity(len);
        key.write(&mut record);
        tail.write(&mut record);
        mark.write(&mut self.data);
        let number = self.beside.get_or_insert_default().add(Arc::new(record));
        write_stub(number, &mut self.data);
        Ok(at)
    }

    /// Makes room for `len` bytes at the end of `data`: where that is.
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
            if beside.is_empty() {
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
    fn collect_garbage(&mut self) {
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
