//! Records that would make a segment large. Copies of the segment share them; in its data a *stub*
//! stands for each: a byte that no element begins with, then its number in 4 bytes.

use std::sync::Arc;

use crate::collections::mover::Mover;

/// A record of more bytes than that stands beside.
pub(super) const MAX_INLINE: usize = 1024;
/// What a stub takes.
pub(super) const STUB_LEN: usize = 5;
const STUB: u8 = 0xf0;

type Record = Arc<Vec<u8>>;

/// The records, by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Beside {
    records: Vec<Option<Record>>,
    bytes: usize,
}

impl Beside {
    /// The bytes that it takes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.records.capacity() * size_of::<Option<Record>>() + self.bytes
    }

    /// Has `mover` see to all parts.
    pub(super) fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.vec(&mut self.records);
        for record in self.records.iter_mut().flatten() {
            mover.shared(record, Vec::new, |bytes, mover| mover.vec(bytes));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn get(&self, number: usize) -> Option<&Record> {
        self.records.get(number)?.as_ref()
    }

    /// Adds a record: its number.
    pub(super) fn add(&mut self, record: Record) -> u32 {
        self.bytes += heap_bytes(&record);
        match self.records.iter().position(Option::is_none) {
            Some(number) => {
                self.records[number] = Some(record);
                number as u32
            }
            None => {
                self.records.reserve_exact(1);
                self.records.push(Some(record));
                self.records.len() as u32 - 1
            }
        }
    }

    pub(super) fn remove(&mut self, number: usize) {
        if let Some(record) = self.records.get_mut(number).and_then(Option::take) {
            self.bytes -= heap_bytes(&record);
        }
        while self.records.last().is_some_and(Option::is_none) {
            self.records.pop();
        }
    }
}

#[cfg(test)]
impl Beside {
    /// Checks its count of bytes, and how many records it has.
    pub(super) fn check(&self, records: usize) {
        assert_eq!(self.records.iter().flatten().count(), records);
        assert_eq!(self.records.iter().flatten().map(heap_bytes).sum::<usize>(), self.bytes);
    }
}

fn heap_bytes(record: &Record) -> usize {
    2 * size_of::<usize>() + size_of::<Vec<u8>>() + record.capacity()
}

/// The number of the record beside that these bytes stand for.
#[inline]
pub(super) fn number_beside(body: &[u8]) -> Option<usize> {
    match body.split_first() {
        Some((&STUB, number)) => {
            number.first_chunk().map(|number| u32::from_le_bytes(*number) as usize)
        }
        _ => None,
    }
}

/// Appends the stub of a record.
pub(super) fn write_stub(number: u32, to: &mut Vec<u8>) {
    to.push(STUB);
    to.extend_from_slice(&number.to_le_bytes());
}
