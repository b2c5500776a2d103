//! Limits of a snapshot.

/// Servers limit a listpack to 1 GB, without its entries' headers, and a string to 512 MB.
const PACKED: u64 = 4;

/// What a snapshot may hold at most. A length is checked as soon as it has been read, so that the
/// decoder does not wait for what no server would send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in one string, decompressed. A container that is one string may have four times as
    /// many.
    pub proto_max_bulk_len: u64,
    /// Bytes in a string that is not the whole value of a key, if less than `proto_max_bulk_len`.
    pub max_element: u64,
    /// Bytes of all hash templates, which are kept to the snapshot's end: the option `max_value`.
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
    /// The servers' defaults.
    fn default() -> Self {
        Self { proto_max_bulk_len: 512 << 20, max_element: u64::MAX, max_templates: 512 << 20 }
    }
}
