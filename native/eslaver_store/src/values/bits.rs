//! Strings as arrays of bits.

use crate::values::string::{Str, indexes};

/// A part of a string. Both ends are in it; negative indexes count from the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    All,
    /// From this byte on.
    From(i64),
    /// From one byte to another.
    Bytes(i64, i64),
    /// From one bit to another.
    Bits(i64, i64),
}

impl Part {
    /// The first and the last bit, of a string of `len` bytes.
    fn bits(self, len: usize) -> Option<(usize, usize)> {
        let of_bytes = |(first, last)| (first * 8, last * 8 + 7);
        match self {
            Self::All => indexes(0, -1, len).map(of_bytes),
            Self::From(start) => indexes(start, -1, len).map(of_bytes),
            Self::Bytes(start, end) => indexes(start, end, len).map(of_bytes),
            Self::Bits(start, end) => indexes(start, end, len.checked_mul(8)?),
        }
    }

    /// Servers find nothing where both count from the end, and the start is behind the end.
    fn is_reversed(self) -> bool {
        matches!(self, Self::Bytes(start, end) | Self::Bits(start, end)
            if start < 0 && end < 0 && start > end)
    }

    /// Whether it says where it ends.
    fn has_end(self) -> bool {
        matches!(self, Self::Bytes(..) | Self::Bits(..))
    }
}

/// The bit at an index: 0 behind the end.
pub(crate) fn get(string: Str<'_>, index: usize) -> bool {
    string.byte(index / 8) & (0x80 >> (index % 8)) != 0
}

/// How many bits of a part are set.
pub(crate) fn count(string: Str<'_>, part: Part) -> u64 {
    let Some((first, last)) = part.bits(string.len()).filter(|_| !part.is_reversed()) else {
        return 0;
    };
    let mut sum = 0;
    string.pieces(first / 8..last / 8 + 1, |bytes| sum += ones(bytes));
    let before = string.byte(first / 8) & !(0xff >> (first % 8));
    let behind = (u16::from(string.byte(last / 8)) << (last % 8 + 1)) as u8;
    sum - u64::from(before.count_ones()) - u64::from(behind.count_ones())
}

fn ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let of_words: u64 =
        words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    of_words + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// The first bit of a part that is as wanted. Behind its end a string has a clear bit, unless the part
/// says where it ends.
pub(crate) fn position(string: Str<'_>, bit: bool, part: Part) -> Option<usize> {
    let (first, last) = part.bits(string.len())?;
    // What is not searched looks like the other bit.
    let skip = if bit { 0 } else { 0xff };
    let mut at = first / 8;
    let mut found = None;
    string.pieces(first / 8..last / 8 + 1, |bytes| {
        if found.is_some() {
            return;
        }
        let wanted = |(index, &byte): (usize, &u8)| {
            let mask = if at + index == first / 8 { 0xff >> (first % 8) } else { 0xff };
            let byte = (byte & mask) | (skip & !mask);
            let hits = if bit { byte } else { !byte };
            (hits != 0).then(|| (at + index) * 8 + hits.leading_zeros() as usize)
        };
        found = bytes.iter().enumerate().find_map(wanted);
        at += bytes.len();
    });
    match found {
        Some(found) if found <= last => Some(found),
        _ if !bit && !part.has_end() => Some(string.len() * 8),
        _ => None,
    }
}

/// An operation on strings, bit by bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    And,
    Or,
    Xor,
    Not,
    /// In the first, and in none of the others.
    Diff,
    /// In one of the others, and not in the first.
    Diff1,
    /// In the first, and in one of the others.
    AndOr,
    /// In exactly one.
    One,
}

impl Operation {
    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_slice() {
            b"and" => Self::And,
            b"or" => Self::Or,
            b"xor" => Self::Xor,
            b"not" => Self::Not,
            b"diff" => Self::Diff,
            b"diff1" => Self::Diff1,
            b"andor" => Self::AndOr,
            b"one" => Self::One,
            _ => return None,
        })
    }
}

/// What an operation makes of strings, the shorter of which end in zeros.
pub(crate) fn combine(operation: Operation, strings: &[Str<'_>]) -> Vec<u8> {
    const PIECE: usize = 16_384;
    let len = strings.iter().map(|string| string.len()).max().unwrap_or_default();
    let mut combined = Vec::with_capacity(len);
    let mut piece = |at: usize| {
        let size = PIECE.min(len - at);
        let read = |string: &Str<'_>| {
            let mut bytes = string.range(at..at + size).into_owned();
            bytes.resize(size, 0);
            bytes
        };
        let mut strings = strings.iter().map(read);
        let mut first = strings.next().unwrap_or_default();
        let others: Vec<_> = strings.collect();
        combine_piece(operation, &mut first, &others);
        combined.extend(first);
    };
    (0..len).step_by(PIECE).for_each(&mut piece);
    combined
}

fn combine_piece(operation: Operation, first: &mut [u8], others: &[Vec<u8>]) {
    for (index, byte) in first.iter_mut().enumerate() {
        let others = others.iter().filter_map(|other| other.get(index).copied());
        let or = |bytes: &mut dyn Iterator<Item = u8>| bytes.fold(0, |all, byte| all | byte);
        let mut others = others;
        *byte = match operation {
            Operation::And => others.fold(*byte, |all, byte| all & byte),
            Operation::Or => *byte | or(&mut others),
            Operation::Xor => others.fold(*byte, |all, byte| all ^ byte),
            Operation::Not => !*byte,
            Operation::Diff => *byte & !or(&mut others),
            Operation::Diff1 => or(&mut others) & !*byte,
            Operation::AndOr => *byte & or(&mut others),
            Operation::One => {
                let (once, often) = others.fold((*byte, 0), |(once, often), byte| {
                    (once | byte, often | ((once | often) & byte))
                });
                once & !often
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits(string: &[u8]) -> Vec<bool> {
        (0..string.len() * 8).map(|index| get(Str::Flat(string), index)).collect()
    }

    fn part() -> impl Strategy<Value = Part> {
        prop_oneof![
            Just(Part::All),
            (-20i64..20).prop_map(Part::From),
            (-20i64..20, -20i64..20).prop_map(|(start, end)| Part::Bytes(start, end)),
            (-150i64..150, -150i64..150).prop_map(|(start, end)| Part::Bits(start, end)),
        ]
    }

    proptest! {
        #[test]
        fn counts_and_positions_are_those_of_bits(
            string in proptest::collection::vec(prop_oneof![Just(0), Just(0xff), any::<u8>()], 0..16),
            part in part(),
            bit: bool,
        ) {
            let all = bits(&string);
            let range = part.bits(string.len());
            let within: Vec<_> = range.map_or(vec![], |(first, last)| (first..=last).collect());
            let set = within.iter().filter(|&&index| all[index]).count() as u64;
            let counted = if part.is_reversed() { 0 } else { set };
            prop_assert_eq!(count(Str::Flat(&string), part), counted);
            let first = within.iter().copied().find(|&index| all[index] == bit);
            let behind = (!bit && !part.has_end() && range.is_some()).then_some(all.len());
            prop_assert_eq!(position(Str::Flat(&string), bit, part), first.or(behind));
        }

        #[test]
        fn operations_are_those_of_bits(
            strings in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..6), 1..5),
        ) {
            let len = strings.iter().map(Vec::len).max().unwrap();
            let all: Vec<_> = strings.iter().map(|string| {
                let mut string = string.clone();
                string.resize(len, 0);
                bits(&string)
            }).collect();
            let views: Vec<_> = strings.iter().map(|string| Str::Flat(string)).collect();
            for (name, of) in [
                ("and", (|first, others, count| first && others == count) as fn(bool, usize, usize) -> bool),
                ("or", |first, others, _| first || others > 0),
                ("XOR", |first, others, _| first != (others % 2 == 1)),
                ("diff", |first, others, _| first && others == 0),
                ("diff1", |first, others, _| !first && others > 0),
                ("andor", |first, others, _| first && others > 0),
                ("one", |first, others, _| usize::from(first) + others == 1),
            ] {
                let combined = bits(&combine(Operation::from_name(name.as_bytes()).unwrap(), &views));
                for (index, bit) in combined.iter().enumerate() {
                    let others = all[1..].iter().filter(|string| string[index]).count();
                    prop_assert_eq!(*bit, of(all[0][index], others, all.len() - 1), "{}", name);
                }
            }
        }
    }
}
