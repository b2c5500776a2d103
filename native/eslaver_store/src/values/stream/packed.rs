//! A small stream without groups and producers, in its key's block.
//!
//! The payload: the last id, the greatest deleted id, and how many entries were added, as integers of
//! 7 bits a byte; the first id, where there are entries; the entries, as in a leaf.

use std::borrow::Cow;
use std::sync::Arc;

use eslaver_core::rdb::StreamId;

use super::Stream;
use super::entries::{Entries, EntryLeaf};
use super::entry::{Walk, has_names, write};
use super::varint;
use crate::collections::element::Element;
use crate::collections::tree::Leaf;
use crate::keyspace::block::Edit;
use crate::keyspace::entry::{Entry, ValueMut};
use crate::values::{Large, NewValue, Type, ValueRef};

/// The form of a packed stream.
const PACKED: u8 = 0;
/// A stream whose entries take more is not packed.
const LONGEST: usize = 512;
/// One that is not packed is packed again once its entries take no more.
const SHORT: usize = 256;

/// What an entry takes at least: its size, its head, and an element or the number of its names.
const LEAST_ENTRY: usize = 3;

/// What stands before the entries.
#[derive(Default)]
struct Head {
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
}

impl Head {
    fn read(payload: &[u8]) -> Option<(Self, &[u8])> {
        let (last_id, payload) = read_id(payload)?;
        let (max_deleted_id, payload) = read_id(payload)?;
        let (entries_added, payload) = varint::read(payload)?;
        Some((Self { last_id, max_deleted_id, entries_added }, payload))
    }

    fn write(&self, to: &mut Vec<u8>) {
        write_id(self.last_id, to);
        write_id(self.max_deleted_id, to);
        varint::write(self.entries_added, to);
    }
}

/// The stream that a value is.
pub(crate) fn of(value: ValueRef<'_>) -> Option<Cow<'_, Stream>> {
    match value {
        ValueRef::Packed { kind: Type::Stream, payload, .. } => {
            Some(Cow::Owned(unpack(payload).unwrap_or_default()))
        }
        ValueRef::Large(Large::Stream(stream)) => Some(Cow::Borrowed(stream)),
        _ => None,
    }
}

/// The number of entries of a stream.
pub(crate) fn len(value: ValueRef<'_>) -> u64 {
    of(value).map_or(0, |stream| stream.len())
}

/// A stream that never had an entry.
pub(crate) fn new() -> NewValue {
    let mut payload = Vec::new();
    Head::default().write(&mut payload);
    NewValue::Packed { kind: Type::Stream, form: PACKED, payload }
}

/// A stream as a value.
pub(crate) fn to_value(stream: Stream) -> NewValue {
    match pack(&stream, LONGEST) {
        Some(value) => value,
        None => NewValue::Large(Large::Stream(Arc::new(stream))),
    }
}

/// Changes the stream of an entry.
pub(crate) fn change<R>(entry: &mut Entry, change: impl FnOnce(&mut Stream) -> R) -> R {
    let (result, value) = match entry.value_mut() {
        ValueMut::Large(Large::Stream(stream)) => {
            let stream = Arc::make_mut(stream);
            let result = change(stream);
            let Some(value) = pack(stream, SHORT) else { return result };
            (result, value)
        }
        // The context lets nothing else through.
        ValueMut::Large(_) => return change(&mut Stream::default()),
        ValueMut::Packed(edit) => {
            let mut stream = unpack(edit.payload()).unwrap_or_default();
            let result = change(&mut stream);
            (result, to_value(stream))
        }
    };
    drop(entry.set_value(value));
    result
}

/// Appends an entry where it lies, if the stream is packed and may stay so: whether it was appended.
/// Other streams, and entries that cannot be appended, are left to [`change`].
pub(crate) fn append<'e>(
    entry: &mut Entry,
    id: StreamId,
    fields: impl ExactSizeIterator<Item = (Element<'e>, Element<'e>)> + Clone,
) -> bool {
    match entry.value_mut() {
        ValueMut::Packed(mut edit) => append_to(&mut edit, id, fields).is_some(),
        ValueMut::Large(_) => false,
    }
}

fn append_to<'e>(
    edit: &mut Edit<'_>,
    id: StreamId,
    fields: impl ExactSizeIterator<Item = (Element<'e>, Element<'e>)> + Clone,
) -> Option<()> {
    let payload = edit.payload();
    let (head, behind) = Head::read(payload)?;
    if id <= head.last_id {
        return None;
    }
    let mut entry = Vec::with_capacity(128);
    let (before, shares_names) = if behind.is_empty() {
        write_id(id, &mut entry);
        (id, false)
    } else {
        let (first, entries) = read_id(behind)?;
        let mut walk = Walk::new(entries, first);
        while walk.step().is_some() {}
        (walk.id, has_names(walk.named, fields.clone().map(|(name, _)| name)))
    };
    write((before, id), shares_names, fields, &mut entry).ok()?;
    if behind.len() + entry.len() > LONGEST {
        return None;
    }
    let old_len = payload.len() - behind.len();
    let mut new = Vec::with_capacity(64);
    Head { last_id: id, entries_added: head.entries_added + 1, ..head }.write(&mut new);
    // The head may become longer as well.
    edit.bytes().reserve_exact(new.len().saturating_sub(old_len) + entry.len());
    edit.splice(0..old_len, &new);
    edit.bytes().extend_from_slice(&entry);
    Some(())
}

/// A stream, packed, if it can be and its entries take no more than `most`.
fn pack(stream: &Stream, most: usize) -> Option<NewValue> {
    // That of many takes more, which must not be looked up at each change.
    let is_long = stream.len() > (most / LEAST_ENTRY) as u64;
    if is_long || !stream.groups.is_empty() || !stream.producers.is_default() {
        return None;
    }
    let (first, entries) = match stream.entries.leaf_at(0) {
        None => (None, &[][..]),
        Some((leaf, _)) => {
            let (first, entries) = leaf.packed();
            if entries.len() > most || leaf.len() as u64 != stream.len() {
                return None;
            }
            (Some(first), entries)
        }
    };
    let mut payload = Vec::with_capacity(64 + entries.len());
    let Stream { last_id, max_deleted_id, entries_added, .. } = *stream;
    Head { last_id, max_deleted_id, entries_added }.write(&mut payload);
    first.into_iter().for_each(|first| write_id(first, &mut payload));
    payload.extend_from_slice(entries);
    Some(NewValue::Packed { kind: Type::Stream, form: PACKED, payload })
}

fn unpack(payload: &[u8]) -> Option<Stream> {
    let (Head { last_id, max_deleted_id, entries_added }, payload) = Head::read(payload)?;
    let mut entries = Entries::new();
    if !payload.is_empty() {
        let (first, payload) = read_id(payload)?;
        entries.insert_at(0, |leaf, _| *leaf = EntryLeaf::unpack(first, payload));
    }
    Some(Stream { entries, last_id, max_deleted_id, entries_added, ..Stream::default() })
}

fn write_id(id: StreamId, to: &mut Vec<u8>) {
    varint::write(id.ms, to);
    varint::write(id.seq, to);
}

fn read_id(bytes: &[u8]) -> Option<(StreamId, &[u8])> {
    let (ms, bytes) = varint::read(bytes)?;
    let (seq, bytes) = varint::read(bytes)?;
    Some((StreamId { ms, seq }, bytes))
}
