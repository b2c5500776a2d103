//! Strings: in the key's block, or in chunks where one is long.

use std::borrow::Cow;
use std::ops::Range;

use crate::collections::chunks::Chunks;
use crate::keyspace::entry::{Entry, ValueMut};
use crate::values::{Large, NewValue, Type, ValueRef};

/// The form of a string in a block.
const FLAT: u8 = 0;
/// A longer string is in chunks.
const LONGEST_FLAT: usize = 32_768;
/// Bytes may be set up to here, wherever the string ends: eight times as far as servers let them be
/// unless they are told otherwise.
const LONGEST_SPARSE: usize = 1 << 32;

/// A string that is only looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Str<'a> {
    Flat(&'a [u8]),
    Long(&'a Chunks),
}

/// Whether a string of this length is in the key's block, as it is.
#[inline]
pub(crate) fn is_flat(len: usize) -> bool {
    len <= LONGEST_FLAT
}

/// A value of this string.
pub(crate) fn new(string: &[u8]) -> NewValue {
    if is_flat(string.len()) {
        flat(string.to_vec())
    } else {
        NewValue::Large(Large::String(Chunks::from(string)))
    }
}

/// A key with this string.
#[inline]
pub(crate) fn entry(key: &[u8], expire_at: Option<i64>, string: &[u8]) -> Entry {
    match is_flat(string.len()) {
        true => Entry::packed(key, expire_at, Type::String, 0, string),
        false => Entry::new(key, expire_at, new(string)),
    }
}

fn flat(payload: Vec<u8>) -> NewValue {
    NewValue::Packed { kind: Type::String, form: FLAT, payload }
}

impl<'a> Str<'a> {
    /// The string that a value is. A missing key is an empty string, and so is a value that is none.
    pub(crate) fn of(value: Option<ValueRef<'a>>) -> Self {
        match value {
            Some(ValueRef::Packed { kind: Type::String, payload, .. }) => Self::Flat(payload),
            Some(ValueRef::Large(Large::String(chunks))) => Self::Long(chunks),
            _ => Self::Flat(&[]),
        }
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::Flat(bytes) => bytes.len(),
            Self::Long(chunks) => chunks.len() as usize,
        }
    }

    /// The byte at an index. What is behind the end is 0.
    pub(crate) fn byte(self, index: usize) -> u8 {
        let byte = match self {
            Self::Flat(bytes) => bytes.get(index).copied(),
            Self::Long(chunks) => chunks.get(index as u64),
        };
        byte.unwrap_or_default()
    }

    /// Hands the bytes of a range to `with`, piece by piece, as far as the string has them.
    pub(crate) fn pieces(self, range: Range<usize>, mut with: impl FnMut(&'a [u8])) {
        match self {
            Self::Flat(bytes) => {
                let end = range.end.min(bytes.len());
                with(bytes.get(range.start..end).unwrap_or_default());
            }
            Self::Long(chunks) => {
                chunks.slices(range.start as u64..range.end as u64).for_each(with);
            }
        }
    }

    /// The bytes of a range, as far as the string has them.
    pub(crate) fn range(self, range: Range<usize>) -> Cow<'a, [u8]> {
        match self {
            Self::Flat(bytes) => {
                let end = range.end.min(bytes.len());
                Cow::Borrowed(bytes.get(range.start..end).unwrap_or_default())
            }
            Self::Long(chunks) => Cow::Owned(chunks.to_vec(range.start as u64..range.end as u64)),
        }
    }

    /// All of its bytes.
    pub(crate) fn to_bytes(self) -> Cow<'a, [u8]> {
        self.range(0..self.len())
    }
}

/// Whether a string of `len` bytes can be given bytes that end at `end`. Zeros before them cost next
/// to nothing here, but much to whoever reads them.
pub(crate) fn can_reach(end: usize, len: usize) -> bool {
    end <= LONGEST_SPARSE.max(len)
}

/// Puts bytes at an index of an entry's string, which grows where it must; a gap becomes zeros.
pub(crate) fn write(entry: &mut Entry, index: usize, bytes: &[u8]) {
    match entry.value_mut() {
        ValueMut::Large(Large::String(chunks)) => return chunks.write(index as u64, bytes),
        ValueMut::Large(_) => return,
        ValueMut::Packed(mut edit) => {
            let end = index.saturating_add(bytes.len());
            if end <= LONGEST_FLAT {
                edit.grow(end);
                return edit.splice(index..end, bytes);
            }
        }
    }
    let mut chunks = Chunks::from(Str::of(Some(entry.value())).to_bytes().as_ref());
    chunks.write(index as u64, bytes);
    drop(entry.set_value(NewValue::Large(Large::String(chunks))));
}

/// Has an entry's string be this one, which is short.
pub(crate) fn replace(entry: &mut Entry, string: &[u8]) {
    if entry.overwrite(entry.expire_at(), Type::String, FLAT, string) {
        return;
    }
    if let ValueMut::Packed(mut edit) = entry.value_mut() {
        let len = edit.payload().len();
        return edit.splice(0..len, string);
    }
    drop(entry.set_value(new(string)));
}

/// Makes an entry's string at least so long.
pub(crate) fn grow(entry: &mut Entry, len: usize) {
    if len > Str::of(Some(entry.value())).len() {
        write(entry, len - 1, &[0]);
    }
}

/// The first and the last of `len` items that a range has, both in; negative ones count from the end.
/// An index before the beginning is the beginning, an end too, as on servers.
pub(crate) fn indexes(start: i64, end: i64, len: usize) -> Option<(usize, usize)> {
    let len = i64::try_from(len).ok()?;
    let index = |index: i64| if index < 0 { index.saturating_add(len).max(0) } else { index };
    let (first, last) = (index(start), index(end).min(len - 1));
    if first <= last { Some((first as usize, last as usize)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Strings grow from a block into chunks, and are the same bytes in both.
        #[test]
        fn writes_are_those_of_a_vector(
            first in 0usize..40_000,
            writes in proptest::collection::vec((0usize..70_000, 0usize..5000), 1..6),
        ) {
            let mut model = vec![b'a'; first];
            let mut entry = Entry::new(b"key", None, new(&model));
            for (number, (index, len)) in writes.into_iter().enumerate() {
                let bytes = vec![b'b' + number as u8; len];
                let end = if len == 0 { 0 } else { index + len };
                model.resize(model.len().max(end), 0);
                if len > 0 {
                    model[index..end].copy_from_slice(&bytes);
                    write(&mut entry, index, &bytes);
                }
                let found = Str::of(Some(entry.value()));
                prop_assert_eq!(found.len(), model.len());
                prop_assert!(found.to_bytes().as_ref() == model);
                prop_assert_eq!(entry.key(), b"key");
            }
        }
    }

    #[test]
    fn indexes_are_those_of_servers() {
        for (start, end, found) in [
            (0, -1, Some((0, 4))),
            (-2, -1, Some((3, 4))),
            (-100, 1, Some((0, 1))),
            (-100, -100, Some((0, 0))),
            (2, 100, Some((2, 4))),
            (5, 9, None),
            (3, 2, None),
        ] {
            assert_eq!(indexes(start, end, 5), found, "{start} {end}");
        }
        assert_eq!(indexes(0, -1, 0), None);
    }
}
