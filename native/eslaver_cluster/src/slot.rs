//! The slot of a key.

use crc::{CRC_16_XMODEM, Crc, Table};

/// How many slots a cluster has.
pub const SLOTS: u16 = 16_384;

/// Looks at sixteen bytes at a time.
static CRC: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_XMODEM);

/// The slot of a key: of its hash tag, if it has one.
#[inline]
pub fn of_key(key: &[u8]) -> u16 {
    CRC.checksum(hashed(key)) % SLOTS
}

/// The part of a key that is hashed: what stands between its first `{` and the `}` behind it, unless
/// that is nothing.
#[inline]
fn hashed(key: &[u8]) -> &[u8] {
    let tag = key.iter().position(|&byte| byte == b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        rest.get(..rest.iter().position(|&byte| byte == b'}')?)
    });
    tag.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slots are those of `CLUSTER KEYSLOT`.
    #[test]
    fn slots_are_those_of_a_server() {
        for (key, slot) in [
            ("", 0),
            ("a", 15_495),
            ("b", 3_300),
            ("foo", 12_182),
            ("123456789", 0x31c3),
            ("{user1000}.following", of_key(b"user1000")),
            ("foo{}{bar}", of_key(b"foo{}{bar}")),
            ("foo{{bar}}zap", of_key(b"{bar")),
            ("foo{bar}{zap}", of_key(b"bar")),
            ("{open", of_key(b"{open")),
        ] {
            assert_eq!(of_key(key.as_bytes()), slot, "{key}");
        }
    }

    #[test]
    fn what_is_hashed_is_the_first_tag_that_is_not_empty() {
        for (key, part) in [
            ("plain", "plain"),
            ("{a}b", "a"),
            ("x{a}b", "a"),
            ("x{a}{b}", "a"),
            ("x{}{b}", "x{}{b}"),
            ("x}{a}", "a"),
            ("x{a", "x{a"),
            ("{", "{"),
            ("{}", "{}"),
            ("a{{b}", "{b"),
        ] {
            assert_eq!(hashed(key.as_bytes()), part.as_bytes(), "{key}");
        }
    }
}
