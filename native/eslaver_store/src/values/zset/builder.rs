//! A sorted set from members that come one after another, best in their order or in the opposite one:
//! then little has to be moved.

use std::cmp::Ordering;

use super::{LargeZset, MOST_PACKED, compare, packed, to_large};
use crate::collections::element::Element;
use crate::collections::packed::{Packed, PackedMut};
use crate::collections::record::{Record, Refused, Scores};
use crate::values::{Large, NewValue};

/// Gathers the members of a sorted set. `seed` is its table's, if it comes to be large.
#[derive(Debug)]
pub(crate) struct ZsetBuilder {
    seed: u64,
    /// Members as they came.
    packed: Vec<u8>,
    /// The score of the last of them, while all scores ascend.
    last: Option<f64>,
    large: Option<LargeZset>,
}

impl ZsetBuilder {
    pub(crate) fn new(seed: u64) -> Self {
        Self::within(seed, Vec::new())
    }

    /// Its members are in this buffer, which is empty, as long as they are packed.
    pub(crate) fn within(seed: u64, mut packed: Vec<u8>) -> Self {
        PackedMut::<Scores>::create(&mut packed);
        Self { seed, packed, last: Some(f64::NEG_INFINITY), large: None }
    }

    /// Adds a member, which has not come before.
    pub(crate) fn push(&mut self, member: Element<'_>, score: f64) -> Result<(), Refused> {
        self.extend(std::iter::once((member, score)))
    }

    /// Adds members, which have not come before.
    #[inline]
    pub(crate) fn extend<'a>(
        &mut self,
        members: impl Iterator<Item = (Element<'a>, f64)>,
    ) -> Result<(), Refused> {
        let last = &mut self.last;
        let mut members = members.inspect(|(_, score)| {
            // Of equal scores, the members are compared at the end.
            *last = last.filter(|last| last < score).map(|_| *score);
        });
        let large = match &mut self.large {
            Some(large) => large,
            None => {
                let mut packed = PackedMut::<Scores>::new(&mut self.packed, 0);
                let Some((member, score)) = packed.extend(&mut members, MOST_PACKED)? else {
                    return Ok(());
                };
                let mut large = to_large(packed.get(), self.seed)?;
                large.put(member, score)?;
                self.packed = Vec::new();
                self.large.insert(large)
            }
        };
        members.try_for_each(|(member, score)| large.put(member, score).map(|_| ()))
    }

    pub(crate) fn finish(self) -> NewValue {
        match self.large {
            Some(large) => NewValue::Large(Large::Zset(large)),
            None if self.last.is_some() || is_in_order(Packed::new(&self.packed)) => {
                packed(self.packed)
            }
            None => packed(sorted(Packed::new(&self.packed))),
        }
    }
}

fn is_in_order(members: Packed<'_, Scores>) -> bool {
    members.iter().is_sorted_by(|one, other| order(one, other) == Ordering::Less)
}

fn order(one: &Record<'_, Scores>, other: &Record<'_, Scores>) -> Ordering {
    let by_member =
        || one.element.with_bytes(|bytes| other.element.with_bytes(|other| bytes.cmp(other)));
    compare(one.tail, other.tail).then_with(by_member)
}

fn sorted(members: Packed<'_, Scores>) -> Vec<u8> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by(order);
    let mut bytes = Vec::new();
    let mut packed = PackedMut::<Scores>::create(&mut bytes);
    for record in members {
        // There is room for as many as there were.
        let pushed = packed.push(record.element, record.tail, None);
        debug_assert!(pushed.is_ok());
    }
    bytes
}
