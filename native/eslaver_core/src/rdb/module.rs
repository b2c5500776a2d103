//! Module values: each field names its type, so that values can be read without the module.

use super::cursor::{Cursor, Read};
use super::error::ErrorKind;
use super::string::RawString;

pub(super) const EOF: u64 = 0;
pub(super) const SIGNED: u64 = 1;
pub(super) const UNSIGNED: u64 = 2;
pub(super) const FLOAT: u64 = 3;
pub(super) const DOUBLE: u64 = 4;
pub(super) const STRING: u64 = 5;

pub(super) const NAME_CHARACTERS: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A field whose string is not decoded yet.
pub(crate) enum RawField<'a> {
    Signed(i64),
    Unsigned(u64),
    Float(f32),
    Double(f64),
    String(RawString<'a>),
}

/// The next field, or `None` at the end.
pub(crate) fn field<'a>(cursor: &mut Cursor<'a>) -> Read<Option<RawField<'a>>> {
    Ok(Some(match cursor.length()? {
        EOF => return Ok(None),
        SIGNED => RawField::Signed(cursor.length()?.cast_signed()),
        UNSIGNED => RawField::Unsigned(cursor.length()?),
        FLOAT => RawField::Float(f32::from_le_bytes(cursor.array()?)),
        DOUBLE => RawField::Double(cursor.f64_le()?),
        STRING => RawField::String(cursor.string()?),
        opcode => return Err(ErrorKind::BadModuleOpcode(opcode).into()),
    }))
}

/// The header of a module's auxiliary data: the module's id, and when the data was saved.
pub(crate) fn aux_header(cursor: &mut Cursor<'_>) -> Read<()> {
    cursor.length()?;
    match cursor.length()? {
        UNSIGNED => cursor.length().map(|_| ()),
        opcode => Err(ErrorKind::BadModuleOpcode(opcode).into()),
    }
}

/// A module id is nine characters of six bits each, then an encoding version of ten bits.
pub(crate) fn name_and_version(id: u64) -> ([u8; 9], u16) {
    let name =
        std::array::from_fn(|index| NAME_CHARACTERS[(id >> (58 - 6 * index) & 0x3f) as usize]);
    (name, (id & 0x3ff) as u16)
}
