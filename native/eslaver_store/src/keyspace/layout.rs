//! Which stripe of a database a key is in.

use eslaver_cluster::{SLOTS, of_key};

/// The stripes that keys are spread over by their hashes; few where schedules are explored.
pub(crate) const HASHED: usize = if cfg!(shuttle) { 2 } else { 4096 };
/// The most stripes that a database may have.
const MOST: usize = SLOTS as usize;

/// Where the stripe stands in a hash. A table takes the lowest bits of that, and the highest seven.
const SHIFT: u32 = 40;
const STRIPE: u64 = (MOST as u64 - 1) << SHIFT;
/// What is left out of a hash that may name any of [`MOST`] stripes.
const BEYOND: u64 = STRIPE & !((HASHED as u64 - 1) << SHIFT);

/// How keys are laid out in stripes, each of which has a lock of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// By their hashes.
    #[default]
    Hashed,
    /// By the slots of a cluster: the keys of each slot are a stripe of their own.
    Slots,
}

/// The hash of a key, which also says in which stripe it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyHash(u64);

impl KeyHash {
    /// Of a key in this stripe.
    #[inline]
    pub(crate) fn at(stripe: usize, hash: u64) -> Self {
        Self(hash & !STRIPE | (stripe as u64) << SHIFT)
    }

    #[inline]
    pub(crate) fn stripe(self) -> usize {
        (self.0 >> SHIFT) as usize % MOST
    }

    /// What a table goes by.
    #[inline]
    pub(crate) fn in_table(self) -> u64 {
        self.0
    }
}

impl Layout {
    /// How many stripes a database has.
    #[inline]
    pub(crate) fn stripes(self) -> usize {
        match self {
            Self::Hashed => HASHED,
            Self::Slots => MOST,
        }
    }

    /// `hash` is that of the key.
    #[inline]
    pub(crate) fn place(self, key: &[u8], hash: u64) -> KeyHash {
        KeyHash(match self {
            Self::Hashed => hash & !BEYOND,
            Self::Slots => return KeyHash::at(of_key(key).into(), hash),
        })
    }

    /// Whether each slot has a stripe of its own.
    pub(crate) fn is_by_slot(self) -> bool {
        self == Self::Slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stripe_of_a_key_is_among_those_of_the_layout() {
        for hash in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210] {
            assert!(Layout::Hashed.place(b"foo", hash).stripe() < HASHED, "{hash:x}");
            assert_eq!(Layout::Slots.place(b"foo", hash).stripe(), 12_182, "{hash:x}");
            assert_eq!(Layout::Slots.place(b"{foo}bar", hash).stripe(), 12_182, "{hash:x}");
        }
    }

    /// A table is looked through with the whole hash, and made anew with the key's own.
    #[test]
    fn a_table_does_not_see_the_stripe() {
        const SEEN: u64 = u64::MAX >> (64 - SHIFT) | !(u64::MAX >> 7);
        for hash in [0, u64::MAX, 0x0123_4567_89ab_cdef] {
            for layout in [Layout::Hashed, Layout::Slots] {
                assert_eq!(layout.place(b"foo", hash).in_table() & SEEN, hash & SEEN, "{hash:x}");
            }
        }
    }
}
