//! The hash of an element.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;

use crate::collections::element::{self, Parts};

/// Hashes elements, with a secret seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hash(pub(super) u64);

impl Hash {
    /// The hash of an element about to be packed.
    #[inline]
    pub(super) fn of(self, key: &Parts<'_>) -> u64 {
        self.bytes(key.hashed())
    }

    /// The same of the element that `packed` begins with.
    #[inline]
    pub(super) fn of_packed(self, packed: &[u8]) -> u64 {
        self.bytes(element::hashed(packed))
    }

    #[inline]
    fn bytes(self, bytes: &[u8]) -> u64 {
        let mut hasher = FixedState::with_seed(self.0).build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}
