//! A small array as one byte string.
//!
//! | bytes | |
//! |---|---|
//! | 1 | how many elements there are |
//! | 1–10 | the index of the element inserted last, plus one; 0 where the next goes to 0 |
//! | | for each element: how far its index is from the least that it could have, then the element |
//!
//! Both numbers have 7 bits a byte, the lowest first.

use std::ops::Range;

use super::MAX_RECORDS;
use crate::collections::element::{Element, Parts};
use crate::collections::record::Refused;

/// A packed array, to be read.
#[derive(Debug, Clone, Copy)]
pub struct PackedArray<'a>(&'a [u8]);

/// An element and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayPlace<'a> {
    /// Its index.
    pub index: u64,
    /// The element.
    pub element: Element<'a>,
    /// The bytes that say how far its index is, and those of the element.
    at: Range<usize>,
    element_at: usize,
}

impl<'a> PackedArray<'a> {
    /// The array that `bytes` are.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// How many elements there are.
    #[inline]
    pub fn len(self) -> usize {
        self.0.first().map_or(0, |&count| usize::from(count))
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The index of the element inserted last; `None` where the next goes to 0.
    pub fn cursor(self) -> Option<u64> {
        read_number(self.0.get(1..)?)?.0.checked_sub(1)
    }

    /// The elements in the order of their indexes.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = ArrayPlace<'a>> {
        let mut at = self.start();
        let mut least = 0u64;
        std::iter::from_fn(move || {
            let (gap, gap_len) = read_number(self.0.get(at..)?)?;
            let element_at = at + gap_len;
            let (element, len) = Element::read(self.0.get(element_at..)?)?;
            let index = least.checked_add(gap)?;
            let place = ArrayPlace { index, element, at: at..element_at + len, element_at };
            least = index.saturating_add(1);
            at = element_at + len;
            Some(place)
        })
    }

    /// The element at `index`.
    pub fn get(self, index: u64) -> Option<Element<'a>> {
        let place = self.iter().find(|place| place.index >= index)?;
        (place.index == index).then_some(place.element)
    }

    /// The greatest index that has an element.
    pub fn last_index(self) -> Option<u64> {
        self.iter().last().map(|place| place.index)
    }

    /// Where the elements begin.
    fn start(self) -> usize {
        1 + self.0.get(1..).and_then(read_number).map_or(0, |(_, len)| len)
    }
}

/// A packed array, to be edited where it stands: at the end of a byte string.
#[derive(Debug)]
pub struct PackedArrayMut<'a> {
    bytes: &'a mut Vec<u8>,
    base: usize,
}

impl<'a> PackedArrayMut<'a> {
    /// The array that begins at `base` of `bytes`.
    pub fn new(bytes: &'a mut Vec<u8>, base: usize) -> Self {
        Self { bytes, base }
    }

    /// Appends an empty array to `bytes`.
    pub fn create(bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&[0, 0]);
    }

    /// The array, to be read.
    pub fn get(&self) -> PackedArray<'_> {
        PackedArray(self.bytes.get(self.base..).unwrap_or_default())
    }

    /// Puts an element at `index`: whether there was none.
    pub fn set(&mut self, index: u64, element: &[u8]) -> Result<bool, Refused> {
        let parts = Parts::of(element).ok_or(Refused::TooLong)?;
        if self.get().len() >= MAX_RECORDS && self.get().get(index).is_none() {
            return Err(Refused::Full);
        }
        Ok(self.replace(index, index, Some(&parts)) == 0)
    }

    /// Removes the elements from the index `low` to `high`: how many there were.
    pub fn remove_between(&mut self, low: u64, high: u64) -> usize {
        self.replace(low, high, None)
    }

    /// Another index of the element inserted last.
    pub fn set_cursor(&mut self, cursor: Option<u64>) {
        let end = self.get().start();
        let mut number = Vec::with_capacity(10);
        write_number(cursor.map_or(0, |cursor| cursor.saturating_add(1)), &mut number);
        self.splice(1..end, &number);
    }

    /// Puts an element, or none, in place of those from the index `low` to `high`: how many there
    /// were. The element's own index is `low`.
    fn replace(&mut self, low: u64, high: u64, element: Option<&Parts<'_>>) -> usize {
        let array = self.get();
        let (mut from, mut least, mut removed, mut next) = (array.start(), 0, 0, None);
        let mut to = from;
        for place in array.iter() {
            if place.index > high {
                next = Some((place.index, place.element_at));
                break;
            }
            to = place.at.end;
            if place.index < low {
                from = to;
                least = place.index.saturating_add(1);
            } else {
                removed += 1;
            }
        }
        let mut bytes = Vec::with_capacity(20 + element.map_or(0, Parts::len));
        if let Some(element) = element {
            write_number(low - least, &mut bytes);
            element.write(&mut bytes);
            least = low.saturating_add(1);
        }
        if let Some((index, element_at)) = next {
            write_number(index - least, &mut bytes);
            to = element_at;
        }
        let count = array.len() - removed + usize::from(element.is_some());
        self.splice(from..to, &bytes);
        if let Some(first) = self.bytes.get_mut(self.base) {
            // No more than `MAX_RECORDS`.
            *first = count as u8;
        }
        removed
    }

    /// Replaces a range of the array's bytes.
    fn splice(&mut self, range: Range<usize>, with: &[u8]) {
        self.bytes.reserve_exact(with.len().saturating_sub(range.len()));
        self.bytes.splice(self.base + range.start..self.base + range.end, with.iter().copied());
    }
}

fn write_number(mut number: u64, to: &mut Vec<u8>) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return to.push(low);
        }
        to.push(low | 0x80);
    }
}

/// The number at the start, and how many bytes it takes.
#[inline]
fn read_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0;
    for (at, &byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn index() -> impl Strategy<Value = u64> {
        prop_oneof![
            4 => 0u64..40,
            2 => (0u64..20).prop_map(|n| n * 1000),
            1 => (0u64..5).prop_map(|n| u64::MAX - 1 - n),
        ]
    }

    proptest! {
        #[test]
        fn an_array_is_a_map(
            edits in proptest::collection::vec((0u8..8, index(), index(), 0usize..70), 0..120),
        ) {
            let mut bytes = b"before".to_vec();
            PackedArrayMut::create(&mut bytes);
            let (mut model, mut cursor) = (BTreeMap::new(), None);
            for (what, index, other, len) in edits {
                let mut array = PackedArrayMut::new(&mut bytes, 6);
                match what {
                    0 => {
                        let (low, high) = (index.min(other), index.max(other));
                        let before = model.len();
                        model.retain(|index, _| !(low..=high).contains(index));
                        prop_assert_eq!(array.remove_between(low, high), before - model.len());
                    }
                    1 => {
                        let removed = usize::from(model.remove(&index).is_some());
                        prop_assert_eq!(array.remove_between(index, index), removed);
                    }
                    2 => {
                        cursor = (index > 3).then_some(index);
                        array.set_cursor(cursor);
                    }
                    _ => {
                        let element = vec![b'x'; len];
                        prop_assert_eq!(array.set(index, &element), Ok(!model.contains_key(&index)));
                        model.insert(index, element);
                    }
                }
                let array = PackedArray::new(&bytes[6..]);
                prop_assert_eq!((array.len(), array.cursor()), (model.len(), cursor));
                prop_assert_eq!(array.last_index(), model.keys().next_back().copied());
                prop_assert_eq!(array.get(7).map(|e| e.to_bytes().into_owned()), model.get(&7).cloned());
                let all: Vec<_> = array
                    .iter()
                    .map(|place| (place.index, place.element.to_bytes().into_owned()))
                    .collect();
                prop_assert_eq!(all, model.clone().into_iter().collect::<Vec<_>>());
            }
            prop_assert_eq!(&bytes[..6], b"before");
        }
    }
}
