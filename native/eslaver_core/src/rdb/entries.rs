//! A stream's entries: listpacks, each with the field names that its entries share.

use super::error::ErrorKind;
use super::listpack::Listpack;
use super::sink::{Item, Sink, StreamId, check_room};

const ENTRY_DELETED: i64 = 1;
const ENTRY_SAME_FIELDS: i64 = 2;

/// Bytes of repeated names that each byte read allows …
const REPEATED_PER_BYTE: u64 = 128;
/// … and bytes of these that are always allowed.
const REPEATED_FREE: u64 = 4 << 20;

/// Limits repeated names: entries share the field names of their node, and each pending entry
/// repeats its consumer. Without a limit, a megabyte could expand to gigabytes.
pub(super) struct Repeated {
    left: u64,
}

impl Repeated {
    pub(super) fn new() -> Self {
        Self { left: REPEATED_FREE }
    }

    pub(super) fn read(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes as u64 * REPEATED_PER_BYTE);
    }

    #[inline]
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), ErrorKind> {
        self.left = self
            .left
            .checked_sub(bytes as u64)
            .ok_or(ErrorKind::Stream("its shared names expand to too many bytes"))?;
        Ok(())
    }
}

/// A node's listpack: a master entry with counts and field names, then entries relative to it. They
/// go on to the listpack's end: servers, too, go by that when they read them, and not by the
/// counts.
pub(super) fn read<S: Sink>(
    listpack: &[u8],
    base: StreamId,
    repeated: &mut Repeated,
    sink: &mut S,
) -> Result<(), ErrorKind> {
    repeated.read(listpack.len());
    let mut listpack = Listpack::open(listpack)?;
    let (_live, _deleted) = (listpack.integer()?, listpack.integer()?);
    let fields = master_fields(&mut listpack)?;
    while let Some(flags) = listpack.next_integer()? {
        entry(flags, &mut listpack, base, &fields, repeated, sink)?;
    }
    Ok(())
}

fn master_fields<'a>(listpack: &mut Listpack<'a>) -> Result<Vec<Item<'a>>, ErrorKind> {
    let count = field_count(listpack)?;
    let mut fields = Vec::new();
    for _ in 0..count {
        fields.push(listpack.required()?);
    }
    // the end of the master entry
    listpack.integer()?;
    Ok(fields)
}

fn field_count(listpack: &mut Listpack<'_>) -> Result<i64, ErrorKind> {
    let count = listpack.integer()?;
    if count < 0 { Err(ErrorKind::Stream("an entry's number of fields")) } else { Ok(count) }
}

fn entry<S: Sink>(
    flags: i64,
    listpack: &mut Listpack<'_>,
    base: StreamId,
    master: &[Item<'_>],
    repeated: &mut Repeated,
    sink: &mut S,
) -> Result<(), ErrorKind> {
    let ms = listpack.integer()?;
    let seq = listpack.integer()?;
    let same_fields = flags & ENTRY_SAME_FIELDS != 0;
    let deleted = flags & ENTRY_DELETED != 0;
    let count = if same_fields { master.len() as i64 } else { field_count(listpack)? };
    if !deleted {
        sink.entry(StreamId {
            ms: base.ms.wrapping_add_signed(ms),
            seq: base.seq.wrapping_add_signed(seq),
        });
    }
    for index in 0..count {
        let field = if same_fields { master[index as usize] } else { listpack.required()? };
        let value = listpack.required()?;
        if !deleted {
            if same_fields && let Item::Bytes(name) = field {
                repeated.add(name.len())?;
            }
            sink.item(field);
            sink.item(value);
            check_room(sink)?;
        }
    }
    check_room(sink)?;
    // the number of elements, for reading backwards
    listpack.integer()?;
    Ok(())
}
