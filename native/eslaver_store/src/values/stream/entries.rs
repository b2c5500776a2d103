//! Entries in the order of their ids, packed one behind the other in the leaves of a tree: see
//! [`super::entry`].

use std::cell::Cell;
use std::ops::Range;

use eslaver_core::rdb::StreamId;

use super::entry::{Entry, Walk, has_names, write};
use crate::collections::element::Element;
use crate::collections::mover::Mover;
use crate::collections::record::Refused;
use crate::collections::tree::{Leaf, Probe, Tree, spare};

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

impl EntryLeaf {
    /// A leaf of these packed entries, the first of which has this id.
    pub(super) fn unpack(first: StreamId, bytes: &[u8]) -> Self {
        let mut leaf = Self { bytes: bytes.to_vec(), first, last: first, named: 0, len: 0 };
        let mut walk = Walk::new(bytes, first);
        while walk.step().is_some() {
            leaf.len += 1;
        }
        leaf.last = walk.id;
        leaf.named = walk.named_at;
        leaf
    }

    /// Looks at what is needed to append an entry: see [`Db::warm`](crate::keyspace::db::Db::warm).
    #[inline]
    pub(crate) fn look(&self) -> usize {
        let bytes = [self.bytes.get(self.named), self.bytes.last()];
        bytes.into_iter().flatten().copied().map(usize::from).sum()
    }

    fn walk(&self) -> Walk<'_> {
        Walk::new(&self.bytes, self.first)
    }

    /// A walk from the entry at `index` on.
    fn walk_from(&self, index: usize) -> Walk<'_> {
        let mut walk = self.walk();
        if index >= self.len {
            walk.at = self.bytes.len();
            walk.id = self.last;
            walk.named_at = self.named;
        } else {
            for _ in 0..index {
                walk.step();
            }
        }
        walk
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
        self.walk_from(range.start).take(range.len())
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
        let mut walk = Walk { at: self.named, ..self.walk() };
        walk.step();
        has_names(walk.named, names)
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
            let before = before.unwrap_or(entry.id());
            // It was packed before, so that no string is too long.
            let _ = write((before, entry.id()), shares_names, entry.fields(), &mut bytes);
        }
        (bytes, walk.bytes.get(walk.at..).unwrap_or_default())
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
        let mut walk = self.walk();
        let mut index = 0;
        while walk.at < self.bytes.len() / 2 && walk.step().is_some() {
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
        let walk = self.walk_from(index);
        let (at, before, named_at) = (walk.at, walk.id, walk.named_at);
        let first = walk.peek().map_or(self.last, |entry| entry.id());
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
        let walk = other.walk();
        let shares = match walk.peek() {
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
        let mut walk = self.walk_from(range.start);
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
            for _ in range.start..to {
                walk.step();
            }
            let Some(next) = walk.peek() else { return };
            // Its names stay where they are if the entry that has them does.
            let shares = next.shares_names() && walk.named_at < at;
            let is_first = range.start == 0;
            let id = next.id();
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

    fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.vec(&mut self.bytes);
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
        if leaf.first >= self.0 { 0 } else { leaf.walk().count_below(self.0).0 }
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
        let (index, found) = leaf.walk().count_below(self.id);
        self.found.set(found);
        index + usize::from(found)
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
    pub(super) fn push_entry<'e>(
        &mut self,
        id: StreamId,
        fields: impl ExactSizeIterator<Item = (Element<'e>, Element<'e>)> + Clone,
    ) -> Result<(), Refused> {
        self.append(|leaf, _| leaf.push(id, fields))
    }
}
