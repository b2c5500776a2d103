//! How entries are packed, one behind the other.
//!
//! | bytes | what |
//! |---|---|
//! | 1– | how many bytes of the entry follow, 7 bits a byte, the lowest first |
//! | 1 | how the id is written (low 2 bits), whether the names are those of an entry before (bit 2) |
//! | 0– | the id, as what it is more than the one before: numbers of 7 bits a byte |
//! | 1– | own names: how many fields; then an element for each name and each value in turn |
//! | | names of the nearest entry before that has its own: an element for each value |
//!
//! The first entry has names of its own; its id is given apart, and it is 0 more than that.

use eslaver_core::rdb::StreamId;

use super::varint;
use crate::collections::element::{Element, Parts, packed_len};
use crate::collections::record::Refused;

/// How an id is written: the next of the same millisecond, the first of a later one, any other of the
/// same, any other.
const NEXT: u8 = 0;
const FIRST_OF_MS: u8 = 1;
const SAME_MS: u8 = 2;
const ID_FORM: u8 = 3;
const SHARES_NAMES: u8 = 4;
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

    /// Whether its names are those of an entry before.
    pub(super) fn shares_names(&self) -> bool {
        self.values.is_some()
    }

    /// About as many bytes as its values have, and its names, where they are its own.
    pub(crate) fn bytes(&self) -> usize {
        self.values.unwrap_or(self.named).len()
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

/// A walk over packed entries, from the first on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk<'a> {
    pub(super) bytes: &'a [u8],
    /// Where the next entry begins.
    pub(super) at: usize,
    /// The id of the entry before it.
    pub(super) id: StreamId,
    /// Where the nearest entry before it begins that has names of its own, and what it has behind
    /// its id.
    pub(super) named_at: usize,
    pub(super) named: &'a [u8],
}

impl<'a> Walk<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], first: StreamId) -> Self {
        Self { bytes, at: 0, id: first, named_at: 0, named: &[] }
    }

    /// The next entry: what it has behind its id, and whether it shares names.
    #[inline(always)]
    pub(super) fn step(&mut self) -> Option<(&'a [u8], bool)> {
        let rest = self.bytes.get(self.at..)?;
        let (size, behind) = varint::read(rest)?;
        let (&head, body) = behind.get(..size as usize)?.split_first()?;
        let (id, body) = read_id(head, self.id, body)?;
        let shares_names = head & SHARES_NAMES != 0;
        if !shares_names {
            self.named = body;
            self.named_at = self.at;
        }
        self.at += rest.len() - behind.len() + size as usize;
        self.id = id;
        Some((body, shares_names))
    }

    /// The next entry, with which the walk goes on.
    pub(super) fn peek(mut self) -> Option<Entry<'a>> {
        self.next()
    }

    /// How many entries come before an id, and whether the next has it.
    pub(super) fn count_below(mut self, id: StreamId) -> (usize, bool) {
        let mut index = 0;
        while self.step().is_some() {
            if self.id >= id {
                return (index, self.id == id);
            }
            index += 1;
        }
        (index, false)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let (body, shares_names) = self.step()?;
        Some(Entry { id: self.id, named: self.named, values: shares_names.then_some(body) })
    }
}

#[inline(always)]
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
pub(super) fn write<'e>(
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

/// Whether these are the names of an entry, of which `named` is what it has behind its id.
pub(super) fn has_names<'e>(
    named: &[u8],
    mut names: impl ExactSizeIterator<Item = Element<'e>>,
) -> bool {
    let Some((count, mut named)) = varint::read(named) else { return false };
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
