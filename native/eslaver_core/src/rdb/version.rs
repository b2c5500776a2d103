//! Whose snapshot it is, and of which version.

use std::fmt;
use std::ops::RangeInclusive;

use super::error::ErrorKind;

/// What is known, in words for those whose server is newer.
pub(crate) const KNOWN: &str = "eslaver reads snapshots of Redis up to 8.12 (RDB version 17) and of \
                                Valkey up to 9.2 (RDB version 81)";
const REDIS: RangeInclusive<u32> = 1..=17;
const VALKEY: RangeInclusive<u32> = 80..=81;

/// Which family's numbers the types and opcodes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Magic `REDIS`: Redis, and Valkey before 9.0.
    Redis,
    /// Magic `VALKEY`.
    Valkey,
}

impl Family {
    /// Of a number that stands without a magic.
    pub(crate) fn of(version: u32) -> Self {
        if version >= *VALKEY.start() { Family::Valkey } else { Family::Redis }
    }

    pub(crate) fn knows(self, version: u32) -> bool {
        match self {
            Family::Redis => REDIS.contains(&version),
            Family::Valkey => VALKEY.contains(&version),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Redis => "Redis",
            Family::Valkey => "Valkey",
        })
    }
}

/// What the first bytes of a snapshot say.
pub(crate) fn header(magic: [u8; 9]) -> Result<(Family, u32), ErrorKind> {
    let (family, digits) = match &magic {
        [b'R', b'E', b'D', b'I', b'S', digits @ ..] => (Family::Redis, digits.as_slice()),
        [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => (Family::Valkey, digits.as_slice()),
        _ => return Err(ErrorKind::BadMagic(magic)),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(ErrorKind::BadMagic(magic));
    }
    let version = digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    Ok((family, version))
}
