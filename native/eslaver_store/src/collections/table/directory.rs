//! Which item has a hash: a directory indexed by the hash's first bits, as in extendible hashing.
//!
//! An item has the hashes that begin with its prefix, of as many bits as it is deep; the directory has
//! a slot for each prefix of `bits` bits, so one that is less deep has several. Items stand apart from
//! the slots, so that each `Arc` is held once, and is shared only where a copy of the table holds it.

use std::sync::Arc;

use crate::collections::mover::Mover;

#[derive(Debug, Clone)]
pub(super) struct Directory<T> {
    bits: u32,
    /// Indices of `items`; none at all where there are no bits.
    slots: Vec<u32>,
    items: Vec<Arc<T>>,
}

impl<T: Clone> Directory<T> {
    pub(super) fn new(item: T) -> Self {
        Directory { bits: 0, slots: Vec::new(), items: vec![Arc::new(item)] }
    }

    /// One that has no item, and is of no use.
    pub(super) fn hollow() -> Self {
        Directory { bits: 0, slots: Vec::new(), items: Vec::new() }
    }

    /// Has `mover` see to all parts from an item on, and `inside` to those of items, which may stop
    /// anywhere: the item to go on at, and where within it.
    pub(super) fn compact(
        &mut self,
        from: usize,
        mover: &mut Mover<'_>,
        hollow: impl Fn() -> T,
        mut inside: impl FnMut(&mut T, usize, &mut Mover<'_>) -> Option<usize>,
    ) -> Option<(usize, usize)> {
        mover.vec(&mut self.slots);
        mover.vec(&mut self.items);
        for (index, item) in self.items.iter_mut().enumerate().skip(from) {
            if index > from && mover.is_tired() {
                return Some((index, 0));
            }
            let next = mover.shared(item, &hollow, |item, mover| inside(item, index, mover));
            if let Some(within) = next.flatten() {
                return Some((index, within));
            }
        }
        None
    }

    /// How many bits it goes by.
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    pub(super) fn items(&self) -> &[Arc<T>] {
        &self.items
    }

    /// Whether a copy has one of its items.
    pub(super) fn is_shared(&self) -> bool {
        self.items.iter().any(|item| Arc::strong_count(item) > 1)
    }

    /// The items, to be changed: those that are shared are copied.
    pub(super) fn items_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut().map(Arc::make_mut)
    }

    /// What it takes, without its items.
    pub(super) fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>() + self.items.capacity() * size_of::<Arc<T>>()
    }

    /// The item that has a hash: the directory goes by its first bits.
    #[inline]
    pub(super) fn find(&self, hash: u64) -> &T {
        // Slots hold indices of items, and there is always an item.
        &self.items[self.index(hash)]
    }

    /// The same, to be changed: it is copied if it is shared.
    #[inline]
    pub(super) fn find_mut(&mut self, hash: u64) -> &mut T {
        let index = self.index(hash);
        Arc::make_mut(&mut self.items[index])
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        match self.bits {
            0 => 0,
            bits => self.slots[(hash >> (64 - bits)) as usize] as usize,
        }
    }

    /// Puts two in the place of the item that has `hash` and is `depth` bits deep, one bit deeper.
    pub(super) fn split(&mut self, hash: u64, depth: u32, low: T, high: T) {
        if depth >= self.bits {
            self.double();
        }
        let old = self.index(hash);
        let new = self.items.len() as u32;
        self.items.reserve_exact(1 + self.items.len() / 8);
        self.items.push(Arc::new(high));
        self.items[old] = Arc::new(low);
        let slots = 1 << (self.bits - depth);
        let start = prefix(hash, self.bits) & !(slots - 1);
        self.slots[start + slots / 2..start + slots].fill(new);
    }

    /// Puts one in the place of the two that are `depth` bits deep and differ in the last of them, of
    /// which one has `hash`.
    pub(super) fn merge(&mut self, hash: u64, depth: u32, merged: T) {
        debug_assert!(0 < depth && depth <= self.bits);
        let slots = 1 << (self.bits - depth + 1);
        let start = prefix(hash, self.bits) & !(slots - 1);
        let (low, high) = (self.slots[start], self.slots[start + slots - 1]);
        debug_assert!(low != high);
        self.slots[start..start + slots].fill(low);
        self.items[low as usize] = Arc::new(merged);
        self.items.swap_remove(high as usize);
        let moved = self.items.len() as u32;
        for slot in &mut self.slots {
            if *slot == moved {
                *slot = high;
            }
        }
        self.halve();
        if self.items.len() < self.items.capacity() / 2 {
            self.items.shrink_to_fit();
        }
    }

    /// One for the hashes that begin with 0, and one for the others. It must go by a bit at least.
    pub(super) fn divide(&self) -> (Self, Self) {
        let (low, high) = self.slots.split_at(self.slots.len() / 2);
        (self.part(low), self.part(high))
    }

    fn part(&self, slots: &[u32]) -> Self {
        let mut part = Directory { bits: self.bits - 1, slots: Vec::new(), items: Vec::new() };
        let mut last = None;
        for &slot in slots {
            // The slots of an item are next to each other.
            if last != Some(slot) {
                part.items.push(Arc::clone(&self.items[slot as usize]));
                last = Some(slot);
            }
            part.slots.push(part.items.len() as u32 - 1);
        }
        part.items.shrink_to_fit();
        part.halve();
        part
    }

    /// The inverse of [`Directory::divide`].
    pub(super) fn join(&self, high: &Self) -> Self {
        let bits = self.bits.max(high.bits);
        let first = self.items.len() as u32;
        let low_slots = self.slots_of(bits);
        let slots = low_slots.chain(high.slots_of(bits).map(|slot| slot + first)).collect();
        let items = self.items.iter().chain(&high.items).cloned().collect();
        Directory { bits: bits + 1, slots, items }
    }

    fn slots_of(&self, bits: u32) -> impl Iterator<Item = u32> {
        let repeat = 1 << (bits - self.bits);
        let slots = if self.bits == 0 { &[0] } else { self.slots.as_slice() };
        slots.iter().flat_map(move |&slot| std::iter::repeat_n(slot, repeat))
    }

    fn double(&mut self) {
        self.slots = self.slots_of(self.bits + 1).collect();
        self.bits += 1;
    }

    /// Goes by fewer bits where no item needs the last.
    fn halve(&mut self) {
        while self.bits > 0 && self.slots.chunks_exact(2).all(|pair| pair[0] == pair[1]) {
            self.bits -= 1;
            self.slots = match self.bits {
                0 => Vec::new(),
                _ => self.slots.iter().step_by(2).copied().collect(),
            };
        }
    }
}

#[cfg(test)]
impl<T: Clone> Directory<T> {
    /// Checks that each item has the slots that its depth gives it, behind `base` bits.
    pub(super) fn check(&self, base: u32, depth: impl Fn(&T) -> u32) {
        assert_eq!(self.slots.len(), if self.bits == 0 { 0 } else { 1 << self.bits });
        let mut counts = vec![0; self.items.len()];
        let mut slot = 0;
        while slot < self.slots.len() {
            let index = self.slots[slot] as usize;
            let span = 1 << (self.bits - (depth(&self.items[index]) - base));
            assert_eq!(slot % span, 0);
            assert!(self.slots[slot..slot + span].iter().all(|&other| other as usize == index));
            counts[index] += 1;
            slot += span;
        }
        if self.bits == 0 {
            assert_eq!((self.items.len(), depth(&self.items[0])), (1, base));
        } else {
            assert!(counts.iter().all(|&count| count == 1));
        }
    }
}

/// The first `bits` of a hash, at least one.
fn prefix(hash: u64, bits: u32) -> usize {
    (hash >> (64 - bits)) as usize
}
