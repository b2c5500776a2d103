//! The entries of a listpack, each in its shortest form.

use super::super::sink::Item;
use super::primitive::canonical;

/// Bytes before and after the entries.
pub(super) const AROUND: usize = 7;
pub(super) const END: u8 = 0xff;
/// Bytes of the longest decimal of 64 bits.
const INT_DIGITS: usize = 20;

/// The bytes before the entries. `size` counts all of the listpack.
pub(super) fn header(size: u32, entries: u64) -> [u8; 6] {
    let [a, b, c, d] = size.to_le_bytes();
    let [low, high] = u16::try_from(entries).unwrap_or(u16::MAX).to_le_bytes();
    [a, b, c, d, low, high]
}

/// Adds an entry.
#[inline]
pub(super) fn push(listpack: &mut Vec<u8>, item: Item<'_>) {
    match item {
        Item::Int(value) => push_int(listpack, value),
        Item::Bytes(bytes) => {
            let integer = if bytes.len() <= INT_DIGITS { canonical(bytes) } else { None };
            match integer {
                Some(value) => push_int(listpack, value),
                None => push_bytes(listpack, bytes),
            }
        }
    }
}

fn push_bytes(listpack: &mut Vec<u8>, bytes: &[u8]) {
    let start = listpack.len();
    match bytes.len() {
        length @ 0..64 => listpack.push(0x80 | length as u8),
        length @ 64..4096 => listpack.extend_from_slice(&(0xe000 | length as u16).to_be_bytes()),
        length => {
            listpack.push(0xf0);
            listpack.extend_from_slice(&(length as u32).to_le_bytes());
        }
    }
    listpack.extend_from_slice(bytes);
    push_back_length(listpack, start);
}

pub(super) fn push_int(listpack: &mut Vec<u8>, value: i64) {
    let start = listpack.len();
    let [a, b, c, d, ..] = value.to_le_bytes();
    match value {
        0..128 => listpack.push(a),
        -0x1000..0x1000 => {
            listpack.extend_from_slice(&((value as u16 & 0x1fff) | 0xc000).to_be_bytes());
        }
        -0x8000..0x8000 => listpack.extend_from_slice(&[0xf1, a, b]),
        -0x80_0000..0x80_0000 => listpack.extend_from_slice(&[0xf2, a, b, c]),
        -0x8000_0000..0x8000_0000 => listpack.extend_from_slice(&[0xf3, a, b, c, d]),
        _ => {
            listpack.push(0xf4);
            listpack.extend_from_slice(&value.to_le_bytes());
        }
    }
    push_back_length(listpack, start);
}

/// Adds the length of the entry that begins at `start`, in the form that is read backwards.
fn push_back_length(listpack: &mut Vec<u8>, start: usize) {
    let size = listpack.len() - start;
    let groups = match size {
        ..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    let mut mark = 0;
    for group in (0..groups).rev() {
        listpack.push((size >> (7 * group) & 0x7f) as u8 | mark);
        mark = 0x80;
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::listpack::Listpack;
    use super::*;

    fn read_back(item: Item<'_>) -> Vec<u8> {
        let mut entries = Vec::new();
        push(&mut entries, item);
        push(&mut entries, Item::Int(-7));
        let size = (entries.len() + AROUND) as u32;
        let bytes = [header(size, 2).as_slice(), &entries, &[END]].concat();
        let mut listpack = Listpack::open(&bytes).unwrap();
        let found = match listpack.next().unwrap().unwrap() {
            Item::Int(value) => value.to_string().into_bytes(),
            Item::Bytes(bytes) => bytes.to_vec(),
        };
        assert_eq!(listpack.next(), Some(Ok(Item::Int(-7))));
        assert_eq!(listpack.next(), None);
        found
    }

    #[test]
    fn integers() {
        for bits in 0..64 {
            for near in -2..=2_i64 {
                for value in [1_i64 << bits, -1 << bits].map(|value: i64| value.wrapping_add(near))
                {
                    let text = value.to_string();
                    assert_eq!(read_back(Item::Int(value)), text.as_bytes());
                    assert_eq!(read_back(Item::Bytes(text.as_bytes())), text.as_bytes());
                }
            }
        }
    }

    #[test]
    fn texts() {
        let sizes =
            [0, 1, 63, 64, 126, 127, 4095, 4096, 16_378, 16_380, 16_384, 2_097_145, 2_097_152];
        for size in sizes {
            let text = vec![b'a'; size];
            assert_eq!(read_back(Item::Bytes(&text)), text, "{size}");
        }
        for text in ["-0", "007", "9223372036854775808", "12345678901234567890123"] {
            assert_eq!(read_back(Item::Bytes(text.as_bytes())), text.as_bytes());
        }
    }
}
