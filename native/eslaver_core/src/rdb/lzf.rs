//! LZF by the crate of that name, guarded against what it takes on trust.

/// The densest instruction makes 264 bytes of 3.
const MAX_RATIO: u64 = 264 / 3;
/// The crate counts in `i32`.
const MAX_LENGTH: u64 = i32::MAX as u64;

/// Whether so many bytes can come of a compressed string of this size. The crate reserves what it
/// is told, so this is to be asked first.
pub(crate) fn is_possible(compressed: u64, claimed: u64) -> bool {
    claimed <= MAX_LENGTH && claimed <= compressed.saturating_mul(MAX_RATIO)
}

/// The decompressed bytes; `None` unless they are exactly as many as `length`. Servers do not look
/// at the data of a string that claims none.
pub(crate) fn decompress(compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    if length == 0 {
        return Some(Vec::new());
    }
    ::lzf::decompress(compressed, length).ok().filter(|bytes| bytes.len() == length)
}
