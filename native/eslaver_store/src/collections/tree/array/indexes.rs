//! The indexes of a leaf, ascending: the first, and how far each is from it. Where they are
//! consecutive the first is all there is, else each takes as many bytes as the farthest needs.

use super::super::spare;
use crate::collections::mover::Mover;
use std::ops::Range;

#[derive(Debug, Default, Clone)]
pub(super) struct Indexes {
    first: u64,
    len: usize,
    /// The bytes of each offset: 2, 4 or 8, or 0 where the indexes are consecutive.
    width: usize,
    offsets: Vec<u8>,
}

impl Indexes {
    /// The index of this rank, which is less than the length.
    #[inline]
    pub(super) fn get(&self, rank: usize) -> u64 {
        match self.width {
            0 => self.first.saturating_add(rank as u64),
            width => self.first.saturating_add(read(&self.offsets, rank * width, width)),
        }
    }

    /// How many are less than `index`.
    #[inline]
    pub(super) fn below(&self, index: u64) -> usize {
        let Some(offset) = index.checked_sub(self.first) else { return 0 };
        if self.width == 0 {
            return usize::try_from(offset).map_or(self.len, |offset| offset.min(self.len));
        }
        let (mut from, mut to) = (0, self.len);
        while from < to {
            let middle = from + (to - from) / 2;
            if read(&self.offsets, middle * self.width, self.width) < offset {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from
    }

    /// The bytes that they take.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.offsets.len()
    }

    pub(super) fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.vec(&mut self.offsets);
    }

    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        self.offsets.capacity()
    }

    /// Inserts an index at its rank.
    #[inline]
    pub(super) fn insert(&mut self, rank: usize, index: u64) {
        if self.len == 0 {
            *self = Self { first: index, len: 1, width: 0, offsets: Vec::new() };
            return;
        }
        if self.width == 0 {
            let behind = rank == self.len && index == self.get(rank);
            let before = rank == 0 && index.checked_add(1) == Some(self.first);
            if behind || before {
                self.first = self.first.min(index);
                self.len += 1;
                return;
            }
        }
        match index.checked_sub(self.first) {
            Some(offset) if rank > 0 && self.width > 0 && width_of(offset) <= self.width => {
                self.insert_offset(rank, offset);
            }
            _ => {
                let mut all: Vec<u64> = (0..self.len).map(|rank| self.get(rank)).collect();
                all.insert(rank, index);
                *self = all.into_iter().collect();
            }
        }
    }

    fn insert_offset(&mut self, rank: usize, offset: u64) {
        let (at, width) = (rank * self.width, self.width);
        spare::reserve(&mut self.offsets, width);
        // No more than 8 bytes.
        self.offsets.splice(at..at, offset.to_le_bytes().into_iter().take(width));
        self.len += 1;
        if self.get(self.len - 1) - self.first == self.len as u64 - 1 {
            (self.width, self.offsets) = (0, Vec::new());
        }
    }

    /// Removes the indexes of a range of ranks.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        let to = range.end.min(self.len);
        let from = range.start.min(to);
        if from == to {
            return;
        }
        if to == self.len {
            return self.truncate(from);
        }
        *self = (0..from).chain(to..self.len).map(|rank| self.get(rank)).collect();
    }

    fn truncate(&mut self, len: usize) {
        self.len = len;
        self.offsets.truncate(len * self.width);
        spare::trim(&mut self.offsets);
    }

    pub(super) fn split_off(&mut self, rank: usize) -> Self {
        let tail = (rank..self.len).map(|rank| self.get(rank)).collect();
        self.truncate(rank);
        tail
    }

    pub(super) fn append(&mut self, other: &Self) {
        let indexes = |indexes: &Self| (0..indexes.len).map(|rank| indexes.get(rank)).collect();
        let (mut all, more): (Vec<u64>, Vec<u64>) = (indexes(self), indexes(other));
        all.extend(more);
        *self = all.into_iter().collect();
    }

    /// Gives back memory that is not used.
    pub(super) fn settle(&mut self) {
        *self = (0..self.len).map(|rank| self.get(rank)).collect();
    }
}

impl FromIterator<u64> for Indexes {
    /// These indexes, which are ascending.
    fn from_iter<I: IntoIterator<Item = u64>>(indexes: I) -> Self {
        let all: Vec<u64> = indexes.into_iter().collect();
        let (Some(&first), Some(&last)) = (all.first(), all.last()) else {
            return Self::default();
        };
        let (len, farthest) = (all.len(), last - first);
        if farthest == len as u64 - 1 {
            return Self { first, len, width: 0, offsets: Vec::new() };
        }
        let width = width_of(farthest);
        let mut offsets = Vec::with_capacity(len * width);
        for index in all {
            // Widths are no more than 8.
            offsets.extend_from_slice(&(index - first).to_le_bytes()[..width]);
        }
        Self { first, len, width, offsets }
    }
}

fn width_of(offset: u64) -> usize {
    match offset {
        0..0x1_0000 => 2,
        0x1_0000..0x1_0000_0000 => 4,
        _ => 8,
    }
}

/// The little-endian integer of `width` bytes at a byte.
#[inline]
fn read(bytes: &[u8], at: usize, width: usize) -> u64 {
    let mut all = [0; 8];
    if let (Some(from), Some(to)) = (bytes.get(at..at + width), all.get_mut(..width)) {
        to.copy_from_slice(from);
    }
    u64::from_le_bytes(all)
}
