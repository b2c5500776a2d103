//! The payload of `DUMP` and `RESTORE`: one value, without a key and without a file around it.
//!
//! It is a type, the value, the RDB version in two bytes, and the CRC-64 of all before it in eight.
//! There is no magic: a version from 80 on is one of Valkey's.

use crc_fast::{CrcAlgorithm, checksum};

use super::cursor::{Cursor, Read, Stop};
use super::decoder::OPCODE_KEY_META;
use super::error::ErrorKind;
use super::limits::Limits;
use super::module;
use super::sink::{Meta, Sink};
use super::value::{Context, Value};
use super::version::{Family, KNOWN};

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
    /// The RDB type of the value, once that is known.
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

/// Decodes a whole payload: the sink is told of a key without a name, in db 0.
///
/// Servers do not look at what stands behind the value, where KeyDB puts a field of its own. A checksum
/// of 0 was not computed, as in a file: Redis 8.6 writes and takes such payloads, which all
/// servers before it refuse. What the value needs is bounded by the payload, by what that
/// decompresses to, and by `limits`.
///
/// # Errors
/// What is wrong with the payload, and where. Version and checksum are looked at first, so that the
/// sink hears nothing of a payload that was damaged on its way; after any other error the value that
/// has begun has no end.
pub fn decode_dump<S: Sink>(payload: &[u8], limits: Limits, sink: &mut S) -> Result<(), DumpError> {
    let (body, family) = open(payload)?;
    let mut reader = Reader { body, offset: 0, value_type: None };
    let decoded = reader.value(family, limits, sink);
    decoded.map_err(|stop| {
        let value_type = reader.value_type;
        DumpError { value_type, ..DumpError::new(reader.offset, stop) }
    })
}

/// The payload without what stands at its end, once that is known to be right.
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
    /// Where the element that is being read begins.
    offset: usize,
    value_type: Option<u8>,
}

impl Reader<'_> {
    fn value<S: Sink>(&mut self, family: Family, limits: Limits, sink: &mut S) -> Read<()> {
        let mut cursor = Cursor::new(self.body, 0, limits);
        let mut value_type = cursor.byte()?;
        if family == Family::Redis && value_type == OPCODE_KEY_META {
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

/// What modules keep beside the key (Redis 8.6): a number of classes, each with fields of its own.
fn skip_key_metadata(cursor: &mut Cursor<'_>) -> Read<()> {
    for _ in 0..cursor.length()? {
        cursor.array::<4>()?;
        while module::field(cursor)?.is_some() {}
    }
    Ok(())
}
