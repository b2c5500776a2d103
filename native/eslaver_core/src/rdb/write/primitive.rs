//! Lengths, strings and scores.

use super::super::sink::{Item, StreamId};
use super::output::{Body, Output};

const LEN_14_BIT: u16 = 0x4000;
const LEN_32_BIT: u8 = 0x80;
const LEN_64_BIT: u8 = 0x81;
const INT_8: u8 = 0xc0;
const INT_16: u8 = 0xc1;
const INT_32: u8 = 0xc2;
const SCORE_INFINITE: u8 = 254;
const SCORE_NEGATIVE_INFINITE: u8 = 255;
/// Bytes of the longest decimal of 32 bits.
const INT_DIGITS: usize = 11;

impl<O: Output> Body<O> {
    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    /// Writes a length in its shortest form.
    #[inline]
    pub(super) fn length(&mut self, value: u64) {
        match value {
            0..64 => self.byte(value as u8),
            64..0x4000 => self.put(&(value as u16 | LEN_14_BIT).to_be_bytes()),
            0x4000..0x1_0000_0000 => {
                self.byte(LEN_32_BIT);
                self.put(&(value as u32).to_be_bytes());
            }
            _ => {
                self.byte(LEN_64_BIT);
                self.put(&value.to_be_bytes());
            }
        }
    }

    /// Writes a string, as an integer if it is one of 32 bits.
    #[inline]
    pub(super) fn string(&mut self, bytes: &[u8]) {
        if bytes.len() <= INT_DIGITS
            && let Some(value) = canonical(bytes)
            && let Ok(value) = i32::try_from(value)
        {
            return self.small_int(value);
        }
        self.plain(bytes);
    }

    #[inline]
    pub(super) fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Bytes(bytes) => self.string(bytes),
            Item::Int(value) => match i32::try_from(value) {
                Ok(value) => self.small_int(value),
                Err(_) => self.plain(itoa::Buffer::new().format(value).as_bytes()),
            },
        }
    }

    #[inline]
    pub(super) fn plain(&mut self, bytes: &[u8]) {
        self.length(bytes.len() as u64);
        self.put(bytes);
    }

    fn small_int(&mut self, value: i32) {
        let [a, b, c, d] = value.to_le_bytes();
        match value {
            -0x80..0x80 => self.put(&[INT_8, a]),
            -0x8000..0x8000 => self.put(&[INT_16, a, b]),
            _ => self.put(&[INT_32, a, b, c, d]),
        }
    }

    /// Writes a score as text, as Redis before 4.0 has it.
    pub(super) fn score_text(&mut self, score: f64) {
        if score == f64::INFINITY {
            self.byte(SCORE_INFINITE);
        } else if score == f64::NEG_INFINITY {
            self.byte(SCORE_NEGATIVE_INFINITE);
        } else {
            // at most 17 digits, two signs, a point and an exponent
            let text = format!("{score:e}");
            self.byte(text.len() as u8);
            self.put(text.as_bytes());
        }
    }

    /// Writes an id as two lengths.
    pub(super) fn id(&mut self, id: StreamId) {
        self.length(id.ms);
        self.length(id.seq);
    }

    /// Writes an id in 16 bytes, big-endian.
    pub(super) fn raw_id(&mut self, id: StreamId) {
        self.put(&id.ms.to_be_bytes());
        self.put(&id.seq.to_be_bytes());
    }
}

/// The integer whose decimal form these bytes are.
#[inline]
pub(super) fn canonical(bytes: &[u8]) -> Option<i64> {
    const DIGITS: usize = 19;
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    match digits {
        b"0" if bytes == digits => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= DIGITS => {}
        _ => return None,
    }
    // counts down, as there is one more integer below zero than above
    let mut value = 0_i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
    }
    if bytes.len() == digits.len() { value.checked_neg() } else { Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_integers() {
        for value in [0, 1, -1, 9, 10, -10, 99, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1] {
            assert_eq!(canonical(value.to_string().as_bytes()), Some(value));
        }
        let others = [
            "",
            "-",
            "-0",
            "00",
            "01",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "a",
            "--1",
            "9223372036854775808",
            "-9223372036854775809",
            "10000000000000000000",
        ];
        for other in others {
            assert_eq!(canonical(other.as_bytes()), None, "{other}");
        }
    }
}
