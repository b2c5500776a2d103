//! Segments divided and merged.

use super::beside::{MAX_INLINE, number_beside, write_stub};
use super::{Hash, OFFSET_BITS, OFFSETS, Segment, TAG_BITS, entry, offset};
use crate::collections::record::{Kind, MARK_LEN, read_mark};

/// More records than that are divided among two segments.
pub(in super::super) const MAX_RECORDS: usize = 512;
/// So are records of more bytes than that.
const MAX_BYTES: usize = 32 * 1024;
/// Two segments with no more than that together become one.
const MERGED_RECORDS: usize = MAX_RECORDS / 2;
const MERGED_BYTES: usize = MAX_BYTES / 2;

// A quarter may be garbage before the last record is added.
const _: () = assert!(MAX_BYTES / 3 * 4 + 2 * (MAX_INLINE + MARK_LEN) < OFFSETS);

impl<K: Kind> Segment<K> {
    /// Whether its records should be divided among two.
    pub(in super::super) fn is_large(&self) -> bool {
        self.len() > MAX_RECORDS || self.live_bytes() > MAX_BYTES
    }

    /// Whether it and this other one should be one.
    pub(in super::super) fn can_merge(&self, other: &Self) -> bool {
        self.len() + other.len() <= MERGED_RECORDS
            && self.live_bytes() + other.live_bytes() <= MERGED_BYTES
    }

    pub(super) fn live_bytes(&self) -> usize {
        self.data.len() - self.garbage as usize
    }

    /// Two with its records, by the bit behind the first ones.
    pub(in super::super) fn divide(&self, hash: Hash) -> (Self, Self) {
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
    pub(in super::super) fn merge(&self, high: &Self) -> Self {
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
            match number_beside(&stored[start..]).and_then(|number| from.beside(number)) {
                Some(record) => {
                    self.data.extend_from_slice(&stored[..start]);
                    let number = self.beside.get_or_insert_default().add(record.clone());
                    write_stub(number, &mut self.data);
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
}
