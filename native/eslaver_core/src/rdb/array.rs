//! Arrays (Redis 8.8): elements with an index each, and gaps between them.

use super::cursor::{Cursor, Read};
use super::error::ErrorKind;
use super::float;
use super::sink::{Item, Sink};
use super::string;

/// The server's value for no index. No element has it.
pub(super) const NO_INDEX: u64 = u64::MAX;
/// The server keeps a float in a word whose last two bits are a tag.
pub(super) const FLOAT_MASK: u64 = !3;
/// A longer string does not fit into such a word.
pub(super) const SMALL_MAX: usize = 7;

pub(super) const TAG_STRING: u64 = 0;
pub(super) const TAG_INT: u64 = 1;
pub(super) const TAG_FLOAT: u64 = 2;
pub(super) const TAG_SMALL: u64 = 3;

/// Reads the number of elements, and the index of the next insertion.
pub(super) fn head(cursor: &mut Cursor<'_>) -> Read<(u64, Option<u64>)> {
    let count = cursor.length()?;
    if count == 0 {
        return Err(ErrorKind::Array("it holds nothing").into());
    }
    match cursor.length()? {
        0 => Ok((count, None)),
        1 => match cursor.length()?.checked_add(1) {
            Some(next) => Ok((count, Some(next))),
            None => Err(ErrorKind::Array("its insert cursor").into()),
        },
        _ => Err(ErrorKind::Array("whether it has an insert cursor").into()),
    }
}

/// Reads an index, and the element there.
pub(super) fn element<S: Sink>(cursor: &mut Cursor<'_>, sink: &mut S) -> Read<()> {
    let index = cursor.length()?;
    if index == NO_INDEX {
        return Err(ErrorKind::Array("an element's index").into());
    }
    match cursor.length()? {
        TAG_STRING => {
            let element = cursor.string()?.decode()?;
            sink.index(index);
            sink.item(element.item());
        }
        TAG_INT => {
            let value = cursor.i64_le()?;
            sink.index(index);
            sink.item(Item::Int(value));
        }
        TAG_FLOAT => {
            let value = f64::from_bits(u64::from_le_bytes(cursor.array()?) & FLOAT_MASK);
            sink.index(index);
            sink.item(Item::Bytes(float::text(value).as_bytes()));
        }
        TAG_SMALL => {
            let element = cursor.string()?.decode()?;
            let mut digits = itoa::Buffer::new();
            if element.bytes(&mut digits).len() > SMALL_MAX {
                return Err(ErrorKind::Array("a long element that claims to be a short one").into());
            }
            sink.index(index);
            sink.item(element.item());
        }
        _ => return Err(ErrorKind::Array("an element of an unknown form").into()),
    }
    Ok(())
}

/// Reads the header of an element. Returns the number of bytes that follow.
pub(super) fn element_header(cursor: &mut Cursor<'_>) -> Read<u64> {
    match cursor.length()? {
        TAG_STRING | TAG_SMALL => string::header(cursor),
        TAG_INT | TAG_FLOAT => Ok(8),
        _ => Err(ErrorKind::Array("an element of an unknown form").into()),
    }
}
