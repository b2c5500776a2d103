//! Zipmaps: the small hashes of servers before 2.6.

use super::error::ErrorKind;
use super::sink::Item;

const LENGTH_LONG: u8 = 254;
const END: u8 = 0xff;
const COUNT_UNKNOWN: u8 = 254;

/// The fields and values of a zipmap, by turns.
pub(crate) struct Zipmap<'a> {
    bytes: &'a [u8],
    position: usize,
    claimed: u8,
    fields: u64,
    /// Whether a value comes next.
    in_pair: bool,
}

impl<'a> Zipmap<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, ErrorKind> {
        let Some((&claimed, _)) = bytes.split_first() else {
            return Err(corrupt(0, "it is empty"));
        };
        Ok(Self { bytes, position: 1, claimed, fields: 0, in_pair: false })
    }

    fn read(&mut self) -> Result<Option<Item<'a>>, ErrorKind> {
        if !self.in_pair && self.bytes.get(self.position) == Some(&END) {
            return self.end();
        }
        let at = self.position;
        let text = read_text(self.bytes, &mut self.position, self.in_pair)
            .ok_or_else(|| corrupt(at, "it ends within an entry"))?;
        self.fields += u64::from(!self.in_pair);
        self.in_pair = !self.in_pair;
        Ok(Some(Item::Bytes(text)))
    }

    fn end(&self) -> Result<Option<Item<'a>>, ErrorKind> {
        if self.fields == 0 {
            return Err(corrupt(1, "it holds nothing"));
        }
        if self.position + 1 != self.bytes.len() {
            return Err(corrupt(self.position, "0xff before its end"));
        }
        if self.claimed != COUNT_UNKNOWN && u64::from(self.claimed) != self.fields {
            return Err(corrupt(0, "its count is not the one in its header"));
        }
        Ok(None)
    }
}

impl<'a> Iterator for Zipmap<'a> {
    type Item = Result<Item<'a>, ErrorKind>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// A field, or a value, which has a byte that counts the unused bytes after it.
fn read_text<'a>(bytes: &'a [u8], position: &mut usize, value: bool) -> Option<&'a [u8]> {
    let mut rest = bytes.get(*position..)?;
    let length = match take(&mut rest, 1)?[0] {
        END => return None,
        LENGTH_LONG => u32::from_le_bytes(*take(&mut rest, 4)?.first_chunk()?) as usize,
        short => usize::from(short),
    };
    let unused = if value { usize::from(take(&mut rest, 1)?[0]) } else { 0 };
    let text = take(&mut rest, length)?;
    take(&mut rest, unused)?;
    *position = bytes.len() - rest.len();
    Some(text)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn corrupt(at: usize, what: &'static str) -> ErrorKind {
    ErrorKind::Container { encoding: "zipmap", at, what }
}
