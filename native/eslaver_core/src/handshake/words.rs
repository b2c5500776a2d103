//! Words that several answers of a node have.

/// Bytes in a host's name, at most.
const MAX_HOST: usize = 255;
/// The length of a replication id.
const REPLID_LEN: usize = 40;

/// A host's name or address: whatever has no spaces or control characters.
pub(super) fn host(text: &[u8]) -> Option<String> {
    let is_valid = !text.is_empty() && text.len() <= MAX_HOST;
    let host = std::str::from_utf8(text).ok().filter(|_| is_valid)?;
    let has_odd = host.chars().any(|char| char.is_control() || char.is_whitespace());
    (!has_odd).then(|| host.to_owned())
}

pub(super) fn port(port: i64) -> Option<u16> {
    u16::try_from(port).ok().filter(|&port| port > 0)
}

/// A replication id.
pub(super) fn replid(word: &[u8]) -> Option<String> {
    let valid = word.len() == REPLID_LEN && word.iter().all(u8::is_ascii_alphanumeric);
    valid.then(|| String::from_utf8_lossy(word).into_owned())
}

/// A number that a master counts, in signed 64 bits.
pub(super) fn number(word: &[u8]) -> Option<u64> {
    if !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: i64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    u64::try_from(number).ok()
}
