//! The payload of `DUMP` and `RESTORE`: one value, without a key and without a file around it.
//!
//! It is a type, the value, two bytes of RDB version, and eight of the CRC-64 of all before it. It
//! has no magic: versions from 80 on are Valkey's.

use crc_fast::{CrcAlgorithm, checksum};

use super::cursor::{Cursor, Read, Stop};
use super::error::ErrorKind;
use super::family::{Family, KNOWN};
use super::limits::Limits;
use super::module;
use super::opcodes;
use super::sink::{Meta, Sink};
use super::value::{Context, Value};

const VERSION: usize = 2;
const CHECKSUM: usize = 8;

/// A payload that cannot be decoded: what was wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset} of the payload{}", self.subject())]
pub struct DumpError {
    /// Bytes of the payload before the element that was wrong.
    pub offset: usize,
    /// What was wrong.
    pub kind: ErrorKind,
    /// The RDB type of the value, if known.
    pub value_type: Option<u8>,
}

impl DumpError {
    pub(crate) fn new(offset: usize, stop: Stop) -> Self {
        let kind = match stop {
            Stop::NeedMore => ErrorKind::PayloadTruncated,
            Stop::Bad(kind) => kind,
        };
        Self { offset, kind, value_type: None }
    }

    fn subject(&self) -> String {
        let value_type = self.value_type.map(|value_type| format!(" (type {value_type})"));
        let known = self.kind.is_too_new().then(|| format!("; {KNOWN}"));
        value_type.unwrap_or_default() + &known.unwrap_or_default()
    }
}

/// Decodes a whole payload. The sink gets a key without a name, in db 0.
///
/// Bytes after the value are ignored, as servers do: KeyDB puts a field of its own there. A
/// checksum of 0 was not computed, as in a file: Redis 8.6 writes and accepts such payloads, and
/// all servers before it reject them. Memory is bounded by the payload, its decompressed size, and
/// `limits`.
///
/// # Errors
/// What is wrong with the payload, and where. Version and checksum are checked first, so that the
/// sink gets nothing of a damaged payload. After any other error the value has no end.
pub fn decode_dump<S: Sink>(payload: &[u8], limits: Limits, sink: &mut S) -> Result<(), DumpError> {
    let (body, family) = open(payload)?;
    let mut reader = Reader { body, offset: 0, value_type: None };
    let decoded = reader.value(family, limits, sink);
    decoded.map_err(|stop| {
        let value_type = reader.value_type;
        DumpError { value_type, ..DumpError::new(reader.offset, stop) }
    })
}

/// Checks the payload's version and checksum, and removes them.
pub(crate) fn open(payload: &[u8]) -> Result<(&[u8], Family), DumpError> {
    let error = |offset, kind| DumpError { offset, kind, value_type: None };
    let parts = payload.split_last_chunk::<CHECKSUM>().and_then(|(summed, found)| {
        let (body, version) = summed.split_last_chunk::<VERSION>()?;
        Some((summed, body, *version, *found))
    });
    let Some((summed, body, version, found)) = parts else {
        return Err(error(payload.len(), ErrorKind::PayloadTruncated));
    };
    let version = u32::from(u16::from_le_bytes(version));
    let family = Family::of(version);
    if !family.knows(version) {
        return Err(error(body.len(), ErrorKind::UnsupportedVersion { family, version }));
    }
    let (computed, found) = (checksum(CrcAlgorithm::Crc64Redis, summed), u64::from_le_bytes(found));
    if found != 0 && found != computed {
        return Err(error(summed.len(), ErrorKind::Checksum { computed, found }));
    }
    Ok((body, family))
}

struct Reader<'a> {
    body: &'a [u8],
    /// Where the current element begins.
    offset: usize,
    value_type: Option<u8>,
}

impl Reader<'_> {
    fn value<S: Sink>(&mut self, family: Family, limits: Limits, sink: &mut S) -> Read<()> {
        let mut cursor = Cursor::new(self.body, 0, limits);
        let mut value_type = cursor.byte()?;
        if family == Family::Redis && value_type == opcodes::KEY_META {
            skip_key_metadata(&mut cursor)?;
            self.offset = cursor.position();
            value_type = cursor.byte()?;
        }
        let mut value = Value::of_type(value_type, family)?;
        self.value_type = Some(value_type);
        sink.begin(&[], value.kind, &Meta::default());
        let mut context = Context::new();
        loop {
            self.offset = cursor.position();
            if value.step(&mut cursor, &mut context, sink)? {
                break;
            }
        }
        self.offset = cursor.position();
        if value.is_empty() {
            sink.discard();
            return Err(ErrorKind::PayloadEmpty.into());
        }
        sink.end();
        Ok(())
    }
}

/// Metadata that modules keep beside the key (Redis 8.6): a number of classes, each with fields.
fn skip_key_metadata(cursor: &mut Cursor<'_>) -> Read<()> {
    for _ in 0..cursor.length()? {
        cursor.array::<4>()?;
        while module::field(cursor)?.is_some() {}
    }
    Ok(())
}
