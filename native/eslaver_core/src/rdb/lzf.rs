//! LZF by the crate of that name, guarded against wrong lengths.

/// The densest instruction expands 3 bytes to 264.
const MAX_RATIO: u64 = 264 / 3;
/// The crate counts in `i32`.
const MAX_LENGTH: u64 = i32::MAX as u64;

/// Whether a compressed string of this size can expand to the claimed length. The crate
/// reserves that length, so ask this first.
pub(crate) fn is_possible(compressed: u64, claimed: u64) -> bool {
    claimed <= MAX_LENGTH && claimed <= compressed.saturating_mul(MAX_RATIO)
}

/// The decompressed bytes, or `None` if their number is not `length`. Servers ignore the data of a
/// string that claims none.
pub(crate) fn decompress(compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    if length == 0 {
        return Some(Vec::new());
    }
    ::lzf::decompress(compressed, length).ok().filter(|bytes| bytes.len() == length)
}
