//! Sets of slots.

use std::fmt;

use crate::slot::SLOTS;

/// The first and the last of a range of slots.
pub type Range = (u16, u16);

const WORDS: usize = SLOTS as usize / 64;

/// A set of slots.
#[derive(Clone, PartialEq, Eq)]
pub struct Slots(Box<[u64; WORDS]>);

impl Default for Slots {
    fn default() -> Self {
        Self(Box::new([0; WORDS]))
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ranges()).finish()
    }
}

impl Slots {
    /// The slots of these ranges. Numbers that no slot has are left out.
    pub fn of_ranges(ranges: &[Range]) -> Self {
        let mut slots = Self::default();
        for &(first, last) in ranges {
            (first..=last.min(SLOTS - 1)).for_each(|slot| slots.insert(slot));
        }
        slots
    }

    /// Whether it has this slot.
    #[inline]
    pub fn has(&self, slot: u16) -> bool {
        self.0.get(usize::from(slot / 64)).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// Adds a slot.
    pub fn insert(&mut self, slot: u16) {
        if let Some(word) = self.0.get_mut(usize::from(slot / 64)) {
            *word |= 1 << (slot % 64);
        }
    }

    /// Removes a slot.
    pub fn remove(&mut self, slot: u16) {
        if let Some(word) = self.0.get_mut(usize::from(slot / 64)) {
            *word &= !(1 << (slot % 64));
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// All of them, the lowest first.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        (0..SLOTS).filter(|&slot| self.has(slot))
    }

    /// The longest ranges of neighbours, the lowest first.
    pub fn ranges(&self) -> Vec<Range> {
        let mut ranges: Vec<Range> = Vec::new();
        for slot in self.iter() {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == slot => *last = slot,
                _ => ranges.push((slot, slot)),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined() {
        for (given, joined) in [
            (&[][..], &[][..]),
            (&[(0, 0)], &[(0, 0)]),
            (&[(3, 5), (0, 2), (7, 7)], &[(0, 5), (7, 7)]),
            (&[(60, 70), (65, 130)], &[(60, 130)]),
            (&[(16_383, 16_383), (0, 0)], &[(0, 0), (16_383, 16_383)]),
            (&[(16_000, 20_000)], &[(16_000, 16_383)]),
            (&[(20_000, 20_001)], &[]),
            (&[(5, 4)], &[]),
        ] {
            let slots = Slots::of_ranges(given);
            assert_eq!(slots.ranges(), joined, "{given:?}");
            let count: usize =
                joined.iter().map(|(first, last)| usize::from(last - first) + 1).sum();
            assert_eq!((slots.len(), slots.is_empty()), (count, count == 0), "{given:?}");
        }
    }

    #[test]
    fn slots_come_and_go() {
        let mut slots = Slots::default();
        assert!(!slots.has(100));
        slots.insert(100);
        slots.insert(SLOTS);
        assert!(slots.has(100) && !slots.has(99) && !slots.has(SLOTS) && !slots.has(u16::MAX));
        slots.remove(100);
        slots.remove(SLOTS);
        assert!(slots.is_empty());
    }
}
