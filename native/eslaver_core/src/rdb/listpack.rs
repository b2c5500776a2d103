//! Listpacks: a header of 6 bytes, entries that end with their own length, and 0xff.

use super::error::ErrorKind;
use super::sink::Item;

const HEADER: usize = 6;
const END: u8 = 0xff;
const COUNT_UNKNOWN: u16 = u16::MAX;

/// The entries of a listpack, in order.
pub(crate) struct Listpack<'a> {
    bytes: &'a [u8],
    position: usize,
    claimed: u16,
    seen: u64,
}

impl<'a> Listpack<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, ErrorKind> {
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return Err(corrupt(0, "it is shorter than its header"));
        };
        let &[a, b, c, d, low, high] = header;
        if u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() {
            return Err(corrupt(0, "its length is not the one in its header"));
        }
        if bytes.len() == HEADER || bytes.last() != Some(&END) {
            return Err(corrupt(bytes.len() - 1, "it does not end with 0xff"));
        }
        Ok(Self { bytes, position: HEADER, claimed: u16::from_le_bytes([low, high]), seen: 0 })
    }

    #[inline]
    fn read(&mut self) -> Result<Option<Item<'a>>, ErrorKind> {
        let rest = &self.bytes[self.position..];
        let Some(&first) = rest.first() else {
            return Err(corrupt(self.position, "it ends within an entry"));
        };
        if first == END {
            return self.end(rest.len());
        }
        let (item, size) =
            entry(first, rest).ok_or_else(|| corrupt(self.position, "an invalid entry"))?;
        let back = back_length(size, &rest[size..])
            .ok_or_else(|| corrupt(self.position + size, "an entry's length from its end"))?;
        self.position += size + back;
        self.seen += 1;
        Ok(Some(item))
    }

    /// The next entry, or `None` at the end. It is an error if it is no integer.
    pub(crate) fn next_integer(&mut self) -> Result<Option<i64>, ErrorKind> {
        let at = self.position;
        match self.read()? {
            Some(Item::Int(value)) => Ok(Some(value)),
            Some(Item::Bytes(text)) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse().ok())
                .map(Some)
                .ok_or_else(|| corrupt(at, "a string where an integer was expected")),
            None => Ok(None),
        }
    }

    /// The next entry. It is an error if it is missing, or no integer.
    pub(crate) fn integer(&mut self) -> Result<i64, ErrorKind> {
        let at = self.position;
        self.next_integer()?.ok_or_else(|| corrupt(at, "it ends where an integer was expected"))
    }

    /// The next entry. It is an error if it is missing.
    pub(crate) fn required(&mut self) -> Result<Item<'a>, ErrorKind> {
        let at = self.position;
        self.read()?.ok_or_else(|| corrupt(at, "it ends where an entry was expected"))
    }

    fn end(&self, left: usize) -> Result<Option<Item<'a>>, ErrorKind> {
        if left != 1 {
            return Err(corrupt(self.position, "0xff before its end"));
        }
        if self.claimed != COUNT_UNKNOWN && u64::from(self.claimed) != self.seen {
            return Err(corrupt(4, "its count is not the one in its header"));
        }
        Ok(None)
    }
}

impl<'a> Iterator for Listpack<'a> {
    type Item = Result<Item<'a>, ErrorKind>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// The entry at the start of `bytes`, and the bytes that its encoding and data take.
#[inline]
fn entry(first: u8, bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let text = |header: usize, length: usize| {
        let text = bytes.get(header..)?.get(..length)?;
        Some((Item::Bytes(text), header + length))
    };
    match first {
        0..0x80 => Some((Item::Int(i64::from(first)), 1)),
        0x80..0xc0 => text(1, usize::from(first & 0x3f)),
        0xc0..0xe0 => {
            let raw = i16::from_be_bytes([first & 0x1f, *bytes.get(1)?]);
            Some((Item::Int(i64::from(raw << 3 >> 3)), 2))
        }
        0xe0..0xf0 => text(2, usize::from(first & 0x0f) << 8 | usize::from(*bytes.get(1)?)),
        0xf0 => text(5, u32::from_le_bytes(chunk(bytes)?) as usize),
        0xf1 => Some((Item::Int(i16::from_le_bytes(chunk(bytes)?).into()), 3)),
        0xf2 => {
            let [a, b, c] = chunk(bytes)?;
            Some((Item::Int(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)), 4))
        }
        0xf3 => Some((Item::Int(i32::from_le_bytes(chunk(bytes)?).into()), 5)),
        0xf4 => Some((Item::Int(i64::from_le_bytes(chunk(bytes)?)), 9)),
        _ => None,
    }
}

fn chunk<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.get(1..)?.first_chunk().copied()
}

/// Checks the entry's length that is written behind it, and gives the bytes that one takes.
#[inline]
fn back_length(size: usize, bytes: &[u8]) -> Option<usize> {
    if size < 0x80 {
        return (*bytes.first()? == size as u8).then_some(1);
    }
    let taken = match size {
        ..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    let written = bytes.get(..taken)?;
    let value = written.iter().fold(0, |value, &byte| value << 7 | usize::from(byte & 0x7f));
    let marked = written.iter().skip(1).all(|byte| byte & 0x80 != 0) && written[0] & 0x80 == 0;
    (value == size && marked).then_some(taken)
}

fn corrupt(at: usize, what: &'static str) -> ErrorKind {
    ErrorKind::Container { encoding: "listpack", at, what }
}
