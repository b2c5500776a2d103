//! A packed sorted set: its order, and edits that keep it.

use std::cmp::Ordering;

use super::edit::pack;
use super::{Packed, PackedMut, Place};
use crate::collections::element::Element;
use crate::collections::record::{Record, Refused, Scores};

impl Packed<'_, Scores> {
    /// How many members are `before`, which holds for those of a start of the order and for no other.
    pub fn partition(self, mut before: impl FnMut(&Record<'_, Scores>) -> bool) -> usize {
        self.iter().take_while(|record| before(record)).count()
    }

    /// How many members precede this one, and its score.
    pub fn rank(self, member: Element<'_>) -> Option<(usize, f64)> {
        self.find(member).map(|place| (place.index, place.record.tail))
    }
}

impl PackedMut<'_, Scores> {
    /// Gives a member a score, in its order: the score that it had. Of the two zeros, which are equal,
    /// it keeps the one that it has.
    pub fn put(&mut self, member: Element<'_>, score: f64) -> Result<Option<f64>, Refused> {
        let old = self.get().find(member).map(|Place { at, record, .. }| (at, record.tail));
        if let Some((_, old)) = old
            && old == score
        {
            return Ok(Some(old));
        }
        if old.is_none() && self.get().len() >= super::MAX_RECORDS {
            return Err(Refused::Full);
        }
        let parts = pack::<Scores>(member, score, None)?;
        if let Some((at, _)) = &old {
            self.cut(at.clone(), 1);
        }
        let (index, at) = member.with_bytes(|bytes| self.place(score, bytes));
        self.insert_at(index, at, parts)?;
        Ok(old.map(|(_, score)| score))
    }

    /// Where a member with this score belongs, which is missing.
    fn place(&self, score: f64, member: &[u8]) -> (usize, usize) {
        let packed = self.get();
        let mut end = (0, 1);
        for place in packed.places() {
            let order = place.record.tail.partial_cmp(&score).unwrap_or(Ordering::Equal);
            let by_member = || place.record.element.with_bytes(|bytes| bytes.cmp(member));
            if order.then_with(by_member) == Ordering::Greater {
                break;
            }
            end = (place.index + 1, place.at.end);
        }
        end
    }
}
