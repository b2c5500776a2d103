//! Strings: plain, small integers, or compressed.

use super::cursor::{Cursor, Length, Read, Stop};
use super::error::ErrorKind;
use super::limits::Limits;
use super::lzf;
use super::sink::Item;

const ENCODED_INT8: u8 = 0;
const ENCODED_INT16: u8 = 1;
const ENCODED_INT32: u8 = 2;
const ENCODED_LZF: u8 = 3;

/// Shorter strings are always waited for.
const SHORT: u64 = 16_384;

impl<'a> Cursor<'a> {
    /// A string that is not the whole value of a key.
    #[inline]
    pub(crate) fn string(&mut self) -> Read<RawString<'a>> {
        let Limits { proto_max_bulk_len, max_element, .. } = self.limits();
        match self.short(proto_max_bulk_len.min(max_element)) {
            Some(bytes) => Ok(RawString::Plain(bytes)),
            None => self.element(),
        }
    }

    fn element(&mut self) -> Read<RawString<'a>> {
        let Limits { proto_max_bulk_len, max_element, .. } = self.limits();
        RawString::read(self, proto_max_bulk_len.min(max_element)).map_err(|stop| match stop {
            Stop::Bad(ErrorKind::StringTooLong { found, .. }) if found <= proto_max_bulk_len => {
                ErrorKind::ElementTooLong { found, max: max_element }.into()
            }
            stop => stop,
        })
    }

    /// A string that is the whole value of a key.
    #[inline]
    pub(crate) fn value(&mut self) -> Read<RawString<'a>> {
        match self.short(self.limits().proto_max_bulk_len) {
            Some(bytes) => Ok(RawString::Plain(bytes)),
            None => RawString::read(self, self.limits().proto_max_bulk_len),
        }
    }

    /// The length of a string that is the whole value of a key, if it is plain and not short, and
    /// where its bytes begin.
    pub(crate) fn long(mut self) -> Read<Option<(u64, Self)>> {
        let max = self.limits().proto_max_bulk_len;
        match self.length_or_encoding()? {
            Length::Plain(length @ SHORT..) => {
                check(length, max)?;
                Ok(Some((length, self)))
            }
            _ => Ok(None),
        }
    }

    /// A string that is a container with elements inside.
    pub(crate) fn packed(&mut self) -> Read<RawString<'a>> {
        RawString::read(self, self.limits().max_packed())
    }
}

/// A string of the snapshot: complete, and not yet decoded.
pub(crate) enum RawString<'a> {
    Plain(&'a [u8]),
    Int(i64),
    Lzf { compressed: &'a [u8], length: usize },
}

impl<'a> RawString<'a> {
    /// Reads a string of at most `max` bytes.
    #[inline]
    fn read(cursor: &mut Cursor<'a>, max: u64) -> Read<Self> {
        match cursor.length_or_encoding()? {
            Length::Plain(length) => {
                check(length, max)?;
                Ok(RawString::Plain(cursor.take(length)?))
            }
            Length::Encoded(encoding) => Self::encoded(encoding, cursor, max),
        }
    }

    fn encoded(encoding: u8, cursor: &mut Cursor<'a>, max: u64) -> Read<Self> {
        match encoding {
            ENCODED_INT8 => Ok(RawString::Int(i8::from_le_bytes(cursor.array()?).into())),
            ENCODED_INT16 => Ok(RawString::Int(i16::from_le_bytes(cursor.array()?).into())),
            ENCODED_INT32 => Ok(RawString::Int(i32::from_le_bytes(cursor.array()?).into())),
            ENCODED_LZF => {
                let compressed = cursor.length()?;
                let length = expanded(compressed, cursor.length()?, max)?;
                let compressed = cursor.take(compressed)?;
                Ok(RawString::Lzf { compressed, length })
            }
            _ => Err(ErrorKind::UnknownEncoding(encoding).into()),
        }
    }

    /// The string, decompressed if necessary.
    #[inline]
    pub(crate) fn decode(&self) -> Result<Decoded<'a>, ErrorKind> {
        match *self {
            RawString::Plain(bytes) => Ok(Decoded::Borrowed(bytes)),
            RawString::Int(value) => Ok(Decoded::Int(value)),
            RawString::Lzf { compressed, length } => {
                lzf::decompress(compressed, length).map(Decoded::Owned).ok_or(ErrorKind::LzfCorrupt)
            }
        }
    }

    /// The string's bytes, whatever its encoding.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, ErrorKind> {
        Ok(match self.decode()? {
            Decoded::Borrowed(bytes) => bytes.to_vec(),
            Decoded::Owned(bytes) => bytes,
            Decoded::Int(value) => itoa::Buffer::new().format(value).as_bytes().to_vec(),
        })
    }
}

#[inline]
fn check(found: u64, max: u64) -> Result<(), ErrorKind> {
    if found > max { Err(ErrorKind::StringTooLong { found, max }) } else { Ok(()) }
}

/// What a compressed string expands to, by its own word. It is judged before its bytes are waited
/// for.
fn expanded(compressed: u64, claimed: u64, max: u64) -> Result<usize, ErrorKind> {
    match usize::try_from(claimed) {
        Ok(length) if lzf::is_possible(compressed, claimed) => {
            check(compressed.max(claimed), max).map(|()| length)
        }
        _ => Err(ErrorKind::LzfClaim { compressed, claimed }),
    }
}

/// Reads the header of a string. Returns the number of bytes that follow.
#[inline]
pub(crate) fn header(cursor: &mut Cursor<'_>) -> Read<u64> {
    match cursor.length_or_encoding()? {
        Length::Plain(length) => Ok(length),
        Length::Encoded(encoding) => encoded_header(encoding, cursor),
    }
}

fn encoded_header(encoding: u8, cursor: &mut Cursor<'_>) -> Read<u64> {
    match encoding {
        ENCODED_INT8 => Ok(1),
        ENCODED_INT16 => Ok(2),
        ENCODED_INT32 => Ok(4),
        ENCODED_LZF => {
            let compressed = cursor.length()?;
            cursor.length()?;
            Ok(compressed)
        }
        _ => Err(ErrorKind::UnknownEncoding(encoding).into()),
    }
}

/// A decoded string.
pub(crate) enum Decoded<'a> {
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
    Int(i64),
}

impl Decoded<'_> {
    #[inline]
    pub(crate) fn item(&self) -> Item<'_> {
        match self {
            Decoded::Borrowed(bytes) => Item::Bytes(bytes),
            Decoded::Owned(bytes) => Item::Bytes(bytes),
            Decoded::Int(value) => Item::Int(*value),
        }
    }

    /// The string's bytes, whatever its encoding; an integer's are written to `digits`.
    #[inline]
    pub(crate) fn bytes<'d>(&'d self, digits: &'d mut itoa::Buffer) -> &'d [u8] {
        match self {
            Decoded::Borrowed(bytes) => bytes,
            Decoded::Owned(bytes) => bytes,
            Decoded::Int(value) => digits.format(*value).as_bytes(),
        }
    }
}
