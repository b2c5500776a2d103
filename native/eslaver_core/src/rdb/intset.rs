//! Intsets: sorted integers of one width.

use super::error::ErrorKind;
use super::sink::Item;

const HEADER: usize = 8;

/// The integers of an intset, in ascending order.
pub(crate) struct Intset<'a> {
    rest: &'a [u8],
    width: usize,
    position: usize,
    last: Option<i64>,
}

impl<'a> Intset<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, ErrorKind> {
        let Some((&[a, b, c, d, e, f, g, h], rest)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(corrupt(0, "it is shorter than its header"));
        };
        let width = u32::from_le_bytes([a, b, c, d]) as usize;
        let count = u32::from_le_bytes([e, f, g, h]) as usize;
        if ![2, 4, 8].contains(&width) {
            return Err(corrupt(0, "its integers are neither 2, 4 nor 8 bytes wide"));
        }
        if count == 0 || count.checked_mul(width) != Some(rest.len()) {
            return Err(corrupt(4, "its count does not match its length"));
        }
        Ok(Self { rest, width, position: HEADER, last: None })
    }
}

impl<'a> Iterator for Intset<'a> {
    type Item = Result<Item<'a>, ErrorKind>;

    fn next(&mut self) -> Option<Self::Item> {
        let (raw, rest) = self.rest.split_at_checked(self.width)?;
        let value = widen(raw);
        if self.last.is_some_and(|last| last >= value) {
            return Some(Err(corrupt(self.position, "its integers are not ascending")));
        }
        self.last = Some(value);
        self.position += self.width;
        self.rest = rest;
        Some(Ok(Item::Int(value)))
    }
}

fn widen(raw: &[u8]) -> i64 {
    match *raw {
        [a, b] => i16::from_le_bytes([a, b]).into(),
        [a, b, c, d] => i32::from_le_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}

fn corrupt(at: usize, what: &'static str) -> ErrorKind {
    ErrorKind::Container { encoding: "intset", at, what }
}
