//! Bytes in a row with room at both ends, so that neither end's changes move all of them.

use super::spare;
use crate::collections::mover::Mover;
use std::ops::{Deref, Range};

/// Bytes that change at any place. Each change moves those before it or those behind it, whichever
/// are fewer.
#[derive(Debug, Default, Clone)]
pub struct Bytes {
    /// The room before the bytes, then these. What is in the room counts for nothing.
    buf: Vec<u8>,
    room: usize,
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.buf[self.room..]
    }
}

impl Bytes {
    /// The bytes allocated.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// Has `mover` see to them.
    pub fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.vec(&mut self.buf);
    }

    /// Makes `count` bytes more, whose content is left open, stand at `at`.
    pub fn open(&mut self, at: usize, count: usize) -> &mut [u8] {
        let len = self.len();
        if at < len - at {
            self.reserve_before(count);
            let begin = self.room;
            self.buf.copy_within(begin..begin + at, begin - count);
            self.room -= count;
        } else {
            spare::reserve(&mut self.buf, count);
            let end = self.buf.len();
            self.buf.resize(end + count, 0);
            self.buf.copy_within(self.room + at..end, self.room + at + count);
        }
        let begin = self.room + at;
        &mut self.buf[begin..begin + count]
    }

    /// Removes a range.
    pub fn remove(&mut self, range: Range<usize>) {
        let Range { start, end } = range;
        if start < self.len() - end {
            let begin = self.room;
            self.buf.copy_within(begin..begin + start, begin + end - start);
            self.room += end - start;
        } else {
            self.buf.drain(self.room + start..self.room + end);
        }
        self.trim();
    }

    /// Removes the bytes from `at` on, and returns them.
    pub fn split_off(&mut self, at: usize) -> Self {
        Self { buf: self.buf.split_off(self.room + at), room: 0 }
    }

    /// Appends bytes, and makes no room for more.
    pub fn append(&mut self, bytes: &[u8]) {
        self.buf.reserve_exact(bytes.len());
        self.buf.extend_from_slice(bytes);
    }

    /// Gives back all room.
    pub fn settle(&mut self) {
        self.buf.drain(..self.room);
        self.room = 0;
        self.buf.shrink_to_fit();
    }

    fn reserve_before(&mut self, count: usize) {
        if self.room < count {
            let room = count.max(spare::room(self.len()));
            let mut buf = Vec::with_capacity(room + self.len());
            buf.resize(room, 0);
            buf.extend_from_slice(self);
            *self = Self { buf, room };
        }
    }

    /// Gives room back where there is much.
    fn trim(&mut self) {
        if self.room > spare::most(self.len()) {
            self.settle();
        }
        spare::trim(&mut self.buf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Edit {
        Open(prop::sample::Index, usize),
        OpenFirst(usize),
        OpenLast(usize),
        Remove(prop::sample::Index, usize),
        Split(prop::sample::Index),
        Append(usize),
        Settle,
        Clone,
    }

    fn edit() -> impl Strategy<Value = Edit> {
        prop_oneof![
            2 => (any::<prop::sample::Index>(), 0usize..300).prop_map(|(at, n)| Edit::Open(at, n)),
            3 => (0usize..300).prop_map(Edit::OpenFirst),
            2 => (0usize..300).prop_map(Edit::OpenLast),
            3 => (any::<prop::sample::Index>(), 0usize..500).prop_map(|(at, n)| Edit::Remove(at, n)),
            1 => any::<prop::sample::Index>().prop_map(Edit::Split),
            1 => (0usize..300).prop_map(Edit::Append),
            1 => Just(Edit::Settle),
            1 => Just(Edit::Clone),
        ]
    }

    proptest! {
        #[test]
        fn they_are_a_vector(edits in proptest::collection::vec(edit(), 1..80)) {
            let (mut bytes, mut model) = (Bytes::default(), Vec::new());
            let mut others = Vec::new();
            for (number, edit) in edits.into_iter().enumerate() {
                let fill = number as u8;
                let mut open = |bytes: &mut Bytes, at, count| {
                    bytes.open(at, count).fill(fill);
                    model.splice(at..at, vec![fill; count]);
                };
                match edit {
                    Edit::Open(at, count) => {
                        let at = at.index(bytes.len() + 1);
                        open(&mut bytes, at, count);
                    }
                    Edit::OpenFirst(count) => open(&mut bytes, 0, count),
                    Edit::OpenLast(count) => {
                        let at = bytes.len();
                        open(&mut bytes, at, count);
                    }
                    Edit::Remove(at, count) => {
                        let at = at.index(bytes.len() + 1);
                        let end = (at + count).min(bytes.len());
                        bytes.remove(at..end);
                        model.drain(at..end);
                        let slack = bytes.capacity() - bytes.len();
                        prop_assert!(slack <= bytes.len() / 2 + 256, "{slack} of {}", bytes.len());
                    }
                    Edit::Split(at) => {
                        let at = at.index(bytes.len() + 1);
                        others.push((bytes.split_off(at), model.split_off(at)));
                    }
                    Edit::Append(count) => {
                        bytes.append(&vec![fill; count]);
                        model.extend(vec![fill; count]);
                    }
                    Edit::Settle => {
                        bytes.settle();
                        prop_assert_eq!(bytes.capacity(), bytes.len());
                    }
                    Edit::Clone => others.push((bytes.clone(), model.clone())),
                }
            }
            for (bytes, model) in others.iter().chain([&(bytes, model)]) {
                prop_assert!(**bytes == **model);
            }
        }
    }

    #[test]
    fn prepending_moves_little() {
        let mut bytes = Bytes::default();
        let mut moves = 0;
        for _ in 0..10_000 {
            let before = bytes.buf.as_ptr();
            bytes.open(0, 20);
            moves += usize::from(bytes.buf.as_ptr() != before);
        }
        assert!(moves < 100, "{moves} moves");
        assert!(bytes.capacity() < 230_000);
    }
}
