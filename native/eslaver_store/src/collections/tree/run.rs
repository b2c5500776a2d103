//! Packed elements one after another, with a directory to find one by its index.
//!
//! The directory has an entry for each group of up to `GROUP` elements: how many there are, and
//! how many bytes they take. Within a group elements are walked. A change concerns the entry of one
//! group only. Small groups make finding faster, and take more memory.

use super::super::element::{self, Element, Parts};
use super::bytes::Bytes;
use super::spare;
use crate::collections::mover::Mover;
use std::ops::Range;

/// How many elements are found at a time when they are walked in reverse.
const BLOCK: usize = 32;

/// Elements in a row.
#[derive(Debug, Default, Clone)]
pub struct Run<const GROUP: usize> {
    bytes: Bytes,
    groups: Vec<Group>,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    len: u16,
    /// [`MANY`] where there are that many, or more; then the group must be walked.
    bytes: u16,
}

const MANY: u16 = u16::MAX;

impl Group {
    fn new(len: usize, bytes: usize) -> Self {
        Self { len: len as u16, bytes: bytes.min(MANY.into()) as u16 }
    }
}

/// Where an element begins.
struct Spot {
    group: usize,
    /// Its index within the group.
    index: usize,
    /// The first byte of the group.
    start: usize,
}

impl<const GROUP: usize> Run<GROUP> {
    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first of their bytes, and the last.
    #[inline]
    pub fn ends(&self) -> [Option<u8>; 2] {
        [self.bytes.first().copied(), self.bytes.last().copied()]
    }

    /// The bytes that the elements take.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes allocated.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.groups.capacity() * size_of::<Group>()
    }

    /// Has `mover` see to all parts.
    pub fn compact(&mut self, mover: &mut Mover<'_>) {
        self.bytes.compact(mover);
        mover.vec(&mut self.groups);
    }

    /// The element at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        self.iter(index..index + 1).next()
    }

    /// Inserts `string` before the element at `index`. `false` where it is too long to be packed, or
    /// `index` is greater than the length.
    pub fn insert(&mut self, index: usize, string: &[u8]) -> bool {
        if index > self.len {
            return false;
        }
        let spot = self.gap(index);
        let at = if index == self.len { self.bytes.len() } else { self.byte_of(&spot) };
        let Some(added) = self.write(at, string) else { return false };
        self.count(&spot, added);
        self.len += 1;
        true
    }

    /// Removes the elements of a range, as far as they exist.
    pub fn remove(&mut self, range: Range<usize>) {
        let to = range.end.min(self.len);
        let from = range.start.min(to);
        let spot = self.spot(from);
        let first = self.byte_of(&spot);
        if to == from + 1 {
            return self.remove_one(&spot, first);
        }
        let end = self.byte_of(&self.spot(to));
        let (mut index, mut byte) = (0, 0);
        for at in 0..self.groups.len() {
            let (len, bytes) = (self.groups[at].len as usize, self.bytes_of(at, byte));
            let gone = (index + len).min(to).saturating_sub(index.max(from));
            let gone_bytes = (byte + bytes).min(end).saturating_sub(byte.max(first));
            if gone > 0 {
                self.groups[at] = Group::new(len - gone, bytes - gone_bytes);
            }
            index += len;
            byte += bytes;
        }
        self.bytes.remove(first..end);
        self.len -= to - from;
        self.join_groups();
        spare::trim(&mut self.groups);
    }

    /// Removes the element of a spot, which begins at `byte`.
    fn remove_one(&mut self, spot: &Spot, byte: usize) {
        let len = packed_len(&self.bytes[byte..]);
        let bytes = self.bytes_of(spot.group, spot.start);
        let group = &mut self.groups[spot.group];
        *group = Group::new(usize::from(group.len) - 1, bytes - len);
        self.bytes.remove(byte..byte + len);
        self.len -= 1;
        let near = spot.group.saturating_sub(1)..self.groups.len().min(spot.group + 2);
        if self.groups[near].windows(2).any(|pair| Self::joins(pair[0], pair[1])) {
            self.join_groups();
            spare::trim(&mut self.groups);
        }
    }

    /// Puts `string` in place of the element at `index`. `false` where it is too long, or there is no
    /// such element; nothing is changed then.
    pub fn replace(&mut self, index: usize, string: &[u8]) -> bool {
        if index >= self.len {
            return false;
        }
        let spot = self.spot(index);
        let at = self.byte_of(&spot);
        let old = packed_len(&self.bytes[at..]);
        let before = self.bytes_of(spot.group, spot.start);
        let Some(new) = self.write(at, string) else { return false };
        self.bytes.remove(at + new..at + new + old);
        let group = &mut self.groups[spot.group];
        *group = Group::new(group.len as usize, before - old + new);
        true
    }

    /// Removes the elements from `index` on, and returns them.
    pub fn split_off(&mut self, index: usize) -> Self {
        let spot = self.spot(index);
        let at = self.byte_of(&spot);
        let inner = (spot.index > 0).then(|| self.bytes_of(spot.group, spot.start));
        let mut groups = self.groups.split_off(spot.group);
        if let (Some(first), Some(bytes)) = (groups.first_mut(), inner) {
            let head = at - spot.start;
            *first = Group::new(first.len as usize - spot.index, bytes - head);
            self.groups.push(Group::new(spot.index, head));
        }
        let tail = Self { bytes: self.bytes.split_off(at), groups, len: self.len - index };
        self.len = index;
        tail
    }

    /// Appends the elements of another run.
    pub fn append(&mut self, other: &Self) {
        self.bytes.append(&other.bytes);
        self.groups.reserve_exact(other.groups.len());
        self.groups.extend_from_slice(&other.groups);
        self.len += other.len;
        self.join_groups();
    }

    /// Gives back memory that is not used.
    pub fn settle(&mut self) {
        self.bytes.settle();
        self.groups.shrink_to_fit();
    }

    /// The index where the second half of the bytes begins, at least 1 and less than the length.
    pub fn middle(&self) -> usize {
        let half = self.bytes.len() / 2;
        let (mut index, mut byte) = (0, 0);
        for (at, group) in self.groups.iter().enumerate() {
            let bytes = self.bytes_of(at, byte);
            if byte + bytes > half {
                break;
            }
            index += group.len as usize;
            byte += bytes;
        }
        while byte < half {
            byte += packed_len(&self.bytes[byte..]);
            index += usize::from(byte <= half);
        }
        index.min(self.len.saturating_sub(1)).max(1)
    }

    /// The elements of a range, forward.
    #[inline]
    pub fn iter(&self, range: Range<usize>) -> Iter<'_> {
        let to = range.end.min(self.len);
        let from = range.start.min(to);
        let rest = self.bytes.get(self.byte_of(&self.spot(from))..).unwrap_or_default();
        Iter { rest, left: to - from }
    }

    /// The elements of a range, from its last to its first.
    #[inline]
    pub fn iter_back(&self, range: Range<usize>) -> IterBack<'_, GROUP> {
        let to = range.end.min(self.len);
        let from = range.start.min(to);
        IterBack { run: self, from, to, begins: [0; BLOCK], known: 0 }
    }

    /// The first index within `range` whose element is not `before`; all that are come first.
    pub fn partition_point(
        &self,
        range: Range<usize>,
        mut before: impl FnMut(Element<'_>) -> bool,
    ) -> usize {
        // The group to walk is the last that begins within the range with an element `before`.
        let (mut index, mut byte) = (0, 0);
        let (mut from, mut from_byte) = (None, 0);
        for (at, group) in self.groups.iter().enumerate() {
            if index >= range.end {
                break;
            }
            let len = group.len as usize;
            if index > range.start {
                match Element::read(&self.bytes[byte..]) {
                    Some((first, _)) if before(first) => (from, from_byte) = (Some(index), byte),
                    _ => break,
                }
            } else if index + len > range.start {
                let spot = Spot { group: 0, index: range.start - index, start: byte };
                (from, from_byte) = (Some(range.start), self.byte_of(&spot));
            }
            index += len;
            byte += self.bytes_of(at, byte);
        }
        let Some(mut at) = from else { return range.end };
        while at < range.end {
            match Element::read(&self.bytes[from_byte..]) {
                Some((element, len)) if before(element) => from_byte += len,
                _ => break,
            }
            at += 1;
        }
        at
    }

    /// Where the element at `index` begins; for the length, the end.
    #[inline]
    fn spot(&self, index: usize) -> Spot {
        let (mut rest, mut start) = (index, 0);
        for (group, entry) in self.groups.iter().enumerate() {
            if rest < entry.len as usize {
                return Spot { group, index: rest, start };
            }
            rest -= entry.len as usize;
            start += self.bytes_of(group, start);
        }
        Spot { group: self.groups.len(), index: 0, start }
    }

    /// As [`Run::spot`], but behind the last element of a group rather than before the next group.
    #[inline]
    fn gap(&self, index: usize) -> Spot {
        let (mut rest, mut start) = (index, 0);
        for (group, entry) in self.groups.iter().enumerate() {
            if rest <= entry.len as usize {
                return Spot { group, index: rest, start };
            }
            rest -= entry.len as usize;
            start += self.bytes_of(group, start);
        }
        Spot { group: self.groups.len(), index: 0, start }
    }

    #[inline]
    fn byte_of(&self, spot: &Spot) -> usize {
        self.byte_after(spot.start, spot.index)
    }

    /// The byte behind `count` elements, the first of which begins at `byte`.
    #[inline]
    fn byte_after(&self, byte: usize, count: usize) -> usize {
        (0..count).fold(byte, |byte, _| byte + packed_len(&self.bytes[byte..]))
    }

    /// The bytes of a group that begins at `start`.
    #[inline]
    fn bytes_of(&self, group: usize, start: usize) -> usize {
        let group = self.groups[group];
        match group.bytes {
            MANY => self.byte_after(start, group.len.into()) - start,
            bytes => bytes.into(),
        }
    }

    /// Puts an element at a byte, and returns how many bytes it takes. `None` where it is too long.
    fn write(&mut self, at: usize, string: &[u8]) -> Option<usize> {
        let parts = Parts::of(string)?;
        let added = parts.len();
        if self.bytes.len() + added > u32::MAX as usize {
            return None;
        }
        parts.write_at(self.bytes.open(at, added)).then_some(added)
    }

    /// Counts an element of `added` bytes that was put at a gap.
    fn count(&mut self, spot: &Spot, added: usize) {
        let new = Group::new(1, added);
        let Some(&group) = self.groups.get(spot.group) else {
            spare::reserve(&mut self.groups, 1);
            return self.groups.push(new);
        };
        let len = group.len as usize;
        if len < GROUP {
            let bytes = group.bytes.saturating_add(new.bytes);
            self.groups[spot.group] = Group { len: group.len + 1, bytes };
            return;
        }
        // Appending and prepending leave groups full.
        let cut = match spot.index {
            0 => 1,
            end if end == GROUP => GROUP,
            _ => GROUP / 2,
        };
        let byte = self.byte_of(&Spot { index: cut, ..*spot });
        let end = self.byte_after(byte, GROUP + 1 - cut);
        self.groups[spot.group] = Group::new(cut, byte - spot.start);
        spare::reserve(&mut self.groups, 1);
        self.groups.insert(spot.group + 1, Group::new(GROUP + 1 - cut, end - byte));
    }

    /// Merges neighbours that are small, and drops empty groups.
    fn join_groups(&mut self) {
        self.groups.dedup_by(|group, before| {
            let join = Self::joins(*before, *group);
            if join {
                before.len += group.len;
                before.bytes = before.bytes.saturating_add(group.bytes);
            }
            join
        });
    }

    /// Whether two neighbours are better one group.
    fn joins(one: Group, other: Group) -> bool {
        let len = usize::from(one.len + other.len);
        one.len == 0 || other.len == 0 || len <= GROUP / 4 * 3
    }
}

/// The bytes of the element at the start. Within a run there is one.
#[inline]
fn packed_len(bytes: &[u8]) -> usize {
    element::packed_len(bytes).unwrap_or(bytes.len())
}

/// Elements in order.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (element, len) = Element::read(self.rest)?;
        self.rest = self.rest.get(len..)?;
        Some(element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// Elements in reverse. As elements can only be walked forward, it finds where those of a block begin.
#[derive(Debug, Clone)]
pub struct IterBack<'a, const GROUP: usize> {
    run: &'a Run<GROUP>,
    from: usize,
    /// The index behind the last element that is in no block yet.
    to: usize,
    /// Where the elements of the block begin.
    begins: [u32; BLOCK],
    /// How many of them are still to come.
    known: usize,
}

impl<const GROUP: usize> IterBack<'_, GROUP> {
    fn next_block(&mut self) {
        let from = self.from.max(self.to.saturating_sub(BLOCK));
        self.known = self.to - from;
        let mut byte = self.run.byte_of(&self.run.spot(from));
        for begin in self.begins.iter_mut().take(self.known) {
            *begin = byte as u32;
            byte += packed_len(&self.run.bytes[byte..]);
        }
        self.to = from;
    }
}

impl<'a, const GROUP: usize> Iterator for IterBack<'a, GROUP> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.known == 0 {
            self.next_block();
        }
        self.known = self.known.checked_sub(1)?;
        let begin = self.begins[self.known] as usize;
        Some(Element::read(self.run.bytes.get(begin..)?)?.0)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.known + self.to - self.from;
        (left, Some(left))
    }
}
