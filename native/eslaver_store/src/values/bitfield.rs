//! Strings as arrays of small integers, for `BITFIELD`.

use crate::keyspace::entry::Entry;
use crate::values::string::{self, Str};

/// An integer within a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) signed: bool,
    /// 1 to 64 of them; 63 at most without a sign.
    pub(crate) bits: u32,
    /// The bit that it begins at.
    pub(crate) offset: usize,
}

/// What becomes of a value that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// Its low bits are taken.
    Wrap,
    /// The nearest value that fits is taken.
    Sat,
    /// Nothing changes.
    Fail,
}

/// A change of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Set(i64),
    IncrBy(i64),
}

impl Field {
    fn limits(self) -> (i128, i128) {
        match self.signed {
            true => (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1),
            false => (0, (1 << self.bits) - 1),
        }
    }

    /// Where the last of its bytes ends.
    pub(crate) fn end(self) -> usize {
        self.bytes().0.end
    }

    /// The bytes that it is in, and the bits behind it in the last of them.
    fn bytes(self) -> (std::ops::Range<usize>, u32) {
        let end = self.offset + self.bits as usize;
        let last = end.div_ceil(8);
        (self.offset / 8..last, (last * 8 - end) as u32)
    }

    /// Its value in a string. Behind the end of the string there are zeros.
    pub(crate) fn get(self, string: Str<'_>) -> i64 {
        let (bytes, behind) = self.bytes();
        let word = bytes.fold(0u128, |word, index| (word << 8) | u128::from(string.byte(index)));
        self.of_bits((word >> behind) as u64)
    }

    /// The value of its low bits.
    fn of_bits(self, word: u64) -> i64 {
        let above = 64 - self.bits;
        match self.signed {
            true => (word << above) as i64 >> above,
            false => ((word << above) >> above) as i64,
        }
    }

    fn put(self, entry: &mut Entry, value: i64) {
        let (bytes, behind) = self.bytes();
        let string = Str::of(Some(entry.value()));
        let old =
            bytes.clone().fold(0u128, |word, index| (word << 8) | u128::from(string.byte(index)));
        let mask = ((1u128 << self.bits) - 1) << behind;
        let word = (old & !mask) | (((value as u128) << behind) & mask);
        let all = word.to_be_bytes();
        let len = bytes.len();
        string::write(entry, bytes.start, all.get(all.len() - len..).unwrap_or_default());
    }

    /// Changes it in an entry's string, which is long enough. What does not fit is left as it is
    /// where `overflow` says so.
    pub(crate) fn change(self, entry: &mut Entry, change: Change, overflow: Overflow) {
        let value = match change {
            // The value for an unsigned field is taken as 64 bits without a sign.
            Change::Set(value) if !self.signed => i128::from(value as u64),
            Change::Set(value) => value.into(),
            Change::IncrBy(by) => {
                i128::from(self.get(Str::of(Some(entry.value())))) + i128::from(by)
            }
        };
        let (least, greatest) = self.limits();
        let value = match overflow {
            _ if (least..=greatest).contains(&value) => value as i64,
            Overflow::Fail => return,
            Overflow::Sat => value.clamp(least, greatest) as i64,
            Overflow::Wrap => self.of_bits(value as u64),
        };
        self.put(entry, value);
    }
}
