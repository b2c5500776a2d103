//! A stream's entries: listpacks, each with field names that its entries share.

use super::super::sink::{Item, StreamId};
use super::error::WriteError;
use super::listpack::{self, AROUND, END, push, push_int};
use super::output::{Body, Output};

/// The servers' defaults of `stream-node-max-entries` and `stream-node-max-bytes`.
const NODE_ENTRIES: u64 = 100;
const NODE_BYTES: usize = 4096;
const _: () = assert!(NODE_ENTRIES < 128, "a node's count of entries takes one byte");

const SAME_FIELDS: i64 = 2;

/// Counts the nodes of a stream, as the file has this number before the entries. Call
/// [`StreamNodes::add`] for each entry, then [`Writer::entry`](super::Writer::entry) for each, with
/// the same sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamNodes {
    nodes: u64,
    entries: u64,
    /// Of the last node.
    node_entries: u64,
    node_bytes: usize,
}

impl StreamNodes {
    /// No entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts the next entry. `bytes` is the size of its names and values; an estimate will do. True if
    /// a node begins with it.
    pub fn add(&mut self, bytes: usize) -> bool {
        self.entries += 1;
        let size = self.node_bytes.saturating_add(bytes);
        if self.node_entries > 0 && self.node_entries < NODE_ENTRIES && size <= NODE_BYTES {
            self.node_entries += 1;
            self.node_bytes = size;
            return false;
        }
        self.nodes += 1;
        self.node_entries = 1;
        self.node_bytes = bytes;
        true
    }

    pub(super) fn nodes(&self) -> u64 {
        self.nodes
    }
}

/// Writes the entries of a stream.
pub(super) struct Entries {
    expected: StreamNodes,
    written: StreamNodes,
    first_id: Option<StreamId>,
    last_id: Option<StreamId>,
    node: Node,
    /// Fields of the current entry that are still to come.
    left: u64,
}

impl Entries {
    pub(super) fn new(expected: StreamNodes) -> Self {
        Self {
            expected,
            written: StreamNodes::new(),
            first_id: None,
            last_id: None,
            node: Node::default(),
            left: 0,
        }
    }

    pub(super) fn first_id(&self) -> StreamId {
        self.first_id.unwrap_or_default()
    }

    pub(super) fn count(&self) -> u64 {
        self.written.entries
    }

    pub(super) fn begin<O: Output>(
        &mut self,
        id: StreamId,
        fields: u64,
        bytes: usize,
        body: &mut Body<O>,
    ) -> Result<(), WriteError> {
        if self.left > 0 {
            return Err(WriteError::OutOfPlace("an entry, within another"));
        }
        if self.last_id.is_some_and(|last| last >= id) {
            return Err(WriteError::OutOfPlace("an entry, as those before it have greater ids"));
        }
        if self.written.add(bytes) {
            self.node.write(body)?;
            self.node.open(id);
        }
        self.first_id.get_or_insert(id);
        self.last_id = Some(id);
        self.node.begin(id, fields);
        self.left = fields;
        if fields == 0 {
            self.node.end();
        }
        Ok(())
    }

    pub(super) fn pair(&mut self, field: Item<'_>, value: Item<'_>) -> Result<(), WriteError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(WriteError::OutOfPlace("a field, as its entry has all"));
        };
        self.node.pair(field, value);
        self.left = left;
        if left == 0 {
            self.node.end();
        }
        Ok(())
    }

    pub(super) fn finish<O: Output>(&mut self, body: &mut Body<O>) -> Result<(), WriteError> {
        if self.left > 0 {
            return Err(WriteError::OutOfPlace("a stream's end, within an entry"));
        }
        if self.written != self.expected {
            return Err(WriteError::OutOfPlace(
                "a stream's end, as its entries are not those counted",
            ));
        }
        self.node.write(body)
    }
}

/// The current node. The names of its first entry are those that the others may share.
#[derive(Default)]
struct Node {
    id: StreamId,
    /// The names of the first entry, and where each of them ends.
    names: Vec<u8>,
    name_ends: Vec<usize>,
    entries: Vec<u8>,
    count: u64,
    /// The number of listpack entries in `entries`.
    elements: u64,
    entry: Entry,
}

/// The current entry.
#[derive(Default)]
struct Entry {
    id: StreamId,
    fields: u64,
    /// The number of fields that have come.
    seen: usize,
    is_first: bool,
    same_fields: bool,
    values: Vec<u8>,
    /// Names and values; unused for the first entry.
    pairs: Vec<u8>,
}

impl Node {
    fn open(&mut self, id: StreamId) {
        self.id = id;
        self.names.clear();
        self.name_ends.clear();
        self.entries.clear();
        self.count = 0;
        self.elements = 0;
    }

    fn begin(&mut self, id: StreamId, fields: u64) {
        let entry = &mut self.entry;
        entry.id = id;
        entry.fields = fields;
        entry.seen = 0;
        entry.is_first = self.count == 0;
        entry.same_fields = entry.is_first || fields == self.name_ends.len() as u64;
        entry.values.clear();
        entry.pairs.clear();
        self.count += 1;
    }

    fn pair(&mut self, field: Item<'_>, value: Item<'_>) {
        let entry = &mut self.entry;
        if entry.is_first {
            push(&mut self.names, field);
            self.name_ends.push(self.names.len());
            push(&mut entry.values, value);
            return;
        }
        let start = entry.pairs.len();
        push(&mut entry.pairs, field);
        let middle = entry.pairs.len();
        push(&mut entry.pairs, value);
        if entry.same_fields {
            let range = name(&self.name_ends, entry.seen);
            entry.same_fields =
                range.and_then(|range| self.names.get(range)) == entry.pairs.get(start..middle);
            entry.values.extend_from_slice(&entry.pairs[middle..]);
        }
        entry.seen += 1;
    }

    fn end(&mut self) {
        let entry = &mut self.entry;
        let (flags, elements) = match entry.same_fields {
            true => (SAME_FIELDS, entry.fields + 3),
            false => (0, entry.fields * 2 + 4),
        };
        push_int(&mut self.entries, flags);
        push_int(&mut self.entries, entry.id.ms.wrapping_sub(self.id.ms).cast_signed());
        push_int(&mut self.entries, entry.id.seq.wrapping_sub(self.id.seq).cast_signed());
        if entry.same_fields {
            self.entries.append(&mut entry.values);
        } else {
            push_int(&mut self.entries, entry.fields.cast_signed());
            self.entries.append(&mut entry.pairs);
        }
        push_int(&mut self.entries, elements.cast_signed());
        self.elements += elements + 1;
    }

    /// Writes the node, if it has entries.
    fn write<O: Output>(&mut self, body: &mut Body<O>) -> Result<(), WriteError> {
        if self.count == 0 {
            return Ok(());
        }
        let fields = self.name_ends.len() as u64;
        let mut master = Vec::new();
        push_int(&mut master, self.count.cast_signed());
        push_int(&mut master, 0);
        push_int(&mut master, fields.cast_signed());
        let mut master_end = Vec::new();
        push_int(&mut master_end, 0);
        let parts = [&master, &self.names, &master_end, &self.entries];
        let bytes = AROUND + parts.iter().map(|part| part.len()).sum::<usize>();
        let size = u32::try_from(bytes).map_err(|_| WriteError::EntryTooLarge { bytes })?;
        let elements = self.elements + fields + 4;
        body.length(16);
        body.raw_id(self.id);
        body.length(u64::from(size));
        body.put(&listpack::header(size, elements));
        for part in parts {
            body.put(part);
        }
        body.byte(END);
        Ok(())
    }
}

fn name(ends: &[usize], index: usize) -> Option<std::ops::Range<usize>> {
    let start = match index.checked_sub(1) {
        Some(before) => *ends.get(before)?,
        None => 0,
    };
    Some(start..*ends.get(index)?)
}
