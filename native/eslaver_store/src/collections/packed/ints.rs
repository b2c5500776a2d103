//! A small set of integers: how many bytes each takes, in one byte, then the integers in ascending
//! order, little-endian. All take as many bytes as the one that needs most, 1 to 8.

use super::edit::resize;

/// A set of integers, to be read.
#[derive(Debug, Clone, Copy)]
pub struct Ints<'a> {
    width: usize,
    bytes: &'a [u8],
}

impl<'a> Ints<'a> {
    /// The set that `bytes` are.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        match bytes.split_first() {
            Some((&width, bytes)) => Ints { width: usize::from(width).clamp(1, 8), bytes },
            None => Ints { width: 1, bytes },
        }
    }

    /// How many members there are.
    #[inline]
    pub fn len(self) -> usize {
        self.bytes.len() / self.width
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether it has this member.
    #[inline]
    pub fn contains(self, value: i64) -> bool {
        self.search(value).is_ok()
    }

    /// The member that `index` lesser ones precede.
    #[inline]
    pub fn nth(self, index: usize) -> Option<i64> {
        let start = index.checked_mul(self.width)?;
        self.bytes.get(start..start.checked_add(self.width)?).map(decode)
    }

    /// The members, in ascending order.
    #[inline]
    pub fn iter(self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + 'a {
        self.bytes.chunks_exact(self.width).map(decode)
    }

    /// Where it is, or where it belongs.
    #[inline]
    fn search(self, value: i64) -> Result<usize, usize> {
        let mut low = 0;
        let mut high = self.len();
        while low < high {
            let middle = low + (high - low) / 2;
            match self.nth(middle) {
                Some(found) if found < value => low = middle + 1,
                Some(found) if found == value => return Ok(middle),
                _ => high = middle,
            }
        }
        Err(low)
    }
}

/// A set of integers, to be edited: the end of a byte string.
#[derive(Debug)]
pub struct IntsMut<'a> {
    bytes: &'a mut Vec<u8>,
    base: usize,
}

impl<'a> IntsMut<'a> {
    /// The set that stands in `bytes` from `base` on.
    #[inline]
    pub fn new(bytes: &'a mut Vec<u8>, base: usize) -> Self {
        IntsMut { bytes, base }
    }

    /// An empty set, appended to `bytes`.
    pub fn create(bytes: &'a mut Vec<u8>) -> Self {
        let base = bytes.len();
        bytes.push(1);
        Self::new(bytes, base)
    }

    /// The set, to be read.
    #[inline]
    pub fn get(&self) -> Ints<'_> {
        Ints::new(self.bytes.get(self.base..).unwrap_or_default())
    }

    /// Adds a member: whether it was missing.
    pub fn add(&mut self, value: i64) -> bool {
        // Those of a server's set come in ascending order.
        let is_last = self.get().iter().next_back().is_none_or(|last| last < value);
        let found = if is_last { Err(self.get().len()) } else { self.get().search(value) };
        let Err(index) = found else { return false };
        let needed = width(value);
        if needed > self.get().width {
            self.widen(needed);
        }
        let width = self.get().width;
        if is_last {
            self.bytes.extend_from_slice(&value.to_le_bytes()[..width]);
            return true;
        }
        let at = self.base + 1 + index * width;
        resize(self.bytes, at..at, width);
        if let Some(to) = self.bytes.get_mut(at..at + width) {
            to.copy_from_slice(&value.to_le_bytes()[..width]);
        }
        true
    }

    /// Removes a member: whether it was there.
    pub fn remove(&mut self, value: i64) -> bool {
        let Ok(index) = self.get().search(value) else { return false };
        let width = self.get().width;
        let at = self.base + 1 + index * width;
        resize(self.bytes, at..at + width, 0);
        true
    }

    /// Removes the members from `start` to before `end`: how many.
    pub fn remove_range(&mut self, start: usize, end: usize) -> usize {
        let end = end.min(self.get().len());
        if start >= end {
            return 0;
        }
        let width = self.get().width;
        let at = self.base + 1;
        resize(self.bytes, at + start * width..at + end * width, 0);
        end - start
    }

    fn widen(&mut self, width: usize) {
        let members: Vec<i64> = self.get().iter().collect();
        self.bytes.truncate(self.base);
        self.bytes.reserve_exact(1 + (members.len() + 1) * width);
        self.bytes.extend(u8::try_from(width));
        for member in members {
            self.bytes.extend_from_slice(&member.to_le_bytes()[..width]);
        }
    }
}

/// How many bytes an integer takes.
fn width(value: i64) -> usize {
    let bits = 65 - (value ^ (value >> 63)).leading_zeros();
    bits.div_ceil(8) as usize
}

/// An integer of up to 8 bytes, its sign extended.
#[inline]
fn decode(bytes: &[u8]) -> i64 {
    let mut all = [0; 8];
    let unused = 8 - bytes.len().min(8);
    all[unused..].copy_from_slice(&bytes[..8 - unused]);
    i64::from_le_bytes(all) >> (8 * unused)
}
