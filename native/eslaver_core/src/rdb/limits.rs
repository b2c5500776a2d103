//! What a snapshot may hold at most.

/// A listpack is of at most 1 GB where a string is of at most 512 MB, but for its entries' headers.
const PACKED: u64 = 4;

/// What a snapshot may hold at most. A length is checked against this as soon as it has been read,
/// so that nobody waits for what no server would have sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in one string, decompressed. A container that comes as one string may have four times
    /// as many.
    pub proto_max_bulk_len: u64,
    /// Bytes in a string that is not the whole value of a key, where that is less.
    pub max_element: u64,
    /// Bytes that the snapshot's hash templates take, as they are kept to its end.
    pub max_templates: u64,
}

impl Limits {
    /// Takes strings of any length.
    pub const NONE: Self =
        Self { proto_max_bulk_len: u64::MAX, max_element: u64::MAX, max_templates: u64::MAX };

    pub(crate) fn max_packed(self) -> u64 {
        self.proto_max_bulk_len.saturating_mul(PACKED)
    }
}

impl Default for Limits {
    /// What servers have for `proto-max-bulk-len` where nothing else is said.
    fn default() -> Self {
        Self { proto_max_bulk_len: 512 << 20, max_element: u64::MAX, max_templates: 512 << 20 }
    }
}
