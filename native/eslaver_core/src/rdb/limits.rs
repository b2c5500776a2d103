//! What a snapshot may hold at most.

/// A listpack is of at most 1 GB where a string is of at most 512 MB, but for its entries' headers.
const PACKED: u64 = 4;

/// What a string of a snapshot may be at most. A length is checked against this as soon as it has been
/// read, so that nobody waits for what no server would have sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in one string, decompressed. A container that comes as one string may have four times
    /// as many.
    pub max_string: u64,
}

impl Limits {
    /// Takes strings of any length.
    pub const NONE: Self = Self { max_string: u64::MAX };

    pub(crate) fn max_packed(self) -> u64 {
        self.max_string.saturating_mul(PACKED)
    }
}

impl Default for Limits {
    /// What servers have for `proto-max-bulk-len` where nothing else is said.
    fn default() -> Self {
        Self { max_string: 512 << 20 }
    }
}
