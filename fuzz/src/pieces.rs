//! Ways to cut bytes into pieces.

use crate::support;

/// From here on, byte by byte takes more time than it is worth.
const LONG: usize = 4096;

/// The ways in which a target's bytes are fed besides whole: byte by byte, and cut at places that
/// the bytes themselves decide.
pub(crate) fn ways(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut ways = Vec::new();
    if bytes.len() <= LONG {
        ways.push(bytes.chunks(1).collect());
    }
    let seed = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Redis, bytes);
    let mut random = support::random(seed);
    for most in [7, 64, bytes.len()] {
        let (mut rest, mut pieces) = (bytes, Vec::new());
        while !rest.is_empty() {
            let size = 1 + random() as usize % most.min(rest.len()).max(1);
            let (piece, left) = rest.split_at(size.min(rest.len()));
            pieces.push(piece);
            rest = left;
        }
        ways.push(pieces);
    }
    ways
}

/// Panics when `bounded` reserves more than `times` the bytes that it reads, at any one time.
pub(crate) fn bounded(what: &str, read: usize, times: u64, bounded: impl FnOnce()) {
    const CONSTANT: u64 = 64 << 10;
    let peak = allocation_counter::measure(bounded).bytes_max;
    let most = CONSTANT + times * read as u64;
    assert!(peak <= most, "{what} took {peak} bytes of memory for {read} read, at most {most}");
}
