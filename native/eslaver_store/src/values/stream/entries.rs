//! Entries in the order of their ids, packed one behind the other in the leaves of a tree.
//!
//! | bytes | what |
//! |---|---|
//! | 1– | how many bytes of the entry follow, 7 bits a byte, the lowest first |
//! | 1 | how the id is written (low 2 bits), whether the names are those of an entry before (bit 2) |
//! | 0– | the id, as what it is more than the one before: numbers of 7 bits a byte |
//! | 1– | own names: how many fields; then an element for each name and each value in turn |
//! | | names of the nearest entry before that has its own: an element for each value |
//!
//! The first entry of a leaf has names of its own, and its id is the leaf's first.

use std::cell::Cell;
use std::ops::Range;

use eslaver_core::rdb::StreamId;

use super::varint;
use crate::collections::element::{Element, Parts, packed_len};
use crate::collections::record::Refused;
use crate::collections::tree::{Leaf, Probe, Tree, spare};

/// How an id is written: the next of the same millisecond, the first of a later one, any other of the
/// same, any other.
const NEXT: u8 = 0;
const FIRST_OF_MS: u8 = 1;
const SAME_MS: u8 = 2;
const ID_FORM: u8 = 3;
const SHARES_NAMES: u8 = 4;
/// Room for what an entry has beside names and values, and a name or value beside its bytes.
const HEAD_ROOM: usize = 40;
const ELEMENT_ROOM: usize = 5;

/// Packed entries.
#[derive(Debug, Clone, Default)]
pub(crate) struct EntryLeaf {
    bytes: Vec<u8>,
    first: StreamId,
    last: StreamId,
    /// Where the last entry that has names of its own begins.
    named: usize,
    len: usize,
}

/// An entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    id: StreamId,
    /// The number of fields, then the first entry's names and values in turn.
    named: &'a [u8],
    /// The values, where the names are another entry's.
    values: Option<&'a [u8]>,
}

/// The fields of an entry: names and values.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    named: &'a [u8],
    values: Option<&'a [u8]>,
    left: usize,
}

impl<'a> Entry<'a> {
    pub(crate) fn id(&self) -> StreamId {
        self.id
    }

    pub(crate) fn fields(&self) -> Fields<'a> {
        let (count, named) = varint::read(self.named).unwrap_or_default();
        Fields { named, values: self.values, left: count as usize }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = take(&mut self.named)?;
        let value = match &mut self.values {
            None => take(&mut self.named)?,
            Some(values) => {
                self.named = self.named.get(packed_len(self.named)?..)?;
                take(values)?
            }
        };
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

/// Takes the first element.
#[inline]
fn take<'a>(bytes: &mut &'a [u8]) -> Option<Element<'a>> {
    let (element, len) = Element::read(bytes)?;
    *bytes = bytes.get(len..)?;
    Some(element)
}

/// A walk from the first entry on.
#[derive(Debug, Clone)]
struct Walk<'a> {
    leaf: &'a EntryLeaf,
    /// Where the next entry begins.
    at: usize,
    /// The id of the entry before it.
    id: StreamId,
    /// Where the nearest entry before it begins that has names of its own, and what it has behind
    /// its id.
    named_at: usize,
    named: &'a [u8],
}

impl<'a> Walk<'a> {
    fn new(leaf: &'a EntryLeaf) -> Self {
        Self { leaf, at: 0, id: leaf.first, named_at: 0, named: &[] }
    }

    /// A walk from the entry at `index` on.
    fn from(leaf: &'a EntryLeaf, index: usize) -> Self {
        let mut walk = Self::new(leaf);
        if index >= leaf.len {
            walk.at = leaf.bytes.len();
            walk.id = leaf.last;
            walk.named_at = leaf.named;
        } else {
            (0..index).for_each(|_| {
                walk.next();
            });
        }
        walk
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let rest = self.leaf.bytes.get(self.at..)?;
        let (size, behind) = varint::read(rest)?;
        let body = behind.get(..size as usize)?;
        let (&head, body) = body.split_first()?;
        let (id, body) = read_id(head, self.id, body)?;
        let shares = head & SHARES_NAMES != 0;
        if !shares {
            self.named = body;
            self.named_at = self.at;
        }
        self.at += rest.len() - behind.len() + size as usize;
        self.id = id;
        Some(Entry { id, named: self.named, values: shares.then_some(body) })
    }
}

#[inline]
fn read_id(head: u8, before: StreamId, bytes: &[u8]) -> Option<(StreamId, &[u8])> {
    let StreamId { ms, seq } = before;
    Some(match head & ID_FORM {
        NEXT => (StreamId { ms, seq: seq.wrapping_add(1) }, bytes),
        FIRST_OF_MS => {
            let (more, bytes) = varint::read(bytes)?;
            (StreamId { ms: ms.wrapping_add(more), seq: 0 }, bytes)
        }
        SAME_MS => {
            let (more, bytes) = varint::read(bytes)?;
            (StreamId { ms, seq: seq.wrapping_add(more) }, bytes)
        }
        _ => {
            let (more, bytes) = varint::read(bytes)?;
            let (seq, bytes) = varint::read(bytes)?;
            (StreamId { ms: ms.wrapping_add(more), seq }, bytes)
        }
    })
}

/// Appends an id that is not less than `before`, and says how it is written.
fn write_id(before: StreamId, id: StreamId, to: &mut Vec<u8>) -> u8 {
    let more = id.ms.wrapping_sub(before.ms);
    if more > 0 {
        varint::write(more, to);
        if id.seq == 0 {
            return FIRST_OF_MS;
        }
        varint::write(id.seq, to);
        return ID_FORM;
    }
    match id.seq.wrapping_sub(before.seq) {
        1 => NEXT,
        more => {
            varint::write(more, to);
            SAME_MS
        }
    }
}

/// Appends an entry, unless a string is too long.
fn write<'e>(
    (before, id): (StreamId, StreamId),
    shares_names: bool,
    fields: impl ExactSizeIterator<Item = (Element<'e>, Element<'e>)>,
    to: &mut Vec<u8>,
) -> Result<(), Refused> {
    // Most entries have fewer than 128 bytes.
    let size_at = to.len();
    to.extend([0, 0]);
    let form = write_id(before, id, to);
    if shares_names {
        to[size_at + 1] = form | SHARES_NAMES;
    } else {
        to[size_at + 1] = form;
        varint::write(fields.len() as u64, to);
    }
    for (name, value) in fields {
        if !shares_names {
            Parts::of_element(name).ok_or(Refused::TooLong)?.write(to);
        }
        Parts::of_element(value).ok_or(Refused::TooLong)?.write(to);
    }
    let size = to.len() - size_at - 1;
    match u8::try_from(size) {
        Ok(size @ ..0x80) => to[size_at] = size,
        _ => {
            let mut long = Vec::with_capacity(10);
            varint::write(size as u64, &mut long);
            to.splice(size_at..=size_at, long);
        }
    }
    Ok(())
}

impl EntryLeaf {
    /// A leaf of these packed entries, the first of which has this id.
    pub(super) fn unpack(first: StreamId, bytes: &[u8]) -> Self {
        let mut leaf = Self { bytes: bytes.to_vec(), first, last: first, named: 0, len: 0 };
        let mut walk = Walk::new(&leaf);
        let len = walk.by_ref().count();
        let (last, named) = (walk.id, walk.named_at);
        leaf.last = last;
        leaf.named = named;
        leaf.len = len;
        leaf
    }

    /// The first id, and the packed entries.
    pub(super) fn packed(&self) -> (StreamId, &[u8]) {
        (self.first, &self.bytes)
    }

    /// The bytes of an entry, on the average.
    pub(crate) fn mean(&self) -> usize {
        self.bytes.len() / self.len.max(1)
    }

    /// The id of the first entry, if there is one.
    pub(crate) fn first(&self) -> Option<StreamId> {
        (self.len > 0).then_some(self.first)
    }

    /// The entries of a range of indexes.
    pub(crate) fn iter(&self, range: Range<usize>) -> impl Iterator<Item = Entry<'_>> {
        Walk::from(self, range.start).take(range.len())
    }

    /// Appends an entry, whose id is greater than all others.
    pub(super) fn push<'e>(
        &mut self,
        id: StreamId,
        fields: impl ExactSizeIterator<Item = (Element<'e>, Element<'e>)> + Clone,
    ) -> Result<(), Refused> {
        let len = self.bytes.len();
        let room = |element: Element<'_>| match element {
            Element::Bytes(bytes) => bytes.len() + ELEMENT_ROOM,
            Element::Int(_) => 2 * ELEMENT_ROOM,
        };
        let shares = self.has_names(fields.clone().map(|(name, _)| name));
        let most: usize = fields
            .clone()
            .map(|(name, value)| room(value) + if shares { 0 } else { room(name) })
            .sum();
        spare::reserve(&mut self.bytes, most + HEAD_ROOM);
        let before = if self.len == 0 { id } else { self.last };
        if let Err(refused) = write((before, id), shares, fields, &mut self.bytes) {
            self.bytes.truncate(len);
            return Err(refused);
        }
        if self.len == 0 {
            self.first = id;
        }
        if !shares {
            self.named = len;
        }
        self.last = id;
        self.len += 1;
        Ok(())
    }

    /// Whether these are the names that an entry at the end could share.
    fn has_names<'e>(&self, names: impl ExactSizeIterator<Item = Element<'e>>) -> bool {
        let walk = Walk { at: self.named, ..Walk::new(self) };
        let Some(entry) = walk.clone().next() else { return false };
        let Some((count, mut named)) = varint::read(entry.named) else { return false };
        let mut names = names;
        count == names.len() as u64
            && names.all(|name| {
                let found = Parts::of_element(name).is_some_and(|name| name.begins(named));
                // The name, then its value.
                for _ in 0..2 {
                    named = packed_len(named).and_then(|len| named.get(len..)).unwrap_or_default();
                }
                found
            })
    }

    /// Writes the entry with which `walk` goes on anew, to come behind `before`. Gives its bytes,
    /// and those that stand behind it now.
    fn rewrite<'a>(
        mut walk: Walk<'a>,
        before: Option<StreamId>,
        shares_names: bool,
    ) -> (Vec<u8>, &'a [u8]) {
        let mut bytes = Vec::new();
        if let Some(entry) = walk.next() {
            let before = before.unwrap_or(entry.id);
            // It was packed before, so that no string is too long.
            let _ = write((before, entry.id), shares_names, entry.fields(), &mut bytes);
        }
        (bytes, walk.leaf.bytes.get(walk.at..).unwrap_or_default())
    }
}

impl Leaf for EntryLeaf {
    type Mark = StreamId;
    const FULL: usize = 4096;

    fn len(&self) -> usize {
        self.len
    }

    fn mark(&self) -> StreamId {
        self.first
    }

    fn fill(&self) -> usize {
        self.bytes.len()
    }

    fn middle(&self) -> usize {
        let mut walk = Walk::new(self);
        let mut index = 0;
        while walk.at < self.bytes.len() / 2 && walk.next().is_some() {
            index += 1;
        }
        index.min(self.len.saturating_sub(1)).max(1)
    }

    fn split_off(&mut self, index: usize) -> Self {
        if index == 0 {
            return std::mem::take(self);
        }
        if index >= self.len {
            return Self::default();
        }
        let walk = Walk::from(self, index);
        let (at, before, named_at) = (walk.at, walk.id, walk.named_at);
        let first = walk.clone().next().map_or(self.last, |entry| entry.id);
        let (mut bytes, rest) = Self::rewrite(walk, None, false);
        let head_len = bytes.len();
        let rest_at = self.bytes.len() - rest.len();
        bytes.reserve_exact(rest.len());
        bytes.extend_from_slice(rest);
        let named = (self.named + head_len).checked_sub(rest_at).filter(|_| self.named >= rest_at);
        let tail = Self {
            bytes,
            first,
            last: self.last,
            named: named.unwrap_or(0),
            len: self.len - index,
        };
        self.bytes.truncate(at);
        self.last = before;
        self.named = named_at;
        self.len = index;
        tail
    }

    fn append(&mut self, other: &Self) {
        if self.len == 0 || other.len == 0 {
            if self.len == 0 {
                self.clone_from(other);
            }
            return;
        }
        let walk = Walk::new(other);
        let shares = match walk.clone().next() {
            Some(first) => self.has_names(first.fields().map(|(name, _)| name)),
            None => false,
        };
        let (head, rest) = Self::rewrite(walk, Some(self.last), shares);
        let at = self.bytes.len();
        self.bytes.reserve_exact(head.len() + rest.len());
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(rest);
        if other.named > 0 {
            self.named = other.named + at + head.len() + rest.len() - other.bytes.len();
        } else if !shares {
            self.named = at;
        }
        self.last = other.last;
        self.len += other.len;
    }

    fn remove(&mut self, range: Range<usize>) {
        let to = range.end.min(self.len);
        if range.start >= to {
            return;
        }
        let mut walk = Walk::from(self, range.start);
        let (at, before, named_at) = (walk.at, walk.id, walk.named_at);
        if to == self.len {
            if range.start == 0 {
                *self = Self::default();
                return;
            }
            self.bytes.truncate(at);
            self.last = before;
            self.named = named_at;
        } else {
            (range.start..to).for_each(|_| {
                walk.next();
            });
            let Some(next) = walk.clone().next() else { return };
            // Its names stay where they are if the entry that has them does.
            let shares = next.values.is_some() && walk.named_at < at;
            let is_first = range.start == 0;
            let id = next.id;
            let (head, rest) = Self::rewrite(walk, (!is_first).then_some(before), shares);
            let rest_at = self.bytes.len() - rest.len();
            if self.named >= rest_at {
                self.named = self.named - rest_at + at + head.len();
            } else if !shares {
                self.named = at;
            }
            self.bytes.splice(at..rest_at, head);
            if is_first {
                self.first = id;
            }
        }
        self.len -= to - range.start;
        spare::trim(&mut self.bytes);
    }

    fn settle(&mut self) {
        self.bytes.shrink_to_fit();
    }

    fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

/// The place before the entry with this id, or before where it would be.
#[derive(Debug, Clone, Copy)]
struct Before(StreamId);

impl Probe<EntryLeaf> for Before {
    fn after_mark(&self, mark: StreamId) -> Option<bool> {
        Some(mark < self.0)
    }

    fn after_first(&self, leaf: &EntryLeaf) -> bool {
        leaf.first < self.0
    }

    fn index(&self, leaf: &EntryLeaf) -> usize {
        if leaf.last < self.0 {
            return leaf.len;
        }
        Walk::new(leaf).take_while(|entry| entry.id < self.0).count()
    }
}

/// The place behind the entry with this id, and whether there is one.
#[derive(Debug)]
struct Behind {
    id: StreamId,
    found: Cell<bool>,
}

impl Probe<EntryLeaf> for Behind {
    fn after_mark(&self, mark: StreamId) -> Option<bool> {
        Some(mark <= self.id)
    }

    fn after_first(&self, leaf: &EntryLeaf) -> bool {
        leaf.first <= self.id
    }

    fn index(&self, leaf: &EntryLeaf) -> usize {
        if leaf.last <= self.id {
            self.found.set(leaf.last == self.id && leaf.len > 0);
            return leaf.len;
        }
        let mut index = 0;
        for entry in Walk::new(leaf) {
            if entry.id > self.id {
                break;
            }
            index += 1;
            self.found.set(entry.id == self.id);
        }
        index
    }
}

/// The entries of a stream.
pub(crate) type Entries = Tree<EntryLeaf>;

impl Tree<EntryLeaf> {
    /// The id of the first entry.
    pub(crate) fn first_id(&self) -> Option<StreamId> {
        self.leaf_at(0).and_then(|(leaf, _)| leaf.first())
    }

    /// The entry of this rank.
    pub(crate) fn get(&self, rank: u64) -> Option<Entry<'_>> {
        let (leaf, index) = self.leaf_at(rank)?;
        leaf.iter(index..index + 1).next()
    }

    /// The rank of the first entry whose id is not less than this.
    pub(crate) fn rank_from(&self, id: StreamId) -> u64 {
        self.rank(&Before(id))
    }

    /// The rank of the entry with this id, where there is one.
    pub(crate) fn rank_of(&self, id: StreamId) -> Option<u64> {
        let probe = Behind { id, found: Cell::new(false) };
        let behind = self.rank(&probe);
        if probe.found.get() { behind.checked_sub(1) } else { None }
    }

    /// The ranks of the entries from one id to another.
    pub(crate) fn ranks(&self, from: StreamId, to: StreamId) -> Range<u64> {
        let end = self.rank(&Behind { id: to, found: Cell::new(false) });
        self.rank_from(from).min(end)..end
    }

    /// The entries of a range of ranks.
    pub(crate) fn iter(&self, range: Range<u64>) -> impl Iterator<Item = Entry<'_>> {
        self.leaves(range).flat_map(|(leaf, range)| leaf.iter(range))
    }

    /// Appends an entry, whose id is greater than all others.
    pub(super) fn push<'e>(
        &mut self,
        id: StreamId,
        fields: impl ExactSizeIterator<Item = (Element<'e>, Element<'e>)> + Clone,
    ) -> Result<(), Refused> {
        self.insert_at(self.len(), |leaf, _| leaf.push(id, fields)).unwrap_or(Ok(()))
    }
}
