//! LZF: runs of plain bytes, and references to what came before.

const SHORTEST_REFERENCE: usize = 2;
/// A reference of this length has another byte of length.
const LONG_REFERENCE: usize = 7;
/// The densest instruction makes 264 bytes of 3.
const MAX_RATIO: u64 = 264 / 3;
/// Reserved at most before the first byte is there: the claim is only a claim.
const FIRST_RESERVE: usize = 1 << 20;

/// Whether so many bytes can come of a compressed string of this size.
pub(crate) fn is_possible(compressed: usize, claimed: u64) -> bool {
    claimed > 0 && claimed <= (compressed as u64).saturating_mul(MAX_RATIO)
}

/// The decompressed bytes; `None` unless they are exactly as many as `length`.
pub(crate) fn decompress(mut compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(length.min(FIRST_RESERVE));
    while let Some((&control, rest)) = compressed.split_first() {
        let control = usize::from(control);
        compressed = if control < 0x20 {
            let (plain, rest) = rest.split_at_checked(control + 1)?;
            out.extend_from_slice(plain);
            rest
        } else {
            reference(control, rest, &mut out)?
        };
        if out.len() > length {
            return None;
        }
    }
    (out.len() == length).then_some(out)
}

/// Repeats bytes that came before, and gives what follows the instruction.
fn reference<'a>(control: usize, mut rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut byte = || {
        let (&first, left) = rest.split_first()?;
        rest = left;
        Some(usize::from(first))
    };
    let mut length = control >> 5;
    if length == LONG_REFERENCE {
        length += byte()?;
    }
    length += SHORTEST_REFERENCE;
    let distance = ((control & 0x1f) << 8 | byte()?) + 1;
    let start = out.len().checked_sub(distance)?;
    while length > 0 {
        // What is repeated may reach into what this very reference makes.
        let piece = length.min(out.len() - start);
        out.extend_from_within(start..start + piece);
        length -= piece;
    }
    Some(rest)
}
