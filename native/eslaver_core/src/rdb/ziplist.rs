//! Ziplists: a header of 10 bytes, entries that start with the length of the one before, and 0xff.

use super::error::ErrorKind;
use super::sink::Item;

const HEADER: usize = 10;
const END: u8 = 0xff;
const PREVIOUS_LONG: u8 = 254;
const COUNT_UNKNOWN: u16 = u16::MAX;

/// The entries of a ziplist, in order.
pub(crate) struct Ziplist<'a> {
    bytes: &'a [u8],
    position: usize,
    previous: usize,
    tail: usize,
    claimed: u16,
    seen: u64,
}

impl<'a> Ziplist<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, ErrorKind> {
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return Err(corrupt(0, "it is shorter than its header"));
        };
        let &[a, b, c, d, e, f, g, h, low, high] = header;
        if u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() {
            return Err(corrupt(0, "its length is not the one in its header"));
        }
        if bytes.len() == HEADER || bytes.last() != Some(&END) {
            return Err(corrupt(bytes.len() - 1, "it does not end with 0xff"));
        }
        Ok(Self {
            bytes,
            position: HEADER,
            previous: 0,
            tail: u32::from_le_bytes([e, f, g, h]) as usize,
            claimed: u16::from_le_bytes([low, high]),
            seen: 0,
        })
    }

    fn read(&mut self) -> Result<Option<Item<'a>>, ErrorKind> {
        let rest = &self.bytes[self.position..];
        if rest.first() == Some(&END) {
            return self.end(rest.len());
        }
        let (previous, taken) = previous_length(rest)
            .ok_or_else(|| corrupt(self.position, "it ends within an entry"))?;
        if previous != self.previous {
            return Err(corrupt(self.position, "an entry's length of the one before it"));
        }
        let (item, size) =
            entry(&rest[taken..]).ok_or_else(|| corrupt(self.position, "an invalid entry"))?;
        self.previous = taken + size;
        self.position += self.previous;
        self.seen += 1;
        Ok(Some(item))
    }

    fn end(&self, left: usize) -> Result<Option<Item<'a>>, ErrorKind> {
        if left != 1 {
            return Err(corrupt(self.position, "0xff before its end"));
        }
        if self.tail != self.position - self.previous {
            return Err(corrupt(4, "its last entry is not where its header says"));
        }
        if self.claimed != COUNT_UNKNOWN && u64::from(self.claimed) != self.seen {
            return Err(corrupt(8, "its count is not the one in its header"));
        }
        Ok(None)
    }
}

impl<'a> Iterator for Ziplist<'a> {
    type Item = Result<Item<'a>, ErrorKind>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn previous_length(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.first()? {
        PREVIOUS_LONG => {
            let long = bytes.get(1..)?.first_chunk()?;
            Some((u32::from_le_bytes(*long) as usize, 5))
        }
        short => Some((usize::from(short), 1)),
    }
}

/// The entry at the start of `bytes`, and the bytes that its encoding and data take.
fn entry(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let text = |header: usize, length: usize| {
        let text = bytes.get(header..)?.get(..length)?;
        Some((Item::Bytes(text), header + length))
    };
    let first = *bytes.first()?;
    match first {
        0x00..0x40 => text(1, usize::from(first & 0x3f)),
        0x40..0x80 => text(2, usize::from(first & 0x3f) << 8 | usize::from(*bytes.get(1)?)),
        0x80..0xc0 => text(5, u32::from_be_bytes(chunk(bytes)?) as usize),
        0xc0 => Some((Item::Int(i16::from_le_bytes(chunk(bytes)?).into()), 3)),
        0xd0 => Some((Item::Int(i32::from_le_bytes(chunk(bytes)?).into()), 5)),
        0xe0 => Some((Item::Int(i64::from_le_bytes(chunk(bytes)?)), 9)),
        0xf0 => {
            let [a, b, c] = chunk(bytes)?;
            Some((Item::Int(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)), 4))
        }
        0xfe => Some((Item::Int(i8::from_le_bytes(chunk(bytes)?).into()), 2)),
        0xf1..=0xfd => Some((Item::Int(i64::from(first & 0x0f) - 1), 1)),
        _ => None,
    }
}

fn chunk<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.get(1..)?.first_chunk().copied()
}

fn corrupt(at: usize, what: &'static str) -> ErrorKind {
    ErrorKind::Container { encoding: "ziplist", at, what }
}
