//! Intsets: sorted integers of one width.

use super::error::ErrorKind;

const HEADER: usize = 8;

/// Calls `each` with every integer, in ascending order.
pub(crate) fn for_each(
    bytes: &[u8],
    mut each: impl FnMut(i64) -> Result<(), ErrorKind>,
) -> Result<(), ErrorKind> {
    let Some((&[a, b, c, d, e, f, g, h], body)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(corrupt(0, "it is shorter than its header"));
    };
    let width = u32::from_le_bytes([a, b, c, d]) as usize;
    let count = u32::from_le_bytes([e, f, g, h]) as usize;
    if ![2, 4, 8].contains(&width) {
        return Err(corrupt(0, "its integers are neither 2, 4 nor 8 bytes wide"));
    }
    if count == 0 || count.checked_mul(width) != Some(body.len()) {
        return Err(corrupt(4, "its count does not match its length"));
    }
    let mut last = None;
    for (index, raw) in body.chunks_exact(width).enumerate() {
        let value = widen(raw);
        if last.is_some_and(|last| last >= value) {
            return Err(corrupt(HEADER + index * width, "its integers are not ascending"));
        }
        last = Some(value);
        each(value)?;
    }
    Ok(())
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
