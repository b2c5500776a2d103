//! Arrays: packed while they are small, else a tree. Gaps cost next to nothing.

use std::ops::ControlFlow;

use crate::collections::element::Element;
use crate::collections::mover::Mover;
use crate::collections::packed::{PackedArray, PackedArrayMut};
use crate::collections::record::Refused;
use crate::collections::tree::Removed;
use crate::collections::tree::array::{ArrayLeaf, ArrayTree};
use crate::keyspace::entry::{Entry, ValueMut};
use crate::values::{Large, NewValue, Type, ValueRef};

/// The greatest index.
pub(crate) const MAX_INDEX: u64 = u64::MAX - 1;
/// An array with more elements is a tree, and one with a longer element.
const MOST_PACKED: usize = 128;
const LONGEST_PACKED: usize = 64;
/// A tree with no more elements is packed again.
const FEW: u64 = 32;

/// An array in a tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct LargeArray {
    elements: ArrayTree,
    cursor: Option<u64>,
}

impl LargeArray {
    pub(crate) fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.elements.is_shared()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.elements.heap_bytes()
    }

    /// See [`Large::compact`].
    pub(crate) fn compact(&mut self, from: u64, mover: &mut Mover<'_>) -> Option<u64> {
        self.elements.compact(from, mover)
    }
}

/// An array that is only looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Array<'a> {
    Packed(PackedArray<'a>),
    Tree(&'a LargeArray),
}

impl<'a> Array<'a> {
    /// The array that a value is, where it is one.
    #[inline]
    pub(crate) fn of(value: ValueRef<'a>) -> Option<Self> {
        match value {
            ValueRef::Packed { kind: Type::Array, payload, .. } => {
                Some(Self::Packed(PackedArray::new(payload)))
            }
            ValueRef::Large(Large::Array(large)) => Some(Self::Tree(large)),
            _ => None,
        }
    }

    /// The number of elements.
    pub(crate) fn count(self) -> u64 {
        match self {
            Self::Packed(packed) => packed.len() as u64,
            Self::Tree(large) => large.elements.len(),
        }
    }

    /// The greatest index plus one.
    pub(crate) fn len(self) -> u64 {
        let last = match self {
            Self::Packed(packed) => packed.last_index(),
            Self::Tree(large) => large.elements.last_index(),
        };
        last.map_or(0, |last| last.saturating_add(1))
    }

    /// The index of the element inserted last; `None` where the next goes to 0.
    pub(crate) fn cursor(self) -> Option<u64> {
        match self {
            Self::Packed(packed) => packed.cursor(),
            Self::Tree(large) => large.cursor,
        }
    }

    /// Where the next element is inserted; `None` where no index is left.
    pub(crate) fn next_index(self) -> Option<u64> {
        match self.cursor() {
            Some(MAX_INDEX) => None,
            cursor => Some(behind(cursor)),
        }
    }

    pub(crate) fn get(self, index: u64) -> Option<Element<'a>> {
        match self {
            Self::Packed(packed) => packed.get(index),
            Self::Tree(large) => large.elements.get(index),
        }
    }

    /// How many elements there are between two indexes, both in.
    pub(crate) fn count_between(self, one: u64, other: u64) -> u64 {
        let (low, high) = (one.min(other), one.max(other));
        match self {
            Self::Packed(packed) => {
                let within = packed.iter().filter(|place| (low..=high).contains(&place.index));
                within.count() as u64
            }
            Self::Tree(large) => {
                let ranks = large.elements.ranks(low, high);
                ranks.end - ranks.start
            }
        }
    }

    /// Hands the elements from one index to the other to `each`, until it breaks off; backward where
    /// `from` is the greater one.
    pub(crate) fn try_for_each<B>(
        self,
        from: u64,
        to: u64,
        mut each: impl FnMut(u64, Element<'a>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let (low, high) = (from.min(to), from.max(to));
        let mut each = |(index, element)| each(index, element);
        match self {
            Self::Packed(packed) => {
                let within = packed
                    .iter()
                    .filter(|place| (low..=high).contains(&place.index))
                    .map(|place| (place.index, place.element));
                match from <= to {
                    true => within.into_iter().try_for_each(each),
                    false => {
                        let all: Vec<_> = within.collect();
                        all.into_iter().rev().try_for_each(each)
                    }
                }
            }
            Self::Tree(large) => {
                let ranks = large.elements.ranks(low, high);
                match from <= to {
                    true => large.elements.iter(ranks).try_for_each(&mut each),
                    false => large.elements.iter_back(ranks).try_for_each(&mut each),
                }
            }
        }
    }
}

/// The index behind the element inserted last.
fn behind(cursor: Option<u64>) -> u64 {
    cursor.map_or(0, |cursor| cursor.saturating_add(1))
}

/// An empty array.
pub(crate) fn new() -> NewValue {
    let mut payload = Vec::with_capacity(2);
    PackedArrayMut::create(&mut payload);
    packed(payload)
}

fn packed(payload: Vec<u8>) -> NewValue {
    NewValue::Packed { kind: Type::Array, form: 0, payload }
}

/// Gathers the elements of an array.
#[derive(Debug)]
pub(crate) struct ArrayBuilder {
    packed: Vec<u8>,
    large: Option<LargeArray>,
}

impl Default for ArrayBuilder {
    fn default() -> Self {
        let mut packed = Vec::new();
        PackedArrayMut::create(&mut packed);
        Self { packed, large: None }
    }
}

impl ArrayBuilder {
    /// Says where the next insertion goes.
    pub(crate) fn set_next_index(&mut self, next: u64) {
        let cursor = next.checked_sub(1);
        match &mut self.large {
            Some(large) => large.cursor = cursor,
            None => PackedArrayMut::new(&mut self.packed, 0).set_cursor(cursor),
        }
    }

    /// Puts an element at an index.
    pub(crate) fn set(&mut self, index: u64, element: &[u8]) -> Result<(), Refused> {
        if self.large.is_none() {
            let mut array = PackedArrayMut::new(&mut self.packed, 0);
            if fits(array.get(), element) {
                return array.set(index, element).map(drop);
            }
            self.large = Some(to_large(array.get()));
            self.packed = Vec::new();
        }
        match &mut self.large {
            Some(large) if index <= MAX_INDEX => set_large(large, index, element),
            _ => Err(Refused::TooLong),
        }
    }

    pub(crate) fn finish(self) -> NewValue {
        match self.large {
            Some(large) => NewValue::Large(Large::Array(large)),
            None => packed(self.packed),
        }
    }
}

fn fits(array: PackedArray<'_>, element: &[u8]) -> bool {
    array.len() < MOST_PACKED && element.len() <= LONGEST_PACKED
}

fn to_large(array: PackedArray<'_>) -> LargeArray {
    let mut elements = ArrayTree::new();
    for place in array.iter() {
        place.element.with_bytes(|bytes| elements.set(place.index, bytes));
    }
    LargeArray { elements, cursor: array.cursor() }
}

fn set_large(array: &mut LargeArray, index: u64, element: &[u8]) -> Result<(), Refused> {
    array.elements.set(index, element).map(drop).ok_or(Refused::TooLong)
}

/// Puts an element at an index of an entry's array.
pub(crate) fn set(entry: &mut Entry, index: u64, element: &[u8]) -> Result<(), Refused> {
    if let Some(Array::Packed(array)) = Array::of(entry.value())
        && !fits(array, element)
        && !(element.len() <= LONGEST_PACKED && array.get(index).is_some())
    {
        let large = to_large(array);
        drop(entry.set_value(NewValue::Large(Large::Array(large))));
    }
    match entry.value_mut() {
        ValueMut::Packed(mut edit) => {
            let base = edit.base();
            PackedArrayMut::new(edit.bytes(), base).set(index, element).map(drop)
        }
        ValueMut::Large(Large::Array(large)) => set_large(large, index, element),
        ValueMut::Large(_) => Err(Refused::Full),
    }
}

/// Removes the elements from one index of an entry's array to the other.
pub(crate) fn remove_between(entry: &mut Entry, low: u64, high: u64) -> Option<Removed<ArrayLeaf>> {
    let (removed, packed_again) = match entry.value_mut() {
        ValueMut::Packed(mut edit) => {
            let base = edit.base();
            PackedArrayMut::new(edit.bytes(), base).remove_between(low, high);
            (None, None)
        }
        ValueMut::Large(Large::Array(large)) => {
            let ranks = large.elements.ranks(low, high);
            (Some(large.elements.remove_range(ranks)), to_packed(large))
        }
        ValueMut::Large(_) => (None, None),
    };
    if let Some(payload) = packed_again {
        drop(entry.set_value(packed(payload)));
    }
    removed.filter(|removed| !removed.is_empty())
}

/// The elements of a tree, packed, if they are few and small.
fn to_packed(array: &LargeArray) -> Option<Vec<u8>> {
    let elements = &array.elements;
    // Not at each removal: a tree with long elements would be walked every time.
    if elements.len() > FEW || !elements.len().is_multiple_of(8) {
        return None;
    }
    let mut bytes = Vec::new();
    PackedArrayMut::create(&mut bytes);
    let mut packed = PackedArrayMut::new(&mut bytes, 0);
    packed.set_cursor(array.cursor);
    for (index, element) in elements.iter(0..elements.len()) {
        if element.len() > LONGEST_PACKED {
            return None;
        }
        element.with_bytes(|bytes| packed.set(index, bytes)).ok()?;
    }
    Some(bytes)
}

/// Says which element of an entry's array was inserted last: `None` where the next goes to 0.
pub(crate) fn set_cursor(entry: &mut Entry, cursor: Option<u64>) {
    match entry.value_mut() {
        ValueMut::Packed(mut edit) => {
            let base = edit.base();
            PackedArrayMut::new(edit.bytes(), base).set_cursor(cursor);
        }
        ValueMut::Large(Large::Array(large)) => large.cursor = cursor,
        ValueMut::Large(_) => {}
    }
}

/// Inserts elements behind the one inserted last.
pub(crate) fn insert<E: AsRef<[u8]>>(entry: &mut Entry, elements: &[E]) -> Result<(), Refused> {
    let cursor = Array::of(entry.value()).and_then(Array::cursor);
    let mut last = cursor;
    for element in elements {
        let index = behind(last);
        if index > MAX_INDEX {
            return Err(Refused::Full);
        }
        set(entry, index, element.as_ref())?;
        last = Some(index);
    }
    set_cursor(entry, last);
    Ok(())
}

/// Inserts elements into a ring of `size`. A ring that had another size is first made anew of its
/// latest elements.
pub(crate) fn ring<E: AsRef<[u8]>>(
    entry: &mut Entry,
    size: u64,
    elements: &[E],
) -> Result<(), Refused> {
    let resized = Array::of(entry.value()).and_then(|array| latest(array, size));
    if let Some(latest) = resized {
        let mut ring = ArrayBuilder::default();
        for (index, element) in (0..).zip(&latest) {
            ring.set(index, element)?;
        }
        ring.set_next_index(latest.len() as u64);
        drop(entry.set_value(ring.finish()));
    }
    let mut cursor = Array::of(entry.value()).and_then(Array::cursor);
    for element in elements {
        let index = behind(cursor).checked_rem(size).ok_or(Refused::Full)?;
        set(entry, index, element.as_ref())?;
        cursor = Some(index);
    }
    set_cursor(entry, cursor);
    Ok(())
}

/// The latest elements that a ring keeps when it is given another size, back to the first gap, the
/// oldest first. `None` where it stays as it is.
fn latest(array: Array<'_>, size: u64) -> Option<Vec<Vec<u8>>> {
    let (span, cursor) = (array.len(), array.cursor());
    let is_wrapped = cursor.is_some_and(|cursor| behind(Some(cursor)) < span);
    let mut left = match span {
        0 => return None,
        _ if size < span => size,
        _ if size > span && is_wrapped => span,
        _ => return None,
    };
    let newest = cursor.map_or(span - 1, |cursor| cursor % span);
    let mut found = Vec::new();
    let mut wanted = newest;
    let mut take = |index: u64, element: Element<'_>| {
        if left == 0 || index != wanted {
            return ControlFlow::Break(());
        }
        found.push(element.to_bytes().into_owned());
        left -= 1;
        wanted = index.checked_sub(1).unwrap_or(span - 1);
        ControlFlow::Continue(())
    };
    let _ = match array.try_for_each(newest, 0, &mut take) {
        ControlFlow::Continue(()) if newest + 1 < span => {
            array.try_for_each(span - 1, newest + 1, &mut take)
        }
        ended => ended,
    };
    found.reverse();
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Model = BTreeMap<u64, Vec<u8>>;

    #[derive(Debug, Clone)]
    enum Edit {
        Set(u64, Vec<u8>),
        Remove(u64, u64),
        Insert(usize),
        Ring(u64, usize),
        Seek(u64),
    }

    fn edit() -> impl Strategy<Value = Edit> {
        let element = prop_oneof![
            8 => (0u32..30).prop_map(|value| value.to_string().into_bytes()),
            1 => Just(vec![b'x'; 65]),
        ];
        prop_oneof![
            5 => (0u64..300, element).prop_map(|(at, element)| Edit::Set(at, element)),
            3 => (0u64..300, 0u64..60).prop_map(|(at, len)| Edit::Remove(at, at + len)),
            2 => (1usize..60).prop_map(Edit::Insert),
            2 => (1u64..200, 1usize..20).prop_map(|(size, count)| Edit::Ring(size, count)),
            1 => (0u64..300).prop_map(Edit::Seek),
        ]
    }

    /// As the server's own words have it: the ring's newest elements, walked back one by one.
    fn ring_model(model: &mut Model, cursor: &mut Option<u64>, size: u64, elements: &[Vec<u8>]) {
        let span = model.keys().next_back().map_or(0, |last| last + 1);
        let kept = match cursor {
            _ if span == 0 => None,
            _ if size < span => Some(size),
            Some(cursor) if size > span && *cursor + 1 < span => Some(span),
            _ => None,
        };
        if let Some(kept) = kept {
            let mut at = cursor.map_or(span - 1, |cursor| cursor % span);
            let mut latest = Vec::new();
            while latest.len() < kept as usize
                && let Some(element) = model.get(&at)
            {
                latest.push(element.clone());
                at = (at + span - 1) % span;
            }
            latest.reverse();
            *cursor = (latest.len() as u64).checked_sub(1);
            *model = (0..).zip(latest).collect();
        }
        for element in elements {
            let at = cursor.map_or(0, |cursor| cursor + 1) % size;
            model.insert(at, element.clone());
            *cursor = Some(at);
        }
    }

    proptest! {
        /// An array goes from packed to a tree and back, and is the same map in both.
        #[test]
        fn an_array_is_a_map(edits in proptest::collection::vec(edit(), 0..80)) {
            let (mut model, mut cursor) = (Model::new(), None);
            let mut entry = Entry::new(b"key", None, new());
            for edit in edits {
                match edit {
                    Edit::Set(index, element) => {
                        set(&mut entry, index, &element).unwrap();
                        model.insert(index, element);
                    }
                    Edit::Remove(low, high) => {
                        remove_between(&mut entry, low, high);
                        model.retain(|index, _| !(low..=high).contains(index));
                    }
                    Edit::Insert(count) => {
                        let elements: Vec<_> = (0..count).map(|n| format!("i{n}").into_bytes()).collect();
                        insert(&mut entry, &elements).unwrap();
                        for element in elements {
                            let at = cursor.map_or(0, |cursor| cursor + 1);
                            model.insert(at, element);
                            cursor = Some(at);
                        }
                    }
                    Edit::Ring(size, count) => {
                        let elements: Vec<_> = (0..count).map(|n| format!("r{n}").into_bytes()).collect();
                        ring(&mut entry, size, &elements).unwrap();
                        ring_model(&mut model, &mut cursor, size, &elements);
                    }
                    Edit::Seek(index) => {
                        cursor = index.checked_sub(1);
                        set_cursor(&mut entry, cursor);
                    }
                }
                prop_assert_eq!(entry.value().is_empty(), model.is_empty());
            }
            let array = Array::of(entry.value()).unwrap();
            prop_assert_eq!((array.count(), array.cursor()), (model.len() as u64, cursor));
            prop_assert_eq!(array.len(), model.keys().next_back().map_or(0, |last| last + 1));
            for (from, to) in [(0, MAX_INDEX), (MAX_INDEX, 0), (20, 90), (90, 20), (7, 7)] {
                let mut all = Vec::new();
                let _: ControlFlow<()> = array.try_for_each(from, to, |index, element| {
                    all.push((index, element.to_bytes().into_owned()));
                    ControlFlow::Continue(())
                });
                let mut wanted: Vec<_> = model
                    .range(from.min(to)..=from.max(to))
                    .map(|(index, element)| (*index, element.clone()))
                    .collect();
                if from > to {
                    wanted.reverse();
                }
                prop_assert_eq!(array.count_between(from, to), all.len() as u64);
                prop_assert_eq!(all, wanted);
            }
        }
    }

    #[test]
    fn no_index_is_left_behind_the_greatest() {
        let mut entry = Entry::new(b"key", None, new());
        set_cursor(&mut entry, Some(MAX_INDEX - 1));
        insert(&mut entry, &[b"a"]).unwrap();
        let array = Array::of(entry.value()).unwrap();
        assert_eq!((array.len(), array.next_index()), (u64::MAX, None));
        assert_eq!(insert(&mut entry, &[b"b"]), Err(Refused::Full));
    }
}
