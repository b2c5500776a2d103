//! Lists: packed while they are small, else a tree.

use std::ops::{ControlFlow, Range};

use crate::collections::element::Element;
use crate::collections::packed::{MOST_BYTES, Packed, PackedMut};
use crate::collections::record::{Members, Refused};
use crate::collections::tree::Removed;
use crate::collections::tree::build::Builder;
use crate::collections::tree::list::{ListLeaf, ListTree};
use crate::keyspace::entry::{Entry, ValueMut};
use crate::values::string::indexes;
use crate::values::{Large, NewValue, Type, ValueRef};

/// A list with more elements, or bytes, is a tree.
const MOST_PACKED: usize = 128;
/// A tree with no more elements is packed again.
const FEW: u64 = 32;
/// To remove more elements here and there, the list is built anew.
const REBUILT: usize = 500;

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Front,
    Back,
}

/// A list that is only looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum List<'a> {
    Packed(Packed<'a, Members>),
    Tree(&'a ListTree),
}

impl<'a> List<'a> {
    /// The list that a value is, where it is one.
    #[inline]
    pub(crate) fn of(value: ValueRef<'a>) -> Option<Self> {
        match value {
            ValueRef::Packed { kind: Type::List, payload, .. } => {
                Some(Self::Packed(Packed::new(payload)))
            }
            ValueRef::Large(Large::List(tree)) => Some(Self::Tree(tree)),
            _ => None,
        }
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Tree(tree) => tree.len() as usize,
        }
    }

    pub(crate) fn get(self, index: usize) -> Option<Element<'a>> {
        match self {
            Self::Packed(packed) => packed.nth(index).map(|record| record.element),
            Self::Tree(tree) => tree.get(index as u64),
        }
    }

    /// The index that one may count from the end, where there is an element.
    pub(crate) fn index(self, index: i64) -> Option<usize> {
        let len = i64::try_from(self.len()).ok()?;
        let index = if index < 0 { index.checked_add(len)? } else { index };
        (0..len).contains(&index).then_some(index as usize)
    }

    /// The indexes of a range, as `LRANGE` has it.
    pub(crate) fn range(self, start: i64, stop: i64) -> Range<usize> {
        // Unlike those of a string, an end before the beginning is no index.
        let before = i64::try_from(self.len()).is_ok_and(|len| stop < -len);
        match indexes(start, stop, self.len()) {
            Some((first, last)) if !before => first..last + 1,
            _ => 0..0,
        }
    }

    /// Hands the elements of a range to `each`, until it breaks off.
    pub(crate) fn try_for_each<B>(
        self,
        range: Range<usize>,
        mut each: impl FnMut(Element<'a>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::Packed(packed) => {
                packed.range(range.start, range.end).try_for_each(|record| each(record.element))
            }
            Self::Tree(tree) => tree.iter(range.start as u64..range.end as u64).try_for_each(each),
        }
    }

    /// The same from the last to the first.
    pub(crate) fn try_for_each_back<B>(
        self,
        range: Range<usize>,
        mut each: impl FnMut(Element<'a>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self {
            Self::Packed(packed) => {
                let all: Vec<_> = packed.range(range.start, range.end).collect();
                all.into_iter().rev().try_for_each(|record| each(record.element))
            }
            Self::Tree(tree) => {
                tree.iter_back(range.start as u64..range.end as u64).try_for_each(each)
            }
        }
    }

    /// Copies of the elements of a range.
    pub(crate) fn to_vec(self, range: Range<usize>) -> Vec<Vec<u8>> {
        let mut elements = Vec::with_capacity(range.len());
        let _: ControlFlow<()> = self.try_for_each(range, |element| {
            elements.push(element.to_bytes().into_owned());
            ControlFlow::Continue(())
        });
        elements
    }

    /// The indexes of up to `most` elements that equal `wanted`, among the first `limit`, in the order in
    /// which they are found from an end.
    pub(crate) fn find(self, wanted: &[u8], from: End, most: usize, limit: usize) -> Vec<usize> {
        let len = self.len();
        let limit = limit.min(len);
        let mut found = Vec::new();
        if most == 0 {
            return found;
        }
        let mut at = 0;
        let mut look = |element: Element<'a>| {
            if element.with_bytes(|bytes| bytes == wanted) {
                found.push(if from == End::Front { at } else { len - 1 - at });
            }
            at += 1;
            if found.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let _ = match from {
            End::Front => self.try_for_each(0..limit, &mut look),
            End::Back => self.try_for_each_back(len - limit..len, &mut look),
        };
        found
    }
}

/// An empty list.
pub(crate) fn new() -> NewValue {
    let mut payload = Vec::with_capacity(1);
    PackedMut::<Members>::create(&mut payload);
    packed(payload)
}

fn packed(payload: Vec<u8>) -> NewValue {
    NewValue::Packed { kind: Type::List, form: 0, payload }
}

/// Gathers the elements of a list.
#[derive(Debug)]
pub(crate) struct ListBuilder {
    packed: Vec<u8>,
    tree: Option<Builder<ListLeaf>>,
}

impl Default for ListBuilder {
    fn default() -> Self {
        Self::within(Vec::new())
    }
}

impl ListBuilder {
    /// Its elements are in this buffer, which is empty, as long as they are packed.
    pub(crate) fn within(mut packed: Vec<u8>) -> Self {
        PackedMut::<Members>::create(&mut packed);
        Self { packed, tree: None }
    }

    /// Appends an element.
    pub(crate) fn push(&mut self, element: Element<'_>) -> Result<(), Refused> {
        self.extend(std::iter::once(element))
    }

    /// Appends elements.
    #[inline]
    pub(crate) fn extend<'a>(
        &mut self,
        elements: impl Iterator<Item = Element<'a>>,
    ) -> Result<(), Refused> {
        let mut elements = elements.map(|element| (element, ()));
        let tree = match &mut self.tree {
            Some(tree) => tree,
            None => {
                let mut packed = PackedMut::<Members>::new(&mut self.packed, 0);
                let Some((element, ())) = packed.extend(&mut elements, MOST_PACKED)? else {
                    return Ok(());
                };
                let mut tree = to_builder(packed.get());
                append(&mut tree, element)?;
                self.packed = Vec::new();
                self.tree.insert(tree)
            }
        };
        elements.try_for_each(|(element, ())| append(tree, element))
    }

    pub(crate) fn finish(self) -> NewValue {
        match self.tree {
            Some(tree) => NewValue::Large(Large::List(tree.finish())),
            None => packed(self.packed),
        }
    }
}

fn to_builder(packed: Packed<'_, Members>) -> Builder<ListLeaf> {
    let mut tree = Builder::new();
    for record in packed.iter() {
        // It has been packed, so it is not too long.
        let appended = append(&mut tree, record.element);
        debug_assert!(appended.is_ok());
    }
    tree
}

fn append(tree: &mut Builder<ListLeaf>, element: Element<'_>) -> Result<(), Refused> {
    let is_pushed = element.with_bytes(|bytes| tree.push(|leaf, index| leaf.insert(index, bytes)));
    if is_pushed { Ok(()) } else { Err(Refused::TooLong) }
}

/// Inserts an element before the one at `index`, which is there, or at the end.
pub(crate) fn insert(entry: &mut Entry, index: usize, element: &[u8]) -> Result<(), Refused> {
    make_room(entry, element);
    let done = match entry.value_mut() {
        ValueMut::Packed(mut edit) => {
            let base = edit.base();
            PackedMut::<Members>::new(edit.bytes(), base)
                .insert_before(index, Element::Bytes(element))?
        }
        ValueMut::Large(Large::List(tree)) => tree.insert(index as u64, element),
        ValueMut::Large(_) => false,
    };
    if done { Ok(()) } else { Err(Refused::TooLong) }
}

/// Appends an element to an end.
pub(crate) fn push(entry: &mut Entry, end: End, element: &[u8]) -> Result<(), Refused> {
    make_room(entry, element);
    let done = match entry.value_mut() {
        ValueMut::Packed(mut edit) => {
            let base = edit.base();
            let mut packed = PackedMut::<Members>::new(edit.bytes(), base);
            match end {
                End::Front => packed.push_front(Element::Bytes(element))?,
                End::Back => packed.push_back(Element::Bytes(element))?,
            }
            true
        }
        ValueMut::Large(Large::List(tree)) => match end {
            End::Front => tree.push_front(element),
            End::Back => tree.push_back(element),
        },
        ValueMut::Large(_) => false,
    };
    if done { Ok(()) } else { Err(Refused::TooLong) }
}

/// Makes a list a tree that would be too large with one more element.
#[inline]
fn make_room(entry: &mut Entry, element: &[u8]) {
    if let Some(List::Packed(packed)) = List::of(entry.value())
        && (packed.bytes() + element.len() > MOST_BYTES || packed.len() >= MOST_PACKED)
    {
        make_tree(entry);
    }
}

/// Replaces the element at `index`, which is there.
pub(crate) fn set(entry: &mut Entry, index: usize, element: &[u8]) -> Result<(), Refused> {
    if packed_bytes(entry) + element.len() > MOST_BYTES {
        make_tree(entry);
    }
    let done = match entry.value_mut() {
        ValueMut::Packed(mut edit) => {
            let base = edit.base();
            PackedMut::<Members>::new(edit.bytes(), base).set_nth(index, Element::Bytes(element))?
        }
        ValueMut::Large(Large::List(tree)) => tree.set(index as u64, element),
        ValueMut::Large(_) => false,
    };
    if done { Ok(()) } else { Err(Refused::TooLong) }
}

/// Removes the elements of a range of indexes. Parts that take long to drop are given back.
pub(crate) fn remove(entry: &mut Entry, range: Range<usize>) -> Option<Removed<ListLeaf>> {
    let (removed, packed_again) = match entry.value_mut() {
        ValueMut::Packed(mut edit) => {
            let base = edit.base();
            PackedMut::<Members>::new(edit.bytes(), base).remove_range(range.start, range.end);
            (None, None)
        }
        ValueMut::Large(Large::List(tree)) => {
            let removed = tree.remove_range(range.start as u64..range.end as u64);
            (Some(removed), to_packed(tree))
        }
        ValueMut::Large(_) => (None, None),
    };
    if let Some(payload) = packed_again {
        drop(entry.set_value(packed(payload)));
    }
    removed.filter(|removed| !removed.is_empty())
}

/// Removes the elements of these indexes, which are in ascending order.
pub(crate) fn remove_all(entry: &mut Entry, indexes: &[usize]) -> Result<(), Refused> {
    if indexes.len() > REBUILT {
        let kept = without(entry, indexes)?;
        drop(entry.set_value(kept));
    } else {
        // From the last to the first: what is removed moves no index before it.
        indexes.iter().rev().for_each(|&index| drop(remove(entry, index..index + 1)));
    }
    Ok(())
}

fn without(entry: &Entry, indexes: &[usize]) -> Result<NewValue, Refused> {
    let mut kept = ListBuilder::default();
    if let Some(list) = List::of(entry.value()) {
        let mut start = 0;
        for end in indexes.iter().copied().chain([list.len()]) {
            let pushed = list.try_for_each(start..end, |element| match kept.push(element) {
                Ok(()) => ControlFlow::Continue(()),
                Err(refused) => ControlFlow::Break(refused),
            });
            if let ControlFlow::Break(refused) = pushed {
                return Err(refused);
            }
            start = end + 1;
        }
    }
    Ok(kept.finish())
}

fn packed_bytes(entry: &Entry) -> usize {
    match entry.value() {
        ValueRef::Packed { payload, .. } => payload.len(),
        ValueRef::Large(_) => 0,
    }
}

fn make_tree(entry: &mut Entry) {
    if let Some(List::Packed(packed)) = List::of(entry.value()) {
        let tree = to_builder(packed).finish();
        drop(entry.set_value(NewValue::Large(Large::List(tree))));
    }
}

/// The elements of a tree, packed, if they are few and small.
fn to_packed(tree: &ListTree) -> Option<Vec<u8>> {
    // Not at each removal: a tree with long elements would be walked every time.
    if tree.len() > FEW || !tree.len().is_multiple_of(8) {
        return None;
    }
    let mut bytes = Vec::new();
    let mut packed = PackedMut::<Members>::create(&mut bytes);
    for element in tree.iter(0..tree.len()) {
        packed.push_back(element).ok()?;
        if packed.get().bytes() > MOST_BYTES / 2 {
            return None;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Edit {
        Push(End, Vec<u8>),
        Insert(prop::sample::Index, Vec<u8>),
        Set(prop::sample::Index, Vec<u8>),
        Remove(prop::sample::Index, usize),
        RemoveAll(Vec<u8>, usize),
    }

    fn element() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            6 => (0u32..20).prop_map(|value| value.to_string().into_bytes()),
            1 => Just(vec![b'x'; 3000]),
        ]
    }

    fn edit() -> impl Strategy<Value = Edit> {
        prop_oneof![
            6 => (any::<bool>(), element()).prop_map(|(front, element)| {
                Edit::Push(if front { End::Front } else { End::Back }, element)
            }),
            2 => (any::<prop::sample::Index>(), element()).prop_map(|(at, e)| Edit::Insert(at, e)),
            2 => (any::<prop::sample::Index>(), element()).prop_map(|(at, e)| Edit::Set(at, e)),
            1 => (any::<prop::sample::Index>(), 0usize..30).prop_map(|(at, n)| Edit::Remove(at, n)),
            1 => (element(), 0usize..9).prop_map(|(e, most)| Edit::RemoveAll(e, most)),
        ]
    }

    #[test]
    fn many_elements_are_removed() {
        let mut entry = Entry::new(b"key", Some(7), new());
        for number in 0..3000 {
            push(&mut entry, End::Back, if number % 3 == 0 { b"a" } else { b"b" }).unwrap();
        }
        let list = List::of(entry.value()).unwrap();
        let found = list.find(b"b", End::Front, usize::MAX, usize::MAX);
        assert!(found.len() > REBUILT);
        remove_all(&mut entry, &found).unwrap();
        let list = List::of(entry.value()).unwrap();
        assert_eq!(list.to_vec(0..list.len()), vec![b"a".to_vec(); 1000]);
        assert_eq!(entry.expire_at(), Some(7));
        let all: Vec<usize> = (0..1000).collect();
        remove_all(&mut entry, &all).unwrap();
        assert!(entry.value().is_empty());
    }

    proptest! {
        /// A list goes from packed to a tree and back, and is the same vector in both.
        #[test]
        fn a_list_is_a_vector(edits in proptest::collection::vec(edit(), 0..500)) {
            let mut model: Vec<Vec<u8>> = Vec::new();
            let mut entry = Entry::new(b"key", None, new());
            for edit in edits {
                match edit {
                    Edit::Push(end, element) => {
                        push(&mut entry, end, &element).unwrap();
                        model.insert(if end == End::Front { 0 } else { model.len() }, element);
                    }
                    Edit::Insert(at, element) => {
                        let at = at.index(model.len() + 1);
                        insert(&mut entry, at, &element).unwrap();
                        model.insert(at, element);
                    }
                    Edit::Set(at, element) if !model.is_empty() => {
                        let at = at.index(model.len());
                        set(&mut entry, at, &element).unwrap();
                        model[at] = element;
                    }
                    Edit::Set(..) => {}
                    Edit::Remove(at, count) => {
                        let at = at.index(model.len() + 1);
                        let end = (at + count).min(model.len());
                        drop(remove(&mut entry, at..end));
                        model.drain(at..end);
                    }
                    Edit::RemoveAll(element, most) => {
                        let list = List::of(entry.value()).unwrap();
                        let found = list.find(&element, End::Front, most, usize::MAX);
                        remove_all(&mut entry, &found).unwrap();
                        let mut left = most;
                        model.retain(|other| {
                            let gone = left > 0 && *other == element;
                            left -= usize::from(gone);
                            !gone
                        });
                    }
                }
                prop_assert_eq!(entry.value().is_empty(), model.is_empty());
            }
            let list = List::of(entry.value()).unwrap();
            prop_assert_eq!(list.to_vec(0..model.len()), model.clone());
            for from in [End::Front, End::Back] {
                let mut all: Vec<_> = (0..model.len()).filter(|&at| model[at] == b"7").collect();
                if from == End::Back {
                    all.reverse();
                }
                prop_assert_eq!(list.find(b"7", from, usize::MAX, usize::MAX), all.clone());
                all.truncate(2);
                prop_assert_eq!(list.find(b"7", from, 2, usize::MAX), all);
            }
        }
    }
}
