//! A sorted set from members that come one after another, best in their order or in the opposite one:
//! then little has to be moved.

use std::cmp::Ordering;

use super::{LargeZset, MOST_PACKED, compare, packed, to_large};
use crate::collections::element::Element;
use crate::collections::packed::{MOST_BYTES, Packed, PackedMut};
use crate::collections::record::{Record, Refused, Scores};
use crate::values::{Large, NewValue};

/// What the first members are given room for.
const ROOM: usize = 256;

/// Gathers the members of a sorted set. `seed` is its table's, if it comes to be large.
#[derive(Debug)]
pub(crate) struct ZsetBuilder {
    seed: u64,
    /// Members as they came.
    packed: Vec<u8>,
    /// Where the last of them begins.
    last: usize,
    in_order: bool,
    large: Option<LargeZset>,
}

impl ZsetBuilder {
    pub(crate) fn new(seed: u64) -> Self {
        let mut packed = Vec::new();
        PackedMut::<Scores>::create(&mut packed);
        Self { seed, packed, last: 1, in_order: true, large: None }
    }

    /// Adds a member, which has not come before.
    pub(crate) fn push(&mut self, member: Element<'_>, score: f64) -> Result<(), Refused> {
        if let Some(large) = &mut self.large {
            return large.put(member, score);
        }
        let packed = Packed::<Scores>::new(&self.packed);
        if packed.len() >= MOST_PACKED || packed.bytes() + member.len() > MOST_BYTES {
            let mut large = to_large(packed, self.seed)?;
            large.put(member, score)?;
            self.packed = Vec::new();
            self.large = Some(large);
            return Ok(());
        }
        self.in_order &= self.is_behind_last(member, score);
        self.last = self.packed.len();
        if self.packed.capacity() - self.packed.len() < ROOM / 2 {
            self.packed.reserve(self.packed.len().max(ROOM));
        }
        PackedMut::<Scores>::new(&mut self.packed, 0).push(member, score, None)
    }

    fn is_behind_last(&self, member: Element<'_>, score: f64) -> bool {
        let last = self.packed.get(self.last..).and_then(Record::<Scores>::read);
        last.is_none_or(|(last, _)| order(&last, score, member) == Ordering::Less)
    }

    pub(crate) fn finish(self) -> NewValue {
        match self.large {
            Some(large) => NewValue::Large(Large::Zset(large)),
            None if self.in_order => packed(self.packed),
            None => packed(sorted(Packed::new(&self.packed))),
        }
    }
}

fn order(record: &Record<'_, Scores>, score: f64, member: Element<'_>) -> Ordering {
    let by_member =
        || record.element.with_bytes(|bytes| member.with_bytes(|other| bytes.cmp(other)));
    compare(record.tail, score).then_with(by_member)
}

fn sorted(members: Packed<'_, Scores>) -> Vec<u8> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by(|one, other| order(one, other.tail, other.element));
    let mut bytes = Vec::new();
    let mut packed = PackedMut::<Scores>::create(&mut bytes);
    for record in members {
        // There is room for as many as there were.
        let pushed = packed.push(record.element, record.tail, None);
        debug_assert!(pushed.is_ok());
    }
    bytes
}
