//! A string as one packed element: a header, then its bytes or the integer that they spell.
//!
//! | first byte | element |
//! |---|---|
//! | `00`–`3f` | a string of 0 to 63 bytes, which follow |
//! | `40`–`7f` | the integers 0 to 63 |
//! | `80`–`bf` | 14 bits with the byte that follows: the integers 64 to 16,447 |
//! | `c0`–`c4` | an integer of 2, 3, 4, 6 or 8 bytes, little-endian |
//! | `c8`–`ca` | a string, its length in 1, 2 or 4 bytes, little-endian |
//!
//! The encoding is canonical: equal strings have equal elements, and an integer is packed only
//! where its decimal form gives the same bytes back. Bytes from `cb` on never begin an element.

use std::borrow::Cow;

const SMALL_INT: u8 = 0x40;
const MEDIUM_INT: u8 = 0x80;
const MEDIUM_FIRST: i64 = 64;
const MEDIUM_LAST: i64 = MEDIUM_FIRST + 0x3fff;
const INT: u8 = 0xc0;
const INT_WIDTHS: [usize; 5] = [2, 3, 4, 6, 8];
const STRING: u8 = 0xc8;
const LENGTH_WIDTHS: [usize; 3] = [1, 2, 4];
/// The longest decimal form of an `i64`.
const LONGEST_INT: usize = 20;

/// A string, as an element holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element<'a> {
    /// The bytes.
    Bytes(&'a [u8]),
    /// The bytes that this integer has in decimal.
    Int(i64),
}

impl<'a> Element<'a> {
    /// Reads the element at the start of `packed`, and says how many bytes it takes. `None` where no
    /// element begins there, or its end is missing.
    #[inline]
    pub fn read(packed: &'a [u8]) -> Option<(Self, usize)> {
        let (&first, rest) = packed.split_first()?;
        Some(match first {
            0..SMALL_INT => {
                let len = usize::from(first);
                (Element::Bytes(rest.get(..len)?), 1 + len)
            }
            SMALL_INT..MEDIUM_INT => (Element::Int(i64::from(first - SMALL_INT)), 1),
            MEDIUM_INT..INT => {
                let high = i64::from(first - MEDIUM_INT) << 8;
                (Element::Int(MEDIUM_FIRST + (high | i64::from(*rest.first()?))), 2)
            }
            _ => match INT_WIDTHS.get(usize::from(first - INT)) {
                Some(&width) => (Element::Int(int(rest.get(..width)?)), 1 + width),
                None => {
                    let width = *LENGTH_WIDTHS.get(usize::from(first.checked_sub(STRING)?))?;
                    let len = length(rest.get(..width)?);
                    let end = width.checked_add(len)?;
                    (Element::Bytes(rest.get(width..end)?), 1 + end)
                }
            },
        })
    }

    /// The string.
    pub fn to_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Element::Bytes(bytes) => Cow::Borrowed(bytes),
            Element::Int(value) => Cow::Owned(decimal(value)),
        }
    }

    /// Hands the string to `with`, without allocating.
    #[inline]
    pub fn with_bytes<R>(self, with: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Element::Bytes(bytes) => with(bytes),
            Element::Int(value) => with(itoa::Buffer::new().format(value).as_bytes()),
        }
    }

    /// The number of bytes of the string.
    pub fn len(self) -> usize {
        self.with_bytes(<[u8]>::len)
    }

    /// Whether the string is empty.
    pub fn is_empty(self) -> bool {
        matches!(self, Element::Bytes([]))
    }
}

/// The number of bytes that the element at the start of `packed` takes: see [`Element::read`].
#[inline]
pub fn packed_len(packed: &[u8]) -> Option<usize> {
    match packed.first() {
        Some(&len @ 0..SMALL_INT) if usize::from(len) < packed.len() => Some(1 + usize::from(len)),
        _ => Element::read(packed).map(|(_, len)| len),
    }
}

/// A string about to be packed: the first bytes of its element, then those of the string that follow.
/// So nothing is copied before its place is known.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    head: [u8; 9],
    head_len: u8,
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    /// No bytes at all.
    pub const NONE: Parts<'static> = Parts { head: [0; 9], head_len: 0, rest: &[] };

    /// How `string` is packed. `None` for strings of more than `u32::MAX` bytes.
    #[inline]
    pub fn of(string: &'a [u8]) -> Option<Self> {
        if let Some(value) = integer(string) {
            return Some(Self::of_int(value));
        }
        let len = string.len();
        let [a, b, c, d] = u32::try_from(len).ok()?.to_le_bytes();
        let (head, head_len) = match len {
            0..0x40 => ([a, 0, 0, 0, 0], 1),
            0x40..0x100 => ([STRING, a, 0, 0, 0], 2),
            0x100..0x1_0000 => ([STRING + 1, a, b, 0, 0], 3),
            _ => ([STRING + 2, a, b, c, d], 5),
        };
        let mut parts = Parts { head: [0; 9], head_len, rest: string };
        parts.head[..5].copy_from_slice(&head);
        Some(parts)
    }

    /// How the decimal form of `value` is packed.
    #[inline]
    pub fn of_int(value: i64) -> Self {
        let mut head = [0; 9];
        let head_len = match value {
            0..MEDIUM_FIRST => {
                head[0] = SMALL_INT | value.to_le_bytes()[0];
                1
            }
            MEDIUM_FIRST..=MEDIUM_LAST => {
                let [low, high, ..] = (value - MEDIUM_FIRST).to_le_bytes();
                head[0] = MEDIUM_INT | high;
                head[1] = low;
                2
            }
            _ => {
                let bytes = value.to_le_bytes();
                let (code, len) = match value {
                    -0x8000..0x8000 => (INT, 3),
                    -0x80_0000..0x80_0000 => (INT + 1, 4),
                    -0x8000_0000..0x8000_0000 => (INT + 2, 5),
                    -0x8000_0000_0000..0x8000_0000_0000 => (INT + 3, 7),
                    _ => (INT + 4, 9),
                };
                head[0] = code;
                head[1..].copy_from_slice(&bytes);
                len
            }
        };
        Parts { head, head_len, rest: &[] }
    }

    /// How an element is packed. Bytes that spell an integer are packed as such.
    #[inline]
    pub fn of_element(element: Element<'a>) -> Option<Self> {
        match element {
            Element::Bytes(bytes) => Self::of(bytes),
            Element::Int(value) => Some(Self::of_int(value)),
        }
    }

    /// These bytes as they are, at most 9.
    #[inline]
    pub(super) fn raw<const N: usize>(bytes: [u8; N], len: u8) -> Self {
        const { assert!(N <= 9) }
        let mut head = [0; 9];
        head[..N].copy_from_slice(&bytes);
        Parts { head, head_len: len.min(9), rest: &[] }
    }

    /// How many bytes it takes.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.head_len) + self.rest.len()
    }

    /// Whether it takes none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends it.
    #[inline]
    pub fn write(&self, to: &mut Vec<u8>) {
        match self.head() {
            [one] => to.push(*one),
            head => to.extend_from_slice(head),
        }
        append(to, self.rest);
    }

    /// Writes it to the start of `to`, which must have room for it: else `false`.
    #[inline]
    pub fn write_at(&self, to: &mut [u8]) -> bool {
        let Some((head, rest)) = to.split_at_mut_checked(usize::from(self.head_len)) else {
            return false;
        };
        let Some(rest) = rest.get_mut(..self.rest.len()) else { return false };
        head.copy_from_slice(self.head());
        rest.copy_from_slice(self.rest);
        true
    }

    /// Whether `packed` begins with it. It must not be [`Parts::NONE`].
    #[inline(always)]
    pub fn begins(&self, packed: &[u8]) -> bool {
        // Most other strings differ in their lengths or at their ends.
        packed.first() == self.head.first()
            && self.len().checked_sub(1).and_then(|last| packed.get(last)) == self.last()
            && self.is_start_of(packed)
    }

    #[inline]
    fn last(&self) -> Option<&u8> {
        self.rest.last().or(self.head().last())
    }

    fn is_start_of(&self, packed: &[u8]) -> bool {
        let Some(packed) = packed.get(..self.len()) else { return false };
        let (head, rest) = packed.split_at(usize::from(self.head_len));
        rest == self.rest && (head.len() == 1 || head == self.head())
    }

    /// What stands for the string in a hash: see [`hashed`].
    #[inline]
    pub(super) fn hashed(&self) -> &[u8] {
        if self.rest.is_empty() { self.head() } else { self.rest }
    }

    #[inline]
    fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_len)]
    }
}

/// What stands for the element at the start of `packed` in a hash: the bytes of a string, or all of an
/// integer's element. Nothing where no element begins.
#[inline]
pub(super) fn hashed(packed: &[u8]) -> &[u8] {
    match Element::read(packed) {
        Some((Element::Bytes(bytes), _)) if !bytes.is_empty() => bytes,
        Some((_, len)) => packed.get(..len).unwrap_or_default(),
        None => &[],
    }
}

/// Appends bytes. Few of them, as elements mostly have, are copied in place: a call for an unknown number
/// of bytes would take longer than that.
#[inline]
fn append(to: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        8..=16 => append_halves::<8>(to, bytes),
        4..=7 => append_halves::<4>(to, bytes),
        _ => to.extend_from_slice(bytes),
    }
}

/// Appends `HALF` bytes or up to twice as many: the first half and the last, which may overlap.
#[inline]
fn append_halves<const HALF: usize>(to: &mut Vec<u8>, bytes: &[u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<HALF>(), bytes.last_chunk::<HALF>()) {
        let overlap = 2 * HALF - bytes.len();
        to.extend_from_slice(first);
        to.truncate(to.len() - overlap);
        to.extend_from_slice(last);
    }
}

/// Appends `string` as an element. Strings of more than `u32::MAX` bytes cannot be packed: `false`,
/// and nothing is appended.
#[inline]
pub fn write(string: &[u8], to: &mut Vec<u8>) -> bool {
    let parts = Parts::of(string);
    if let Some(parts) = &parts {
        parts.write(to);
    }
    parts.is_some()
}

/// Appends the decimal form of `value` as an element.
#[inline]
pub fn write_int(value: i64, to: &mut Vec<u8>) {
    Parts::of_int(value).write(to);
}

/// The integer that a string spells exactly as servers would: no sign but `-`, no leading zero.
#[inline]
pub fn integer(string: &[u8]) -> Option<i64> {
    let (digits, negative) = match string {
        [b'-', rest @ ..] => (rest, true),
        _ => (string, false),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if string.len() <= LONGEST_INT => {}
        _ => return None,
    }
    let mut value = 0i64;
    for digit in digits {
        let digit = i64::from(digit.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?;
        value = if negative { value.checked_sub(digit)? } else { value.checked_add(digit)? };
    }
    Some(value)
}

fn decimal(value: i64) -> Vec<u8> {
    itoa::Buffer::new().format(value).as_bytes().to_vec()
}

/// A little-endian integer of up to 8 bytes, its sign extended.
#[inline]
fn int(bytes: &[u8]) -> i64 {
    let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut all = [if negative { 0xff } else { 0 }; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(all)
}

#[inline]
fn length(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |len, &byte| (len << 8) | usize::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(string: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        assert!(write(string, &mut packed));
        packed
    }

    fn assert_round(string: &[u8], len: usize) {
        let packed = packed(string);
        assert_eq!(packed.len(), len, "{string:?}");
        let (element, read) = Element::read(&packed).unwrap();
        assert_eq!((element.to_bytes().as_ref(), read), (string, len));
        assert_eq!(element.len(), string.len());
        for cut in 0..len {
            assert_eq!(Element::read(&packed[..cut]), None, "{string:?} cut at {cut}");
        }
    }

    #[test]
    fn bytes_of_any_number_are_appended() {
        for len in 0..40u8 {
            let bytes: Vec<u8> = (1..=len).collect();
            let mut to = b"before".to_vec();
            append(&mut to, &bytes);
            assert_eq!(to, [b"before", bytes.as_slice()].concat());
        }
    }

    #[test]
    fn integers_take_few_bytes() {
        for (value, len) in [
            (0, 1),
            (63, 1),
            (64, 2),
            (16_447, 2),
            (16_448, 3),
            (-1, 3),
            (32_767, 3),
            (32_768, 4),
            (-32_769, 4),
            (1 << 23, 5),
            (1 << 31, 7),
            (1 << 47, 9),
            (i64::MAX, 9),
            (i64::MIN, 9),
        ] {
            assert_round(value.to_string().as_bytes(), len);
        }
    }

    #[test]
    fn strings_keep_their_bytes() {
        for (string, len) in [("", 1), ("a", 2), ("-", 2), ("-0", 3), ("007", 4), ("+1", 3)] {
            assert_round(string.as_bytes(), len);
        }
        assert_round(b"9223372036854775808", 20);
        assert_round(&[b'x'; 63], 64);
        assert_round(&[b'x'; 64], 66);
        assert_round(&[b'x'; 255], 257);
        assert_round(&[b'x'; 256], 259);
        assert_round(&[b'x'; 65_536], 65_541);
    }

    #[test]
    fn an_element_begins_with_its_parts_alone() {
        let long = ["x".repeat(70), "x".repeat(71), "y".repeat(300), "x".repeat(69) + "y"];
        let short = ["", "a", "b", "aa", "ab", "ba", "bab", "aab", "0", "1", "100", "356", "70000"];
        let all: Vec<&str> = short.into_iter().chain(long.iter().map(String::as_str)).collect();
        for one in &all {
            for other in &all {
                let mut bytes = packed(other.as_bytes());
                let parts = Parts::of(one.as_bytes()).unwrap();
                assert_eq!(parts.begins(&bytes), one == other, "{one} {other}");
                bytes.push(b'z');
                assert_eq!(parts.begins(&bytes), one == other, "{one} {other}");
                bytes.truncate(parts.len() - 1);
                assert!(!parts.begins(&bytes));
            }
        }
    }

    #[test]
    fn other_bytes_begin_no_element() {
        for first in [0xc5, 0xc6, 0xc7].into_iter().chain(0xcb..=0xff) {
            let mut bytes = [0; 64];
            bytes[0] = first;
            assert_eq!(Element::read(&bytes), None);
        }
    }

    proptest! {
        #[test]
        fn any_string_comes_back(string in proptest::collection::vec(any::<u8>(), 0..300)) {
            assert_round(&string, packed(&string).len());
        }

        #[test]
        fn any_integer_comes_back(value: i64, shift in 0u32..64) {
            let value = value >> shift;
            let packed = packed(value.to_string().as_bytes());
            prop_assert_eq!(Element::read(&packed).unwrap().0, Element::Int(value));
        }
    }
}
