//! Zipmaps: the small hashes of servers before 2.6.

use super::error::ErrorKind;

const LENGTH_LONG: u8 = 254;
const END: u8 = 0xff;
const COUNT_UNKNOWN: u8 = 254;

/// Calls `each` with every field and value, in order.
pub(crate) fn for_each<'a>(
    bytes: &'a [u8],
    mut each: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), ErrorKind>,
) -> Result<(), ErrorKind> {
    let Some((&claimed, _)) = bytes.split_first() else {
        return Err(corrupt(0, "it is empty"));
    };
    let mut position = 1;
    let mut seen = 0u64;
    while bytes.get(position) != Some(&END) {
        let field = text(bytes, &mut position, false)?;
        let value = text(bytes, &mut position, true)?;
        each(field, value)?;
        seen += 1;
    }
    if seen == 0 {
        return Err(corrupt(1, "it holds nothing"));
    }
    if position + 1 != bytes.len() {
        return Err(corrupt(position, "0xff before its end"));
    }
    if claimed != COUNT_UNKNOWN && u64::from(claimed) != seen {
        return Err(corrupt(0, "its count is not the one in its header"));
    }
    Ok(())
}

/// A field, or a value, which has a byte that counts unused bytes behind it.
fn text<'a>(bytes: &'a [u8], position: &mut usize, value: bool) -> Result<&'a [u8], ErrorKind> {
    let at = *position;
    read_text(bytes, position, value).ok_or_else(|| corrupt(at, "it ends within an entry"))
}

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
