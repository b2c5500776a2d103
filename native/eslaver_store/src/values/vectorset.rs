//! Vector sets (Redis 8): for each element its vector, as the server keeps it, and its attribute. The
//! graph in which servers search for what is similar is left out.

use std::sync::Arc;

use crate::collections::mover::Mover;
use crate::keyspace::entry::{Entry, ValueMut};
use crate::values::entries::{EntryTree, Place};
use crate::values::vector::{self, Kept, Quantization};
use crate::values::{Large, NewValue, Type, ValueRef};

mod builder;

pub(crate) use builder::{HAS_ATTRIBUTES, HAS_PROJECTION, VectorSetBuilder};

/// The module type that a snapshot has vector sets as, and the version of its encoding.
pub(crate) const MODULE: &[u8; 9] = b"vectorset";
pub(crate) const VERSION: u16 = 0;

/// What all vectors of a set have in common.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub(crate) dimension: usize,
    pub(crate) quantization: Quantization,
    /// The links of a node in the server's graph.
    pub(crate) m: u64,
    pub(crate) projection: Option<Projection>,
}

/// How vectors are made smaller.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Projection {
    pub(crate) input_dimension: usize,
    /// Row by row.
    pub(crate) matrix: Vec<f32>,
}

impl Shape {
    /// A vector as it is put into the set. `None` where it does not fit.
    pub(crate) fn keep(&self, vector: Vec<f32>) -> Option<Kept> {
        let vector = match &self.projection {
            None => vector,
            Some(projection) if vector.len() == projection.input_dimension => {
                vector::multiply(&projection.matrix, &vector)?
            }
            Some(_) => return None,
        };
        if vector.len() != self.dimension {
            return None;
        }
        self.quantization.keep(vector)
    }
}

/// The elements of a vector set, and the shape of their vectors.
#[derive(Debug, Clone)]
pub(crate) struct VectorSet {
    shape: Arc<Shape>,
    elements: EntryTree,
    /// How many elements have an attribute.
    attributes: u64,
}

/// An element of a vector set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Member<'a> {
    pub(crate) vector: &'a [u8],
    pub(crate) l2: f32,
    pub(crate) range: f32,
    pub(crate) attribute: Option<&'a [u8]>,
}

/// Of an element's record: its vector's length and range, then the length of its attribute plus one, or
/// 0 where it has none; then the attribute, then the vector.
const HEAD: usize = 12;

impl<'a> Member<'a> {
    fn pack(self) -> NewValue {
        let attribute_len = self.attribute.map_or(0, |attribute| attribute.len() as u32 + 1);
        let attribute = self.attribute.unwrap_or_default();
        let mut payload = Vec::with_capacity(HEAD + attribute.len() + self.vector.len());
        payload.extend_from_slice(&self.l2.to_le_bytes());
        payload.extend_from_slice(&self.range.to_le_bytes());
        payload.extend_from_slice(&attribute_len.to_le_bytes());
        payload.extend_from_slice(attribute);
        payload.extend_from_slice(self.vector);
        NewValue::Packed { kind: Type::VectorSet, form: 0, payload }
    }

    fn read(value: ValueRef<'a>) -> Option<Self> {
        let ValueRef::Packed { payload, .. } = value else { return None };
        let (l2, rest) = payload.split_first_chunk()?;
        let (range, rest) = rest.split_first_chunk()?;
        let (attribute_len, rest) = rest.split_first_chunk()?;
        let (attribute, vector) = match u32::from_le_bytes(*attribute_len).checked_sub(1) {
            None => (None, rest),
            Some(len) => {
                let (attribute, vector) = rest.split_at_checked(len as usize)?;
                (Some(attribute), vector)
            }
        };
        let (l2, range) = (f32::from_le_bytes(*l2), f32::from_le_bytes(*range));
        Some(Self { vector, l2, range, attribute })
    }
}

/// A bound of a range of elements.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound<'a> {
    Lowest,
    Highest,
    Inclusive(&'a [u8]),
    Exclusive(&'a [u8]),
}

impl VectorSet {
    /// The vector set that a value is, where it is one.
    pub(crate) fn of(value: ValueRef<'_>) -> Option<&Self> {
        match value {
            ValueRef::Large(Large::VectorSet(set)) => Some(set),
            _ => None,
        }
    }

    pub(crate) fn new(shape: Shape) -> Self {
        Self { shape: Arc::new(shape), elements: EntryTree::new(), attributes: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The number of elements.
    pub(crate) fn len(&self) -> u64 {
        self.elements.len()
    }

    /// How many elements have an attribute.
    pub(crate) fn attributes(&self) -> u64 {
        self.attributes
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.elements.is_shared()
    }

    /// See [`Large::compact`].
    pub(crate) fn compact(&mut self, from: u64, mover: &mut Mover<'_>) -> Option<u64> {
        self.elements.compact(from, mover)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let matrix = self.shape.projection.as_ref().map_or(0, |p| size_of_val(&p.matrix[..]));
        size_of::<Shape>() + matrix + self.elements.heap_bytes()
    }

    pub(crate) fn get(&self, element: &[u8]) -> Option<Member<'_>> {
        Member::read(self.elements.get(element)?.value())
    }

    /// The element that `rank` others precede in the order of their bytes.
    pub(crate) fn nth(&self, rank: u64) -> Option<&[u8]> {
        self.elements.nth(rank).map(Entry::key)
    }

    /// The elements in the order of their bytes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], Member<'_>)> {
        let entries = self.elements.entries(0..self.len());
        entries.filter_map(|entry| Some((entry.key(), Member::read(entry.value())?)))
    }

    /// The elements between two bounds, in the order of their bytes.
    pub(crate) fn range(&self, low: Bound<'_>, high: Bound<'_>) -> impl Iterator<Item = &[u8]> {
        let before = |bound: Bound<'_>, is_high: bool| match bound {
            Bound::Lowest => 0,
            Bound::Highest => self.len(),
            Bound::Inclusive(element) | Bound::Exclusive(element) => {
                let is_behind = matches!(bound, Bound::Inclusive(_)) == is_high;
                let place = if is_behind { Place::behind } else { Place::before };
                self.elements.rank(&place(element))
            }
        };
        self.elements.entries(before(low, false)..before(high, true)).map(Entry::key)
    }

    /// Puts an element, in the place of what it had. `false` where its attribute is too long.
    pub(crate) fn put(&mut self, element: &[u8], kept: &Kept, attribute: Option<&[u8]>) -> bool {
        if attribute.is_some_and(|attribute| attribute.len() >= u32::MAX as usize) {
            return false;
        }
        self.remove(element);
        let Kept { vector, l2, range } = kept;
        let member = Member { vector, l2: *l2, range: *range, attribute };
        self.elements.insert(Entry::new(element, None, member.pack()));
        self.attributes += u64::from(attribute.is_some());
        true
    }

    /// Removes an element: whether there was one.
    pub(crate) fn remove(&mut self, element: &[u8]) -> bool {
        let had_attribute = self.get(element).is_some_and(|member| member.attribute.is_some());
        self.attributes -= u64::from(had_attribute);
        self.elements.remove(element)
    }

    /// Gives an element another attribute, or none: whether there is one.
    pub(crate) fn set_attribute(&mut self, element: &[u8], attribute: Option<&[u8]>) -> bool {
        let Some(Member { vector, l2, range, .. }) = self.get(element) else { return false };
        let kept = Kept { vector: vector.to_vec(), l2, range };
        self.put(element, &kept, attribute)
    }
}

/// The vector set of an entry, to be changed.
pub(crate) fn of_entry(entry: &mut Entry) -> Option<&mut VectorSet> {
    match entry.value_mut() {
        ValueMut::Large(Large::VectorSet(set)) => Some(set),
        _ => None,
    }
}
